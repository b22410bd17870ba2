#include "fixture.h"
#include "value/match.h"

static struct match *match_of(const char *pattern) {
    struct match *match = NULL;
    AUTO_ERR err = ERR_INIT;
    if (match_new(pattern, here, &match, &err) < 0)
        fail_msg("%s: %s", pattern, err.message);
    return match;
}

/* "start-end", with "/start-end" for group 1. */
static char *found(const char *pattern, const char *text, size_t length) {
    struct match *match = match_of(pattern);
    struct match_found at;
    AUTO_ERR err = ERR_INIT;
    char *shown = NULL;
    int done = match_find(match, text, length, 0, &at, &err);
    if (done < 0)
        shown = mem_strdup("limit");
    else if (done == 0)
        shown = mem_strdup("no");
    else if (at.has_group)
        shown = mem_printf("%zu-%zu/%zu-%zu", at.start, at.end, at.group_start, at.group_end);
    else
        shown = mem_printf("%zu-%zu", at.start, at.end);
    match_free(match);
    return shown;
}

#define assert_finds(pattern, text, wanted) assert_shown(found(pattern, text, strlen(text)), wanted)

static void test_find(void **state) {
    (void)state;
    assert_finds("b+", "abbc", "1-3");
    assert_finds("x", "abc", "no");
    assert_finds("a(b*)c", "xac", "1-3/2-2");
    assert_finds("a|(z)", "a", "0-1");
    assert_finds("a|b", "xb", "1-2");
    assert_finds("^$", "", "0-0");
    assert_finds("\\w+", "-\xc3\xa9t\xc3\xa9-", "1-6"); /* letters of all scripts */
    assert_finds(".", "\xc3\xa9", "0-2");
    assert_finds("(?i)STRASSE", "strasse", "0-7");
    assert_finds("ok$", "ok\n", "0-2");
    assert_finds("(*ANYCRLF)a$", "xa\r", "1-2");
    assert_finds("(?x) a # comment", "ba", "1-2");
    assert_shown(found("b", "a\0b", 3), "2-3");
    assert_shown(found("end", "\xff\xfe\x80 end", 7), "4-7"); /* bytes that are no text */
}

static void test_from(void **state) {
    (void)state;
    struct match *match = match_of("a");
    struct match_found at;
    AUTO_ERR err = ERR_INIT;
    assert_int_equal(match_find(match, "aba", 3, 1, &at, &err), 1);
    assert_int_equal(at.start, 2);
    assert_int_equal(match_find(match, "aba", 3, 3, &at, &err), 0);
    assert_int_equal(match_find(match, "aba", 3, 4, &at, &err), 0);
    assert_int_equal(match_find(match, NULL, 0, 0, &at, &err), 0);
    assert_string_equal(match_pattern(match), "a");
    match_free(match);
    match_free(NULL);
}

static char *refused(const char *pattern) {
    struct match *match = NULL;
    AUTO_ERR err = ERR_INIT;
    assert_int_equal(match_new(pattern, here, &match, &err), -1);
    assert_null(match);
    return err_shown("", &err);
}

static void test_bad(void **state) {
    (void)state;
    assert_shown(refused("a(b"), " 7:14+1 bad regular expression: missing closing parenthesis");
    assert_shown(refused("\xc3\xa9+["), " 7:14+1 bad regular expression: missing terminating ] "
                                        "for character class");
    AUTO_TEXT star = refused("*a");
    assert_non_null(strstr(star, "7:11+1"));
    AUTO_TEXT unit = refused("a\\C");
    assert_non_null(strstr(unit, "\\C"));
}

/* On every start position the search could run long: the whole must end. */
static void test_runaway(void **state) {
    (void)state;
    AUTO_BUF text = BUF_INIT(1 << 20);
    for (int i = 0; i < 200000; i++)
        buf_putc(&text, 'a');
    int64_t start = clock_mono_ns();
    AUTO_TEXT nested = found("(a+)+(b)c(?=x)|(a|aa)+$\\b.", text.data, text.length);
    assert_true(clock_mono_ns() - start < 20 * NS_PER_S);
    assert_non_null(nested);
    AUTO_TEXT greedy = found("(?s)(?:.|\\n)*a$", text.data, text.length);
    assert_string_equal(greedy, "0-200000");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_from),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_runaway),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
