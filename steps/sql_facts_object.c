/* Facts of statements about objects of any kind: DROP, RENAME, SET SCHEMA, roles, databases. */
#include "base/mem.h"
#include "base/text.h"
#include "sql_facts.h"

/* The words of SQL for them; what is missing reads as "object". */
static const char *const kinds[] = {
    [PG_QUERY__OBJECT_TYPE__OBJECT_ACCESS_METHOD] = "access method",
    [PG_QUERY__OBJECT_TYPE__OBJECT_AGGREGATE] = "aggregate",
    [PG_QUERY__OBJECT_TYPE__OBJECT_ATTRIBUTE] = "column",
    [PG_QUERY__OBJECT_TYPE__OBJECT_CAST] = "cast",
    [PG_QUERY__OBJECT_TYPE__OBJECT_COLUMN] = "column",
    [PG_QUERY__OBJECT_TYPE__OBJECT_COLLATION] = "collation",
    [PG_QUERY__OBJECT_TYPE__OBJECT_CONVERSION] = "conversion",
    [PG_QUERY__OBJECT_TYPE__OBJECT_DATABASE] = "database",
    [PG_QUERY__OBJECT_TYPE__OBJECT_DOMAIN] = "domain",
    [PG_QUERY__OBJECT_TYPE__OBJECT_DOMCONSTRAINT] = "constraint",
    [PG_QUERY__OBJECT_TYPE__OBJECT_EVENT_TRIGGER] = "event trigger",
    [PG_QUERY__OBJECT_TYPE__OBJECT_EXTENSION] = "extension",
    [PG_QUERY__OBJECT_TYPE__OBJECT_FDW] = "foreign data wrapper",
    [PG_QUERY__OBJECT_TYPE__OBJECT_FOREIGN_SERVER] = "server",
    [PG_QUERY__OBJECT_TYPE__OBJECT_FOREIGN_TABLE] = "foreign table",
    [PG_QUERY__OBJECT_TYPE__OBJECT_FUNCTION] = "function",
    [PG_QUERY__OBJECT_TYPE__OBJECT_INDEX] = "index",
    [PG_QUERY__OBJECT_TYPE__OBJECT_LANGUAGE] = "language",
    [PG_QUERY__OBJECT_TYPE__OBJECT_LARGEOBJECT] = "large object",
    [PG_QUERY__OBJECT_TYPE__OBJECT_MATVIEW] = "materialized view",
    [PG_QUERY__OBJECT_TYPE__OBJECT_OPCLASS] = "operator class",
    [PG_QUERY__OBJECT_TYPE__OBJECT_OPERATOR] = "operator",
    [PG_QUERY__OBJECT_TYPE__OBJECT_OPFAMILY] = "operator family",
    [PG_QUERY__OBJECT_TYPE__OBJECT_POLICY] = "policy",
    [PG_QUERY__OBJECT_TYPE__OBJECT_PROCEDURE] = "procedure",
    [PG_QUERY__OBJECT_TYPE__OBJECT_PUBLICATION] = "publication",
    [PG_QUERY__OBJECT_TYPE__OBJECT_ROLE] = "role",
    [PG_QUERY__OBJECT_TYPE__OBJECT_ROUTINE] = "routine",
    [PG_QUERY__OBJECT_TYPE__OBJECT_RULE] = "rule",
    [PG_QUERY__OBJECT_TYPE__OBJECT_SCHEMA] = "schema",
    [PG_QUERY__OBJECT_TYPE__OBJECT_SEQUENCE] = "sequence",
    [PG_QUERY__OBJECT_TYPE__OBJECT_SUBSCRIPTION] = "subscription",
    [PG_QUERY__OBJECT_TYPE__OBJECT_STATISTIC_EXT] = "statistics",
    [PG_QUERY__OBJECT_TYPE__OBJECT_TABCONSTRAINT] = "constraint",
    [PG_QUERY__OBJECT_TYPE__OBJECT_TABLE] = "table",
    [PG_QUERY__OBJECT_TYPE__OBJECT_TABLESPACE] = "tablespace",
    [PG_QUERY__OBJECT_TYPE__OBJECT_TRANSFORM] = "transform",
    [PG_QUERY__OBJECT_TYPE__OBJECT_TRIGGER] = "trigger",
    [PG_QUERY__OBJECT_TYPE__OBJECT_TSCONFIGURATION] = "text search configuration",
    [PG_QUERY__OBJECT_TYPE__OBJECT_TSDICTIONARY] = "text search dictionary",
    [PG_QUERY__OBJECT_TYPE__OBJECT_TSPARSER] = "text search parser",
    [PG_QUERY__OBJECT_TYPE__OBJECT_TSTEMPLATE] = "text search template",
    [PG_QUERY__OBJECT_TYPE__OBJECT_TYPE] = "type",
    [PG_QUERY__OBJECT_TYPE__OBJECT_USER_MAPPING] = "user mapping",
    [PG_QUERY__OBJECT_TYPE__OBJECT_VIEW] = "view",
};

const char *sql_kind(PgQuery__ObjectType type) {
    size_t index = (size_t)type;
    return index < sizeof kinds / sizeof *kinds && kinds[index] ? kinds[index] : "object";
}

static bool is_relation(PgQuery__ObjectType type) {
    return type == PG_QUERY__OBJECT_TYPE__OBJECT_TABLE ||
           type == PG_QUERY__OBJECT_TYPE__OBJECT_VIEW ||
           type == PG_QUERY__OBJECT_TYPE__OBJECT_MATVIEW ||
           type == PG_QUERY__OBJECT_TYPE__OBJECT_SEQUENCE ||
           type == PG_QUERY__OBJECT_TYPE__OBJECT_INDEX ||
           type == PG_QUERY__OBJECT_TYPE__OBJECT_FOREIGN_TABLE;
}

/* The lock of an index goes with one of its table, whose name the text does not tell. */
static const char *lock_kind(PgQuery__ObjectType type) {
    return type == PG_QUERY__OBJECT_TYPE__OBJECT_INDEX ? "index" : "table";
}

static void lock_named(struct sql_facts *facts, const char *kind, char *name_taken,
                       enum sql_lock mode) {
    struct sql_fact *lock = sql_facts_add(facts, SQL_LOCKS, kind, name_taken);
    lock->lock = mode;
    lock->relation = strlen(lock->name);
}

/* ---- DROP --------------------------------------------------------------------------------- */

/* Of `table.trigger` the table. */
static PgQuery__RangeVar part_owner(const PgQuery__List *parts) {
    PgQuery__RangeVar relation = PG_QUERY__RANGE_VAR__INIT;
    size_t count = parts->n_items;
    relation.relname = parts->items[count - 2]->string->sval;
    relation.schemaname = count > 2 ? parts->items[count - 3]->string->sval : NULL;
    return relation;
}

static bool is_part(PgQuery__ObjectType type) {
    return type == PG_QUERY__OBJECT_TYPE__OBJECT_TRIGGER ||
           type == PG_QUERY__OBJECT_TYPE__OBJECT_RULE ||
           type == PG_QUERY__OBJECT_TYPE__OBJECT_POLICY;
}

static void drop_object(struct sql_facts *facts, const PgQuery__DropStmt *drop,
                        const PgQuery__Node *object) {
    const char *kind = sql_kind(drop->remove_type);
    char *name = sql_name_object(object);
    AUTO_TEXT shown = mem_strdup(name);
    struct sql_fact *fact = sql_facts_add(facts, SQL_DESTROYS, kind, name);
    if (is_relation(drop->remove_type)) {
        fact->relation = strlen(name);
        lock_named(facts, lock_kind(drop->remove_type), mem_strdup(shown),
                   drop->concurrent ? SQL_SHARE_UPDATE_EXCLUSIVE : SQL_ACCESS_EXCLUSIVE);
    }
    if (is_part(drop->remove_type) && object->node_case == PG_QUERY__NODE__NODE_LIST &&
        object->list->n_items > 1) {
        PgQuery__RangeVar owner = part_owner(object->list);
        sql_facts_touch(facts, &owner);
        sql_facts_lock(facts, &owner, SQL_ACCESS_EXCLUSIVE);
    }
    (void)sql_facts_add(facts, SQL_TOUCHES, kind, mem_strdup(shown));
    /* A schema stands for all that is in it. */
    if (drop->behavior == PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE &&
        drop->remove_type != PG_QUERY__OBJECT_TYPE__OBJECT_SCHEMA)
        (void)sql_facts_add(facts, SQL_DESTROYS, "dependents of", mem_strdup(shown));
}

static void add_drop(struct sql_facts *facts, const PgQuery__DropStmt *drop) {
    for (size_t i = 0; i < drop->n_objects; i++)
        drop_object(facts, drop, drop->objects[i]);
}

static void destroy_named(struct sql_facts *facts, const char *kind, const char *name) {
    (void)sql_facts_add(facts, SQL_TOUCHES, kind, sql_name_word(name));
    (void)sql_facts_add(facts, SQL_DESTROYS, kind, sql_name_word(name));
}

static void destroy_roles(struct sql_facts *facts, const char *kind, PgQuery__Node *const *roles,
                          size_t count) {
    for (size_t i = 0; i < count; i++)
        (void)sql_facts_add(facts, SQL_DESTROYS, kind, sql_name_object(roles[i]));
}

/* ---- names -------------------------------------------------------------------------------- */

/* Names that only the owner of a table knows: nothing breaks when they change. */
static bool is_inner_name(PgQuery__ObjectType type) {
    return type == PG_QUERY__OBJECT_TYPE__OBJECT_TABCONSTRAINT ||
           type == PG_QUERY__OBJECT_TYPE__OBJECT_DOMCONSTRAINT || is_part(type);
}

static void rename_relation(struct sql_facts *facts, const PgQuery__RenameStmt *rename) {
    bool is_column = rename->rename_type == PG_QUERY__OBJECT_TYPE__OBJECT_COLUMN ||
                     rename->rename_type == PG_QUERY__OBJECT_TYPE__OBJECT_ATTRIBUTE;
    bool is_index = rename->rename_type == PG_QUERY__OBJECT_TYPE__OBJECT_INDEX;
    lock_named(facts, lock_kind(rename->rename_type), sql_name_relation(rename->relation),
               is_index ? SQL_SHARE_UPDATE_EXCLUSIVE : SQL_ACCESS_EXCLUSIVE);
    (void)sql_facts_of(facts, SQL_TOUCHES,
                       sql_kind(is_column ? rename->relation_type : rename->rename_type),
                       rename->relation, NULL);
    if (!is_inner_name(rename->rename_type))
        (void)sql_facts_of(facts, SQL_DESTROYS, "name of", rename->relation,
                           is_column ? rename->subname : NULL);
}

static void add_rename(struct sql_facts *facts, const PgQuery__RenameStmt *rename) {
    if (rename->relation) {
        rename_relation(facts, rename);
        return;
    }
    char *name = rename->object ? sql_name_object(rename->object) : sql_name_word(rename->subname);
    (void)sql_facts_add(facts, SQL_TOUCHES, sql_kind(rename->rename_type), mem_strdup(name));
    if (is_inner_name(rename->rename_type))
        mem_free(name);
    else
        (void)sql_facts_add(facts, SQL_DESTROYS, "name of", name);
}

static void add_move(struct sql_facts *facts, const PgQuery__AlterObjectSchemaStmt *move) {
    const char *kind = sql_kind(move->object_type);
    if (move->relation) {
        (void)sql_facts_of(facts, SQL_TOUCHES, kind, move->relation, NULL);
        sql_facts_lock(facts, move->relation, SQL_ACCESS_EXCLUSIVE);
        (void)sql_facts_of(facts, SQL_DESTROYS, "name of", move->relation, NULL);
        return;
    }
    char *name = sql_name_object(move->object);
    (void)sql_facts_add(facts, SQL_TOUCHES, kind, mem_strdup(name));
    (void)sql_facts_add(facts, SQL_DESTROYS, "name of", name);
}

/* ---- domains, enums, notes ---------------------------------------------------------------- */

/* 'O' drops NOT NULL, 'X' a constraint. */
static void add_domain(struct sql_facts *facts, const PgQuery__AlterDomainStmt *alter) {
    AUTO_TEXT name = sql_name_join(alter->type_name, alter->n_type_name);
    (void)sql_facts_add(facts, SQL_TOUCHES, "domain", mem_strdup(name));
    if (text_equal(alter->subtype, "O"))
        (void)sql_facts_add(facts, SQL_DESTROYS, "not null of", mem_strdup(name));
    if (!text_equal(alter->subtype, "X"))
        return;
    AUTO_TEXT constraint = sql_name_word(alter->name);
    (void)sql_facts_add(facts, SQL_DESTROYS, "constraint", mem_printf("%s.%s", name, constraint));
}

static void add_enum(struct sql_facts *facts, const PgQuery__AlterEnumStmt *alter) {
    AUTO_TEXT name = sql_name_join(alter->type_name, alter->n_type_name);
    (void)sql_facts_add(facts, SQL_TOUCHES, "type", mem_strdup(name));
    if (!alter->old_val || !*alter->old_val)
        return;
    AUTO_TEXT label = sql_name_word(alter->old_val);
    (void)sql_facts_add(facts, SQL_DESTROYS, "name of", mem_printf("%s.%s", name, label));
}

static void add_comment(struct sql_facts *facts, const PgQuery__CommentStmt *comment) {
    const char *kind = sql_kind(comment->objtype);
    (void)sql_facts_add(facts, SQL_TOUCHES, kind, sql_name_object(comment->object));
    if (is_relation(comment->objtype))
        lock_named(facts, lock_kind(comment->objtype), sql_name_object(comment->object),
                   SQL_SHARE_UPDATE_EXCLUSIVE);
    const PgQuery__Node *object = comment->object;
    if (comment->objtype == PG_QUERY__OBJECT_TYPE__OBJECT_COLUMN && object->list->n_items > 1)
        lock_named(facts, "table", sql_name_join(object->list->items, object->list->n_items - 1),
                   SQL_SHARE_UPDATE_EXCLUSIVE);
}

static void add_grant(struct sql_facts *facts, const PgQuery__GrantStmt *grant) {
    for (size_t i = 0; i < grant->n_objects; i++)
        (void)sql_facts_add(facts, SQL_TOUCHES, sql_kind(grant->objtype),
                            sql_name_object(grant->objects[i]));
    for (size_t i = 0; i < grant->n_grantees; i++)
        (void)sql_facts_add(facts, SQL_TOUCHES, "role", sql_name_object(grant->grantees[i]));
}

static void add_publication(struct sql_facts *facts, const char *name,
                            PgQuery__Node *const *objects, size_t count) {
    (void)sql_facts_add(facts, SQL_TOUCHES, "publication", sql_name_word(name));
    for (size_t i = 0; i < count; i++) {
        const PgQuery__PublicationTable *table = objects[i]->publication_obj_spec->pubtable;
        if (table && table->relation)
            sql_facts_lock(facts, table->relation, SQL_SHARE_UPDATE_EXCLUSIVE);
    }
}

/* ---- statements --------------------------------------------------------------------------- */

static bool add_destroying(struct sql_facts *facts, const PgQuery__Node *node) {
    switch (node->node_case) {
    case PG_QUERY__NODE__NODE_DROP_STMT:
        add_drop(facts, node->drop_stmt);
        break;
    case PG_QUERY__NODE__NODE_DROPDB_STMT:
        destroy_named(facts, "database", node->dropdb_stmt->dbname);
        break;
    case PG_QUERY__NODE__NODE_DROP_TABLE_SPACE_STMT:
        destroy_named(facts, "tablespace", node->drop_table_space_stmt->tablespacename);
        break;
    case PG_QUERY__NODE__NODE_DROP_SUBSCRIPTION_STMT:
        destroy_named(facts, "subscription", node->drop_subscription_stmt->subname);
        break;
    case PG_QUERY__NODE__NODE_DROP_USER_MAPPING_STMT:
        destroy_named(facts, "user mapping", node->drop_user_mapping_stmt->servername);
        break;
    case PG_QUERY__NODE__NODE_DROP_ROLE_STMT:
        destroy_roles(facts, "role", node->drop_role_stmt->roles, node->drop_role_stmt->n_roles);
        break;
    case PG_QUERY__NODE__NODE_DROP_OWNED_STMT:
        destroy_roles(facts, "objects of", node->drop_owned_stmt->roles,
                      node->drop_owned_stmt->n_roles);
        break;
    case PG_QUERY__NODE__NODE_TRANSACTION_STMT:
        if (node->transaction_stmt->kind ==
            PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_ROLLBACK_PREPARED)
            destroy_named(facts, "prepared transaction", node->transaction_stmt->gid);
        break;
    default:
        return false;
    }
    return true;
}

static bool add_altering(struct sql_facts *facts, const PgQuery__Node *node) {
    const PgQuery__CreatePublicationStmt *create = node->create_publication_stmt;
    const PgQuery__AlterPublicationStmt *alter = node->alter_publication_stmt;
    switch (node->node_case) {
    case PG_QUERY__NODE__NODE_RENAME_STMT:
        add_rename(facts, node->rename_stmt);
        break;
    case PG_QUERY__NODE__NODE_ALTER_OBJECT_SCHEMA_STMT:
        add_move(facts, node->alter_object_schema_stmt);
        break;
    case PG_QUERY__NODE__NODE_ALTER_DOMAIN_STMT:
        add_domain(facts, node->alter_domain_stmt);
        break;
    case PG_QUERY__NODE__NODE_ALTER_ENUM_STMT:
        add_enum(facts, node->alter_enum_stmt);
        break;
    case PG_QUERY__NODE__NODE_COMMENT_STMT:
        add_comment(facts, node->comment_stmt);
        break;
    case PG_QUERY__NODE__NODE_GRANT_STMT:
        add_grant(facts, node->grant_stmt);
        break;
    case PG_QUERY__NODE__NODE_CREATE_PUBLICATION_STMT:
        add_publication(facts, create->pubname, create->pubobjects, create->n_pubobjects);
        break;
    case PG_QUERY__NODE__NODE_ALTER_PUBLICATION_STMT:
        add_publication(facts, alter->pubname, alter->pubobjects, alter->n_pubobjects);
        break;
    default:
        return false;
    }
    return true;
}

static void touch_named(struct sql_facts *facts, enum sql_act act, const char *kind,
                        const char *name) {
    if (name && *name)
        (void)sql_facts_add(facts, act, kind, sql_name_word(name));
}

bool sql_facts_object(struct sql_facts *facts, const PgQuery__Node *node) {
    if (add_destroying(facts, node) || add_altering(facts, node))
        return true;
    const PgQuery__CreateFunctionStmt *function = node->create_function_stmt;
    switch (node->node_case) {
    case PG_QUERY__NODE__NODE_CREATE_FUNCTION_STMT:
        sql_facts_add(facts, SQL_CREATES, function->is_procedure ? "procedure" : "function",
                      sql_name_join(function->funcname, function->n_funcname))
            ->maybe = function->replace;
        break;
    case PG_QUERY__NODE__NODE_CREATE_SEQ_STMT:
        sql_facts_of(facts, SQL_CREATES, "sequence", node->create_seq_stmt->sequence, NULL)->maybe =
            node->create_seq_stmt->if_not_exists;
        break;
    case PG_QUERY__NODE__NODE_CREATE_ROLE_STMT:
        touch_named(facts, SQL_CREATES, "role", node->create_role_stmt->role);
        break;
    case PG_QUERY__NODE__NODE_CREATEDB_STMT:
        touch_named(facts, SQL_CREATES, "database", node->createdb_stmt->dbname);
        break;
    case PG_QUERY__NODE__NODE_CREATE_EXTENSION_STMT:
        touch_named(facts, SQL_CREATES, "extension", node->create_extension_stmt->extname);
        break;
    case PG_QUERY__NODE__NODE_ALTER_DATABASE_STMT:
        touch_named(facts, SQL_TOUCHES, "database", node->alter_database_stmt->dbname);
        break;
    case PG_QUERY__NODE__NODE_ALTER_DATABASE_SET_STMT:
        touch_named(facts, SQL_TOUCHES, "database", node->alter_database_set_stmt->dbname);
        break;
    case PG_QUERY__NODE__NODE_ALTER_ROLE_STMT:
        touch_named(facts, SQL_TOUCHES, "role", node->alter_role_stmt->role->rolename);
        break;
    default:
        return false;
    }
    return true;
}
