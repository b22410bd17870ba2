#include "base/mem.h"

#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/vec.h"
#include "tests/support/unit.h"

static void zero_sizes_are_legal(void **state) {
    (void)state;
    mem_free(mem_alloc(0));
    mem_free(mem_calloc(0, 8));
    void *memory = mem_realloc_array(NULL, 0, 4);
    mem_free(mem_realloc_array(memory, 0, 0));
    mem_free(NULL);
    mem_wipe_free(NULL, 5);
}

static void zalloc_is_zeroed(void **state) {
    (void)state;
    unsigned char *bytes = mem_zalloc(1000);
    for (size_t i = 0; i < 1000; i++)
        assert_int_equal(bytes[i], 0);
    mem_free(bytes);
}

static void texts_are_copied(void **state) {
    (void)state;
    AUTO_TEXT copy = mem_strdup("abc");
    AUTO_TEXT part = mem_strndup("abc", 2);
    AUTO_TEXT bytes = mem_strndup("a\0b", 3);
    AUTO_TEXT formatted = mem_printf("%s-%05d", "x", 42);
    assert_string_equal(copy, "abc");
    assert_string_equal(part, "ab");
    assert_memory_equal(bytes, "a\0b", 4);
    assert_string_equal(formatted, "x-00042");
}

/* Runs `act` in a child and yields the signal that ended it. */
static int signal_of(void (*act)(void)) {
    pid_t child = fork();
    if (child == 0) {
        struct rlimit none = {0};
        setrlimit(RLIMIT_CORE, &none);
        signal(SIGABRT, SIG_DFL);
        if (!freopen("/dev/null", "w", stderr))
            _exit(1);
        act();
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static volatile size_t huge = SIZE_MAX / 2;

static void multiply_too_far(void) {
    mem_free(mem_calloc(huge, 4));
}

static void realloc_too_far(void) {
    mem_free(mem_realloc_array(NULL, huge, 3));
}

static void overflow_aborts(void **state) {
    (void)state;
    assert_int_equal(signal_of(multiply_too_far), SIGABRT);
    assert_int_equal(signal_of(realloc_too_far), SIGABRT);
}

static void arena_pieces_are_aligned_and_zeroed(void **state) {
    (void)state;
    struct arena *arena = arena_new();
    for (size_t size = 0; size < 3000; size += 7) {
        unsigned char *piece = arena_alloc(arena, size);
        assert_int_equal((uintptr_t)piece % _Alignof(double), 0);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(piece[i], 0);
        memset(piece, 0xff, size);
    }
    arena_free(arena);
}

static void arena_is_empty_when_reset(void **state) {
    (void)state;
    struct arena *arena = arena_new();
    arena_reset(arena);
    for (size_t round = 0; round < 5; round++) {
        for (size_t size = 1; size < 20000; size *= 3) {
            unsigned char *piece = arena_alloc(arena, size);
            for (size_t i = 0; i < size; i++)
                assert_int_equal(piece[i], 0);
            memset(piece, 0xff, size);
        }
        arena_reset(arena);
    }
    arena_free(arena);
}

static void arena_pieces_do_not_overlap(void **state) {
    (void)state;
    struct arena *arena = arena_new();
    unsigned char *pieces[200];
    const size_t sizes[] = {1, 16, 17, 500, 5000, 300000};
    for (size_t i = 0; i < COUNT(pieces); i++) {
        size_t size = sizes[i % COUNT(sizes)];
        pieces[i] = arena_alloc(arena, size);
        memset(pieces[i], (int)i, size);
    }
    for (size_t i = 0; i < COUNT(pieces); i++) {
        size_t size = sizes[i % COUNT(sizes)];
        assert_int_equal(pieces[i][0], i);
        assert_int_equal(pieces[i][size - 1], i);
    }
    arena_free(arena);
}

static void arena_makes_texts(void **state) {
    (void)state;
    struct arena *arena = arena_new();
    assert_string_equal(arena_strdup(arena, "abc"), "abc");
    assert_string_equal(arena_strndup(arena, "abcdef", 3), "abc");
    assert_string_equal(arena_strndup(arena, NULL, 0), "");
    assert_string_equal(arena_printf(arena, "%d/%s", 1, "x"), "1/x");
    arena_free(arena);
    arena_free(NULL);
}

static char order[8];

static void note(void *object) {
    order[strlen(order) + 1] = '\0';
    order[strlen(order)] = *(const char *)object;
}

static void arena_destroys_in_reverse(void **state) {
    (void)state;
    struct arena *arena = arena_new();
    order[0] = '\0';
    arena_on_free(arena, note, "a");
    arena_on_free(arena, note, "b");
    arena_on_free(arena, note, "c");
    arena_free(arena);
    assert_string_equal(order, "cba");
}

static void vec_grows_and_zeroes(void **state) {
    (void)state;
    VEC(struct {
        int a;
        char b[13];
    })
    vec = {0};
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(vec_add(&vec)->a, 0);
        vec_last(&vec)->a = i;
        memset(vec_last(&vec)->b, 1, 13);
    }
    assert_int_equal(vec.count, 1000);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(vec.items[i].a, i);
    vec.count--;
    assert_int_equal(vec_add(&vec)->a, 0);
    vec_release(&vec);
    assert_null(vec.items);
    assert_int_equal(vec.capacity, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zero_sizes_are_legal),
        cmocka_unit_test(zalloc_is_zeroed),
        cmocka_unit_test(texts_are_copied),
        cmocka_unit_test(overflow_aborts),
        cmocka_unit_test(arena_pieces_are_aligned_and_zeroed),
        cmocka_unit_test(arena_is_empty_when_reset),
        cmocka_unit_test(arena_pieces_do_not_overlap),
        cmocka_unit_test(arena_makes_texts),
        cmocka_unit_test(arena_destroys_in_reverse),
        cmocka_unit_test(vec_grows_and_zeroes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
