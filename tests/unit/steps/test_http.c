/* The step type `http`: from YAML to a real server, with the engine's part played by a fake. */
#include <string.h>

#include "tests/support/http_world.h"
#include "tests/support/step_fake.h"
#include "tests/support/unit.h"

struct tried {
    struct runbook *runbook;
    struct step_ctx *ctx;
};

static void tried_free(struct tried *tried) {
    step_fake_free(tried->ctx);
    runbook_free(tried->runbook);
}
#define AUTO_TRIED __attribute__((cleanup(tried_free))) struct tried

static const char declared[] = "params: {word: {type: string}, nothing: {type: string}, line: "
                               "{type: string}}\nsecrets: {token: {env: TOKEN}}\n";
static const char run[] =
    "{\"params\": {\"word\": \"a b&c\", \"nothing\": null, \"line\": \"x\\r\\ny\"},"
    " \"secrets\": {\"token\": \"t0ken\"}}";

/* One step called `it`, whose action's value is `http`; its "%s" is the plain server's address. */
static struct tried prepare(const char *http) {
    AUTO_TEXT action = mem_printf(http, http_world_url("plain", ""));
    AUTO_TEXT yaml = mem_printf("%ssteps:\n  - id: it\n    http: %s\n", declared, action);
    struct tried tried = {.runbook = step_fake_load(yaml)};
    tried.ctx = step_fake_new(tried.runbook->steps->items[0], run);
    return tried;
}

static struct tried attempt(const char *http) {
    struct tried tried = prepare(http);
    step_fake_run(tried.ctx);
    assert_int_equal(tried.ctx->done, 1);
    return tried;
}

static void assert_in(const char *text, const char *part) {
    if (!text || !strstr(text, part))
        fail_msg("\"%s\" is not in \"%s\"", part, text ? text : "(null)");
}

static void assert_out(const char *text, const char *part) {
    if (text && strstr(text, part))
        fail_msg("\"%s\" is in \"%s\"", part, text);
}

#define DATA(path) step_fake_data(tried.ctx, path)

/* ---- results -----------------------------------------------------------------------------------
 */

static void test_get(void **state) {
    (void)state;
    AUTO_TRIED tried = attempt("{url: \"%s/json?x=1#top\"}");
    assert_int_equal(tried.ctx->result.outcome, STEP_SUCCEEDED);
    assert_string_equal(DATA("status"), "200");
    assert_string_equal(DATA("json.status"), "\"ok\"");
    assert_string_equal(DATA("headers.content-type"), "\"application/json; charset=utf-8\"");
    assert_in(DATA("body"), "\\\"status\\\"");
    assert_in(DATA("url"), "/json?x=1\"");
    assert_string_equal(DATA("redirects"), "0");
    assert_string_equal(DATA("tls_days_left"), "none");
    assert_string_equal(DATA("timing.tls_ms"), "null");
    assert_true(strtod(DATA("time_ms"), NULL) > 0);
    assert_string_equal(DATA("timing.total_ms"), DATA("time_ms"));
    assert_in(buf_text(&tried.ctx->output), "\"status\": \"ok\"");
}

static void test_shorthand(void **state) {
    (void)state;
    AUTO_TRIED tried = attempt("%s/ok");
    assert_string_equal(DATA("body"), "\"ok\\n\"");
    assert_string_equal(DATA("json"), "null");
}

static void test_result_kinds(void **state) {
    (void)state;
    AUTO_TRIED text = attempt("%s/textjson");
    assert_string_equal(step_fake_data(text.ctx, "json.status"), "\"ok\"");
    AUTO_TRIED bad = attempt("%s/badjson");
    assert_int_equal(bad.ctx->result.outcome, STEP_SUCCEEDED);
    assert_string_equal(step_fake_data(bad.ctx, "json"), "null");
    AUTO_TRIED binary = attempt("%s/binary");
    assert_string_equal(step_fake_data(binary.ctx, "body"), "null");
    assert_int_equal(binary.ctx->output.length, 9);
    AUTO_TRIED failed = attempt("%s/status/503");
    assert_int_equal(failed.ctx->result.outcome, STEP_SUCCEEDED);
    assert_string_equal(step_fake_data(failed.ctx, "status"), "503");
    AUTO_TRIED tried = attempt("%s/cookies");
    assert_string_equal(DATA("headers.x-list"), "\"one, two\"");
    assert_in(DATA("headers.set-cookie"), "[\"a=1; Expires=Wed, 21");
    assert_in(DATA("headers.set-cookie"), "\"b=2\"]");
}

static void test_tls_days(void **state) {
    (void)state;
    AUTO_TEXT http = mem_printf("{url: \"%s\", tls: {ca: %s}}", http_world_url("tls", "/ok"),
                                http_world_file("ca.pem"));
    AUTO_TRIED tried = attempt(http);
    assert_int_equal(tried.ctx->result.outcome, STEP_SUCCEEDED);
    long days = strtol(DATA("tls_days_left"), NULL, 10);
    assert_in_range(days, 9, 10); /* 10 within the second in which it was made */
    AUTO_TEXT plain = mem_printf("{url: \"%s\"}", http_world_url("tls", "/ok"));
    AUTO_TRIED refused = attempt(plain);
    assert_int_equal(refused.ctx->result.outcome, STEP_FAILED);
    assert_true(refused.ctx->result.without_effect);
    assert_in(refused.ctx->result.err.message, "not trusted here");
}

/* ---- requests ----------------------------------------------------------------------------------
 */

static void test_query(void **state) {
    (void)state;
    AUTO_TRIED tried = attempt("{url: \"%s/echo?a=1#top\", query: {w: \"${{ .params.word }}\", "
                               "n: 5, list: [x, \"${{ .params.word }}\"], \"a b\": true}}");
    assert_in(DATA("json.path"), "\"/echo?a=1&w=a%20b%26c&n=5&list=x&list=a%20b%26c&a%20b=true\"");
    AUTO_TRIED bare = attempt("{url: \"%s/echo\", query: {q: \"?&=\"}}");
    assert_in(step_fake_data(bare.ctx, "json.path"), "\"/echo?q=%3F%26%3D\"");
    AUTO_TRIED null = attempt("{url: \"%s/echo\", query: {q: \"${{ .params.nothing }}\"}}");
    assert_int_equal(null.ctx->result.outcome, STEP_FAILED);
    assert_true(null.ctx->result.without_effect);
    assert_in(null.ctx->result.err.message, "query `q` is null");
}

static void test_bodies(void **state) {
    (void)state;
    AUTO_TRIED tried = attempt("{method: PUT, url: \"%s/echo\", json: {w: \"${{ .params.word }}\", "
                               "n: [1, true]}}");
    assert_string_equal(DATA("json.body"), "\"{\\\"n\\\":[1,true],\\\"w\\\":\\\"a b&c\\\"}\"");
    assert_string_equal(DATA("json.headers.content-type"), "\"application/json\"");
    assert_string_equal(DATA("json.headers.idempotency-key"), "none");
    AUTO_TRIED form = attempt("{method: POST, url: \"%s/echo\", form: {w: \"${{ .params.word }}\", "
                              "l: [1, 2]}}");
    assert_string_equal(step_fake_data(form.ctx, "json.body"), "\"w=a%20b%26c&l=1&l=2\"");
    assert_string_equal(step_fake_data(form.ctx, "json.headers.content-type"),
                        "\"application/x-www-form-urlencoded\"");
    AUTO_TRIED text = attempt("{method: PATCH, url: \"%s/echo\", body: \"=${{ .params.word }}\", "
                              "headers: {Content-Type: text/x}}");
    assert_string_equal(step_fake_data(text.ctx, "json.body"), "\"=a b&c\"");
    assert_string_equal(step_fake_data(text.ctx, "json.headers.content-type"), "\"text/x\"");
    AUTO_TEXT http =
        mem_printf("{method: PUT, url: \"%%s/echo\", body_file: %s}", http_world_file("valid.pem"));
    AUTO_TRIED file = attempt(http);
    assert_in(step_fake_data(file.ctx, "json.body"), "BEGIN CERTIFICATE");
}

static void test_auth(void **state) {
    (void)state;
    AUTO_TRIED bearer = attempt("{url: \"%s/bearer\", auth: {bearer: \"${{ .secrets.token }}\"}}");
    assert_string_equal(step_fake_data(bearer.ctx, "status"), "200");
    AUTO_TRIED basic =
        attempt("{url: \"%s/basic\", auth: {basic: {user: deploy, password: s3cret}}}");
    assert_string_equal(step_fake_data(basic.ctx, "status"), "200");
}

static void test_injection(void **state) {
    (void)state;
    static const char *const specs[] = {
        "{url: \"%s/echo\", headers: {x-a: \"${{ .params.line }}\"}}",
        "{url: \"%s/${{ .params.line }}\"}",
        "{url: \"%s/echo\", auth: {bearer: \"${{ .params.line }}\"}}",
    };
    for (size_t i = 0; i < COUNT(specs); i++) {
        AUTO_TRIED tried = attempt(specs[i]);
        assert_int_equal(tried.ctx->result.outcome, STEP_FAILED);
        assert_true(tried.ctx->result.without_effect);
        assert_in(tried.ctx->result.err.message, "line break");
    }
}

/* The same over attempts, another where another request is meant, the author's where given. */
static void test_idempotency(void **state) {
    (void)state;
    AUTO_TRIED one = attempt("{method: POST, url: \"%s/echo\", json: {a: 1}}");
    AUTO_TRIED again = attempt("{method: POST, url: \"%s/echo\", json: {a: 1}}");
    AUTO_TRIED other = attempt("{method: POST, url: \"%s/echo\", json: {a: 2}}");
    AUTO_TRIED own = attempt("{method: POST, url: \"%s/echo\", headers: {IDEMPOTENCY-KEY: mine}}");
    const char *key = step_fake_data(one.ctx, "json.headers.idempotency-key");
    assert_in(key, "\"run-1/it/");
    assert_string_equal(key, step_fake_data(again.ctx, "json.headers.idempotency-key"));
    assert_string_not_equal(key, step_fake_data(other.ctx, "json.headers.idempotency-key"));
    assert_string_equal(step_fake_data(own.ctx, "json.headers.idempotency-key"), "\"mine\"");
}

static struct tried attempt_as(const char *http, const char *token) {
    struct tried tried = prepare(http);
    tried.ctx->token = token;
    step_fake_run(tried.ctx);
    return tried;
}

/* The server acts, and its answer is lost; the attempt that a later engine makes gets to know. The
 * same request as the step's rollback handler is another. */
static void test_idempotency_on_server(void **state) {
    (void)state;
    static const char charge[] = "{method: POST, url: \"%s/charge/card\", json: {cents: 100}}";
    AUTO_TRIED lost = attempt_as(charge, "run-1:it:1");
    assert_int_equal(lost.ctx->result.outcome, STEP_IN_DOUBT);
    AUTO_TRIED again = attempt_as(charge, "run-1:it:12");
    assert_string_equal(step_fake_data(again.ctx, "body"), "\"charged 1 times\\n\"");
    AUTO_TRIED undo = attempt_as(charge, "run-1:it:rollback.1");
    assert_int_equal(undo.ctx->result.outcome, STEP_IN_DOUBT);
    AUTO_TRIED hits = attempt("%s/hits/card");
    assert_string_equal(step_fake_data(hits.ctx, "body"), "\"2\"");
}

static void test_follow(void **state) {
    (void)state;
    AUTO_TRIED stay = attempt("%s/redirect?to=/ok");
    assert_string_equal(step_fake_data(stay.ctx, "status"), "302");
    AUTO_TRIED tried = attempt("{url: \"%s/redirect?to=/ok\", follow: true}");
    assert_string_equal(DATA("status"), "200");
    assert_string_equal(DATA("redirects"), "1");
    assert_in(DATA("url"), "/ok\"");
}

/* ---- failures ----------------------------------------------------------------------------------
 */

static void assert_outcome(const char *http, enum step_outcome outcome, bool without_effect) {
    AUTO_TRIED tried = attempt(http);
    if (tried.ctx->result.outcome != outcome)
        fail_msg("%s: outcome %d, %s", http, (int)tried.ctx->result.outcome,
                 tried.ctx->result.err.message);
    assert_int_equal(tried.ctx->result.without_effect, without_effect);
    assert_in(tried.ctx->result.err.message, "127.0.0.1");
    assert_string_not_equal(DATA("timing.total_ms"), "none");
}

static void test_outcomes(void **state) {
    (void)state;
    assert_outcome("{url: \"http://127.0.0.1:9/\"}", STEP_FAILED, true);
    assert_outcome("{method: POST, url: \"http://127.0.0.1:9/\"}", STEP_FAILED, true);
    assert_outcome("{url: \"%s/drop\"}", STEP_FAILED, false);
    assert_outcome("{method: PUT, url: \"%s/drop\", body: x}", STEP_FAILED, false);
    assert_outcome("{method: DELETE, url: \"%s/drop\"}", STEP_FAILED, false);
    assert_outcome("{method: POST, url: \"%s/drop\", body: x}", STEP_IN_DOUBT, false);
    assert_outcome("{method: PATCH, url: \"%s/reset\", body: x}", STEP_IN_DOUBT, false);
    assert_outcome("{method: POST, url: \"%s/cut\"}", STEP_IN_DOUBT, false);
    /* What the author says of the effect counts. */
    assert_outcome("{method: PUT, url: \"%s/drop\"}\n    effect: once", STEP_IN_DOUBT, false);
    assert_outcome("{method: POST, url: \"%s/drop\"}\n    effect: idempotent", STEP_FAILED, false);
    assert_outcome("{method: POST, url: \"%s/huge?bytes=2000\", max_body: 1KiB}", STEP_FAILED,
                   false);
    assert_outcome("{method: POST, url: \"%s/redirect?status=303&to=/drop\", follow: true}",
                   STEP_FAILED, false);
    assert_outcome("{method: POST, url: \"%s/redirect?status=307&to=/drop\", follow: true}",
                   STEP_IN_DOUBT, false);
}

static struct tried attempt_for(const char *http, int64_t timeout_ms, int64_t cancel_after_ms) {
    struct tried tried = prepare(http);
    tried.ctx->timeout_ms = timeout_ms;
    tried.ctx->cancel_after_ms = cancel_after_ms;
    step_fake_run(tried.ctx);
    assert_int_equal(tried.ctx->done, 1);
    return tried;
}

static void test_timeouts(void **state) {
    (void)state;
    AUTO_TRIED get = attempt_for("%s/hang", 200, 0);
    assert_int_equal(get.ctx->result.err.kind, ERR_TIMEOUT);
    assert_in(get.ctx->result.err.message, "no answer from 127.0.0.1:");
    assert_in(get.ctx->result.err.message, "within 200 ms");
    AUTO_TRIED post = attempt_for("{method: POST, url: \"%s/hang\"}", 200, 0);
    assert_int_equal(post.ctx->result.outcome, STEP_IN_DOUBT);
    assert_in(post.ctx->result.err.hint, "done_when");
    AUTO_TRIED cancelled = attempt_for("%s/hang", 0, 100);
    assert_int_equal(cancelled.ctx->result.outcome, STEP_CANCELLED);
    AUTO_TRIED doubtful = attempt_for("{method: POST, url: \"%s/dribble\"}", 0, 100);
    assert_int_equal(doubtful.ctx->result.outcome, STEP_IN_DOUBT);
}

/* ---- check and plan ----------------------------------------------------------------------------
 */

static void assert_check(const char *http, const char *complaint) {
    AUTO_TEXT yaml = mem_printf("%ssteps:\n  - id: it\n    http: %s\n", declared, http);
    AUTO_TEXT errors = step_fake_errors(yaml);
    if (complaint)
        assert_in(errors, complaint);
    else
        assert_string_equal(errors, "");
}

static void test_check(void **state) {
    (void)state;
    assert_check("{url: \"https://a/\", query: {a: [1, x]}, headers: {x-a: b}}", NULL);
    assert_check("{url: \"${{ .params.word }}\"}", NULL);
    assert_check("{url: \"https://${{ .params.word }}/x@y\"}", NULL);
    assert_check("{method: GET}", "url");
    assert_check("{url: \"ftp://a/\"}", "must begin with http:// or https://");
    assert_check("{url: app.example}", "must begin with http:// or https://");
    assert_check("{url: \"https:///x\"}", "names no host");
    assert_check("{url: \"https://me:pw@a/\"}", "must not hold a user name");
    assert_check("{url: \"https://me:${{ .secrets.token }}@a/\"}", "must not hold a user name");
    assert_check("{url: \"http://a/\", body: x}", "a body needs `method: POST`");
    assert_check("{url: \"http://a/\", method: HEAD, json: {}}", "a body needs `method: POST`");
    assert_check("{url: \"http://a/\", method: POST, json: {}, body: x}", "exclude each other");
    assert_check("{url: \"http://a/\", method: POST, form: {a: 1}, body_file: x}",
                 "`form` and `body_file` exclude each other");
    assert_check("{url: \"http://a/\", headers: {\"a b\": x}}", "a header's name");
    assert_check("{url: \"http://a/\", headers: {content-length: 3}}", "written by the engine");
    assert_check("{url: \"http://a/\", headers: {x-a: \"1\\r\\nx-b: 2\"}}", "line break");
    assert_check("{url: \"http://a/\", headers: {x-a: 1, X-A: 2}}", "given twice");
    assert_check("{url: \"http://a/\", auth: {}}", "either `basic` or `bearer`");
    assert_check("{url: \"http://a/\", auth: {bearer: x, basic: {user: u, password: p}}}",
                 "either `basic` or `bearer`");
    assert_check("{url: \"http://a/\", auth: {bearer: x}, headers: {Authorization: y}}",
                 "exclude each other");
    assert_check("{url: \"http://a/\", tls: {key: k.pem}}", "`key` without its `cert`");
    assert_check("{url: \"http://a/\", tls: {verify: false, ca: x}}", "meaningless");
    assert_check("{url: \"http://a/\", method: FETCH}", "method");
}

static void test_plan(void **state) {
    (void)state;
    AUTO_TRIED tried =
        prepare("{method: POST, url: \"https://a.example/x\", query: {w: \"${{ .params.word }}\"}, "
                "headers: {x-key: \"${{ .secrets.token }}\", x-fixed: hushhush}, json: {a: 1}, "
                "auth: {bearer: \"${{ .secrets.token }}\"}, tls: {verify: false}}");
    AUTO_TEXT plan = step_fake_plan(tried.ctx->step);
    assert_in(plan, "request: POST https://a.example/x?w=${{ .params.word }}\n");
    assert_in(plan, "headers: x-key, x-fixed, Idempotency-Key\n");
    assert_in(plan, "body: json {");
    assert_in(plan, "with: bearer token, the server's certificate is not verified\n");
    assert_out(plan, "hushhush");
    assert_out(plan, "t0ken");
}

static void test_effects(void **state) {
    (void)state;
    static const struct {
        const char *method;
        enum effect effect;
    } effects[] = {{"GET", EFFECT_READ},       {"HEAD", EFFECT_READ}, {"OPTIONS", EFFECT_READ},
                   {"PUT", EFFECT_IDEMPOTENT}, {"POST", EFFECT_ONCE}, {"DELETE", EFFECT_IDEMPOTENT},
                   {"PATCH", EFFECT_ONCE}};
    for (size_t i = 0; i < COUNT(effects); i++) {
        AUTO_TEXT http = mem_printf("{url: \"http://a/\", method: %s}", effects[i].method);
        AUTO_TRIED tried = prepare(http);
        assert_int_equal(tried.ctx->step->type->effect(tried.ctx->step->spec), effects[i].effect);
    }
    AUTO_TRIED unsaid = prepare("{url: \"http://a/\"}");
    assert_int_equal(unsaid.ctx->step->type->effect(unsaid.ctx->step->spec), EFFECT_READ);
}

static int open_world(void **state) {
    (void)state;
    http_world_open();
    return 0;
}

static int close_world(void **state) {
    (void)state;
    http_world_close();
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_get),          cmocka_unit_test(test_shorthand),
        cmocka_unit_test(test_result_kinds), cmocka_unit_test(test_tls_days),
        cmocka_unit_test(test_query),        cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_auth),         cmocka_unit_test(test_injection),
        cmocka_unit_test(test_idempotency),  cmocka_unit_test(test_idempotency_on_server),
        cmocka_unit_test(test_follow),       cmocka_unit_test(test_outcomes),
        cmocka_unit_test(test_timeouts),     cmocka_unit_test(test_check),
        cmocka_unit_test(test_plan),         cmocka_unit_test(test_effects),
    };
    return cmocka_run_group_tests(tests, open_world, close_world);
}
