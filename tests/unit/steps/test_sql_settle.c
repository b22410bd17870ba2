/* The step type `sql`: an attempt whose engine was killed, and what a later one finds out about
 * it from the server. */
#include <signal.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "tests/support/pg_world.h"
#include "tests/support/step_fake.h"
#include "tests/support/unit.h"

/* ---- an attempt and its doubt -----------------------------------------------------------------
 */

/* How an engine ends, and what it leaves. */
struct dead {
    struct runbook *runbook;
    char *id;
    value data;
};

static struct step_ctx *attempt_new(const struct step *step) {
    struct step_ctx *ctx = step_fake_new(step, NULL);
    ctx->database = pg_world_url();
    return ctx;
}

static void dead_load(struct dead *dead, const char *step) {
    AUTO_TEXT yaml = mem_printf("databases: {main: {url: x}}\nsteps:\n  - id: one\n%s", step);
    *dead = (struct dead){.runbook = step_fake_load(yaml), .data = value_none()};
}

static const struct step *dead_step(const struct dead *dead) {
    return dead->runbook->steps->items[0];
}

static void dead_leaves(struct dead *dead, struct step_ctx *ctx) {
    assert_int_equal(ctx->done, 0);
    dead->id = ctx->committing ? mem_strdup(ctx->committing) : NULL;
    dead->data = value_copy(ctx->committing_data);
    step_fake_leave(ctx);
}

/* Goes on for a while; `sync_ms` is what a record takes. */
static struct step_ctx *dead_begin(struct dead *dead, const char *step, int64_t run_ms,
                                   int64_t sync_ms) {
    dead_load(dead, step);
    struct step_ctx *ctx = attempt_new(dead_step(dead));
    ctx->sync_ms = sync_ms;
    step_fake_begin(ctx, run_ms);
    return ctx;
}

static void engine_dies(struct dead *dead, const char *step, int64_t run_ms, int64_t sync_ms) {
    dead_leaves(dead, dead_begin(dead, step, run_ms, sync_ms));
}

static void dead_release(struct dead *dead) {
    runbook_free(dead->runbook);
    mem_free(dead->id);
    value_free(dead->data);
}
#define AUTO_DEAD __attribute__((cleanup(dead_release))) struct dead

static void ctx_release(struct step_ctx **ctx) {
    step_fake_free(*ctx);
}
#define AUTO_CTX __attribute__((cleanup(ctx_release))) struct step_ctx *

static struct step_ctx *settle(const struct dead *dead, int64_t timeout_ms) {
    struct step_doubt doubt = {dead->id, dead->data};
    struct step_ctx *ctx = attempt_new(dead_step(dead));
    ctx->doubt = &doubt;
    ctx->timeout_ms = timeout_ms;
    step_fake_run(ctx);
    ctx->doubt = NULL;
    assert_int_equal(ctx->done, 1);
    return ctx;
}

static void assert_outcome(const struct step_ctx *ctx, enum step_outcome outcome,
                           const char *message) {
    const char *got = ctx->result.err.message ? ctx->result.err.message : "";
    if (ctx->result.outcome != outcome || !strstr(got, message))
        fail_msg("outcome %d: %s", (int)ctx->result.outcome, got);
    assert_int_equal(ctx->result.without_effect, outcome == STEP_FAILED);
}

static void assert_answer(const char *query, const char *want) {
    AUTO_TEXT got = pg_world_ask(query);
    assert_string_equal(got, want);
}

static void assert_settled(const struct dead *dead, enum step_outcome outcome,
                           const char *message) {
    AUTO_CTX ctx = settle(dead, 10000);
    assert_outcome(ctx, outcome, message);
}

#define SESSIONS                                                                                   \
    "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'runbook run-1%'"
#define INSERT_SLOW "    sql: INSERT INTO slow VALUES (1) RETURNING i\n"

/* COMMIT takes 700 ms. */
static int world_open(void **state) {
    (void)state;
    pg_world_open();
    pg_world_do("ALTER DATABASE postgres SET synchronous_commit = on");
    pg_world_do("CREATE TABLE slow (i int)");
    pg_world_do("CREATE TABLE plain (i int)");
    pg_world_do("CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS "
                "'BEGIN PERFORM pg_sleep(0.7); RETURN NULL; END'");
    pg_world_do("CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON slow DEFERRABLE INITIALLY DEFERRED"
                " FOR EACH ROW EXECUTE FUNCTION slow()");
    return 0;
}

static int world_close(void **state) {
    (void)state;
    pg_world_close();
    return 0;
}

static int world_clean(void **state) {
    (void)state;
    pg_world_do("DELETE FROM slow");
    pg_world_do("DELETE FROM plain");
    return 0;
}

/* ---- what the server knows --------------------------------------------------------------------
 */

static void test_committed(void **state) {
    (void)state;
    AUTO_DEAD dead;
    engine_dies(&dead, INSERT_SLOW, 300, 0);
    assert_non_null(dead.id);
    AUTO_CTX ctx = settle(&dead, 10000);
    assert_outcome(ctx, STEP_SUCCEEDED, "");
    assert_string_equal(step_fake_data(ctx, "rows"), "[{\"i\":1}]");
    assert_string_equal(step_fake_data(ctx, "commands"), "[\"INSERT 0 1\"]");
    assert_answer("SELECT count(*) FROM slow", "1");
}

static void test_rolled_back(void **state) {
    (void)state;
    AUTO_DEAD dead;
    engine_dies(&dead, INSERT_SLOW, 300, -1);
    assert_non_null(dead.id);
    assert_settled(&dead, STEP_FAILED, "was rolled back");
    assert_answer("SELECT count(*) FROM slow", "0");
}

/* A session that is still at work is waited for, and ended where it takes too long. */
static void test_never_sent(void **state) {
    (void)state;
    AUTO_DEAD dead;
    engine_dies(&dead, "    sql: INSERT INTO plain VALUES (1); SELECT pg_sleep(1)\n", 300, 0);
    assert_null(dead.id);
    assert_answer(SESSIONS, "1");
    assert_settled(&dead, STEP_FAILED, "before COMMIT was sent");
    assert_answer(SESSIONS, "0");
    AUTO_DEAD endless;
    engine_dies(&endless, "    sql: INSERT INTO plain VALUES (1); SELECT pg_sleep(60)\n", 300, 0);
    AUTO_CTX ctx = settle(&endless, 1000);
    assert_outcome(ctx, STEP_FAILED, "before COMMIT was sent");
    assert_answer(SESSIONS, "0");
    assert_answer("SELECT count(*) FROM plain", "0");
}

/* The machine of the client is gone and nobody told the server. */
static void test_idle_for_ever(void **state) {
    (void)state;
    AUTO_DEAD dead;
    struct step_ctx *gone = dead_begin(&dead, INSERT_SLOW, 300, -1);
    dead.id = mem_strdup(gone->committing);
    AUTO_CTX ctx = settle(&dead, 1000);
    assert_outcome(ctx, STEP_FAILED, "was rolled back");
    step_fake_leave(gone);
}

static void test_each(void **state) {
    (void)state;
    static const char each[] = "    transaction: each\n    sql: |\n      INSERT INTO plain VALUES "
                               "(1);\n      INSERT INTO slow VALUES (2);\n      INSERT INTO plain "
                               "VALUES (3)\n";
    AUTO_DEAD second, second_held, first_held, last;
    engine_dies(&second, each, 400, 0);
    assert_settled(&second, STEP_IN_DOUBT, "2 of 3 statements committed");
    engine_dies(&first_held, each, 300, -1);
    assert_settled(&first_held, STEP_FAILED, "was rolled back");
    engine_dies(&second_held, each, 300, 200);
    assert_settled(&second_held, STEP_IN_DOUBT, "1 of 3 statements committed");
    engine_dies(&last,
                "    transaction: each\n    sql: INSERT INTO plain VALUES (1); INSERT INTO slow "
                "VALUES (2)\n",
                400, 0);
    AUTO_CTX ctx = settle(&last, 10000);
    assert_outcome(ctx, STEP_SUCCEEDED, "");
    assert_string_equal(step_fake_data(ctx, "statement"), "none");
}

/* `sensitive` keeps nothing of the result, so that it is not known which statement it was. */
static void test_each_unrecorded(void **state) {
    (void)state;
    AUTO_DEAD dead;
    engine_dies(&dead,
                "    transaction: each\n    sql: INSERT INTO slow VALUES (2); INSERT INTO plain "
                "VALUES (1)\n",
                300, 0);
    value_free(dead.data);
    dead.data = value_none();
    assert_settled(&dead, STEP_IN_DOUBT, "which statement it was of was not recorded");
}

/* The same, where nobody looks at the rows, and where somebody does. */
static void test_unrecorded(void **state) {
    (void)state;
    AUTO_DEAD plain, judged;
    engine_dies(&plain, INSERT_SLOW, 300, 0);
    value_free(plain.data);
    plain.data = value_null();
    assert_settled(&plain, STEP_SUCCEEDED, "");
    engine_dies(&judged, INSERT_SLOW "    expect: {rows: 1}\n", 300, 0);
    struct dead sensitive = {judged.runbook, judged.id, value_null()};
    assert_settled(&sensitive, STEP_IN_DOUBT, "it committed, but its rows");
    assert_settled(&judged, STEP_SUCCEEDED, "");
}

static void test_nothing_to_ask(void **state) {
    (void)state;
    AUTO_DEAD outside, reads;
    dead_load(&outside, "    sql: VACUUM plain\n    transaction: false\n");
    assert_settled(&outside, STEP_IN_DOUBT, "outside of a transaction");
    dead_load(&reads, "    sql: SELECT 1\n");
    assert_settled(&reads, STEP_IN_DOUBT, "it only reads");
}

static void test_unknown(void **state) {
    (void)state;
    AUTO_DEAD dead;
    engine_dies(&dead, INSERT_SLOW, 300, 0);
    const char *server = strchr(dead.id, ' ');
    AUTO_TEXT too_old = mem_printf("0%s", server);
    AUTO_TEXT unseen = mem_strndup(dead.id, (size_t)(server - dead.id));
    AUTO_TEXT elsewhere = mem_printf("%s 1%s", unseen, server + 1);
    AUTO_TEXT ahead = mem_printf("999999%s", server);
    const char *const ids[] = {too_old, unseen, elsewhere, ahead};
    const char *const whys[] = {"too old", "may not ask", "another server", "does not exist yet"};
    for (size_t i = 0; i < COUNT(ids); i++) {
        struct dead other = {dead.runbook, (char *)(uintptr_t)ids[i], value_none()};
        assert_settled(&other, STEP_IN_DOUBT, whys[i]);
    }
    assert_settled(&dead, STEP_SUCCEEDED, "");
}

/* ---- servers that crash -----------------------------------------------------------------------
 */

static void kill_backends(const char *where) {
    AUTO_TEXT query =
        mem_printf("SELECT coalesce(min(pid), 0) FROM pg_stat_activity WHERE %s", where);
    AUTO_TEXT pid = pg_world_ask(query);
    assert_true(strtol(pid, NULL, 10) > 1);
    assert_int_equal(kill((pid_t)strtol(pid, NULL, 10), SIGKILL), 0);
}

/* 300 ms after the step has begun. */
static void server_dies(struct dead *dead, const char *step, int64_t sync_ms) {
    struct step_ctx *ctx = dead_begin(dead, step, 300, sync_ms);
    kill_backends("application_name LIKE 'runbook run-1 one%'");
    dead_leaves(dead, ctx);
    assert_non_null(dead->id);
}

/* It takes the server a second to come back. */
static void test_crashed(void **state) {
    (void)state;
    AUTO_DEAD dead;
    server_dies(&dead, INSERT_SLOW, 0);
    assert_settled(&dead, STEP_FAILED, "was rolled back");
    assert_answer("SELECT count(*) FROM slow", "0");
}

/* Takes no number, whose own way to the disk would take others along. */
static void checkpoint(void) {
    AUTO_TEXT nothing = pg_world_ask("CHECKPOINT");
    assert_string_equal(nothing, "");
}

/* Whether the number of the dead was given away: not where the server had written something down
 * by chance before it was killed. */
static bool number_taken(struct dead *dead) {
    checkpoint();
    server_dies(dead, "    sql: INSERT INTO plain VALUES (1)\n", -1);
    assert_settled(dead, STEP_FAILED, "was rolled back");
    AUTO_TEXT number = mem_printf("\"%llu\"", strtoull(dead->id, NULL, 10));
    AUTO_TEXT taken = pg_world_ask("SELECT txid_current()::text");
    return text_equal(number, taken);
}

/* What the server says of it is true of somebody else. */
static void test_number_taken(void **state) {
    (void)state;
    struct dead dead;
    int tries = 0;
    while (!number_taken(&dead)) {
        dead_release(&dead);
        assert_true(++tries < 10);
    }
    AUTO_TEXT ask = mem_printf("SELECT txid_status(%llu)", strtoull(dead.id, NULL, 10));
    assert_answer(ask, "\"committed\"");
    assert_settled(&dead, STEP_FAILED, "was rolled back");
    checkpoint();
    assert_settled(&dead, STEP_IN_DOUBT, "to another transaction");
    dead_release(&dead);
}

/* It had committed before the crash, and has reached the disk. */
static void test_committed_and_crashed(void **state) {
    (void)state;
    AUTO_DEAD dead;
    engine_dies(&dead, INSERT_SLOW, 300, 0);
    usleep(800000);
    checkpoint();
    assert_settled(&dead, STEP_SUCCEEDED, "");
    kill_backends("backend_type = 'background writer'");
    assert_settled(&dead, STEP_SUCCEEDED, "");
    assert_answer("SELECT count(*) FROM slow", "1");
}

static void test_unreachable(void **state) {
    (void)state;
    AUTO_DEAD dead;
    engine_dies(&dead, INSERT_SLOW, 300, 0);
    struct step_doubt doubt = {dead.id, dead.data};
    AUTO_CTX ctx = attempt_new(dead_step(&dead));
    ctx->doubt = &doubt;
    ctx->database = "postgresql:///x?host=/nowhere";
    ctx->timeout_ms = 500;
    step_fake_run(ctx);
    assert_outcome(ctx, STEP_IN_DOUBT, "database \"main\" cannot be reached");
    assert_int_equal(ctx->result.err.kind, ERR_TIMEOUT);
}

/* ---- the record on its way --------------------------------------------------------------------
 */

static void check_cancelled(int64_t sync_ms) {
    AUTO_DEAD dead;
    dead_load(&dead, "    sql: INSERT INTO plain VALUES (1)\n");
    AUTO_CTX ctx = attempt_new(dead_step(&dead));
    ctx->sync_ms = sync_ms;
    ctx->cancel_after_ms = 200;
    int64_t began_ns = clock_mono_ns();
    step_fake_run(ctx);
    assert_int_equal(ctx->done, 1);
    assert_int_equal(ctx->result.outcome, STEP_CANCELLED);
    assert_true(ctx->result.without_effect);
    assert_true(clock_mono_ns() - began_ns < 2 * NS_PER_S);
    assert_answer("SELECT count(*) FROM plain", "0");
}

static void test_cancelled_in_sync(void **state) {
    (void)state;
    check_cancelled(-1);
    check_cancelled(400);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_committed, world_clean),
        cmocka_unit_test_setup(test_rolled_back, world_clean),
        cmocka_unit_test_setup(test_never_sent, world_clean),
        cmocka_unit_test_setup(test_idle_for_ever, world_clean),
        cmocka_unit_test_setup(test_each, world_clean),
        cmocka_unit_test_setup(test_each_unrecorded, world_clean),
        cmocka_unit_test_setup(test_unrecorded, world_clean),
        cmocka_unit_test_setup(test_nothing_to_ask, world_clean),
        cmocka_unit_test_setup(test_unknown, world_clean),
        cmocka_unit_test_setup(test_crashed, world_clean),
        cmocka_unit_test_setup(test_number_taken, world_clean),
        cmocka_unit_test_setup(test_committed_and_crashed, world_clean),
        cmocka_unit_test_setup(test_unreachable, world_clean),
        cmocka_unit_test_setup(test_cancelled_in_sync, world_clean),
    };
    return cmocka_run_group_tests(tests, world_open, world_close);
}
