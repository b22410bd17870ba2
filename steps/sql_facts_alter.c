/* Facts of ALTER TABLE, subcommand by subcommand. The modes of locks are those of PostgreSQL's
 * AlterTableGetLockLevel() (src/backend/commands/tablecmds.c); a test holds them against a
 * server. */
#include "base/mem.h"
#include "base/text.h"
#include "sql_facts.h"

enum rewriting { KEEPS, MAY_REWRITE, REWRITES };

/* What is not here takes ACCESS EXCLUSIVE, rewrites nothing and destroys nothing. */
static const struct rule {
    PgQuery__AlterTableType type;
    enum sql_lock lock;
    enum rewriting rewrites;
    const char *destroys; /* of the part that the subcommand names */
} rules[] = {
    {PG_QUERY__ALTER_TABLE_TYPE__AT_DropColumn, SQL_ACCESS_EXCLUSIVE, KEEPS, "column"},
    {PG_QUERY__ALTER_TABLE_TYPE__AT_DropConstraint, SQL_ACCESS_EXCLUSIVE, KEEPS, "constraint"},
    {PG_QUERY__ALTER_TABLE_TYPE__AT_DropNotNull, SQL_ACCESS_EXCLUSIVE, KEEPS, "not null of"},
    {PG_QUERY__ALTER_TABLE_TYPE__AT_DropIdentity, SQL_ACCESS_EXCLUSIVE, KEEPS, "identity of"},
    {PG_QUERY__ALTER_TABLE_TYPE__AT_AlterColumnType, SQL_ACCESS_EXCLUSIVE, MAY_REWRITE, "type of"},
    {PG_QUERY__ALTER_TABLE_TYPE__AT_SetLogged, SQL_ACCESS_EXCLUSIVE, MAY_REWRITE, NULL},
    {PG_QUERY__ALTER_TABLE_TYPE__AT_SetUnLogged, SQL_ACCESS_EXCLUSIVE, MAY_REWRITE, NULL},
    {PG_QUERY__ALTER_TABLE_TYPE__AT_SetAccessMethod, SQL_ACCESS_EXCLUSIVE, MAY_REWRITE, NULL},
    {PG_QUERY__ALTER_TABLE_TYPE__AT_SetTableSpace, SQL_ACCESS_EXCLUSIVE, MAY_REWRITE, NULL},
    {PG_QUERY__ALTER_TABLE_TYPE__AT_SetStatistics, SQL_SHARE_UPDATE_EXCLUSIVE, KEEPS, NULL},
    {PG_QUERY__ALTER_TABLE_TYPE__AT_ClusterOn, SQL_SHARE_UPDATE_EXCLUSIVE, KEEPS, NULL},
    {PG_QUERY__ALTER_TABLE_TYPE__AT_DropCluster, SQL_SHARE_UPDATE_EXCLUSIVE, KEEPS, NULL},
    {PG_QUERY__ALTER_TABLE_TYPE__AT_SetOptions, SQL_SHARE_UPDATE_EXCLUSIVE, KEEPS, NULL},
    {PG_QUERY__ALTER_TABLE_TYPE__AT_ResetOptions, SQL_SHARE_UPDATE_EXCLUSIVE, KEEPS, NULL},
    {PG_QUERY__ALTER_TABLE_TYPE__AT_SetRelOptions, SQL_SHARE_UPDATE_EXCLUSIVE, KEEPS, NULL},
    {PG_QUERY__ALTER_TABLE_TYPE__AT_ResetRelOptions, SQL_SHARE_UPDATE_EXCLUSIVE, KEEPS, NULL},
    {PG_QUERY__ALTER_TABLE_TYPE__AT_ValidateConstraint, SQL_SHARE_UPDATE_EXCLUSIVE, KEEPS, NULL},
    {PG_QUERY__ALTER_TABLE_TYPE__AT_AttachPartition, SQL_SHARE_UPDATE_EXCLUSIVE, KEEPS, NULL},
    {PG_QUERY__ALTER_TABLE_TYPE__AT_DetachPartitionFinalize, SQL_SHARE_UPDATE_EXCLUSIVE, KEEPS,
     NULL},
    {PG_QUERY__ALTER_TABLE_TYPE__AT_EnableTrig, SQL_SHARE_ROW_EXCLUSIVE, KEEPS, NULL},
    {PG_QUERY__ALTER_TABLE_TYPE__AT_EnableAlwaysTrig, SQL_SHARE_ROW_EXCLUSIVE, KEEPS, NULL},
    {PG_QUERY__ALTER_TABLE_TYPE__AT_EnableReplicaTrig, SQL_SHARE_ROW_EXCLUSIVE, KEEPS, NULL},
    {PG_QUERY__ALTER_TABLE_TYPE__AT_EnableTrigAll, SQL_SHARE_ROW_EXCLUSIVE, KEEPS, NULL},
    {PG_QUERY__ALTER_TABLE_TYPE__AT_EnableTrigUser, SQL_SHARE_ROW_EXCLUSIVE, KEEPS, NULL},
    {PG_QUERY__ALTER_TABLE_TYPE__AT_DisableTrig, SQL_SHARE_ROW_EXCLUSIVE, KEEPS, NULL},
    {PG_QUERY__ALTER_TABLE_TYPE__AT_DisableTrigAll, SQL_SHARE_ROW_EXCLUSIVE, KEEPS, NULL},
    {PG_QUERY__ALTER_TABLE_TYPE__AT_DisableTrigUser, SQL_SHARE_ROW_EXCLUSIVE, KEEPS, NULL},
};

static const struct rule *rule_find(PgQuery__AlterTableType type) {
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (rules[i].type == type)
            return &rules[i];
    static const struct rule other = {.lock = SQL_ACCESS_EXCLUSIVE};
    return &other;
}

/* ---- columns ------------------------------------------------------------------------------ */

static bool is_serial(const PgQuery__TypeName *type) {
    static const char *const names[] = {"serial",  "serial2",   "serial4",
                                        "serial8", "bigserial", "smallserial"};
    return type && type->n_names == 1 &&
           text_is_among(sql_name_part(type->names, 0), names, sizeof names / sizeof *names);
}

/* Whether the type is one of the server's own, and no domain with a check. The parser gives
 * pg_catalog only to those types that its grammar knows. */
static bool is_builtin(const PgQuery__TypeName *type) {
    static const char *const names[] = {"bytea", "cidr",     "date",  "inet", "json",
                                        "jsonb", "macaddr",  "money", "oid",  "point",
                                        "text",  "tsvector", "uuid",  "xml"};
    if (!type || type->n_names == 0)
        return false;
    if (type->n_names == 2)
        return text_equal(sql_name_part(type->names, 0), "pg_catalog");
    return text_is_among(sql_name_part(type->names, 0), names, sizeof names / sizeof *names);
}

static bool visit_constant(void *user, const ProtobufCMessage *message) {
    bool *is_constant = user;
    if (message->descriptor == &pg_query__func_call__descriptor)
        *is_constant = false;
    return *is_constant;
}

/* A default that is the same for all rows is not written into them since PostgreSQL 11. */
static enum rewriting default_rewrites(const PgQuery__Node *expr) {
    bool is_constant = true;
    if (expr)
        sql_walk(&expr->base, visit_constant, &is_constant);
    return is_constant ? KEEPS : MAY_REWRITE;
}

static enum rewriting stronger(enum rewriting a, enum rewriting b) {
    return a > b ? a : b;
}

/* A column without a default is NULL in all rows, and needs no write; a domain's check does. */
static enum rewriting column_rewrites(const PgQuery__ColumnDef *column) {
    enum rewriting rewrites = is_serial(column->type_name) ? REWRITES : KEEPS;
    for (size_t i = 0; i < column->n_constraints; i++) {
        const PgQuery__Constraint *constraint = column->constraints[i]->constraint;
        if (constraint->contype == PG_QUERY__CONSTR_TYPE__CONSTR_GENERATED ||
            constraint->contype == PG_QUERY__CONSTR_TYPE__CONSTR_IDENTITY)
            rewrites = REWRITES;
        if (constraint->contype == PG_QUERY__CONSTR_TYPE__CONSTR_DEFAULT)
            rewrites = stronger(rewrites, default_rewrites(constraint->raw_expr));
    }
    return is_builtin(column->type_name) ? rewrites : stronger(rewrites, MAY_REWRITE);
}

/* ---- one subcommand ----------------------------------------------------------------------- */

struct altering {
    struct sql_facts *facts;
    const PgQuery__AlterTableStmt *alter;
    const PgQuery__AlterTableCmd *cmd;
    enum sql_lock lock;
    enum rewriting rewrites;
};

static void add_constraint(struct altering *altering, const PgQuery__Node *node) {
    if (node->node_case != PG_QUERY__NODE__NODE_CONSTRAINT || !node->constraint->pktable)
        return;
    sql_facts_lock(altering->facts, node->constraint->pktable, SQL_SHARE_ROW_EXCLUSIVE);
    sql_facts_touch(altering->facts, node->constraint->pktable);
}

static void add_column(struct altering *altering, const PgQuery__ColumnDef *column) {
    altering->rewrites = stronger(altering->rewrites, column_rewrites(column));
    (void)sql_facts_of(altering->facts, SQL_CREATES, "column", altering->alter->relation,
                       column->colname);
    for (size_t i = 0; i < column->n_constraints; i++)
        add_constraint(altering, column->constraints[i]);
}

/* A partition, or with INHERIT a parent: a table of its own. */
static void add_other(struct altering *altering, const PgQuery__RangeVar *other,
                      enum sql_lock lock) {
    sql_facts_touch(altering->facts, other);
    sql_facts_lock(altering->facts, other, lock);
}

static void add_partition(struct altering *altering, bool is_detached) {
    const PgQuery__PartitionCmd *partition = altering->cmd->def->partition_cmd;
    add_other(altering, partition->name, SQL_ACCESS_EXCLUSIVE);
    if (is_detached)
        (void)sql_facts_of(altering->facts, SQL_DESTROYS, "partition", partition->name, NULL);
    if (is_detached && partition->concurrent)
        altering->lock = SQL_SHARE_UPDATE_EXCLUSIVE;
}

static void add_inherit(struct altering *altering, bool is_dropped) {
    const PgQuery__RangeVar *parent = altering->cmd->def->range_var;
    add_other(altering, parent, is_dropped ? SQL_ACCESS_SHARE : SQL_SHARE_UPDATE_EXCLUSIVE);
    if (is_dropped)
        (void)sql_facts_of(altering->facts, SQL_DESTROYS, "rows of", parent, NULL);
}

static void add_special(struct altering *altering) {
    const PgQuery__Node *def = altering->cmd->def;
    switch (altering->cmd->subtype) {
    case PG_QUERY__ALTER_TABLE_TYPE__AT_AddColumn:
        add_column(altering, def->column_def);
        break;
    case PG_QUERY__ALTER_TABLE_TYPE__AT_AddConstraint:
        if (def->constraint->contype == PG_QUERY__CONSTR_TYPE__CONSTR_FOREIGN)
            altering->lock = SQL_SHARE_ROW_EXCLUSIVE;
        add_constraint(altering, def);
        break;
    case PG_QUERY__ALTER_TABLE_TYPE__AT_AttachPartition:
        add_partition(altering, false);
        break;
    case PG_QUERY__ALTER_TABLE_TYPE__AT_DetachPartition:
    case PG_QUERY__ALTER_TABLE_TYPE__AT_DetachPartitionFinalize:
        add_partition(altering, true);
        break;
    case PG_QUERY__ALTER_TABLE_TYPE__AT_AddInherit:
        add_inherit(altering, false);
        break;
    case PG_QUERY__ALTER_TABLE_TYPE__AT_DropInherit:
        add_inherit(altering, true);
        break;
    case PG_QUERY__ALTER_TABLE_TYPE__AT_SetUnLogged:
        (void)sql_facts_of(altering->facts, SQL_DESTROYS, "durability of",
                           altering->alter->relation, NULL);
        break;
    default:
        break;
    }
}

static bool drops_dependents(const PgQuery__AlterTableCmd *cmd) {
    return cmd->behavior == PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE;
}

static void add_command(struct altering *altering) {
    const PgQuery__AlterTableCmd *cmd = altering->cmd;
    const struct rule *rule = rule_find(cmd->subtype);
    const PgQuery__RangeVar *relation = altering->alter->relation;
    altering->lock = rule->lock;
    altering->rewrites = stronger(altering->rewrites, rule->rewrites);
    add_special(altering);
    sql_facts_lock(altering->facts, relation, altering->lock);
    if (rule->destroys)
        (void)sql_facts_of(altering->facts, SQL_DESTROYS, rule->destroys, relation, cmd->name);
    if (rule->destroys && drops_dependents(cmd))
        sql_facts_of(altering->facts, SQL_DESTROYS, "dependents of", relation, cmd->name)
            ->relation = 0;
    if (cmd->def)
        sql_facts_calls(altering->facts, &cmd->def->base);
}

/* Only ordinary tables and materialized views keep rows of their own. */
static bool has_rows(PgQuery__ObjectType type) {
    return type == PG_QUERY__OBJECT_TYPE__OBJECT_TABLE ||
           type == PG_QUERY__OBJECT_TYPE__OBJECT_MATVIEW;
}

bool sql_facts_alter(struct sql_facts *facts, const PgQuery__Node *node) {
    const PgQuery__AlterTableStmt *alter = node->alter_table_stmt;
    if (node->node_case != PG_QUERY__NODE__NODE_ALTER_TABLE_STMT)
        return false;
    struct altering altering = {.facts = facts, .alter = alter};
    (void)sql_facts_of(facts, SQL_TOUCHES, sql_kind(alter->objtype), alter->relation, NULL);
    for (size_t i = 0; i < alter->n_cmds; i++) {
        altering.cmd = alter->cmds[i]->alter_table_cmd;
        add_command(&altering);
    }
    if (altering.rewrites != KEEPS && has_rows(alter->objtype))
        sql_facts_of(facts, SQL_REWRITES, "table", alter->relation, NULL)->maybe =
            altering.rewrites == MAY_REWRITE;
    return true;
}
