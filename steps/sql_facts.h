/* Inside the module "sql": what a statement touches, locks, rewrites and destroys. */
#ifndef STEPS_SQL_FACTS_H
#define STEPS_SQL_FACTS_H

#include "base/vec.h"
#include "sql_effect.h"
#include "sql_node.h"

/* Facts of one statement as they are found. */
struct sql_facts {
    VEC(struct sql_fact) list;
    size_t offset;   /* of the statement, where a node has no place of its own */
    size_t location; /* of what is being looked at, or the statement's */
};

/* Adds one; `name_taken` is taken. The same fact twice is one. */
struct sql_fact *sql_facts_add(struct sql_facts *facts, enum sql_act act, const char *kind,
                               char *name_taken);
/* As above about a relation, or about `part` of it (a column, a constraint) where not NULL. */
struct sql_fact *sql_facts_of(struct sql_facts *facts, enum sql_act act, const char *kind,
                              const PgQuery__RangeVar *relation, const char *part);
void sql_facts_touch(struct sql_facts *facts, const PgQuery__RangeVar *relation);
/* Touches it as well; of several modes the strongest stays. */
void sql_facts_lock(struct sql_facts *facts, const PgQuery__RangeVar *relation, enum sql_lock lock);

/* By kind of statement, a file each. Each answers whether the statement is one of its own. */
bool sql_facts_query(struct sql_facts *facts, const PgQuery__Node *node);
bool sql_facts_alter(struct sql_facts *facts, const PgQuery__Node *node);
bool sql_facts_table(struct sql_facts *facts, const PgQuery__Node *node);
bool sql_facts_object(struct sql_facts *facts, const PgQuery__Node *node);
/* Functions that expressions below `root` call. */
void sql_facts_calls(struct sql_facts *facts, const ProtobufCMessage *root);

/* "table", "index", "schema", … */
const char *sql_kind(PgQuery__ObjectType type);

/* Fills `class` and `facts`; needs `reads` and `offset`. */
void sql_facts_gather(const PgQuery__Node *node, struct sql_statement *statement);

#endif
