/* Commands outlive their engine: a child process is the engine that dies, we are the next one. */
#include "tests/support/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "tests/support/processes.h"

#define OUTPUT_CEILING ((size_t)1 << 20)
#define LONG_RUN "exec sleep 60"

struct scene {
    char *dir;
    struct loop *loop;
    struct process *process;
    struct process_spec spec;
    struct buf out;
    size_t bytes[2];
    struct process_exit exit;
    int ended;
};

static void take(void *user, int stream, const char *bytes, size_t length) {
    struct scene *scene = user;
    scene->bytes[stream - 1] += length;
    if (scene->out.length + length <= OUTPUT_CEILING)
        assert_int_equal(buf_append(&scene->out, bytes, length), 0);
}

static void note_end(void *user, const struct process_exit *ended) {
    struct scene *scene = user;
    scene->exit = *ended;
    scene->ended++;
    loop_stop(scene->loop);
}

static int setup(void **state) {
    char folder[] = "/tmp/test-guard-XXXXXX";
    struct scene *scene = mem_zalloc(sizeof *scene);
    assert_non_null(mkdtemp(folder));
    scene->dir = mem_strdup(folder);
    scene->out = (struct buf)BUF_INIT(OUTPUT_CEILING);
    scene->spec = (struct process_spec){
        .token = "run:a:1", .output = take, .ended = note_end, .user = scene, .grace_ms = 300};
    *state = scene;
    return 0;
}

/* A guard whose engine died is our child, as we are a subreaper. */
static int teardown(void **state) {
    struct scene *scene = *state;
    loop_free(scene->loop);
    for (int i = 0; i < 3000 && waitpid(-1, NULL, WNOHANG) >= 0; i++)
        usleep(1000);
    assert_int_equal(processes_left(NULL), 0);
    assert_int_equal(file_remove_tree(scene->dir, NULL), 0);
    buf_release(&scene->out);
    mem_free(scene->dir);
    mem_free(scene);
    return 0;
}

static void open_run(struct scene *scene) {
    struct err err = ERR_INIT;
    AUTO_TEXT dir = mem_printf("%s/guard", scene->dir);
    scene->loop = loop_new(NULL);
    if (process_guard(scene->loop, dir, &err) < 0)
        fail_msg("%s", err.message);
}

static int spawn(struct scene *scene, const char *script) {
    const char *argv[] = {"bash", "-c", script, NULL};
    AUTO_TEXT token = mem_printf(PROCESS_TOKEN "=%s", scene->spec.token);
    const char *const env[] = {"PATH=/usr/bin:/bin", token, NULL};
    struct process_spec spec = scene->spec;
    struct err err = ERR_INIT;
    spec.argv = argv;
    spec.env = env;
    if (process_spawn(scene->loop, &spec, &scene->process, &err) == 0)
        return 0;
    fprintf(stderr, "%s\n", err.message);
    err_release(&err);
    return -1;
}

/* An engine that begins `script` and, `after_ms` later, dies. It never reads any output. */
static pid_t engine_that_dies(struct scene *scene, const char *script, int after_ms) {
    int ready[2];
    pid_t guard = 0;
    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    pid_t engine = fork();
    assert_true(engine >= 0);
    if (engine == 0) {
        open_run(scene);
        if (!script || spawn(scene, script) < 0)
            guard = -1;
        else
            guard = (pid_t)process_guard_pid(scene->loop);
        if (write(ready[1], &guard, sizeof guard) != sizeof guard)
            _exit(1);
        pause();
    }
    assert_int_equal(read(ready[0], &guard, sizeof guard), sizeof guard);
    close(ready[0]);
    close(ready[1]);
    usleep((useconds_t)after_ms * 1000);
    kill(engine, SIGKILL);
    assert_int_equal(waitpid(engine, NULL, 0), engine);
    return guard;
}

static enum process_found attach(struct scene *scene) {
    enum process_found found;
    struct err err = ERR_INIT;
    if (process_attach(scene->loop, &scene->spec, &scene->process, &found, &err) < 0)
        fail_msg("%s", err.message);
    return found;
}

static enum process_found attach_next(struct scene *scene) {
    open_run(scene);
    return attach(scene);
}

static void finish(struct scene *scene) {
    loop_run(scene->loop);
    assert_int_equal(scene->ended, 1);
    process_free(scene->process);
    scene->process = NULL;
}

/* Until the guard has a child: the engine that asked for it did not wait. */
static void begun_await(pid_t guard) {
    for (int i = 0; i < 3000; i++) {
        AUTO_PIDS pids = {0};
        pids_add(&pids, guard);
        tree_descend(&pids);
        if (pids.list.count > 1)
            return;
        usleep(1000);
    }
    fail_msg("nothing was begun");
}

static bool is_gone(pid_t guard) {
    for (int i = 0; i < 3000; i++) {
        if (waitpid(guard, NULL, WNOHANG) == guard)
            return true;
        usleep(1000);
    }
    return false;
}

/* ---- what goes on -------------------------------------------------------------------------- */

static void test_found_running(void **state) {
    struct scene *scene = *state;
    engine_that_dies(scene, "echo early; sleep 0.4; echo late; echo error >&2; exit 3", 100);
    assert_int_equal(attach_next(scene), PROCESS_FOUND);
    assert_true(process_pid(scene->process) > 1);
    finish(scene);
    assert_int_equal(scene->exit.code, 3);
    assert_int_equal(scene->bytes[1], 6);
    assert_true(strstr(buf_text(&scene->out), "early\nlate\n") != NULL);
}

static void test_found_ended(void **state) {
    struct scene *scene = *state;
    pid_t guard = engine_that_dies(scene, "sleep 0.1; echo all; kill -SEGV $$", 0);
    usleep(400000);
    assert_int_equal(attach_next(scene), PROCESS_FOUND);
    assert_int_equal(process_guard_pid(scene->loop), guard);
    finish(scene);
    assert_int_equal(scene->exit.signum, SIGSEGV);
    assert_string_equal(buf_text(&scene->out), "all\n");
}

static void test_ended_earlier(void **state) {
    struct scene *scene = *state;
    pid_t guard = engine_that_dies(scene, "sleep 0.1; exit 7", 0);
    assert_true(is_gone(guard));
    assert_int_equal(attach_next(scene), PROCESS_ENDED_EARLIER);
    finish(scene);
    assert_int_equal(scene->exit.code, 7);
    assert_int_equal(scene->exit.signum, 0);
}

static void test_orphans_end_without_an_engine(void **state) {
    struct scene *scene = *state;
    pid_t guard = engine_that_dies(scene, "setsid sleep 60 & sleep 0.1", 0);
    assert_true(is_gone(guard));
    assert_int_equal(attach_next(scene), PROCESS_ENDED_EARLIER);
    finish(scene);
    assert_int_equal(scene->exit.code, 0);
    assert_int_equal(scene->exit.left, 0);
}

/* It waits in its write, and nothing of it is lost. */
static void test_flood(void **state) {
    struct scene *scene = *state;
    engine_that_dies(scene, "head -c 20000000 /dev/zero; head -c 3000000 /dev/zero >&2", 200);
    assert_int_equal(attach_next(scene), PROCESS_FOUND);
    finish(scene);
    assert_int_equal(scene->exit.code, 0);
    assert_int_equal(scene->bytes[0], 20000000);
    assert_int_equal(scene->bytes[1], 3000000);
}

static void test_input_is_whole(void **state) {
    struct scene *scene = *state;
    size_t length = (size_t)3 << 20;
    char *bytes = mem_alloc(length);
    memset(bytes, 'x', length);
    scene->spec.input = bytes;
    scene->spec.input_length = length;
    engine_that_dies(scene, "sleep 0.3; wc -c", 0);
    mem_free(bytes);
    assert_int_equal(attach_next(scene), PROCESS_FOUND);
    finish(scene);
    assert_string_equal(buf_text(&scene->out), "3145728\n");
}

static void test_kill_behind_attach(void **state) {
    struct scene *scene = *state;
    engine_that_dies(scene, "trap '' TERM; setsid sleep 60 & sleep 60; sleep 60", 50);
    assert_int_equal(attach_next(scene), PROCESS_FOUND);
    process_kill(scene->process, 100);
    finish(scene);
    assert_int_equal(scene->exit.signum, SIGKILL);
    assert_int_equal(processes_below((pid_t)process_guard_pid(scene->loop)), 0);
}

static void test_more_is_spawned_behind_attach(void **state) {
    struct scene *scene = *state;
    pid_t guard = engine_that_dies(scene, "sleep 0.3; exit 1", 0);
    assert_int_equal(attach_next(scene), PROCESS_FOUND);
    finish(scene);
    scene->spec.token = "run:b:1";
    scene->ended = 0;
    assert_int_equal(spawn(scene, "exit 2"), 0);
    assert_int_equal(process_guard_pid(scene->loop), guard);
    finish(scene);
    assert_int_equal(scene->exit.code, 2);
}

static void test_two_deaths(void **state) {
    struct scene *scene = *state;
    pid_t guard = engine_that_dies(scene, "sleep 0.6; echo both; exit 9", 0);
    pid_t engine = fork();
    if (engine == 0) {
        _exit(attach_next(scene) == PROCESS_FOUND ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(engine, &status, 0), engine);
    assert_int_equal(status, 0);
    assert_int_equal(attach_next(scene), PROCESS_FOUND);
    assert_int_equal(process_guard_pid(scene->loop), guard);
    finish(scene);
    assert_int_equal(scene->exit.code, 9);
    assert_string_equal(buf_text(&scene->out), "both\n");
}

static void test_odd_tokens(void **state) {
    static const char *const tokens[] = {"a b\nended c 0 0 0",      "100%",  "%41",
                                         "Schl\xc3\xbcssel:1[2]/x", "ended", " "};
    struct scene *scene = *state;
    for (size_t i = 0; i < COUNT(tokens); i++) {
        scene->spec.token = tokens[i];
        pid_t guard = engine_that_dies(scene, "sleep 0.05; exit 5", 0);
        assert_true(is_gone(guard));
        scene->ended = 0;
        assert_int_equal(attach_next(scene), PROCESS_ENDED_EARLIER);
        finish(scene);
        assert_int_equal(scene->exit.code, 5);
        scene->spec.token = "c";
        assert_int_equal(attach(scene), PROCESS_NEVER_BEGAN);
        loop_free(scene->loop);
        scene->loop = NULL;
    }
}

/* ---- what does not ------------------------------------------------------------------------- */

static void test_never_began(void **state) {
    struct scene *scene = *state;
    assert_int_equal(engine_that_dies(scene, NULL, 0), -1);
    assert_int_equal(attach_next(scene), PROCESS_NEVER_BEGAN);
    assert_null(scene->process);
    loop_free(scene->loop);
    /* A guard that lives knows, too. */
    scene->spec.token = "run:b:1";
    engine_that_dies(scene, LONG_RUN, 0);
    scene->spec.token = "run:a:1";
    assert_int_equal(attach_next(scene), PROCESS_NEVER_BEGAN);
}

static void test_refused_is_not_begun(void **state) {
    struct scene *scene = *state;
    const char *const argv[] = {"/proc/version", NULL};
    open_run(scene);
    scene->spec.argv = argv;
    assert_int_equal(process_spawn(scene->loop, &scene->spec, &scene->process, NULL), 0);
    loop_run(scene->loop);
    assert_non_null(scene->exit.refused);
    process_free(scene->process);
    loop_free(scene->loop);
    assert_int_equal(attach_next(scene), PROCESS_NEVER_BEGAN);
}

static void test_lost_with_its_guard(void **state) {
    struct scene *scene = *state;
    pid_t guard = engine_that_dies(scene, LONG_RUN, 0);
    begun_await(guard);
    kill(guard, SIGKILL);
    assert_true(is_gone(guard));
    assert_int_equal(attach_next(scene), PROCESS_LOST);
    assert_null(scene->process);
    scene->spec.token = "run:b:1";
    assert_int_equal(attach(scene), PROCESS_NEVER_BEGAN);
    AUTO_PIDS pids = {0};
    pids_add(&pids, getpid());
    tree_descend(&pids);
    for (size_t i = 1; i < pids.list.count; i++) {
        kill(pids.list.items[i], SIGKILL);
        waitpid(pids.list.items[i], NULL, 0);
    }
}

static void kill_guard(void *user) {
    struct scene *scene = user;
    kill((pid_t)process_guard_pid(scene->loop), SIGKILL);
}

static void test_guard_is_killed(void **state) {
    struct scene *scene = *state;
    open_run(scene);
    for (int i = 0; i < 3; i++) {
        scene->ended = 0;
        assert_int_equal(spawn(scene, "echo said; (sleep 60; sleep 61) & sleep 62"), 0);
        struct loop_timer *timer = loop_timer_new(scene->loop, 100, kill_guard, scene);
        finish(scene);
        loop_timer_free(timer);
        assert_true(scene->exit.lost);
        assert_int_equal(scene->exit.code, -1);
        usleep(10000);
        while (waitpid(-1, NULL, WNOHANG) > 0)
            ;
        assert_int_equal(processes_left(scene->loop), 0);
    }
    assert_string_equal(buf_text(&scene->out), "said\nsaid\nsaid\n");
    /* One that died while nothing ran is replaced. */
    scene->ended = 0;
    assert_int_equal(spawn(scene, "exit 4"), 0);
    finish(scene);
    kill_guard(scene);
    usleep(20000);
    scene->ended = 0;
    assert_int_equal(spawn(scene, "exit 5"), 0);
    finish(scene);
    assert_false(scene->exit.lost);
    assert_int_equal(scene->exit.code, 5);
}

/* ---- one engine at a time ------------------------------------------------------------------ */

static void assert_busy(struct scene *scene) {
    struct loop *ours = scene->loop;
    enum process_found found;
    struct process *process;
    struct err err = ERR_INIT;
    open_run(scene);
    assert_int_equal(process_attach(scene->loop, &scene->spec, &process, &found, &err), -1);
    assert_int_equal(err.kind, ERR_BUSY);
    err_release(&err);
    loop_free(scene->loop);
    scene->loop = ours;
}

static void test_two_engines(void **state) {
    struct scene *scene = *state;
    engine_that_dies(scene, "sleep 0.3; exit 6", 0);
    assert_int_equal(attach_next(scene), PROCESS_FOUND);
    assert_busy(scene);
    struct process *second;
    enum process_found found;
    struct err err = ERR_INIT;
    assert_int_equal(process_attach(scene->loop, &scene->spec, &second, &found, &err), -1);
    assert_int_equal(err.kind, ERR_BUSY);
    err_release(&err);
    finish(scene);
    assert_int_equal(scene->exit.code, 6);
}

int main(void) {
    alarm(100);
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_found_running, setup, teardown),
        cmocka_unit_test_setup_teardown(test_found_ended, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ended_earlier, setup, teardown),
        cmocka_unit_test_setup_teardown(test_orphans_end_without_an_engine, setup, teardown),
        cmocka_unit_test_setup_teardown(test_flood, setup, teardown),
        cmocka_unit_test_setup_teardown(test_input_is_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(test_kill_behind_attach, setup, teardown),
        cmocka_unit_test_setup_teardown(test_more_is_spawned_behind_attach, setup, teardown),
        cmocka_unit_test_setup_teardown(test_two_deaths, setup, teardown),
        cmocka_unit_test_setup_teardown(test_odd_tokens, setup, teardown),
        cmocka_unit_test_setup_teardown(test_never_began, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused_is_not_begun, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lost_with_its_guard, setup, teardown),
        cmocka_unit_test_setup_teardown(test_guard_is_killed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_two_engines, setup, teardown),
    };
    return cmocka_run_group_tests_name("survival", tests, NULL, NULL);
}
