#include "run/ledger.h"

#include <stdlib.h>

#include "base/text.h"
#include "plan/estimate.h"
#include "plan/lines.h"
#include "run/body.h"
#include "run/task.h"

#define NAMES_MOST 100      /* told of those that have no way back */
#define NOTE_MAX 12000      /* bytes of JSON, of the 64 KiB that a record may have */
#define UNBOUNDED INT64_MAX /* no timeout ends it */
#define UNKNOWN INT64_C(-1)

/* How far a rollback has come: how many handlers one behind the other, and after how long. */
struct moment {
    int64_t rank, expected_ms, limit_ms;
};

struct entry {
    const struct node *node;
    size_t place; /* in which it was found, so that sorting keeps it */
    int64_t rank;
    int64_t expected_ms; /* or UNKNOWN */
    int64_t limit_ms;
};

struct names {
    value list;
    int64_t more;
};

struct ledger {
    struct run *run;
    bool is_timed;
    VEC(struct entry) entries;
    struct names no_rollback, kept; /* steps that were done and have no way back, and why */
    struct names passed, ahead;     /* points of no return */
};

static void names_add(struct names *names, char *name_taken) {
    if (value_count(names->list) < NAMES_MOST)
        names->list = value_append(names->list, value_string(name_taken));
    else
        names->more++;
    mem_free(name_taken);
}

/* ---- time ---------------------------------------------------------------------------------- */

static int64_t sum_ms(int64_t a, int64_t b) {
    return a == UNBOUNDED || b == UNBOUNDED ? UNBOUNDED : a + b;
}

static int64_t larger(int64_t a, int64_t b) {
    return a > b ? a : b;
}

static struct moment later(struct moment a, struct moment b) {
    return (struct moment){larger(a.rank, b.rank), larger(a.expected_ms, b.expected_ms),
                           larger(a.limit_ms, b.limit_ms)};
}

/* All attempts with the pauses between them, where the author bounded them. */
static int64_t handler_limit(const struct node *node) {
    const struct step *handler = node_step(node)->more->rollback;
    const struct runbook *file = node->frame->file;
    const struct retry *retry = task_retry_of(handler, file);
    int64_t deadline = task_deadline_of(handler, file);
    int64_t attempt = handler->type->expand ? 0 : task_timeout_of(handler, file);
    int64_t limit = attempt ? attempt : UNBOUNDED;
    if (limit != UNBOUNDED && retry) {
        double pause = (double)retry->delay_ms;
        for (int64_t i = 1; i < retry->attempts && limit < UNBOUNDED / 4; i++) {
            double told = retry->max_delay_ms && pause > (double)retry->max_delay_ms
                              ? (double)retry->max_delay_ms
                              : pause;
            told *= 1 + retry->jitter;
            limit += attempt + (told > 9e12 ? INT64_C(9000000000000) : (int64_t)told);
            pause *= retry->backoff;
        }
    }
    return deadline && deadline < limit ? deadline : limit;
}

static int64_t handler_expected(const struct ledger *ledger, const struct node *node) {
    struct estimate_span span;
    AUTO_TEXT path = node_path(node);
    const struct estimate *estimate = ledger->run->estimate;
    return estimate && estimate_step(estimate, "rollback", path, &span) ? span.p50_ms : UNKNOWN;
}

/* ---- what has no way back ------------------------------------------------------------------- */

/* Its own handler, or one of what it stands in. */
static bool is_covered(const struct node *node) {
    for (; node; node = node->frame->owner) {
        if (node_step(node)->more->rollback)
            return true;
        for (uint32_t group = node_graph(node)->group; group != GRAPH_NONE;
             group = graph_node(node->frame->graph, group)->group)
            if (graph_node(node->frame->graph, group)->step->more->rollback)
                return true;
    }
    return false;
}

static bool is_kept(const struct node *node) {
    for (; node; node = node->frame->owner)
        if (node->kept)
            return true;
    return false;
}

/* What only consists of others is told by them. */
static void lost_take(struct ledger *ledger, const struct node *node) {
    const struct step *step = node_step(node);
    if (node_graph(node)->role != GRAPH_ACT || body_is_needed(node) || step->background ||
        !rollback_has_done(node) || step_effect(step) == EFFECT_READ)
        return;
    if (is_kept(node))
        names_add(&ledger->kept, node_path(node));
    else if (!is_covered(node))
        names_add(&ledger->no_rollback, node_path(node));
}

/* The path of the first point of no return within a step that has not begun, or NULL. Members
 * nest as deep as the language lets them. */
static char *final_within(const struct step *step, const char *path) {
    struct step_expansion inner;
    if (!step_expand(step, &inner))
        return NULL;
    const struct step_list *members = inner.runbook ? inner.runbook->steps : inner.steps;
    for (size_t i = 0; members && i < members->count; i++) {
        AUTO_TEXT own = mem_printf("%s%s%s", inner.runbook ? path : "", inner.runbook ? "/" : "",
                                   members->items[i]->id);
        if (members->items[i]->point_of_no_return)
            return mem_strdup(own);
        char *found = final_within(members->items[i], own);
        if (found)
            return found;
    }
    return NULL;
}

static void final_take(struct ledger *ledger, const struct node *node) {
    const struct graph_node *graph = node_graph(node);
    bool is_item = node->frame->owner && graph->group == GRAPH_NONE &&
                   (node->frame->is_single || node->frame->is_group);
    bool is_open = !state_is_settled((enum step_state)node->state);
    if (graph->role == GRAPH_BEGIN || is_item)
        return;
    if (node_step(node)->point_of_no_return && node->state == STATE_SUCCEEDED)
        names_add(&ledger->passed, node_path(node));
    else if (node_step(node)->point_of_no_return && is_open)
        names_add(&ledger->ahead, node_path(node));
    else if (is_open && graph->role == GRAPH_ACT && !node->children) {
        AUTO_TEXT path = node_path(node);
        char *found = final_within(node_step(node), path);
        if (found)
            names_add(&ledger->ahead, found);
    }
}

/* ---- the walk ------------------------------------------------------------------------------- */

static struct moment frame_walk(struct ledger *ledger, const struct frame *frame,
                                struct moment from);

static struct moment entry_take(struct ledger *ledger, const struct node *node,
                                struct moment from) {
    struct entry *entry = vec_add(&ledger->entries);
    *entry = (struct entry){.node = node,
                            .place = ledger->entries.count,
                            .rank = from.rank + 1,
                            .expected_ms = UNKNOWN,
                            .limit_ms = UNBOUNDED};
    if (ledger->is_timed) {
        entry->expected_ms = handler_expected(ledger, node);
        entry->limit_ms = handler_limit(node);
    }
    return (struct moment){entry->rank,
                           from.expected_ms + (entry->expected_ms > 0 ? entry->expected_ms : 0),
                           sum_ms(from.limit_ms, entry->limit_ms)};
}

/* The node's own handler, then its bodies one after the other, the newest first. */
static struct moment node_walk(struct ledger *ledger, const struct node *node, struct moment from) {
    struct moment end = from;
    if (rollback_is_owed(node) && !is_kept(node))
        end = entry_take(ledger, node, from);
    if (ledger->is_timed) {
        lost_take(ledger, node);
        final_take(ledger, node);
    }
    for (const struct frame *child = node->newest; child; child = child->previous)
        if (child->phase == PHASE_RUN)
            end = frame_walk(ledger, child, end);
    return end;
}

/* Frames nest as deeply as runbooks and groups do, which `check` caps. */
static struct moment frame_walk(struct ledger *ledger, const struct frame *frame,
                                struct moment from) {
    const struct graph *graph = frame->graph;
    const uint32_t *order = graph_order(graph);
    struct moment *ends = mem_calloc(graph_count(graph) + 1, sizeof *ends);
    struct moment last = from;
    for (size_t i = graph_count(graph); i-- > 0;) {
        struct moment start = from;
        size_t count;
        const uint32_t *dependents = graph_dependents(graph, order[i], &count);
        for (size_t k = 0; k < count; k++)
            start = later(start, ends[dependents[k]]);
        ends[order[i]] = node_walk(ledger, &frame->nodes[order[i]], start);
        last = later(last, ends[order[i]]);
    }
    mem_free(ends);
    return last;
}

static int entry_compare(const void *left, const void *right) {
    const struct entry *a = left, *b = right;
    if (a->rank != b->rank)
        return a->rank < b->rank ? -1 : 1;
    return (a->place > b->place) - (a->place < b->place);
}

/* Where there are more handlers than may run at once: not before each of `jobs` has had its share,
 * and no later than a schedule that leaves none of them idle while a handler waits (R. L. Graham,
 * "Bounds on Multiprocessing Timing Anomalies", 1969). */
static struct moment jobs_end(const struct ledger *ledger, struct moment end) {
    int64_t jobs = ledger->run->options.jobs, expected_ms = 0, limit_ms = 0;
    if ((int64_t)ledger->entries.count <= jobs)
        return end;
    for (size_t i = 0; i < ledger->entries.count; i++) {
        const struct entry *entry = &ledger->entries.items[i];
        expected_ms += entry->expected_ms > 0 ? entry->expected_ms : 0;
        limit_ms = sum_ms(limit_ms, entry->limit_ms);
    }
    end.expected_ms = larger(end.expected_ms, (expected_ms + jobs - 1) / jobs);
    if (end.limit_ms != UNBOUNDED && limit_ms != UNBOUNDED)
        end.limit_ms += (limit_ms - end.limit_ms + jobs - 1) / jobs;
    return end;
}

static struct moment ledger_walk(struct ledger *ledger, const struct frame *frame) {
    struct moment end = jobs_end(ledger, frame_walk(ledger, frame, (struct moment){0}));
    if (ledger->entries.count > 1)
        qsort(ledger->entries.items, ledger->entries.count, sizeof *ledger->entries.items,
              entry_compare);
    return end;
}

/* ---- what is told --------------------------------------------------------------------------- */

value ledger_hand(const struct node *node, const char *error) {
    AUTO_TEXT path = node_path(node);
    const struct step *step = node_step(node);
    const struct step *handler = step->more->rollback;
    value item = value_set(value_object(), "step", value_string(path));
    item = value_set(item, "title", value_string(handler->title ? handler->title : step->title));
    item = value_set(item, "plan", plan_lines(handler, PLAN_LINE_MAX));
    return error ? value_set(item, "error", value_string(error)) : item;
}

value ledger_hands(const struct frame *frame, value list_taken, const char *error) {
    struct ledger ledger = {.run = frame->run};
    value list = list_taken;
    ledger_walk(&ledger, frame);
    for (size_t i = 0; i < ledger.entries.count; i++)
        list = value_append(list, ledger_hand(ledger.entries.items[i].node, error));
    vec_release(&ledger.entries);
    return list;
}

static value entry_value(const struct entry *entry) {
    value item = ledger_hand(entry->node, NULL);
    item = value_set(item, "rank", value_integer(entry->rank));
    if (!rollback_is_certain(entry->node))
        item = value_set(item, "running", value_bool(true));
    if (entry->expected_ms != UNKNOWN)
        item = value_set(item, "expected_ms", value_integer(entry->expected_ms));
    if (entry->limit_ms != UNBOUNDED)
        item = value_set(item, "limit_ms", value_integer(entry->limit_ms));
    return item;
}

static value names_set(value object, const char *key, const char *more_key,
                       const struct names *names) {
    if (value_count(names->list))
        object = value_set(object, key, names->list);
    else
        value_free(names->list);
    return names->more ? value_set(object, more_key, value_integer(names->more)) : object;
}

const struct estimate *run_estimate(struct run *run) {
    if (!run->estimate && !run->replay) {
        AUTO_VALUE selection = plan_selection(run->plan);
        run->estimate = estimate_read(run->runbook->name, selection, run_id(run));
    }
    return run->estimate;
}

static value ledger_value(struct ledger *ledger, struct moment end) {
    int64_t unknown = 0;
    value handlers = value_array();
    for (size_t i = 0; i < ledger->entries.count; i++) {
        handlers = value_append(handlers, entry_value(&ledger->entries.items[i]));
        unknown += ledger->entries.items[i].expected_ms == UNKNOWN;
    }
    value told = value_set(value_object(), "handlers", handlers);
    told = value_set(told, "expected_ms", value_integer(end.expected_ms));
    told = value_set(told, "unknown", value_integer(unknown));
    if (end.limit_ms != UNBOUNDED)
        told = value_set(told, "limit_ms", value_integer(end.limit_ms));
    told = names_set(told, "no_rollback", "no_rollback_more", &ledger->no_rollback);
    told = names_set(told, "kept", "kept_more", &ledger->kept);
    told = names_set(told, "passed", "passed_more", &ledger->passed);
    return names_set(told, "ahead", "ahead_more", &ledger->ahead);
}

/* A dry run did nothing that could be undone, and what `finally` does is not. */
value ledger_tell(struct run *run) {
    struct ledger ledger = {.run = run,
                            .is_timed = true,
                            .no_rollback.list = value_array(),
                            .kept.list = value_array(),
                            .passed.list = value_array(),
                            .ahead.list = value_array()};
    struct moment end = {0};
    (void)run_estimate(run);
    if (run->root && run->stage <= STAGE_UNDOING && !run->options.dry_run)
        end = ledger_walk(&ledger, run->root);
    value told = ledger_value(&ledger, end);
    vec_release(&ledger.entries);
    return told;
}

value ledger_note(struct run *run) {
    value told = ledger_tell(run);
    AUTO_VALUE handlers = value_get(told, "handlers");
    value fit = result_fit(value_copy(handlers), NOTE_MAX);
    if (!value_is(fit, VALUE_ARRAY)) {
        value_free(fit); /* a single one is larger */
        fit = value_array();
    }
    int64_t more = (int64_t)(value_count(handlers) - value_count(fit));
    told = value_set(told, "handlers", fit);
    if (more)
        told = value_set(told, "handlers_more", value_integer(more));
    value note = value_append(value_array(), value_string("undo"));
    return value_append(value_array(), value_append(note, told));
}

value run_undo(struct run *run) {
    return ledger_tell(run);
}
