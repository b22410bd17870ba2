#include "base/calendar.h"

#include <string.h>

#include "base/text.h"
#include "tests/support/unit.h"

static struct calendar parsed(const char *text) {
    struct calendar calendar;
    struct calendar_fault fault;
    AUTO_ERR err = ERR_INIT;
    if (calendar_parse(text, &calendar, &fault, &err) < 0)
        fail_msg("%s: %s", text, err.message);
    return calendar;
}

static void reads_words(void **state) {
    (void)state;
    struct calendar weekly = parsed("weekly"), quarterly = parsed("Quarterly UTC");
    assert_int_equal(weekly.weekdays, 1);
    assert_true(weekly.is_any_day);
    assert_int_equal(weekly.hours, 1);
    assert_int_equal(weekly.minutes, 1);
    assert_int_equal(quarterly.months, 1 << 1 | 1 << 4 | 1 << 7 | 1 << 10);
    assert_int_equal(quarterly.days, 1 << 1);
    assert_string_equal(quarterly.zone, "UTC");
}

static void reads_ranges_and_steps(void **state) {
    (void)state;
    struct calendar calendar = parsed("Mon..Wed,Sun *-2..4-1..7/3 8/4:5,50:00");
    assert_int_equal(calendar.weekdays, 7 | 1 << 6);
    assert_int_equal(calendar.months, 1 << 2 | 1 << 3 | 1 << 4);
    assert_int_equal(calendar.days, 1 << 1 | 1 << 4 | 1 << 7);
    assert_int_equal(calendar.hours, 1 << 8 | 1 << 12 | 1 << 16 | 1 << 20);
    assert_true(calendar.minutes == (UINT64_C(1) << 5 | UINT64_C(1) << 50));
    assert_true(calendar.is_on_the_minute);
    assert_true(calendar.is_any_year);
    assert_null(calendar.zone);
}

static void tells_what_is_said_of_years_seconds_and_ends(void **state) {
    (void)state;
    assert_false(parsed("26-1-1").is_any_year);
    assert_false(parsed("*:*:*").is_on_the_minute);
    assert_false(parsed("*:*:0.5").is_on_the_minute);
    assert_true(parsed("*-*~1").is_from_end);
    assert_int_equal(parsed("*-*~7/1").days, 0xFE);
    assert_false(parsed("*-*~*").is_from_end);
    assert_true(parsed("*-*~*").is_any_day);
}

static void points_at_what_is_wrong(void **state) {
    (void)state;
    const struct {
        const char *text;
        size_t at, length;
    } wrong[] = {
        {"", 0, 1},
        {"daly", 0, 4},
        {"Mon 24:00", 4, 2},
        {"Mon *-*-0", 8, 1},
        {"*:0/99", 2, 4},
        {"daily Mars/Olympus", 6, 12},
        {"5 4 * * *", 0, 9},
        {"1-1 3:00x", 8, 1},
        {"*-*~1,2,3,28", 4, 8},
        {"Mon.Tue 3:0", 4, 3},
        {"*:99999999999999999999", 2, 20},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct calendar calendar;
        struct calendar_fault fault;
        AUTO_ERR err = ERR_INIT;
        assert_int_equal(calendar_parse(wrong[i].text, &calendar, &fault, &err), -1);
        assert_non_null(err.hint);
        if (fault.at != wrong[i].at || fault.length != wrong[i].length)
            fail_msg("%s: at %zu, %zu", wrong[i].text, fault.at, fault.length);
    }
}

/* Whatever it is given, it ends, and what it points at lies in the text or just behind it. */
static void is_total(void **state) {
    static const char alphabet[] = "*/.,-~: 019MonTueUTC@%x";
    unsigned random = 1;
    (void)state;
    for (int round = 0; round < 100000; round++) {
        struct calendar calendar;
        struct calendar_fault fault;
        AUTO_ERR err = ERR_INIT;
        char text[24] = "";
        size_t length = (random >> 8) % (sizeof text - 1);
        for (size_t i = 0; i < length; i++) {
            random = random * 1103515245 + 12345;
            text[i] = alphabet[(random >> 16) % (sizeof alphabet - 1)];
        }
        random = random * 1103515245 + 12345;
        if (calendar_parse(text, &calendar, &fault, &err) < 0)
            assert_true(fault.length > 0 && fault.at <= length &&
                        (fault.at + fault.length <= length || fault.length == 1));
        else
            assert_true(calendar.weekdays && calendar.months && calendar.days && calendar.hours &&
                        calendar.minutes);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_words),
        cmocka_unit_test(reads_ranges_and_steps),
        cmocka_unit_test(tells_what_is_said_of_years_seconds_and_ends),
        cmocka_unit_test(points_at_what_is_wrong),
        cmocka_unit_test(is_total),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
