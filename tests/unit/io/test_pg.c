/* Queries, values and transactions against a real server; faults are in test_pg_fault.c. */
#include "base/buf.h"
#include "base/clock.h"
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

static void assert_json(value got, const char *want) {
    AUTO_TEXT json = value_to_json(got);
    assert_string_equal(json, want);
}

static void assert_ok(const struct pg_answer *answer) {
    if (answer->err.kind)
        fail_msg("%s", answer->err.message);
}

static void assert_rows(const char *text, const char *want) {
    struct pg_spec spec = pg_world_spec(text);
    AUTO_ANSWER answer = {0};
    pg_world_run(loop, &spec, &answer);
    assert_ok(&answer);
    assert_json(answer.response.rows, want);
}

static void assert_fails(struct pg_spec *spec, struct pg_answer *answer, const char *message) {
    pg_world_run(loop, spec, answer);
    assert_non_null(answer->err.message);
    if (!strstr(answer->err.message, message))
        fail_msg("\"%s\" is not in \"%s\"", message, answer->err.message);
}

static struct pg_spec spec_of(const struct pg_statement *statements, size_t count) {
    struct pg_spec spec = pg_world_spec("");
    spec.statements = statements;
    spec.statement_count = count;
    return spec;
}

/* ---- values ---------------------------------------------------------------------------------- */

static void test_types(void **state) {
    (void)state;
    assert_rows(
        "SELECT true AS t, false AS f, NULL AS n, 1::int2 AS a, -2::int4 AS b, 3::int8 AS c",
        "[{\"a\":1,\"b\":-2,\"c\":3,\"f\":false,\"n\":null,\"t\":true}]");
    assert_rows("SELECT 'a\xc3\xa4'::text AS a, '\\x00ff'::bytea AS b, '{1,2}'::int[] AS c, "
                "'2026-01-02'::date AS d, 'x'::char(3) AS e",
                "[{\"a\":\"a\\u00e4\",\"b\":\"\\\\x00ff\",\"c\":\"{1,2}\",\"d\":\"2026-01-02\","
                "\"e\":\"x  \"}]");
    assert_rows("SELECT '{\"a\":[1,null]}'::json AS j, '\"x\"'::jsonb AS k",
                "[{\"j\":{\"a\":[1,null]},\"k\":\"x\"}]");
    assert_rows("SELECT 1::oid AS o, 'a'::name AS n", "[{\"n\":\"a\",\"o\":1}]");
}

#define ZEROS_100                                                                                  \
    "00000000000000000000000000000000000000000000000000"                                           \
    "00000000000000000000000000000000000000000000000000"
#define ZEROS_400 ZEROS_100 ZEROS_100 ZEROS_100 ZEROS_100

static void test_big_numbers(void **state) {
    (void)state;
    assert_rows("SELECT 9007199254740992 AS a, 9007199254740993 AS b, (-9223372036854775808)::int8 "
                "AS c",
                "[{\"a\":9007199254740992,\"b\":\"9007199254740993\","
                "\"c\":\"-9223372036854775808\"}]");
    assert_rows("SELECT 12.50::numeric AS a, 0.1::numeric AS b, 1e400::numeric(1000) AS c, "
                "'NaN'::numeric AS d, 3.14159265358979323846 AS e, 0.50000000000000000000 AS f",
                "[{\"a\":12.5,\"b\":0.1,\"c\":\"1" ZEROS_400 "\",\"d\":\"NaN\","
                "\"e\":\"3.14159265358979323846\",\"f\":0.5}]");
}

static void test_floats(void **state) {
    (void)state;
    assert_rows("SELECT 0.1::float8 AS a, 0.5::float4 AS b, 'NaN'::float8 AS c, "
                "'-Infinity'::float4 AS d, 1e300::float8 AS e",
                "[{\"a\":0.1,\"b\":0.5,\"c\":\"NaN\",\"d\":\"-Infinity\",\"e\":1e+300}]");
}

static void test_json_keeps_digits(void **state) {
    (void)state;
    assert_rows("SELECT '{\"id\":12345678901234567890}'::json AS a, "
                "'{\"s\":\"12345678901234567890\",\"f\":0.33333333333333331}'::json AS b",
                "[{\"a\":\"{\\\"id\\\":12345678901234567890}\","
                "\"b\":{\"f\":0.3333333333333333,\"s\":\"12345678901234567890\"}}]");
}

static void test_duplicate_columns(void **state) {
    (void)state;
    assert_rows("SELECT 1 AS a, 2 AS a, 3 AS a_2, 4 AS a",
                "[{\"a\":1,\"a_2\":2,\"a_2_2\":3,\"a_3\":4}]");
}

static void test_parameters(void **state) {
    (void)state;
    static const char *const values[] = {"7", NULL, "'; DROP TABLE x; --", "true", "[1,2]"};
    struct pg_statement statement = {
        .text = "SELECT $1::int + 1 AS a, $2::text AS b, $3::text AS c, NOT $4::bool AS d, "
                "$5::jsonb AS e",
        .values = values,
        .value_count = 5};
    struct pg_spec spec = spec_of(&statement, 1);
    AUTO_ANSWER answer = {0};
    pg_world_run(loop, &spec, &answer);
    assert_ok(&answer);
    assert_json(answer.response.rows, "[{\"a\":8,\"b\":null,\"c\":\"'; DROP TABLE x; --\","
                                      "\"d\":false,\"e\":[1,2]}]");
}

/* ---- scripts and transactions ---------------------------------------------------------------- */

static void test_script(void **state) {
    (void)state;
    static const struct pg_statement statements[] = {
        {.text = "CREATE TABLE script (id int)"},
        {.text = "INSERT INTO script SELECT generate_series(1, 5)"},
        {.text = "SELECT id FROM script WHERE id > 3 ORDER BY id"},
        {.text = "DROP TABLE script"},
    };
    struct pg_spec spec = spec_of(statements, COUNT(statements));
    AUTO_ANSWER answer = {0};
    pg_world_run(loop, &spec, &answer);
    assert_ok(&answer);
    assert_json(answer.response.rows, "[{\"id\":4},{\"id\":5}]");
    assert_json(answer.response.commands,
                "[\"CREATE TABLE\",\"INSERT 0 5\",\"SELECT 2\",\"DROP TABLE\"]");
    assert_int_equal(answer.response.row_count, 2);
    assert_true(answer.transaction_id > 0);
    assert_int_equal(answer.held, 1);
}

/* More than travel in one message: still one transaction. */
static void test_long_script(void **state) {
    (void)state;
    enum { STATEMENTS = 1000 };
    static struct pg_statement statements[STATEMENTS];
    pg_world_do("CREATE TABLE long (id int)");
    for (int i = 0; i < STATEMENTS; i++)
        statements[i].text = "INSERT INTO long VALUES (1)";
    struct pg_spec spec = spec_of(statements, STATEMENTS);
    AUTO_ANSWER answer = {0};
    pg_world_run(loop, &spec, &answer);
    assert_ok(&answer);
    assert_int_equal(answer.held, 1);
    statements[700].text = "SELECT 1/0";
    AUTO_TEXT transactions = pg_world_ask("SELECT count(DISTINCT xmin::text) FROM long");
    assert_string_equal(transactions, "1");
    AUTO_ANSWER broken = {0};
    assert_fails(&spec, &broken, "division by zero");
    assert_int_equal(broken.response.failed, 700);
    assert_true(broken.response.rolled_back);
    statements[700].text = "COMMIT";
    AUTO_ANSWER strayed = {0};
    assert_fails(&spec, &strayed, "ended its transaction itself");
    assert_false(strayed.response.rolled_back);
    for (int i = 0; i < STATEMENTS; i++)
        statements[i].text = "SELECT 1 AS a";
    spec.read_only = true;
    AUTO_ANSWER reads = {0};
    pg_world_run(loop, &spec, &reads);
    assert_ok(&reads);
    assert_json(reads.response.rows, "[{\"a\":1}]");
}

static void test_changed_rows(void **state) {
    (void)state;
    pg_world_do("CREATE TABLE changed AS SELECT generate_series(1, 5) AS id");
    struct pg_spec spec = pg_world_spec("UPDATE changed SET id = id + 1 WHERE id < 4");
    AUTO_ANSWER answer = {0};
    pg_world_run(loop, &spec, &answer);
    assert_ok(&answer);
    assert_int_equal(answer.response.row_count, 3);
    assert_json(answer.response.rows, "[]");
}

static const struct pg_statement half_bad[] = {
    {.text = "INSERT INTO modes VALUES (1)"},
    {.text = "INSERT INTO modes VALUES (2)"},
    {.text = "INSERT INTO modes VALUES (1/0)"},
    {.text = "INSERT INTO modes VALUES (4)"},
};

static void check_mode(enum pg_transaction mode, const char *kept, bool rolled_back) {
    pg_world_do("DROP TABLE IF EXISTS modes");
    pg_world_do("CREATE TABLE modes (id int)");
    struct pg_spec spec = spec_of(half_bad, COUNT(half_bad));
    spec.transaction = mode;
    AUTO_ANSWER answer = {0};
    assert_fails(&spec, &answer, "division by zero (SQLSTATE 22012)");
    assert_int_equal(answer.err.kind, ERR_REFUSED);
    assert_string_equal(answer.response.sqlstate, "22012");
    assert_int_equal(answer.response.failed, 2);
    assert_int_equal(answer.response.rolled_back, rolled_back);
    assert_false(answer.response.in_doubt);
    AUTO_TEXT count = pg_world_ask("SELECT count(*) FROM modes");
    assert_string_equal(count, kept);
}

static void test_modes(void **state) {
    (void)state;
    check_mode(PG_ONE, "0", true);
    check_mode(PG_EACH, "2", false);
    check_mode(PG_NONE, "2", false);
}

static void test_outside_transaction(void **state) {
    (void)state;
    struct pg_spec spec = pg_world_spec("VACUUM pg_class");
    AUTO_ANSWER refused = {0};
    assert_fails(&spec, &refused, "VACUUM cannot run inside a transaction block");
    spec.transaction = PG_NONE;
    AUTO_ANSWER answer = {0};
    pg_world_run(loop, &spec, &answer);
    assert_ok(&answer);
    assert_json(answer.response.commands, "[\"VACUUM\"]");
    assert_int_equal(answer.held, 0);
}

static void test_own_transaction(void **state) {
    (void)state;
    static const struct pg_statement open_end[] = {{.text = "BEGIN"}, {.text = "SELECT 1"}};
    static const struct pg_statement whole[] = {
        {.text = "BEGIN"}, {.text = "SELECT 1 AS a"}, {.text = "COMMIT"}};
    struct pg_spec spec = spec_of(open_end, 2);
    spec.transaction = PG_NONE;
    AUTO_ANSWER left = {0};
    assert_fails(&spec, &left, "a transaction was left open");
    spec = spec_of(whole, 3);
    spec.transaction = PG_NONE;
    AUTO_ANSWER answer = {0};
    pg_world_run(loop, &spec, &answer);
    assert_ok(&answer);
    static const struct pg_statement early[] = {{.text = "COMMIT"}, {.text = "SELECT 1"}};
    spec = spec_of(early, 2);
    AUTO_ANSWER strayed = {0};
    assert_fails(&spec, &strayed, "ended its transaction itself");
    assert_false(strayed.response.rolled_back);
}

static void test_read_only(void **state) {
    (void)state;
    struct pg_spec spec = pg_world_spec("CREATE TABLE forbidden ()");
    spec.read_only = true;
    AUTO_ANSWER answer = {0};
    assert_fails(&spec, &answer, "read-only transaction");
    assert_true(answer.response.rolled_back);
    spec.transaction = PG_NONE;
    AUTO_ANSWER none = {0};
    assert_fails(&spec, &none, "read-only transaction");
    spec = pg_world_spec("SELECT 1 AS a");
    spec.read_only = true;
    AUTO_ANSWER read = {0};
    pg_world_run(loop, &spec, &read);
    assert_ok(&read);
    assert_int_equal(read.held, 0);
}

static void test_deferred_constraint(void **state) {
    (void)state;
    pg_world_do("CREATE TABLE deferred (id int UNIQUE DEFERRABLE INITIALLY DEFERRED)");
    static const struct pg_statement twice[] = {{.text = "INSERT INTO deferred VALUES (1)"},
                                                {.text = "INSERT INTO deferred VALUES (1)"}};
    struct pg_spec spec = spec_of(twice, 2);
    AUTO_ANSWER answer = {0};
    assert_fails(&spec, &answer, "COMMIT failed: duplicate key value");
    assert_true(strstr(answer.err.message, "Key (id)=(1) already exists") != NULL);
    assert_true(answer.response.rolled_back);
    assert_false(answer.response.in_doubt);
    assert_true(answer.response.failed == PG_NO_STATEMENT);
}

/* A transaction that wrote no row has an id all the same, unless it may not write. */
static void test_transaction_ids(void **state) {
    (void)state;
    static const struct pg_statement writing[] = {{.text = "NOTIFY somebody"}};
    static const struct pg_statement reading[] = {{.text = "SET TRANSACTION READ ONLY"},
                                                  {.text = "SELECT pg_advisory_xact_lock(1)"}};
    struct pg_spec spec = spec_of(writing, COUNT(writing));
    AUTO_ANSWER answer = {0};
    pg_world_run(loop, &spec, &answer);
    assert_ok(&answer);
    assert_true(answer.transaction_id > 0);
    spec = spec_of(reading, COUNT(reading));
    AUTO_ANSWER none = {0};
    pg_world_run(loop, &spec, &none);
    assert_ok(&none);
    assert_int_equal(none.transaction_id, 0);
    assert_int_equal(none.held, 1);
}

static void test_error_texts(void **state) {
    (void)state;
    struct pg_spec spec = pg_world_spec("SELECT no_such_column FROM pg_class");
    AUTO_ANSWER answer = {0};
    assert_fails(&spec, &answer, "column \"no_such_column\" does not exist (SQLSTATE 42703)");
    assert_int_equal(answer.response.position, 8);
    spec = pg_world_spec("SELECT 1 + 'a'::date");
    AUTO_ANSWER hinted = {0};
    assert_fails(&spec, &hinted, "invalid input syntax");
    spec = pg_world_spec("SELECT lower(1)");
    AUTO_ANSWER hint = {0};
    assert_fails(&spec, &hint, "does not exist");
    assert_non_null(strstr(hint.err.hint, "explicit type casts"));
    spec = pg_world_spec("DO $$ BEGIN RAISE EXCEPTION 'no' USING DETAIL = 'because.'; END $$");
    AUTO_ANSWER raised = {0};
    assert_fails(&spec, &raised, "no (SQLSTATE P0001): because; in PL/pgSQL function");
}

static void test_notices(void **state) {
    (void)state;
    struct pg_spec spec =
        pg_world_spec("DO $$ BEGIN RAISE NOTICE 'a'; RAISE WARNING 'b' USING DETAIL = 'c'; END $$");
    AUTO_ANSWER answer = {0};
    pg_world_run(loop, &spec, &answer);
    assert_ok(&answer);
    assert_string_equal(buf_text(&answer.notices), "NOTICE: a\nWARNING: b: c\n");
}

/* ---- sessions -------------------------------------------------------------------------------- */

static void test_session_settings(void **state) {
    (void)state;
    pg_world_do("CREATE ROLE deputy");
    struct pg_spec spec = pg_world_spec(
        "SELECT current_setting('statement_timeout') AS a, current_setting('lock_timeout') AS b, "
        "current_user AS c, current_setting('application_name') AS d");
    spec.target.statement_timeout_ms = 90000;
    spec.target.lock_timeout_ms = 5000;
    spec.target.role = "deputy";
    spec.application_name = "runbook it's \"me\" "
                            "and a name that is longer than the server's sixty-three bytes";
    for (int i = 0; i < 2; i++) {
        AUTO_ANSWER answer = {0};
        pg_world_run(loop, &spec, &answer);
        assert_ok(&answer);
        assert_json(answer.response.rows,
                    "[{\"a\":\"90s\",\"b\":\"5s\",\"c\":\"deputy\","
                    "\"d\":\"runbook it's \\\"me\\\" and a name that is longer than the server's "
                    "s\"}]");
        assert_string_equal(buf_text(&answer.notices), "");
    }
    spec.target.role = "nobody_here";
    AUTO_ANSWER answer = {0};
    assert_fails(&spec, &answer, "refused the session's settings: role \"nobody_here\"");
}

static void test_session_is_reset(void **state) {
    (void)state;
    static const struct pg_statement dirt[] = {{.text = "SET search_path TO nowhere"},
                                               {.text = "CREATE TEMP TABLE litter ()"},
                                               {.text = "SELECT pg_advisory_lock(7)"},
                                               {.text = "SELECT pg_backend_pid() AS pid"}};
    struct pg_spec spec = spec_of(dirt, COUNT(dirt));
    spec.target.pool = 1;
    AUTO_ANSWER first = {0};
    pg_world_run(loop, &spec, &first);
    assert_ok(&first);
    static const struct pg_statement look[] = {
        {.text = "SELECT current_setting('search_path') AS s, to_regclass('litter') AS l, (SELECT "
                 "count(*) FROM pg_locks WHERE locktype = 'advisory') AS n"},
        {.text = "SELECT pg_backend_pid() AS pid"}};
    spec.statements = look;
    spec.statement_count = 1;
    AUTO_ANSWER second = {0};
    pg_world_run(loop, &spec, &second);
    assert_ok(&second);
    assert_json(second.response.rows, "[{\"l\":null,\"n\":0,\"s\":\"\\\"$user\\\", public\"}]");
    spec.statements = look + 1;
    AUTO_ANSWER third = {0};
    pg_world_run(loop, &spec, &third);
    assert_true(value_equal(first.response.rows, third.response.rows));
}

static void test_pool_bound(void **state) {
    (void)state;
    enum { QUERIES = 24 };
    struct pg_answer answers[QUERIES] = {0};
    struct pg_spec spec = pg_world_spec("SELECT pg_backend_pid() AS pid, pg_sleep(0.01)");
    spec.target.pool = 3;
    spec.target.lock_timeout_ms = 1234; /* a pool of its own */
    for (int i = 0; i < QUERIES; i++)
        pg_world_start(loop, &spec, &answers[i]);
    for (int i = 0; i < QUERIES; i++)
        pg_world_wait(&answers[i]);
    AUTO_VALUE pids = value_object();
    for (int i = 0; i < QUERIES; i++) {
        assert_ok(&answers[i]);
        AUTO_TEXT row = value_to_json(answers[i].response.rows);
        pids = value_set(pids, row, value_null());
        pg_answer_release(&answers[i]);
    }
    assert_int_equal(value_count(pids), 3);
}

static void test_many_small(void **state) {
    (void)state;
    enum { QUERIES = 1000 };
    static struct pg_answer answers[QUERIES];
    struct pg_spec spec = pg_world_spec("SELECT 1 AS a");
    spec.read_only = true;
    int64_t start = clock_mono_ns();
    for (int i = 0; i < QUERIES; i++)
        pg_world_start(loop, &spec, &answers[i]);
    for (int i = 0; i < QUERIES; i++)
        pg_world_wait(&answers[i]);
    print_message("1,000 read-only statements: %.0f ms\n",
                  (double)(clock_mono_ns() - start) / (double)NS_PER_MS);
    for (int i = 0; i < QUERIES; i++) {
        assert_ok(&answers[i]);
        pg_answer_release(&answers[i]);
    }
}

/* ---- limits ---------------------------------------------------------------------------------- */

static void test_many_rows(void **state) {
    (void)state;
    struct pg_spec spec = pg_world_spec("SELECT generate_series(1, 100000) AS id");
    AUTO_ANSWER answer = {0};
    pg_world_run(loop, &spec, &answer);
    assert_ok(&answer);
    assert_int_equal(answer.response.row_count, 100000);
    assert_int_equal(value_count(answer.response.rows), 100000);
}

static void test_rows_ceiling(void **state) {
    (void)state;
    struct pg_spec spec =
        pg_world_spec("SELECT repeat('x', 1000) AS t FROM generate_series(1, 5000000)");
    spec.rows_ceiling = (size_t)1 << 20;
    AUTO_ANSWER answer = {0};
    assert_fails(&spec, &answer, "its rows take more than");
    assert_int_equal(answer.err.kind, ERR_LIMIT);
    assert_int_equal(answer.response.failed, 0);
    assert_true(answer.response.rolled_back);
    assert_int_equal(value_count(answer.response.rows), 0);
}

static void check_copy(const char *text, enum pg_transaction mode) {
    struct pg_spec spec = pg_world_spec(text);
    spec.transaction = mode;
    AUTO_ANSWER answer = {0};
    assert_fails(&spec, &answer, "COPY FROM STDIN and TO STDOUT");
    assert_int_equal(answer.response.failed, 0);
    spec = pg_world_spec("SELECT 1 AS a");
    AUTO_ANSWER after = {0};
    pg_world_run(loop, &spec, &after);
    assert_ok(&after);
}

static void test_copy(void **state) {
    (void)state;
    pg_world_do("CREATE TABLE copied (id int)");
    check_copy("COPY copied FROM STDIN", PG_NONE);
    check_copy("COPY copied FROM STDIN", PG_ONE);
    check_copy("COPY (SELECT generate_series(1, 100000)) TO STDOUT", PG_NONE);
    check_copy("COPY (SELECT generate_series(1, 100000)) TO STDOUT", PG_ONE);
}

static void test_urls(void **state) {
    (void)state;
    AUTO_ERR err = ERR_INIT;
    assert_int_equal(pg_check_url("postgresql://me:secret@h1,h2:5433/db?sslmode=require", &err), 0);
    assert_int_equal(pg_check_url("host=/tmp dbname=x", &err), 0);
    static const char *const bad[] = {"",
                                      "postgresql://me:s3cret@[::1",
                                      "hunter2",
                                      "host='x",
                                      "postgresql://me:s3cr%zzet@h/db",
                                      "dbname=x colour=s3cret",
                                      "mysql://me:s3cret@h/db"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        AUTO_ERR refused = ERR_INIT;
        assert_int_equal(pg_check_url(bad[i], &refused), -1);
        assert_int_equal(refused.kind, ERR_INVALID);
        assert_null(strstr(refused.message, "s3cr"));
        assert_null(strstr(refused.message, "hunter2"));
    }
}

static void check_place(const char *url, const char *host, const char *port, bool wants_port) {
    struct pg_place place;
    AUTO_ERR err = ERR_INIT;
    assert_int_equal(pg_place_init(url, &place, &err), 0);
    assert_string_equal(place.host, host);
    assert_string_equal(place.port, port);
    assert_int_equal(place.wants_port, wants_port);
    pg_place_release(&place);
}

static void test_places(void **state) {
    (void)state;
    unsetenv("PGHOST");
    unsetenv("PGPORT");
    unsetenv("PGSSLMODE");
    check_place("postgresql://me@db.internal/app", "db.internal", "5432", false);
    check_place("postgresql://me@db.internal:6432/app?sslmode=prefer", "db.internal", "6432",
                false);
    check_place("postgresql://me@db.internal/app?sslmode=verify-full", "db.internal", "5432", true);
    check_place("host=db.internal hostaddr=10.0.0.7 sslmode=require", "10.0.0.7", "5432", true);
    check_place("postgresql://me@[fe80::1]:6432/app", "fe80::1", "6432", false);
    check_place("host=/run/pg port=6432 sslmode=require", "/run/pg/.s.PGSQL.6432", "6432", false);
    setenv("PGSSLMODE", "verify-ca", 1);
    check_place("postgresql://me@db.internal/app", "db.internal", "5432", true);
    unsetenv("PGSSLMODE");
    static const char *const bad[] = {"dbname=app", "postgresql://a,b/app", "host=@abstract",
                                      "service=app"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct pg_place place;
        AUTO_ERR refused = ERR_INIT;
        assert_int_equal(pg_place_init(bad[i], &place, &refused), -1);
        assert_int_equal(refused.kind, ERR_INVALID);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_loop, close_loop)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_types),
        TEST(test_big_numbers),
        TEST(test_floats),
        TEST(test_json_keeps_digits),
        TEST(test_duplicate_columns),
        TEST(test_parameters),
        TEST(test_script),
        TEST(test_long_script),
        TEST(test_changed_rows),
        TEST(test_modes),
        TEST(test_outside_transaction),
        TEST(test_own_transaction),
        TEST(test_read_only),
        TEST(test_deferred_constraint),
        TEST(test_transaction_ids),
        TEST(test_error_texts),
        TEST(test_notices),
        TEST(test_session_settings),
        TEST(test_session_is_reset),
        TEST(test_pool_bound),
        TEST(test_many_small),
        TEST(test_many_rows),
        TEST(test_rows_ceiling),
        TEST(test_copy),
        TEST(test_urls),
        TEST(test_places),
    };
    pg_world_open();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    pg_world_close();
    return failed;
}
