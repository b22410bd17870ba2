/* What begins, waits and ends when a run fails, is stopped, or cannot be recorded. */
#include "tests/support/unit.h"

#include <signal.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "tests/support/run_world.h"

#define HEAD "runbook: 1\nname: drain\nsteps:\n"
#define PARALLEL HEAD "  - id: p\n    parallel:\n"
#define FAILS "      - {id: b, shell: 'sleep 0.2; false'}\n"

static const char *ended(const struct world *world, const char *step, const char *phase) {
    const struct record *record = world_find(world, EVENT_STEP_FINISHED, step, phase);
    return record ? record->status : "not told";
}

static void test_probe_ends_behind_a_failure(void **state) {
    assert_int_equal(
        world_run(*state, PARALLEL
                  "      - {id: a, shell: 'true', done_when: {shell: 'sleep 0.5; false'}}\n" FAILS),
        RUN_FAILED);
    assert_null(world_find(*state, EVENT_STEP_STARTED, "a", "run"));
    assert_string_equal(ended(*state, "a", "run"), "cancelled");
}

static int64_t took_ms(const struct world *world) {
    AUTO_VALUE took = value_get(world->records.items[world->records.count - 1].json, "duration_ms");
    int64_t ms = -1;
    value_as_integer(took, &ms);
    return ms;
}

static void test_next_attempt_is_not_waited_for(void **state) {
    assert_int_equal(world_run(*state, PARALLEL "      - id: a\n"
                                                "        shell: 'false'\n"
                                                "        retry: {attempts: 2, delay: 30s}\n" FAILS),
                     RUN_FAILED);
    assert_true(took_ms(*state) < 20000);
    assert_int_equal(world_count(*state, EVENT_STEP_STARTED, "a", "run"), 1);
}

static void test_waits_end(void **state) {
    assert_int_equal(world_run(*state, PARALLEL "      - {id: a, wait: 30s}\n" FAILS), RUN_FAILED);
    assert_true(took_ms(*state) < 20000);
    assert_string_equal(ended(*state, "a", "run"), "cancelled");
}

static void test_probe_is_cancelled(void **state) {
    struct world *world = *state;
    world->options.cancel_running = true;
    assert_int_equal(
        world_run(world,
                  PARALLEL "      - {id: a, shell: 'true', done_when: {shell: sleep 25}}\n" FAILS),
        RUN_FAILED);
    assert_true(took_ms(world) < 20000);
}

/* The first attempt may have changed something; the last did not even begin. */
static void test_earlier_effect_is_undone(void **state) {
    assert_int_equal(world_run(*state, PARALLEL "      - id: a\n"
                                                "        shell: 'false'\n"
                                                "        retry: {attempts: 2, delay: 30s}\n"
                                                "        rollback: {shell: 'true'}\n" FAILS),
                     RUN_FAILED);
    assert_string_equal(ended(*state, "a", "rollback"), "succeeded");
}

static void test_condition_of_a_tolerant_group(void **state) {
    assert_int_equal(world_run(*state, HEAD "  - id: g\n"
                                            "    when: '.env.HOME | error(\"unknown\")'\n"
                                            "    on_failure: continue\n"
                                            "    steps:\n"
                                            "      - {id: a, shell: 'true'}\n"
                                            "  - {id: b, shell: 'true'}\n"),
                     RUN_SUCCEEDED);
    assert_null(world_find(*state, EVENT_STEP_STARTED, "a", "run"));
    assert_string_equal(ended(*state, "b", "run"), "succeeded");
}

static void test_loop_is_cut_short(void **state) {
    assert_int_equal(world_run(*state, PARALLEL "      - id: f\n"
                                                "        foreach: [1, 2]\n"
                                                "        steps:\n"
                                                "          - {id: x, shell: sleep 0.4}\n"
                                                "          - {id: y, shell: 'true'}\n" FAILS),
                     RUN_FAILED);
    assert_string_equal(ended(*state, "f", "run"), "cancelled");
}

static void test_loop_with_needs(void **state) {
    assert_int_equal(world_run(*state, HEAD "  - {id: a, shell: 'true'}\n"
                                            "  - id: f\n"
                                            "    needs: [a]\n"
                                            "    foreach: [1, 2]\n"
                                            "    shell: 'true'\n"
                                            "  - id: g\n"
                                            "    needs: [f]\n"
                                            "    timeout: 10s\n"
                                            "    steps:\n"
                                            "      - {id: x, shell: 'true'}\n"),
                     RUN_SUCCEEDED);
    assert_int_equal(world_count(*state, EVENT_STEP_FINISHED, "", "run"), 6);
}

static void test_late_call_runs_its_finally(void **state) {
    struct world *world = *state;
    world_file(world, "sub.yaml",
               "runbook: 1\nname: sub\nsteps:\n"
               "  - {id: x, wait: 30s}\n"
               "finally:\n"
               "  - {id: tidy, shell: sleep 0.2}\n");
    assert_int_equal(world_run(world, HEAD "  - {id: c, call: sub.yaml, timeout: 200ms}\n"),
                     RUN_FAILED);
    assert_string_equal(ended(world, "c/tidy", "finally"), "succeeded");
    assert_string_equal(ended(world, "c", "run"), "failed");
}

static void test_large_item(void **state) {
    assert_int_equal(world_run(*state, HEAD "  - id: f\n"
                                            "    foreach: '[range(2) | \"x\" * 100000]'\n"
                                            "    shell: 'true'\n"),
                     RUN_SUCCEEDED);
}

/* ---- interrupts ---------------------------------------------------------------------------- */

/* When all three run. */
static void interrupt_thrice(struct world *world, const struct record *record) {
    (void)world;
    bool is_time = record->type == EVENT_STEP_FINISHED && text_equal(record->step, "w");
    for (int i = 0; is_time && i < 3; i++)
        kill(getpid(), SIGINT);
}

static void test_three_interrupts(void **state) {
    struct world *world = *state;
    world->on_record = interrupt_thrice;
    assert_int_equal(world_run(world, PARALLEL
                               "      - {id: a, shell: sleep 25, rollback: {shell: sleep 20}}\n"
                               "      - {id: b, shell: sleep 25}\n"
                               "      - {id: c, shell: sleep 25}\n"
                               "      - {id: w, wait: 300ms}\n"),
                     RUN_IN_DOUBT);
    assert_true(took_ms(world) < 20000);
    assert_int_equal(world->records.items[world->records.count - 1].type, EVENT_RUN_FINISHED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_probe_ends_behind_a_failure, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(test_next_attempt_is_not_waited_for, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(test_waits_end, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_probe_is_cancelled, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_earlier_effect_is_undone, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_condition_of_a_tolerant_group, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(test_loop_is_cut_short, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_loop_with_needs, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_late_call_runs_its_finally, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(test_large_item, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_three_interrupts, world_setup, world_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
