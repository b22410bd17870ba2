/* One connection to a server, driven by the loop: opening, batches of statements, cancelling. */
#ifndef IO_PG_LINK_H
#define IO_PG_LINK_H

#include <libpq-fe.h>
#include <stdbool.h>

#include "io/pg.h"

struct pg_op {
    const char *text;
    const char *const *values; /* texts, typed by the server; NULL is NULL */
    size_t value_count;
};

/* Where the answers to a batch go. `row` and `result` must not end the link; `end` may, and may
 * send the next batch. */
struct pg_sink {
    void (*row)(void *user, size_t op, const PGresult *result); /* one row; NULL drops them */
    /* The end of an op: done, error, a COPY that was ended, or PGRES_PIPELINE_ABORTED. */
    void (*result)(void *user, size_t op, const PGresult *result);
    void (*end)(void *user, bool lost);
};

struct pg_link;
/* `opened` is called once, from the loop, unless the link is closed before. `name` is for
 * messages. */
struct pg_link *pg_link_open(struct loop *loop, const struct pg_target *target,
                             void (*opened)(void *user, struct err *err), void *user);
/* Whatever it was doing, nothing is called any more; NULL is legal. */
void pg_link_close(struct pg_link *link);

/* Sends all ops as one message; more than one travel in libpq's pipeline mode: behind one that
 * fails the server skips the rest. `ops` and what they lead to live until `end`. */
void pg_link_send(struct pg_link *link, const struct pg_op *ops, size_t count,
                  const struct pg_sink *sink, void *user);
/* Asks the server, over another connection and in a thread, to end the statement that runs. The
 * request may arrive late, so the link must not be used for other work: it is tainted. */
void pg_link_cancel(struct pg_link *link);
bool pg_link_tainted(const struct pg_link *link);

void pg_link_on_notice(struct pg_link *link,
                       void (*notice)(void *user, const char *severity, const char *text),
                       void *user);
/* Of an idle link: whether the server is still there, as far as the socket tells. */
bool pg_link_alive(struct pg_link *link);
PGconn *pg_link_connection(struct pg_link *link);

#endif
