#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "value/json.h"
#include "value/value.h"

static uint32_t seed = 99;

static uint32_t next_random(void) {
    seed ^= seed << 13;
    seed ^= seed >> 17;
    seed ^= seed << 5;
    return seed;
}

static value random_string(void) {
    static const char *const parts[] = {
        "",           "a",           "b\"",  "\\",       "\x01\x1f\x7f",
        "\b\f\n\r\t", "caf\xc3\xa9", "\xff", "\xe2\x80", "\xf0\x9f\x98\x80",
        "/",          "<&>",         "zz",
    };
    char text[64];
    size_t count = sizeof parts / sizeof *parts;
    snprintf(text, sizeof text, "%s%s%s", parts[next_random() % count],
             parts[next_random() % count], parts[next_random() % count]);
    return value_string(text);
}

static value random_number(void) {
    static const double special[] = {0,
                                     -0.0,
                                     0.1,
                                     -1.5,
                                     1e15,
                                     -1e15,
                                     999999999999999,
                                     1e17,
                                     1e300,
                                     1.0 / 3.0,
                                     1e-300,
                                     4503599627370497.5};
    if (next_random() % 2)
        return value_number((double)next_random() - 2147483648.0);
    return value_number(special[next_random() % (sizeof special / sizeof *special)]);
}

static value random_value(int depth) {
    value made;
    switch (next_random() % (depth > 4 ? 5 : 7)) {
    case 0:
        return value_null();
    case 1:
        return value_bool(next_random() & 1);
    case 2:
    case 3:
        return random_number();
    case 4:
        return random_string();
    case 5:
        made = value_array();
        for (uint32_t i = next_random() % 5; i > 0; i--)
            made = value_append(made, random_value(depth + 1));
        return made;
    default:
        made = value_object();
        for (uint32_t i = next_random() % 40; i > 0; i--) {
            AUTO_VALUE key = random_string();
            made = value_set(made, value_text(key), random_value(depth + 1));
        }
        return made;
    }
}

static void assert_as_jq(value borrowed) {
    AUTO_VALUE expected = jv_dump_string(jv_copy(borrowed), JV_PRINT_ASCII | JV_PRINT_SORTED);
    AUTO_TEXT json = value_to_json(borrowed);
    assert_string_equal(json, value_text(expected));
}

static void test_as_jq(void **state) {
    (void)state;
    for (int i = 0; i < 3000; i++) {
        AUTO_VALUE made = random_value(0);
        assert_as_jq(made);
    }
}

/* Milliseconds, which are most of the numbers that are not whole. */
static void test_places(void **state) {
    (void)state;
    static const double others[] = {0.0005,   1e9 + 0.001, 999999999.999, 1e15,
                                    1e15 - 1, 0.1 + 0.2,   0.3,           -0.0,
                                    -0.001,   1e-7,        1e300,         123456.7891};
    for (int i = 0; i < 20000; i++) {
        double real = (double)(next_random() % (i % 2 ? 2000000 : UINT32_MAX)) / 1000;
        AUTO_VALUE number = value_number(i % 3 ? real : -real);
        assert_as_jq(number);
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        AUTO_VALUE number = value_number(others[i]);
        assert_as_jq(number);
    }
}

static void test_fits(void **state) {
    (void)state;
    for (int i = 0; i < 300; i++) {
        AUTO_VALUE made = random_value(0);
        AUTO_TEXT json = value_to_json(made);
        size_t length = strlen(json);
        assert_true(value_json_fits(made, length));
        assert_true(value_json_fits(made, 100 * length + 100));
        assert_false(value_json_fits(made, length - 1));
        assert_int_equal(value_json_fits(made, 100), length <= 100);
    }
}

static void test_deep(void **state) {
    (void)state;
    AUTO_VALUE made = value_array();
    for (int i = 1; i < VALUE_DUMP_DEPTH; i++)
        made = value_append(value_array(), made);
    assert_as_jq(made);
    for (int i = 0; i < 1500; i++)
        made = value_append(value_array(), made);
    AUTO_TEXT json = value_to_json(made);
    AUTO_VALUE back = value_none();
    assert_non_null(strstr(json, "[\"[nested too deep]\"]"));
    assert_int_equal(value_parse(json, strlen(json), &back, NULL), 0);
}

/* Objects count as two levels for who reads it: in a record, too, it must be readable. */
static void test_deep_objects(void **state) {
    (void)state;
    AUTO_VALUE made = value_object();
    for (int i = 0; i < 200; i++)
        made = value_set(value_object(), "a", made);
    made = value_set(value_object(), "outputs", made);
    AUTO_TEXT json = value_to_json(made);
    AUTO_VALUE back = value_none();
    assert_non_null(strstr(json, "{\"a\":\"[nested too deep]\"}"));
    assert_int_equal(value_parse(json, strlen(json), &back, NULL), 0);
}

static void test_overflow(void **state) {
    (void)state;
    AUTO_VALUE made = value_append(value_array(), value_string("a long text of its own"));
    AUTO_BUF out = BUF_INIT(20);
    (void)buf_puts(&out, "kept");
    value_dump(&out, made);
    assert_true(out.overflow);
    assert_string_equal(buf_text(&out), "kept");
    AUTO_BUF none = BUF_INIT(100);
    value_dump(&none, value_none());
    assert_string_equal(buf_text(&none), "null");
}

static void test_escape(void **state) {
    (void)state;
    static const char text[] = "a\"\\\n\x01\x7f\xc3\xa9\xf0\x9f\x98\x80\xff";
    static const char escaped[] = "a\\\"\\\\\\n\\u0001\\u007f\\u00e9\\ud83d\\ude00\\ufffd";
    AUTO_BUF out = BUF_INIT(1000);
    json_escape(&out, text, sizeof text - 1);
    assert_string_equal(buf_text(&out), escaped);
    assert_int_equal(json_escaped_length(text, sizeof text - 1), sizeof escaped - 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_jq),        cmocka_unit_test(test_places),
        cmocka_unit_test(test_fits),         cmocka_unit_test(test_deep),
        cmocka_unit_test(test_deep_objects), cmocka_unit_test(test_overflow),
        cmocka_unit_test(test_escape),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
