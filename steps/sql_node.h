/* Inside the module "sql": reading the parse tree, node by node. */
#ifndef STEPS_SQL_NODE_H
#define STEPS_SQL_NODE_H

#include <pg_query/pg_query.pb-c.h>
#include <stdbool.h>

/* Calls back for the root and all below it, in the order of the text, without recursion; what the
 * callback answers false for is not entered. */
void sql_walk(const ProtobufCMessage *root,
              bool (*visit)(void *user, const ProtobufCMessage *message), void *user);

/* The option called `name`, or NULL. */
const PgQuery__DefElem *sql_option_find(PgQuery__Node *const *options, size_t count,
                                        const char *name);
/* As the server reads a boolean option: alone it is true. */
bool sql_option_is_off(const PgQuery__DefElem *option);
bool sql_option_is_on(PgQuery__Node *const *options, size_t count, const char *name);

/* A part of a qualified name, "" where it is no word. */
const char *sql_name_part(PgQuery__Node *const *parts, size_t index);
/* The last part of a name that is not qualified, or by pg_catalog; NULL for others. */
const char *sql_name_builtin(PgQuery__Node *const *parts, size_t count);
/* Names as a script would write them: quoted where they must be. The caller frees. */
char *sql_name_join(PgQuery__Node *const *parts, size_t count);
char *sql_name_relation(const PgQuery__RangeVar *relation);
char *sql_name_word(const char *word);
/* The name of an object of DROP, ALTER or COMMENT, however the parser keeps it. */
char *sql_name_object(const PgQuery__Node *object);

#endif
