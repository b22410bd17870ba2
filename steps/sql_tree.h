/* Inside the module "sql": what a walk of the parse tree finds out about one statement. */
#ifndef STEPS_SQL_TREE_H
#define STEPS_SQL_TREE_H

#include <pg_query/pg_query.pb-c.h>

#include "sql_effect.h"

/* Fills `reads`, `unread`, `alone`, `controls` and `copies`. */
void sql_tree_judge(const PgQuery__Node *node, struct sql_statement *statement);
/* Whether PostgreSQL takes parameters in such a statement. */
bool sql_tree_takes_arguments(const PgQuery__Node *node);

/* A function of pg_catalog that changes nothing, whatever it is called with. */
bool sql_function_reads(const char *name);
/* One that may change something, but destroys nothing that somebody keeps. */
bool sql_function_spares(const char *name);
/* An operator of PostgreSQL itself, for the types of PostgreSQL itself. */
bool sql_operator_reads(const char *name);
const char *const *sql_functions(size_t *ret_count);

#endif
