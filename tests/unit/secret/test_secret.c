#include "secret/secret.h"

#include <string.h>

#include "tests/support/unit.h"

static void holds_and_gives_back(void **state) {
    (void)state;
    struct secrets *secrets = secrets_new();
    size_t length = 99;
    assert_null(secrets_get(secrets, "a", &length));
    assert_int_equal(length, 0);
    assert_int_equal(secrets_add(secrets, "a", "12345678", 8, false, NULL), 0);
    assert_int_equal(secrets_add(secrets, "b", "bytes\0with", 10, false, NULL), 0);
    assert_string_equal(secrets_get(secrets, "a", NULL), "12345678");
    assert_memory_equal(secrets_get(secrets, "b", &length), "bytes\0with", 11);
    assert_int_equal(length, 10);
    assert_int_equal(secrets_count(secrets), 2);
    assert_int_equal(secrets_add(secrets, "a", "replaced", 8, false, NULL), 0);
    assert_int_equal(secrets_count(secrets), 2);
    assert_string_equal(secrets_get(secrets, "a", NULL), "replaced");
    secrets_free(secrets);
    secrets_free(NULL);
}

static void short_ones_need_leave(void **state) {
    (void)state;
    struct secrets *secrets = secrets_new();
    AUTO_ERR err = ERR_INIT;
    assert_int_equal(secrets_add(secrets, "pin", "1234567", 7, false, &err), -1);
    assert_int_equal(err.kind, ERR_INVALID);
    assert_non_null(strstr(err.message, "`pin`"));
    assert_non_null(strstr(err.hint, "allow_short: true"));
    assert_null(strstr(err.message, "1234567"));
    /* Characters count, not bytes. */
    assert_int_equal(secrets_add(secrets, "pin", "éééé", 8, false, &err), -1);
    assert_int_equal(secrets_add(secrets, "pin", "éééééééé", 16, false, &err), 0);
    assert_int_equal(secrets_add(secrets, "pin", "1", 1, true, &err), 0);
    assert_int_equal(secrets_add(secrets, "pin", "", 0, true, &err), -1);
    assert_non_null(strstr(err.message, "is empty"));
    secrets_free(secrets);
}

static void count_one(void *user, const char *name, const char *bytes, size_t length) {
    assert_int_equal(strlen(name), 1);
    assert_int_equal(strlen(bytes), length);
    (*(int *)user)++;
}

static void each_is_called_for_all(void **state) {
    (void)state;
    struct secrets *secrets = secrets_new();
    assert_int_equal(secrets_add(secrets, "a", "12345678", 8, false, NULL), 0);
    assert_int_equal(secrets_add(secrets, "b", "123456789", 9, false, NULL), 0);
    int calls = 0;
    secrets_each(secrets, count_one, &calls);
    assert_int_equal(calls, 2);
    secrets_free(secrets);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holds_and_gives_back),
        cmocka_unit_test(short_ones_need_leave),
        cmocka_unit_test(each_is_called_for_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
