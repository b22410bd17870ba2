#include "base/clock.h"

#include <string.h>
#include <time.h>

#include "tests/support/unit.h"

static void real_clocks_go_on(void **state) {
    (void)state;
    int64_t wall = clock_wall_ns(), mono = clock_mono_ns();
    assert_true(wall > INT64_C(1700000000) * NS_PER_S);
    assert_true(clock_mono_ns() >= mono);
    assert_true(clock_wall_ns() - wall < 10 * NS_PER_S);
}

static void fake_clocks_stand_still(void **state) {
    (void)state;
    clock_fake(1000, 5);
    assert_int_equal(clock_wall_ns(), 1000);
    assert_int_equal(clock_mono_ns(), 5);
    clock_advance(10);
    assert_int_equal(clock_wall_ns(), 1010);
    assert_int_equal(clock_mono_ns(), 15);
    clock_real();
    assert_true(clock_wall_ns() > 1010);
}

static void check_format(int64_t ns, const char *expected) {
    char text[CLOCK_TEXT_SIZE];
    clock_format(ns, text);
    assert_string_equal(text, expected);
}

static void formats(void **state) {
    (void)state;
    check_format(0, "1970-01-01T00:00:00.000000Z");
    check_format(-1, "1969-12-31T23:59:59.999999Z");
    check_format(INT64_C(1767323045678901234), "2026-01-02T03:04:05.678901Z");
    check_format(INT64_C(951782400) * NS_PER_S, "2000-02-29T00:00:00.000000Z");
    check_format(INT64_MAX, "2262-04-11T23:47:16.854775Z");
    check_format(INT64_MIN, "1677-09-21T00:12:43.145224Z");
}

/* Every day of two centuries against the C library. */
static void agrees_with_the_c_library(void **state) {
    (void)state;
    for (int64_t day = -36525; day < 36525; day++) {
        time_t seconds = (time_t)(day * 86400 + 45296);
        struct tm parts;
        char expected[64], text[CLOCK_TEXT_SIZE];
        gmtime_r(&seconds, &parts);
        strftime(expected, sizeof expected, "%Y-%m-%dT%H:%M:%S.000000Z", &parts);
        clock_format((int64_t)seconds * NS_PER_S, text);
        assert_string_equal(text, expected);
        int64_t again;
        assert_int_equal(clock_parse(text, &again, NULL), 0);
        assert_int_equal(again, (int64_t)seconds * NS_PER_S);
    }
}

static void parses(void **state) {
    (void)state;
    const struct {
        const char *text;
        int64_t ns;
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"1970-01-01t00:00:01z", NS_PER_S},
        {"1970-01-01 00:00:01Z", NS_PER_S},
        {"2026-01-02T03:04:05.678901234Z", INT64_C(1767323045678901234)},
        {"2026-01-02T03:04:05.6789012349999Z", INT64_C(1767323045678901234)},
        {"2026-01-02T04:04:05.678901234+01:00", INT64_C(1767323045678901234)},
        {"2026-01-01T21:34:05.678901234-05:30", INT64_C(1767323045678901234)},
        {"2024-02-29T00:00:00Z", INT64_C(1709164800) * NS_PER_S},
        {"2016-12-31T23:59:60Z", INT64_C(1483228800) * NS_PER_S},
        {"1970-01-01T00:00:00.5+00:00", NS_PER_S / 2},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t ns = -1;
        assert_int_equal(clock_parse(cases[i].text, &ns, NULL), 0);
        assert_int_equal(ns, cases[i].ns);
    }
}

static void refuses(void **state) {
    (void)state;
    const char *bad[] = {
        "",
        "tomorrow",
        "2026-01-02",
        "2026-01-02T03:04:05",
        "2026-01-02T03:04Z",
        "2026-13-02T03:04:05Z",
        "2026-00-02T03:04:05Z",
        "2026-02-29T03:04:05Z",
        "1900-02-29T03:04:05Z",
        "2026-04-31T03:04:05Z",
        "2026-01-32T03:04:05Z",
        "2026-01-02T24:04:05Z",
        "2026-01-02T03:60:05Z",
        "2026-01-02T03:04:61Z",
        "2026-01-02T03:04:05.Z",
        "2026-01-02T03:04:05+0100",
        "2026-01-02T03:04:05+24:00",
        "2026-01-02T03:04:05Zx",
        "26-01-02T03:04:05Z",
        "9999-01-02T03:04:05Z",
        "0001-01-02T03:04:05Z",
        " 2026-01-02T03:04:05Z",
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        int64_t ns = -1;
        AUTO_ERR err = ERR_INIT;
        assert_int_equal(clock_parse(bad[i], &ns, &err), -1);
        assert_int_equal(ns, -1);
        assert_non_null(err.hint);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_clocks_go_on),
        cmocka_unit_test(fake_clocks_stand_still),
        cmocka_unit_test(formats),
        cmocka_unit_test(agrees_with_the_c_library),
        cmocka_unit_test(parses),
        cmocka_unit_test(refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
