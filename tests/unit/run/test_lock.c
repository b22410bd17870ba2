/* Locks within a run: who holds one, who waits, and nobody for himself. */
#include "tests/support/unit.h"

#include "base/file.h"
#include "base/text.h"
#include "tests/support/run_world.h"

#define HEAD "runbook: 1\nname: lock\nsteps:\n"

static void apart(const struct world *world, const char *one, const char *other) {
    size_t begin_one = world_at(world, world_find(world, EVENT_STEP_STARTED, one, "run"));
    size_t end_one = world_at(world, world_find(world, EVENT_STEP_FINISHED, one, "run"));
    size_t begin_other = world_at(world, world_find(world, EVENT_STEP_STARTED, other, "run"));
    size_t end_other = world_at(world, world_find(world, EVENT_STEP_FINISHED, other, "run"));
    assert_true(end_one < begin_other || end_other < begin_one);
}

static void test_excludes(void **state) {
    assert_int_equal(world_run(*state, HEAD "  - id: p\n"
                                            "    parallel:\n"
                                            "      - {id: a, lock: L, shell: sleep 0.1}\n"
                                            "      - {id: b, lock: L, shell: sleep 0.1}\n"),
                     RUN_SUCCEEDED);
    apart(*state, "a", "b");
}

/* The holder contains them: they do not wait for it, and still for each other. */
static void test_within_its_holder(void **state) {
    assert_int_equal(world_run(*state, "runbook: 1\nname: lock\nlock: L\nsteps:\n"
                                       "  - id: g\n"
                                       "    lock: L\n"
                                       "    parallel:\n"
                                       "      - {id: a, lock: L, shell: sleep 0.1}\n"
                                       "      - {id: b, lock: L, shell: sleep 0.1}\n"),
                     RUN_SUCCEEDED);
    apart(*state, "a", "b");
}

/* Who waits for a lock does not keep the slot that its holder's members need. */
static void test_waits_without_slot(void **state) {
    struct world *world = *state;
    world->options.jobs = 1;
    assert_int_equal(world_run(world, HEAD "  - id: p\n"
                                           "    parallel:\n"
                                           "      - id: g\n"
                                           "        lock: L\n"
                                           "        steps:\n"
                                           "          - {id: a, shell: sleep 0.1}\n"
                                           "          - {id: b, shell: 'true'}\n"
                                           "      - {id: c, lock: L, shell: 'true'}\n"
                                           "      - {id: d, lock: L, shell: 'true'}\n"),
                     RUN_SUCCEEDED);
    apart(world, "g", "c");
    apart(world, "c", "d");
}

/* Another engine's, which then lets go of it. */
static void test_held_by_another(void **state) {
    struct world *world = *state;
    AUTO_ERR err = ERR_INIT;
    AUTO_TEXT folder = mem_printf("%s/locks", world->home);
    AUTO_TEXT path = mem_printf("%s/L", folder);
    int fd = -1;
    assert_int_equal(file_make_dir(folder, 0700, &err), 0);
    assert_int_equal(file_lock(path, "somebody else", &fd, &err), 0);
    /* It waits, and what fails beside it ends the wait. */
    assert_int_equal(world_run(world, HEAD "  - id: p\n"
                                           "    parallel:\n"
                                           "      - {id: a, lock: L, shell: 'true'}\n"
                                           "      - {id: b, shell: 'sleep 0.2; false'}\n"),
                     RUN_FAILED);
    assert_non_null(world_find(world, EVENT_STEP_WAITING, "a", "run"));
    assert_null(world_find(world, EVENT_STEP_STARTED, "a", "run"));
    assert_string_equal(world_find(world, EVENT_STEP_FINISHED, "a", "run")->status, "cancelled");
    file_unlock(&fd);
    assert_int_equal(world_run(world, HEAD "  - {id: a, lock: L, shell: 'true'}\n"), RUN_SUCCEEDED);
}

static void test_called_runbooks_lock(void **state) {
    struct world *world = *state;
    world_file(world, "sub.yaml",
               "runbook: 1\nname: sub\nlock: L\nsteps:\n  - {id: x, shell: sleep 0.1}\n");
    assert_int_equal(world_run(world, HEAD "  - id: p\n"
                                           "    parallel:\n"
                                           "      - {id: c, call: sub.yaml}\n"
                                           "      - {id: a, lock: L, shell: sleep 0.1}\n"),
                     RUN_SUCCEEDED);
    apart(world, "c", "a");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_excludes, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_within_its_holder, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_waits_without_slot, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_held_by_another, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_called_runbooks_lock, world_setup, world_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
