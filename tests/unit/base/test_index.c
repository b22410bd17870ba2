#include "base/index.h"

#include "base/mem.h"
#include "tests/support/unit.h"

static const char *text_of(const void *things, uint32_t place) {
    return ((const char *const *)things)[place];
}

static void finds_by_text(void **state) {
    (void)state;
    const char *const things[] = {"a", "", "b", "a"};
    struct index *index = index_new(3, text_of);
    assert_int_equal(index_find(index, things, "a"), INDEX_NONE);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(index_add(index, things, i), INDEX_NONE);
    assert_int_equal(index_add(index, things, 3), 0);
    assert_int_equal(index_find(index, things, ""), 1);
    assert_int_equal(index_find(index, things, "b"), 2);
    assert_int_equal(index_find(index, things, "c"), INDEX_NONE);
    index_free(index);
    index_free(NULL);
}

static void an_empty_one_finds_nothing(void **state) {
    (void)state;
    struct index *index = index_new(0, text_of);
    assert_int_equal(index_find(index, NULL, "a"), INDEX_NONE);
    index_free(index);
}

static void a_place_beyond_its_room(void **state) {
    (void)state;
    const char *things[100] = {[0] = "a", [99] = "b"};
    struct index *index = index_new(1, text_of);
    assert_int_equal(index_add(index, things, 99), INDEX_NONE);
    assert_int_equal(index_add(index, things, 0), INDEX_NONE);
    assert_int_equal(index_find(index, things, "a"), 0);
    assert_int_equal(index_find(index, things, "b"), 99);
    index_free(index);
}

static void many_that_move(void **state) {
    (void)state;
    enum { COUNT = 5000 };
    char **things = mem_calloc(COUNT, sizeof *things);
    struct index *index = index_new(COUNT / 100, text_of);
    for (uint32_t i = 0; i < COUNT; i++) {
        things[i] = mem_printf("thing%u", i);
        assert_int_equal(index_add(index, things, i), INDEX_NONE);
    }
    char **moved = mem_calloc(COUNT, sizeof *moved);
    for (uint32_t i = 0; i < COUNT; i++)
        moved[i] = things[i];
    mem_free(things);
    for (uint32_t i = 0; i < COUNT; i++)
        assert_int_equal(index_find(index, moved, moved[i]), i);
    for (uint32_t i = 0; i < COUNT; i++)
        mem_free(moved[i]);
    mem_free(moved);
    index_free(index);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_by_text),
        cmocka_unit_test(an_empty_one_finds_nothing),
        cmocka_unit_test(a_place_beyond_its_room),
        cmocka_unit_test(many_that_move),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
