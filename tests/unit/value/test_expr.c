#include "fixture.h"

#include "tests/support/unit.h"

/* Evaluates one expression against RUN; what it yields or says, as text that the caller frees. */
static char *evaluated(const char *text) {
    struct expr_set *set = expr_set_new();
    struct expr *expr = NULL;
    AUTO_ERR err = ERR_INIT;
    struct heard heard = {0};
    AUTO_VALUE run = parsed(RUN);
    struct expr_input input = {.get = run_get, .user = &run, .now_ns = 5 * NS_PER_S};
    AUTO_VALUE result = value_none();
    char *shown = NULL;
    if (expr_add(set, text, strlen(text), here, &expr, &err) < 0)
        shown = err_shown("add", &err);
    else if (expr_set_compile(set, hear, &heard) != 0)
        shown = err_shown("compile", &heard.first);
    else if (expr_eval(expr, &input, &result, &err) < 0)
        shown = mem_printf("eval %d %s", err.kind, err.message);
    else if (value_is(result, VALUE_NONE))
        shown = mem_strdup("nothing");
    else
        shown = value_to_json(result);
    err_release(&heard.first);
    expr_set_free(set);
    return shown;
}

#define assert_yields(text, wanted) assert_shown(evaluated(text), wanted)

static void test_paths(void **state) {
    (void)state;
    assert_yields(".params.env", "\"drill\"");
    assert_yields(" .steps.a.outputs[\"x\"][-1] ", "\"q\"");
    assert_yields(".steps.\"a\".rows[0].leads", "5");
    assert_yields(".[\"params\"].n", "3");
    assert_yields(".missing.member", "null");
    assert_yields(".params.n.x", "eval 1 `.params.n.x`: cannot index number with string \"x\"");
    assert_yields(".params.n.x?", "nothing");
    assert_yields(".params.\"\\u0065nv\"", "\"drill\"");
    assert_yields("$run.params.n", "3");
}

static void test_literals(void **state) {
    (void)state;
    assert_yields("true", "true");
    assert_yields("\"x\"", "\"x\"");
    assert_yields("-5", "-5");
    assert_yields("[1, {\"a\": null}]", "[1,{\"a\":null}]");
    assert_yields("[7][0]", "7");
}

static void test_path_keys(void **state) {
    (void)state;
    struct expr_set *set = expr_set_new();
    struct expr *path = NULL, *whole = NULL, *program = NULL;
    AUTO_ERR err = ERR_INIT;
    const char *text = ".steps.a[\"b c\"][0].d";
    assert_int_equal(expr_add(set, text, strlen(text), here, &path, &err), 0);
    assert_int_equal(expr_add(set, ".", 1, here, &whole, &err), 0);
    assert_int_equal(expr_add(set, ".a+1", 4, here, &program, &err), 0);
    const char *const *keys = NULL;
    assert_true(expr_is_path(path) && expr_is_path(whole) && !expr_is_path(program));
    assert_int_equal(expr_path(path, &keys), 3);
    assert_string_equal(keys[2], "b c");
    assert_int_equal(expr_path(whole, &keys), 0);
    assert_string_equal(expr_text(path), text);
    assert_int_equal(expr_span(path).length, strlen(text));
    expr_set_free(set);
}

static void test_programs(void **state) {
    (void)state;
    assert_yields(".params.n + 1", "4");
    assert_yields(".params.list | map(. * 2) | add", "12");
    assert_yields("empty", "nothing");
    assert_yields("now", "5");
    assert_yields(".params # a comment\n | length", "4");
    assert_yields(".params # a comment )\r\n | length", "4");
    assert_yields("\"x\\(.params.env | \"<\\(.)>\")y\"", "\"x<drill>y\"");
    assert_yields("{env: 1, a: .params.n}", "{\"a\":3,\"env\":1}");
    assert_yields("{a: 1} | .env", "null");
    assert_yields("($run|.params.n) * 2", "6");
    assert_yields("\"ab\" * 3", "\"ababab\"");
    assert_yields("[(1,2) * (10,100)]", "[10,20,100,200]");
    assert_yields("{a:{b:1}} * {a:{c:2}}", "{\"a\":{\"b\":1,\"c\":2}}");
    assert_yields("def f: 1; def now: 2; [f, now]", "[1,2]");
    assert_yields(".params.none.x?//1", "1");
    assert_yields("[[1,2]] | .[] as [$a] ?// $a | [$a]", "[1]");
    assert_yields("reduce .params.list[] as $x (0; . + $x)", "6");
    assert_yields("if .params.n == 3 then \"three\" else \"no\" end", "\"three\"");
    assert_yields("\"a-b\" | test(\"^[a-c]-b$\")", "true");
}

static void test_eval_errors(void **state) {
    (void)state;
    assert_yields("error(\"no way\")", "eval 1 `error(\"no way\")`: no way");
    assert_yields("error({a: 1})", "eval 1 `error({a: 1})`: {\"a\":1}");
    assert_yields("1 + \"x\"", "eval 1 `1 + \"x\"`: number (1) and string (\"x\") cannot be added");
    assert_yields("\"x\" * 1e9", "eval 1 `\"x\" * 1e9`: a text of more than 64 MiB");
    assert_yields("reduce range(300) as $i (0; [.])",
                  "eval 6 `reduce range(300) as $i (0; [.])`: the result is too large or nested "
                  "too deeply");
}

static void test_add_errors(void **state) {
    (void)state;
    assert_yields("", "add 7:11+1 the expression is empty (write a jq expression, such as "
                      "`.params.name`)");
    assert_yields(" # only a comment", "add 7:11+1 the expression is empty (write a jq "
                                       "expression, such as `.params.name`)");
    assert_yields("(.a", "add 7:11+1 `(` is never closed");
    assert_yields(".é", "add 7:12+1 jq does not know `é`");
    assert_yields("[.a)", "add 7:14+1 `)` stands where `]` was expected");
    assert_yields(".a | \"x", "add 7:16+1 this string never ends (close it with a double quote)");
    assert_yields("\"é\" + 'x'", "add 7:17+1 jq does not know `'` (jq puts strings in double "
                                 "quotes)");
    assert_yields(".a || .b", "add 7:14+2 jq does not know `||` (jq writes `or`)");
    assert_yields(".a &&\n .b", "add 7:14+1 jq does not know `&` (jq writes `and`)");
    assert_yields("1\n + $ x", "add 8:14+1 jq does not know `$`");
}

static void test_break_out(void **state) {
    (void)state;
    assert_yields("1); (2", "add 7:12+1 `)` closes nothing");
    assert_yields("\"\\(1))\"", "\"1)\"");
    assert_yields("1 # )\r; 2", "1");
    assert_yields("\"\\u\" ); (\"", "add 7:16+1 `)` closes nothing");
    assert_yields("1; 2", "compile 7:12+1 syntax error: `;` cannot stand here");
    assert_yields("1 end", "compile 7:13+3 syntax error: `end` cannot stand here");
    assert_yields("__rb", "add 7:11+4 names that begin with `__rb` belong to the engine");
    assert_yields("$__rb_i", "add 7:11+7 names that begin with `__rb` belong to the engine");
    struct expr_set *set = expr_set_new();
    struct expr *expr = NULL;
    AUTO_ERR err = ERR_INIT;
    assert_int_equal(expr_add(set, "1\0)", 3, here, &expr, &err), -1);
    assert_string_equal(err.message, "a character that jq does not know (\\x00)");
    expr_set_free(set);
}

static void test_shut_off(void **state) {
    (void)state;
    static const char *const shut[] = {"env",
                                       "$ENV",
                                       "$__loc__",
                                       "input",
                                       "[inputs]",
                                       "input_filename",
                                       "input_line_number",
                                       "debug",
                                       "stderr",
                                       "halt",
                                       "halt_error",
                                       "import \"a\" as a; 1",
                                       "include \"a\"; 1",
                                       "modulemeta",
                                       "get_search_list",
                                       "\"\\(env)\"",
                                       "{a: env}",
                                       "{(env): 1}",
                                       "{a: (1, env)}",
                                       "$ENV.PATH",
                                       "env.PATH",
                                       "halt_error(3)",
                                       "[1, env]"};
    for (size_t i = 0; i < sizeof shut / sizeof *shut; i++) {
        AUTO_TEXT said = evaluated(shut[i]);
        if (!strstr(said, "is shut off"))
            fail_msg("%s: %s", shut[i], said);
    }
}

static void test_compile_errors(void **state) {
    (void)state;
    assert_yields(".params |\n fooo(1)", "compile 8:12+4 `fooo` is not defined as a jq function "
                                         "of 1 argument");
    assert_yields(".params | lenght", "compile 7:21+6 `lenght` is not defined as a jq function of "
                                      "0 arguments (did you mean `length`?)");
    assert_yields("params.env", "compile 7:11+6 `params` is not defined as a jq function of 0 "
                                "arguments (did you mean `.params`?)");
    assert_yields("map(.; 1)", "compile 7:11+3 `map` is not defined as a jq function of 2 "
                               "arguments (`map` takes 1 argument, separated by `;`)");
    assert_yields("$nope", "compile 7:11+5 `$nope` is not defined (only `$run` and what `as "
                           "$name` binds are variables)");
    assert_yields(".a |", "compile 7:15+1 syntax error: the expression ends too soon");
    assert_yields("if .a then 1 end", "compile 7:24+3 syntax error: `end` cannot stand here (jq's "
                                      "`if` needs `then`, `else` and `end`)");
    assert_yields("\"a\n\" + .b c", "compile 8:18+1 syntax error: `c` cannot stand here");
    assert_yields("{(1): 2}", "compile 7:12+1 jq does not take this: Cannot use number (1) as "
                              "object key");
    assert_yields("break $x", "compile 7:11+5 there is no `label $x` around this `break`");
}

static void count(void *user, struct err *err) {
    (void)err;
    ++*(size_t *)user;
}

/* All bad ones are found at once, the good ones work, and more may be added later. */
static void test_many(void **state) {
    (void)state;
    static const char *const texts[] = {".a b", "1 + 1", "nope", ".c |", "2 + 2", "$x + nix"};
    struct expr_set *set = expr_set_new();
    struct expr *exprs[7] = {0};
    AUTO_ERR err = ERR_INIT;
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(expr_add(set, texts[i], strlen(texts[i]), here, &exprs[i], &err), 0);
    size_t reports = 0;
    assert_int_equal(expr_set_compile(set, count, &reports), 4);
    assert_int_equal(reports, 5);
    assert_int_equal(expr_set_compile(set, count, &reports), 0);
    assert_int_equal(expr_add(set, "3 + 3", 5, here, &exprs[6], &err), 0);
    AUTO_VALUE run = parsed("{}");
    struct expr_input input = {.get = run_get, .user = &run};
    AUTO_VALUE none = value_none();
    assert_int_equal(expr_eval(exprs[6], &input, &none, &err), -1);
    assert_string_equal(err.message, "`3 + 3`: is not compiled");
    assert_int_equal(expr_set_compile(set, count, &reports), 0);
    assert_int_equal(reports, 5);
    static const size_t good[] = {1, 4, 6};
    for (size_t i = 0; i < 3; i++) {
        AUTO_VALUE result = value_none();
        assert_int_equal(expr_eval(exprs[good[i]], &input, &result, &err), 0);
        assert_int_equal((int)value_as_number(result), 2 * (int)(i + 1));
    }
    assert_int_equal(expr_eval(exprs[0], &input, &none, &err), -1);
    expr_set_free(set);
}

static void test_many_bad(void **state) {
    (void)state;
    struct expr_set *set = expr_set_new();
    AUTO_ERR err = ERR_INIT;
    for (int i = 0; i < 300; i++) {
        struct expr *expr = NULL;
        AUTO_TEXT text = mem_printf(i % 3 == 0 ? ".n + %d" : i % 3 == 1 ? ".n %d" : "nix%d", i);
        assert_int_equal(expr_add(set, text, strlen(text), here, &expr, &err), 0);
    }
    size_t reports = 0;
    assert_int_equal(expr_set_compile(set, count, &reports), 200);
    assert_int_equal(reports, 200);
    expr_set_free(set);
}

/* Each of a thousand is reached by its number, beyond what one function of jq can hold. */
static void test_thousand(void **state) {
    (void)state;
    enum { COUNT = 1000 };
    struct expr_set *set = expr_set_new();
    struct expr *exprs[COUNT];
    AUTO_ERR err = ERR_INIT;
    for (int i = 0; i < COUNT; i++) {
        AUTO_TEXT text = mem_printf(".n + %d", i);
        assert_int_equal(expr_add(set, text, strlen(text), here, &exprs[i], &err), 0);
    }
    assert_int_equal(expr_set_compile(set, NULL, NULL), 0);
    AUTO_VALUE run = parsed("{\"n\": 5}");
    struct expr_input input = {.get = run_get, .user = &run};
    for (int i = 0; i < COUNT; i++) {
        AUTO_VALUE result = value_none();
        assert_int_equal(expr_eval(exprs[i], &input, &result, &err), 0);
        assert_int_equal((int)value_as_number(result), i + 5);
    }
    expr_set_free(set);
}

/* A state that was ended goes on with the next evaluation. */
static void test_runaway(void **state) {
    (void)state;
    static const char *const texts[] = {"def f: f; f", "until(false; .)", "last(range(1e12))",
                                        "[range(1e12)]|length", "1 + 1"};
    struct expr_set *set = expr_set_new();
    struct expr *exprs[5];
    AUTO_ERR err = ERR_INIT;
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(expr_add(set, texts[i], strlen(texts[i]), here, &exprs[i], &err), 0);
    assert_int_equal(expr_set_compile(set, NULL, NULL), 0);
    AUTO_VALUE run = parsed("{}");
    struct expr_input input = {.get = run_get, .user = &run};
    for (size_t i = 0; i < 4; i++) {
        AUTO_VALUE result = value_none();
        int64_t start = clock_mono_ns();
        assert_int_equal(expr_eval(exprs[i], &input, &result, &err), -1);
        assert_true(err.kind == ERR_TIMEOUT || err.kind == ERR_LIMIT);
        assert_true(clock_mono_ns() - start < 20 * NS_PER_S);
        assert_int_equal(err.span.line, 7);
        AUTO_VALUE two = value_none();
        assert_int_equal(expr_eval(exprs[4], &input, &two, &err), 0);
        assert_int_equal((int)value_as_number(two), 2);
    }
    expr_set_free(set);
}

static void test_runaway_memory(void **state) {
    (void)state;
    AUTO_TEXT said = evaluated("def f: 1 + f; f");
    assert_non_null(strstr(said, "was ended"));
}

/* Millions of levels are freed again without running out of stack. */
static void test_runaway_depth(void **state) {
    (void)state;
    if (UNDER_ASAN)
        skip(); /* the sanitizers do not follow a change of stacks */
    assert_yields("reduce range(3e5) as $i (0; [.]) | length", "1");
    AUTO_TEXT said = evaluated("until(false; [.])");
    assert_non_null(strstr(said, "was ended"));
}

static void test_runaway_regex(void **state) {
    (void)state;
    int64_t start = clock_mono_ns();
    AUTO_TEXT said = evaluated("(\"a\" * 5000) | test(\"(a|aa|aaa)*b\")");
    assert_true(clock_mono_ns() - start < 20 * NS_PER_S);
    assert_non_null(said);
}

/* A file of the person's own must not change what a runbook means. */
static void test_no_home_file(void **state) {
    (void)state;
    char home[] = "/tmp/runbook-home-XXXXXX";
    assert_non_null(mkdtemp(home));
    AUTO_TEXT path = mem_printf("%s/.jq", home);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("def mine: 1; def length: 99;", file);
    fclose(file);
    AUTO_TEXT before = mem_strdup(getenv("HOME") ? getenv("HOME") : "/");
    setenv("HOME", home, 1);
    assert_yields("[1] | length", "1");
    assert_string_equal(getenv("HOME"), home);
    setenv("HOME", before, 1);
    remove(path);
    remove(home);
}

static void test_dot_input(void **state) {
    (void)state;
    static const char *const texts[] = {".a + $run.params.n", ".a", "$run.params.env", ".[0]?"};
    static const char *const wanted[] = {"4", "1", "\"drill\"", "nothing"};
    struct expr_set *set = expr_set_new();
    struct expr *exprs[4];
    AUTO_ERR err = ERR_INIT;
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(expr_add(set, texts[i], strlen(texts[i]), here, &exprs[i], &err), 0);
    assert_int_equal(expr_set_compile(set, NULL, NULL), 0);
    AUTO_VALUE run = parsed(RUN);
    AUTO_VALUE result = parsed("{\"a\": 1}");
    struct expr_input whole = {.get = run_get, .user = &run};
    struct expr_dot dot = {.dot = result, .run = &whole};
    struct expr_input input = expr_input_dot(&dot);
    for (size_t i = 0; i < 4; i++) {
        AUTO_VALUE got = value_none();
        assert_int_equal(expr_eval(exprs[i], &input, &got, &err), 0);
        AUTO_TEXT json = value_is(got, VALUE_NONE) ? mem_strdup("nothing") : value_to_json(got);
        assert_string_equal(json, wanted[i]);
    }
    bool truth = false;
    assert_int_equal(expr_test(exprs[1], &input, &truth, &err), 0);
    assert_true(truth);
    dot.dot = run; /* a path into what is not an object says so */
    AUTO_VALUE list = parsed("[1]");
    dot.dot = list;
    AUTO_VALUE none = value_none();
    assert_int_equal(expr_eval(exprs[1], &input, &none, &err), -1);
    assert_string_equal(err.message, "`.a`: cannot index array with string \"a\"");
    expr_set_free(set);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),          cmocka_unit_test(test_literals),
        cmocka_unit_test(test_path_keys),      cmocka_unit_test(test_programs),
        cmocka_unit_test(test_eval_errors),    cmocka_unit_test(test_add_errors),
        cmocka_unit_test(test_break_out),      cmocka_unit_test(test_shut_off),
        cmocka_unit_test(test_compile_errors), cmocka_unit_test(test_many),
        cmocka_unit_test(test_many_bad),       cmocka_unit_test(test_thousand),
        cmocka_unit_test(test_runaway),        cmocka_unit_test(test_runaway_memory),
        cmocka_unit_test(test_runaway_depth),  cmocka_unit_test(test_runaway_regex),
        cmocka_unit_test(test_no_home_file),   cmocka_unit_test(test_dot_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
