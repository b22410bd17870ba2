/* The headers of a mail. */
#include "tests/support/unit.h"

#include <string.h>

#include "base/mem.h"
#include "steps/message_text.h"

static void assert_header(const char *text, const char *wanted) {
    AUTO_TEXT header = NULL;
    AUTO_ERR err = ERR_INIT;
    assert_int_equal(message_header("`subject`", text, &header, &err), 0);
    assert_string_equal(header, wanted);
}

static void test_header(void **state) {
    (void)state;
    assert_header("", "");
    assert_header("plain text, 100 %", "plain text, 100 %");
    assert_header("ü", "=?utf-8?Q?=C3=BC?=");
    /* What looks encoded would be decoded by whoever reads it. */
    assert_header("=?x?Q?y?=", "=?utf-8?Q?=3D=3Fx=3FQ=3Fy=3F=3D?=");
    assert_header("\xff", "=?utf-8?Q?=FF?=");
}

/* No line is longer than 76, and none ends within a character. */
static void test_header_folds(void **state) {
    (void)state;
    AUTO_TEXT text = mem_alloc(3001);
    for (size_t i = 0; i < 3000; i += 3)
        memcpy(text + i, "\xe2\x82\xac", 3);
    text[3000] = '\0';
    AUTO_TEXT header = NULL;
    AUTO_ERR err = ERR_INIT;
    assert_int_equal(message_header("`subject`", text, &header, &err), 0);
    for (const char *line = header; *line;) {
        size_t length = strcspn(line, "\r");
        assert_true(length <= 76 && strncmp(line + length - 5, "=AC?=", 5) == 0);
        line += length + (line[length] ? 2 : 0);
    }
}

static void test_injection(void **state) {
    (void)state;
    static const char *const texts[] = {"a\r\nBcc: x", "a\nb", "a\rb", "a\tb", "\x7f", "a\x1b[0m"};
    for (size_t i = 0; i < COUNT(texts); i++) {
        char *header = NULL, *address = NULL;
        AUTO_ERR err = ERR_INIT, other = ERR_INIT;
        assert_int_equal(message_header("`subject`", texts[i], &header, &err), -1);
        assert_int_equal(message_person("`to`", texts[i], &address, &header, &other), -1);
        assert_non_null(strstr(other.message, "`to` holds a line break"));
    }
}

static void assert_person(const char *text, const char *address, const char *header) {
    AUTO_TEXT seen = NULL;
    AUTO_TEXT shown = NULL;
    AUTO_ERR err = ERR_INIT;
    assert_int_equal(message_person("`to`", text, &seen, &shown, &err), 0);
    assert_string_equal(seen, address);
    assert_string_equal(shown, header);
}

static void test_person(void **state) {
    (void)state;
    assert_person("a@b.org", "a@b.org", "a@b.org");
    assert_person("<a@b.org>", "a@b.org", "<a@b.org>");
    assert_person("On call, <a@b.org>", "a@b.org", "=?utf-8?Q?On=20call=2C?= <a@b.org>");
    assert_person("a@b.org>", "a@b.org>", "a@b.org>"); /* refused as an address */
}

static void test_date(void **state) {
    (void)state;
    AUTO_TEXT date = message_date(INT64_C(1767323045000000000));
    assert_string_equal(date, "Fri, 02 Jan 2026 03:04:05 +0000");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_header),    cmocka_unit_test(test_header_folds),
        cmocka_unit_test(test_injection), cmocka_unit_test(test_person),
        cmocka_unit_test(test_date),
    };
    return cmocka_run_group_tests_name("message", tests, NULL, NULL);
}
