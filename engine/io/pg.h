/* PostgreSQL by libpq, never blocking, with a bounded pool a database. */
#ifndef IO_PG_H
#define IO_PG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/loop.h"
#include "value/value.h"

struct pg_target {
    const char *name; /* for messages */
    const char *url;  /* a libpq URI or key=value string; holds credentials */
    const char *role; /* SET ROLE; NULL: none */
    int64_t statement_timeout_ms, lock_timeout_ms; /* 0: the server's */
    int64_t connect_timeout_ms;                    /* 0: 10 s */
    int64_t pool;                                  /* most connections at once; 0: 4 */
    const char *way;   /* the host of ssh that connections go through; NULL: none */
    const char *entry; /* where the latest tunnel to pg_place begins, see io/ssh.h */
};

enum pg_transaction { PG_ONE, PG_EACH, PG_NONE }; /* all in one, one each, none */

struct pg_statement {
    const char *text;          /* one statement, $1… for its parameters, NUL-terminated */
    const char *const *values; /* `value_count` texts; NULL is NULL */
    size_t value_count;
};

/* A server as it runs since it last recovered from a crash, as one text: its cluster, when it
 * recovered, its latest checkpoint. Columns of PG_SERVER_FROM. A server that crashes gives the
 * number of a transaction of which nothing had reached its disk to another one; with this text it
 * can be told later whether it may have. */
#define PG_SERVER_SQL                                                                              \
    "system_identifier || ' ' || extract(epoch FROM "                                              \
    "pg_catalog.pg_stat_get_bgwriter_stat_reset_time()) || ' ' || checkpoint_lsn"
#define PG_SERVER_FROM "FROM pg_catalog.pg_control_system(), pg_catalog.pg_control_checkpoint()"

/* A transaction of which only COMMIT is left. */
struct pg_held {
    uint64_t transaction_id; /* 0: none, it may not write */
    const char *server;      /* PG_SERVER_SQL; "" where the role may not ask */
    size_t statement_count;  /* carried out so far */
    value rows, commands;    /* as in pg_response; borrowed */
    int64_t row_count;
};

/* What its pointers lead to stays the caller's and must live until `done`. */
struct pg_spec {
    struct pg_target target;
    const char *application_name; /* what pg_stat_activity shows meanwhile; NULL: "runbook" */
    const struct pg_statement *statements;
    size_t statement_count;
    enum pg_transaction transaction;
    bool read_only;      /* the transaction is READ ONLY */
    bool rolls_back;     /* it ends by ROLLBACK, where all statements succeeded, too; not PG_NONE */
    size_t rows_ceiling; /* bytes of rows kept as values; more is an error; 0: 64 MiB */
    /* Told before COMMIT is sent; the statement goes on when the callee calls pg_go. NULL: at
     * once. Never with `read_only`. */
    void (*before_commit)(void *user, const struct pg_held *held);
    void (*notice)(void *user, const char *severity, const char *text);
};

struct pg_response {
    /* Of the last statement that yields rows: an array of objects. Integers beyond 2^53 and
     * numerics that a double cannot hold are strings of digits; json is JSON; bool is a boolean;
     * NULL is null; everything else is text. */
    value rows;
    int64_t row_count; /* rows of it, or rows that the last statement changed */
    value commands;    /* the command tag of each statement, of the first 1,000 */
    bool rolled_back;  /* nothing remains: the server said so, or COMMIT was never sent */
    bool in_doubt;     /* the connection was lost while COMMIT was under way, or outside a
                          transaction after a statement was sent */
    bool connected;
    bool cancelled;       /* it ended because pg_cancel asked for it */
    size_t failed;        /* index of the statement that failed; PG_NO_STATEMENT: COMMIT or else */
    size_t position;      /* the server's cursor: character of that statement, from 1; 0 unknown */
    const char *sqlstate; /* of the error, or NULL */
};
#define PG_NO_STATEMENT SIZE_MAX

struct pg_query;
/* `done` is called once, from the loop, with an empty `err` on success; `response` and `err` are
 * the callee's to read or to move out of, and the query is gone behind it. */
struct pg_query *pg_start(struct loop *loop, const struct pg_spec *spec,
                          void (*done)(void *user, struct pg_response *response, struct err *err),
                          void *user);
void pg_go(struct pg_query *query);
/* Sends a cancel to the server and waits for its answer; cuts the connection after `grace_ms`.
 * A COMMIT under way is not disturbed, only awaited. `done` is still called, with ERR_TIMEOUT
 * where `timed_out` and ERR_REFUSED otherwise; pg_go may no longer be called. */
void pg_cancel(struct pg_query *query, int64_t grace_ms, bool timed_out);

/* Checks a URL's form without connecting. */
int pg_check_url(const char *url, struct err *err) MUST_USE;

/* Where a URL leads, for a tunnel to it. */
struct pg_place {
    char *host; /* or the path of a unix socket there */
    char *port;
    bool wants_port; /* it asks for TLS, and libpq has none on a unix socket */
};
int pg_place_init(const char *url, struct pg_place *ret, struct err *err) MUST_USE;
void pg_place_release(struct pg_place *place);

#endif
