/* Whether a statement leaves a trace although its transaction is rolled back, as far as its text
 * tells: a sequence that counts, a file, a message to others, code that nobody has read. Doubt
 * counts as a trace. What the server adds by itself (defaults, triggers, types) is for its catalog
 * to say, which is asked about all that the statement names. */
#include "sql_trace.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "base/vec.h"
#include "sql_node.h"
#include "sql_tree.h"

struct walk {
    struct sql_statement *statement;
};

/* The first reason stays. */
static void traces(struct walk *walk, char *taken) {
    if (walk->statement->traces)
        mem_free(taken);
    else
        walk->statement->traces = taken;
}

static void name_add(struct walk *walk, enum sql_name_kind kind, char *taken) {
    struct sql_names *names = &walk->statement->names[kind];
    for (size_t i = 0; i < names->count; i++)
        if (text_equal(names->items[i], taken)) {
            mem_free(taken);
            return;
        }
    names->items = vec_grow(names->items, sizeof *names->items, names->count, &names->capacity);
    names->items[names->count++] = taken;
}

/* ---- nodes --------------------------------------------------------------------------------- */

static void visit_function(struct walk *walk, const ProtobufCMessage *message) {
    const PgQuery__FuncCall *call = (const PgQuery__FuncCall *)message;
    const char *name = sql_name_builtin(call->funcname, call->n_funcname);
    if (name && sql_function_reads(name)) {
        name_add(walk, SQL_CALLS, mem_strdup(name));
        return;
    }
    if (!name && call->n_funcname > 0)
        name = sql_name_part(call->funcname, call->n_funcname - 1);
    traces(walk, mem_printf("%s() may leave a trace that no rollback removes", name ? name : "?"));
}

static void operator_use(struct walk *walk, PgQuery__Node *const *names, size_t count) {
    const char *name = count > 0 ? sql_name_builtin(names, count) : NULL;
    if (count == 0)
        return;
    if (name && sql_operator_reads(name))
        name_add(walk, SQL_OPERATORS, mem_strdup(name));
    else
        traces(walk, mem_strdup("an operator that is not built in may run anything"));
}

static void visit_operator(struct walk *walk, const ProtobufCMessage *message) {
    const PgQuery__AExpr *expr = (const PgQuery__AExpr *)message;
    operator_use(walk, expr->name, expr->n_name);
}

static void visit_sublink(struct walk *walk, const ProtobufCMessage *message) {
    const PgQuery__SubLink *link = (const PgQuery__SubLink *)message;
    operator_use(walk, link->oper_name, link->n_oper_name);
}

static void visit_sort(struct walk *walk, const ProtobufCMessage *message) {
    const PgQuery__SortBy *sort = (const PgQuery__SortBy *)message;
    operator_use(walk, sort->use_op, sort->n_use_op);
}

static void visit_sample(struct walk *walk, const ProtobufCMessage *message) {
    (void)message;
    traces(walk, mem_strdup("it samples rows by a method of its own"));
}

static void visit_relation(struct walk *walk, const ProtobufCMessage *message) {
    name_add(walk, SQL_RELATIONS, sql_name_relation((const PgQuery__RangeVar *)message));
}

static void target_use(struct walk *walk, const PgQuery__RangeVar *relation) {
    if (relation)
        name_add(walk, SQL_TARGETS, sql_name_relation(relation));
}

static void visit_insert(struct walk *walk, const ProtobufCMessage *message) {
    target_use(walk, ((const PgQuery__InsertStmt *)message)->relation);
}

static void visit_merge(struct walk *walk, const ProtobufCMessage *message) {
    target_use(walk, ((const PgQuery__MergeStmt *)message)->relation);
}

/* SET column = DEFAULT evaluates it. */
static void visit_update(struct walk *walk, const ProtobufCMessage *message) {
    target_use(walk, ((const PgQuery__UpdateStmt *)message)->relation);
}

static void visit_type(struct walk *walk, const ProtobufCMessage *message) {
    const PgQuery__TypeName *type = (const PgQuery__TypeName *)message;
    if (type->n_names > 0 && !type->pct_type)
        name_add(walk, SQL_TYPES, sql_name_join(type->names, type->n_names));
}

static void visit_index(struct walk *walk, const ProtobufCMessage *message) {
    if (((const PgQuery__IndexElem *)message)->n_opclass > 0)
        traces(walk, mem_strdup("its index orders by code of its own"));
}

static void visit_exclusion(struct walk *walk, const ProtobufCMessage *message) {
    if (((const PgQuery__Constraint *)message)->n_exclusions > 0)
        traces(walk, mem_strdup("its constraint compares by operators of its own"));
}

static const struct visit {
    const ProtobufCMessageDescriptor *kind;
    void (*visit)(struct walk *walk, const ProtobufCMessage *message);
} visits[] = {
    {&pg_query__func_call__descriptor, visit_function},
    {&pg_query__a__expr__descriptor, visit_operator},
    {&pg_query__sub_link__descriptor, visit_sublink},
    {&pg_query__sort_by__descriptor, visit_sort},
    {&pg_query__range_table_sample__descriptor, visit_sample},
    {&pg_query__range_var__descriptor, visit_relation},
    {&pg_query__insert_stmt__descriptor, visit_insert},
    {&pg_query__update_stmt__descriptor, visit_update},
    {&pg_query__merge_stmt__descriptor, visit_merge},
    {&pg_query__type_name__descriptor, visit_type},
    {&pg_query__index_elem__descriptor, visit_index},
    {&pg_query__constraint__descriptor, visit_exclusion},
};

static bool visit_any(void *user, const ProtobufCMessage *message) {
    for (size_t i = 0; i < sizeof visits / sizeof *visits; i++)
        if (visits[i].kind == message->descriptor)
            visits[i].visit(user, message);
    return true;
}

/* ---- statements ---------------------------------------------------------------------------- */

static bool is_builtin_method(const char *name) {
    static const char *const names[] = {"",    "heap", "btree", "hash",
                                        "gin", "gist", "brin",  "spgist"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (text_equal(names[i], name))
            return true;
    return false;
}

static const char *trace_of_transaction(const PgQuery__TransactionStmt *transaction) {
    switch (transaction->kind) {
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_SAVEPOINT:
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_RELEASE:
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_ROLLBACK_TO:
        return NULL;
    default:
        return "it begins or ends a transaction itself";
    }
}

static const char *trace_of_explain(const PgQuery__ExplainStmt *explain) {
    switch (explain->query->node_case) {
    case PG_QUERY__NODE__NODE_SELECT_STMT:
    case PG_QUERY__NODE__NODE_INSERT_STMT:
    case PG_QUERY__NODE__NODE_UPDATE_STMT:
    case PG_QUERY__NODE__NODE_DELETE_STMT:
    case PG_QUERY__NODE__NODE_MERGE_STMT:
        return NULL;
    default:
        return "it explains what is not a query";
    }
}

static const char unread_kind[] = "nobody has shown that a rollback undoes all of it";

/* Whether the server undoes all of it, its functions, operators and types aside. */
static const char *trace_of_kind(const PgQuery__Node *node) {
    switch (node->node_case) {
    case PG_QUERY__NODE__NODE_TRANSACTION_STMT:
        return trace_of_transaction(node->transaction_stmt);
    case PG_QUERY__NODE__NODE_EXPLAIN_STMT:
        return trace_of_explain(node->explain_stmt);
    case PG_QUERY__NODE__NODE_TRUNCATE_STMT:
        return node->truncate_stmt->restart_seqs ? "it restarts sequences" : NULL;
    case PG_QUERY__NODE__NODE_CREATE_SCHEMA_STMT:
        return node->create_schema_stmt->n_schema_elts > 0 ? unread_kind : NULL;
    case PG_QUERY__NODE__NODE_CREATE_STMT:
        return is_builtin_method(node->create_stmt->access_method) ? NULL : unread_kind;
    case PG_QUERY__NODE__NODE_INDEX_STMT:
        return is_builtin_method(node->index_stmt->access_method) ? NULL : unread_kind;
    case PG_QUERY__NODE__NODE_CREATE_TABLE_AS_STMT:
        return node->create_table_as_stmt->objtype == PG_QUERY__OBJECT_TYPE__OBJECT_TABLE &&
                       node->create_table_as_stmt->query->node_case ==
                           PG_QUERY__NODE__NODE_SELECT_STMT
                   ? NULL
                   : unread_kind;
    case PG_QUERY__NODE__NODE_INSERT_STMT:
    case PG_QUERY__NODE__NODE_UPDATE_STMT:
    case PG_QUERY__NODE__NODE_DELETE_STMT:
    case PG_QUERY__NODE__NODE_MERGE_STMT:
    case PG_QUERY__NODE__NODE_ALTER_TABLE_STMT:
    case PG_QUERY__NODE__NODE_RENAME_STMT:
    case PG_QUERY__NODE__NODE_ALTER_OBJECT_SCHEMA_STMT:
    case PG_QUERY__NODE__NODE_ALTER_OWNER_STMT:
    case PG_QUERY__NODE__NODE_DROP_STMT:
    case PG_QUERY__NODE__NODE_COMMENT_STMT:
    case PG_QUERY__NODE__NODE_GRANT_STMT:
    case PG_QUERY__NODE__NODE_CREATE_ENUM_STMT:
    case PG_QUERY__NODE__NODE_CREATE_DOMAIN_STMT:
    case PG_QUERY__NODE__NODE_VIEW_STMT:
    case PG_QUERY__NODE__NODE_LOCK_STMT:
    case PG_QUERY__NODE__NODE_CREATE_SEQ_STMT:
    case PG_QUERY__NODE__NODE_CONSTRAINTS_SET_STMT:
    case PG_QUERY__NODE__NODE_VARIABLE_SHOW_STMT:
    case PG_QUERY__NODE__NODE_SELECT_STMT:
        return NULL;
    default:
        return unread_kind;
    }
}

/* What PREPARE takes. */
static bool is_query(const PgQuery__Node *node) {
    switch (node->node_case) {
    case PG_QUERY__NODE__NODE_SELECT_STMT:
        return !node->select_stmt->into_clause;
    case PG_QUERY__NODE__NODE_INSERT_STMT:
    case PG_QUERY__NODE__NODE_UPDATE_STMT:
    case PG_QUERY__NODE__NODE_DELETE_STMT:
    case PG_QUERY__NODE__NODE_MERGE_STMT:
        return true;
    default:
        return false;
    }
}

void sql_trace_judge(const PgQuery__Node *node, struct sql_statement *statement) {
    struct walk walk = {.statement = statement};
    if (statement->alone)
        traces(&walk, mem_printf("%s cannot be rolled back", statement->alone));
    const char *why = trace_of_kind(node);
    if (why)
        traces(&walk, mem_strdup(why));
    statement->prepares = is_query(node);
    sql_walk(&node->base, visit_any, &walk);
}
