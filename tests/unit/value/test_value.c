#include "fixture.h"

static char *parse_shown(const char *text, size_t length) {
    AUTO_VALUE v = value_none();
    AUTO_ERR err = ERR_INIT;
    if (value_parse(text, length, &v, &err) < 0)
        return mem_strdup(err.message);
    return value_to_json(v);
}

#define assert_parses(text, wanted) assert_shown(parse_shown(text, strlen(text)), wanted)

static void test_parse_good(void **state) {
    (void)state;
    assert_parses(" {\"b\": [1, 2.5, -3e2], \"a\": null}\n", "{\"a\":null,\"b\":[1,2.5,-300]}");
    assert_parses("[]", "[]");
    assert_parses("[{}, [], \"\"]", "[{},[],\"\"]");
    assert_parses("\"\\u00e9\\ud83d\\ude00 \\n\\/\"", "\"\\u00e9\\ud83d\\ude00 \\n/\"");
    assert_parses("\"\xc3\xa9\"", "\"\\u00e9\"");
    assert_parses("\"\xff\"", "\"\\ufffd\"");
    assert_parses("{\"a\": 1, \"a\": 2}", "{\"a\":2}"); /* the last one counts */
    assert_parses("0", "0");
    assert_parses("0.1", "0.1");
}

/* Digits that a double cannot hold are kept, as text. */
static void test_parse_exact(void **state) {
    (void)state;
    assert_parses("9007199254740992", "9007199254740992");
    assert_parses("9007199254740993", "\"9007199254740993\"");
    assert_parses("[-9223372036854775808, 1, {\"n\": 12345678901234567890}]",
                  "[\"-9223372036854775808\",1,{\"n\":\"12345678901234567890\"}]");
    assert_parses("1e999", "not JSON at line 1, column 1: the number is too large");
}

static void test_parse_bad(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",    " ",       "nan",         "NaN",      "Infinity",   "tru",   "truex",
        "01",  "1.",      ".5",          "+1",       "-",          "1e",    "'a'",
        "\"a", "\"\\x\"", "\"\\u12g4\"", "\"a\nb\"", "[1,]",       "[1 2]", "[,1]",
        "[",   "{",       "{\"a\"}",     "{\"a\":}", "{\"a\":1,}", "{a:1}", "{\"a\" 1}",
        "]",   "[1}",     "1 2",         "{} x",     "[1]//c",     "\"\\"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        value v = value_none();
        AUTO_ERR err = ERR_INIT;
        if (value_parse(bad[i], strlen(bad[i]), &v, &err) == 0)
            fail_msg("%s is taken as JSON", bad[i]);
        assert_true(value_is(v, VALUE_NONE));
        assert_int_equal(err.kind, ERR_INVALID);
    }
    assert_parses("{\n  \"a\": x}", "not JSON at line 2, column 8: a value was expected");
    assert_shown(parse_shown("1\0", 2),
                 "not JSON at line 1, column 2: something follows behind the value");
    assert_shown(parse_shown("[1234", 3), "not JSON at line 1, column 4: `,` or `]` was expected");
}

static void test_parse_depth(void **state) {
    (void)state;
    AUTO_BUF text = BUF_INIT(10000);
    for (int i = 0; i < 256; i++)
        buf_putc(&text, '[');
    for (int i = 0; i < 256; i++)
        buf_putc(&text, ']');
    AUTO_VALUE v = value_none();
    AUTO_ERR err = ERR_INIT;
    if (value_parse(text.data, text.length, &v, &err) < 0)
        fail_msg("%s", err.message);
    buf_clear(&text);
    for (int i = 0; i < 257; i++)
        buf_putc(&text, '[');
    assert_shown(parse_shown(text.data, text.length),
                 "not JSON at line 1, column 257: nested deeper than 256");
}

static void test_integers(void **state) {
    (void)state;
    static const int64_t numbers[] = {
        0, -1, INT64_C(1) << 53, -(INT64_C(1) << 53), INT64_MAX, INT64_MIN, (INT64_C(1) << 53) + 1};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        AUTO_VALUE v = value_integer(numbers[i]);
        int64_t back = 7;
        assert_true(value_as_integer(v, &back));
        assert_true(back == numbers[i]);
        assert_int_equal(value_is(v, VALUE_STRING), i >= 4);
    }
    static const double not [] = {0.5, 0x1p63, -0x1p64, 1e300};
    for (size_t i = 0; i < 4; i++)
        assert_false(value_as_integer(value_number(not [i]), &(int64_t){0}));
    AUTO_VALUE small = value_string("5"), padded = value_string("09223372036854775807");
    assert_false(value_as_integer(small, &(int64_t){0}));
    assert_false(value_as_integer(padded, &(int64_t){0}));
    assert_false(value_as_integer(value_null(), &(int64_t){0}));
}

static void test_strings(void **state) {
    (void)state;
    AUTO_VALUE text = value_string("h\xc3\xa9");
    assert_int_equal(value_text_length(text), 3);
    assert_string_equal(value_text(text), "h\xc3\xa9");
    assert_true(value_is(value_string(NULL), VALUE_NULL));
    AUTO_VALUE broken = value_string_n("a\xc3", 2), empty = value_string_n(NULL, 0);
    assert_string_equal(value_text(broken), "a\xef\xbf\xbd");
    assert_string_equal(value_text(empty), "");
    assert_string_equal(value_text(value_null()), "");
    assert_shown(value_to_text(text), "h\xc3\xa9");
    assert_shown(value_to_json(text), "\"h\\u00e9\"");
    assert_shown(value_to_text(value_number(2.5)), "2.5");
    assert_shown(value_to_text(value_none()), "null");
}

static void test_containers(void **state) {
    (void)state;
    AUTO_VALUE object = value_object();
    object = value_set(object, "z", value_integer(1));
    object = value_set(object, "a", value_string("x"));
    object = value_set(object, "m", value_append(value_array(), value_bool(true)));
    assert_int_equal(value_count(object), 3);
    AUTO_VALUE list = value_get(object, "m");
    AUTO_VALUE first = value_at(list, 0);
    assert_true(value_truth(first));
    assert_true(value_is(value_at(list, 1), VALUE_NONE));
    assert_true(value_is(value_get(object, "none"), VALUE_NONE));
    assert_true(value_is(value_get(list, "a"), VALUE_NONE));
    assert_shown(value_to_json(object), "{\"a\":\"x\",\"m\":[true],\"z\":1}");
    AUTO_VALUE other = value_remove(value_copy(object), "a");
    other = value_merge(other, value_set(value_object(), "z", value_null()));
    assert_shown(value_to_json(other), "{\"m\":[true],\"z\":null}");
    assert_shown(value_to_json(object), "{\"a\":\"x\",\"m\":[true],\"z\":1}");
    assert_false(value_equal(object, other));
    AUTO_VALUE same = parsed("{\"m\": [true], \"a\": \"x\", \"z\": 1.0}");
    assert_true(value_equal(object, same));
    assert_true(value_equal(value_none(), value_none()));
    assert_false(value_equal(value_none(), value_null()));
}

static void test_next(void **state) {
    (void)state;
    AUTO_VALUE object = parsed("{\"a\": 1, \"b\": [2], \"c\": \"3\"}");
    value key, item;
    size_t seen = 0;
    for (size_t i = 0; value_next(object, &i, &key, &item); seen++) {
        AUTO_VALUE again = value_get(object, value_text(key));
        assert_true(value_equal(again, item));
        value_free(key);
        value_free(item);
    }
    assert_int_equal(seen, 3);
    size_t cursor = 0;
    assert_false(value_next(value_null(), &cursor, &key, &item));
    AUTO_VALUE empty = value_object();
    assert_false(value_next(empty, &cursor, &key, &item));
}

static void test_truth(void **state) {
    (void)state;
    AUTO_VALUE text = value_string("");
    assert_true(value_truth(text) && value_truth(value_number(0)) && value_truth(value_bool(true)));
    assert_false(value_truth(value_null()) || value_truth(value_none()) ||
                 value_truth(value_bool(false)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse_good), cmocka_unit_test(test_parse_exact),
        cmocka_unit_test(test_parse_bad),  cmocka_unit_test(test_parse_depth),
        cmocka_unit_test(test_integers),   cmocka_unit_test(test_strings),
        cmocka_unit_test(test_containers), cmocka_unit_test(test_next),
        cmocka_unit_test(test_truth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
