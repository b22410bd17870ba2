/* Inside the module "sql": tables that a script makes for itself. What it then does to them
 * destroys nothing that was there before. */
#ifndef STEPS_SQL_OWN_H
#define STEPS_SQL_OWN_H

#include <pg_query/pg_query.pb-c.h>

#include "base/vec.h"
#include "sql_effect.h"

struct sql_own {
    VEC(char *) tables;
};

/* Takes out of the statement what it destroys of the script's own tables, and learns from it
 * which they are from here on. Statements are given in their order. */
void sql_own_follow(struct sql_own *own, const PgQuery__Node *node,
                    struct sql_statement *statement);
void sql_own_release(struct sql_own *own);

#endif
