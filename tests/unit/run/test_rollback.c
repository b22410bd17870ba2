/* Random runbooks with random failures, gates, answers and interrupts. Whatever happens, the
 * transcript must tell a story that the language allows. */
#include "tests/support/unit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/text.h"
#include "tests/support/run_random.h"
#include "tests/support/run_story.h"

#define SEEDS (UNDER_ASAN ? 60 : 200)

static uint64_t seed_now;

/* ---- the script ---------------------------------------------------------------------------- */

struct script {
    size_t interrupt_at[3]; /* record numbers; SIZE_MAX: not */
    value ledger;           /* what the person saw who chose the rollback */
};

static void record_seen(struct world *world, const struct record *record) {
    const struct script *script = world->user;
    (void)record;
    for (size_t i = 0; i < 3; i++)
        if (world->records.count == script->interrupt_at[i])
            kill(getpid(), SIGINT);
}

static bool gate_random(struct world *world, const char *step) {
    (void)world;
    (void)step;
    return !random_chance(10);
}

static enum run_choice choice_random(struct world *world, const char *step) {
    static const enum run_choice choices[] = {RUN_RETRY, RUN_SKIP, RUN_ROLLBACK, RUN_ROLLBACK,
                                              RUN_STOP};
    struct script *script = world->user;
    if (!step && random_chance(30))
        return RUN_CONTINUE;
    enum run_choice choice = choices[random_below(COUNT(choices))];
    value_free(script->ledger);
    script->ledger = choice == RUN_ROLLBACK ? run_undo(world->run) : value_none();
    return choice;
}

/* ---- the test ------------------------------------------------------------------------------ */

static bool was_left(const struct world *world) {
    return world_count(world, EVENT_SIGNAL_RECEIVED, "", "") >= 3;
}

static void seed_run(uint64_t seed) {
    struct world world;
    struct script script = {.ledger = value_none()};
    random_seed(seed);
    world_init(&world);
    AUTO_TEXT yaml = random_runbook();
    for (size_t i = 0; i < 3; i++)
        script.interrupt_at[i] = random_chance(12) ? 2 + random_below(40) : SIZE_MAX;
    world.user = &script;
    world.on_record = record_seen;
    world.on_gate = gate_random;
    world.on_choice = random_chance(35) ? choice_random : NULL;
    world.options = (struct run_options){
        .jobs = 1 + random_below(6),
        .sync = random_chance(20),
        .cancel_running = random_chance(25),
    };
    if (getenv("RUNBOOK_TEST_SEED"))
        print_message("%s\n", yaml);
    world_run(&world, yaml);
    if (getenv("RUNBOOK_TEST_SEED"))
        for (size_t i = 0; i < world.records.count; i++)
            print_message("%3zu %s %s %s %s %s\n", i, event_type_name(world.records.items[i].type),
                          world.records.items[i].phase, world.records.items[i].step,
                          world.records.items[i].status, world.records.items[i].error);
    story_check(&world, seed, was_left(&world));
    if (value_is(script.ledger, VALUE_OBJECT) && world_find(&world, EVENT_ROLLBACK_BEGUN, "", ""))
        story_check_ledger(&world, seed, script.ledger, 0);
    value_free(script.ledger);
    world_release(&world);
}

static void hung(int signum) {
    (void)signum;
    fprintf(stderr, "seed %llu hangs\n", (unsigned long long)seed_now);
    _exit(1);
}

/* RUNBOOK_TEST_SEED=N runs that one, and prints the runbook and its records. */
static void test_random(void **state) {
    const char *only = getenv("RUNBOOK_TEST_SEED");
    (void)state;
    uint64_t first = only ? strtoull(only, NULL, 10) : 1;
    uint64_t last = only ? first : SEEDS;
    signal(SIGALRM, hung);
    for (uint64_t seed = first; seed <= last; seed++) {
        seed_now = seed;
        alarm(30); /* a run that hangs is a failure, too */
        seed_run(seed);
    }
    alarm(0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
