/* Within the step type `sql`: statements that write, in a dry run. */
#ifndef STEPS_SQL_REHEARSE_H
#define STEPS_SQL_REHEARSE_H

#include "sql_step.h"

struct sql_trial {
    struct pg_target target;
    const struct sql_source *source;
    const struct pg_statement *statements; /* with their values, or NULL where `why` is set */
    char *why;                             /* the values are not known */
};

/* Ends in step_done. What `trial` leads to must live until it is freed. */
struct sql_rehearsal;
int sql_rehearsal_new(struct step_ctx *ctx, const struct sql_trial *trial,
                      struct sql_rehearsal **ret, struct err *err) MUST_USE;
void sql_rehearsal_cancel(struct sql_rehearsal *rehearsal);
void sql_rehearsal_free(struct sql_rehearsal *rehearsal); /* NULL is legal */

/* Which step of a dry run would have changed what the script looks at, so that this error, or
 * where `sqlstate` is NULL what is read, proves nothing; NULL: none. The caller frees. */
char *sql_miss_find(struct step_ctx *ctx, const char *database, const struct sql_script *script,
                    const char *sqlstate);

#endif
