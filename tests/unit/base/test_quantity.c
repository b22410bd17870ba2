#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "tests/support/unit.h"

static void reads_durations(void **state) {
    (void)state;
    const struct {
        const char *text;
        int64_t ms;
    } cases[] = {
        {"500ms", 500},
        {"10s", 10000},
        {"5m", 300000},
        {"4h", 14400000},
        {"30d", INT64_C(2592000000)},
        {"1h30m", 5400000},
        {"1d2h3m4s5ms", 93784005},
        {"90m", 5400000},
        {"1h90m", 9000000},
        {"0s", 0},
        {"007s", 7000},
        {"1m500ms", 60500},
        {"36525d", INT64_C(3155760000000)},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t ms = -1;
        AUTO_ERR err = ERR_INIT;
        assert_int_equal(text_parse_duration(cases[i].text, &ms, &err), 0);
        assert_int_equal(ms, cases[i].ms);
        assert_null(err.message);
    }
}

static void refuses_durations(void **state) {
    (void)state;
    const struct {
        const char *text;
        const char *in; /* stands in the message or the hint */
    } cases[] = {
        {"", "write it as"},
        {"10", "unit is missing"},
        {"s", "write it as"},
        {"1h30", "unit is missing"},
        {"30m1h", "larger units come first"},
        {"1h1h", "at most once"},
        {"500ms1s", "larger units come first"},
        {"1.5h", "whole numbers"},
        {"1,5h", "whole numbers"},
        {"-5s", "write it as"},
        {"+5s", "write it as"},
        {" 5s", "write it as"},
        {"5s ", "units are"},
        {"5 s", "units are"},
        {"5S", "units are"},
        {"1w", "units are"},
        {"1y", "units are"},
        {"5sec", "units are"},
        {"36526d", "longer than 100 years"},
        {"36525d1ms", "longer than 100 years"},
        {"9223372036854775807d", "longer than 100 years"},
        {"9223372036854775807ms", "longer than 100 years"},
        {"99999999999999999999999s", "longer than 100 years"},
        {"36525d9223372036854775807ms", "longer than 100 years"},
        {"٣s", "write it as"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t ms = -1;
        AUTO_ERR err = ERR_INIT;
        assert_int_equal(text_parse_duration(cases[i].text, &ms, &err), -1);
        assert_int_equal(ms, -1);
        assert_int_equal(err.kind, ERR_INVALID);
        assert_true(strstr(err.message, cases[i].in) ||
                    (err.hint && strstr(err.hint, cases[i].in)));
    }
}

static void check_text(char *taken, const char *expected) {
    assert_string_equal(taken, expected);
    mem_free(taken);
}

static void formats_durations_exactly(void **state) {
    (void)state;
    check_text(text_format_duration(0), "0s");
    check_text(text_format_duration(90000), "1m30s");
    check_text(text_format_duration(500), "500ms");
    check_text(text_format_duration(86400000), "1d");
    check_text(text_format_duration(93784005), "1d2h3m4s5ms");
    check_text(text_format_duration(-1500), "-1s500ms");
    check_text(text_format_duration(INT64_MIN), "-106751991167d7h12m55s808ms");
    for (int64_t ms = 1; ms < INT64_C(3155760000000); ms = ms * 3 + 7) {
        int64_t again;
        AUTO_TEXT text = text_format_duration(ms);
        assert_int_equal(text_parse_duration(text, &again, NULL), 0);
        assert_int_equal(again, ms);
    }
}

static void shows_durations(void **state) {
    (void)state;
    check_text(text_show_duration(0), "0 ms");
    check_text(text_show_duration(412), "412 ms");
    check_text(text_show_duration(999), "999 ms");
    check_text(text_show_duration(1000), "1.0 s");
    check_text(text_show_duration(3250), "3.2 s");
    check_text(text_show_duration(59999), "59.9 s");
    check_text(text_show_duration(60000), "1m 00s");
    check_text(text_show_duration(245000), "4m 05s");
    check_text(text_show_duration(7380000), "2h 03m");
    check_text(text_show_duration(90000000), "1d 01h");
    check_text(text_show_duration(-5), "-5 ms");
}

static void reads_sizes(void **state) {
    (void)state;
    const struct {
        const char *text;
        int64_t bytes;
    } cases[] = {
        {"0", 0},
        {"123", 123},
        {"123B", 123},
        {"64KiB", 65536},
        {"5GiB", INT64_C(5368709120)},
        {"10MB", 10000000},
        {"1kB", 1000},
        {"1KB", 1000},
        {"2TiB", INT64_C(2199023255552)},
        {"9223372036854775807", INT64_MAX},
        {"8191PiB", INT64_C(8191) << 50},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t bytes = -1;
        assert_int_equal(text_parse_size(cases[i].text, &bytes, NULL), 0);
        assert_int_equal(bytes, cases[i].bytes);
    }
    const char *bad[] = {"",
                         "B",
                         "-1",
                         "1.5GiB",
                         "1 GiB",
                         "1gib",
                         "1K",
                         "1GiBx",
                         "1M1K",
                         "8192PiB",
                         "9223372036854775808",
                         "0x10",
                         "1GiB5"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        int64_t bytes = -1;
        AUTO_ERR err = ERR_INIT;
        assert_int_equal(text_parse_size(bad[i], &bytes, &err), -1);
        assert_int_equal(bytes, -1);
        assert_non_null(err.message);
    }
}

static void shows_sizes(void **state) {
    (void)state;
    check_text(text_show_size(0), "0 B");
    check_text(text_show_size(1023), "1023 B");
    check_text(text_show_size(1024), "1.0 KiB");
    check_text(text_show_size(1536), "1.5 KiB");
    check_text(text_show_size(64 * 1024 * 1024), "64.0 MiB");
    check_text(text_show_size(INT64_C(200) << 30), "200 GiB");
    check_text(text_show_size(INT64_MAX), "7.9 EiB");
    check_text(text_show_size(INT64_MIN), "-8.0 EiB");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_durations),
        cmocka_unit_test(refuses_durations),
        cmocka_unit_test(formats_durations_exactly),
        cmocka_unit_test(shows_durations),
        cmocka_unit_test(reads_sizes),
        cmocka_unit_test(shows_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
