#include "io/tool.h"

#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "tests/support/unit.h"

#define LIMIT_MS 10000

/* Runs a script to its end; what it says is left in `err`. */
static int script_run(const char *script, const char *input, int64_t timeout_ms, struct buf *out,
                      struct err *err) {
    struct loop *loop = loop_new(NULL);
    const struct tool_spec spec = {
        .argv = (const char *const[]){"sh", "-c", script, NULL},
        .input = input,
        .input_length = input ? strlen(input) : 0,
        .timeout_ms = timeout_ms,
    };
    int status = tool_run(loop, &spec, out, err);
    loop_free(loop);
    return status;
}

static void test_answer(void **state) {
    (void)state;
    AUTO_BUF out = BUF_INIT(1 << 16);
    AUTO_ERR err = ERR_INIT;
    assert_int_equal(script_run("cat; echo more", "head", LIMIT_MS, &out, &err), 0);
    assert_string_equal(buf_text(&out), "headmore\n");
    assert_null(err.message);
}

static void refuse(const char *script, int64_t timeout_ms, int status, const char *said) {
    AUTO_BUF out = BUF_INIT(TOOL_OUTPUT_MAX);
    AUTO_ERR err = ERR_INIT;
    assert_int_equal(script_run(script, NULL, timeout_ms, &out, &err), status);
    assert_string_equal(err.message, said);
}

static void test_refusals(void **state) {
    (void)state;
    refuse("echo first >&2; echo last >&2; echo >&2; exit 3", LIMIT_MS, 3, "`sh`: last");
    refuse("exit 4", LIMIT_MS, 4, "`sh` ended with exit status 4");
    refuse("kill -KILL $$", LIMIT_MS, -1, "`sh` was ended by signal 9");
    refuse("head -c 2000000 /dev/zero", LIMIT_MS, -1, "`sh` said more than it should");
}

/* Also one that takes no notice of SIGTERM. */
static void test_timeout(void **state) {
    (void)state;
    int64_t begun = clock_mono_ns();
    refuse("trap '' TERM; sleep 60", 100, -1, "`sh` did not end within 100ms");
    assert_true(clock_mono_ns() - begun < 30 * NS_PER_S);
}

static void test_missing(void **state) {
    (void)state;
    AUTO_BUF out = BUF_INIT(1 << 16);
    AUTO_ERR err = ERR_INIT;
    struct loop *loop = loop_new(NULL);
    const struct tool_spec spec = {
        .argv = (const char *const[]){"no-such-tool-anywhere", NULL},
        .timeout_ms = LIMIT_MS,
    };
    assert_int_equal(tool_run(loop, &spec, &out, &err), -1);
    assert_non_null(strstr(err.message, "no-such-tool-anywhere"));
    loop_free(loop);
}

static void never(void *user, const struct tool_answer *answer) {
    (void)user;
    (void)answer;
    fail();
}

/* Freed while it runs: it ends with the loop, and nobody is told. */
static void test_dropped(void **state) {
    (void)state;
    AUTO_ERR err = ERR_INIT;
    struct loop *loop = loop_new(NULL);
    struct tool *tool = NULL;
    const struct tool_spec spec = {
        .argv = (const char *const[]){"sleep", "60", NULL},
        .timeout_ms = LIMIT_MS,
    };
    assert_int_equal(tool_start(loop, &spec, never, NULL, &tool, &err), 0);
    tool_free(tool);
    loop_free(loop);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answer),  cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_timeout), cmocka_unit_test(test_missing),
        cmocka_unit_test(test_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
