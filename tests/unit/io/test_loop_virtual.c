#include "tests/support/unit.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "io/loop.h"
#include "io/loop_virtual.h"

/* What happened, letter by letter. */
static struct loop *loop;
static struct buf text = BUF_INIT(100000);
static struct loop_timer *timers[1000];
static int64_t slept_ns;

static void pause_count(void *user, int64_t real_ns) {
    (void)user;
    slept_ns += real_ns;
}

static void begin(virtual_pause *pause, int64_t speed) {
    slept_ns = 0;
    buf_clear(&text);
    loop =
        loop_new_virtual(virtual_time_new(1000 * NS_PER_S, 5 * NS_PER_S, pause, NULL, speed), NULL);
}

static void end(void) {
    for (size_t i = 0; i < COUNT(timers); i++) {
        loop_timer_free(timers[i]);
        timers[i] = NULL;
    }
    loop_free(loop);
    buf_release(&text);
}

static void note(void *user) {
    (void)buf_puts(&text, user);
}

static void defer_note(void *user) {
    (void)buf_puts(&text, "d");
    loop_defer(loop, note, user);
}

static void test_order(void **state) {
    (void)state;
    begin(NULL, 1);
    timers[0] = loop_timer_new(loop, 86400000, note, "c");
    timers[1] = loop_timer_new(loop, 10, defer_note, "x");
    timers[2] = loop_timer_new(loop, 10, note, "b");
    timers[3] = loop_timer_at(loop, 0, note, "a");
    loop_defer(loop, note, "0");
    loop_run(loop);
    /* What is deferred comes before any time passes, also where timers are due. */
    assert_string_equal(buf_text(&text), "0adxbc");
    assert_int_equal(clock_mono_ns(), 86405 * NS_PER_S);
    assert_int_equal(clock_wall_ns(), 87400 * NS_PER_S);
    end();
    assert_true(clock_mono_ns() != 86405 * NS_PER_S);
}

static void stop(void *user) {
    (void)user;
    loop_stop(loop);
}

static void test_stop(void **state) {
    (void)state;
    begin(NULL, 1);
    timers[0] = loop_timer_new(loop, 1, stop, NULL);
    timers[1] = loop_timer_new(loop, 2, note, "later");
    loop_run(loop);
    assert_string_equal(buf_text(&text), "");
    loop_run(loop);
    assert_string_equal(buf_text(&text), "later");
    end();
}

static int64_t last_ns;

static void in_order(void *user) {
    (void)user;
    assert_true(clock_mono_ns() >= last_ns);
    last_ns = clock_mono_ns();
    (void)buf_puts(&text, "x");
}

/* A thousand in a scrambled order, of which every third is taken back. */
static void test_heap(void **state) {
    (void)state;
    size_t left = 0;
    begin(NULL, 1);
    last_ns = 0;
    for (size_t i = 0; i < COUNT(timers); i++)
        timers[i] = loop_timer_new(loop, (int64_t)(i * 7919 % 1009), in_order, NULL);
    for (size_t i = 0; i < COUNT(timers); i++) {
        if (i % 3 == 0) {
            loop_timer_free(timers[i]);
            timers[i] = NULL;
        } else
            left++;
    }
    loop_run(loop);
    assert_int_equal(text.length, left);
    end();
}

static void test_speed(void **state) {
    (void)state;
    begin(pause_count, 10);
    timers[0] = loop_timer_new(loop, 5000, note, "a");
    loop_run(loop);
    assert_int_equal(slept_ns, 500 * NS_PER_MS);
    assert_int_equal(clock_mono_ns(), 10 * NS_PER_S);
    end();
}

/* No delay that a file can ask for is longer than the clock. */
static void test_far(void **state) {
    (void)state;
    begin(NULL, 1);
    timers[0] = loop_timer_new(loop, INT64_MAX, note, "far");
    loop_run(loop);
    assert_string_equal(buf_text(&text), "far");
    assert_int_equal(clock_mono_ns(), 5 * NS_PER_S + VIRTUAL_AHEAD_MAX_NS);
    end();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order), cmocka_unit_test(test_stop), cmocka_unit_test(test_heap),
        cmocka_unit_test(test_speed), cmocka_unit_test(test_far),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
