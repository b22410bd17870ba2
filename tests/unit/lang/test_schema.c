#include "lang/schema.h"
#include "tests/unit/lang/lang_case.h"

static value member(value object, const char *const *path) {
    value at = value_copy(object);
    for (; *path; path++) {
        value next = value_get(at, *path);
        value_free(at);
        at = next;
    }
    return at;
}
#define MEMBER(object, ...) member((object), (const char *const[]){__VA_ARGS__, NULL})

static value schema(void) {
    AUTO_BUF out = BUF_INIT(1 << 22);
    value parsed;
    schema_runbook(&out);
    assert_false(out.overflow);
    assert_int_equal(value_parse(buf_text(&out), out.length, &parsed, NULL), 0);
    return parsed;
}

static void test_fields(void **state) {
    (void)state;
    AUTO_VALUE all = schema();
    AUTO_VALUE name = MEMBER(all, "properties", "name", "pattern");
    assert_string_equal(value_text(name), "^[a-z0-9][a-z0-9-]*$");
    AUTO_VALUE timeout = MEMBER(all, "$defs", "step", "properties", "timeout", "$ref");
    assert_string_equal(value_text(timeout), "#/$defs/duration");
    AUTO_VALUE closed = MEMBER(all, "additionalProperties");
    assert_false(value_truth(closed));
    AUTO_VALUE pool = MEMBER(all, "properties", "databases", "additionalProperties", "properties",
                             "pool", "default");
    assert_int_equal((int)value_as_number(pool), 4);
}

/* Types that do not run are not offered; probes are only what can be one. */
static void test_types(void **state) {
    (void)state;
    AUTO_VALUE all = schema();
    AUTO_VALUE git = MEMBER(all, "$defs", "step", "properties", "git");
    assert_true(value_is(git, VALUE_NONE));
    AUTO_VALUE shell = MEMBER(all, "$defs", "probe", "properties", "shell");
    assert_true(value_is(shell, VALUE_OBJECT));
    AUTO_VALUE exec = MEMBER(all, "$defs", "probe", "properties", "exec");
    assert_true(value_is(exec, VALUE_NONE));
    AUTO_VALUE args = MEMBER(all, "$defs", "step", "dependentSchemas", "args", "anyOf");
    assert_int_equal(value_count(args), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
