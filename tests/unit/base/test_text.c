#include "base/text.h"

#include <string.h>

#include "base/mem.h"
#include "tests/support/unit.h"

static void compares(void **state) {
    (void)state;
    assert_true(text_equal(NULL, NULL));
    assert_false(text_equal(NULL, ""));
    assert_true(text_equal("a", "a"));
    assert_true(text_starts_with("abc", "ab"));
    assert_true(text_starts_with("abc", ""));
    assert_false(text_starts_with("a", "ab"));
    assert_true(text_ends_with("abc", "bc"));
    assert_false(text_ends_with("c", "bc"));
    assert_true(text_ends_with("", ""));
}

static void finds_among_words(void **state) {
    static const char *const words[] = {"one", "two"};
    (void)state;
    assert_true(text_is_among("one", words, 2));
    assert_true(text_is_among("two", words, 2));
    assert_false(text_is_among("two", words, 1));
    assert_false(text_is_among("tw", words, 2));
    assert_false(text_is_among("", words, 2));
    assert_false(text_is_among(NULL, words, 2));
    assert_false(text_is_among("one", NULL, 0));
}

static void decodes_one_to_four_bytes(void **state) {
    (void)state;
    const struct {
        const char *text;
        size_t size;
        uint32_t codepoint;
    } good[] = {
        {"A", 1, 'A'},
        {"\x7f", 1, 0x7f},
        {"\xc2\x80", 2, 0x80},
        {"\xdf\xbf", 2, 0x7ff},
        {"\xe0\xa0\x80", 3, 0x800},
        {"\xed\x9f\xbf", 3, 0xd7ff},
        {"\xee\x80\x80", 3, 0xe000},
        {"\xef\xbf\xbf", 3, 0xffff},
        {"\xf0\x90\x80\x80", 4, 0x10000},
        {"\xf4\x8f\xbf\xbf", 4, 0x10ffff},
    };
    for (size_t i = 0; i < COUNT(good); i++) {
        uint32_t codepoint = 0;
        assert_int_equal(text_decode(good[i].text, strlen(good[i].text), &codepoint), good[i].size);
        assert_int_equal(codepoint, good[i].codepoint);
    }
    uint32_t nul = 1;
    assert_int_equal(text_decode("\0", 1, &nul), 1);
    assert_int_equal(nul, 0);
}

static void refuses_what_is_not_utf8(void **state) {
    (void)state;
    const char *bad[] = {
        "\x80",             /* continuation alone */
        "\xc0\xaf",         /* overlong slash */
        "\xc1\xbf",         /* overlong */
        "\xe0\x80\xaf",     /* overlong slash in three */
        "\xe0\x9f\xbf",     /* overlong */
        "\xf0\x80\x80\xaf", /* overlong slash in four */
        "\xf0\x8f\xbf\xbf", /* overlong */
        "\xed\xa0\x80",     /* surrogate */
        "\xed\xbf\xbf",     /* surrogate */
        "\xf4\x90\x80\x80", /* above the last plane */
        "\xf5\x80\x80\x80",
        "\xfe",
        "\xff",
        "\xc2",
        "\xe2\x82",
        "\xf0\x9f\x98",
        "\xc2"
        "A",
        "\xe2\x82"
        "A",
        "\xf0\x9f\x98"
        "A",
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        uint32_t codepoint = 0;
        assert_int_equal(text_decode(bad[i], strlen(bad[i]), &codepoint), 0);
        assert_int_equal(codepoint, 0xFFFD);
        assert_false(text_is_utf8(bad[i], strlen(bad[i])));
    }
    uint32_t codepoint = 0;
    assert_int_equal(text_decode("", 0, &codepoint), 0);
    assert_true(text_is_utf8("", 0));
    assert_true(text_is_utf8("grün €", strlen("grün €")));
}

/* A cut must never be read past: the bytes behind `length` would complete the character. */
static void never_reads_past_the_length(void **state) {
    (void)state;
    uint32_t codepoint;
    for (size_t cut = 1; cut < 4; cut++)
        assert_int_equal(text_decode("\xf0\x9f\x98\x80", cut, &codepoint), 0);
    assert_int_equal(text_characters("\xf0\x9f\x98\x80", 3), 3);
}

static void counts_characters(void **state) {
    (void)state;
    assert_int_equal(text_characters("", 0), 0);
    assert_int_equal(text_characters("aé漢😀", strlen("aé漢😀")), 4);
    assert_int_equal(text_characters("\xff\xfe"
                                     "a",
                                     3),
                     3);
}

static void measures_width(void **state) {
    (void)state;
    const struct {
        const char *text;
        size_t width;
    } cases[] = {
        {"", 0},
        {"abc", 3},
        {"é", 1},
        {"e\u0301", 1},            /* combining acute */
        {"漢字", 4},               /* CJK */
        {"한국", 4},               /* Hangul syllables */
        {"\u1112\u1161\u11ab", 2}, /* the same as joined parts */
        {"ｆｕｌｌ", 8},           /* full-width Latin */
        {"ﾊﾝｶｸ", 4},               /* half-width Katakana */
        {"😀", 2},                  /* emoji */
        {"❤", 1},                  /* narrow by default */
        {"🇩🇪", 2},                 /* a flag is two letters of one column */
        {"👨\u200d👩", 4},           /* the joiner takes none */
        {"\u200b", 0},             /* zero-width space */
        {"\u0e19\u0e49\u0e33", 2}, /* Thai with a tone mark */
        {"\u05d0\u05b8", 1},       /* Hebrew with a vowel point */
        {"─│", 2},                 /* box drawing */
        {"\U00020000", 2},         /* plane 2 */
        {"\x1b\x7f", 0},           /* controls */
        {"\xff", 1},               /* a broken byte is shown as one sign */
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(text_width(cases[i].text, strlen(cases[i].text)), cases[i].width);
}

static void check_escape(const char *text, size_t length, bool keep, const char *expected) {
    AUTO_BUF out = BUF_INIT(4096);
    text_escape(&out, text, length, keep);
    assert_string_equal(buf_text(&out), expected);
}

static void escapes_what_could_act(void **state) {
    (void)state;
    const struct {
        const char *text;
        const char *expected;
    } cases[] = {
        {"plain text 1~", "plain text 1~"},
        {"grün 漢 😀 e\u0301", "grün 漢 😀 e\u0301"},
        {"\x1b[31mred\x1b[0m", "\\e[31mred\\e[0m"},
        {"\x1b]0;title\x07", "\\e]0;title\\x07"},
        {"a\rb", "a\\rb"},
        {"a\nb", "a\\nb"},
        {"a\bb\x7f", "a\\x08b\\x7f"},
        {"\xc2\x9b"
         "31m",
         "\\x9b31m"},
        {"\xc2\x85", "\\x85"},
        {"\x9b\xff", "\\x9b\\xff"},
        {"\xc0\xaf", "\\xc0\\xaf"},
        {"\xed\xa0\x80", "\\xed\\xa0\\x80"},
        {"\xe2\x82", "\\xe2\\x82"},
        {"a\u202eb", "a\\u202eb"},
        {"\u200e\u200f\u061c", "\\u200e\\u200f\\u061c"},
        {"\u202a\u202b\u202c\u202d", "\\u202a\\u202b\\u202c\\u202d"},
        {"\u2066\u2067\u2068\u2069", "\\u2066\\u2067\\u2068\\u2069"},
        {"\u2028\u2029", "\\u2028\\u2029"},
        {"\u200b\u200c\u200d\u2060\ufeff", "\\u200b\\u200c\\u200d\\u2060\\ufeff"},
        {"\u00ad", "\\u00ad"},
        {"\U000e0041", "\\u{e0041}"},
        {"\U0001ffff", "\\u{1ffff}"},
        {"\uffff", "\\uffff"},
        {"\u3164", "\\u3164"},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        check_escape(cases[i].text, strlen(cases[i].text), false, cases[i].expected);
    check_escape("a\0b", 3, false, "a\\x00b");
}

static void newlines_stay_where_asked(void **state) {
    (void)state;
    check_escape("a\nb\r\n", 5, true, "a\nb\\r\n");
}

static void tabs_reach_the_next_stop(void **state) {
    (void)state;
    check_escape("\tx", 2, false, "        x");
    check_escape("ab\tx", 4, false, "ab      x");
    check_escape("漢\tx", strlen("漢\tx"), false, "漢      x");
    check_escape("12345678\tx", 10, false, "12345678        x");
    check_escape("abc\n\tx", 6, true, "abc\n        x");
}

/* Whatever comes in, no byte that a terminal acts on comes out. */
static void every_byte_pair_is_harmless(void **state) {
    (void)state;
    for (int first = 0; first < 256; first++) {
        for (int second = 0; second < 256; second++) {
            char text[2] = {(char)first, (char)second};
            AUTO_BUF out = BUF_INIT(64);
            text_escape(&out, text, 2, false);
            assert_true(text_is_utf8(out.data, out.length));
            for (size_t i = 0; i < out.length;) {
                uint32_t c;
                i += text_decode(out.data + i, out.length - i, &c);
                assert_true(c >= 0x20 && (c < 0x7f || c > 0x9f));
            }
        }
    }
}

static void check_fit(const char *text, size_t columns, bool unicode, const char *expected) {
    AUTO_BUF out = BUF_INIT(4096);
    text_fit(&out, text, strlen(text), columns, unicode);
    assert_string_equal(buf_text(&out), expected);
    assert_true(text_width(buf_text(&out), out.length) <= columns);
}

static void fits_into_columns(void **state) {
    (void)state;
    check_fit("hello", 5, true, "hello");
    check_fit("hello!", 5, true, "hell…");
    check_fit("hello!", 5, false, "he...");
    check_fit("hello", 2, false, "..");
    check_fit("hello", 0, true, "");
    check_fit("", 0, true, "");
    check_fit("漢字漢字", 8, true, "漢字漢字");
    check_fit("漢字漢字", 7, true, "漢字漢…");
    check_fit("漢字漢字", 6, true, "漢字…");
    check_fit("e\u0301e\u0301e\u0301", 3, true, "e\u0301e\u0301e\u0301");
    check_fit("e\u0301e\u0301e\u0301", 2, true, "e\u0301…");
    /* An escape is shown whole or not at all. */
    check_fit("ab\x1b[0m", 5, true, "ab\\e…");
    check_fit("ab\x1b[0m", 4, true, "ab…");
    check_fit("a\nb", 10, true, "a\\nb");
    check_fit("é漢", 10, false, "???");
}

static void knows_identifiers(void **state) {
    (void)state;
    assert_true(text_is_identifier("a", 1));
    assert_true(text_is_identifier("_x9", 3));
    assert_false(text_is_identifier("", 0));
    assert_false(text_is_identifier("9a", 2));
    assert_false(text_is_identifier("a-b", 3));
    assert_false(text_is_identifier("A", 1));
    assert_false(text_is_identifier("é", 2));
    assert_false(text_is_identifier("a\0", 2));
}

static void check_quote(const char *word, const char *expected) {
    AUTO_BUF out = BUF_INIT(4096);
    text_shell_quote(&out, word);
    assert_string_equal(buf_text(&out), expected);
}

static void quotes_for_a_shell(void **state) {
    (void)state;
    check_quote("", "''");
    check_quote("plain-1.2/x_y:z@h%,+", "plain-1.2/x_y:z@h%,+");
    check_quote("--file=x", "--file=x");
    check_quote("a=b", "'a=b'");
    check_quote("a b", "'a b'");
    check_quote("it's", "'it'\\''s'");
    check_quote("'", "''\\'''");
    check_quote("$HOME`id`\"\\!*?[~#;&|<>(){}", "'$HOME`id`\"\\!*?[~#;&|<>(){}'");
    check_quote("a\nb", "'a\nb'");
    check_quote("é", "'é'");
}

static void measures_distance(void **state) {
    (void)state;
    assert_int_equal(text_distance("", "", 3), 0);
    assert_int_equal(text_distance("abc", "", 3), 3);
    assert_int_equal(text_distance("", "abc", 3), 3);
    assert_int_equal(text_distance("timout", "timeout", 3), 1);
    assert_int_equal(text_distance("tiemout", "timeout", 3), 1);
    assert_int_equal(text_distance("kitten", "sitting", 5), 3);
    assert_int_equal(text_distance("kitten", "sitting", 2), 3);
    assert_int_equal(text_distance("a", "abcdefgh", 3), 4);
    assert_int_equal(text_distance("ab", "ba", 0), 1);
}

static void suggests_what_was_meant(void **state) {
    (void)state;
    const char *keys[] = {"timeout", "title", "description", "needs", "on_failure", "if", NULL};
    size_t count = COUNT(keys);
    assert_string_equal(text_suggest("timout", keys, count), "timeout");
    assert_string_equal(text_suggest("Timeout", keys, count), "timeout");
    assert_string_equal(text_suggest("on-failure", keys, count), "on_failure");
    assert_string_equal(text_suggest("onfailure", keys, count), "on_failure");
    assert_string_equal(text_suggest("need", keys, count), "needs");
    assert_string_equal(text_suggest("desc", keys, count), "description");
    assert_null(text_suggest("ti", keys, count));
    assert_null(text_suggest("x", keys, count));
    assert_null(text_suggest("", keys, count));
    assert_null(text_suggest("completely_different", keys, count));
    assert_null(text_suggest("timeout", keys, 0));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compares),
        cmocka_unit_test(finds_among_words),
        cmocka_unit_test(decodes_one_to_four_bytes),
        cmocka_unit_test(refuses_what_is_not_utf8),
        cmocka_unit_test(never_reads_past_the_length),
        cmocka_unit_test(counts_characters),
        cmocka_unit_test(measures_width),
        cmocka_unit_test(escapes_what_could_act),
        cmocka_unit_test(newlines_stay_where_asked),
        cmocka_unit_test(tabs_reach_the_next_stop),
        cmocka_unit_test(every_byte_pair_is_harmless),
        cmocka_unit_test(fits_into_columns),
        cmocka_unit_test(knows_identifiers),
        cmocka_unit_test(quotes_for_a_shell),
        cmocka_unit_test(measures_distance),
        cmocka_unit_test(suggests_what_was_meant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
