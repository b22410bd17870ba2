#include "base/buf.h"
#include "base/mem.h"
#include "lang/diag.h"
#include "tests/support/unit.h"

static void report(struct diag *diag, const char *file, uint32_t line, uint32_t column,
                   uint32_t length, const char *message) {
    AUTO_ERR err = ERR_INIT;
    err_at(&err, (struct span){file, line, column, length}, "%s", message);
    diag_report(diag, &err);
}

static void assert_text(const struct diag *diag, struct diag_style style, const char *expected) {
    AUTO_BUF out = BUF_INIT(1 << 20);
    diag_text(diag, &style, &out);
    assert_string_equal(buf_text(&out), expected);
}

static void test_caret(void **state) {
    (void)state;
    struct diag *diag = diag_new();
    const char *bytes = "a: b\nkey: value\n";
    diag_source(diag, "f.yaml", bytes, strlen(bytes));
    report(diag, "f.yaml", 2, 6, 5, "it is wrong");
    assert_text(diag, (struct diag_style){0},
                "f.yaml:2:6: error: it is wrong\n"
                "    2 | key: value\n"
                "      |      ^~~~~\n");
    diag_free(diag);
}

/* Wide characters take two columns, combining ones none, and a tab what it is shown as. */
static void test_width(void **state) {
    (void)state;
    struct diag *diag = diag_new();
    const char *bytes = "復旧: x\ne\xcc\x81: x\n";
    diag_source(diag, "f", bytes, strlen(bytes));
    report(diag, "f", 1, 5, 1, "wide");
    report(diag, "f", 2, 5, 1, "combining");
    assert_text(diag, (struct diag_style){0},
                "f:1:5: error: wide\n"
                "    1 | 復旧: x\n"
                "      |       ^\n"
                "f:2:5: error: combining\n"
                "    2 | e\xcc\x81: x\n"
                "      |    ^\n");
    diag_free(diag);
}

static void test_long_line(void **state) {
    (void)state;
    struct diag *diag = diag_new();
    AUTO_BUF line = BUF_INIT(1 << 16);
    for (int i = 0; i < 300; i++)
        buf_puts(&line, "0123456789");
    diag_source(diag, "f", buf_text(&line), line.length);
    report(diag, "f", 1, 1501, 3, "far");
    assert_text(diag, (struct diag_style){.columns = 48, .unicode = true},
                "f:1:1501: error: far\n"
                "    1 | …78901234567890123456789012345678901234…\n"
                "      |               ^~~\n");
    diag_free(diag);
}

static void test_escapes(void **state) {
    (void)state;
    struct diag *diag = diag_new();
    diag_source(diag, "f", "a\033[31mb\n", 8);
    report(diag, "f", 1, 7, 1, "an \033[0m escape");
    assert_text(diag, (struct diag_style){0},
                "f:1:7: error: an \\e[0m escape\n"
                "    1 | a\\e[31mb\n"
                "      |        ^\n");
    diag_free(diag);
}

static void test_order(void **state) {
    (void)state;
    struct diag *diag = diag_new();
    diag_source(diag, "b", "x\ny\n", 4);
    diag_source(diag, "a", "x\n", 2);
    report(diag, "a", 1, 1, 1, "in the second file");
    report(diag, "b", 2, 1, 1, "later");
    report(diag, "b", 1, 1, 1, "first");
    report(diag, "b", 1, 1, 1, "first");
    report(diag, NULL, 0, 0, 0, "nowhere");
    assert_int_equal(diag_count(diag), 4);
    AUTO_VALUE list = diag_value(diag);
    static const char *const messages[] = {"nowhere", "first", "later", "in the second file"};
    for (size_t i = 0; i < COUNT(messages); i++) {
        AUTO_VALUE item = value_at(list, i);
        AUTO_VALUE message = value_get(item, "message");
        assert_string_equal(value_text(message), messages[i]);
    }
    diag_free(diag);
}

/* Columns past the end, lines past the end, an empty file: a place, never a crash. */
static void test_places_that_are_not(void **state) {
    (void)state;
    struct diag *diag = diag_new();
    diag_source(diag, "f", "ab\n", 3);
    diag_source(diag, "empty", "", 0);
    report(diag, "f", 1, 99, 50, "behind the line");
    report(diag, "f", 99, 1, 1, "behind the file");
    report(diag, "empty", 1, 1, 1, "empty");
    AUTO_BUF out = BUF_INIT(1 << 16);
    diag_text(diag, &(struct diag_style){.color = true, .columns = 1}, &out);
    assert_non_null(strstr(buf_text(&out), "behind the file"));
    diag_free(diag);
}

/* What holds anyway is told once, what holds under several profiles once with all their names. */
static void test_profiles(void **state) {
    (void)state;
    static const char *const names[] = {"drill", "production"};
    struct diag *diag = diag_new();
    report(diag, "f", 1, 1, 1, "anyway");
    for (size_t i = 0; i < COUNT(names); i++) {
        struct diag *other = diag_new();
        diag_source(other, "f", "ab\n", 3);
        report(other, "f", 1, 1, 1, "anyway");
        report(other, "f", 1, 2, 1, "under both");
        if (i > 0)
            report(other, "f", 1, 1, 1, "under one");
        diag_take(diag, other, names[i]);
        diag_free(other);
    }
    assert_int_equal(diag_count(diag), 3);
    assert_text(diag, (struct diag_style){0},
                "f:1:1: error: anyway\n"
                "    1 | ab\n"
                "      | ^\n"
                "f:1:1: error: under one, under the profile `production`\n"
                "    1 | ab\n"
                "      | ^\n"
                "f:1:2: error: under both, under the profiles `drill`, `production`\n"
                "    1 | ab\n"
                "      |  ^\n");
    AUTO_VALUE list = diag_value(diag);
    AUTO_TEXT json = value_to_json(list);
    assert_non_null(strstr(json, "\"profiles\":[\"drill\",\"production\"]"));
    diag_free(diag);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_caret),     cmocka_unit_test(test_width),
        cmocka_unit_test(test_long_line), cmocka_unit_test(test_escapes),
        cmocka_unit_test(test_order),     cmocka_unit_test(test_places_that_are_not),
        cmocka_unit_test(test_profiles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
