#include "base/buf.h"

#include <string.h>

#include "base/mem.h"
#include "tests/support/unit.h"

static void empty_is_a_text(void **state) {
    (void)state;
    AUTO_BUF buf = BUF_INIT(10);
    assert_string_equal(buf_text(&buf), "");
    buf_clear(&buf);
    buf_consume(&buf, 5);
    AUTO_TEXT taken = buf_detach(&buf);
    assert_string_equal(taken, "");
}

static void appends_stay_terminated(void **state) {
    (void)state;
    AUTO_BUF buf = BUF_INIT(100000);
    for (int i = 0; i < 5000; i++) {
        assert_int_equal(buf_putc(&buf, 'x'), 0);
        assert_int_equal(buf.data[buf.length], '\0');
    }
    assert_int_equal(buf_append(&buf, "a\0b", 3), 0);
    assert_int_equal(buf.length, 5003);
    assert_memory_equal(buf.data + 5000, "a\0b", 4);
}

static void ceiling_is_exact(void **state) {
    (void)state;
    AUTO_BUF buf = BUF_INIT(5);
    assert_int_equal(buf_puts(&buf, "12345"), 0);
    assert_false(buf.overflow);
    assert_int_equal(buf_putc(&buf, '6'), -1);
    assert_true(buf.overflow);
    assert_string_equal(buf_text(&buf), "12345");
    assert_true(buf.capacity <= 6);
    buf_clear(&buf);
    assert_false(buf.overflow);
    assert_int_equal(buf_puts(&buf, "123456"), -1);
    assert_string_equal(buf_text(&buf), "");
    assert_int_equal(buf_append(&buf, "", 0), 0);
    assert_int_equal(buf_append(&buf, "x", SIZE_MAX), -1);
}

static void a_ceiling_of_nothing_takes_nothing(void **state) {
    (void)state;
    AUTO_BUF buf = BUF_INIT(0);
    assert_int_equal(buf_puts(&buf, ""), 0);
    assert_int_equal(buf_putc(&buf, 'x'), -1);
    AUTO_BUF endless = BUF_INIT(SIZE_MAX);
    assert_int_equal(buf_puts(&endless, "x"), 0);
    assert_int_equal(buf_append(&endless, "x", SIZE_MAX), -1);
}

static void printf_is_all_or_nothing(void **state) {
    (void)state;
    AUTO_BUF buf = BUF_INIT(8);
    assert_int_equal(buf_printf(&buf, "%s=%d", "a", 1), 0);
    assert_int_equal(buf_printf(&buf, "%s", "123456"), -1);
    assert_string_equal(buf_text(&buf), "a=1");
}

static void consume_drops_the_front(void **state) {
    (void)state;
    AUTO_BUF buf = BUF_INIT(20);
    buf_puts(&buf, "hello world");
    buf_consume(&buf, 6);
    assert_string_equal(buf_text(&buf), "world");
    buf_consume(&buf, 99);
    assert_string_equal(buf_text(&buf), "");
    assert_int_equal(buf.length, 0);
}

static void detach_empties(void **state) {
    (void)state;
    AUTO_BUF buf = BUF_INIT(20);
    buf_puts(&buf, "mine");
    AUTO_TEXT taken = buf_detach(&buf);
    assert_string_equal(taken, "mine");
    assert_int_equal(buf.length, 0);
    assert_int_equal(buf.ceiling, 20);
    assert_int_equal(buf_puts(&buf, "again"), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_is_a_text),
        cmocka_unit_test(appends_stay_terminated),
        cmocka_unit_test(ceiling_is_exact),
        cmocka_unit_test(a_ceiling_of_nothing_takes_nothing),
        cmocka_unit_test(printf_is_all_or_nothing),
        cmocka_unit_test(consume_drops_the_front),
        cmocka_unit_test(detach_empties),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
