#include "sql_own.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "sql_node.h"

/* Where the name stands; NULL where it does not. */
static char **own_find(const struct sql_own *own, const char *name, size_t length) {
    for (size_t i = 0; i < own->tables.count; i++) {
        char **table = &own->tables.items[i];
        if (strlen(*table) == length && memcmp(*table, name, length) == 0)
            return table;
    }
    return NULL;
}

static void own_remove(struct sql_own *own, const struct sql_fact *fact) {
    char **items = own->tables.items;
    char **table = own_find(own, fact->name, fact->relation);
    if (!table || !items)
        return;
    mem_free(*table);
    *table = items[--own->tables.count];
}

void sql_own_release(struct sql_own *own) {
    for (size_t i = 0; i < own->tables.count; i++)
        mem_free(own->tables.items[i]);
    vec_release(&own->tables);
}

/* Statements that cannot make a name of ours mean another table, or put another table's rows into
 * ours: everything else, such as ROLLBACK, SET search_path, INHERIT, a rule, ends our certainty. */
static bool is_calm(const PgQuery__Node *node) {
    switch (node->node_case) {
    case PG_QUERY__NODE__NODE_SELECT_STMT:
    case PG_QUERY__NODE__NODE_INSERT_STMT:
    case PG_QUERY__NODE__NODE_UPDATE_STMT:
    case PG_QUERY__NODE__NODE_DELETE_STMT:
    case PG_QUERY__NODE__NODE_MERGE_STMT:
    case PG_QUERY__NODE__NODE_COPY_STMT:
    case PG_QUERY__NODE__NODE_TRUNCATE_STMT:
    case PG_QUERY__NODE__NODE_CREATE_STMT:
    case PG_QUERY__NODE__NODE_CREATE_TABLE_AS_STMT:
    case PG_QUERY__NODE__NODE_INDEX_STMT:
    case PG_QUERY__NODE__NODE_DROP_STMT:
    case PG_QUERY__NODE__NODE_VACUUM_STMT:
    case PG_QUERY__NODE__NODE_RENAME_STMT:
    case PG_QUERY__NODE__NODE_COMMENT_STMT:
    case PG_QUERY__NODE__NODE_EXPLAIN_STMT:
        return true;
    default:
        break;
    }
    if (node->node_case != PG_QUERY__NODE__NODE_ALTER_TABLE_STMT)
        return false;
    for (size_t i = 0; i < node->alter_table_stmt->n_cmds; i++)
        switch (node->alter_table_stmt->cmds[i]->alter_table_cmd->subtype) {
        case PG_QUERY__ALTER_TABLE_TYPE__AT_AddInherit:
        case PG_QUERY__ALTER_TABLE_TYPE__AT_AttachPartition:
            return false;
        default:
            break;
        }
    return true;
}

/* Whether a name that is taken already may be what it creates; a temporary table's name is our
 * session's, so that it is not. One that a COMMIT drops may be gone at the next statement. */
static bool makes_own(const PgQuery__RangeVar *relation, PgQuery__OnCommitAction on_commit,
                      bool if_not_exists) {
    bool is_temporary = text_equal(relation->relpersistence, "t");
    return on_commit != PG_QUERY__ON_COMMIT_ACTION__ONCOMMIT_DROP &&
           (!if_not_exists || is_temporary);
}

static const PgQuery__RangeVar *made_table(const PgQuery__Node *node) {
    const PgQuery__CreateStmt *create = node->create_stmt;
    const PgQuery__CreateTableAsStmt *as = node->create_table_as_stmt;
    const PgQuery__IntoClause *into;
    switch (node->node_case) {
    case PG_QUERY__NODE__NODE_CREATE_STMT:
        return makes_own(create->relation, create->oncommit, create->if_not_exists)
                   ? create->relation
                   : NULL;
    case PG_QUERY__NODE__NODE_CREATE_TABLE_AS_STMT:
        return as->objtype == PG_QUERY__OBJECT_TYPE__OBJECT_TABLE &&
                       makes_own(as->into->rel, as->into->on_commit, as->if_not_exists)
                   ? as->into->rel
                   : NULL;
    case PG_QUERY__NODE__NODE_SELECT_STMT:
        into = node->select_stmt->into_clause;
        return into && makes_own(into->rel, into->on_commit, false) ? into->rel : NULL;
    default:
        return NULL;
    }
}

/* The name is not the table's any more. */
static bool ends_name(const struct sql_fact *fact) {
    return text_equal(fact->kind, "table") ||
           (text_equal(fact->kind, "name of") && fact->relation == strlen(fact->name));
}

static void facts_spare(struct sql_own *own, struct sql_statement *statement) {
    size_t kept = 0;
    bool is_certain = true;
    for (size_t i = 0; i < statement->fact_count; i++) {
        struct sql_fact fact = statement->facts[i];
        bool is_own = fact.act == SQL_DESTROYS && fact.relation > 0 &&
                      own_find(own, fact.name, fact.relation) != NULL;
        is_certain &= fact.act != SQL_DESTROYS || !text_starts_with(fact.kind, "anything");
        if (is_own && ends_name(&fact))
            own_remove(own, &fact);
        if (is_own)
            mem_free(fact.name);
        else
            statement->facts[kept++] = fact;
    }
    statement->fact_count = kept;
    if (!is_certain)
        sql_own_release(own);
}

void sql_own_follow(struct sql_own *own, const PgQuery__Node *node,
                    struct sql_statement *statement) {
    if (!is_calm(node))
        sql_own_release(own);
    facts_spare(own, statement);
    const PgQuery__RangeVar *made = made_table(node);
    if (!made)
        return;
    char *name = sql_name_relation(made);
    if (!own_find(own, name, strlen(name)))
        *vec_add(&own->tables) = name;
    else
        mem_free(name);
}
