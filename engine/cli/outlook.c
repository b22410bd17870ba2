#include "cli/outlook.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/vec.h"
#include "cli/ledger.h"
#include "report/outline_words.h"
#include "run/run.h"

enum { P50, P90, PERCENTS };
#define OVERDUE_MS 1000 /* before that it is just about to end */

enum place_state { PLACE_AHEAD, PLACE_RUNNING, PLACE_DONE };

/* A node of the graph. What comes behind it is all ahead while it is, so that the sums hold. */
struct place {
    int64_t own_ms[PERCENTS];
    int64_t after_ms[PERCENTS]; /* the longest way from its end to that of the graph */
    int64_t began_ns;
    uint8_t state; /* enum place_state */
    bool is_gate, is_known;
};

/* The steps of the runbook, or its `finally`. */
struct course {
    const struct graph *graph; /* NULL: there is none */
    const char *phase;
    struct place *places;
    uint32_t *farthest[PERCENTS]; /* places, the longest way first */
    size_t next[PERCENTS];        /* the first of them that is ahead, or was */
    VEC(uint32_t) running;
    int64_t ahead_ms[PERCENTS];  /* all that is ahead, one behind the other */
    size_t gates, knowns, opens; /* of what is not done */
};

struct outlook {
    struct course courses[2];
    int64_t jobs;
    bool has_learned;
    bool is_undoing;
    int64_t undo_began_ns, undo_ms;
    size_t undo_unknowns;
};

/* ---- states ------------------------------------------------------------------------------- */

static void place_count(struct course *course, const struct place *place, bool is_more) {
    const size_t one = is_more ? 1 : SIZE_MAX; /* counts wrap back */
    if (place->state == PLACE_DONE)
        return;
    course->opens += one;
    course->gates += place->is_gate ? one : 0;
    course->knowns += place->is_known ? one : 0;
    for (size_t p = 0; p < PERCENTS && place->state == PLACE_AHEAD; p++)
        course->ahead_ms[p] += is_more ? place->own_ms[p] : -place->own_ms[p];
}

static void running_remove(struct course *course, uint32_t index) {
    for (size_t i = 0; i < course->running.count; i++)
        if (course->running.items[i] == index) {
            course->running.items[i] = *vec_last(&course->running);
            course->running.count--;
            return;
        }
}

static void place_move(struct course *course, uint32_t index, enum place_state state,
                       int64_t now_ns) {
    struct place *place = &course->places[index];
    if (place->state == state)
        return;
    if (place->state == PLACE_RUNNING)
        running_remove(course, index);
    place_count(course, place, false);
    place->state = (uint8_t)state;
    place_count(course, place, true);
    if (state == PLACE_RUNNING) {
        place->began_ns = now_ns;
        *vec_add(&course->running) = index;
    }
}

/* A group that ends or is left out takes its members along. */
static void node_done(struct course *course, uint32_t index) {
    const struct graph_node *node = graph_node(course->graph, index);
    const uint32_t last = node->role == GRAPH_BEGIN ? node->peer : index;
    for (uint32_t i = index; i <= last; i++)
        place_move(course, i, PLACE_DONE, 0);
}

static void course_end(struct course *course) {
    for (uint32_t i = 0; course->graph && i < graph_count(course->graph); i++)
        place_move(course, i, PLACE_DONE, 0);
}

/* ---- what is known ------------------------------------------------------------------------ */

static void place_learn(struct course *course, uint32_t index, const struct estimate *estimate) {
    struct place *place = &course->places[index];
    const struct step *step = graph_node(course->graph, index)->step;
    struct estimate_span span;
    if (!place->is_gate && estimate_expect(estimate, step, course->phase, step->id, &span)) {
        place->is_known = true;
        place->own_ms[P50] = span.p50_ms;
        place->own_ms[P90] = span.p90_ms;
    }
}

static int64_t way_ms(const struct place *place, size_t percent) {
    return place->own_ms[percent] + place->after_ms[percent];
}

static void places_sum(struct course *course) {
    const uint32_t *order = graph_order(course->graph);
    for (size_t i = graph_count(course->graph); i-- > 0;) {
        size_t count;
        const uint32_t *dependents = graph_dependents(course->graph, order[i], &count);
        struct place *place = &course->places[order[i]];
        for (size_t k = 0; k < count; k++)
            for (size_t p = 0; p < PERCENTS; p++) {
                const int64_t way = way_ms(&course->places[dependents[k]], p);
                place->after_ms[p] = way > place->after_ms[p] ? way : place->after_ms[p];
            }
    }
}

static int compare_ways(const void *left, const void *right, void *user) {
    const struct place *places = user;
    const struct place *a = &places[*(const uint32_t *)left],
                       *b = &places[*(const uint32_t *)right];
    return (way_ms(a, P50) < way_ms(b, P50)) - (way_ms(a, P50) > way_ms(b, P50));
}

static int compare_late_ways(const void *left, const void *right, void *user) {
    const struct place *places = user;
    const struct place *a = &places[*(const uint32_t *)left],
                       *b = &places[*(const uint32_t *)right];
    return (way_ms(a, P90) < way_ms(b, P90)) - (way_ms(a, P90) > way_ms(b, P90));
}

static void places_sort(struct course *course) {
    const size_t count = graph_count(course->graph);
    for (size_t p = 0; p < PERCENTS; p++) {
        course->farthest[p] = mem_calloc(count + 1, sizeof *course->farthest[p]);
        for (uint32_t i = 0; i < count; i++)
            course->farthest[p][i] = i;
        qsort_r(course->farthest[p], count, sizeof *course->farthest[p],
                p == P50 ? compare_ways : compare_late_ways, course->places);
    }
}

static void course_learn(struct course *course, const struct estimate *estimate) {
    if (!course->graph)
        return;
    course->opens = course->gates = course->knowns = 0;
    for (uint32_t i = 0; i < graph_count(course->graph); i++) {
        if (course->places[i].state != PLACE_DONE)
            place_learn(course, i, estimate);
        place_count(course, &course->places[i], true);
    }
    places_sum(course);
    places_sort(course);
}

void outlook_learn(struct outlook *outlook, const struct estimate *estimate) {
    course_learn(&outlook->courses[0], estimate);
    course_learn(&outlook->courses[1], estimate);
    outlook->has_learned = true;
}

bool outlook_has_learned(const struct outlook *outlook) {
    return outlook->has_learned;
}

/* ---- beginning and end -------------------------------------------------------------------- */

static void course_init(struct course *course, const struct plan *plan, const struct graph *graph,
                        const char *phase) {
    *course = (struct course){.graph = graph, .phase = phase};
    const size_t count = graph ? graph_count(graph) : 0;
    course->places = mem_calloc(count + 1, sizeof *course->places);
    for (uint32_t i = 0; i < count; i++) {
        const struct graph_node *node = graph_node(graph, i);
        const bool is_left_out = graph == plan_graph(plan) && plan_skip_reason(plan, i);
        course->places[i].is_gate = node->role == GRAPH_ACT && node->step->type->gate;
        course->places[i].state = node->role != GRAPH_ACT || is_left_out ? PLACE_DONE : PLACE_AHEAD;
    }
}

struct outlook *outlook_new(const struct plan *plan, int64_t jobs) {
    struct outlook *outlook = mem_zalloc(sizeof *outlook);
    course_init(&outlook->courses[0], plan, plan_graph(plan), "run");
    course_init(&outlook->courses[1], plan, plan_finally(plan), "finally");
    outlook->jobs = jobs > 0 ? jobs : RUN_JOBS;
    return outlook;
}

void outlook_free(struct outlook *outlook) {
    for (size_t i = 0; outlook && i < 2; i++) {
        struct course *course = &outlook->courses[i];
        mem_free(course->places);
        mem_free(course->farthest[P50]);
        mem_free(course->farthest[P90]);
        vec_release(&course->running);
    }
    mem_free(outlook);
}

/* ---- events ------------------------------------------------------------------------------- */

static void course_event(struct course *course, const struct event *event) {
    if (!course->graph || !text_equal(event->phase, course->phase))
        return;
    const uint32_t index = graph_find(course->graph, event->step);
    if (index == GRAPH_NONE)
        return;
    const bool is_act = graph_node(course->graph, index)->role == GRAPH_ACT;
    if (event->type != EVENT_STEP_STARTED)
        node_done(course, index);
    else if (is_act)
        place_move(course, index, PLACE_RUNNING, event->mono_ns);
}

/* What was not begun will not be: what is left is the undoing, as its ledger tells, and `finally`.
 */
static void undo_begun(struct outlook *outlook, const struct event *event) {
    AUTO_VALUE ledger = EVENT_HAS(event, notes) ? ledger_of_notes(event->notes) : value_none();
    course_end(&outlook->courses[0]);
    outlook->is_undoing = true;
    outlook->undo_began_ns = event->mono_ns;
    outlook->undo_ms = outline_integer(ledger, "expected_ms");
    outlook->undo_unknowns = (size_t)outline_integer(ledger, "unknown");
}

void outlook_event(struct outlook *outlook, const struct event *event) {
    switch (event->type) {
    case EVENT_STEP_STARTED:
    case EVENT_STEP_SKIPPED:
    case EVENT_STEP_READY:
    case EVENT_STEP_FINISHED:
    case EVENT_STEP_IN_DOUBT:
        course_event(&outlook->courses[0], event);
        course_event(&outlook->courses[1], event);
        break;
    case EVENT_ROLLBACK_BEGUN:
        undo_begun(outlook, event);
        break;
    case EVENT_ROLLBACK_FINISHED:
        outlook->is_undoing = false;
        break;
    default: /* the others neither begin nor end a step */
        break;
    }
}

void outlook_move(struct outlook *outlook, int64_t moved_ns) {
    outlook->undo_began_ns += moved_ns;
    for (size_t c = 0; c < 2; c++) {
        struct course *course = &outlook->courses[c];
        for (size_t i = 0; i < course->running.count; i++)
            course->places[course->running.items[i]].began_ns += moved_ns;
    }
}

/* ---- what is told ------------------------------------------------------------------------- */

/* Until its end, below 0 where it is overdue. What runs ends no sooner than now. */
static int64_t course_left(struct course *course, size_t percent, int64_t jobs, int64_t now_ns) {
    int64_t work = course->ahead_ms[percent], longest = 0, overdue = INT64_MIN;
    if (!course->graph || course->opens == 0)
        return 0;
    const size_t count = graph_count(course->graph);
    size_t *next = &course->next[percent];
    const uint32_t *farthest = course->farthest[percent];
    while (*next < count && course->places[farthest[*next]].state != PLACE_AHEAD)
        ++*next;
    if (*next < count)
        longest = way_ms(&course->places[farthest[*next]], percent);
    for (size_t i = 0; i < course->running.count; i++) {
        const struct place *place = &course->places[course->running.items[i]];
        const int64_t elapsed = (now_ns - place->began_ns) / NS_PER_MS;
        const int64_t own = place->is_known ? place->own_ms[percent] - elapsed : 0;
        const int64_t way = (own > 0 ? own : 0) + place->after_ms[percent];
        work += own > 0 ? own : 0;
        longest = way > longest ? way : longest;
        overdue = own > overdue ? own : overdue;
    }
    longest = work / jobs > longest ? work / jobs : longest;
    return longest == 0 && overdue < 0 && overdue > INT64_MIN ? overdue : longest;
}

static int64_t undo_left(const struct outlook *outlook, int64_t now_ns) {
    return outlook->undo_ms - (now_ns - outlook->undo_began_ns) / NS_PER_MS;
}

/* One part behind the other: what is overdue takes nothing away from what comes next. */
static int64_t left_add(int64_t first, int64_t next) {
    return next > 0                 ? (first > 0 ? first : 0) + next
           : next < 0 && first <= 0 ? first + next
                                    : first;
}

static int64_t outlook_left(struct outlook *outlook, size_t percent, int64_t now_ns) {
    struct course *run = &outlook->courses[0], *finally = &outlook->courses[1];
    const int64_t first = outlook->is_undoing ? undo_left(outlook, now_ns)
                                              : course_left(run, percent, outlook->jobs, now_ns);
    return left_add(first, course_left(finally, percent, outlook->jobs, now_ns));
}

/* As exact as an expectation is. */
static void put_about(struct buf *out, int64_t ms) {
    if (ms < 60 * 1000)
        buf_printf(out, "%" PRId64 "s", ms / 1000);
    else if (ms < 3600 * 1000 - 30 * 1000)
        buf_printf(out, "%" PRId64 "m", (ms + 30 * 1000) / (60 * 1000));
    else
        line_elapsed(out, ms);
}

/* What is left of a second is one, until it is over. */
static int64_t seconds_up(int64_t ms) {
    return ms > 0 ? ms + 999 : 0;
}

static void put_left(struct buf *out, int64_t half_ms, int64_t most_ms, bool has_most) {
    const bool is_over = half_ms <= -OVERDUE_MS, is_most_over = most_ms <= -OVERDUE_MS;
    buf_puts(out, is_over ? "overdue by " : "ends in ~");
    put_about(out, is_over ? -half_ms : seconds_up(half_ms));
    buf_puts(out, " (p50)");
    if (!has_most)
        return;
    buf_puts(out, is_over && !is_most_over ? ", ends in " : ", ");
    put_about(out, is_most_over ? -most_ms : seconds_up(most_ms));
    buf_puts(out, " (p90)");
}

void outlook_tell(struct outlook *outlook, int64_t now_mono_ns, struct buf *out) {
    const struct course *run = &outlook->courses[0], *finally = &outlook->courses[1];
    const size_t undo = outlook->is_undoing ? outlook->undo_unknowns : 0;
    const size_t gates = run->gates + finally->gates;
    const size_t knowns = run->knowns + finally->knowns;
    const size_t unknowns = run->opens + finally->opens - knowns - gates + undo;
    const bool undo_is_known = outlook->is_undoing && outlook->undo_ms > 0;
    if (!outlook->has_learned || (run->opens + finally->opens == 0 && !outlook->is_undoing))
        return;
    if (knowns == 0 && !undo_is_known) {
        buf_puts(out, "ends: not known");
        return;
    }
    put_left(out, outlook_left(outlook, P50, now_mono_ns), outlook_left(outlook, P90, now_mono_ns),
             !outlook->is_undoing);
    if (gates > 0)
        buf_printf(out, " + %zu gate%s", gates, gates == 1 ? "" : "s");
    if (unknowns > 0)
        buf_printf(out, " + %zu unknown", unknowns);
}

void outlook_begun(const struct event *started, const struct line_style *style, struct buf *out) {
    AUTO_VALUE all = value_null();
    struct estimate_span whole;
    if (EVENT_HAS(started, dry_run) && started->dry_run)
        return;
    struct estimate *estimate = estimate_glance(
        started->name, EVENT_HAS(started, selection) ? started->selection : all, started->run);
    if (estimate_whole(estimate, &whole))
        line_expected(out, &whole, style);
    estimate_free(estimate);
}
