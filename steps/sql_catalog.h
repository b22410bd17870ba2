/* Within the step type `sql`: what the server would do by itself where a script is tried. */
#ifndef STEPS_SQL_CATALOG_H
#define STEPS_SQL_CATALOG_H

#include "sql_step.h"

/* Asks the server's catalog, in a transaction that is READ ONLY, about all that the script names.
 */
struct sql_catalog;
/* `known` is called once: `why` a rollback might not undo all of it, or NULL; where the server did
 * not answer `err` says so. What `target` leads to must live until then. */
struct sql_catalog *sql_catalog_ask(struct step_ctx *ctx, const struct pg_target *target,
                                    const struct sql_script *script,
                                    void (*known)(void *user, const char *why, struct err *err),
                                    void *user);
/* `known` follows. */
void sql_catalog_cancel(struct sql_catalog *catalog, int64_t grace_ms);
void sql_catalog_free(struct sql_catalog *catalog); /* NULL is legal */

#endif
