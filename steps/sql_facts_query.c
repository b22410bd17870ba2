/* Facts of queries: what runs through the executor, wherever it is hidden. */
#include "base/mem.h"
#include "base/text.h"
#include "sql_facts.h"
#include "sql_tree.h"

struct query {
    struct sql_facts *facts;
    bool planned;            /* EXPLAIN without ANALYZE: locks, and nothing else */
    VEC(const char *) names; /* of common table expressions */
};

/* ---- functions ---------------------------------------------------------------------------- */

static void call_add(struct sql_facts *facts, const PgQuery__FuncCall *call) {
    const char *builtin = sql_name_builtin(call->funcname, call->n_funcname);
    if (builtin && (sql_function_reads(builtin) || sql_function_spares(builtin)))
        return;
    AUTO_TEXT name = sql_name_join(call->funcname, call->n_funcname);
    size_t location = facts->location;
    facts->location = call->location > 0 ? (size_t)call->location : location;
    (void)sql_facts_add(facts, SQL_TOUCHES, "function", mem_strdup(name));
    sql_facts_add(facts, SQL_DESTROYS, "anything by", mem_printf("%s()", name))->maybe = true;
    facts->location = location;
}

static void operator_add(struct sql_facts *facts, const PgQuery__AExpr *expr) {
    const char *builtin = expr->n_name > 0 ? sql_name_builtin(expr->name, expr->n_name) : "=";
    if (builtin && sql_operator_reads(builtin))
        return;
    const char *name = sql_name_part(expr->name, expr->n_name - 1);
    sql_facts_add(facts, SQL_DESTROYS, "anything by operator", mem_strdup(name))->maybe = true;
}

static bool visit_call(void *user, const ProtobufCMessage *message) {
    if (message->descriptor == &pg_query__func_call__descriptor)
        call_add(user, (const PgQuery__FuncCall *)message);
    if (message->descriptor == &pg_query__a__expr__descriptor)
        operator_add(user, (const PgQuery__AExpr *)message);
    return true;
}

void sql_facts_calls(struct sql_facts *facts, const ProtobufCMessage *root) {
    sql_walk(root, visit_call, facts);
}

/* ---- conditions --------------------------------------------------------------------------- */

/* What a condition is asked for: whether it names a column of the relation. Beside other
 * relations, and in a subquery, a column that is not qualified may be theirs. */
struct columns {
    const PgQuery__RangeVar *relation;
    bool beside;
    bool is_found;
};

static bool is_column(const struct columns *columns, const PgQuery__ColumnRef *column) {
    const PgQuery__RangeVar *relation = columns->relation;
    if (column->n_fields < 2)
        return !columns->beside;
    const char *table = sql_name_part(column->fields, column->n_fields - 2);
    return text_equal(table, relation->alias ? relation->alias->aliasname : relation->relname);
}

static bool visit_column(void *user, const ProtobufCMessage *message) {
    struct columns *columns = user;
    const ProtobufCMessageDescriptor *kind = message->descriptor;
    if (kind == &pg_query__current_of_expr__descriptor)
        columns->is_found = true;
    if (kind == &pg_query__column_ref__descriptor)
        columns->is_found |= is_column(columns, (const PgQuery__ColumnRef *)message);
    if (kind != &pg_query__sub_link__descriptor || columns->beside)
        return !columns->is_found;
    const PgQuery__SubLink *link = (const PgQuery__SubLink *)message;
    struct columns inner = {.relation = columns->relation, .beside = true};
    if (link->testexpr)
        sql_walk(&link->testexpr->base, visit_column, columns);
    sql_walk(&link->subselect->base, visit_column, &inner);
    columns->is_found |= inner.is_found;
    return false;
}

static bool is_false(const PgQuery__Node *condition) {
    return condition->node_case == PG_QUERY__NODE__NODE_A_CONST &&
           condition->a_const->val_case == PG_QUERY__A__CONST__VAL_BOOLVAL &&
           !condition->a_const->boolval->boolval;
}

/* `a OR b` limits nothing where one of them does not, `a AND b` where neither does: the arms are
 * looked at until one decides. What names no column of the relation limits nothing. Nesting is
 * limited by the parser. */
static bool limits(const PgQuery__Node *condition, const PgQuery__RangeVar *relation, bool beside) {
    if (!condition)
        return false;
    if (condition->node_case != PG_QUERY__NODE__NODE_BOOL_EXPR ||
        condition->bool_expr->boolop == PG_QUERY__BOOL_EXPR_TYPE__NOT_EXPR) {
        struct columns columns = {.relation = relation, .beside = beside};
        sql_walk(&condition->base, visit_column, &columns);
        return columns.is_found || is_false(condition);
    }
    const PgQuery__BoolExpr *expr = condition->bool_expr;
    bool is_or = expr->boolop == PG_QUERY__BOOL_EXPR_TYPE__OR_EXPR;
    for (size_t i = 0; i < expr->n_args; i++)
        if (limits(expr->args[i], relation, beside) != is_or)
            return !is_or;
    return is_or;
}

/* ---- statements that change rows ---------------------------------------------------------- */

static void target_add(const struct query *query, const PgQuery__RangeVar *relation) {
    sql_facts_touch(query->facts, relation);
    sql_facts_lock(query->facts, relation, SQL_ROW_EXCLUSIVE);
}

static void columns_add(const struct query *query, const PgQuery__RangeVar *relation,
                        PgQuery__Node *const *targets, size_t count, bool is_destroyed) {
    for (size_t i = 0; i < count; i++) {
        const PgQuery__Node *node = targets[i];
        if (node->node_case != PG_QUERY__NODE__NODE_RES_TARGET || !node->res_target->name)
            continue;
        const char *column = node->res_target->name;
        (void)sql_facts_of(query->facts, SQL_TOUCHES, "column", relation, column);
        if (is_destroyed && !query->planned)
            (void)sql_facts_of(query->facts, SQL_DESTROYS, "values of", relation, column);
    }
}

static void add_insert(struct query *query, const ProtobufCMessage *message) {
    const PgQuery__InsertStmt *insert = (const PgQuery__InsertStmt *)message;
    target_add(query, insert->relation);
    columns_add(query, insert->relation, insert->cols, insert->n_cols, false);
}

static void add_update(struct query *query, const ProtobufCMessage *message) {
    const PgQuery__UpdateStmt *update = (const PgQuery__UpdateStmt *)message;
    target_add(query, update->relation);
    columns_add(query, update->relation, update->target_list, update->n_target_list,
                !limits(update->where_clause, update->relation, update->n_from_clause > 0));
}

static void add_delete(struct query *query, const ProtobufCMessage *message) {
    const PgQuery__DeleteStmt *delete = (const PgQuery__DeleteStmt *)message;
    target_add(query, delete->relation);
    if (!query->planned &&
        !limits(delete->where_clause, delete->relation, delete->n_using_clause > 0))
        (void)sql_facts_of(query->facts, SQL_DESTROYS, "rows of", delete->relation, NULL);
}

static void add_merge(struct query *query, const ProtobufCMessage *message) {
    const PgQuery__MergeStmt *merge = (const PgQuery__MergeStmt *)message;
    target_add(query, merge->relation);
    bool is_joined = limits(merge->join_condition, merge->relation, true);
    for (size_t i = 0; i < merge->n_merge_when_clauses; i++) {
        const PgQuery__MergeWhenClause *when = merge->merge_when_clauses[i]->merge_when_clause;
        bool all = !is_joined && !limits(when->condition, merge->relation, true);
        if (when->command_type == PG_QUERY__CMD_TYPE__CMD_UPDATE)
            columns_add(query, merge->relation, when->target_list, when->n_target_list, all);
        if (when->command_type == PG_QUERY__CMD_TYPE__CMD_DELETE && all && !query->planned)
            (void)sql_facts_of(query->facts, SQL_DESTROYS, "rows of", merge->relation, NULL);
    }
}

/* ---- SELECT ------------------------------------------------------------------------------- */

struct locking {
    const struct query *query;
    const PgQuery__LockingClause *clause;
};

static bool is_query_name(const struct query *query, const PgQuery__RangeVar *relation) {
    for (size_t i = 0; i < query->names.count && !(relation->schemaname && *relation->schemaname);
         i++)
        if (text_equal(query->names.items[i], relation->relname))
            return true;
    return false;
}

static bool is_locked(const struct locking *locking, const PgQuery__RangeVar *relation) {
    const char *name = relation->alias ? relation->alias->aliasname : relation->relname;
    for (size_t i = 0; i < locking->clause->n_locked_rels; i++)
        if (text_equal(locking->clause->locked_rels[i]->range_var->relname, name))
            return true;
    return locking->clause->n_locked_rels == 0;
}

static bool visit_locked(void *user, const ProtobufCMessage *message) {
    const struct locking *locking = user;
    if (message->descriptor != &pg_query__range_var__descriptor)
        return true;
    const PgQuery__RangeVar *relation = (const PgQuery__RangeVar *)message;
    if (is_locked(locking, relation) && !is_query_name(locking->query, relation))
        sql_facts_lock(locking->query->facts, relation, SQL_ROW_SHARE);
    return true;
}

static void add_select(struct query *query, const ProtobufCMessage *message) {
    const PgQuery__SelectStmt *select = (const PgQuery__SelectStmt *)message;
    if (select->into_clause && select->into_clause->rel)
        (void)sql_facts_of(query->facts, SQL_CREATES, "table", select->into_clause->rel, NULL);
    for (size_t i = 0; i < select->n_locking_clause; i++) {
        struct locking locking = {query, select->locking_clause[i]->locking_clause};
        for (size_t k = 0; k < select->n_from_clause; k++)
            sql_walk(&select->from_clause[k]->base, visit_locked, &locking);
    }
}

/* ---- the walk ----------------------------------------------------------------------------- */

static void add_relation(struct query *query, const ProtobufCMessage *message) {
    const PgQuery__RangeVar *relation = (const PgQuery__RangeVar *)message;
    if (is_query_name(query, relation))
        return;
    sql_facts_touch(query->facts, relation);
    sql_facts_lock(query->facts, relation, SQL_ACCESS_SHARE);
}

static void add_call(struct query *query, const ProtobufCMessage *message) {
    if (!query->planned)
        call_add(query->facts, (const PgQuery__FuncCall *)message);
}

static void add_operator(struct query *query, const ProtobufCMessage *message) {
    if (!query->planned)
        operator_add(query->facts, (const PgQuery__AExpr *)message);
}

static const struct {
    const ProtobufCMessageDescriptor *kind;
    void (*add)(struct query *query, const ProtobufCMessage *message);
} visits[] = {
    {&pg_query__insert_stmt__descriptor, add_insert},
    {&pg_query__update_stmt__descriptor, add_update},
    {&pg_query__delete_stmt__descriptor, add_delete},
    {&pg_query__merge_stmt__descriptor, add_merge},
    {&pg_query__select_stmt__descriptor, add_select},
    {&pg_query__range_var__descriptor, add_relation},
    {&pg_query__func_call__descriptor, add_call},
    {&pg_query__a__expr__descriptor, add_operator},
};

static bool visit_query(void *user, const ProtobufCMessage *message) {
    struct query *query = user;
    for (size_t i = 0; i < sizeof visits / sizeof *visits; i++)
        if (visits[i].kind == message->descriptor)
            visits[i].add(query, message);
    /* Neither what is made, nor names that repeat those of the FROM clause. */
    return message->descriptor != &pg_query__into_clause__descriptor &&
           message->descriptor != &pg_query__locking_clause__descriptor;
}

static bool visit_name(void *user, const ProtobufCMessage *message) {
    struct query *query = user;
    if (message->descriptor == &pg_query__common_table_expr__descriptor)
        *vec_add(&query->names) = ((const PgQuery__CommonTableExpr *)message)->ctename;
    return true;
}

static void query_add(struct sql_facts *facts, const ProtobufCMessage *root, bool planned) {
    struct query query = {.facts = facts, .planned = planned};
    if (!root)
        return;
    sql_walk(root, visit_name, &query);
    sql_walk(root, visit_query, &query);
    vec_release(&query.names);
}

/* ---- statements that hold a query --------------------------------------------------------- */

static void add_explain(struct sql_facts *facts, const PgQuery__ExplainStmt *explain) {
    bool runs = sql_option_is_on(explain->options, explain->n_options, "analyze");
    const PgQuery__Node *query = explain->query;
    if (!runs)
        query_add(facts, &query->base, true);
    else if (!sql_facts_query(facts, query))
        (void)sql_facts_table(facts, query);
}

static void add_copy(struct sql_facts *facts, const PgQuery__CopyStmt *copy) {
    if (copy->relation) {
        sql_facts_touch(facts, copy->relation);
        sql_facts_lock(facts, copy->relation, copy->is_from ? SQL_ROW_EXCLUSIVE : SQL_ACCESS_SHARE);
    }
    query_add(facts, copy->query ? &copy->query->base : NULL, false);
    if (copy->where_clause)
        sql_facts_calls(facts, &copy->where_clause->base);
    if (copy->is_program)
        sql_facts_add(facts, SQL_DESTROYS, "anything", mem_strdup(""))->maybe = true;
    else if (!copy->is_from && copy->filename && *copy->filename)
        (void)sql_facts_add(facts, SQL_DESTROYS, "file", mem_strdup(copy->filename));
}

static void add_into(struct sql_facts *facts, const PgQuery__CreateTableAsStmt *create) {
    query_add(facts, &create->query->base, create->into->skip_data);
    struct sql_fact *fact =
        sql_facts_of(facts, SQL_CREATES, sql_kind(create->objtype), create->into->rel, NULL);
    fact->maybe = create->if_not_exists;
}

bool sql_facts_query(struct sql_facts *facts, const PgQuery__Node *node) {
    switch (node->node_case) {
    case PG_QUERY__NODE__NODE_SELECT_STMT:
    case PG_QUERY__NODE__NODE_INSERT_STMT:
    case PG_QUERY__NODE__NODE_UPDATE_STMT:
    case PG_QUERY__NODE__NODE_DELETE_STMT:
    case PG_QUERY__NODE__NODE_MERGE_STMT:
    case PG_QUERY__NODE__NODE_CALL_STMT:
    case PG_QUERY__NODE__NODE_DECLARE_CURSOR_STMT:
    case PG_QUERY__NODE__NODE_PREPARE_STMT:
        query_add(facts, &node->base, false);
        break;
    case PG_QUERY__NODE__NODE_EXPLAIN_STMT:
        add_explain(facts, node->explain_stmt);
        break;
    case PG_QUERY__NODE__NODE_COPY_STMT:
        add_copy(facts, node->copy_stmt);
        break;
    case PG_QUERY__NODE__NODE_CREATE_TABLE_AS_STMT:
        add_into(facts, node->create_table_as_stmt);
        break;
    case PG_QUERY__NODE__NODE_DO_STMT:
    case PG_QUERY__NODE__NODE_EXECUTE_STMT:
        sql_facts_add(facts, SQL_DESTROYS, "anything", mem_strdup(""))->maybe = true;
        break;
    default:
        return false;
    }
    return true;
}
