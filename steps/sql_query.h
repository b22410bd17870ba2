/* Within the step type `sql`: the verbs of io/pg.h, by way of the target of the step's database. */
#ifndef STEPS_SQL_QUERY_H
#define STEPS_SQL_QUERY_H

#include "io/pg.h"
#include "step.h"

/* A query, or its wait for a tunnel: one at a time of an attempt. */
struct sql_query;
/* The head of an attempt's state. */
struct sql_attempt {
    struct sql_query *waiting; /* for a tunnel */
};
/* As pg_start; without a tunnel it was not connected. */
struct sql_query *sql_query_start(struct step_ctx *ctx, const struct pg_spec *spec,
                                  void (*done)(void *user, struct pg_response *response,
                                               struct err *err),
                                  void *user);
void sql_query_go(struct sql_query *query);
void sql_query_cancel(struct sql_query *query, int64_t grace_ms, bool timed_out);
/* Of one whose engine leaves: `done` is not called. NULL is legal. */
void sql_query_free(struct sql_query *query);

#endif
