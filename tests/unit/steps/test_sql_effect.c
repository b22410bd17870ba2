/* What statements do, judged by their parse tree, with a real server as the oracle: what is
 * called a read must succeed in a READ ONLY transaction. */
#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "io/module.h"
#include "steps/sql_effect.h"
#include "tests/support/unit.h"

#include "tests/support/pg_world.h"

static const struct sql_module *sql;

static struct sql_script *parse(const char *text) {
    AUTO_ERR err = ERR_INIT;
    struct sql_script *script = NULL;
    if (sql->parse(text, strlen(text), &script, &err) < 0)
        fail_msg("%s: %s", text, err.message);
    return script;
}

static const char *const reads[] = {
    "SELECT 1",
    "SELECT * FROM t",
    "TABLE t",
    "VALUES (1), (2)",
    "SELECT count(*), sum(id), max(name) FROM t GROUP BY name HAVING count(*) > 0 ORDER BY 1",
    "SELECT lower(name) || upper(name), length(name), substring(name from 1 for 2) FROM t",
    "SELECT now(), current_date, localtimestamp, extract(year from now()), age(now())",
    "SELECT date_trunc('day', now()), to_char(now(), 'YYYY'), now() AT TIME ZONE 'UTC'",
    "SELECT round(1.5), abs(-1), mod(5, 3), random(), sqrt(4), 2 ^ 3",
    "SELECT coalesce(name, ''), nullif(id, 1), greatest(1, 2), least(1, 2) FROM t",
    "SELECT to_jsonb(t), row_to_json(t), json_build_object('a', id), '{\"a\":1}'::jsonb -> 'a' "
    "FROM t",
    "SELECT jsonb_agg(id ORDER BY id) FILTER (WHERE id > 0), array_agg(name), string_agg(name, "
    "',') "
    "FROM t",
    "SELECT pg_size_pretty(pg_database_size(current_database())), pg_relation_size('t')",
    "SELECT pg_total_relation_size('t'), pg_column_size(name) FROM t",
    "SELECT current_user, session_user, current_schema, current_catalog, current_role",
    "SELECT version(), pg_backend_pid(), pg_is_in_recovery(), current_setting('work_mem')",
    "WITH a AS (SELECT id FROM t) SELECT * FROM a JOIN t USING (id)",
    "WITH RECURSIVE r(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM r WHERE n < 5) SELECT * FROM r",
    "SELECT id, row_number() OVER (PARTITION BY name ORDER BY id), lag(id) OVER w FROM t "
    "WINDOW w AS (ORDER BY id)",
    "SELECT * FROM t WHERE id IN (SELECT id FROM t) AND EXISTS (SELECT 1 FROM t) LIMIT 5 OFFSET 1",
    "SELECT 1 UNION SELECT 2 EXCEPT SELECT 3 INTERSECT SELECT 4",
    "SELECT * FROM generate_series(1, 3) g, LATERAL (SELECT g + 1) x(y)",
    "SELECT * FROM unnest(ARRAY[1, 2]) WITH ORDINALITY",
    "SELECT CASE WHEN id = 1 THEN 'a' ELSE 'b' END, name LIKE 'a%', name ~ 'x', id::text FROM t",
    "SELECT name COLLATE \"C\", (ARRAY[1,2,3])[1:2], ROW(1, 2), id IS NULL FROM t",
    "SELECT * FROM t TABLESAMPLE BERNOULLI (50)",
    "SELECT DISTINCT ON (name) * FROM t",
    "SELECT pg_catalog.lower('A'), 1 OPERATOR(pg_catalog.+) 2",
    "SELECT md5(name), encode('a'::bytea, 'hex'), regexp_replace(name, 'a', 'b') FROM t",
    "SELECT * FROM v",
    "SELECT to_regclass('t'), pg_get_viewdef('v'::regclass), has_table_privilege('t', 'SELECT')",
    "SELECT count(*) FROM pg_stat_activity",
    "SELECT count(*) FROM information_schema.tables",
    "SHOW server_version",
    "SHOW ALL",
    "EXPLAIN SELECT * FROM t",
    "EXPLAIN (COSTS off, ANALYZE false) SELECT * FROM t",
    "EXPLAIN DELETE FROM t",
    "EXPLAIN INSERT INTO t SELECT * FROM t",
    "SELECT xmlelement(name a, 1)",
    "SELECT * FROM json_to_recordset('[{\"a\":1}]') AS x(a int)",
};

static const char *const writes[] = {
    "INSERT INTO t VALUES (1, 'a')",
    "UPDATE t SET name = 'x'",
    "DELETE FROM t WHERE false",
    "MERGE INTO t USING t s ON t.id = s.id WHEN MATCHED THEN DO NOTHING",
    "TRUNCATE t",
    "CREATE TABLE u ()",
    "DROP TABLE t",
    "SELECT * INTO u FROM t",
    "CREATE TABLE u AS SELECT 1",
    "SELECT * FROM t FOR UPDATE",
    "SELECT * FROM t FOR KEY SHARE SKIP LOCKED",
    "SELECT * FROM (SELECT * FROM t FOR SHARE) x",
    "WITH d AS (DELETE FROM t RETURNING *) SELECT * FROM d",
    "WITH a AS (WITH b AS (INSERT INTO t VALUES (1) RETURNING id) SELECT * FROM b) SELECT * FROM a",
    "SELECT nextval('s')",
    "SELECT setval('s', 5)",
    "SELECT set_config('work_mem', '1MB', false)",
    "SELECT pg_terminate_backend(0)",
    "SELECT pg_advisory_lock(1)",
    "SELECT pg_notify('a', 'b')",
    "SELECT lo_create(0)",
    "SELECT pg_reload_conf()",
    "SELECT query_to_xml('DELETE FROM t', true, true, '')",
    "SELECT writes()",
    "SELECT public.lower('a')",
    "SELECT (SELECT writes())",
    "SELECT count(*) FILTER (WHERE writes() > 0) FROM t",
    "SELECT 1 ORDER BY writes()",
    "SELECT 1 LIMIT writes()",
    "SELECT CASE WHEN true THEN writes() END",
    "SELECT * FROM writes()",
    "SELECT * FROM ROWS FROM (writes(), generate_series(1, 2))",
    "VALUES (writes())",
    "SELECT sum(1) OVER (ORDER BY writes())",
    "SELECT ARRAY[writes()], ROW(writes())",
    "SELECT 1 OPERATOR(public.+) 2",
    "EXPLAIN ANALYZE DELETE FROM t",
    "EXPLAIN (ANALYZE) SELECT writes()",
    "EXPLAIN (ANALYZE on, COSTS off) SELECT 1",
    "EXPLAIN SELECT writes()",
    "EXPLAIN INSERT INTO t SELECT writes()",
    "EXPLAIN WITH d AS (DELETE FROM t RETURNING *) SELECT * FROM d",
    "SET work_mem = '1MB'",
    "RESET ALL",
    "DO $$ BEGIN DELETE FROM t; END $$",
    "CALL nothing()",
    "COPY t TO '/dev/null'",
    "COPY t FROM PROGRAM 'true'",
    "PREPARE p AS SELECT 1",
    "EXECUTE p",
    "DECLARE c CURSOR FOR SELECT 1",
    "LOCK TABLE t",
    "NOTIFY a",
    "LISTEN a",
    "VACUUM t",
    "ANALYZE t",
    "REFRESH MATERIALIZED VIEW m",
    "COMMENT ON TABLE t IS 'x'",
    "GRANT SELECT ON t TO PUBLIC",
    "ALTER SYSTEM SET work_mem = '1MB'",
    "CHECKPOINT",
    "BEGIN",
    "DISCARD ALL",
};

static void test_reads(void **state) {
    (void)state;
    struct loop *loop = loop_new(NULL);
    for (size_t i = 0; i < COUNT(reads); i++) {
        struct sql_script *script = parse(reads[i]);
        assert_int_equal(script->count, 1);
        if (!script->statements[0].reads)
            fail_msg("%s: %s", reads[i], script->statements[0].unread);
        struct pg_spec spec = pg_world_spec(script->statements[0].text);
        spec.read_only = true;
        AUTO_ANSWER answer = {0};
        pg_world_run(loop, &spec, &answer);
        if (answer.err.kind)
            fail_msg("%s: %s", reads[i], answer.err.message);
        sql->free(script);
    }
    loop_free(loop);
}

static void test_writes(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(writes); i++) {
        struct sql_script *script = parse(writes[i]);
        if (script->statements[0].reads || !script->statements[0].unread)
            fail_msg("%s is called a read", writes[i]);
        sql->free(script);
    }
}

/* A word of the list may be volatile only in the group that says so. */
static void test_functions(void **state) {
    (void)state;
    static const char *const harmless[] = {
        "clock_timestamp",
        "gen_random_uuid",
        "pg_blocking_pids",
        "pg_current_wal_lsn",
        "pg_database_size",
        "pg_indexes_size",
        "pg_is_in_recovery",
        "pg_is_wal_replay_paused",
        "pg_last_wal_receive_lsn",
        "pg_last_wal_replay_lsn",
        "pg_last_xact_replay_timestamp",
        "pg_relation_size",
        "pg_sleep",
        "pg_table_size",
        "pg_tablespace_size",
        "pg_total_relation_size",
        "random",
        "timeofday",
    };
    struct loop *loop = loop_new(NULL);
    struct pg_spec spec = pg_world_spec("SELECT DISTINCT proname FROM pg_proc WHERE provolatile = "
                                        "'v' AND pronamespace = 'pg_catalog'::regnamespace");
    AUTO_ANSWER answer = {0};
    pg_world_run(loop, &spec, &answer);
    assert_null(answer.err.message);
    assert_true(value_count(answer.response.rows) > 100);
    for (size_t i = 0; i < value_count(answer.response.rows); i++) {
        AUTO_VALUE row = value_at(answer.response.rows, i);
        AUTO_VALUE name = value_get(row, "proname");
        AUTO_TEXT call = mem_printf("SELECT pg_catalog.%s()", value_text(name));
        struct sql_script *script = parse(call);
        bool known = false;
        for (size_t k = 0; k < COUNT(harmless); k++)
            known |= text_equal(harmless[k], value_text(name));
        if (script->statements[0].reads != known)
            fail_msg("%s", value_text(name));
        sql->free(script);
    }
    loop_free(loop);
}

static void test_alone(void **state) {
    (void)state;
    static const struct {
        const char *text, *alone;
    } cases[] = {
        {"VACUUM", "VACUUM"},
        {"VACUUM FULL t", "VACUUM"},
        {"ANALYZE t", NULL},
        {"CREATE DATABASE x", "CREATE DATABASE"},
        {"DROP DATABASE x", "DROP DATABASE"},
        {"ALTER DATABASE x SET TABLESPACE y", "ALTER DATABASE SET TABLESPACE"},
        {"ALTER DATABASE x CONNECTION LIMIT 5", NULL},
        {"CREATE INDEX CONCURRENTLY i ON t (id)", "CREATE INDEX CONCURRENTLY"},
        {"CREATE INDEX i ON t (id)", NULL},
        {"DROP INDEX CONCURRENTLY i", "DROP INDEX CONCURRENTLY"},
        {"REINDEX TABLE CONCURRENTLY t", "REINDEX CONCURRENTLY"},
        {"REINDEX (CONCURRENTLY false) TABLE t", NULL},
        {"REINDEX DATABASE x", "REINDEX DATABASE"},
        {"REINDEX SCHEMA x", "REINDEX SCHEMA"},
        {"ALTER SYSTEM RESET ALL", "ALTER SYSTEM"},
        {"CLUSTER", "CLUSTER of all tables"},
        {"CLUSTER t", NULL},
        {"CREATE TABLESPACE x LOCATION '/x'", "CREATE TABLESPACE"},
        {"ALTER TABLE t DETACH PARTITION p CONCURRENTLY", "DETACH PARTITION CONCURRENTLY"},
        {"ALTER TABLE t DETACH PARTITION p", NULL},
        {"DISCARD ALL", "DISCARD ALL"},
        {"DISCARD TEMP", NULL},
        {"CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p", "CREATE SUBSCRIPTION with a slot"},
        {"CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p WITH (connect = false)", NULL},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct sql_script *script = parse(cases[i].text);
        if (!text_equal(script->statements[0].alone, cases[i].alone))
            fail_msg("%s: %s", cases[i].text, script->statements[0].alone);
        sql->free(script);
    }
}

static void test_split(void **state) {
    (void)state;
    struct sql_script *script =
        parse("/* a */ SELECT ';', :b, :a, :b -- x;\n; ;\n/*+ hint */ SELECT $q$;$q$ /* y */;\n"
              "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END;"
              "SELECT :a");
    static const char *const texts[] = {
        "SELECT ';', $1, $2, $1",
        "/*+ hint */ SELECT $q$;$q$",
        "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END",
        "SELECT $1",
    };
    assert_int_equal(script->count, COUNT(texts));
    for (size_t i = 0; i < COUNT(texts); i++)
        assert_string_equal(script->statements[i].text, texts[i]);
    assert_int_equal(script->argument_count, 2);
    assert_string_equal(script->arguments[0].name, "b");
    assert_int_equal(script->statements[0].arguments[0], 0);
    assert_int_equal(script->statements[3].arguments[0], 1);
    assert_int_equal(script->statements[0].offset, 8);
    sql->free(script);
}

static void test_bad_text(void **state) {
    (void)state;
    static const char nul[] = "SELECT\n 1\0";
    struct sql_script *script = NULL;
    AUTO_ERR err = ERR_INIT;
    assert_int_equal(sql->parse(nul, sizeof nul, &script, &err), -1);
    assert_int_equal(err.span.line, 2);
    AUTO_ERR broken = ERR_INIT;
    assert_int_equal(sql->parse("SELECT '\xff'", 10, &script, &broken), -1);
    assert_string_equal(broken.message, "the script is not UTF-8");
    struct sql_script *empty = parse("");
    assert_int_equal(empty->count, 0);
    sql->free(empty);
}

/* Scripts that would overflow the parser's stack. */
static void check_depth(const char *open, const char *close, size_t count, int status) {
    AUTO_BUF text = BUF_INIT((size_t)64 << 20);
    (void)buf_puts(&text, "SELECT ");
    for (size_t i = 0; i < count; i++)
        (void)buf_puts(&text, open);
    (void)buf_puts(&text, "1");
    for (size_t i = 0; i < count; i++)
        (void)buf_puts(&text, close);
    struct sql_script *script = NULL;
    AUTO_ERR err = ERR_INIT;
    int got = sql->parse(buf_text(&text), text.length, &script, &err);
    if (got != status)
        fail_msg("%zu of %s%s: %s", count, open, close, err.message ? err.message : "parsed");
    sql->free(got == 0 ? script : NULL);
}

static void test_depth(void **state) {
    (void)state;
    check_depth("", "+1", 3000, 0);
    check_depth("", "+1", 200000, -1);
    check_depth("", ", 1", 200000, 0);
    check_depth("", " OR a = 1", 20000, 0);
    check_depth("NOT ", "", 9000, 0);
    check_depth("NOT ", "", 200000, -1);
    check_depth("(SELECT ", ")", 2000, 0);
    check_depth("(", ")", 1000000, -1);
    check_depth("(SELECT ", ")", 100000, -1);
    check_depth("", "::int", 100000, -1);
    check_depth("", " UNION SELECT 1, 2", 100000, -1);
    check_depth("CASE WHEN ", " THEN 1 END", 100000, -1);
    check_depth("NOT a BETWEEN 1 AND ", "", 100000, -1);
    check_depth("f(a, ", ")", 100000, -1);
}

static int world_open(void **state) {
    (void)state;
    sql = MODULE_LOAD(sql, NULL);
    assert_non_null(sql);
    pg_world_open();
    pg_world_do("CREATE TABLE t (id int, name text)");
    pg_world_do("INSERT INTO t VALUES (1, 'a'), (2, 'b')");
    pg_world_do("CREATE VIEW v AS SELECT * FROM t");
    return 0;
}

static int world_close(void **state) {
    (void)state;
    pg_world_close();
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads),     cmocka_unit_test(test_writes),
        cmocka_unit_test(test_functions), cmocka_unit_test(test_alone),
        cmocka_unit_test(test_split),     cmocka_unit_test(test_bad_text),
        cmocka_unit_test(test_depth),
    };
    return cmocka_run_group_tests(tests, world_open, world_close);
}
