/* Connections that fail or die, limits and cancels; the rest is in test_pg.c. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "tests/support/unit.h"

#include "tests/support/pg_world.h"

static struct loop *loop;

static int open_loop(void **state) {
    (void)state;
    loop = loop_new(NULL);
    return 0;
}

static int close_loop(void **state) {
    (void)state;
    loop_free(loop);
    return 0;
}

static void assert_in(const char *text, const char *part) {
    if (!text || !strstr(text, part))
        fail_msg("\"%s\" is not in \"%s\"", part, text ? text : "(nothing)");
}

static void assert_count(const char *query, const char *want) {
    AUTO_TEXT got = pg_world_ask(query);
    assert_string_equal(got, want);
}

/* Something to be done while a query runs. */
struct later {
    struct loop_timer *timer;
    void (*act)(struct pg_answer *answer);
    struct pg_answer *answer;
};

static void later_fired(void *user) {
    struct later *later = user;
    later->act(later->answer);
}

static void run_and(const struct pg_spec *spec, struct pg_answer *answer, int64_t delay_ms,
                    void (*act)(struct pg_answer *answer)) {
    struct later later = {.act = act, .answer = answer};
    pg_world_start(loop, spec, answer);
    later.timer = loop_timer_new(loop, delay_ms, later_fired, &later);
    pg_world_wait(answer);
    loop_timer_free(later.timer);
}

static void terminate_sleepers(struct pg_answer *answer) {
    (void)answer;
    pg_world_do("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE application_name = 'victim' AND pid <> pg_backend_pid()");
}

/* ---- not reached ----------------------------------------------------------------------------- */

static void check_unreachable(const char *url, const char *place, const char *reason) {
    struct pg_spec spec = pg_world_spec("SELECT 1");
    spec.target.url = url;
    spec.target.connect_timeout_ms = 400;
    AUTO_ANSWER answer = {0};
    pg_world_run(loop, &spec, &answer);
    assert_int_equal(answer.err.kind, ERR_UNREACHABLE);
    assert_in(answer.err.message, "database \"main\" cannot be reached");
    assert_in(answer.err.message, place);
    assert_in(answer.err.message, reason);
    assert_null(strstr(answer.err.message, "s3cret"));
    assert_false(answer.response.connected || answer.response.in_doubt);
}

static void test_unreachable(void **state) {
    (void)state;
    check_unreachable("postgresql://me:s3cret@127.0.0.1:1/db", "127.0.0.1", "Connection refused");
    check_unreachable("postgresql://me:s3cret@localhost:1/db", "localhost", "Connection refused");
    check_unreachable("host=/nowhere dbname=x password=s3cret", "/nowhere",
                      "No such file or directory");
    check_unreachable("postgresql://me:s3cret@no-such-host.invalid/db", "no-such-host.invalid",
                      "cannot be resolved");
}

static void test_malformed_url(void **state) {
    (void)state;
    struct pg_spec spec = pg_world_spec("SELECT 1");
    spec.target.url = "postgresql://me:s3cret@[::1";
    AUTO_ANSWER answer = {0};
    pg_world_run(loop, &spec, &answer);
    assert_int_equal(answer.err.kind, ERR_INVALID);
    assert_in(answer.err.message, "database \"main\" cannot be reached: the URL of the database");
    assert_in(answer.err.hint, "postgresql://user@host:5432/name");
    assert_null(strstr(answer.err.message, "s3cret"));
}

static void test_first_host_down(void **state) {
    (void)state;
    AUTO_TEXT url =
        mem_printf("host=no-such-host.invalid,%s user=postgres dbname=postgres", pg_world_folder());
    struct pg_spec spec = pg_world_spec("SELECT 1");
    spec.target.url = url;
    AUTO_ANSWER answer = {0};
    pg_world_run(loop, &spec, &answer);
    assert_null(answer.err.message);
}

static void test_wrong_credentials(void **state) {
    (void)state;
    pg_world_do("CREATE ROLE guarded LOGIN PASSWORD 'the right one'");
    AUTO_TEXT wrong =
        mem_printf("host=%s user=guarded password=s3cret dbname=postgres", pg_world_folder());
    AUTO_TEXT right = mem_printf("host=%s user=guarded password='the right one' dbname=postgres",
                                 pg_world_folder());
    AUTO_TEXT missing = mem_printf("host=%s user=postgres dbname=nope", pg_world_folder());
    check_unreachable(wrong, pg_world_folder(), "password authentication failed");
    check_unreachable(missing, pg_world_folder(), "database \"nope\" does not exist");
    struct pg_spec spec = pg_world_spec("SELECT 1");
    spec.target.url = right;
    AUTO_ANSWER answer = {0};
    pg_world_run(loop, &spec, &answer);
    assert_null(answer.err.message);
}

/* A server that takes the connection and says nothing. */
static void test_silent_server(void **state) {
    (void)state;
    AUTO_FD silent = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    assert_int_equal(bind(silent, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(silent, 8), 0);
    assert_int_equal(getsockname(silent, (struct sockaddr *)&address, &size), 0);
    AUTO_TEXT url = mem_printf("postgresql://me:s3cret@127.0.0.1:%d/db", ntohs(address.sin_port));
    check_unreachable(url, "127.0.0.1", "did not answer within 400ms");
}

/* ---- cut off --------------------------------------------------------------------------------- */

static void check_killed(enum pg_transaction mode, bool in_doubt) {
    static const struct pg_statement statements[] = {{.text = "INSERT INTO killed VALUES (1)"},
                                                     {.text = "SELECT pg_sleep(20)"}};
    struct pg_spec spec = pg_world_spec("");
    spec.statements = statements;
    spec.statement_count = 2;
    spec.transaction = mode;
    spec.application_name = "victim";
    AUTO_ANSWER answer = {0};
    run_and(&spec, &answer, 200, terminate_sleepers);
    assert_non_null(answer.err.message);
    assert_int_equal(answer.response.in_doubt, in_doubt);
    assert_int_equal(answer.response.rolled_back, mode == PG_ONE);
    assert_int_equal(answer.response.failed, 1);
    assert_true(answer.response.connected);
    assert_int_equal(answer.err.kind, ERR_UNREACHABLE);
    assert_in(answer.err.message, "database \"main\": the connection was lost");
    assert_in(answer.err.message, "terminating connection due to administrator command");
}

static void test_killed_in_statement(void **state) {
    (void)state;
    pg_world_do("CREATE TABLE killed (id int)");
    check_killed(PG_ONE, false);
    assert_count("SELECT count(*) FROM killed", "0");
    check_killed(PG_EACH, false);
    assert_count("SELECT count(*) FROM killed", "1");
    check_killed(PG_NONE, true);
}

static const char slow_commit[] =
    "CREATE TABLE slow (id int);"
    "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS"
    " 'BEGIN PERFORM pg_sleep(20); RETURN NULL; END';"
    "CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON slow DEFERRABLE INITIALLY DEFERRED"
    " FOR EACH ROW EXECUTE FUNCTION slow()";

static void make_slow_commit(void) {
    AUTO_TEXT wrapped = mem_printf("DO $do$ BEGIN DROP TABLE IF EXISTS slow; DROP FUNCTION IF "
                                   "EXISTS slow; %s; END $do$",
                                   slow_commit);
    pg_world_do(wrapped);
}

static void test_killed_in_commit(void **state) {
    (void)state;
    make_slow_commit();
    struct pg_spec spec = pg_world_spec("INSERT INTO slow VALUES (1)");
    spec.application_name = "victim";
    AUTO_ANSWER answer = {0};
    run_and(&spec, &answer, 300, terminate_sleepers);
    assert_true(answer.response.in_doubt);
    assert_false(answer.response.rolled_back);
    assert_in(answer.err.message, "COMMIT");
    assert_true(answer.transaction_id > 0);
}

static void test_killed_while_held(void **state) {
    (void)state;
    pg_world_do("CREATE TABLE held (id int)");
    struct pg_spec spec = pg_world_spec("INSERT INTO held VALUES (1)");
    spec.application_name = "victim";
    AUTO_ANSWER answer = {.freeze = true};
    pg_world_start(loop, &spec, &answer);
    loop_run(loop);
    assert_int_equal(answer.held, 1);
    terminate_sleepers(NULL);
    usleep(200000);
    pg_go(answer.query);
    pg_world_wait(&answer);
    assert_false(answer.response.in_doubt);
    assert_true(answer.response.rolled_back);
    assert_in(answer.err.message, "was lost");
}

/* A connection that died while it was idle is not handed out. */
static void test_idle_died(void **state) {
    (void)state;
    struct pg_spec read = pg_world_spec("SELECT pg_backend_pid() AS pid");
    read.read_only = true;
    AUTO_ANSWER first = {0};
    AUTO_ANSWER second = {0};
    pg_world_run(loop, &read, &first);
    pg_world_do("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()");
    usleep(100000);
    pg_world_run(loop, &read, &second);
    assert_null(second.err.message);
    assert_false(value_equal(first.response.rows, second.response.rows));
}

/* ---- limits of time -------------------------------------------------------------------------- */

static void test_statement_timeout(void **state) {
    (void)state;
    struct pg_spec spec = pg_world_spec("SELECT pg_sleep(20)");
    spec.target.statement_timeout_ms = 100;
    AUTO_ANSWER answer = {0};
    pg_world_run(loop, &spec, &answer);
    assert_int_equal(answer.err.kind, ERR_TIMEOUT);
    assert_in(answer.err.message, "canceling statement due to statement timeout (SQLSTATE 57014)");
    assert_true(answer.response.rolled_back);
    assert_false(answer.response.cancelled);
}

static void test_lock_timeout(void **state) {
    (void)state;
    pg_world_do("CREATE TABLE locked (id int)");
    struct pg_spec holder = pg_world_spec("LOCK TABLE locked");
    AUTO_ANSWER held = {.freeze = true};
    pg_world_start(loop, &holder, &held);
    loop_run(loop);
    assert_int_equal(held.held, 1);

    struct pg_spec spec = pg_world_spec("INSERT INTO locked VALUES (1)");
    spec.target.lock_timeout_ms = 100;
    AUTO_ANSWER answer = {0};
    pg_world_run(loop, &spec, &answer);
    assert_int_equal(answer.err.kind, ERR_TIMEOUT);
    assert_in(answer.err.message, "lock timeout (SQLSTATE 55P03)");
    pg_go(held.query);
    pg_world_wait(&held);
    assert_null(held.err.message);
}

/* ---- cancelled ------------------------------------------------------------------------------- */

static void cancel_soon(struct pg_answer *answer) {
    pg_cancel(answer->query, 5000, true);
}

static void cancel_at_once(struct pg_answer *answer) {
    pg_cancel(answer->query, 150, false);
}

static void test_cancel(void **state) {
    (void)state;
    pg_world_do("CREATE TABLE cancelled (id int)");
    static const struct pg_statement statements[] = {{.text = "INSERT INTO cancelled VALUES (1)"},
                                                     {.text = "SELECT pg_sleep(20)"}};
    struct pg_spec spec = pg_world_spec("");
    spec.statements = statements;
    spec.statement_count = 2;
    int64_t start = clock_mono_ns();
    AUTO_ANSWER answer = {0};
    run_and(&spec, &answer, 150, cancel_soon);
    assert_int_equal(answer.err.kind, ERR_TIMEOUT);
    assert_true(answer.response.rolled_back);
    assert_true(answer.response.cancelled);
    assert_false(answer.response.in_doubt);
    assert_true(clock_mono_ns() - start < 3 * NS_PER_S);
    assert_count("SELECT count(*) FROM cancelled", "0");
    assert_count("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%sleep(20)%' AND pid <> "
                 "pg_backend_pid() AND state <> 'idle'",
                 "0");
}

static void test_cancel_early(void **state) {
    (void)state;
    struct pg_spec spec = pg_world_spec("SELECT 1");
    AUTO_ANSWER answer = {0};
    pg_world_start(loop, &spec, &answer);
    pg_cancel(answer.query, 1000, false);
    pg_world_wait(&answer);
    assert_int_equal(answer.err.kind, ERR_REFUSED);
    assert_false(answer.response.connected);
}

static void test_cancel_waiting(void **state) {
    (void)state;
    struct pg_spec spec = pg_world_spec("SELECT pg_sleep(0.3)");
    spec.target.pool = 1;
    AUTO_ANSWER first = {0};
    AUTO_ANSWER waiting = {0};
    AUTO_ANSWER last = {0};
    pg_world_start(loop, &spec, &first);
    pg_world_start(loop, &spec, &waiting);
    pg_world_start(loop, &spec, &last);
    struct later later = {.act = cancel_at_once, .answer = &waiting};
    later.timer = loop_timer_new(loop, 50, later_fired, &later);
    pg_world_wait(&waiting);
    assert_false(first.is_over || waiting.response.connected);
    pg_world_wait(&first);
    pg_world_wait(&last);
    assert_null(first.err.message);
    assert_null(last.err.message);
    loop_timer_free(later.timer);
}

static void test_cancel_held(void **state) {
    (void)state;
    pg_world_do("CREATE TABLE undone (id int)");
    struct pg_spec spec = pg_world_spec("INSERT INTO undone VALUES (1)");
    AUTO_ANSWER answer = {.freeze = true};
    pg_world_start(loop, &spec, &answer);
    loop_run(loop);
    pg_cancel(answer.query, 1000, false);
    pg_world_wait(&answer);
    assert_true(answer.response.rolled_back);
    assert_count("SELECT count(*) FROM undone", "0");
}

/* COMMIT is not disturbed, only awaited; then the connection is cut. */
static void test_cancel_commit(void **state) {
    (void)state;
    make_slow_commit();
    struct pg_spec spec = pg_world_spec("INSERT INTO slow VALUES (1)");
    spec.application_name = "victim";
    AUTO_ANSWER answer = {0};
    run_and(&spec, &answer, 200, cancel_at_once);
    assert_true(answer.response.in_doubt);
    assert_true(answer.response.cancelled);
    terminate_sleepers(NULL);
}

/* A stopped server answers no cancel either: after the grace the connection is cut. */
static void test_cancel_stuck(void **state) {
    (void)state;
    struct pg_spec spec = pg_world_spec(
        "DO $$ BEGIN LOOP BEGIN PERFORM pg_sleep(0.05); EXCEPTION WHEN query_canceled THEN NULL; "
        "END; END LOOP; END $$");
    spec.application_name = "victim";
    int64_t start = clock_mono_ns();
    AUTO_ANSWER answer = {0};
    run_and(&spec, &answer, 200, cancel_at_once);
    assert_true(clock_mono_ns() - start < 2 * NS_PER_S);
    assert_true(answer.response.rolled_back);
    assert_false(answer.response.in_doubt);
    terminate_sleepers(NULL);
}

/* ---- a COMMIT that is not one -----------------------------------------------------------------
 */

/* Stands between client and server, and makes of each COMMIT an ABORT of the same length. */
struct relay {
    int listener, client, server;
};

static bool relay_pass(int from, int to, bool is_client) {
    char bytes[4096];
    ssize_t got = read(from, bytes, sizeof bytes);
    char *commit = got > 0 && is_client ? memmem(bytes, (size_t)got, "COMMIT", 7) : NULL;
    if (commit)
        memcpy(commit, "ABORT ", 6);
    return got > 0 && write(to, bytes, (size_t)got) == got;
}

static void *relay_work(void *user) {
    struct relay *relay = user;
    relay->client = accept(relay->listener, NULL, NULL);
    struct pollfd ends[] = {{.fd = relay->client, .events = POLLIN},
                            {.fd = relay->server, .events = POLLIN}};
    while (poll(ends, 2, -1) > 0) {
        if (ends[0].revents && !relay_pass(relay->client, relay->server, true))
            break;
        if (ends[1].revents && !relay_pass(relay->server, relay->client, false))
            break;
    }
    close(relay->client);
    return NULL;
}

static int relay_connect(void) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s/.s.PGSQL.5432", pg_world_folder());
    int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(server, (struct sockaddr *)&address, sizeof address), 0);
    return server;
}

static void test_commit_answered_with_rollback(void **state) {
    (void)state;
    AUTO_FD listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    AUTO_FD server = relay_connect();
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    struct relay relay = {.listener = listener, .server = server};
    pthread_t thread;
    assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    assert_int_equal(pthread_create(&thread, NULL, relay_work, &relay), 0);
    AUTO_TEXT url = mem_printf("postgresql://postgres@127.0.0.1:%d/postgres?sslmode=disable",
                               ntohs(address.sin_port));
    pg_world_do("CREATE TABLE aborted (id int)");
    struct pg_spec spec = pg_world_spec("INSERT INTO aborted VALUES (1)");
    spec.target.url = url;
    AUTO_ANSWER answer = {0};
    pg_world_run(loop, &spec, &answer);
    assert_in(answer.err.message, "COMMIT was answered with ROLLBACK: nothing was kept");
    assert_true(answer.response.rolled_back);
    assert_false(answer.response.in_doubt);
    assert_count("SELECT count(*) FROM aborted", "0");
    loop_free(loop);
    loop = loop_new(NULL);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

static void test_loop_freed_midway(void **state) {
    (void)state;
    struct loop *other = loop_new(NULL);
    struct pg_spec spec = pg_world_spec("SELECT 1");
    AUTO_ANSWER answer = {0};
    pg_world_run(other, &spec, &answer);
    assert_null(answer.err.message);
    loop_free(other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_loop, close_loop)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_unreachable),
        TEST(test_malformed_url),
        TEST(test_first_host_down),
        TEST(test_wrong_credentials),
        TEST(test_silent_server),
        TEST(test_killed_in_statement),
        TEST(test_killed_in_commit),
        TEST(test_killed_while_held),
        TEST(test_idle_died),
        TEST(test_statement_timeout),
        TEST(test_lock_timeout),
        TEST(test_cancel),
        TEST(test_cancel_early),
        TEST(test_cancel_waiting),
        TEST(test_cancel_held),
        TEST(test_cancel_commit),
        TEST(test_cancel_stuck),
        TEST(test_loop_freed_midway),
        TEST(test_commit_answered_with_rollback),
    };
    pg_world_open();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    pg_world_close();
    return failed;
}
