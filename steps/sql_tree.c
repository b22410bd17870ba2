/* A statement's effect from its parse tree. Doubt counts as a write.
 *
 * The tree is walked without recursion, by protobuf's own descriptors, so that no kind of node
 * can hide another: what a kind means stands in the table of visits. */
#include "sql_tree.h"

#include "base/mem.h"
#include "base/text.h"
#include "sql_node.h"

struct walk {
    struct sql_statement *statement;
    const ProtobufCMessage *planned; /* the one that EXPLAIN only plans */
};

/* The first reason stays. */
static void unread(struct walk *walk, char *taken) {
    if (walk->statement->unread)
        mem_free(taken);
    else
        walk->statement->unread = taken;
}

/* ---- what kinds of nodes mean ------------------------------------------------------------- */

static void visit_function(struct walk *walk, const ProtobufCMessage *message) {
    const PgQuery__FuncCall *call = (const PgQuery__FuncCall *)message;
    const char *name = sql_name_builtin(call->funcname, call->n_funcname);
    if (name && sql_function_reads(name))
        return;
    if (!name && call->n_funcname > 0)
        name = sql_name_part(call->funcname, call->n_funcname - 1);
    unread(walk, mem_printf("calls %s(), which may write", name ? name : "?"));
}

static void visit_operator(struct walk *walk, const ProtobufCMessage *message) {
    const PgQuery__AExpr *expr = (const PgQuery__AExpr *)message;
    if (expr->n_name == 0)
        return;
    const char *name = sql_name_builtin(expr->name, expr->n_name);
    if (!name || !sql_operator_reads(name))
        unread(walk, mem_strdup("uses an operator that is not built in"));
}

static void visit_select(struct walk *walk, const ProtobufCMessage *message) {
    const PgQuery__SelectStmt *select = (const PgQuery__SelectStmt *)message;
    if (select->into_clause)
        unread(walk, mem_strdup("SELECT INTO makes a table"));
    if (select->n_locking_clause > 0)
        unread(walk, mem_strdup("locks rows (FOR UPDATE, FOR SHARE)"));
}

static void visit_write(struct walk *walk, const ProtobufCMessage *message) {
    if (message != walk->planned)
        unread(walk, mem_strdup("changes rows"));
}

static void visit_sample(struct walk *walk, const ProtobufCMessage *message) {
    const PgQuery__RangeTableSample *sample = (const PgQuery__RangeTableSample *)message;
    const char *name = sql_name_builtin(sample->method, sample->n_method);
    if (!text_equal(name, "system") && !text_equal(name, "bernoulli"))
        unread(walk, mem_strdup("samples by a method that is not built in"));
}

static const struct visit {
    const ProtobufCMessageDescriptor *kind;
    void (*visit)(struct walk *walk, const ProtobufCMessage *message);
} visits[] = {
    {&pg_query__func_call__descriptor, visit_function},
    {&pg_query__a__expr__descriptor, visit_operator},
    {&pg_query__select_stmt__descriptor, visit_select},
    {&pg_query__insert_stmt__descriptor, visit_write},
    {&pg_query__update_stmt__descriptor, visit_write},
    {&pg_query__delete_stmt__descriptor, visit_write},
    {&pg_query__merge_stmt__descriptor, visit_write},
    {&pg_query__range_table_sample__descriptor, visit_sample},
};

static bool visit_any(void *user, const ProtobufCMessage *message) {
    for (size_t i = 0; i < sizeof visits / sizeof *visits; i++)
        if (visits[i].kind == message->descriptor)
            visits[i].visit(user, message);
    return true;
}

static void walk_from(struct walk *walk, const ProtobufCMessage *root) {
    sql_walk(root, visit_any, walk);
}

/* ---- statements as a whole ---------------------------------------------------------------- */

/* EXPLAIN only plans what it is given, unless it analyzes; planning may call functions, though,
 * so that the parts of INSERT and its like are walked. */
static void judge_explain(struct walk *walk, const PgQuery__ExplainStmt *explain) {
    const PgQuery__Node *query = explain->query;
    if (sql_option_is_on(explain->options, explain->n_options, "analyze")) {
        unread(walk, mem_strdup("EXPLAIN ANALYZE runs the statement"));
        return;
    }
    switch (query->node_case) {
    case PG_QUERY__NODE__NODE_INSERT_STMT:
    case PG_QUERY__NODE__NODE_UPDATE_STMT:
    case PG_QUERY__NODE__NODE_DELETE_STMT:
    case PG_QUERY__NODE__NODE_MERGE_STMT:
        walk->planned = (const ProtobufCMessage *)query->insert_stmt; /* any of the union's */
        walk_from(walk, &query->base);
        break;
    case PG_QUERY__NODE__NODE_SELECT_STMT:
        walk_from(walk, &query->base);
        break;
    default:
        unread(walk, mem_strdup("explains what is not a query"));
        break;
    }
}

static void judge_reads(const PgQuery__Node *node, struct sql_statement *statement) {
    struct walk walk = {.statement = statement};
    switch (node->node_case) {
    case PG_QUERY__NODE__NODE_SELECT_STMT:
        walk_from(&walk, &node->base);
        break;
    case PG_QUERY__NODE__NODE_EXPLAIN_STMT:
        judge_explain(&walk, node->explain_stmt);
        break;
    case PG_QUERY__NODE__NODE_VARIABLE_SHOW_STMT:
        break;
    default:
        unread(&walk, mem_strdup("is not a query"));
        break;
    }
    statement->reads = !statement->unread;
}

static const char *alone_reindex(const PgQuery__ReindexStmt *reindex) {
    if (sql_option_is_on(reindex->params, reindex->n_params, "concurrently"))
        return "REINDEX CONCURRENTLY";
    switch (reindex->kind) {
    case PG_QUERY__REINDEX_OBJECT_TYPE__REINDEX_OBJECT_SCHEMA:
        return "REINDEX SCHEMA";
    case PG_QUERY__REINDEX_OBJECT_TYPE__REINDEX_OBJECT_SYSTEM:
        return "REINDEX SYSTEM";
    case PG_QUERY__REINDEX_OBJECT_TYPE__REINDEX_OBJECT_DATABASE:
        return "REINDEX DATABASE";
    default:
        return NULL;
    }
}

static const char *alone_subscription(const PgQuery__CreateSubscriptionStmt *create) {
    static const char *const slotless[] = {"create_slot", "connect"};
    for (size_t i = 0; i < sizeof slotless / sizeof *slotless; i++) {
        const PgQuery__DefElem *option =
            sql_option_find(create->options, create->n_options, slotless[i]);
        if (option && sql_option_is_off(option))
            return NULL;
    }
    return "CREATE SUBSCRIPTION with a slot";
}

static const char *alone_alter_table(const PgQuery__AlterTableStmt *alter) {
    for (size_t i = 0; i < alter->n_cmds; i++) {
        const PgQuery__AlterTableCmd *cmd = alter->cmds[i]->alter_table_cmd;
        if (alter->cmds[i]->node_case == PG_QUERY__NODE__NODE_ALTER_TABLE_CMD && cmd->def &&
            cmd->def->node_case == PG_QUERY__NODE__NODE_PARTITION_CMD &&
            cmd->def->partition_cmd->concurrent)
            return "DETACH PARTITION CONCURRENTLY";
    }
    return NULL;
}

static const char *judge_alone(const PgQuery__Node *node) {
    switch (node->node_case) {
    case PG_QUERY__NODE__NODE_VACUUM_STMT:
        return node->vacuum_stmt->is_vacuumcmd ? "VACUUM" : NULL;
    case PG_QUERY__NODE__NODE_CREATEDB_STMT:
        return "CREATE DATABASE";
    case PG_QUERY__NODE__NODE_DROPDB_STMT:
        return "DROP DATABASE";
    case PG_QUERY__NODE__NODE_ALTER_DATABASE_STMT:
        return sql_option_find(node->alter_database_stmt->options,
                               node->alter_database_stmt->n_options, "tablespace")
                   ? "ALTER DATABASE SET TABLESPACE"
                   : NULL;
    case PG_QUERY__NODE__NODE_ALTER_SYSTEM_STMT:
        return "ALTER SYSTEM";
    case PG_QUERY__NODE__NODE_CREATE_TABLE_SPACE_STMT:
        return "CREATE TABLESPACE";
    case PG_QUERY__NODE__NODE_DROP_TABLE_SPACE_STMT:
        return "DROP TABLESPACE";
    case PG_QUERY__NODE__NODE_INDEX_STMT:
        return node->index_stmt->concurrent ? "CREATE INDEX CONCURRENTLY" : NULL;
    case PG_QUERY__NODE__NODE_DROP_STMT:
        return node->drop_stmt->concurrent ? "DROP INDEX CONCURRENTLY" : NULL;
    case PG_QUERY__NODE__NODE_REINDEX_STMT:
        return alone_reindex(node->reindex_stmt);
    case PG_QUERY__NODE__NODE_CLUSTER_STMT:
        return node->cluster_stmt->relation ? NULL : "CLUSTER of all tables";
    case PG_QUERY__NODE__NODE_CREATE_SUBSCRIPTION_STMT:
        return alone_subscription(node->create_subscription_stmt);
    case PG_QUERY__NODE__NODE_ALTER_TABLE_STMT:
        return alone_alter_table(node->alter_table_stmt);
    case PG_QUERY__NODE__NODE_DISCARD_STMT:
        return node->discard_stmt->target == PG_QUERY__DISCARD_MODE__DISCARD_ALL ? "DISCARD ALL"
                                                                                 : NULL;
    default:
        return NULL;
    }
}

static const char *judge_controls(const PgQuery__Node *node) {
    if (node->node_case != PG_QUERY__NODE__NODE_TRANSACTION_STMT)
        return NULL;
    switch (node->transaction_stmt->kind) {
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_BEGIN:
        return "BEGIN";
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_START:
        return "START TRANSACTION";
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_COMMIT:
        return "COMMIT";
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_ROLLBACK:
        return "ROLLBACK";
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_PREPARE:
        return "PREPARE TRANSACTION";
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_COMMIT_PREPARED:
        return "COMMIT PREPARED";
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_ROLLBACK_PREPARED:
        return "ROLLBACK PREPARED";
    default:
        return NULL; /* savepoints live within a transaction */
    }
}

void sql_tree_judge(const PgQuery__Node *node, struct sql_statement *statement) {
    judge_reads(node, statement);
    statement->alone = judge_alone(node);
    statement->controls = judge_controls(node);
    statement->copies = node->node_case == PG_QUERY__NODE__NODE_COPY_STMT &&
                        !node->copy_stmt->is_program &&
                        !(node->copy_stmt->filename && *node->copy_stmt->filename);
}

bool sql_tree_takes_arguments(const PgQuery__Node *node) {
    switch (node->node_case) {
    case PG_QUERY__NODE__NODE_SELECT_STMT:
    case PG_QUERY__NODE__NODE_INSERT_STMT:
    case PG_QUERY__NODE__NODE_UPDATE_STMT:
    case PG_QUERY__NODE__NODE_DELETE_STMT:
    case PG_QUERY__NODE__NODE_MERGE_STMT:
    case PG_QUERY__NODE__NODE_EXPLAIN_STMT:
    case PG_QUERY__NODE__NODE_CREATE_TABLE_AS_STMT:
    case PG_QUERY__NODE__NODE_DECLARE_CURSOR_STMT:
    case PG_QUERY__NODE__NODE_CALL_STMT:
    case PG_QUERY__NODE__NODE_EXECUTE_STMT:
        return true;
    default:
        return false;
    }
}
