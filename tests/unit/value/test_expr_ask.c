#include "fixture.h"

static struct expr *added(struct expr_set *set, const char *text) {
    struct expr *expr = NULL;
    AUTO_ERR err = ERR_INIT;
    if (expr_add(set, text, strlen(text), here, &expr, &err) < 0)
        fail_msg("%s: %s", text, err.message);
    return expr;
}

static void test_reaches(void **state) {
    (void)state;
    static const char *const texts[] = {".secrets",
                                        ".secrets.a",
                                        ".[\"secrets\"]",
                                        ".\"secrets\"",
                                        ".",
                                        "..",
                                        "keys",
                                        ".[]",
                                        "to_entries",
                                        "getpath([\"secrets\"])",
                                        ".[\"sec\" + \"rets\"]",
                                        ".[$run.x]",
                                        "{secrets}",
                                        "{\"secrets\"}",
                                        "{\"sec\\(\"rets\")\"}",
                                        "{@text \"secrets\"}",
                                        "\"\\(.secrets)\"",
                                        "select(.a) | .",
                                        ".params.env = 1",
                                        ".a |= 2",
                                        "@json",
                                        "$run",
                                        "$run.secrets.a",
                                        "$run[\"secrets\"]",
                                        "$run | .a",
                                        ".params.n as $n | keys",
                                        "if .a then . else 1 end",
                                        "[(.params | .n), .secrets]",
                                        "until(true; .a)",
                                        "nth(\"secrets\")",
                                        "tojson",
                                        "def f: .; .params | f",
                                        "(.params | .n), .",
                                        "map(.)",
                                        "{a: .params | .n, b: .}",
                                        "reduce .a as $x (.; 1)",
                                        "error",
                                        "\"\\(.a | .b) \\(.)\"",
                                        ". as $x | 1",
                                        "walk(1)",
                                        "label $out | .",
                                        "first(.secrets)",
                                        "_assign(.a; 1)",
                                        "[.a, .secrets.b]"};
    struct expr_set *set = expr_set_new();
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (!expr_mentions(added(set, texts[i]), "secrets"))
            fail_msg("%s is said not to reach it", texts[i]);
    expr_set_free(set);
}

static void test_does_not_reach(void **state) {
    (void)state;
    static const char *const texts[] = {".params",
                                        ".params.secrets",
                                        ".params | keys",
                                        ".params.list | map(. + 1)",
                                        "1 + 1",
                                        "\"secrets\"",
                                        "{secrets: 1}",
                                        ".params | {secrets}",
                                        ".steps.a.json | .secrets",
                                        ".params.n > 3 and (.params.env | test(\"a\"))",
                                        "first(.params) | keys",
                                        "now",
                                        ".params as $p | $p.secrets",
                                        "if .a | . then .b else .c end",
                                        "$run.params.x",
                                        ".steps.a.rows[0].leads > 0",
                                        "reduce .params.list[] as $x (0; . + $x)",
                                        "foreach .a[] as $x (0; . + 1; .)",
                                        ".params | \"\\(.)\"",
                                        "{a: .params | .b, c: .d}",
                                        "label $out | .params | break $out",
                                        "[.a, .b] | any(. == 1)",
                                        ".item | ., .",
                                        "@json \"\\(.a)\"",
                                        ".steps.a.stdout == \".\"",
                                        ".params[.item]"};
    struct expr_set *set = expr_set_new();
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (expr_mentions(added(set, texts[i]), "secrets"))
            fail_msg("%s is said to reach it", texts[i]);
    expr_set_free(set);
}

static void test_run_alone(void **state) {
    (void)state;
    struct expr_set *set = expr_set_new();
    assert_false(expr_run_mentions(added(set, ". == 1"), "secrets"));
    assert_false(expr_run_mentions(added(set, ".secrets"), "secrets"));
    assert_false(expr_run_mentions(added(set, "$run.params.x == ."), "secrets"));
    assert_true(expr_run_mentions(added(set, "$run.secrets.x == ."), "secrets"));
    assert_true(expr_run_mentions(added(set, "$run.secrets"), "secrets"));
    assert_true(expr_run_mentions(added(set, "$run | keys"), "secrets"));
    expr_set_free(set);
}

static void gather(void *user, const char *name, size_t length) {
    struct buf *out = user;
    buf_append(out, name, length);
    buf_putc(out, ' ');
}

static void test_members(void **state) {
    (void)state;
    static const struct {
        const char *text, *wanted;
    } cases[] = {
        {".steps.a.stdout", "a "},   {".steps[\"b\"] + .steps.\"c\".d + .params.steps.no", "b c "},
        {"$run.steps.d | .x", "d "}, {"\"\\(.steps.e)\" == [.steps.f[0]]", "e f "},
        {".steps | .g", ""},
    };
    struct expr_set *set = expr_set_new();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO_BUF out = BUF_INIT(1000);
        expr_each_member(added(set, cases[i].text), "steps", gather, &out);
        assert_string_equal(buf_text(&out), cases[i].wanted);
    }
    expr_set_free(set);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reaches),
        cmocka_unit_test(test_does_not_reach),
        cmocka_unit_test(test_run_alone),
        cmocka_unit_test(test_members),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
