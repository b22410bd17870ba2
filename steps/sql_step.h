/* Within the step type `sql`: its fields, and its script. */
#ifndef STEPS_SQL_STEP_H
#define STEPS_SQL_STEP_H

#include "io/pg.h"
#include "sql_effect.h"
#include "sql_query.h"
#include "step.h"

struct sql_fields {
    struct code statements;
    const char *file;
    int transaction; /* enum sql_transaction */
    struct field_map args;
};

enum sql_transaction { SQL_UNSAID, SQL_ONE, SQL_EACH, SQL_NONE };

enum pg_transaction sql_transaction(const struct sql_fields *fields);

/* The text of a step and what the parser says of it. */
struct sql_source {
    const struct sql_fields *fields;
    const char *text;
    size_t length;
    char *file_text; /* NULL where the text stands in the runbook */
    struct sql_parsed *parsed;
    const struct sql_script *script; /* of `parsed` */
    bool reads;                      /* all of it: it runs in READ ONLY transactions */
};
/* An error has its place in the runbook or in the script's file. */
int sql_source_init(struct sql_source *source, const struct sql_fields *fields,
                    struct err *err) MUST_USE;
void sql_source_release(struct sql_source *source);
/* Where a byte of the text stands in its file. */
struct span sql_source_span(const struct sql_source *source, size_t offset, size_t length);
/* The index of the argument in `args`, or -1. */
int64_t sql_argument_index(const struct sql_fields *fields, const char *name);

/* Says in which of a script's statements it failed; `position` is the server's, in its text. */
void sql_failure_place(const struct sql_source *source, size_t statement, size_t position,
                       struct err *err);
value sql_result_data(const struct pg_response *response);

/* What pg_stat_activity calls an attempt's session, so that it is found again. The caller frees. */
char *sql_session_name(const struct step_ctx *ctx);

/* An attempt in doubt: asks the server what became of it, with patience, and ends by step_done.
 * What `target` leads to must live until sql_settle_free, which cannot come while it asks, but for
 * an engine that leaves. */
struct sql_settle;
struct sql_settle *sql_settle_new(struct step_ctx *ctx, const struct pg_target *target,
                                  enum pg_transaction transaction, size_t statement_count,
                                  const struct step_doubt *doubt);
void sql_settle_cancel(struct sql_settle *settle); /* it ends within the step's grace */
void sql_settle_free(struct sql_settle *settle);   /* NULL is legal */

enum effect sql_effect(const void *spec);
void sql_check(const void *spec, const struct step_check *check);
bool sql_destroys(const void *spec, const struct step_losses *losses);
void sql_plan(const void *spec, const struct step_plan *plan);

#endif
