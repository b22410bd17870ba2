#include "sql_facts.h"

#include "base/mem.h"
#include "base/text.h"

/* ---- one fact ----------------------------------------------------------------------------- */

struct sql_fact *sql_facts_add(struct sql_facts *facts, enum sql_act act, const char *kind,
                               char *name_taken) {
    for (size_t i = 0; i < facts->list.count; i++) {
        struct sql_fact *known = &facts->list.items[i];
        if (known->act != act || strcmp(known->kind, kind) != 0 ||
            strcmp(known->name, name_taken) != 0)
            continue;
        mem_free(name_taken);
        return known;
    }
    struct sql_fact *fact = vec_add(&facts->list);
    *fact =
        (struct sql_fact){.act = act, .kind = kind, .name = name_taken, .offset = facts->location};
    return fact;
}

struct sql_fact *sql_facts_of(struct sql_facts *facts, enum sql_act act, const char *kind,
                              const PgQuery__RangeVar *relation, const char *part) {
    char *name = sql_name_relation(relation);
    size_t length = strlen(name);
    if (part) {
        AUTO_TEXT whole = name;
        AUTO_TEXT word = sql_name_word(part);
        name = mem_printf("%s.%s", whole, word);
    }
    struct sql_fact *fact = sql_facts_add(facts, act, kind, name);
    fact->relation = length;
    if (relation->location > 0)
        fact->offset = (size_t)relation->location;
    return fact;
}

void sql_facts_touch(struct sql_facts *facts, const PgQuery__RangeVar *relation) {
    (void)sql_facts_of(facts, SQL_TOUCHES, "table", relation, NULL);
}

void sql_facts_lock(struct sql_facts *facts, const PgQuery__RangeVar *relation,
                    enum sql_lock lock) {
    struct sql_fact *fact = sql_facts_of(facts, SQL_LOCKS, "table", relation, NULL);
    if (fact->lock < lock)
        fact->lock = lock;
}

/* ---- the whole statement ------------------------------------------------------------------ */

static enum sql_class class_of(const PgQuery__Node *node, const struct sql_statement *statement) {
    if (statement->reads)
        return SQL_READ;
    switch (node->node_case) {
    case PG_QUERY__NODE__NODE_SELECT_STMT:
        return node->select_stmt->into_clause ? SQL_DDL : SQL_WRITE;
    case PG_QUERY__NODE__NODE_INSERT_STMT:
    case PG_QUERY__NODE__NODE_UPDATE_STMT:
    case PG_QUERY__NODE__NODE_DELETE_STMT:
    case PG_QUERY__NODE__NODE_MERGE_STMT:
    case PG_QUERY__NODE__NODE_TRUNCATE_STMT:
    case PG_QUERY__NODE__NODE_COPY_STMT:
    case PG_QUERY__NODE__NODE_CALL_STMT:
    case PG_QUERY__NODE__NODE_DO_STMT:
    case PG_QUERY__NODE__NODE_EXECUTE_STMT:
    case PG_QUERY__NODE__NODE_EXPLAIN_STMT:
        return SQL_WRITE;
    case PG_QUERY__NODE__NODE_VACUUM_STMT:
    case PG_QUERY__NODE__NODE_CLUSTER_STMT:
    case PG_QUERY__NODE__NODE_REINDEX_STMT:
    case PG_QUERY__NODE__NODE_REFRESH_MAT_VIEW_STMT:
    case PG_QUERY__NODE__NODE_VARIABLE_SET_STMT:
    case PG_QUERY__NODE__NODE_CONSTRAINTS_SET_STMT:
    case PG_QUERY__NODE__NODE_LOCK_STMT:
    case PG_QUERY__NODE__NODE_NOTIFY_STMT:
    case PG_QUERY__NODE__NODE_LISTEN_STMT:
    case PG_QUERY__NODE__NODE_UNLISTEN_STMT:
    case PG_QUERY__NODE__NODE_DISCARD_STMT:
    case PG_QUERY__NODE__NODE_CHECK_POINT_STMT:
    case PG_QUERY__NODE__NODE_LOAD_STMT:
    case PG_QUERY__NODE__NODE_TRANSACTION_STMT:
    case PG_QUERY__NODE__NODE_DECLARE_CURSOR_STMT:
    case PG_QUERY__NODE__NODE_FETCH_STMT:
    case PG_QUERY__NODE__NODE_CLOSE_PORTAL_STMT:
    case PG_QUERY__NODE__NODE_PREPARE_STMT:
    case PG_QUERY__NODE__NODE_DEALLOCATE_STMT:
    case PG_QUERY__NODE__NODE_ALTER_SYSTEM_STMT:
        return SQL_UTILITY;
    default:
        return SQL_DDL;
    }
}

void sql_facts_gather(const PgQuery__Node *node, struct sql_statement *statement) {
    struct sql_facts facts = {.offset = statement->offset, .location = statement->offset};
    statement->class = class_of(node, statement);
    if (!sql_facts_query(&facts, node) && !sql_facts_alter(&facts, node) &&
        !sql_facts_table(&facts, node))
        (void)sql_facts_object(&facts, node);
    statement->facts = facts.list.items;
    statement->fact_count = facts.list.count;
}
