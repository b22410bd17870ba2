#include "io/pg_link.h"

#include <poll.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "io/pg_address.h"
#include "io/pg_error.h"

#define CONNECT_TIMEOUT_MS 10000

struct pg_link {
    struct loop *loop;
    char *name;
    int64_t connect_timeout_ms;
    struct pg_address *address; /* until it is connected */
    char *through;              /* where it leads, and by which way; NULL: it goes by itself */
    struct err malformed;       /* why there is none */
    PGconn *connection;
    struct loop_watch *watch;
    struct loop_timer *timer;
    /* Calls under way that hold the link: a thread that resolves, a deferred call. It is freed
     * behind the last of them. */
    int held;
    bool closed, tainted;
    void (*opened)(void *user, struct err *err);
    void *opened_user;
    void (*notice)(void *user, const char *severity, const char *text);
    void *notice_user;

    const struct pg_sink *sink; /* of the batch under way, NULL: idle */
    void *sink_user;
    size_t op;
    bool pipeline, ended, copying_out;
};

static void link_release(struct pg_link *link) {
    if (!link->closed || link->held > 0)
        return;
    pg_address_free(link->address);
    err_release(&link->malformed);
    mem_free(link->through);
    mem_free(link->name);
    mem_free(link);
}

static void link_watch(struct pg_link *link, int events);

void pg_link_close(struct pg_link *link) {
    if (!link || link->closed)
        return;
    loop_watch_free(link->watch);
    loop_timer_free(link->timer);
    link->watch = NULL;
    link->timer = NULL;
    if (link->connection)
        PQfinish(link->connection);
    link->connection = NULL;
    link->closed = true;
    link_release(link);
}

/* ---- opening ------------------------------------------------------------------------------ */

static void link_opened(struct pg_link *link, struct err *err) {
    void (*opened)(void *user, struct err *err) = link->opened;
    loop_timer_free(link->timer);
    link->timer = NULL;
    link->opened = NULL;
    if (err)
        err_wrap(err, "database \"%s\" cannot be reached", link->name);
    if (opened)
        opened(link->opened_user, err);
}

/* What libpq says of the tunnel's entry is of no use, and a host that the other side does not know
 * is a connection that is closed without a word. */
static void link_failed_there(struct pg_link *link, struct err *err) {
    const char *reason = strstr(err->message, " failed: ");
    if (reason && text_starts_with(err->message, "connection to server "))
        err_set(err, err->kind, "%s", reason + strlen(" failed: "));
    if (strstr(err->message, "closed the connection unexpectedly"))
        err_hint(err, "seen from there: the host is not known, nothing listens on that port, or "
                      "sshd allows no tunnels (AllowTcpForwarding)");
    err_wrap(err, "%s", link->through);
}

static void link_failed(struct pg_link *link) {
    AUTO_ERR err = ERR_INIT;
    (void)pg_error_connection(link->connection, NULL, &err);
    if (link->through) {
        link_failed_there(link, &err);
        link_opened(link, &err);
        return;
    }
    const char *host = PQhost(link->connection);
    /* libpq names the address only, since that is what it was given. */
    if (host && *host && !strstr(err.message, host))
        err_wrap(&err, "host %s", host);
    link_opened(link, &err);
}

static void link_timed_out(void *user) {
    struct pg_link *link = user;
    AUTO_ERR err = ERR_INIT;
    AUTO_TEXT limit = text_format_duration(link->connect_timeout_ms);
    AUTO_TEXT place = link->through      ? mem_strdup(link->through)
                      : link->connection ? pg_error_place(link->connection)
                                         : mem_strdup("the name service");
    loop_watch_free(link->watch);
    link->watch = NULL;
    err_set(&err, ERR_UNREACHABLE, "%s did not answer within %s", place, limit);
    link_opened(link, &err);
}

static void link_notice(void *user, const PGresult *result) {
    struct pg_link *link = user;
    const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
    const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    const char *detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
    if (!link->notice || !text)
        return;
    AUTO_TEXT both = detail ? mem_printf("%s: %s", text, detail) : NULL;
    link->notice(link->notice_user, severity ? severity : "NOTICE", both ? both : text);
}

static void link_connected(struct pg_link *link) {
    pg_address_free(link->address);
    link->address = NULL;
    (void)PQsetnonblocking(link->connection, 1);
    (void)PQsetNoticeReceiver(link->connection, link_notice, link);
    link_opened(link, NULL);
}

/* PQconnectPoll may close the descriptor and open another for the next address, so that the
 * watch is made anew at each turn. */
static void link_connect_step(void *user, int events) {
    struct pg_link *link = user;
    (void)events;
    loop_watch_free(link->watch);
    link->watch = NULL;
    switch (PQconnectPoll(link->connection)) {
    case PGRES_POLLING_READING:
        link_watch(link, LOOP_READ);
        break;
    case PGRES_POLLING_WRITING:
        link_watch(link, LOOP_WRITE);
        break;
    case PGRES_POLLING_OK:
        link_connected(link);
        break;
    default:
        link_failed(link);
        break;
    }
}

static void link_watch(struct pg_link *link, int events) {
    link->watch =
        loop_watch_new(link->loop, PQsocket(link->connection), events, link_connect_step, link);
}

static void link_connect(struct pg_link *link) {
    AUTO_ERR err = ERR_INIT;
    if (pg_address_check(link->address, &err) < 0) {
        link_opened(link, &err);
        return;
    }
    link->connection = PQconnectStartParams(pg_address_keywords(link->address),
                                            pg_address_values(link->address), 0);
    if (!link->connection || PQstatus(link->connection) == CONNECTION_BAD)
        link_failed(link);
    else
        link_watch(link, LOOP_WRITE); /* as if the first poll had answered WRITING */
}

static void link_resolve(void *user) {
    struct pg_link *link = user;
    pg_address_resolve(link->address);
}

/* The end of what held the link while it was being opened. */
static void link_begin(void *user) {
    struct pg_link *link = user;
    link->held--;
    if (link->closed || !link->opened)
        link_release(link);
    else
        link_connect(link);
}

static void link_malformed(void *user) {
    struct pg_link *link = user;
    link->held--;
    if (link->closed)
        link_release(link);
    else
        link_opened(link, &link->malformed);
}

static void link_lead(struct pg_link *link, const struct pg_target *target) {
    struct pg_place place;
    if (pg_address_place(link->address, &place, NULL) < 0)
        return;
    bool is_socket = *place.host == '/';
    link->through = mem_printf("%s%s%s through `%s`", place.host, is_socket ? "" : ":",
                               is_socket ? "" : place.port, target->way);
    pg_place_release(&place);
    pg_address_lead(link->address, target->entry);
}

struct pg_link *pg_link_open(struct loop *loop, const struct pg_target *target,
                             void (*opened)(void *user, struct err *err), void *user) {
    struct pg_link *link = mem_zalloc(sizeof *link);
    link->loop = loop;
    link->name = mem_strdup(target->name ? target->name : "");
    link->connect_timeout_ms =
        target->connect_timeout_ms > 0 ? target->connect_timeout_ms : CONNECT_TIMEOUT_MS;
    link->opened = opened;
    link->opened_user = user;
    link->held = 1;
    if (pg_address_new(target->url, &link->address, &link->malformed) < 0) {
        loop_defer(loop, link_malformed, link);
        return link;
    }
    if (target->entry)
        link_lead(link, target);
    link->timer = loop_timer_new(loop, link->connect_timeout_ms, link_timed_out, link);
    if (pg_address_has_names(link->address))
        loop_work(loop, link_resolve, link_begin, link);
    else
        loop_defer(loop, link_begin, link);
    return link;
}

/* ---- batches ------------------------------------------------------------------------------ */

static bool link_is_bad(const struct pg_link *link) {
    return PQstatus(link->connection) == CONNECTION_BAD;
}

static void link_unwatch(struct pg_link *link) {
    loop_watch_free(link->watch);
    link->watch = NULL;
}

static void link_end(struct pg_link *link, bool lost) {
    const struct pg_sink *sink = link->sink;
    link->sink = NULL;
    if (lost)
        link_unwatch(link);
    else
        loop_watch_hold(link->watch, false);
    if (link->pipeline && !lost && PQexitPipelineMode(link->connection) == 0)
        lost = true;
    sink->end(link->sink_user, lost);
}

/* A COPY has no place in a batch: what the server sends is dropped, what it asks for is refused,
 * and it then answers with an error or with its end. Returns whether the copy is over. */
static bool link_drain_copy(struct pg_link *link) {
    char *bytes = NULL;
    int length;
    while ((length = PQgetCopyData(link->connection, &bytes, 1)) > 0)
        PQfreemem(bytes);
    link->copying_out = length == 0;
    return length != 0;
}

static void link_take(struct pg_link *link, const PGresult *result) {
    switch (PQresultStatus(result)) {
    case PGRES_SINGLE_TUPLE:
        if (link->sink->row)
            link->sink->row(link->sink_user, link->op, result);
        break;
    case PGRES_PIPELINE_SYNC:
        link->ended = true;
        break;
    case PGRES_COPY_IN:
    case PGRES_COPY_BOTH:
        link->sink->result(link->sink_user, link->op, result);
        (void)PQputCopyEnd(link->connection, "nothing is sent to COPY FROM STDIN");
        break;
    case PGRES_COPY_OUT:
        link->sink->result(link->sink_user, link->op, result);
        link->copying_out = true;
        break;
    default:
        link->sink->result(link->sink_user, link->op, result);
    }
}

/* Takes what has arrived. The link may be gone behind it. */
static void link_pump(struct pg_link *link) {
    while (!link->ended && !PQisBusy(link->connection)) {
        if (link->copying_out && !link_drain_copy(link))
            return;
        PGresult *result = PQgetResult(link->connection);
        if (result) {
            link_take(link, result);
            PQclear(result);
        } else if (link_is_bad(link)) {
            link_end(link, true);
            return;
        } else if (link->pipeline) {
            link->op++;
            (void)PQsetSingleRowMode(link->connection);
        } else {
            link->ended = true;
        }
    }
    if (link->ended)
        link_end(link, false);
}

static void link_flush(struct pg_link *link) {
    int left = PQflush(link->connection);
    /* A failed write is no news: what the server said before it closed is still to be read. */
    loop_watch_set(link->watch, left > 0 ? LOOP_READ | LOOP_WRITE : LOOP_READ);
}

static void link_ready(void *user, int events) {
    struct pg_link *link = user;
    bool is_open = !(events & LOOP_READ) || PQconsumeInput(link->connection);
    if (!link->sink) {
        if (!is_open)
            link_unwatch(link); /* pg_link_alive will tell */
        return;
    }
    if (!link_is_bad(link))
        link_flush(link);
    link_pump(link);
}

/* A batch that could not even be sent ends from the loop, not from within pg_link_send. */
static void link_unsent(void *user) {
    struct pg_link *link = user;
    link->held--;
    if (link->closed)
        link_release(link);
    else if (link->sink)
        link_end(link, true);
}

static bool link_write(struct pg_link *link, const struct pg_op *ops, size_t count) {
    if (link_is_bad(link) || (link->pipeline && !PQenterPipelineMode(link->connection)))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!PQsendQueryParams(link->connection, ops[i].text, (int)ops[i].value_count, NULL,
                               ops[i].values, NULL, NULL, 0))
            return false;
    if (link->pipeline && !PQpipelineSync(link->connection))
        return false;
    (void)PQsetSingleRowMode(link->connection);
    return true;
}

void pg_link_send(struct pg_link *link, const struct pg_op *ops, size_t count,
                  const struct pg_sink *sink, void *user) {
    link->sink = sink;
    link->sink_user = user;
    link->op = 0;
    link->pipeline = count > 1;
    link->ended = false;
    link->copying_out = false;
    if (!link_write(link, ops, count)) {
        link->held++;
        loop_defer(link->loop, link_unsent, link);
        return;
    }
    /* Kept between batches: to make one takes seven system calls. */
    if (link->watch)
        loop_watch_hold(link->watch, true);
    else
        link->watch =
            loop_watch_new(link->loop, PQsocket(link->connection), LOOP_READ, link_ready, link);
    link_flush(link);
}

/* ---- cancelling --------------------------------------------------------------------------- */

/* Frees in the thread, since a loop that ends waits for it but calls nothing any more. */
static void cancel_work(void *user) {
    char reason[256];
    (void)PQcancel(user, reason, sizeof reason);
    PQfreeCancel(user);
}

static void cancel_done(void *user) {
    (void)user;
}

void pg_link_cancel(struct pg_link *link) {
    PGcancel *cancel = PQgetCancel(link->connection);
    link->tainted = true;
    if (cancel)
        loop_work(link->loop, cancel_work, cancel_done, cancel);
}

bool pg_link_tainted(const struct pg_link *link) {
    return link->tainted;
}

/* ---- the rest ----------------------------------------------------------------------------- */

void pg_link_on_notice(struct pg_link *link,
                       void (*notice)(void *user, const char *severity, const char *text),
                       void *user) {
    link->notice = notice;
    link->notice_user = user;
}

bool pg_link_alive(struct pg_link *link) {
    struct pollfd socket = {.fd = PQsocket(link->connection), .events = POLLIN};
    /* A server that went away left a message and then the end of the stream: two reads. */
    for (int turn = 0; turn < 3; turn++) {
        if (link_is_bad(link))
            return false;
        if (poll(&socket, 1, 0) <= 0)
            return true;
        if (!PQconsumeInput(link->connection))
            return false;
    }
    return !link_is_bad(link) && !PQisBusy(link->connection);
}

PGconn *pg_link_connection(struct pg_link *link) {
    return link->connection;
}
