#include "sql_query.h"

#include "base/mem.h"
#include "base/text.h"
#include "io/loop.h"
#include "io/ssh.h"

struct sql_query {
    struct step_ctx *ctx;
    struct pg_spec spec;
    void (*done)(void *user, struct pg_response *response, struct err *err);
    void *user;
    char *entry;             /* of its tunnel; NULL: none is open */
    struct pg_query *query;  /* NULL: it was not begun */
    struct loop_timer *news; /* nor will it: `err` says why */
    bool is_cancelled;
    struct err err;
};

void sql_query_free(struct sql_query *query) {
    if (!query)
        return;
    loop_timer_free(query->news);
    err_release(&query->err);
    mem_free(query->entry);
    mem_free(query);
}

/* ---- what pg tells ----------------------------------------------------------------------------
 */

static void ended(void *user, struct pg_response *response, struct err *err) {
    struct sql_query *query = user;
    query->done(query->user, response, err);
    sql_query_free(query);
}

static void before_commit(void *user, const struct pg_held *held) {
    const struct sql_query *query = user;
    query->spec.before_commit(query->user, held);
}

static void noticed(void *user, const char *severity, const char *text) {
    const struct sql_query *query = user;
    query->spec.notice(query->user, severity, text);
}

static void begin(struct sql_query *query) {
    struct pg_spec spec = query->spec;
    spec.target.entry = query->entry;
    spec.before_commit = spec.before_commit ? before_commit : NULL;
    spec.notice = spec.notice ? noticed : NULL;
    query->query = pg_start(step_loop(query->ctx), &spec, ended, query);
}

/* ---- the tunnel -------------------------------------------------------------------------------
 */

static void refuse(void *user) {
    struct sql_query *query = user;
    struct pg_response response = {
        .rows = value_array(),
        .commands = value_array(),
        .failed = PG_NO_STATEMENT,
        .cancelled = query->is_cancelled,
    };
    query->done(query->user, &response, &query->err);
    value_free(response.rows);
    value_free(response.commands);
    sql_query_free(query);
}

static void refuse_soon(struct sql_query *query) {
    struct sql_attempt *attempt = step_state(query->ctx);
    attempt->waiting = NULL;
    err_wrap(&query->err, "database \"%s\" cannot be reached", query->spec.target.name);
    query->news = loop_timer_new(step_loop(query->ctx), 0, refuse, query);
}

static void opened(struct step_ctx *ctx, const char *entry, struct err *err) {
    struct sql_attempt *attempt = step_state(ctx);
    struct sql_query *query = attempt->waiting;
    if (err) {
        err_move(&query->err, err);
        refuse_soon(query);
        return;
    }
    attempt->waiting = NULL;
    query->entry = mem_strdup(entry);
    begin(query);
}

static int tunnel_begin(struct sql_query *query, struct err *err) {
    struct pg_place place;
    if (pg_place_init(query->spec.target.url, &place, err) < 0)
        return -1;
    const struct ssh_end end = {place.host, place.port, place.wants_port};
    int status = step_tunnel(query->ctx, &end, opened, err);
    pg_place_release(&place);
    return status;
}

/* ---- the verbs --------------------------------------------------------------------------------
 */

struct sql_query *sql_query_start(struct step_ctx *ctx, const struct pg_spec *spec,
                                  void (*done)(void *user, struct pg_response *response,
                                               struct err *err),
                                  void *user) {
    struct sql_attempt *attempt = step_state(ctx);
    struct sql_query *query = mem_zalloc(sizeof *query);
    query->ctx = ctx;
    query->spec = *spec;
    query->done = done;
    query->user = user;
    if (!step_target(ctx)) {
        begin(query);
        return query;
    }
    attempt->waiting = query;
    if (tunnel_begin(query, &query->err) < 0)
        refuse_soon(query);
    return query;
}

void sql_query_go(struct sql_query *query) {
    pg_go(query->query);
}

void sql_query_cancel(struct sql_query *query, int64_t grace_ms, bool timed_out) {
    struct sql_attempt *attempt = step_state(query->ctx);
    if (query->query)
        pg_cancel(query->query, grace_ms, timed_out);
    if (attempt->waiting != query)
        return;
    step_reach_leave(query->ctx);
    query->is_cancelled = true;
    err_set(&query->err, timed_out ? ERR_TIMEOUT : ERR_REFUSED, "its target was not reached yet");
    refuse_soon(query);
}
