#include "tests/support/unit.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "io/loop.h"
#include "io/module.h"

/* What happened, letter by letter. */
struct log {
    struct loop *loop;
    struct buf text;
    struct loop_timer *timer;
    struct loop_watch *watch;
    int fds[2];
};

static int setup(void **state) {
    struct log *log = mem_zalloc(sizeof *log);
    log->loop = loop_new(NULL);
    log->text = (struct buf)BUF_INIT(1000);
    *state = log;
    return 0;
}

static int teardown(void **state) {
    struct log *log = *state;
    loop_free(log->loop);
    buf_release(&log->text);
    mem_free(log);
    return 0;
}

static void note_a(void *user) {
    struct log *log = user;
    buf_putc(&log->text, 'a');
}

static void note_b(void *user) {
    struct log *log = user;
    buf_putc(&log->text, 'b');
    loop_defer(log->loop, note_a, log);
}

static void test_defer(void **state) {
    struct log *log = *state;
    loop_defer(log->loop, note_a, log);
    loop_defer(log->loop, note_b, log);
    loop_defer(log->loop, note_a, log);
    assert_string_equal(buf_text(&log->text), "");
    loop_run(log->loop);
    assert_string_equal(buf_text(&log->text), "abaa");
}

static void fire_and_free(void *user) {
    struct log *log = user;
    buf_putc(&log->text, 't');
    loop_timer_free(log->timer);
    log->timer = NULL;
}

static void test_timer(void **state) {
    struct log *log = *state;
    int64_t begin = clock_mono_ns();
    /* A turn that takes long must not make the delay shorter. */
    usleep(30000);
    int64_t armed = clock_mono_ns();
    log->timer = loop_timer_new(log->loop, 50, fire_and_free, log);
    struct loop_timer *never = loop_timer_new(log->loop, 100000, note_a, log);
    loop_timer_free(never);
    loop_timer_free(NULL);
    loop_run(log->loop);
    assert_string_equal(buf_text(&log->text), "t");
    assert_true(clock_mono_ns() - armed >= 49 * NS_PER_MS);
    assert_true(clock_mono_ns() - begin < 2 * NS_PER_S);
}

static void stop(void *user) {
    struct log *log = user;
    loop_stop(log->loop);
}

static void test_stop_and_left_handles(void **state) {
    struct log *log = *state;
    loop_timer_new(log->loop, 100000, note_a, log); /* loop_free ends it */
    loop_defer(log->loop, stop, log);
    loop_run(log->loop);
    assert_string_equal(buf_text(&log->text), "");
}

static void read_some(void *user, int events) {
    struct log *log = user;
    char byte;
    assert_int_equal(events, LOOP_READ);
    if (read(log->fds[0], &byte, 1) == 1) {
        buf_putc(&log->text, byte);
        return;
    }
    loop_watch_free(log->watch);
    log->watch = NULL;
}

/* A stop that comes when it does not run must not keep a loop from its end. */
static void test_stop_before_free(void **state) {
    struct log *log = *state;
    log->timer = loop_timer_new(log->loop, 60000, note_a, log);
    loop_stop(log->loop);
}

static void test_watch(void **state) {
    struct log *log = *state;
    assert_int_equal(pipe2(log->fds, O_CLOEXEC), 0);
    log->watch = loop_watch_new(log->loop, log->fds[0], LOOP_READ, read_some, log);
    assert_false(fcntl(log->fds[0], F_GETFL) & O_NONBLOCK);
    assert_int_equal(write(log->fds[1], "xyz", 3), 3);
    close(log->fds[1]);
    loop_run(log->loop);
    close(log->fds[0]);
    assert_string_equal(buf_text(&log->text), "xyz");
}

static void test_watch_file(void **state) {
    struct log *log = *state;
    char path[] = "/tmp/test-loop-XXXXXX";
    log->fds[0] = mkstemp(path);
    assert_int_equal(pwrite(log->fds[0], "file", 4, 0), 4);
    log->watch = loop_watch_new(log->loop, log->fds[0], LOOP_READ, read_some, log);
    loop_run(log->loop);
    close(log->fds[0]);
    unlink(path);
    assert_string_equal(buf_text(&log->text), "file");
}

static void write_until_refused(void *user, int events) {
    struct log *log = user;
    assert_true(events & LOOP_WRITE);
    buf_putc(&log->text, 'w');
    if (log->text.length == 1) {
        close(log->fds[0]); /* nobody reads any more */
        return;
    }
    assert_int_equal(write(log->fds[1], "x", 1), -1);
    loop_watch_free(log->watch);
    log->watch = NULL;
}

static void test_watch_broken_pipe(void **state) {
    struct log *log = *state;
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(pipe2(log->fds, O_CLOEXEC), 0);
    log->watch = loop_watch_new(log->loop, log->fds[1], LOOP_WRITE, write_until_refused, log);
    loop_run(log->loop);
    close(log->fds[1]);
    assert_string_equal(buf_text(&log->text), "ww");
}

static void note_signal(void *user, int signum) {
    struct log *log = user;
    assert_int_equal(signum, SIGUSR1);
    buf_putc(&log->text, 's');
    loop_stop(log->loop);
}

static void send_signal(void *user) {
    (void)user;
    raise(SIGUSR1);
}

static void test_signal(void **state) {
    struct log *log = *state;
    struct loop_signal *caught = loop_signal_new(log->loop, SIGUSR1, note_signal, log);
    loop_defer(log->loop, send_signal, log);
    loop_run(log->loop);
    assert_string_equal(buf_text(&log->text), "s");
    /* In the background it does not hold the loop. */
    loop_signal_background(caught);
    loop_run(log->loop);
    loop_signal_free(caught);
}

static void work(void *user) {
    usleep(20000);
    note_a(user);
}

static void worked(void *user) {
    struct log *log = user;
    buf_putc(&log->text, 'd');
}

static void test_work(void **state) {
    struct log *log = *state;
    loop_work(log->loop, work, worked, log);
    loop_run(log->loop);
    assert_string_equal(buf_text(&log->text), "ad");
    loop_work(log->loop, work, worked, log);
    loop_free(log->loop);
    assert_string_equal(buf_text(&log->text), "ada");
    log->loop = loop_new(NULL);
}

static void release(void *object) {
    struct log *log = object;
    buf_putc(&log->text, 'r');
}

static void test_slot(void **state) {
    struct log *log = *state;
    assert_null(loop_slot_get(log->loop, LOOP_SLOT_HTTP));
    loop_slot_set(log->loop, LOOP_SLOT_HTTP, log, release);
    assert_ptr_equal(loop_slot_get(log->loop, LOOP_SLOT_HTTP), log);
    loop_free(log->loop);
    assert_string_equal(buf_text(&log->text), "r");
    log->loop = loop_new(NULL);
}

static void test_module_missing(void **state) {
    (void)state;
    AUTO_ERR err = ERR_INIT;
    assert_null(module_load("nothing", &err));
    assert_non_null(strstr(err.message, "cannot load the module `nothing`"));
    assert_non_null(err.hint);
}

int main(void) {
    alarm(60);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_defer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_timer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stop_and_left_handles, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stop_before_free, setup, teardown),
        cmocka_unit_test_setup_teardown(test_watch, setup, teardown),
        cmocka_unit_test_setup_teardown(test_watch_file, setup, teardown),
        cmocka_unit_test_setup_teardown(test_watch_broken_pipe, setup, teardown),
        cmocka_unit_test_setup_teardown(test_signal, setup, teardown),
        cmocka_unit_test_setup_teardown(test_work, setup, teardown),
        cmocka_unit_test_setup_teardown(test_slot, setup, teardown),
        cmocka_unit_test(test_module_missing),
    };
    return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
