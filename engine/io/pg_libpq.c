/* The module "pg": a script's way through a connection, group by group.
 *
 * A group is what commits together: all statements (PG_ONE), or each (PG_EACH, PG_NONE). It goes
 * to the server as one message in pipeline mode: BEGIN, the statements, and what comes before
 * COMMIT; behind a statement that fails the server skips the rest. COMMIT itself is sent only
 * when all of that has succeeded, and alone, so that a connection that is lost earlier leaves no
 * doubt. A read-only group leaves nothing to doubt: its COMMIT travels with it, in one round
 * trip. */
#include "io/pg_module.h"

#include "base/mem.h"
#include "base/text.h"
#include "io/module.h"
#include "io/pg_address.h"
#include "io/pg_error.h"
#include "io/pg_pool.h"
#include "io/pg_rows.h"

/* Most statements in one message: libpq moves what it could not send yet at each attempt, so that
 * a script of 50,000 in one took four times as long as one by one. */
#define BATCH_STATEMENTS 128
#define NAME_CEILING 63 /* of the server's NAMEDATALEN */

enum phase {
    PHASE_NEW,     /* deferred: pg_start must not call back */
    PHASE_WAITING, /* for a connection */
    PHASE_NAMING,  /* PG_NONE: SET application_name */
    PHASE_SERVER,  /* a new connection: which server it is */
    PHASE_GROUP,   /* BEGIN and the statements */
    PHASE_HELD,    /* before COMMIT: pg_go goes on */
    PHASE_COMMIT,
    PHASE_ROLLBACK,
    PHASE_END, /* deferred: to report a cancel */
};

enum role { ROLE_OTHER, ROLE_STATEMENT, ROLE_ID, ROLE_SERVER, ROLE_COMMIT };

struct step_op {
    enum role role;
    size_t statement;
};

struct pg_query {
    struct loop *loop;
    struct pg_spec spec;
    void (*done)(void *user, struct pg_response *response, struct err *err);
    void *user;
    enum phase phase;
    struct pg_waiter waiter;
    struct pg_lease *lease;
    struct pg_link *link;
    bool connected, sent;

    size_t group, group_end; /* statements [group, group_end) */
    size_t batch, batch_end; /* of them, what is under way */
    size_t committed;        /* groups that are */
    struct pg_op *ops;       /* of the batch under way, with what each is for */
    struct step_op *roles;
    size_t op_count;
    char *name_statement; /* SET [LOCAL] application_name */
    uint64_t transaction_id;

    struct pg_rows rows;
    struct err err; /* the first */
    char sqlstate[6];
    size_t failed, position;
    bool in_doubt, rolled_back;
    bool cancelled, timed_out;
    struct loop_timer *grace;
    struct pg_query *next, **place; /* among the loop's queries */
};

/* Those under way: a loop that ends first frees them. */
struct queries {
    struct pg_query *first;
};

static const struct pg_sink query_sink;

/* ---- the end ------------------------------------------------------------------------------ */

static void query_free(struct pg_query *query) {
    *query->place = query->next;
    if (query->next)
        query->next->place = query->place;
    loop_timer_free(query->grace);
    pg_rows_release(&query->rows);
    err_release(&query->err);
    mem_free(query->ops);
    mem_free(query->roles);
    mem_free(query->name_statement);
    mem_free(query);
}

static void queries_free(void *object) {
    struct queries *queries = object;
    while (queries->first)
        query_free(queries->first);
    mem_free(queries);
}

static void query_list(struct pg_query *query) {
    struct queries *queries = loop_slot_get(query->loop, LOOP_SLOT_QUERIES);
    if (!queries) {
        queries = mem_zalloc(sizeof *queries);
        loop_slot_set(query->loop, LOOP_SLOT_QUERIES, queries, queries_free);
    }
    query->place = &queries->first;
    query->next = queries->first;
    if (query->next)
        query->next->place = &query->next;
    queries->first = query;
}

static void query_report(void *user) {
    struct pg_query *query = user;
    struct pg_response response = {
        .rows = query->rows.rows,
        .row_count = query->rows.count,
        .commands = query->rows.commands,
        .rolled_back = query->rolled_back,
        .in_doubt = query->in_doubt,
        .connected = query->connected,
        .cancelled = query->cancelled && query->err.kind,
        .failed = query->failed,
        .position = query->position,
        .sqlstate = *query->sqlstate ? query->sqlstate : NULL,
    };
    query->rows.rows = value_none();
    query->rows.commands = value_none();
    query->done(query->user, &response, &query->err);
    value_free(response.rows);
    value_free(response.commands);
    query_free(query);
}

static void query_finish(struct pg_query *query, enum pg_return how) {
    if (query->lease)
        pg_pool_release(query->lease, how);
    query->lease = NULL;
    query->link = NULL;
    query_report(query);
}

static void query_cancelled_err(struct pg_query *query) {
    err_release(&query->err);
    if (query->timed_out)
        err_set(&query->err, ERR_TIMEOUT, "the statements did not end within the time limit");
    else
        err_set(&query->err, ERR_REFUSED, "cancelled");
}

/* Its COMMIT needs no round trip of its own. */
static bool query_commits_along(const struct pg_query *query) {
    return query->spec.read_only && !query->spec.rolls_back;
}

/* Whether what failed left nothing behind: nothing was sent, or of groups that are transactions
 * none committed. */
static bool query_left_nothing(const struct pg_query *query) {
    return query->spec.read_only || query->spec.rolls_back || !query->sent ||
           (query->committed == 0 && query->spec.transaction != PG_NONE);
}

static void query_finish_failed(struct pg_query *query) {
    query->rolled_back = query_left_nothing(query) && !query->in_doubt;
    if (query->cancelled)
        query_cancelled_err(query);
    query_finish(query, query_commits_along(query) ? PG_RETURN_CLEAN : PG_RETURN_USED);
}

/* ---- batches ------------------------------------------------------------------------------ */

static void query_clear(struct pg_query *query, size_t capacity) {
    mem_free(query->ops);
    mem_free(query->roles);
    query->ops = mem_calloc(capacity, sizeof *query->ops);
    query->roles = mem_calloc(capacity, sizeof *query->roles);
    query->op_count = 0;
}

static void query_add(struct pg_query *query, enum role role, const char *text) {
    query->ops[query->op_count] = (struct pg_op){.text = text};
    query->roles[query->op_count++] = (struct step_op){role, PG_NO_STATEMENT};
}

static void query_add_statement(struct pg_query *query, size_t index) {
    const struct pg_statement *statement = &query->spec.statements[index];
    query->ops[query->op_count] = (struct pg_op){
        .text = statement->text,
        .values = statement->values,
        .value_count = statement->value_count,
    };
    query->roles[query->op_count++] = (struct step_op){ROLE_STATEMENT, index};
}

static void query_send(struct pg_query *query, enum phase phase) {
    query->phase = phase;
    pg_link_send(query->link, query->ops, query->op_count, &query_sink, query);
}

static void query_send_one(struct pg_query *query, enum phase phase, enum role role,
                           const char *text) {
    query_clear(query, 1);
    query_add(query, role, text);
    query_send(query, phase);
}

/* One is taken where there is none yet: what only notifies, or writes to a foreign server, has an
 * effect, too. The server of a transaction that may not write, as of a standby's, hands out none.
 */
static const char *id_query(struct pg_query *query) {
#define ID_QUERY(if_assigned, taken)                                                               \
    "SELECT CASE WHEN pg_catalog.current_setting('transaction_read_only')::bool "                  \
    "THEN pg_catalog." if_assigned "() ELSE pg_catalog." taken "() END"
    return PQserverVersion(pg_link_connection(query->link)) >= 130000
               ? ID_QUERY("pg_current_xact_id_if_assigned", "pg_current_xact_id")
               : ID_QUERY("txid_current_if_assigned", "txid_current");
}

static void query_send_batch(struct pg_query *query) {
    const struct pg_spec *spec = &query->spec;
    bool in_transaction = spec->transaction != PG_NONE;
    size_t left = query->group_end - query->batch;
    bool is_last = left <= BATCH_STATEMENTS;
    query->batch_end = query->batch + (is_last ? left : BATCH_STATEMENTS);
    query_clear(query, query->batch_end - query->batch + 4);
    if (in_transaction && query->batch == query->group) {
        query_add(query, ROLE_OTHER, spec->read_only ? "BEGIN READ ONLY" : "BEGIN");
        query_add(query, ROLE_OTHER, query->name_statement);
    }
    for (size_t i = query->batch; i < query->batch_end; i++)
        query_add_statement(query, i);
    if (is_last && in_transaction && query_commits_along(query))
        query_add(query, ROLE_COMMIT, "COMMIT");
    else if (is_last && in_transaction && spec->before_commit)
        query_add(query, ROLE_ID, id_query(query));
    query_send(query, PHASE_GROUP);
}

static void query_send_group(struct pg_query *query) {
    const struct pg_spec *spec = &query->spec;
    query->group_end = spec->transaction == PG_ONE ? spec->statement_count : query->group + 1;
    query->batch = query->group;
    query->transaction_id = 0;
    query->sent = true;
    query_send_batch(query);
}

static void query_next_group(struct pg_query *query) {
    if (query->group >= query->spec.statement_count)
        query_finish(query, query_commits_along(query) ? PG_RETURN_CLEAN : PG_RETURN_USED);
    else if (query->cancelled)
        query_finish_failed(query);
    else
        query_send_group(query);
}

/* ---- answers ------------------------------------------------------------------------------ */

static void query_failed(struct pg_query *query, size_t op, const PGresult *result) {
    /* What a role may not ask is not known, and no failure. */
    if (query->err.kind || query->roles[op].role == ROLE_SERVER)
        return;
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *position = PQresultErrorField(result, PG_DIAG_STATEMENT_POSITION);
    query->failed = query->roles[op].statement;
    if (sqlstate)
        memcpy(query->sqlstate, sqlstate, strnlen(sqlstate, sizeof query->sqlstate - 1));
    if (position)
        query->position = strtoul(position, NULL, 10);
    (void)pg_error_result(result, &query->err);
    if (query->roles[op].role == ROLE_COMMIT)
        err_wrap(&query->err, "COMMIT failed");
}

static void query_row(void *user, size_t op, const PGresult *result) {
    struct pg_query *query = user;
    if (query->roles[op].role == ROLE_ID && !PQgetisnull(result, 0, 0))
        query->transaction_id = strtoull(PQgetvalue(result, 0, 0), NULL, 10);
    if (query->roles[op].role == ROLE_SERVER)
        pg_lease_set_server(query->lease, PQgetvalue(result, 0, 0));
    if (query->roles[op].role != ROLE_STATEMENT || query->err.kind)
        return;
    if (pg_rows_add(&query->rows, result, &query->err) < 0) {
        query->failed = query->roles[op].statement;
        pg_link_cancel(query->link);
    }
}

static void query_copied(struct pg_query *query, size_t op) {
    if (query->err.kind)
        return;
    query->failed = query->roles[op].statement;
    err_set(&query->err, ERR_REFUSED, "COPY FROM STDIN and TO STDOUT have nobody to talk to");
    err_hint(&query->err, "use INSERT or SELECT, COPY with a file on the server, or a `shell` step "
                          "with psql's \\copy");
}

static void query_succeeded(struct pg_query *query, size_t op, PGresult *result) {
    if (query->roles[op].role == ROLE_STATEMENT)
        pg_rows_end(&query->rows, result);
    /* A transaction that had failed is ended by COMMIT all the same, and the tag tells. */
    if (query->roles[op].role == ROLE_COMMIT && !text_equal(PQcmdStatus(result), "COMMIT") &&
        !query->err.kind)
        err_set(&query->err, ERR_REFUSED, "COMMIT was answered with %s: nothing was kept",
                PQcmdStatus(result));
}

static void query_result(void *user, size_t op, const PGresult *result) {
    struct pg_query *query = user;
    switch (PQresultStatus(result)) {
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
    case PGRES_EMPTY_QUERY:
        query_succeeded(query, op, (PGresult *)(uintptr_t)result);
        break;
    case PGRES_COPY_IN:
    case PGRES_COPY_OUT:
    case PGRES_COPY_BOTH:
        query_copied(query, op);
        break;
    case PGRES_PIPELINE_ABORTED:
        break;
    default:
        query_failed(query, op, result);
    }
}

static void query_lost(struct pg_query *query) {
    bool sent_commit = query->phase == PHASE_COMMIT;
    bool sent_alone = query->phase == PHASE_GROUP && query->spec.transaction == PG_NONE;
    query->in_doubt = !query->spec.read_only && (sent_commit || sent_alone);
    if (!query->err.kind) {
        AUTO_TEXT what =
            mem_printf("database \"%s\": the connection was lost%s", query->spec.target.name,
                       sent_commit ? " while COMMIT was under way" : "");
        (void)pg_error_connection(pg_link_connection(query->link), what, &query->err);
    } else if (query->err.kind == ERR_REFUSED) {
        query->err.kind = ERR_UNREACHABLE; /* the server's last words */
        err_wrap(&query->err, "database \"%s\": the connection was lost", query->spec.target.name);
    }
    query->rolled_back = query_left_nothing(query) && !query->in_doubt;
    if (query->cancelled)
        query_cancelled_err(query);
    query_finish(query, PG_RETURN_DROP);
}

static PGTransactionStatusType query_status(struct pg_query *query) {
    return PQtransactionStatus(pg_link_connection(query->link));
}

static void query_commit(struct pg_query *query) {
    /* Held long enough for the server to go away: COMMIT is then not sent, and nothing in doubt. */
    if (!pg_link_alive(query->link)) {
        query_send_one(query, PHASE_ROLLBACK, ROLE_OTHER, "ROLLBACK");
        return;
    }
    query_send_one(query, PHASE_COMMIT, ROLE_COMMIT, "COMMIT");
}

static void query_hold(struct pg_query *query) {
    query->phase = PHASE_HELD;
    if (query->spec.rolls_back) {
        query_send_one(query, PHASE_ROLLBACK, ROLE_OTHER, "ROLLBACK");
        return;
    }
    if (!query->spec.before_commit) {
        query_commit(query);
        return;
    }
    struct pg_held held = {
        .transaction_id = query->transaction_id,
        .server = pg_lease_server(query->lease),
        .statement_count = query->group_end,
        .rows = query->rows.rows,
        .commands = query->rows.commands,
        .row_count = query->rows.count,
    };
    query->spec.before_commit(query->user, &held);
}

static void query_committed(struct pg_query *query) {
    query->committed++;
    query->group = query->group_end;
    query_next_group(query);
}

/* The script has ended the transaction that was opened for it, or left one of its own open. */
static void query_strayed(struct pg_query *query, bool is_open) {
    query->failed = query->batch_end - 1;
    query->committed += !is_open;
    err_set(&query->err, ERR_REFUSED, "%s",
            is_open ? "a transaction was left open" : "the script ended its transaction itself");
    err_hint(&query->err, "leave BEGIN and COMMIT to `transaction: true`, or write both under "
                          "`transaction: false`");
}

static void query_group_end(struct pg_query *query) {
    bool is_open = query_status(query) != PQTRANS_IDLE;
    bool has_more = query->batch_end < query->group_end;
    bool wants_open =
        query->spec.transaction != PG_NONE && (has_more || !query_commits_along(query));
    bool is_last = query->group_end >= query->spec.statement_count;
    if (!query->err.kind && !query->cancelled) {
        if (wants_open && is_open && has_more) {
            query->batch = query->batch_end;
            query_send_batch(query);
            return;
        }
        if (wants_open && is_open) {
            query_hold(query);
            return;
        }
        if (!wants_open && !(is_open && is_last)) {
            query_committed(query);
            return;
        }
        query_strayed(query, is_open);
    }
    if (is_open)
        query_send_one(query, PHASE_ROLLBACK, ROLE_OTHER, "ROLLBACK");
    else
        query_finish_failed(query);
}

static void query_commit_end(struct pg_query *query) {
    if (!query->err.kind)
        query_committed(query);
    else
        query_finish_failed(query);
}

static void query_server_end(struct pg_query *query) {
    if (!pg_lease_server(query->lease))
        pg_lease_set_server(query->lease, "");
    query_next_group(query);
}

static void query_end(void *user, bool lost) {
    struct pg_query *query = user;
    if (lost)
        query_lost(query);
    else if (query->phase == PHASE_SERVER)
        query_server_end(query);
    else if (query->phase == PHASE_NAMING && !query->err.kind)
        query_next_group(query);
    else if (query->phase == PHASE_GROUP)
        query_group_end(query);
    else if (query->phase == PHASE_COMMIT)
        query_commit_end(query);
    else if (query->phase == PHASE_ROLLBACK && query->spec.rolls_back && !query->err.kind &&
             !query->cancelled)
        query_committed(query);
    else
        query_finish_failed(query);
}

static const struct pg_sink query_sink = {query_row, query_result, query_end};

/* ---- the beginning ------------------------------------------------------------------------ */

static void query_notice(void *user, const char *severity, const char *text) {
    struct pg_query *query = user;
    query->spec.notice(query->user, severity, text);
}

/* PQescapeLiteral needs a connection, and SET takes no parameters. */
static char *query_name(struct pg_query *query) {
    const char *name = query->spec.application_name ? query->spec.application_name : "runbook";
    bool is_local = query->spec.transaction != PG_NONE;
    PGconn *connection = pg_link_connection(query->link);
    /* The server would cut it, too, and send a notice. */
    char *literal = PQescapeLiteral(connection, name, strnlen(name, NAME_CEILING));
    char *statement = mem_printf("SET %sapplication_name TO %s", is_local ? "LOCAL " : "",
                                 literal ? literal : "'runbook'");
    PQfreemem(literal);
    return statement;
}

static void query_ready(void *user, struct pg_lease *lease, struct err *err) {
    struct pg_query *query = user;
    if (!lease) {
        err_move(&query->err, err);
        query_finish(query, PG_RETURN_DROP);
        return;
    }
    query->lease = lease;
    query->link = pg_lease_link(lease);
    query->connected = true;
    query->name_statement = query_name(query);
    if (query->spec.notice)
        pg_link_on_notice(query->link, query_notice, query);
    const struct pg_spec *spec = &query->spec;
    bool is_held = spec->before_commit && !spec->read_only && spec->transaction != PG_NONE;
    if (spec->transaction == PG_NONE && spec->statement_count > 0)
        query_send_one(query, PHASE_NAMING, ROLE_OTHER, query->name_statement);
    else if (is_held && !pg_lease_server(lease))
        query_send_one(query, PHASE_SERVER, ROLE_SERVER,
                       "SELECT " PG_SERVER_SQL " " PG_SERVER_FROM);
    else
        query_next_group(query);
}

static void query_begin(void *user) {
    struct pg_query *query = user;
    if (query->cancelled) {
        query_cancelled_err(query);
        query_report(query);
        return;
    }
    query->phase = PHASE_WAITING;
    pg_pool_acquire(query->loop, &query->spec.target, &query->waiter);
}

static struct pg_query *
query_start(struct loop *loop, const struct pg_spec *spec,
            void (*done)(void *user, struct pg_response *response, struct err *err), void *user) {
    struct pg_query *query = mem_zalloc(sizeof *query);
    query->loop = loop;
    query_list(query);
    query->spec = *spec;
    query->done = done;
    query->user = user;
    query->failed = PG_NO_STATEMENT;
    query->waiter.ready = query_ready;
    query->waiter.user = query;
    if (spec->read_only && spec->transaction == PG_NONE)
        query->spec.transaction = PG_EACH; /* only a transaction can be READ ONLY */
    pg_rows_init(&query->rows, spec->rows_ceiling);
    loop_defer(loop, query_begin, query);
    return query;
}

/* ---- while it runs ------------------------------------------------------------------------ */

static void query_go(struct pg_query *query) {
    if (query->phase == PHASE_HELD && !query->cancelled)
        query_commit(query);
}

/* The server did not answer the cancel: what was sent before COMMIT dies with the connection. */
static void query_cut(void *user) {
    struct pg_query *query = user;
    query_lost(query);
}

static void query_cancel(struct pg_query *query, int64_t grace_ms, bool timed_out) {
    if (query->cancelled)
        return;
    query->cancelled = true;
    query->timed_out = timed_out;
    switch (query->phase) {
    case PHASE_NEW:
    case PHASE_END:
        return;
    case PHASE_WAITING:
        pg_pool_abandon(&query->waiter);
        query_cancelled_err(query);
        query->phase = PHASE_END;
        loop_defer(query->loop, query_report, query);
        return;
    case PHASE_HELD:
        query_send_one(query, PHASE_ROLLBACK, ROLE_OTHER, "ROLLBACK");
        break;
    case PHASE_NAMING:
    case PHASE_SERVER:
    case PHASE_GROUP:
        pg_link_cancel(query->link);
        break;
    case PHASE_COMMIT:
    case PHASE_ROLLBACK:
        break;
    }
    query->grace = loop_timer_new(query->loop, grace_ms > 0 ? grace_ms : 0, query_cut, query);
}

static int query_check_url(const char *url, struct err *err) {
    struct pg_address *address = NULL;
    if (pg_address_new(url, &address, err) < 0)
        return -1;
    pg_address_free(address);
    return 0;
}

static int query_place(const char *url, struct pg_place *ret, struct err *err) {
    struct pg_address *address = NULL;
    if (pg_address_new(url, &address, err) < 0)
        return -1;
    int status = pg_address_place(address, ret, err);
    pg_address_free(address);
    return status;
}

static const struct pg_module module = {query_start, query_go, query_cancel, query_check_url,
                                        query_place};
MODULE_EXPORT(pg, &module)
