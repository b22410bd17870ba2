#include "base/err.h"

#include <errno.h>
#include <string.h>

#include "tests/support/unit.h"

static void set_fills_and_returns_minus_one(void **state) {
    (void)state;
    AUTO_ERR err = ERR_INIT;
    assert_int_equal(err_set(&err, ERR_LIMIT, "%d of %s", 3, "x"), -1);
    assert_int_equal(err.kind, ERR_LIMIT);
    assert_string_equal(err.message, "3 of x");
    assert_null(err.hint);
}

static void set_may_use_its_own_old_text(void **state) {
    (void)state;
    AUTO_ERR err = ERR_INIT;
    err_set(&err, ERR_LIMIT, "first");
    err_hint(&err, "old");
    err_set(&err, ERR_INVALID, "second after %s", err.message);
    assert_string_equal(err.message, "second after first");
    assert_null(err.hint);
    err_hint(&err, "look at %s", err.message);
    err_hint(&err, "%s, again", err.hint);
    assert_string_equal(err.hint, "look at second after first, again");
}

static void sys_adds_the_reason(void **state) {
    (void)state;
    AUTO_ERR err = ERR_INIT;
    assert_int_equal(err_sys(&err, ENOENT, "open %s", "f"), -1);
    assert_int_equal(err.kind, ERR_SYSTEM);
    assert_int_equal(err.sys, ENOENT);
    assert_string_equal(err.message, "open f: No such file or directory");
}

static void at_keeps_the_place(void **state) {
    (void)state;
    AUTO_ERR err = ERR_INIT;
    struct span span = {.file = "a.yaml", .line = 3, .column = 7, .length = 2};
    assert_int_equal(err_at(&err, span, "bad"), -1);
    assert_int_equal(err.kind, ERR_INVALID);
    assert_int_equal(err.span.line, 3);
    assert_int_equal(err.span.column, 7);
    assert_string_equal(err.span.file, "a.yaml");
}

static void wrap_prefixes_and_keeps_the_rest(void **state) {
    (void)state;
    AUTO_ERR err = ERR_INIT;
    err_sys(&err, EACCES, "inner");
    err_hint(&err, "hint");
    assert_int_equal(err_wrap(&err, "outer %d", 1), -1);
    assert_string_equal(err.message, "outer 1: inner: Permission denied");
    assert_string_equal(err.hint, "hint");
    assert_int_equal(err.sys, EACCES);
    AUTO_ERR empty = ERR_INIT;
    err_wrap(&empty, "alone");
    assert_string_equal(empty.message, "alone");
}

static void move_empties_the_source(void **state) {
    (void)state;
    struct err from = ERR_INIT;
    AUTO_ERR to = ERR_INIT;
    err_set(&to, ERR_BUSY, "replaced");
    err_set(&from, ERR_TIMEOUT, "moved");
    assert_int_equal(err_move(&to, &from), -1);
    assert_string_equal(to.message, "moved");
    assert_null(from.message);
    assert_int_equal(from.kind, ERR_NONE);
    err_set(&from, ERR_TIMEOUT, "dropped");
    err_move(NULL, &from);
    assert_null(from.message);
    err_move(&to, NULL);
    err_move(&to, &to);
    assert_string_equal(to.message, "moved");
}

static void null_errors_are_legal(void **state) {
    (void)state;
    assert_int_equal(err_set(NULL, ERR_LIMIT, "x"), -1);
    assert_int_equal(err_sys(NULL, 1, "x"), -1);
    assert_int_equal(err_at(NULL, (struct span){0}, "x"), -1);
    assert_int_equal(err_wrap(NULL, "x"), -1);
    assert_int_equal(err_hint(NULL, "x"), -1);
    err_release(NULL);
}

static void release_resets(void **state) {
    (void)state;
    struct err err = ERR_INIT;
    err_set(&err, ERR_LIMIT, "x");
    err_release(&err);
    assert_int_equal(err.kind, ERR_NONE);
    assert_null(err.message);
    err_release(&err);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(set_fills_and_returns_minus_one),
        cmocka_unit_test(set_may_use_its_own_old_text),
        cmocka_unit_test(sys_adds_the_reason),
        cmocka_unit_test(at_keeps_the_place),
        cmocka_unit_test(wrap_prefixes_and_keeps_the_rest),
        cmocka_unit_test(move_empties_the_source),
        cmocka_unit_test(null_errors_are_legal),
        cmocka_unit_test(release_resets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
