/* Random runs, cut behind any of their records as an engine's death does, and resumed: what was
 * and what follows tell one story that the language allows. No guard is left to ask, so that what
 * had begun is in doubt, and settled by its effect. */
#include "tests/support/unit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/text.h"
#include "tests/support/run_random.h"
#include "tests/support/run_story.h"

#define SEEDS (UNDER_ASAN ? 20 : 60)
#define CUTS 12 /* of each run */

static uint64_t seed_now;
static size_t cut_now;

static bool gate_random(struct world *world, const char *step) {
    (void)world;
    (void)step;
    return !random_chance(10);
}

static bool is_over(const struct world *world, size_t lines) {
    return lines == world->records.count;
}

static void cut_check(struct world *world, const char *dir, size_t lines) {
    cut_now = lines;
    world_resume(world, dir);
    const struct record *resumed = world_find(world, EVENT_RUN_RESUMED, "", "");
    assert_non_null(resumed);
    assert_int_equal(world_at(world, resumed), lines);
    story_check(world, seed_now, false);
}

/* The cuts are made first: the first resume drops the run that they are cut from. */
static void cuts_check(struct world *world) {
    size_t count = world->records.count, made = 0;
    size_t lines[CUTS];
    char *dirs[CUTS];
    for (size_t i = 0; i < CUTS; i++) {
        size_t at = count <= CUTS ? i + 1 : 1 + random_below((unsigned)count - 1);
        bool is_new = at < count && !is_over(world, at);
        for (size_t k = 0; k < made; k++)
            is_new &= lines[k] != at;
        if (!is_new)
            continue;
        lines[made] = at;
        dirs[made++] = world_cut(world, at);
    }
    for (size_t i = 0; i < made; i++) {
        cut_check(world, dirs[i], lines[i]);
        mem_free(dirs[i]);
    }
}

static void seed_run(uint64_t seed) {
    struct world world;
    random_seed(seed);
    world_init(&world);
    AUTO_TEXT yaml = random_runbook();
    world.on_gate = gate_random;
    world.options = (struct run_options){
        .jobs = 1 + random_below(6),
        .cancel_running = random_chance(25),
    };
    if (getenv("RUNBOOK_TEST_SEED"))
        print_message("%s\n", yaml);
    world_run(&world, yaml);
    cuts_check(&world);
    world_release(&world);
}

static void hung(int signum) {
    (void)signum;
    fprintf(stderr, "seed %llu hangs, cut behind record %zu\n", (unsigned long long)seed_now,
            cut_now);
    _exit(1);
}

/* RUNBOOK_TEST_SEED=N runs that one, and prints the runbook. */
static void test_random(void **state) {
    const char *only = getenv("RUNBOOK_TEST_SEED");
    (void)state;
    uint64_t first = only ? strtoull(only, NULL, 10) : 1;
    uint64_t last = only ? first : SEEDS;
    signal(SIGALRM, hung);
    for (seed_now = first; seed_now <= last; seed_now++) {
        alarm(60);
        seed_run(seed_now);
    }
    alarm(0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
