/* Inside the module "sql": what a rollback would not undo. */
#ifndef STEPS_SQL_TRACE_H
#define STEPS_SQL_TRACE_H

#include <pg_query/pg_query.pb-c.h>

#include "sql_effect.h"

/* Fills `traces`, `prepares` and `names`; needs `alone`. */
void sql_trace_judge(const PgQuery__Node *node, struct sql_statement *statement);

#endif
