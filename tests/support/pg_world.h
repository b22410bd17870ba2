/* A test's own PostgreSQL cluster (pg_cluster), and statements run on it to their end. */
#ifndef SUPPORT_PG_WORLD_H
#define SUPPORT_PG_WORLD_H

#include "io/pg.h"

/* Aborts the test program where it cannot. The cluster ends with this process, however it ends. */
void pg_world_open(void);
void pg_world_close(void);
const char *pg_world_url(void);    /* of the superuser, by its socket */
const char *pg_world_folder(void); /* where the socket lies */

/* What came of a query. */
struct pg_answer {
    struct loop *loop;
    struct pg_response response;
    char sqlstate[6];
    struct err err;
    struct buf notices; /* "SEVERITY: text" lines */
    bool is_over;
    struct pg_query *query;
    uint64_t transaction_id;
    int held;    /* times before_commit was called */
    bool freeze; /* before_commit does not go on by itself */
};
/* Starts it; the answer must stay where it is until it is over. */
void pg_world_start(struct loop *loop, const struct pg_spec *spec, struct pg_answer *answer);
/* Runs the loop until the answer is there. */
void pg_world_wait(struct pg_answer *answer);
void pg_world_run(struct loop *loop, const struct pg_spec *spec, struct pg_answer *answer);
void pg_answer_release(struct pg_answer *answer);
#define AUTO_ANSWER __attribute__((cleanup(pg_answer_release))) struct pg_answer

/* A spec of one statement without parameters, in a transaction; valid until the 64th call. */
struct pg_spec pg_world_spec(const char *text);
/* Runs it on a loop of its own and aborts where it fails. */
void pg_world_do(const char *text);
/* The first column of the first row, as JSON, of what only reads; the caller frees. */
char *pg_world_ask(const char *text);

#endif
