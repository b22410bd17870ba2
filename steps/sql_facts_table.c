/* Facts of statements about tables that are neither queries nor ALTER TABLE. */
#include "base/mem.h"
#include "base/text.h"
#include "sql_facts.h"

/* ---- making ------------------------------------------------------------------------------- */

static bool visit_made(void *user, const ProtobufCMessage *message) {
    struct sql_facts *facts = user;
    if (message->descriptor == &pg_query__constraint__descriptor) {
        const PgQuery__Constraint *constraint = (const PgQuery__Constraint *)message;
        if (constraint->pktable)
            sql_facts_lock(facts, constraint->pktable, SQL_SHARE_ROW_EXCLUSIVE);
    }
    if (message->descriptor == &pg_query__table_like_clause__descriptor)
        sql_facts_lock(facts, ((const PgQuery__TableLikeClause *)message)->relation,
                       SQL_ACCESS_SHARE);
    return true;
}

static void add_create(struct sql_facts *facts, const PgQuery__CreateStmt *create) {
    struct sql_fact *fact = sql_facts_of(facts, SQL_CREATES, "table", create->relation, NULL);
    fact->maybe = create->if_not_exists;
    for (size_t i = 0; i < create->n_inh_relations; i++)
        sql_facts_lock(facts, create->inh_relations[i]->range_var,
                       create->partbound ? SQL_ACCESS_EXCLUSIVE : SQL_SHARE_UPDATE_EXCLUSIVE);
    sql_walk(&create->base, visit_made, facts);
}

static void add_index(struct sql_facts *facts, const PgQuery__IndexStmt *index) {
    sql_facts_touch(facts, index->relation);
    sql_facts_lock(facts, index->relation,
                   index->concurrent ? SQL_SHARE_UPDATE_EXCLUSIVE : SQL_SHARE);
    char *name = index->idxname && *index->idxname ? sql_name_word(index->idxname) : mem_strdup("");
    sql_facts_add(facts, SQL_CREATES, "index", name)->maybe = index->if_not_exists;
    sql_facts_calls(facts, &index->base);
}

static bool visit_viewed(void *user, const ProtobufCMessage *message) {
    if (message->descriptor == &pg_query__range_var__descriptor)
        sql_facts_touch(user, (const PgQuery__RangeVar *)message);
    return true;
}

static void add_view(struct sql_facts *facts, const PgQuery__ViewStmt *view) {
    struct sql_fact *fact = sql_facts_of(facts, SQL_CREATES, "view", view->view, NULL);
    fact->maybe = view->replace;
    sql_walk(&view->query->base, visit_viewed, facts);
    if (view->replace)
        sql_facts_lock(facts, view->view, SQL_ACCESS_EXCLUSIVE);
}

/* Schemas, whose tables and views may be made with them. */
static void add_schema(struct sql_facts *facts, const PgQuery__CreateSchemaStmt *create) {
    const char *name = create->schemaname && *create->schemaname ? create->schemaname
                       : create->authrole                        ? create->authrole->rolename
                                                                 : "";
    sql_facts_add(facts, SQL_CREATES, "schema", sql_name_word(name))->maybe = create->if_not_exists;
    for (size_t i = 0; i < create->n_schema_elts; i++)
        (void)sql_facts_table(facts, create->schema_elts[i]);
}

/* ---- emptying, compacting, refreshing ----------------------------------------------------- */

static void add_truncate(struct sql_facts *facts, const PgQuery__TruncateStmt *truncate) {
    for (size_t i = 0; i < truncate->n_relations; i++) {
        const PgQuery__RangeVar *relation = truncate->relations[i]->range_var;
        sql_facts_touch(facts, relation);
        sql_facts_lock(facts, relation, SQL_ACCESS_EXCLUSIVE);
        (void)sql_facts_of(facts, SQL_DESTROYS, "rows of", relation, NULL);
        /* Those of tables that refer to it. */
        if (truncate->behavior == PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE)
            sql_facts_of(facts, SQL_DESTROYS, "dependents of", relation, NULL)->relation = 0;
    }
}

/* Dead rows, the last trace of what was deleted, go with the old file. */
static void add_rewrite(struct sql_facts *facts, const PgQuery__RangeVar *relation) {
    if (!relation) {
        (void)sql_facts_add(facts, SQL_REWRITES, "every", mem_strdup("table"));
        (void)sql_facts_add(facts, SQL_DESTROYS, "storage of", mem_strdup("all tables"));
        return;
    }
    (void)sql_facts_of(facts, SQL_REWRITES, "table", relation, NULL);
    (void)sql_facts_of(facts, SQL_DESTROYS, "storage of", relation, NULL);
}

static void add_vacuum(struct sql_facts *facts, const PgQuery__VacuumStmt *vacuum) {
    bool full =
        vacuum->is_vacuumcmd && sql_option_is_on(vacuum->options, vacuum->n_options, "full");
    for (size_t i = 0; i < vacuum->n_rels; i++) {
        const PgQuery__RangeVar *relation = vacuum->rels[i]->vacuum_relation->relation;
        sql_facts_touch(facts, relation);
        sql_facts_lock(facts, relation, full ? SQL_ACCESS_EXCLUSIVE : SQL_SHARE_UPDATE_EXCLUSIVE);
        if (full)
            add_rewrite(facts, relation);
    }
    if (full && vacuum->n_rels == 0)
        add_rewrite(facts, NULL);
}

static void add_cluster(struct sql_facts *facts, const PgQuery__ClusterStmt *cluster) {
    add_rewrite(facts, cluster->relation);
    if (!cluster->relation)
        return;
    sql_facts_touch(facts, cluster->relation);
    sql_facts_lock(facts, cluster->relation, SQL_ACCESS_EXCLUSIVE);
}

static void add_reindex(struct sql_facts *facts, const PgQuery__ReindexStmt *reindex) {
    bool concurrent = sql_option_is_on(reindex->params, reindex->n_params, "concurrently");
    bool is_index = reindex->kind == PG_QUERY__REINDEX_OBJECT_TYPE__REINDEX_OBJECT_INDEX;
    const char *kind = is_index ? "index" : "table";
    if (!reindex->relation)
        return;
    (void)sql_facts_of(facts, SQL_TOUCHES, kind, reindex->relation, NULL);
    sql_facts_of(facts, SQL_LOCKS, kind, reindex->relation, NULL)->lock =
        concurrent ? SQL_SHARE_UPDATE_EXCLUSIVE
        : is_index ? SQL_ACCESS_EXCLUSIVE
                   : SQL_SHARE;
}

static void add_refresh(struct sql_facts *facts, const PgQuery__RefreshMatViewStmt *refresh) {
    (void)sql_facts_of(facts, SQL_TOUCHES, "materialized view", refresh->relation, NULL);
    sql_facts_lock(facts, refresh->relation,
                   refresh->concurrent ? SQL_EXCLUSIVE : SQL_ACCESS_EXCLUSIVE);
    if (!refresh->concurrent)
        (void)sql_facts_of(facts, SQL_REWRITES, "materialized view", refresh->relation, NULL);
    if (refresh->skip_data)
        (void)sql_facts_of(facts, SQL_DESTROYS, "rows of", refresh->relation, NULL);
}

static void add_lock(struct sql_facts *facts, const PgQuery__LockStmt *lock) {
    for (size_t i = 0; i < lock->n_relations; i++) {
        sql_facts_touch(facts, lock->relations[i]->range_var);
        sql_facts_lock(facts, lock->relations[i]->range_var, (enum sql_lock)lock->mode);
    }
}

/* ---- what hangs on a table ---------------------------------------------------------------- */

static void add_part(struct sql_facts *facts, const char *kind, const PgQuery__RangeVar *relation,
                     const char *name, enum sql_lock lock) {
    (void)sql_facts_of(facts, SQL_CREATES, kind, relation, name);
    sql_facts_touch(facts, relation);
    sql_facts_lock(facts, relation, lock);
}

static void add_statistics(struct sql_facts *facts, const PgQuery__CreateStatsStmt *create) {
    AUTO_TEXT name = sql_name_join(create->defnames, create->n_defnames);
    sql_facts_add(facts, SQL_CREATES, "statistics", mem_strdup(name))->maybe =
        create->if_not_exists;
    for (size_t i = 0; i < create->n_relations; i++)
        if (create->relations[i]->node_case == PG_QUERY__NODE__NODE_RANGE_VAR)
            sql_facts_lock(facts, create->relations[i]->range_var, SQL_SHARE_UPDATE_EXCLUSIVE);
}

static void add_sequence(struct sql_facts *facts, const PgQuery__AlterSeqStmt *alter) {
    (void)sql_facts_of(facts, SQL_TOUCHES, "sequence", alter->sequence, NULL);
    sql_facts_lock(facts, alter->sequence, SQL_SHARE_ROW_EXCLUSIVE);
}

static bool add_hanging(struct sql_facts *facts, const PgQuery__Node *node) {
    const PgQuery__CreateTrigStmt *trigger = node->create_trig_stmt;
    switch (node->node_case) {
    case PG_QUERY__NODE__NODE_CREATE_TRIG_STMT:
        add_part(facts, "trigger", trigger->relation, trigger->trigname, SQL_SHARE_ROW_EXCLUSIVE);
        break;
    case PG_QUERY__NODE__NODE_RULE_STMT:
        add_part(facts, "rule", node->rule_stmt->relation, node->rule_stmt->rulename,
                 SQL_ACCESS_EXCLUSIVE);
        break;
    case PG_QUERY__NODE__NODE_CREATE_POLICY_STMT:
        add_part(facts, "policy", node->create_policy_stmt->table,
                 node->create_policy_stmt->policy_name, SQL_ACCESS_EXCLUSIVE);
        break;
    case PG_QUERY__NODE__NODE_ALTER_POLICY_STMT:
        sql_facts_touch(facts, node->alter_policy_stmt->table);
        sql_facts_lock(facts, node->alter_policy_stmt->table, SQL_ACCESS_EXCLUSIVE);
        break;
    case PG_QUERY__NODE__NODE_CREATE_STATS_STMT:
        add_statistics(facts, node->create_stats_stmt);
        break;
    case PG_QUERY__NODE__NODE_ALTER_SEQ_STMT:
        add_sequence(facts, node->alter_seq_stmt);
        break;
    default:
        return false;
    }
    return true;
}

bool sql_facts_table(struct sql_facts *facts, const PgQuery__Node *node) {
    switch (node->node_case) {
    case PG_QUERY__NODE__NODE_CREATE_STMT:
        add_create(facts, node->create_stmt);
        break;
    case PG_QUERY__NODE__NODE_INDEX_STMT:
        add_index(facts, node->index_stmt);
        break;
    case PG_QUERY__NODE__NODE_VIEW_STMT:
        add_view(facts, node->view_stmt);
        break;
    case PG_QUERY__NODE__NODE_CREATE_SCHEMA_STMT:
        add_schema(facts, node->create_schema_stmt);
        break;
    case PG_QUERY__NODE__NODE_TRUNCATE_STMT:
        add_truncate(facts, node->truncate_stmt);
        break;
    case PG_QUERY__NODE__NODE_VACUUM_STMT:
        add_vacuum(facts, node->vacuum_stmt);
        break;
    case PG_QUERY__NODE__NODE_CLUSTER_STMT:
        add_cluster(facts, node->cluster_stmt);
        break;
    case PG_QUERY__NODE__NODE_REINDEX_STMT:
        add_reindex(facts, node->reindex_stmt);
        break;
    case PG_QUERY__NODE__NODE_REFRESH_MAT_VIEW_STMT:
        add_refresh(facts, node->refresh_mat_view_stmt);
        break;
    case PG_QUERY__NODE__NODE_LOCK_STMT:
        add_lock(facts, node->lock_stmt);
        break;
    default:
        return add_hanging(facts, node);
    }
    return true;
}
