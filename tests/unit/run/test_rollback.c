/* Random runbooks with random failures, gates, answers and interrupts. Whatever happens, the
 * transcript must tell a story that the language allows. */
#include "tests/support/unit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/text.h"
#include "journal/reader.h"
#include "tests/support/processes.h"
#include "tests/support/run_world.h"

#define SEEDS (UNDER_ASAN ? 60 : 200)

static uint64_t random_state, seed_now;

static unsigned random_below(unsigned most) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (unsigned)(random_state % most);
}

static bool chance(unsigned percent) {
    return random_below(100) < percent;
}

/* ---- runbooks ------------------------------------------------------------------------------ */

struct maker {
    struct buf text;
    int next; /* number of the next step */
};

static void step_write(struct maker *maker, int indent, int first, int depth, bool plain);

static const char *command_random(unsigned percent_failing) {
    return chance(percent_failing) ? "[/bin/false]" : "[/bin/true]";
}

static void needs_write(struct maker *maker, int indent, int first, int id) {
    if (id == first || !chance(40))
        return;
    buf_printf(&maker->text, "%*sneeds: [", indent, "");
    bool some = false;
    for (int i = first; i < id; i++)
        /* Only those that surely stand in this list: the first of it and what has no members. */
        if (i == first && chance(60)) {
            buf_printf(&maker->text, "%ss%d", some ? ", " : "", i);
            some = true;
        }
    buf_puts(&maker->text, "]\n");
}

static void action_write(struct maker *maker, int indent, int depth) {
    unsigned kind = random_below(20);
    if (kind < 3 && depth < 3) {
        int first = maker->next;
        buf_printf(&maker->text, "%*s%s:\n", indent, "", chance(50) ? "steps" : "parallel");
        for (unsigned i = 0, count = 1 + random_below(4); i < count; i++)
            step_write(maker, indent + 2, first, depth + 1, false);
    } else if (kind < 5) {
        buf_printf(&maker->text, "%*sapproval: go on?\n", indent, "");
    } else if (kind < 7) {
        buf_printf(&maker->text, "%*swait: %ums\n", indent, "", random_below(8));
    } else {
        buf_printf(&maker->text, "%*sexec: %s\n", indent, "", command_random(7));
        if (chance(15))
            buf_printf(&maker->text, "%*sretry: {attempts: 2, delay: %ums}\n", indent, "",
                       random_below(20));
        if (chance(12))
            buf_printf(&maker->text, "%*slock: %c\n", indent, "", 'A' + (char)random_below(2));
        if (chance(8))
            buf_printf(&maker->text, "%*sdone_when: {shell: \"%s\"}\n", indent, "",
                       chance(70) ? "false" : "true");
        if (chance(8))
            buf_printf(&maker->text, "%*sforeach: [1, 2, 3]\n%*sconcurrency: %u\n", indent, "",
                       indent, "", 1 + random_below(3));
    }
}

static void step_write(struct maker *maker, int indent, int first, int depth, bool plain) {
    static const char *const rules[] = {"continue", "stop", "rollback"};
    int id = maker->next++;
    buf_printf(&maker->text, "%*s- id: s%d\n", indent, "", id);
    if (plain) {
        buf_printf(&maker->text, "%*s  exec: %s\n", indent, "", command_random(10));
        return;
    }
    needs_write(maker, indent + 2, first, id);
    if (chance(6))
        buf_printf(&maker->text, "%*s  on_failure: %s\n", indent, "", rules[random_below(3)]);
    if (chance(55))
        buf_printf(&maker->text, "%*s  rollback: {exec: %s}\n", indent, "", command_random(6));
    if (chance(2))
        buf_printf(&maker->text, "%*s  point_of_no_return: true\n", indent, "");
    if (chance(5))
        buf_printf(&maker->text, "%*s  when: '.env.HOME == \"/none\"'\n", indent, "");
    action_write(maker, indent + 2, depth);
}

static char *runbook_random(void) {
    struct maker maker = {.text = BUF_INIT(1 << 20)};
    buf_puts(&maker.text, "runbook: 1\nname: random\nsteps:\n");
    int count = 5 + (int)random_below(36);
    while (maker.next < count)
        step_write(&maker, 2, 0, 0, false);
    if (chance(70)) {
        buf_puts(&maker.text, "finally:\n");
        for (unsigned i = 0, steps = 1 + random_below(3); i < steps; i++)
            step_write(&maker, 2, 0, 0, true);
    }
    return buf_detach(&maker.text);
}

/* ---- the script ---------------------------------------------------------------------------- */

struct script {
    size_t interrupt_at[3]; /* record numbers; SIZE_MAX: not */
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
    return !chance(10);
}

static enum run_choice choice_random(struct world *world, const char *step) {
    static const enum run_choice choices[] = {RUN_RETRY, RUN_SKIP, RUN_ROLLBACK, RUN_ROLLBACK,
                                              RUN_STOP};
    (void)world;
    if (!step && chance(30))
        return RUN_CONTINUE;
    return choices[random_below(COUNT(choices))];
}

/* ---- what must hold ------------------------------------------------------------------------ */

struct story {
    const struct world *world;
    const struct graph *graph;
    size_t count;
    bool *before; /* [a * count + b]: a must be settled before b begins */
    bool left;    /* the third interrupt: nothing is waited for */
};

#define CHECK(condition, ...)                                                                      \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            print_error("seed %llu: ", (unsigned long long)seed_now);                              \
            print_error(__VA_ARGS__);                                                              \
            fail_msg("%s", #condition);                                                            \
        }                                                                                          \
    } while (0)

static void closure_make(struct story *story) {
    const uint32_t *order = graph_order(story->graph);
    story->before = mem_calloc(story->count * story->count + 1, sizeof *story->before);
    for (size_t i = 0; i < story->count; i++) {
        uint32_t node = order[i];
        size_t count;
        const uint32_t *needs = graph_needs(story->graph, node, &count);
        for (size_t k = 0; k < count; k++) {
            story->before[needs[k] * story->count + node] = true;
            for (size_t a = 0; a < story->count; a++)
                story->before[a * story->count + node] |=
                    story->before[a * story->count + needs[k]];
        }
    }
}

/* The path under which the node acts or undoes, or NULL where it does neither. */
static const char *acts_as(const struct graph_node *node) {
    return node->role == GRAPH_BEGIN || node->step->foreach ? NULL : node->step->id;
}

static size_t at(const struct story *story, enum event_type type, const char *step,
                 const char *phase) {
    return world_at(story->world, world_find(story->world, type, step, phase));
}

static void pair_check(const struct story *story, const char *a, const char *b) {
    size_t undo_a = at(story, EVENT_STEP_STARTED, a, "rollback");
    size_t undo_b = at(story, EVENT_STEP_FINISHED, b, "rollback");
    const struct record *failed = world_find(story->world, EVENT_STEP_FINISHED, b, "rollback");
    size_t begin_b = at(story, EVENT_STEP_STARTED, b, "run");
    size_t begin_a = at(story, EVENT_STEP_STARTED, a, "run");
    size_t end_a = at(story, EVENT_STEP_FINISHED, a, "run");
    if (begin_b != SIZE_MAX && begin_a != SIZE_MAX)
        CHECK(end_a < begin_b, "%s began before %s had ended\n", b, a);
    if (undo_a == SIZE_MAX)
        return;
    if (at(story, EVENT_STEP_STARTED, b, "rollback") != SIZE_MAX)
        CHECK(undo_b < undo_a, "%s is undone before %s, which needed it\n", a, b);
    CHECK(!failed || text_equal(failed->status, "succeeded"),
          "%s was undone behind %s, whose handler failed\n", a, b);
}

static void order_check(const struct story *story) {
    for (uint32_t a = 0; a < story->count; a++)
        for (uint32_t b = 0; b < story->count; b++) {
            const char *first = acts_as(graph_node(story->graph, a));
            const char *second = acts_as(graph_node(story->graph, b));
            if (first && second && story->before[a * story->count + b])
                pair_check(story, first, second);
        }
}

static bool has_group_or_loop(const struct graph_node *node) {
    return node->role != GRAPH_ACT || node->step->foreach;
}

/* Each handler at most once, and where nothing stood in the way exactly once. */
static void handlers_check(const struct story *story) {
    const struct world *world = story->world;
    size_t begun = at(story, EVENT_ROLLBACK_BEGUN, "", "");
    bool free_way = begun != SIZE_MAX && !story->left;
    for (size_t i = 0; i < world->records.count; i++) {
        const struct record *record = &world->records.items[i];
        bool bad = record->type == EVENT_STEP_FINISHED && text_equal(record->phase, "rollback") &&
                   !text_equal(record->status, "succeeded");
        free_way &= !bad;
    }
    for (uint32_t i = 0; i < story->count; i++)
        free_way &= !graph_node(story->graph, i)->step->point_of_no_return;
    for (uint32_t i = 0; i < story->count; i++) {
        const struct graph_node *node = graph_node(story->graph, i);
        const char *id = node->step->id;
        size_t times = world_count(world, EVENT_STEP_STARTED, id, "rollback");
        if (has_group_or_loop(node))
            continue;
        CHECK(times <= 1, "%s is undone %zu times\n", id, times);
        const struct record *end = world_find(world, EVENT_STEP_FINISHED, id, "run");
        bool owed = node->step->rollback && end && !end->without_effect &&
                    at(story, EVENT_STEP_STARTED, id, "run") != SIZE_MAX;
        CHECK(!free_way || !owed || times == 1, "%s is not undone\n", id);
        CHECK(owed || times == 0, "%s is undone and was not owed\n", id);
    }
}

static void finally_check(const struct story *story) {
    const struct graph *graph = plan_finally(story->world->plan);
    for (uint32_t i = 0; graph && i < graph_count(graph); i++) {
        const char *id = graph_node(graph, i)->step->id;
        size_t times = world_count(story->world, EVENT_STEP_STARTED, id, "finally");
        CHECK(story->left ? times <= 1 : times == 1, "finally runs %s %zu times\n", id, times);
    }
}

/* Once a rollback began nothing is done; behind the end nothing is told. */
static void stages_check(const struct story *story) {
    const struct world *world = story->world;
    size_t undo = at(story, EVENT_ROLLBACK_BEGUN, "", "");
    size_t end = at(story, EVENT_RUN_FINISHED, "", "");
    CHECK(end == world->records.count - 1, "the run's end is not its last record\n");
    for (size_t i = undo; i < world->records.count; i++)
        CHECK(world->records.items[i].type != EVENT_STEP_STARTED ||
                  !text_equal(world->records.items[i].phase, "run"),
              "%s began behind the rollback\n", world->records.items[i].step);
}

static void attempts_check(const struct story *story) {
    const struct world *world = story->world;
    for (size_t i = 0; i < world->records.count && !story->left; i++) {
        const struct record *record = &world->records.items[i];
        if (record->type != EVENT_STEP_STARTED || record->attempt != 1)
            continue;
        size_t ends = world_count(world, EVENT_STEP_FINISHED, record->step, record->phase);
        CHECK(ends == 1, "%s (%s) began and ended %zu times\n", record->step, record->phase, ends);
    }
}

static bool any(const struct story *story, const char *phase, const char *status) {
    for (size_t i = 0; i < story->world->records.count; i++) {
        const struct record *record = &story->world->records.items[i];
        if (record->type == EVENT_STEP_FINISHED && text_equal(record->phase, phase) &&
            text_equal(record->status, status))
            return true;
    }
    return false;
}

static void exit_check(const struct story *story) {
    const struct world *world = story->world;
    const struct record *end = world_find(world, EVENT_RUN_FINISHED, "", "");
    bool undone = world_find(world, EVENT_ROLLBACK_BEGUN, "", "") != NULL;
    CHECK(end->exit == (int64_t)world->exit, "the record says %lld, the run %d\n",
          (long long)end->exit, world->exit);
    if (story->left)
        return;
    CHECK((world->exit == RUN_HANDS_NEEDED) == any(story, "rollback", "failed"), "exit %d\n",
          world->exit);
    CHECK(world->exit != RUN_SUCCEEDED || !undone, "a success was rolled back\n");
    CHECK(world->exit != RUN_SUCCEEDED || !any(story, "finally", "failed"),
          "finally failed in a success\n");
}

static void chain_check(const struct world *world) {
    AUTO_TEXT path = world_transcript(world);
    AUTO_ERR err = ERR_INIT;
    struct reader *reader;
    struct event event;
    int status;
    assert_int_equal(reader_open(path, &reader, &err), 0);
    while ((status = reader_next(reader, &event, &err)) > 0)
        ;
    CHECK(status == 0, "%s\n", err.message);
    CHECK(reader_count(reader) == world->records.count, "records are missing\n");
    reader_free(reader);
}

static void story_check(const struct world *world, bool left) {
    struct story story = {.world = world, .graph = plan_graph(world->plan), .left = left};
    story.count = graph_count(story.graph);
    closure_make(&story);
    order_check(&story);
    handlers_check(&story);
    finally_check(&story);
    stages_check(&story);
    attempts_check(&story);
    exit_check(&story);
    chain_check(world);
    mem_free(story.before);
    CHECK(left || processes_left(world->loop) == 0, "a process was left behind\n");
}

/* ---- the test ------------------------------------------------------------------------------ */

static bool was_left(const struct world *world) {
    return world_count(world, EVENT_SIGNAL_RECEIVED, "", "") >= 3;
}

static void seed_run(uint64_t seed) {
    struct world world;
    struct script script;
    random_state = seed * 0x9E3779B97F4A7C15U + 1;
    for (int i = 0; i < 8; i++)
        random_below(2);
    world_init(&world);
    AUTO_TEXT yaml = runbook_random();
    for (size_t i = 0; i < 3; i++)
        script.interrupt_at[i] = chance(12) ? 2 + random_below(40) : SIZE_MAX;
    world.user = &script;
    world.on_record = record_seen;
    world.on_gate = gate_random;
    world.on_choice = chance(35) ? choice_random : NULL;
    world.options = (struct run_options){
        .jobs = 1 + random_below(6),
        .sync = chance(20),
        .cancel_running = chance(25),
    };
    if (getenv("RUNBOOK_TEST_SEED"))
        print_message("%s\n", yaml);
    world_run(&world, yaml);
    if (getenv("RUNBOOK_TEST_SEED"))
        for (size_t i = 0; i < world.records.count; i++)
            print_message("%3zu %s %s %s %s %s\n", i, event_type_name(world.records.items[i].type),
                          world.records.items[i].phase, world.records.items[i].step,
                          world.records.items[i].status, world.records.items[i].error);
    story_check(&world, was_left(&world));
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
