#include "base/map.h"

#include <string.h>

#include "base/mem.h"
#include "tests/support/unit.h"

static void put_get_replace_remove(void **state) {
    (void)state;
    struct map *map = map_new();
    int a, b;
    assert_null(map_get(map, "a"));
    assert_null(map_remove(map, "a"));
    assert_null(map_put(map, "a", &a));
    assert_ptr_equal(map_get(map, "a"), &a);
    assert_ptr_equal(map_put(map, "a", &b), &a);
    assert_int_equal(map_count(map), 1);
    assert_ptr_equal(map_remove(map, "a"), &b);
    assert_int_equal(map_count(map), 0);
    assert_null(map_get(map, "a"));
    assert_null(map_put(map, "", &a));
    assert_ptr_equal(map_get(map, ""), &a);
    map_free(map);
    map_free(NULL);
}

static void keys_are_copied_and_may_be_cut(void **state) {
    (void)state;
    struct map *map = map_new();
    int value;
    char key[] = "name";
    map_put(map, key, &value);
    key[0] = 'X';
    assert_ptr_equal(map_get(map, "name"), &value);
    assert_ptr_equal(map_get_n(map, "named", 4), &value);
    assert_null(map_get_n(map, "name", 3));
    map_free(map);
}

static void many_keys_keep_their_order(void **state) {
    (void)state;
    struct map *map = map_new();
    static char values[20000];
    for (size_t i = 0; i < COUNT(values); i++) {
        AUTO_TEXT key = mem_printf("key-%zu", i);
        assert_null(map_put(map, key, &values[i]));
    }
    for (size_t i = 0; i < COUNT(values); i += 3) {
        AUTO_TEXT key = mem_printf("key-%zu", i);
        assert_ptr_equal(map_remove(map, key), &values[i]);
    }
    const char *key;
    void *value;
    size_t seen = 0, last = 0;
    for (size_t i = 0; map_next(map, &i, &key, &value); seen++) {
        size_t index = (size_t)((char *)value - values);
        assert_int_not_equal(index % 3, 0);
        assert_true(index > last || seen == 0);
        AUTO_TEXT expected = mem_printf("key-%zu", index);
        assert_string_equal(key, expected);
        last = index;
    }
    assert_int_equal(seen, map_count(map));
    map_free(map);
}

/* Puts and removes for ever must not fill the table with removed entries. */
static void churn_stays_small(void **state) {
    (void)state;
    struct map *map = map_new();
    int value;
    map_put(map, "stays", &value);
    for (int i = 0; i < 100000; i++) {
        AUTO_TEXT key = mem_printf("%d", i);
        map_put(map, key, &value);
        map_remove(map, key);
    }
    assert_int_equal(map_count(map), 1);
    assert_ptr_equal(map_get(map, "stays"), &value);
    size_t cursor = 0;
    assert_true(map_next(map, &cursor, NULL, NULL));
    assert_true(cursor < 64);
    map_free(map);
}

static void removing_while_iterating(void **state) {
    (void)state;
    struct map *map = map_new();
    int value;
    const char *names[] = {"a", "b", "c", "d"};
    for (size_t i = 0; i < COUNT(names); i++)
        map_put(map, names[i], &value);
    const char *key;
    size_t seen = 0;
    for (size_t i = 0; map_next(map, &i, &key, NULL); seen++) {
        AUTO_TEXT copy = mem_strdup(key);
        map_remove(map, copy);
    }
    assert_int_equal(seen, 4);
    assert_int_equal(map_count(map), 0);
    map_free(map);
}

static void borrowed_keys_stay_where_they_are(void **state) {
    (void)state;
    static char keys[100][8];
    struct map *map = map_new_borrowing(10);
    for (size_t i = 0; i < COUNT(keys); i++) {
        snprintf(keys[i], sizeof keys[i], "k%zu", i);
        assert_null(map_put(map, keys[i], keys[i]));
    }
    assert_ptr_equal(map_put(map, "k7", keys[8]), keys[7]);
    assert_ptr_equal(map_remove(map, "k9"), keys[9]);
    const char *key;
    size_t seen = 0;
    for (size_t i = 0; map_next(map, &i, &key, NULL); seen++)
        assert_true(key >= keys[0] && key <= keys[99]);
    assert_int_equal(seen, 99);
    map_free(map);
    map = map_new_borrowing(0);
    assert_null(map_get(map, "k1"));
    map_free(map);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(put_get_replace_remove),
        cmocka_unit_test(keys_are_copied_and_may_be_cut),
        cmocka_unit_test(many_keys_keep_their_order),
        cmocka_unit_test(churn_stays_small),
        cmocka_unit_test(removing_while_iterating),
        cmocka_unit_test(borrowed_keys_stay_where_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
