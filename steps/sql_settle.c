/* The step type `sql`, an attempt in doubt: the server is asked what became of its transaction.
 *
 * The id of a transaction is on disk before its COMMIT is sent. So without one, nothing
 * was committed and nothing can be, since nobody is left who would send COMMIT; it is only made
 * sure that no session of the attempt is still at work beside what comes next. With one, the server
 * knows: txid_status. That answer is ours only if the number is. A server that crashes before
 * anything of a transaction had reached its disk gives the number away again, so that what it says
 * of it is then true of another transaction: PG_SERVER_SQL tells whether that may have been. */
#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "sql_step.h"

#define PATIENCE_MS 30000
#define PAUSE_MIN_MS 50
#define PAUSE_MAX_MS 2000
/* What ends a session's name and finds it again. */
#define MARK_LENGTH "11"
#define MARK_MASK 0xFFFFFFFFFFULL
#define NAME_MOST 51 /* bytes before " " and the mark: the server keeps 63 */

struct sql_settle {
    struct step_ctx *ctx;
    struct pg_target target;
    enum pg_transaction transaction;
    size_t statement_count;
    value data;                    /* as recorded; VALUE_NONE without */
    char *transaction_id, *server; /* as recorded; NULL: COMMIT was never sent */
    char *mark;
    const struct question *question;
    struct pg_statement statement;
    const char *values[2];
    struct sql_query *query;
    struct loop_timer *pause, *limit;
    int64_t pause_ms, patience_ms, began_ns;
    char *status;  /* as the server has it */
    char *trouble; /* why there is no answer yet */
    bool gave_up, has_ended_sessions;
};

/* What is asked, and how the answer is taken: `row` is the first, `sqlstate` that of an error. */
struct question {
    const char *text;
    void (*take)(struct sql_settle *settle, value row, const char *sqlstate, struct err *err);
};

static void ask(struct sql_settle *settle, const struct question *question);
static const struct question question_session, question_status, question_server, question_end;

/* ---- names ----------------------------------------------------------------------------------- */

/* FNV-1a: short, and unlikely to be shared by two sessions of one server. */
static char *session_mark(const struct step_ctx *ctx) {
    uint64_t hash = 0xcbf29ce484222325;
    for (const char *c = step_token(ctx); *c; c++)
        hash = (hash ^ (unsigned char)*c) * 0x100000001b3;
    return mem_printf("#%010llx", (unsigned long long)(hash & MARK_MASK));
}

char *sql_session_name(const struct step_ctx *ctx) {
    AUTO_TEXT mark = session_mark(ctx);
    AUTO_TEXT name = mem_printf("runbook %s %s", step_run_id(ctx), step_id(ctx));
    return mem_printf("%.*s %s", NAME_MOST, name, mark);
}

/* ---- the verdict ------------------------------------------------------------------------------
 */

static void settle_done(struct sql_settle *settle, enum step_outcome outcome, bool without_effect,
                        struct err *err) {
    struct step_result result = {
        .outcome = outcome, .without_effect = without_effect, .data = value_none()};
    if (settle->status) {
        value note = value_set(value_object(), "id", value_string(settle->transaction_id));
        step_note(settle->ctx, "transaction",
                  value_set(note, "status", value_string(settle->status)));
    }
    if (outcome == STEP_SUCCEEDED && value_is(settle->data, VALUE_OBJECT)) {
        result.data = value_copy(settle->data);
        result.data = value_remove(result.data, "statement");
        result.data = value_remove(result.data, "statements");
    }
    err_move(&result.err, err);
    step_done(settle->ctx, &result);
}

static void settle_doubt(struct sql_settle *settle, const char *why) {
    AUTO_ERR err = ERR_INIT;
    if (settle->transaction_id)
        err_set(&err, ERR_TIMEOUT, "transaction %s: %s", settle->transaction_id, why);
    else
        err_set(&err, ERR_TIMEOUT, "COMMIT was not sent, but %s", why);
    err_hint(&err, "whether it took effect must be looked up in the database; a `done_when:` probe "
                   "does that by itself");
    settle_done(settle, STEP_IN_DOUBT, false, &err);
}

/* Of `transaction: each`: which statement the transaction was of. 0: it was not recorded. */
static size_t settle_statement(const struct sql_settle *settle) {
    int64_t index = 0;
    if (settle->transaction != PG_EACH || settle->statement_count == 1)
        return settle->statement_count;
    AUTO_VALUE recorded = value_get(settle->data, "statement");
    return value_as_integer(recorded, &index) && index > 0 ? (size_t)index : 0;
}

/* Some statements committed and others did not: neither done nor not done. */
static void settle_partial(struct sql_settle *settle, size_t committed) {
    AUTO_ERR err = ERR_INIT;
    err_set(&err, ERR_REFUSED, "%zu of %zu statements committed, each in its own transaction",
            committed, settle->statement_count);
    settle_done(settle, STEP_IN_DOUBT, false, &err);
}

static void settle_committed(struct sql_settle *settle) {
    AUTO_ERR err = ERR_INIT;
    size_t statement = settle_statement(settle);
    if (statement == 0)
        settle_doubt(settle, "it committed, and which statement it was of was not recorded");
    else if (statement < settle->statement_count)
        settle_partial(settle, statement);
    else if (!value_is(settle->data, VALUE_OBJECT) && step_is_judged(settle->ctx))
        settle_doubt(settle,
                     "it committed, but its rows, which `expect` or `outputs` ask for, were "
                     "not recorded");
    else
        settle_done(settle, STEP_SUCCEEDED, false, &err);
}

static void settle_aborted(struct sql_settle *settle) {
    AUTO_ERR err = ERR_INIT;
    size_t statement = settle_statement(settle);
    bool is_first = settle->transaction != PG_EACH || statement == 1;
    if (statement == 0) {
        settle_doubt(settle, "it was rolled back, and how many committed before was not recorded");
        return;
    }
    if (!is_first) {
        settle_partial(settle, statement - 1);
        return;
    }
    err_set(&err, ERR_UNREACHABLE, "the connection was lost, and transaction %s was rolled back",
            settle->transaction_id);
    settle_done(settle, STEP_FAILED, true, &err);
}

static void settle_never_sent(struct sql_settle *settle) {
    AUTO_ERR err = ERR_INIT;
    err_set(&err, ERR_UNREACHABLE, "it was given up before COMMIT was sent, and rolled back");
    settle_done(settle, STEP_FAILED, true, &err);
}

static void settle_give_up(void *user) {
    struct sql_settle *settle = user;
    settle_doubt(settle, settle->trouble ? settle->trouble : "the server has not been asked");
}

/* ---- patience ---------------------------------------------------------------------------------
 */

static void settle_ask(struct sql_settle *settle) {
    ask(settle, settle->transaction_id ? &question_status : &question_session);
}

static void pause_over(void *user) {
    struct sql_settle *settle = user;
    loop_timer_free(settle->pause);
    settle->pause = NULL;
    settle_ask(settle);
}

/* There is no answer yet, for a reason that may pass. */
static void settle_wait(struct sql_settle *settle, char *trouble_taken) {
    int64_t past_ms = (clock_mono_ns() - settle->began_ns) / NS_PER_MS;
    mem_free(settle->trouble);
    settle->trouble = trouble_taken;
    if (past_ms > settle->patience_ms / 2 && !settle->has_ended_sessions) {
        settle->has_ended_sessions = true;
        ask(settle, &question_end);
        return;
    }
    settle->pause = loop_timer_new(step_loop(settle->ctx), settle->pause_ms, pause_over, settle);
    settle->pause_ms = settle->pause_ms < PAUSE_MAX_MS / 2 ? settle->pause_ms * 2 : PAUSE_MAX_MS;
}

static void patience_over(void *user) {
    struct sql_settle *settle = user;
    settle->gave_up = true;
    loop_timer_free(settle->pause);
    settle->pause = NULL;
    if (settle->query)
        sql_query_cancel(settle->query, 0, true);
    else
        settle_give_up(settle);
}

static void patience_set(struct sql_settle *settle, int64_t limit_ms) {
    loop_timer_free(settle->limit);
    settle->limit = loop_timer_new(step_loop(settle->ctx), limit_ms, patience_over, settle);
}

/* An answer that is about to come is worth more than a doubt. */
void sql_settle_cancel(struct sql_settle *settle) {
    if (!settle->gave_up)
        patience_set(settle, step_grace_ms(settle->ctx));
}

/* ---- questions --------------------------------------------------------------------------------
 */

static void answered(void *user, struct pg_response *response, struct err *err) {
    struct sql_settle *settle = user;
    AUTO_VALUE row = value_at(response->rows, 0);
    settle->query = NULL;
    if (settle->gave_up)
        settle_give_up(settle);
    else if (err->kind == ERR_UNREACHABLE || err->kind == ERR_TIMEOUT)
        settle_wait(settle, mem_strdup(err->message));
    else
        settle->question->take(settle, row, response->sqlstate, err);
}

static void ask(struct sql_settle *settle, const struct question *question) {
    const char *key = question == &question_status ? settle->transaction_id : settle->mark;
    settle->question = question;
    settle->values[0] = key;
    settle->values[1] = settle->transaction_id ? "false" : "true";
    settle->statement = (struct pg_statement){.text = question->text, .values = settle->values};
    for (const char *c = question->text; *c; c++)
        settle->statement.value_count += *c == '$';
    struct pg_spec spec = {.target = settle->target,
                           .statements = &settle->statement,
                           .statement_count = 1,
                           .read_only = true};
    settle->query = sql_query_start(settle->ctx, &spec, answered, settle);
}

#define OF_ATTEMPT                                                                                 \
    "FROM pg_catalog.pg_stat_activity WHERE pg_catalog.right(application_name, " MARK_LENGTH       \
    ") = $1 AND pid <> pg_catalog.pg_backend_pid()"

static void take_session(struct sql_settle *settle, value row, const char *sqlstate,
                         struct err *err) {
    (void)sqlstate;
    AUTO_VALUE pid = value_get(row, "pid");
    if (err->kind)
        settle_doubt(settle, err->message);
    else if (value_is(pid, VALUE_NONE))
        settle_never_sent(settle);
    else
        settle_wait(settle, mem_printf("the server's process %.0f is still at work for it",
                                       value_as_number(pid)));
}

static const struct question question_session = {"SELECT pid " OF_ATTEMPT " LIMIT 1", take_session};

static void take_status(struct sql_settle *settle, value row, const char *sqlstate,
                        struct err *err) {
    AUTO_VALUE status = value_get(row, "status");
    bool in_future = text_equal(sqlstate, "22023");
    if (err->kind && !in_future) {
        settle_doubt(settle, err->message);
        return;
    }
    mem_free(settle->status);
    settle->status = mem_strdup(in_future                        ? "not assigned yet"
                                : value_is(status, VALUE_STRING) ? value_text(status)
                                                                 : "too old");
    ask(settle, &question_server);
}

static const struct question question_status = {
    "SELECT pg_catalog.txid_status($1::bigint) AS status", take_status};

/* A session whose client is gone notices that when it next reads or writes; what it waits for may
 * take long, and where its client's machine vanished, nobody tells it. To end it decides nothing
 * that is not decided: without COMMIT it can only roll back, and `state` tells that COMMIT has not
 * come to it. */
static void take_end(struct sql_settle *settle, value row, const char *sqlstate, struct err *err) {
    (void)row, (void)sqlstate, (void)err;
    settle->pause_ms = PAUSE_MIN_MS;
    settle_ask(settle);
}

static const struct question question_end = {
    "SELECT pg_catalog.pg_terminate_backend(pid) " OF_ATTEMPT
    " AND (state LIKE 'idle in transaction%' OR $2::bool)",
    take_end};

/* ---- whose number it is -----------------------------------------------------------------------
 */

/* What PG_SERVER_SQL says, word by word. */
struct server {
    char cluster[32], recovered[32], checkpoint[32];
};

static bool server_read(struct server *server, const char *text) {
    *server = (struct server){0};
    return sscanf(text, "%31s %31s %31s", server->cluster, server->recovered, server->checkpoint) ==
           3;
}

/* The first number that the latest checkpoint had not seen used: "epoch:number". */
static uint64_t next_number(value row) {
    AUTO_VALUE next = value_get(row, "next_xid");
    char *rest = NULL;
    uint64_t epoch = strtoull(value_text(next), &rest, 10);
    return *rest == ':' ? epoch << 32 | strtoull(rest + 1, NULL, 10) : UINT64_MAX;
}

static bool row_flag(value row, const char *key) {
    AUTO_VALUE flag = value_get(row, key);
    return value_truth(flag);
}

enum owner { OWNER_OURS, OWNER_LOST, OWNER_UNKNOWN };

/* Checkpoints at the end of a shutdown or of a recovery are not written while sessions live: one
 * that is not the one we knew was written after ours was gone, and tells whether our number had
 * reached the disk. That it had is of use only while no other recovery can lie between. */
static enum owner number_owner(const struct sql_settle *settle, const struct server *then,
                               const struct server *now, value row) {
    bool is_after = !text_equal(then->checkpoint, now->checkpoint) && row_flag(row, "was_down");
    uint64_t number = strtoull(settle->transaction_id, NULL, 10);
    if (is_after && next_number(row) <= number)
        return OWNER_LOST;
    if (text_equal(then->recovered, now->recovered))
        return OWNER_OURS;
    return is_after && row_flag(row, "recovered_last") ? OWNER_OURS : OWNER_UNKNOWN;
}

static void judge(struct sql_settle *settle, const struct server *then, const struct server *now,
                  value row) {
    enum owner owner = number_owner(settle, then, now, row);
    const char *status = settle->status;
    bool has_recovered = !text_equal(then->recovered, now->recovered);
    if (owner == OWNER_LOST || text_equal(status, "aborted") ||
        (has_recovered && text_equal(status, "not assigned yet")))
        settle_aborted(settle);
    else if (text_equal(status, "in progress"))
        settle_wait(settle, mem_strdup("the server is still at it"));
    else if (!text_equal(status, "committed"))
        settle_doubt(settle, text_equal(status, "too old")
                                 ? "it is too old for the server to know what became of it"
                                 : "the server says that it does not exist yet");
    else if (owner == OWNER_OURS)
        settle_committed(settle);
    else
        settle_doubt(settle, "the server has recovered from a crash since, and may have given its "
                             "number to another transaction");
}

static void take_server(struct sql_settle *settle, value row, const char *sqlstate,
                        struct err *err) {
    (void)sqlstate;
    struct server then, now;
    AUTO_VALUE server = value_get(row, "server");
    if (!server_read(&then, settle->server))
        settle_doubt(settle, "which server it was on was not recorded, since the role may not ask "
                             "pg_control_system() and pg_control_checkpoint()");
    else if (err->kind)
        settle_doubt(settle, err->message);
    else if (!server_read(&now, value_text(server)))
        settle_doubt(settle, "the server does not say which one it is");
    else if (!text_equal(then.cluster, now.cluster))
        settle_doubt(settle, "another server answers in place of the one it was on");
    else if (row_flag(row, "is_standby"))
        settle_wait(settle, mem_strdup("the server is a standby, and may lag behind"));
    else
        judge(settle, &then, &now, row);
}

static const struct question question_server = {
    "SELECT " PG_SERVER_SQL " AS server, redo_lsn = checkpoint_lsn AS was_down, "
    "pg_catalog.pg_stat_get_bgwriter_stat_reset_time() >= pg_catalog.pg_postmaster_start_time() "
    "AS recovered_last, next_xid, pg_catalog.pg_is_in_recovery() AS is_standby " PG_SERVER_FROM,
    take_server};

/* ---- life -------------------------------------------------------------------------------------
 */

static void id_split(struct sql_settle *settle, const char *recorded) {
    size_t length = strcspn(recorded, " ");
    settle->transaction_id = mem_strndup(recorded, length);
    settle->server = mem_strdup(recorded + length + (recorded[length] == ' '));
}

struct sql_settle *sql_settle_new(struct step_ctx *ctx, const struct pg_target *target,
                                  enum pg_transaction transaction, size_t statement_count,
                                  const struct step_doubt *doubt) {
    struct sql_settle *settle = mem_zalloc(sizeof *settle);
    int64_t limit = step_timeout_ms(ctx);
    settle->ctx = ctx;
    settle->target = *target;
    settle->transaction = transaction;
    settle->statement_count = statement_count;
    settle->data = value_copy(doubt->data);
    settle->mark = session_mark(ctx);
    settle->pause_ms = PAUSE_MIN_MS;
    settle->patience_ms = limit > 0 ? limit - step_elapsed_ms(ctx) : PATIENCE_MS;
    settle->began_ns = clock_mono_ns();
    if (doubt->transaction_id)
        id_split(settle, doubt->transaction_id);
    /* A step's own limit is the engine's to keep. */
    if (limit <= 0)
        patience_set(settle, PATIENCE_MS);
    settle_ask(settle);
    return settle;
}

void sql_settle_free(struct sql_settle *settle) {
    if (!settle)
        return;
    loop_timer_free(settle->pause);
    loop_timer_free(settle->limit);
    sql_query_free(settle->query);
    value_free(settle->data);
    mem_free(settle->transaction_id);
    mem_free(settle->server);
    mem_free(settle->mark);
    mem_free(settle->status);
    mem_free(settle->trouble);
    mem_free(settle);
}
