#include "tests/support/unit.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "tests/support/step_fake.h"

#define PARAMS "params: {list: {type: list}, none: {type: string}, x: {type: string}}\n"

/* One attempt of the only step of a runbook. */
struct attempt {
    struct runbook *runbook;
    struct step_ctx *ctx;
};

static void prepare(struct attempt *attempt, const char *step, const char *run_json) {
    AUTO_TEXT yaml = mem_printf(PARAMS "steps:\n- %s\n", step);
    attempt->runbook = step_fake_load(yaml);
    attempt->ctx = step_fake_new(attempt->runbook->steps->items[0], run_json);
}

static void run(struct attempt *attempt, const char *step) {
    prepare(attempt, step, "{\"params\":{\"list\":[\"a b\",2],\"none\":null}}");
    step_fake_run(attempt->ctx);
    assert_int_equal(attempt->ctx->done, 1);
}

static void end(struct attempt *attempt) {
    step_fake_free(attempt->ctx);
    runbook_free(attempt->runbook);
}

static void assert_ends(const char *step, enum step_outcome outcome, const char *exit_code,
                        const char *output, const char *message) {
    struct attempt attempt;
    run(&attempt, step);
    const struct step_result *result = &attempt.ctx->result;
    assert_int_equal(result->outcome, outcome);
    assert_string_equal(step_fake_data(attempt.ctx, "exit_code"), exit_code);
    assert_string_equal(buf_text(&attempt.ctx->output), output);
    if (message)
        assert_string_equal(result->err.message, message);
    else
        assert_int_equal(result->err.kind, ERR_NONE);
    end(&attempt);
}

static void test_shell(void **state) {
    (void)state;
    assert_ends("shell: echo hello", STEP_SUCCEEDED, "0", "hello\n", NULL);
    assert_ends("shell: exit 3", STEP_FAILED, "3", "", "exit status 3");
    assert_ends("shell: false; echo on", STEP_FAILED, "1", "", "exit status 1");
    assert_ends("shell: false | true", STEP_FAILED, "1", "", "exit status 1");
    assert_ends("shell: kill -SEGV $$", STEP_FAILED, "139", "", "killed by SIGSEGV");
    assert_ends("shell: kill -40 $$; sleep 1", STEP_FAILED, "168", "", "killed by signal 40");
}

static void test_exec(void **state) {
    (void)state;
    assert_ends("exec: [printf, '%s|', a b, '$HOME', '*']", STEP_SUCCEEDED, "0", "a b|$HOME|*|",
                NULL);
    assert_ends("exec: [printf, '[%s]', '${{ .params.list }}', last]", STEP_SUCCEEDED, "0",
                "[a b][2][last]", NULL);
    assert_ends("exec: ['false']", STEP_FAILED, "1", "", "exit status 1");
}

static void assert_not_started(const char *step, const char *message) {
    struct attempt attempt;
    run(&attempt, step);
    assert_int_equal(attempt.ctx->result.outcome, STEP_FAILED);
    assert_true(attempt.ctx->result.without_effect);
    if (!strstr(attempt.ctx->result.err.message, message))
        fail_msg("`%s` lacks `%s`", attempt.ctx->result.err.message, message);
    end(&attempt);
}

static void test_not_started(void **state) {
    (void)state;
    assert_not_started("exec: [no-such-command, x]", "command not found: `no-such-command`");
    assert_not_started("exec: [ls -l]", "command not found: `ls -l`");
    assert_not_started("exec: [ls, '${{ .params.none }}']", "word 2 of the command is null");
    assert_not_started("exec: [ls, '${{ {a: 1} }}']", "word 2 of the command is a mapping");
    assert_not_started("exec: ['${{ [] }}']", "the command is an empty list");
    assert_not_started("exec: [ls, \"a\\0b\"]", "NUL");
}

static void test_hints(void **state) {
    (void)state;
    static const struct {
        const char *step, *hint;
    } cases[] = {
        {"shell: no-such-command", "was not found"},
        {"shell: /etc/passwd", "cannot be executed"},
        {"shell: bash -c 'kill -TERM $$' || exit $?", "SIGTERM"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct attempt attempt;
        run(&attempt, cases[i].step);
        assert_non_null(attempt.ctx->result.err.hint);
        assert_non_null(strstr(attempt.ctx->result.err.hint, cases[i].hint));
        end(&attempt);
    }
}

static void test_input(void **state) {
    (void)state;
    struct attempt attempt;
    prepare(&attempt, "exec: [cat]", NULL);
    attempt.ctx->input = "a line\n";
    step_fake_run(attempt.ctx);
    assert_string_equal(buf_text(&attempt.ctx->output), "a line\n");
    end(&attempt);
}

static void assert_cancelled(const char *step, bool keep_orphans, int64_t least_ms) {
    struct attempt attempt;
    prepare(&attempt, step, NULL);
    attempt.ctx->cancel_after_ms = 200;
    attempt.ctx->keep_orphans = keep_orphans;
    int64_t begin = clock_mono_ns();
    step_fake_run(attempt.ctx);
    assert_in_range((clock_mono_ns() - begin) / NS_PER_MS, least_ms, 6000);
    assert_int_equal(attempt.ctx->result.outcome, STEP_CANCELLED);
    assert_int_not_equal(attempt.ctx->result.err.kind, ERR_NONE);
    end(&attempt);
}

static void test_cancel(void **state) {
    (void)state;
    assert_cancelled("shell: sleep 60", false, 190);
    assert_cancelled("shell: trap 'exit 0' TERM; sleep 60 & wait", false, 190);
    /* The grace of the fake is a second. */
    assert_cancelled("shell: trap '' TERM; while true; do sleep 0.1; done", false, 1100);
    assert_cancelled("shell: setsid sleep 60 & true", true, 190);
}

static void test_daemon_left_behind(void **state) {
    (void)state;
    struct attempt attempt;
    int64_t begin = clock_mono_ns();
    run(&attempt, "shell: setsid sleep 60 & echo $!");
    assert_true(clock_mono_ns() - begin < 5 * NS_PER_S);
    assert_int_equal(attempt.ctx->result.outcome, STEP_SUCCEEDED);
    pid_t pid = (pid_t)strtol(buf_text(&attempt.ctx->output), NULL, 10);
    assert_true(pid > 1);
    assert_int_equal(kill(pid, 0), -1);
    end(&attempt);
}

static void assert_plan(const char *step, const char *lines) {
    struct attempt attempt;
    prepare(&attempt, step, NULL);
    AUTO_TEXT plan = step_fake_plan(attempt.ctx->step);
    assert_string_equal(plan, lines);
    end(&attempt);
}

static void test_plan(void **state) {
    (void)state;
    assert_plan("shell: pg_dump \"$URL\"", "command: pg_dump \"$URL\"\n");
    assert_plan("exec: [ls, a b, it's, '${{ .params.x }}']",
                "command: ls 'a b' 'it'\\''s' \"${{ .params.x }}\"\n");
}

static void test_check(void **state) {
    (void)state;
    static const struct {
        const char *yaml, *message;
    } cases[] = {
        {"steps:\n- shell: ' '\n", "`shell` has no command"},
        {"steps:\n- exec: []\n", "`exec` must not be empty"},
        {"steps:\n- exec: ['', a]\n", "the first word of `exec` is empty"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO_TEXT errors = step_fake_errors(cases[i].yaml);
        if (!strstr(errors, cases[i].message))
            fail_msg("`%s` lacks `%s`", errors, cases[i].message);
    }
}

int main(void) {
    alarm(60);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shell),
        cmocka_unit_test(test_exec),
        cmocka_unit_test(test_not_started),
        cmocka_unit_test(test_hints),
        cmocka_unit_test(test_input),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_daemon_left_behind),
        cmocka_unit_test(test_plan),
        cmocka_unit_test(test_check),
    };
    return cmocka_run_group_tests_name("commands", tests, NULL, NULL);
}
