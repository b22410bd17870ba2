#include "tests/support/unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "tests/support/processes.h"

#define OUTPUT_CEILING ((size_t)1 << 20)

/* A command under test, and what came of it. */
struct probe {
    struct loop *loop;
    struct process *process;
    struct process_spec spec;
    struct buf out;
    size_t bytes[2];
    struct process_exit exit;
    int ended;
};

static const char *const env[] = {"PATH=/usr/local/bin:/usr/bin:/bin", "RUNBOOK_TOKEN=token-1",
                                  NULL};

static void take(void *user, int stream, const char *bytes, size_t length) {
    struct probe *probe = user;
    probe->bytes[stream - 1] += length;
    if (probe->out.length + length <= OUTPUT_CEILING)
        assert_int_equal(buf_append(&probe->out, bytes, length), 0);
}

static void note_end(void *user, const struct process_exit *ended) {
    struct probe *probe = user;
    probe->exit = *ended;
    probe->ended++;
}

static void probe_init(struct probe *probe, struct loop *loop) {
    *probe = (struct probe){.loop = loop, .out = BUF_INIT(OUTPUT_CEILING)};
    probe->spec = (struct process_spec){
        .env = env,
        .token = "token-1",
        .output = take,
        .ended = note_end,
        .grace_ms = 300,
        .user = probe,
    };
}

static void probe_spawn(struct probe *probe, const char *script) {
    struct err err = ERR_INIT;
    const char *argv[] = {"bash", "-c", script, NULL};
    if (!probe->spec.argv)
        probe->spec.argv = argv;
    if (process_spawn(probe->loop, &probe->spec, &probe->process, &err) < 0)
        fail_msg("%s", err.message);
    probe->spec.argv = NULL;
}

static void probe_finish(struct probe *probe) {
    loop_run(probe->loop);
    assert_int_equal(probe->ended, 1);
    process_free(probe->process);
}

static void probe_run(struct probe *probe, struct loop *loop, const char *script) {
    probe_init(probe, loop);
    probe_spawn(probe, script);
    probe_finish(probe);
}

static int64_t now_ms(void) {
    return clock_mono_ns() / NS_PER_MS;
}

static int count_fds(void) {
    int count = 0;
    DIR *dir = opendir("/proc/self/fd");
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

static int setup(void **state) {
    *state = loop_new(NULL);
    return 0;
}

static int teardown(void **state) {
    loop_free(*state);
    assert_int_equal(processes_left(NULL), 0);
    return 0;
}

static void test_output_and_exit(void **state) {
    struct probe probe;
    probe_run(&probe, *state, "echo out; echo err >&2; printf end; exit 3");
    assert_int_equal(probe.exit.code, 3);
    assert_int_equal(probe.exit.signum, 0);
    assert_int_equal(probe.bytes[0], 7);
    assert_int_equal(probe.bytes[1], 4);
    buf_release(&probe.out);
}

static void test_signal(void **state) {
    struct probe probe;
    probe_run(&probe, *state, "kill -SEGV $$");
    assert_int_equal(probe.exit.code, -1);
    assert_int_equal(probe.exit.signum, SIGSEGV);
    buf_release(&probe.out);
}

static void test_clean_slate(void **state) {
    struct probe probe;
    int leaked = open("/dev/null", O_RDONLY); /* without close-on-exec */
    probe_run(&probe, *state,
              "ls /proc/self/fd | tr '\\n' ' '; grep -E 'Sig(Blk|Ign)' /proc/self/status | "
              "tr -d '0\\t\\n'; ps -o sid= -p $$ | tr -d ' ' | grep -qx $$ && echo leader");
    close(leaked);
    /* 3 is the folder that ls reads; 18 are the two signals that glibc keeps to itself. */
    assert_string_equal(buf_text(&probe.out), "0 1 2 3 SigBlk:SigIgn:18leader\n");
    buf_release(&probe.out);
}

static void test_input(void **state) {
    struct probe probe;
    probe_init(&probe, *state);
    size_t length = (size_t)5 << 20;
    char *bytes = mem_alloc(length);
    memset(bytes, 'x', length);
    probe.spec.input = bytes;
    probe.spec.input_length = length;
    probe_spawn(&probe, "sleep 0.1; wc -c");
    memset(bytes, 0, length);
    mem_free(bytes);
    probe_finish(&probe);
    assert_string_equal(buf_text(&probe.out), "5242880\n");
    buf_release(&probe.out);
}

static void test_input_unread(void **state) {
    struct probe probe;
    probe_init(&probe, *state);
    size_t length = (size_t)5 << 20;
    char *bytes = mem_zalloc(length);
    probe.spec.input = bytes;
    probe.spec.input_length = length;
    probe_spawn(&probe, "exec 0<&-; echo fine");
    mem_free(bytes);
    probe_finish(&probe);
    assert_int_equal(probe.exit.code, 0);
    assert_string_equal(buf_text(&probe.out), "fine\n");
    buf_release(&probe.out);
}

static void test_no_input(void **state) {
    struct probe probe;
    probe_run(&probe, *state, "read line || echo end of file; exec 1>&- 2>&-; sleep 0.05");
    assert_string_equal(buf_text(&probe.out), "end of file\n");
    buf_release(&probe.out);
}

static void test_much_output(void **state) {
    struct probe probe;
    struct rusage before, after;
    getrusage(RUSAGE_SELF, &before);
    probe_run(&probe, *state, "head -c 200M /dev/zero; head -c 20M /dev/zero >&2");
    getrusage(RUSAGE_SELF, &after);
    assert_int_equal(probe.bytes[0], 200 << 20);
    assert_int_equal(probe.bytes[1], 20 << 20);
    assert_true(after.ru_maxrss - before.ru_maxrss < 4096); /* KiB */
    buf_release(&probe.out);
}

static void test_background_child_holds_pipe(void **state) {
    struct probe probe;
    int64_t start = now_ms();
    probe_run(&probe, *state, "sleep 60 & echo started");
    assert_true(now_ms() - start < 2000);
    assert_int_equal(probe.exit.code, 0);
    assert_string_equal(buf_text(&probe.out), "started\n");
    assert_int_equal(processes_left(*state), 0);
    buf_release(&probe.out);
}

static void test_daemons_end(void **state) {
    static const char *const scripts[] = {
        "setsid sleep 60 >/dev/null 2>&1 & exit 0",
        "(setsid bash -c '(setsid sleep 60 & sleep 61) & exit' >/dev/null 2>&1 &) ; sleep 0.1",
        "env -i setsid sleep 60 >/dev/null 2>&1 & sleep 0.05",
        "setsid bash -c 'trap \"\" TERM HUP INT; while :; do sleep 1; done' & sleep 0.1",
        "setsid bash -c 'kill -STOP $$; sleep 60' & sleep 0.1",
        "bash -c 'trap \"\" TERM; kill -STOP $$; sleep 60' & sleep 0.1",
        "set -m; sleep 60 & sleep 61 & sleep 62 & exit 0",
    };
    for (size_t i = 0; i < COUNT(scripts); i++) {
        struct probe probe;
        int64_t start = now_ms();
        probe_run(&probe, *state, scripts[i]);
        assert_true(now_ms() - start < 2500);
        assert_int_equal(probe.exit.code, 0);
        assert_int_equal(probe.exit.left, 0);
        assert_int_equal(processes_left(*state), 0);
        buf_release(&probe.out);
    }
}

static void kill_gently(void *user) {
    struct probe *probe = user;
    process_kill(probe->process, probe->spec.grace_ms);
}

static void run_and_kill(struct probe *probe, struct loop *loop, const char *script,
                         int64_t after_ms, int64_t grace_ms) {
    probe_init(probe, loop);
    probe->spec.grace_ms = grace_ms;
    probe_spawn(probe, script);
    struct loop_timer *timer = loop_timer_new(loop, after_ms, kill_gently, probe);
    probe_finish(probe);
    loop_timer_free(timer);
    assert_int_equal(processes_left(loop), 0);
    buf_release(&probe->out);
}

static void test_kill(void **state) {
    struct probe probe;
    run_and_kill(&probe, *state, "sleep 60", 100, 2000);
    assert_int_equal(probe.exit.signum, SIGTERM);
    run_and_kill(&probe, *state, "trap 'echo bye; exit 7' TERM; sleep 60 & wait", 100, 2000);
    assert_int_equal(probe.exit.code, 7);
    run_and_kill(&probe, *state, "trap '' TERM; sleep 60; sleep 60", 100, 200);
    assert_int_equal(probe.exit.signum, SIGKILL);
    run_and_kill(&probe, *state, "kill -STOP $$; sleep 60", 100, 2000);
    assert_int_equal(probe.exit.signum, SIGTERM);
    run_and_kill(&probe, *state, "sleep 60", 100, 0);
    assert_int_equal(probe.exit.signum, SIGKILL);
    run_and_kill(&probe, *state, "setsid sleep 60 & env -i setsid sleep 61 & sleep 62", 200, 200);
    assert_int_equal(probe.exit.signum, SIGTERM);
}

static void test_kill_fork_loops(void **state) {
    struct probe probe;
    int64_t start = now_ms();
    /* Each copy forks the next and ends, so that its number is never the same. */
    run_and_kill(&probe, *state, "trap '' TERM; f() { f & }; f; sleep 60", 200, 0);
    /* The same, each in a session of its own, which no signal to a group reaches. */
    run_and_kill(
        &probe, *state,
        "export S='trap \"\" TERM; setsid bash -c \"$S\" & exit'; bash -c \"$S\"; sleep 60", 200,
        0);
    assert_true(now_ms() - start < 12000);
}

static void test_fork_loop_left_behind(void **state) {
    struct probe probe;
    int64_t start = now_ms();
    probe_init(&probe, *state);
    probe.spec.grace_ms = 50;
    probe_spawn(&probe,
                "export S='trap \"\" TERM; setsid bash -c \"$S\" & exit'; bash -c \"$S\" & exit 0");
    probe_finish(&probe);
    assert_true(now_ms() - start < 12000);
    assert_int_equal(probe.exit.left, 0);
    assert_int_equal(processes_left(*state), 0);
    buf_release(&probe.out);
}

static void kill_again(void *user) {
    struct probe *probe = user;
    process_kill(probe->process, 10);
}

static void test_shorter_grace(void **state) {
    struct probe probe;
    probe_init(&probe, *state);
    probe_spawn(&probe, "trap '' TERM; while :; do sleep 1; done");
    struct loop_timer *first = loop_timer_new(*state, 50, kill_gently, &probe);
    struct loop_timer *second = loop_timer_new(*state, 100, kill_again, &probe);
    probe.spec.grace_ms = 60000;
    int64_t start = now_ms();
    probe_finish(&probe);
    assert_true(now_ms() - start < 2000);
    loop_timer_free(first);
    loop_timer_free(second);
    buf_release(&probe.out);
}

static void test_keep_orphans(void **state) {
    struct probe probe;
    probe_init(&probe, *state);
    probe.spec.keep_orphans = true;
    probe_spawn(&probe, "setsid sleep 60 & exit 0");
    struct loop_timer *timer = loop_timer_new(*state, 400, kill_gently, &probe);
    int64_t start = now_ms();
    probe_finish(&probe);
    assert_in_range(now_ms() - start, 380, 2000);
    assert_int_equal(probe.exit.code, 0);
    loop_timer_free(timer);
    /* One that failed has left nothing worth keeping. */
    probe_init(&probe, *state);
    probe.spec.keep_orphans = true;
    probe_spawn(&probe, "setsid sleep 60 & exit 1");
    start = now_ms();
    probe_finish(&probe);
    assert_true(now_ms() - start < 1500);
    buf_release(&probe.out);
}

static void test_whose_orphan(void **state) {
    struct probe first, second;
    static const char *const other_env[] = {"PATH=/usr/bin:/bin", "RUNBOOK_TOKEN=token-2", NULL};
    probe_init(&first, *state);
    probe_init(&second, *state);
    second.spec.env = other_env;
    second.spec.token = "token-2";
    second.spec.keep_orphans = true;
    probe_spawn(&second, "setsid bash -c 'sleep 0.6; echo lived' & exit 0");
    probe_spawn(&first, "setsid sleep 60 & sleep 0.1");
    loop_run(*state);
    assert_int_equal(first.ended, 1);
    assert_int_equal(second.ended, 1);
    assert_string_equal(buf_text(&second.out), "lived\n");
    process_free(first.process);
    process_free(second.process);
    buf_release(&first.out);
    buf_release(&second.out);
}

static void note_end_and_stop(void *user, const struct process_exit *ended) {
    struct probe *probe = user;
    note_end(user, ended);
    loop_stop(probe->loop);
}

/* An orphan in the middle of execve has left its session and shows no token for a moment. */
static void test_orphan_while_it_starts(void **state) {
    struct probe beside;
    static const char *const other_env[] = {"PATH=/usr/bin:/bin", "RUNBOOK_TOKEN=token-2", NULL};
    probe_init(&beside, *state);
    beside.spec.env = other_env;
    beside.spec.token = "token-2";
    probe_spawn(&beside, "exec sleep 60");
    for (int i = 0; i < 60; i++) {
        struct probe probe;
        probe_init(&probe, *state);
        probe.spec.ended = note_end_and_stop;
        probe.spec.grace_ms = 0;
        probe_spawn(&probe, "setsid sleep 60 & exit 0");
        loop_run(*state);
        assert_int_equal(processes_below((pid_t)process_guard_pid(*state)), 1);
        process_free(probe.process);
        buf_release(&probe.out);
    }
    process_kill(beside.process, 0);
    probe_finish(&beside);
    buf_release(&beside.out);
}

static void test_zombies_of_a_daemon(void **state) {
    struct probe probe;
    /* Orphans that end while the process goes on are reaped: it sees them vanish. */
    probe_run(&probe, *state,
              "(sleep 0.05 & echo $! >&2); sleep 0.9; "
              "ps -o stat= --ppid $PPID | grep -c Z || true");
    assert_string_equal(buf_text(&probe.out) + strcspn(buf_text(&probe.out), "\n") + 1, "0\n");
    buf_release(&probe.out);
}

static void test_kill_all(void **state) {
    struct probe probe;
    probe_init(&probe, *state);
    probe_spawn(&probe, "trap '' TERM; setsid sleep 60 & env -i setsid sleep 61 & sleep 62");
    nanosleep(&(struct timespec){.tv_nsec = 200 * NS_PER_MS}, NULL);
    process_kill_all(*state);
    loop_run(*state);
    assert_int_equal(probe.exit.signum, SIGKILL);
    process_free(probe.process);
    assert_int_equal(processes_left(*state), 0);
    buf_release(&probe.out);
}

static void test_loop_free_kills(void **state) {
    (void)state;
    struct probe probe;
    struct loop *loop = loop_new(NULL);
    probe_init(&probe, loop);
    probe_spawn(&probe, "setsid sleep 60 & sleep 61");
    nanosleep(&(struct timespec){.tv_nsec = 100 * NS_PER_MS}, NULL);
    loop_free(loop);
    assert_int_equal(processes_left(NULL), 0);
}

static void test_cwd(void **state) {
    struct probe probe;
    probe_init(&probe, *state);
    probe.spec.cwd = "/usr";
    probe_spawn(&probe, "pwd");
    probe_finish(&probe);
    assert_string_equal(buf_text(&probe.out), "/usr\n");
    buf_release(&probe.out);
}

static void test_no_descriptor_leaks(void **state) {
    struct probe probe;
    probe_run(&probe, *state, "true");
    buf_release(&probe.out);
    int before = count_fds();
    for (int i = 0; i < 200; i++) {
        probe_run(&probe, *state, i % 2 ? "echo x" : "setsid true & exit 4");
        buf_release(&probe.out);
        const char *const missing[] = {"./no-such-command", NULL};
        probe_init(&probe, *state);
        probe.spec.argv = missing;
        probe.spec.input = "x";
        probe.spec.input_length = 1;
        probe_spawn(&probe, NULL);
        probe_finish(&probe);
        assert_non_null(probe.exit.refused);
    }
    assert_int_equal(count_fds(), before);
}

static void test_standard_descriptors_closed(void **state) {
    (void)state;
    struct probe probe;
    int saved = dup(0);
    close(0);
    struct loop *loop = loop_new(NULL);
    probe_init(&probe, loop);
    probe.spec.input = "word";
    probe.spec.input_length = 4;
    probe_spawn(&probe, "cat; echo err >&2");
    probe_finish(&probe);
    loop_free(loop);
    dup2(saved, 0);
    close(saved);
    assert_int_equal(probe.exit.code, 0);
    assert_int_equal(probe.bytes[0], 4);
    assert_int_equal(probe.bytes[1], 4);
    buf_release(&probe.out);
}

static void test_many_at_once(void **state) {
    enum { MANY = 100 };
    struct probe *probes = mem_calloc(MANY, sizeof *probes);
    for (int i = 0; i < MANY; i++) {
        probe_init(&probes[i], *state);
        probe_spawn(&probes[i], "sleep 0.2; head -c 100000 /dev/zero");
    }
    loop_run(*state);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(probes[i].ended, 1);
        assert_int_equal(probes[i].bytes[0], 100000);
        process_free(probes[i].process);
        buf_release(&probes[i].out);
    }
    mem_free(probes);
    assert_int_equal(processes_left(*state), 0);
}

/* Guards as if the kernel lacked something, see tests/support/guard_without.c. */
static int setup_guard(void **state, const char *name) {
    char folder[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", folder, sizeof folder - 1);
    assert_true(length > 0);
    folder[length] = '\0';
    AUTO_TEXT modules = mem_printf("%s/../support/%s", dirname(folder), name);
    setenv("RUNBOOK_MODULES", modules, 1);
    return setup(state);
}

static int setup_without_lists(void **state) {
    return setup_guard(state, "guard_without_lists");
}

static int setup_without_pidfd(void **state) {
    return setup_guard(state, "guard_without_pidfd");
}

static int teardown_guard(void **state) {
    unsetenv("RUNBOOK_MODULES");
    return teardown(state);
}

int main(void) {
    alarm(100);
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); /* what escapes the guard comes to us */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_output_and_exit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_signal, setup, teardown),
        cmocka_unit_test_setup_teardown(test_clean_slate, setup, teardown),
        cmocka_unit_test_setup_teardown(test_input, setup, teardown),
        cmocka_unit_test_setup_teardown(test_input_unread, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_input, setup, teardown),
        cmocka_unit_test_setup_teardown(test_much_output, setup, teardown),
        cmocka_unit_test_setup_teardown(test_background_child_holds_pipe, setup, teardown),
        cmocka_unit_test_setup_teardown(test_daemons_end, setup, teardown),
        cmocka_unit_test_setup_teardown(test_kill, setup, teardown),
        cmocka_unit_test_setup_teardown(test_kill_fork_loops, setup, teardown),
        cmocka_unit_test_setup_teardown(test_fork_loop_left_behind, setup, teardown),
        cmocka_unit_test_setup_teardown(test_shorter_grace, setup, teardown),
        cmocka_unit_test_setup_teardown(test_keep_orphans, setup, teardown),
        cmocka_unit_test_setup_teardown(test_whose_orphan, setup, teardown),
        cmocka_unit_test_setup_teardown(test_orphan_while_it_starts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_zombies_of_a_daemon, setup, teardown),
        cmocka_unit_test_setup_teardown(test_kill_all, setup, teardown),
        cmocka_unit_test(test_loop_free_kills),
        cmocka_unit_test_setup_teardown(test_cwd, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_descriptor_leaks, setup, teardown),
        cmocka_unit_test(test_standard_descriptors_closed),
        cmocka_unit_test_setup_teardown(test_many_at_once, setup, teardown),
    };
    const struct CMUnitTest tests_without_lists[] = {
        cmocka_unit_test_setup_teardown(test_daemons_end, setup_without_lists, teardown_guard),
        cmocka_unit_test_setup_teardown(test_kill, setup_without_lists, teardown_guard),
        cmocka_unit_test_setup_teardown(test_whose_orphan, setup_without_lists, teardown_guard),
    };
    const struct CMUnitTest tests_without_pidfd[] = {
        cmocka_unit_test_setup_teardown(test_output_and_exit, setup_without_pidfd, teardown_guard),
        cmocka_unit_test_setup_teardown(test_daemons_end, setup_without_pidfd, teardown_guard),
        cmocka_unit_test_setup_teardown(test_kill, setup_without_pidfd, teardown_guard),
        cmocka_unit_test_setup_teardown(test_many_at_once, setup_without_pidfd, teardown_guard),
        cmocka_unit_test_setup_teardown(test_keep_orphans, setup_without_pidfd, teardown_guard),
    };
    int failed = cmocka_run_group_tests_name("process", tests, NULL, NULL);
    failed += cmocka_run_group_tests_name("process, kernel without pidfd_open", tests_without_pidfd,
                                          NULL, NULL);
    return failed + cmocka_run_group_tests_name("process, kernel without lists of children",
                                                tests_without_lists, NULL, NULL);
}
