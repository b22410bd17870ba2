/* What is read as JSON, held against libjq's own reader: it must take all that we take, and make
 * the same of it. */
#include "fixture.h"

static uint32_t seed = 4711;

static uint32_t next_random(void) {
    seed ^= seed << 13;
    seed ^= seed >> 17;
    seed ^= seed << 5;
    return seed;
}

static const char *const texts[] = {
    "{\"v\":1,\"seq\":17,\"type\":\"step.started\",\"plan\":[[\"condition\",\"true\"]],\"a\":null}",
    "{\"result\":{\"failed\":[],\"n\":-0.5e+3,\"deep\":[[[{}]]]},\"on\":true,\"off\":false}",
    "{\"text\":\"a \\\"quote\\u00e9\\ud83d\\ude00\\n\\/\xc3\xa9\",\"k\\u0041\":9007199254740991}",
    " [ 1 , 2.5 , { \"a\" : [ ] } , \"\\\\\" , -0 ] ",
    "{\"a\":1,\"a\":2,\"\":\"\",\"1234567\":\"12345678\",\"123456789\\t\":\"\x7f\"}",
};

static void text_spoil(char *text, size_t length) {
    static const char bytes[] = "{}[]\",:\\u0123456789abcdefDlnrst eE+-.\n\x01\x7f\xed\xa0\xff";
    for (uint32_t i = next_random() % 4; i > 0; i--)
        text[next_random() % length] = bytes[next_random() % (sizeof bytes - 1)];
}

static bool has_long_number(const char *text) {
    size_t digits = 0;
    for (; *text && digits < 16; text++)
        digits = *text >= '0' && *text <= '9' ? digits + 1 : 0;
    return digits == 16;
}

static void assert_as_jq(const char *text, value mine) {
    AUTO_VALUE theirs = jv_parse_sized(text, (int)strlen(text));
    if (!value_is(theirs, VALUE_NONE) && (has_long_number(text) || value_equal(mine, theirs)))
        return;
    AUTO_TEXT shown = value_to_json(mine);
    fail_msg("%s: read as %s, by jq otherwise", text, shown);
}

static int member_set(void *user, const struct value_piece *key, const struct value_piece *item,
                      struct err *err) {
    value *object = user;
    AUTO_VALUE name = value_none();
    value made = value_none();
    if (value_parse(key->text, key->length, &name, err) < 0 ||
        value_parse(item->text, item->length, &made, err) < 0)
        return -1;
    if (key->is_plain)
        assert_memory_equal(key->text + 1, value_text(name), key->length - 2);
    if (item->is_plain)
        assert_memory_equal(item->text + 1, value_text(made), item->length - 2);
    if (item->is_exact)
        assert_true(value_as_number(made) == strtod(item->text, NULL));
    *object = jv_object_set(*object, value_copy(name), made);
    return 0;
}

/* The members say the same as the value, and nothing is taken by one reader alone. */
static void assert_members(const char *text, bool is_json, value mine) {
    AUTO_VALUE made = value_object();
    const bool is_object = value_is(mine, VALUE_OBJECT);
    const int done = value_each_member(text, strlen(text), member_set, &made, NULL);
    if ((done == 0) != (is_json && is_object) || (done == 0 && !value_equal(made, mine)))
        fail_msg("its members are read otherwise: %s", text);
}

static void test_as_jq(void **state) {
    (void)state;
    for (size_t i = 0; i < 300000; i++) {
        AUTO_TEXT text = mem_strdup(texts[i % (sizeof texts / sizeof *texts)]);
        AUTO_VALUE mine = value_none();
        text_spoil(text, strlen(text));
        const bool is_json = value_parse(text, strlen(text), &mine, NULL) == 0;
        if (is_json)
            assert_as_jq(text, mine);
        assert_members(text, is_json, mine);
    }
}

static void test_depth(void **state) {
    (void)state;
    for (size_t levels = 126; levels < 131; levels++) {
        AUTO_BUF text = BUF_INIT(10000);
        for (size_t i = 0; i < levels; i++)
            buf_puts(&text, "{\"a\":");
        buf_puts(&text, "1");
        for (size_t i = 0; i < levels; i++)
            buf_puts(&text, "}");
        AUTO_VALUE mine = value_none(), theirs = jv_parse_sized(text.data, (int)text.length);
        assert_int_equal(value_parse(text.data, text.length, &mine, NULL) == 0, levels <= 128);
        assert_int_equal(!value_is(theirs, VALUE_NONE), levels <= 128);
        assert_members(text.data, levels <= 128, mine);
    }
}

static void test_surrogates(void **state) {
    (void)state;
    static const char *const halves[] = {"\"\\ud800\"", "\"\\uDBFFx\"", "\"\\ud800\\u0041\"",
                                         "\"\\ud800\\ud800\"", "\"\\ud800\\u\""};
    for (size_t i = 0; i < sizeof halves / sizeof *halves; i++) {
        AUTO_VALUE mine = value_none(), theirs = jv_parse_sized(halves[i], (int)strlen(halves[i]));
        assert_int_equal(value_parse(halves[i], strlen(halves[i]), &mine, NULL), -1);
        assert_true(value_is(theirs, VALUE_NONE));
    }
    AUTO_VALUE low = parsed("\"\\udc00x\\ud83d\\uDE00\"");
    assert_string_equal(value_text(low), "\xef\xbf\xbdx\xf0\x9f\x98\x80");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_jq),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_surrogates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
