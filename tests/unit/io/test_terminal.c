/* A command that gets the terminal, as a shell beside a failed step does. */
#include "tests/support/unit.h"

#include <pty.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "io/process.h"

struct ended {
    struct process_exit exit;
    int count;
};

static void note_end(void *user, const struct process_exit *exit) {
    struct ended *ended = user;
    ended->exit = *exit;
    ended->count++;
}

/* In a session of its own on a terminal; what it prints is judged by the test. */
static int on_terminal(const char *script) {
    static const char *const env[] = {"PATH=/usr/bin:/bin", "RUNBOOK_TOKEN=t", NULL};
    const char *argv[] = {"bash", "-c", script, NULL};
    struct ended ended = {0};
    struct loop *loop = loop_new(NULL);
    struct process *process;
    struct process_spec spec = {.argv = argv,
                                .env = env,
                                .token = "t",
                                .inherit_terminal = true,
                                .ended = note_end,
                                .user = &ended};
    if (process_spawn(loop, &spec, &process, NULL) < 0)
        return 90;
    loop_run(loop);
    process_free(process);
    loop_free(loop);
    struct termios modes;
    tcgetattr(0, &modes);
    printf("back %d, echo %d, exit %d\n", tcgetpgrp(0) == getpgrp(), (modes.c_lflag & ECHO) != 0,
           ended.exit.code);
    fflush(stdout);
    return ended.count == 1 ? 0 : 91;
}

static void assert_prints(const char *script, const char *words) {
    int terminal;
    struct buf out = BUF_INIT(10000);
    pid_t child = forkpty(&terminal, NULL, NULL, NULL);
    assert_true(child >= 0);
    if (child == 0)
        _exit(on_terminal(script));
    char chunk[500];
    for (ssize_t got; (got = read(terminal, chunk, sizeof chunk)) > 0;)
        buf_append(&out, chunk, (size_t)got);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    close(terminal);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || !strstr(buf_text(&out), words))
        fail_msg("status %x, `%s` lacks `%s`", (unsigned)status, buf_text(&out), words);
    buf_release(&out);
}

static void test_foreground(void **state) {
    (void)state;
    assert_prints(
        "test -t 0 && test -t 1 && ps -o stat= -p $$ | grep -q + && echo in front; exit 4",
        "in front\r\nback 1, echo 1, exit 4");
}

static void test_modes_come_back(void **state) {
    (void)state;
    assert_prints("stty -echo raw", "back 1, echo 1, exit 0");
}

static void test_job_control(void **state) {
    (void)state;
    assert_prints("set -m; sleep 0.1 & fg >/dev/null; echo done", "done\r\nback 1");
}

int main(void) {
    alarm(60);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_foreground),
        cmocka_unit_test(test_modes_come_back),
        cmocka_unit_test(test_job_control),
    };
    return cmocka_run_group_tests_name("terminal", tests, NULL, NULL);
}
