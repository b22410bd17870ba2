/* What a step that measures something looks like on a terminal and in a log. */
#include "tests/support/unit.h"

#include <math.h>

#include "base/text.h"
#include "cli/gauge.h"

static const double figures[] = {0, 1, 2, 4, NAN, 8};
static const struct step_gauge gauge = {
    .figures = figures, .count = COUNT(figures), .text = "6 of 30 probes, \x1b[31m1 error"};

static void assert_spark(size_t columns, bool unicode, const char *wanted) {
    AUTO_BUF out = BUF_INIT(1 << 16);
    gauge_spark(&out, figures, COUNT(figures), columns, unicode);
    assert_string_equal(buf_text(&out), wanted);
}

static void test_spark(void **state) {
    (void)state;
    assert_spark(6, true, "▁▂▃▅×█");
    assert_spark(6, false, "_.:=x#");
    assert_spark(2, true, "×█");
    assert_spark(0, true, "");
}

/* Figures of nothing, and below nothing, are at the bottom. */
static void test_spark_flat(void **state) {
    (void)state;
    static const double flat[] = {0, 0, -5};
    AUTO_BUF out = BUF_INIT(1 << 16);
    gauge_spark(&out, flat, COUNT(flat), 10, false);
    assert_string_equal(buf_text(&out), "___");
}

/* Whatever the width, nothing is wider, and nothing foreign reaches the terminal. */
static void test_fit(void **state) {
    (void)state;
    for (size_t columns = 10; columns < 120; columns++) {
        AUTO_BUF out = BUF_INIT(1 << 16);
        gauge_fit(&out, &gauge, columns, true);
        assert_true(text_width(buf_text(&out), out.length) <= columns);
        assert_null(memchr(buf_text(&out), 0x1b, out.length));
    }
}

static void assert_line(bool live, bool unicode, size_t columns, const char *wanted) {
    const struct line_style style = {.text = {.unicode = unicode, .columns = columns},
                                     .live = live};
    AUTO_BUF out = BUF_INIT(1 << 16);
    gauge_line(&out, "observe", &gauge, &style);
    assert_string_equal(buf_text(&out), wanted);
}

static void test_line(void **state) {
    (void)state;
    assert_line(false, true, 20, "watch    observe  6 of 30 probes, \\e[31m1 error\n");
    assert_line(true, true, 80, "≈ observe  ▁▂▃▅×█  6 of 30 probes, \\e[31m1 error\n");
    assert_line(true, false, 80, "watch    observe  _.:=x#  6 of 30 probes, \\e[31m1 error\n");
    assert_line(true, true, 30, "≈ observe  ▁▂▃▅×█\n    6 of 30 probes, \\e[31m1\n    error\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spark),
        cmocka_unit_test(test_spark_flat),
        cmocka_unit_test(test_fit),
        cmocka_unit_test(test_line),
    };
    return cmocka_run_group_tests_name("gauge", tests, NULL, NULL);
}
