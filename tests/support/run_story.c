#include "tests/support/run_story.h"

#include "base/text.h"
#include "journal/reader.h"
#include "tests/support/processes.h"
#include "tests/support/unit.h"

static uint64_t seed_now;

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

/* A run that is resumed may begin once more what an engine's death left in doubt. */
static size_t first_attempts(const struct world *world, const char *step, const char *phase) {
    size_t count = 0;
    for (size_t i = 0; i < world->records.count; i++) {
        const struct record *record = &world->records.items[i];
        count += record->type == EVENT_STEP_STARTED && record->attempt == 1 &&
                 text_equal(record->step, step) && text_equal(record->phase, phase);
    }
    return count;
}

/* The path under which the node acts or undoes, or NULL where it does neither. */
static const char *acts_as(const struct graph_node *node) {
    return node->role == GRAPH_BEGIN || node->step->more->foreach ? NULL : node->step->id;
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
    return node->role != GRAPH_ACT || node->step->more->foreach;
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
        size_t times = first_attempts(world, id, "rollback");
        if (has_group_or_loop(node))
            continue;
        CHECK(times <= 1, "%s is undone %zu times\n", id, times);
        const struct record *end = world_find(world, EVENT_STEP_FINISHED, id, "run");
        bool owed = node->step->more->rollback && end && !end->without_effect &&
                    at(story, EVENT_STEP_STARTED, id, "run") != SIZE_MAX;
        CHECK(!free_way || !owed || times == 1, "%s is not undone\n", id);
        CHECK(owed || times == 0, "%s is undone and was not owed\n", id);
    }
}

static void finally_check(const struct story *story) {
    const struct graph *graph = plan_finally(story->world->plan);
    for (uint32_t i = 0; graph && i < graph_count(graph); i++) {
        const char *id = graph_node(graph, i)->step->id;
        size_t times = first_attempts(story->world, id, "finally");
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

/* ---- the undo ledger ----------------------------------------------------------------------- */

static int64_t number_of(value object, const char *key) {
    AUTO_VALUE item = value_get(object, key);
    int64_t number = 0;
    value_as_integer(item, &number);
    return number;
}

static size_t handler_begins(const struct world *world, value handler) {
    AUTO_VALUE step = value_get(handler, "step");
    return world_at(world, world_find(world, EVENT_STEP_STARTED, value_text(step), "rollback"));
}

static size_t handler_ends(const struct world *world, value handler) {
    AUTO_VALUE step = value_get(handler, "step");
    return world_at(world, world_find(world, EVENT_STEP_FINISHED, value_text(step), "rollback"));
}

/* The number that the step has in the ledger, 0 for none. */
static int64_t ledger_rank(value handlers, const char *step) {
    int64_t rank = 0;
    for (size_t i = 0; i < value_count(handlers) && !rank; i++) {
        AUTO_VALUE handler = value_at(handlers, i);
        AUTO_VALUE name = value_get(handler, "step");
        if (text_equal(value_text(name), step))
            rank = number_of(handler, "rank");
    }
    return rank;
}

/* All that is undone was told of. */
static void ledger_holds_all(const struct world *world, value handlers, size_t from) {
    for (size_t i = from; i < world->records.count; i++) {
        const struct record *record = &world->records.items[i];
        if (record->type == EVENT_STEP_STARTED && text_equal(record->phase, "rollback"))
            CHECK(ledger_rank(handlers, record->step), "%s is undone, which the ledger lacks\n",
                  record->step);
    }
}

/* It begins behind the end of one that has the number before its own. */
static bool has_forerunner(const struct world *world, value handlers, int64_t rank, size_t begins) {
    bool found = rank == 1;
    for (size_t i = 0; i < value_count(handlers) && !found; i++) {
        AUTO_VALUE other = value_at(handlers, i);
        found = number_of(other, "rank") == rank - 1 && handler_ends(world, other) < begins;
    }
    return found;
}

/* What needed a step is undone before it, also where both would have been in time by chance. */
static void ledger_ranks_check(const struct world *world, value handlers) {
    struct story story = {.world = world, .graph = plan_graph(world->plan)};
    story.count = graph_count(story.graph);
    closure_make(&story);
    for (uint32_t a = 0; a < story.count; a++)
        for (uint32_t b = 0; b < story.count; b++) {
            const char *first = acts_as(graph_node(story.graph, a));
            const char *second = acts_as(graph_node(story.graph, b));
            if (!first || !second || !story.before[a * story.count + b])
                continue;
            int64_t of_first = ledger_rank(handlers, first);
            int64_t of_second = ledger_rank(handlers, second);
            CHECK(!of_first || of_first > of_second, "%s has a number before that of %s\n", first,
                  second);
        }
    mem_free(story.before);
}

void story_check_ledger(const struct world *world, uint64_t seed, value ledger, size_t from) {
    AUTO_VALUE handlers = value_get(ledger, "handlers");
    bool is_clean = world_count(world, EVENT_SIGNAL_RECEIVED, "", "") < 3;
    bool is_sure = true;
    int64_t rank = 1;
    size_t latest = 0, before = 0; /* of those with this number, and of the ones before them */
    seed_now = seed;
    ledger_holds_all(world, handlers, from);
    ledger_ranks_check(world, handlers);
    for (size_t i = from; i < world->records.count; i++)
        is_clean &= !text_equal(world->records.items[i].phase, "rollback") ||
                    !text_equal(world->records.items[i].status, "failed");
    for (size_t i = 0; i < value_count(handlers) && is_clean; i++) {
        AUTO_VALUE handler = value_at(handlers, i);
        AUTO_VALUE running = value_get(handler, "running");
        AUTO_VALUE step = value_get(handler, "step");
        size_t begins = handler_begins(world, handler);
        int64_t own = number_of(handler, "rank");
        is_sure &= !value_truth(running);
        CHECK(own == rank || own == rank + 1, "the ledger goes from %lld to %lld\n",
              (long long)rank, (long long)own);
        before = own == rank ? before : latest;
        rank = own;
        CHECK(begins != SIZE_MAX || value_truth(running), "%s is in the ledger and not undone\n",
              value_text(step));
        if (begins == SIZE_MAX || !is_sure)
            continue;
        CHECK(has_forerunner(world, handlers, own, begins), "%s begins before its turn\n",
              value_text(step));
        CHECK(world->options.jobs != 1 || begins >= before, "%s is undone out of its order\n",
              value_text(step));
        latest = begins > latest ? begins : latest;
    }
}

/* Once nothing runs any more, what the rollback says of itself is what it does. */
static void ledger_check(const struct story *story) {
    const struct world *world = story->world;
    const struct record *begun = world_find(world, EVENT_ROLLBACK_BEGUN, "", "");
    if (!begun)
        return;
    AUTO_VALUE notes = value_get(begun->json, "notes");
    AUTO_VALUE note = value_at(notes, 0);
    AUTO_VALUE ledger = value_at(note, 1);
    AUTO_VALUE handlers = value_get(ledger, "handlers");
    if (number_of(ledger, "handlers_more"))
        return;
    CHECK(value_is(handlers, VALUE_ARRAY), "the rollback does not say what it undoes\n");
    for (size_t i = 0; i < value_count(handlers); i++) {
        AUTO_VALUE handler = value_at(handlers, i);
        AUTO_VALUE running = value_get(handler, "running");
        CHECK(!value_truth(running), "something still runs in a rollback\n");
    }
    story_check_ledger(world, seed_now, ledger, world_at(world, begun));
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

void story_check(const struct world *world, uint64_t seed, bool left) {
    seed_now = seed;
    struct story story = {.world = world, .graph = plan_graph(world->plan), .left = left};
    story.count = graph_count(story.graph);
    closure_make(&story);
    order_check(&story);
    handlers_check(&story);
    finally_check(&story);
    stages_check(&story);
    attempts_check(&story);
    exit_check(&story);
    ledger_check(&story);
    chain_check(world);
    mem_free(story.before);
    CHECK(left || processes_left(world->loop) == 0, "a process was left behind\n");
}
