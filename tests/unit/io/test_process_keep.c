/* What the guard remembers of an engine that died. */
#include "tests/support/unit.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "io/process.h"

#define LARGE ((size_t)1 << 20)

static int setup(void **state) {
    char *dir = mem_strdup("/tmp/runbook-test-XXXXXX");
    *state = dir;
    return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state) {
    AUTO_ERR err = ERR_INIT;
    assert_int_equal(file_remove_tree(*state, &err), 0);
    mem_free(*state);
    return 0;
}

/* An engine that has a guard keep this, piece by piece, and dies. */
static void engine_dies(const char *dir, const char *const *pieces, const size_t *lengths,
                        size_t count) {
    pid_t engine = fork();
    if (engine == 0) {
        struct loop *loop = loop_new(NULL);
        if (process_guard(loop, dir, NULL) < 0)
            _exit(1);
        for (size_t i = 0; i < count; i++)
            if (process_keep(loop, pieces[i], lengths[i], NULL) < 0)
                _exit(2);
        raise(SIGKILL);
    }
    int status;
    assert_int_equal(waitpid(engine, &status, 0), engine);
    assert_true(WIFSIGNALED(status));
}

/* Leaves the guard of `loop`, which the next engine then does not find. */
static void assert_kept(struct loop *loop, const char *expected, size_t length) {
    char *kept;
    size_t kept_length;
    assert_int_equal(process_kept(loop, &kept, &kept_length, NULL), 0);
    assert_int_equal(kept_length, length);
    assert_true(length == 0 || memcmp(kept, expected, length) == 0);
    mem_wipe_free(kept, kept_length);
}

static void test_kept(void **state) {
    static const char *const first[] = {"one\0two", "three", ""};
    static const char *const more[] = {"four"};
    engine_dies(*state, first, (const size_t[]){8, 6, 0}, 3);
    engine_dies(*state, more, (const size_t[]){5}, 1);
    struct loop *loop = loop_new(NULL);
    assert_int_equal(process_guard(loop, *state, NULL), 0);
    assert_kept(loop, "one\0two\0three\0four", 19);
    pid_t guard = (pid_t)process_guard_pid(loop);
    assert_true(guard > 0);
    loop_free(loop);
    /* It ends with the engine that leaves, and what it knew with it. */
    for (int tries = 0; kill(guard, 0) == 0 && tries < 500; tries++)
        usleep(10000);
    assert_int_equal(kill(guard, 0), -1);
    loop = loop_new(NULL);
    assert_int_equal(process_guard(loop, *state, NULL), 0);
    assert_kept(loop, "", 0);
    loop_free(loop);
}

static void test_large(void **state) {
    char *large = mem_alloc(LARGE);
    memset(large, 'x', LARGE);
    engine_dies(*state, (const char *const[]){large}, &(const size_t){LARGE}, 1);
    struct loop *loop = loop_new(NULL);
    assert_int_equal(process_guard(loop, *state, NULL), 0);
    assert_kept(loop, large, LARGE);
    /* It does not grow without end. */
    AUTO_ERR err = ERR_INIT;
    int kept = 0;
    while (kept < 20 && process_keep(loop, large, LARGE, &err) == 0)
        kept++;
    assert_int_equal(kept, 15);
    assert_int_equal(err.sys, ENOSPC);
    loop_free(loop);
    mem_free(large);
}

/* Who only asks is no engine that ends what the guard looks after. */
static void test_let_go(void **state) {
    static const char *const one[] = {"one"};
    engine_dies(*state, one, (const size_t[]){4}, 1);
    for (int i = 0; i < 3; i++) {
        struct loop *loop = loop_new(NULL);
        assert_int_equal(process_guard(loop, *state, NULL), 0);
        assert_kept(loop, "one", 4);
        if (i < 2)
            process_let_go(loop);
        loop_free(loop);
        usleep(50000); /* the guard must have seen that we went */
    }
}

/* Nobody could find the guard again. */
static void test_nowhere(void **state) {
    (void)state;
    struct loop *loop = loop_new(NULL);
    assert_int_equal(process_keep(loop, "one", 4, NULL), 0);
    assert_kept(loop, "", 0);
    assert_int_equal(process_guard_pid(loop), 0);
    loop_free(loop);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {TEST(test_kept), TEST(test_large), TEST(test_let_go),
                                       TEST(test_nowhere)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
