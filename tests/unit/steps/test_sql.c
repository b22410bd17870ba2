/* The step type `sql`: what check refuses, what a plan shows, and attempts on a real server. The
 * effect of statements is in test_sql_effect.c. */
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "lang/runbook.h"
#include "step.h"
#include "tests/support/unit.h"

#include "tests/support/pg_world.h"

/* ---- what step.h lends ----------------------------------------------------------------------- */

struct step_ctx {
    struct loop *loop;
    const struct step *step;
    void *state;
    value run;
    int64_t cancel_after_ms;
    struct loop_timer *timer;
    struct step_result result;
    struct buf notes;   /* "what JSON" lines */
    struct buf commits; /* "id JSON" lines of step_commit */
    int done;
};

struct loop *step_loop(struct step_ctx *ctx) {
    return ctx->loop;
}

const void *step_spec(const struct step_ctx *ctx) {
    return ctx->step->spec;
}

void *step_state(struct step_ctx *ctx) {
    return ctx->state;
}

const char *step_id(const struct step_ctx *ctx) {
    return ctx->step->id;
}

const char *step_run_id(const struct step_ctx *ctx) {
    (void)ctx;
    return "run-1";
}

enum effect step_ctx_effect(const struct step_ctx *ctx) {
    (void)ctx;
    return EFFECT_UNSAID;
}

const char *step_token(const struct step_ctx *ctx) {
    (void)ctx;
    return "run-1:t:1";
}

int64_t step_grace_ms(const struct step_ctx *ctx) {
    (void)ctx;
    return 1000;
}

int step_render(struct step_ctx *ctx, const struct template *tmpl, value *ret, struct err *err) {
    struct expr_dot dot = {.dot = ctx->run};
    struct expr_input input = expr_input_dot(&dot);
    return template_render(tmpl, &input, ret, err);
}

int step_database_init(struct step_ctx *ctx, struct step_database *ret, struct err *err) {
    (void)ctx, (void)err;
    *ret = (struct step_database){.name = mem_strdup("main"), .url = mem_strdup(pg_world_url())};
    return 0;
}

void step_database_release(struct step_database *database) {
    mem_free(database->name);
    mem_free(database->url);
    *database = (struct step_database){0};
}

const char *step_target(const struct step_ctx *ctx) {
    (void)ctx;
    return NULL;
}

void step_miss_note(struct step_ctx *ctx, const char *what) {
    (void)ctx, (void)what;
}

char *step_miss_find(const struct step_ctx *ctx, const char *what) {
    (void)ctx, (void)what;
    return NULL;
}

void step_note(struct step_ctx *ctx, const char *what, value taken) {
    AUTO_VALUE note = taken;
    AUTO_TEXT json = value_to_json(note);
    (void)buf_printf(&ctx->notes, "%s %s\n", what, json);
}

value step_undone(const struct step_ctx *ctx) {
    (void)ctx;
    return value_none();
}

void step_commit(struct step_ctx *ctx, const char *transaction_id, value data_taken,
                 void (*go)(struct step_ctx *ctx)) {
    AUTO_VALUE data = data_taken;
    AUTO_TEXT json = value_to_json(data);
    (void)buf_printf(&ctx->commits, "%s %s\n", transaction_id, json);
    go(ctx);
}

void step_done(struct step_ctx *ctx, struct step_result *result) {
    ctx->done++;
    ctx->result = *result;
    loop_stop(ctx->loop);
}

/* What other types of the table ask for: never called here. */
#define IGNORED __attribute__((unused))
#define UNUSED(result, name, ...)                                                                  \
    result name(__VA_ARGS__) {                                                                     \
        abort();                                                                                   \
    }
UNUSED(int64_t, step_elapsed_ms, const struct step_ctx *ctx IGNORED)
UNUSED(bool, step_is_judged, const struct step_ctx *ctx IGNORED)
UNUSED(bool, step_text_is_read, const struct step_ctx *ctx IGNORED)
UNUSED(int64_t, step_timeout_ms, const struct step_ctx *ctx IGNORED)
UNUSED(int, step_render_meant, struct step_ctx *ctx IGNORED, const struct template *tmpl IGNORED,
       value *ret IGNORED, struct err *err IGNORED)
UNUSED(int, step_render_text, struct step_ctx *ctx IGNORED, const struct template *tmpl IGNORED,
       char **ret IGNORED, struct err *err IGNORED)
UNUSED(int, step_test, struct step_ctx *ctx IGNORED, const struct expr *expr IGNORED,
       bool *ret IGNORED, struct err *err IGNORED)
UNUSED(int, step_command_init, struct step_ctx *ctx IGNORED, const char *const *words IGNORED,
       size_t count IGNORED, struct step_command *ret IGNORED, struct err *err IGNORED)
UNUSED(void, step_command_release, struct step_command *command IGNORED)
UNUSED(bool, step_connects, struct step_ctx *ctx IGNORED)
UNUSED(char *, step_marker, struct step_ctx *ctx IGNORED)
UNUSED(int, step_reach, struct step_ctx *ctx IGNORED, bool fresh IGNORED,
       void (*opened)(struct step_ctx *ctx, struct err *err) IGNORED, struct err *err IGNORED)
UNUSED(int, step_tunnel, struct step_ctx *ctx IGNORED, const struct ssh_end *end IGNORED,
       void (*opened)(struct step_ctx *ctx, const char *entry, struct err *err) IGNORED,
       struct err *err IGNORED)
UNUSED(void, step_reach_leave, struct step_ctx *ctx IGNORED)
UNUSED(const struct err *, step_reach_lost, const struct step_ctx *ctx IGNORED)
UNUSED(int, step_command_end_init, struct step_ctx *ctx IGNORED, int64_t grace_ms IGNORED,
       struct step_command *ret IGNORED, struct err *err IGNORED)
UNUSED(int, step_outputs_write, struct step_ctx *ctx IGNORED, const char *bytes IGNORED,
       size_t length IGNORED, struct err *err IGNORED)
UNUSED(const char *const *, step_shell, struct step_ctx *ctx IGNORED, size_t *ret_count IGNORED)
UNUSED(void, step_output, struct step_ctx *ctx IGNORED, enum step_stream stream IGNORED,
       const char *bytes IGNORED, size_t length IGNORED)
UNUSED(void, step_ask, struct step_ctx *ctx IGNORED, const struct step_question *question IGNORED,
       void (*answered)(struct step_ctx *ctx, const struct step_answer *answer) IGNORED)
UNUSED(int, step_test_on, struct step_ctx *ctx IGNORED, const struct expr *expr IGNORED,
       value dot IGNORED, bool *ret IGNORED, struct err *err IGNORED)
UNUSED(int, step_eval_on, struct step_ctx *ctx IGNORED, const struct expr *expr IGNORED,
       value dot IGNORED, value *ret IGNORED, struct err *err IGNORED)
UNUSED(struct step_probe *, step_probe_new, struct step_ctx *ctx IGNORED,
       const struct step *probe IGNORED, int64_t limit_ms IGNORED,
       void (*answered)(struct step_ctx *ctx, const struct step_sample *sample) IGNORED)
UNUSED(void, step_probe_free, struct step_probe *probe IGNORED)
UNUSED(char *, step_redact, const struct step_ctx *ctx IGNORED, const char *text IGNORED)
UNUSED(void, step_gauge, struct step_ctx *ctx IGNORED, const struct step_gauge *gauge IGNORED)

/* ---- runbooks and attempts ------------------------------------------------------------------- */

static char folder[64], path[96], script[96];

static struct runbook *load(const char *steps, struct diag *diag) {
    AUTO_ERR err = ERR_INIT;
    AUTO_TEXT whole = mem_printf("runbook: 1\nname: t\ndatabases: {main: {url: x}}\n"
                                 "params: {n: {type: integer}, v: {type: string}}\nsteps:\n%s",
                                 steps);
    assert_int_equal(file_write_atomic(path, whole, strlen(whole), 0600, &err), 0);
    return runbook_load(path, diag);
}

static void write_script(const char *text) {
    AUTO_ERR err = ERR_INIT;
    assert_int_equal(file_write_atomic(script, text, strlen(text), 0600, &err), 0);
}

/* "file:line:column: message | hint" of each error. */
static void assert_errors(const char *steps, const char *want) {
    struct diag *diag = diag_new();
    struct runbook *runbook = load(steps, diag);
    AUTO_VALUE errors = diag_value(diag);
    AUTO_BUF text = BUF_INIT((size_t)1 << 16);
    for (size_t i = 0; i < value_count(errors); i++) {
        AUTO_VALUE item = value_at(errors, i);
        AUTO_VALUE file = value_get(item, "file");
        AUTO_VALUE line = value_get(item, "line");
        AUTO_VALUE column = value_get(item, "column");
        AUTO_VALUE message = value_get(item, "message");
        AUTO_VALUE hint = value_get(item, "hint");
        (void)buf_printf(&text, "%s:%.0f:%.0f: %s | %s\n", file_basename(value_text(file)),
                         value_as_number(line), value_as_number(column), value_text(message),
                         value_text(hint));
    }
    runbook_free(runbook);
    diag_free(diag);
    assert_string_equal(buf_text(&text), want);
}

static void assert_error(const char *steps, const char *part) {
    struct diag *diag = diag_new();
    struct runbook *runbook = load(steps, diag);
    AUTO_BUF text = BUF_INIT((size_t)1 << 16);
    struct diag_style style = {0};
    diag_text(diag, &style, &text);
    runbook_free(runbook);
    diag_free(diag);
    if (!strstr(buf_text(&text), part))
        fail_msg("\"%s\" is not in:\n%s", part, buf_text(&text));
}

struct attempt {
    struct runbook *runbook;
    struct step_ctx ctx;
    char *data; /* JSON */
};

static struct runbook *load_well(const char *steps) {
    struct diag *diag = diag_new();
    struct runbook *runbook = load(steps, diag);
    if (diag_count(diag)) {
        AUTO_BUF text = BUF_INIT((size_t)1 << 16);
        struct diag_style style = {0};
        diag_text(diag, &style, &text);
        fail_msg("%s", buf_text(&text));
    }
    diag_free(diag);
    return runbook;
}

static void cancel(void *user) {
    struct step_ctx *ctx = user;
    if (!ctx->done)
        ctx->step->type->cancel(ctx);
}

static void attempt(struct attempt *ret, const char *steps, const char *run, int64_t cancel_ms) {
    struct step_ctx *ctx = &ret->ctx;
    struct err err = ERR_INIT;
    *ret = (struct attempt){.runbook = load_well(steps)};
    ctx->step = ret->runbook->steps->items[0];
    ctx->loop = loop_new(NULL);
    ctx->state = mem_zalloc(ctx->step->type->state_size);
    ctx->notes = (struct buf)BUF_INIT((size_t)1 << 20);
    ctx->commits = (struct buf)BUF_INIT((size_t)1 << 20);
    assert_int_equal(value_parse(run, strlen(run), &ctx->run, &err), 0);
    if (cancel_ms)
        ctx->timer = loop_timer_new(ctx->loop, cancel_ms, cancel, ctx);
    if (ctx->step->type->start(ctx, &err) < 0)
        ctx->result = (struct step_result){
            .outcome = STEP_FAILED, .without_effect = true, .data = value_object(), .err = err};
    else
        while (!ctx->done)
            loop_run(ctx->loop);
    assert_true(ctx->done <= 1);
    ret->data = value_to_json(ctx->result.data);
    ctx->step->type->release(ctx);
    loop_timer_free(ctx->timer);
    loop_free(ctx->loop);
}

static void attempt_release(struct attempt *attempt) {
    mem_free(attempt->data);
    mem_free(attempt->ctx.state);
    value_free(attempt->ctx.run);
    value_free(attempt->ctx.result.data);
    err_release(&attempt->ctx.result.err);
    buf_release(&attempt->ctx.notes);
    buf_release(&attempt->ctx.commits);
    runbook_free(attempt->runbook);
}
#define AUTO_ATTEMPT __attribute__((cleanup(attempt_release))) struct attempt

static void assert_data(const char *steps, const char *run, const char *want) {
    AUTO_ATTEMPT tried;
    attempt(&tried, steps, run, 0);
    if (tried.ctx.result.outcome != STEP_SUCCEEDED)
        fail_msg("%s", tried.ctx.result.err.message);
    assert_string_equal(tried.data, want);
}

/* ---- check ----------------------------------------------------------------------------------- */

static void test_check_places(void **state) {
    (void)state;
    assert_errors("  - sql: SELEKT 1\n", "t.yaml:6:10: syntax error at or near \"SELEKT\" | \n");
    assert_errors("  - sql: |\n      SELECT 1;\n      SELECT 'ä' fro m x y\n",
                  "t.yaml:8:22: syntax error at or near \"m\" | \n");
    assert_errors("  - sql: SELECT 'open\n",
                  "t.yaml:6:17: unterminated quoted string at or near \"'open\" | \n");
    write_script("-- a comment\nSELECT 1;\n  SELEKT 2;\n");
    assert_errors("  - sql: {file: s.sql}\n", "s.sql:3:3: syntax error at or near \"SELEKT\" | \n");
}

static void test_check_arguments(void **state) {
    (void)state;
    assert_errors("  - sql: SELECT :since\n    args: {sinse: 1}\n",
                  "t.yaml:6:17: no argument is called `since` | did you mean `:sinse`?\n"
                  "t.yaml:7:12: no statement uses the argument `sinse` | write `:sinse` where its "
                  "value belongs, or remove it\n");
    assert_error("  - sql: SELECT :'a'\n", "psql's :'name' and :\"name\" are not known here");
    assert_error("  - sql: SELECT * FROM :t\n    args: {t: x}\n", "`:t` cannot stand here");
    assert_error("  - sql: ALTER ROLE x PASSWORD :p\n    args: {p: x}\n", "`:p` cannot stand here");
    assert_error("  - sql: CREATE VIEW v AS SELECT :p\n    args: {p: x}\n",
                 "`:p` cannot stand here");
    assert_error("  - sql: SELECT $1\n", "`$1` has no value");
    assert_errors("  - sql: \"SELECT ':no', $$ :no $$, 1::int, /* :no */ a[1:2], a[b:c] -- :no\"\n",
                  "");
    assert_errors("  - sql: 'SELECT (ARRAY[1,2,3])[:a::int : :b], :c::text, f(x := :c)'\n"
                  "    args: {a: 1, b: 2, c: 3}\n",
                  "");
    assert_errors("  - sql: PREPARE p AS SELECT $1\n", "");
}

static void test_check_psql(void **state) {
    (void)state;
    assert_error("  - sql: |\n      \\i other.sql\n      SELECT 1\n", "`file:` runs a script");
    assert_error("  - sql: |\n      \\echo it's\n", "`\\echo` is a command of psql, not SQL");
    assert_error("  - sql: |\n      SELECT 1 \\gexec\n", "`\\gexec` is a command of psql");
    assert_error("  - sql: |\n      COPY t FROM STDIN;\n      1\n      \\.\n", "psql -f");
    assert_errors("  - sql: |\n      SELECT '\\i a', E'\\n', $$\n      \\i b\n      $$\n", "");
}

static void test_check_transactions(void **state) {
    (void)state;
    write_script("SELECT 1");
    assert_errors("  - sql: VACUUM t\n", "t.yaml:6:10: VACUUM cannot run inside a transaction | "
                                         "add `transaction: false`\n");
    assert_errors("  - sql: VACUUM t\n    transaction: false\n", "");
    assert_error("  - sql: SELECT 1; CREATE INDEX CONCURRENTLY i ON t (a)\n    transaction: each\n",
                 "give it a step of its own with `transaction: false`");
    assert_error("  - sql: BEGIN; SELECT 1; COMMIT\n", "COMMIT in a script whose transaction");
    assert_errors("  - sql: SAVEPOINT a; ROLLBACK TO a\n", "");
    assert_error("  - sql: COPY t FROM STDIN\n", "COPY FROM STDIN and TO STDOUT");
    assert_error("  - sql: COPY t TO STDOUT\n", "COPY FROM STDIN and TO STDOUT");
    assert_error("  - sql: ' -- nothing '\n", "there is no statement");
    assert_error("  - sql: SELECT 1\n    transaction: maybe\n", "`maybe`");
    assert_error("  - sql: {statements: SELECT 1, file: s.sql}\n", "both");
}

static void plan_line(void *user, const char *label, const char *text, size_t length) {
    (void)buf_printf(user, "%s: %.*s\n", label, (int)length, text);
}

static void assert_plan(const char *steps, enum effect effect, const char *want) {
    AUTO_BUF text = BUF_INIT(4096);
    struct step_plan plan = {&text, plan_line};
    struct runbook *runbook = load_well(steps);
    const struct step *step = runbook->steps->items[0];
    step->type->plan(step->spec, &plan);
    assert_int_equal(step->type->effect(step->spec), effect);
    runbook_free(runbook);
    assert_string_equal(buf_text(&text), want);
}

static void test_plan(void **state) {
    (void)state;
    assert_plan("  - sql: |\n      -- what is old\n      SELECT :a ; SELECT 2\n"
                "    args: {a: \"${{ .params.n }}\"}\n",
                EFFECT_READ,
                "transaction: read only\nstatement: SELECT :a\neffect: read\n"
                "statement: SELECT 2\neffect: read\nargument: :a = ${{ .params.n }}\n");
    write_script("VACUUM FULL t;\n");
    AUTO_TEXT want = mem_printf("script: %s\ntransaction: none\nstatement: VACUUM FULL t\n"
                                "effect: utility: table t\nlocks: ACCESS EXCLUSIVE on t\n"
                                "rewrites: table t\ndestroys: storage of t\n",
                                script);
    assert_plan("  - sql: {file: s.sql}\n    transaction: false\n", EFFECT_ONCE, want);
}

/* Of a dump a plan shows how it begins, and never half a character. */
static void test_plan_of_dump(void **state) {
    (void)state;
    AUTO_BUF dump = BUF_INIT((size_t)1 << 20);
    for (int i = 0; i < 300; i++)
        (void)buf_printf(&dump, "INSERT INTO t VALUES (%d, 'ä');\n", i);
    write_script(buf_text(&dump));
    AUTO_BUF text = BUF_INIT((size_t)1 << 20);
    struct step_plan plan = {&text, plan_line};
    struct runbook *runbook = load_well("  - sql: {file: s.sql}\n");
    const struct step *step = runbook->steps->items[0];
    step->type->plan(step->spec, &plan);
    assert_non_null(strstr(buf_text(&text),
                           "(49, 'ä')\neffect: write: table t\n"
                           "locks: ROW EXCLUSIVE on t\nstatement: … and 250 more\n"));
    buf_clear(&text);
    buf_clear(&dump);
    (void)buf_puts(&dump, "SELECT '");
    for (int i = 0; i < 20000; i++)
        (void)buf_puts(&dump, "ä");
    (void)buf_puts(&dump, "'; SELECT 2");
    write_script(buf_text(&dump));
    step->type->plan(step->spec, &plan);
    runbook_free(runbook);
    assert_true(text.length < 17000);
    assert_true(text_is_utf8(buf_text(&text), text.length));
    assert_non_null(strstr(buf_text(&text), "ä…\neffect: read\nstatement: … and 1 more\n"));
}

/* ---- attempts -------------------------------------------------------------------------------- */

static void test_arguments(void **state) {
    (void)state;
    assert_data(
        "  - sql: >\n"
        "      SELECT :a::int + :a::int AS a, :b::text AS b, :c::bool AS c, :d::jsonb AS d,\n"
        "      :e::int8 AS e, :f::text IS NULL AS f, :g::float8 AS g\n"
        "    args: {a: \"${{ .params.n }}\", b: \"x${{ .params.n }}'; DROP TABLE t; --\", c: "
        "true,\n"
        "           d: {k: [1, null]}, e: \"9007199254740993\", f: null, g: 0.1}\n",
        "{\"params\":{\"n\":21}}",
        "{\"commands\":[\"SELECT 1\"],\"row_count\":1,\"rows\":[{\"a\":42,\"b\":\"x21'; "
        "DROP TABLE t; --\",\"c\":true,\"d\":{\"k\":[1,null]},\"e\":\"9007199254740993\","
        "\"f\":true,\"g\":0.1}]}");
}

/* Values never become part of the statement, whatever they hold. */
static void test_injection(void **state) {
    (void)state;
    static const char *const evil[] = {
        "1'; DROP TABLE victims; --",
        "$$; DROP TABLE victims; $$",
        "\\'; DROP TABLE victims; --",
        "\xbf'; DROP TABLE victims; --",
        "$1",
        ":b",
        "1) OR (1=1",
    };
    pg_world_do("CREATE TABLE victims AS SELECT 'a' AS name");
    for (size_t i = 0; i < COUNT(evil); i++) {
        value params = value_set(value_object(), "v", value_string_n(evil[i], strlen(evil[i])));
        AUTO_VALUE run = value_set(value_object(), "params", params);
        AUTO_TEXT json = value_to_json(run);
        AUTO_ATTEMPT tried;
        attempt(&tried,
                "  - sql: \"SELECT count(*) AS n, :a = :b AS same FROM victims WHERE name = :a\"\n"
                "    args: {a: \"${{ .params.v }}\", b: \"${{ .params.v }}\"}\n",
                json, 0);
        assert_int_equal(tried.ctx.result.outcome, STEP_SUCCEEDED);
        assert_non_null(strstr(tried.data, "{\"n\":0,\"same\":true}"));
    }
}

static void test_script(void **state) {
    (void)state;
    write_script("CREATE TABLE made (id int);\n"
                 "DO $$ BEGIN RAISE NOTICE 'hello'; END $$;\n"
                 "INSERT INTO made VALUES (:id), (:other), (:id);\n");
    AUTO_ATTEMPT tried;
    attempt(&tried, "  - sql: {file: s.sql}\n    args: {id: 1, other: 2}\n", "{}", 0);
    assert_int_equal(tried.ctx.result.outcome, STEP_SUCCEEDED);
    assert_string_equal(tried.data, "{\"commands\":[\"CREATE TABLE\",\"DO\",\"INSERT 0 3\"],"
                                    "\"row_count\":3,\"rows\":[]}");
    const char *notes = buf_text(&tried.ctx.notes);
    assert_non_null(strstr(notes, "notice {\"severity\":\"NOTICE\",\"text\":\"hello\"}\n"));
    /* What a later engine may have to make do with. */
    const char *commits = buf_text(&tried.ctx.commits);
    assert_true(strtoull(commits, NULL, 10) > 0);
    AUTO_TEXT recorded = mem_printf(" %s\n", tried.data);
    assert_non_null(strstr(commits, recorded));
}

/* One record for each transaction. */
static void test_script_each(void **state) {
    (void)state;
    AUTO_ATTEMPT tried;
    attempt(&tried,
            "  - sql: CREATE TABLE e (i int); INSERT INTO e VALUES (7) RETURNING i\n"
            "    transaction: each\n",
            "{}", 0);
    assert_int_equal(tried.ctx.result.outcome, STEP_SUCCEEDED);
    const char *commits = buf_text(&tried.ctx.commits);
    const char *second = strchr(commits, '\n') + 1;
    assert_non_null(strstr(commits, "\"statement\":1,\"statements\":2}\n"));
    assert_non_null(strstr(second, "\"rows\":[{\"i\":7}],\"statement\":2,\"statements\":2}\n"));
    assert_non_null(strstr(tried.data, "\"rows\":[{\"i\":7}]}"));
}

static void test_failure(void **state) {
    (void)state;
    write_script("CREATE TABLE gone (id int);\n\nSELECT\n  1/0;\nSELECT nothing;\n");
    AUTO_ATTEMPT tried;
    attempt(&tried, "  - sql: {file: s.sql}\n", "{}", 0);
    const struct step_result *result = &tried.ctx.result;
    assert_int_equal(result->outcome, STEP_FAILED);
    assert_true(result->without_effect);
    assert_string_equal(result->err.message,
                        "statement 2 of 3 (line 3): division by zero (SQLSTATE 22012)");
    assert_non_null(strstr(tried.data, "\"sqlstate\":\"22012\""));
    AUTO_ATTEMPT placed;
    attempt(&placed, "  - sql: |\n      SELECT 1,\n        nothing\n", "{}", 0);
    assert_int_equal(placed.ctx.result.err.span.line, 8);
    assert_int_equal(placed.ctx.result.err.span.column, 9);
}

static void test_failure_behind_argument(void **state) {
    (void)state;
    AUTO_ATTEMPT tried;
    attempt(&tried,
            "  - sql: \"SELECT ':x', :long_name::int, :long_name::int, nothing\"\n"
            "    args: {long_name: 1}\n",
            "{}", 0);
    assert_int_equal(tried.ctx.result.err.span.line, 6);
    assert_int_equal(tried.ctx.result.err.span.column, 58);
}

static void test_partial(void **state) {
    (void)state;
    AUTO_ATTEMPT tried;
    attempt(&tried, "  - sql: CREATE TABLE kept (); SELECT 1/0\n    transaction: each\n", "{}", 0);
    assert_int_equal(tried.ctx.result.outcome, STEP_FAILED);
    assert_false(tried.ctx.result.without_effect);
}

static void test_cancelled(void **state) {
    (void)state;
    AUTO_ATTEMPT tried;
    attempt(&tried, "  - sql: CREATE TABLE never (); SELECT pg_sleep(20)\n", "{}", 100);
    assert_int_equal(tried.ctx.result.outcome, STEP_CANCELLED);
    assert_true(tried.ctx.result.without_effect);
    AUTO_ATTEMPT doubtful;
    attempt(&doubtful,
            "  - sql: DO 'BEGIN LOOP BEGIN PERFORM pg_sleep(1); EXCEPTION WHEN query_canceled THEN "
            "NULL; END; EXIT WHEN clock_timestamp() > now() + interval ''6s''; END LOOP; END'\n"
            "    transaction: false\n",
            "{}", 100);
    assert_int_equal(doubtful.ctx.result.outcome, STEP_IN_DOUBT);
    assert_false(doubtful.ctx.result.without_effect);
    assert_non_null(strstr(doubtful.ctx.result.err.hint, "done_when"));
}

static void test_bad_argument(void **state) {
    (void)state;
    AUTO_ATTEMPT tried;
    attempt(&tried, "  - sql: SELECT :a::text\n    args: {a: \"${{ .params.v }}\"}\n",
            "{\"params\":{\"v\":\"a\\u0000b\"}}", 0);
    assert_int_equal(tried.ctx.result.outcome, STEP_FAILED);
    assert_true(tried.ctx.result.without_effect);
    assert_string_equal(tried.ctx.result.err.message, "the argument `a` holds a NUL byte");
}

static void test_notices_end(void **state) {
    (void)state;
    AUTO_ATTEMPT tried;
    attempt(&tried,
            "  - sql: DO 'BEGIN FOR i IN 1..5000 LOOP RAISE NOTICE ''%'', i; END LOOP; END'\n",
            "{}", 0);
    assert_int_equal(tried.ctx.result.outcome, STEP_SUCCEEDED);
    const char *notes = buf_text(&tried.ctx.notes);
    assert_non_null(strstr(notes, "\"text\":\"1000\""));
    assert_null(strstr(notes, "\"text\":\"1001\""));
    assert_non_null(strstr(notes, "further notices of this step are dropped"));
}

static int world_open(void **state) {
    (void)state;
    pg_world_open();
    snprintf(folder, sizeof folder, "/tmp/runbook-sql-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/t.yaml", folder);
    snprintf(script, sizeof script, "%s/s.sql", folder);
    return 0;
}

static int world_close(void **state) {
    (void)state;
    pg_world_close();
    return file_remove_tree(folder, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_check_places), cmocka_unit_test(test_check_arguments),
        cmocka_unit_test(test_check_psql),   cmocka_unit_test(test_check_transactions),
        cmocka_unit_test(test_plan),         cmocka_unit_test(test_plan_of_dump),
        cmocka_unit_test(test_arguments),    cmocka_unit_test(test_injection),
        cmocka_unit_test(test_script),       cmocka_unit_test(test_script_each),
        cmocka_unit_test(test_failure),      cmocka_unit_test(test_failure_behind_argument),
        cmocka_unit_test(test_partial),      cmocka_unit_test(test_cancelled),
        cmocka_unit_test(test_bad_argument), cmocka_unit_test(test_notices_end),
    };
    return cmocka_run_group_tests(tests, world_open, world_close);
}
