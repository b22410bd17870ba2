#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "value/expr.h"

#define RUN                                                                                        \
    "{\"params\":{\"env\":\"drill\",\"n\":3,\"list\":[1,2,3]},\"secrets\":{\"a\":\"hush\"},"       \
    "\"steps\":{\"a\":{\"rows\":[{\"leads\":5}],\"outputs\":{\"x\":[\"p\",\"q\"]}}}}"

static value parsed(const char *json) {
    value v = value_none();
    AUTO_ERR err = ERR_INIT;
    if (value_parse(json, strlen(json), &v, &err) < 0)
        fail_msg("%s: %s", json, err.message);
    return v;
}

static value run_get(void *user, const char *key) {
    const value *run = user;
    return key ? value_get(*run, key) : value_copy(*run);
}

static const struct span here = {.file = "f.yaml", .line = 7, .column = 11, .length = 1};

struct heard {
    size_t count;
    struct err first;
};

static void hear(void *user, struct err *err) {
    struct heard *heard = user;
    if (heard->count++ == 0)
        err_move(&heard->first, err);
}

/* Evaluates one expression against RUN; what it yields or says as text that the caller frees. */
static char *evaluated(const char *text) {
    struct expr_set *set = expr_set_new();
    struct expr *expr = NULL;
    AUTO_ERR err = ERR_INIT;
    struct heard heard = {0};
    AUTO_VALUE run = parsed(RUN);
    struct expr_input input = {.get = run_get, .user = &run, .now_ns = 5 * NS_PER_S};
    value result = value_none();
    char *shown = NULL;
    if (expr_add(set, text, strlen(text), here, &expr, &err) < 0)
        shown = mem_printf("add: %s", err.message);
    else if (expr_set_compile(set, hear, &heard) != 0)
        shown = mem_printf("compile: %s", heard.first.message);
    else if (expr_eval(expr, &input, &result, &err) < 0)
        shown = mem_printf("eval: %s", err.message);
    else if (value_is(result, VALUE_NONE))
        shown = mem_strdup("nothing");
    else
        shown = value_to_json(result);
    value_free(result);
    err_release(&heard.first);
    expr_set_free(set);
    return shown;
}

#define assert_yields(text, wanted)                                                                \
    do {                                                                                           \
        AUTO_TEXT yielded = evaluated(text);                                                       \
        assert_string_equal(yielded, wanted);                                                      \
    } while (0)

static void test_paths(void **state) {
    (void)state;
    assert_yields(".params.env", "\"drill\"");
    assert_yields(" .steps.a.outputs[\"x\"][-1] ", "\"q\"");
    assert_yields(".steps.\"a\".rows[0].leads", "5");
    assert_yields(".[\"params\"].n", "3");
    assert_yields(".missing.member", "null");
    assert_yields(".params.n.x", "eval: `.params.n.x`: cannot index number with string \"x\"");
    assert_yields(".params.n.x?", "nothing");
    assert_yields("true", "true");
    assert_yields("\"x\"", "\"x\"");
    assert_yields("[1, {\"a\": null}]", "[1,{\"a\":null}]");
    assert_yields("[\"a\"][\"b\"]", "eval: `[\"a\"][\"b\"]`: cannot index array with string \"b\"");
}

static void test_programs(void **state) {
    (void)state;
    assert_yields(".params.n + 1", "4");
    assert_yields(".params.list | map(. * 2) | add", "12");
    assert_yields("empty", "nothing");
    assert_yields("now", "5");
    assert_yields(".params # a comment\n | length", "3");
    assert_yields("\"x\\(.params.env | \"<\\(.)>\")y\"", "\"x<drill>y\"");
    assert_yields("{env: 1, a: .params.n}", "{\"a\":3,\"env\":1}");
    assert_yields("error(\"no way\")", "eval: `error(\"no way\")`: no way");
    assert_yields("$run.params.n", "3");
    assert_yields("($run|.params.n) * 2", "6");
    assert_yields("\"ab\" * 3", "\"ababab\"");
    assert_yields("def f: 1; def now: 2; [f, now]", "[1,2]");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_programs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
