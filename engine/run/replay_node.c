/* When a node has its turn in a replay, and what its condition says. */
#include "base/text.h"
#include "io/loop.h"
#include "plan/drift.h"
#include "run/replay_parts.h"

struct held {
    struct replay *replay;
    struct node *node;
    struct loop_timer *timer; /* NULL: nothing is recorded of it */
    struct held *next, **link;
};

static void held_free(struct held *held) {
    *held->link = held->next;
    if (held->next)
        held->next->link = held->link;
    loop_timer_free(held->timer);
    mem_free(held);
}

static void held_let_go(struct held *held) {
    struct node *node = held->node;
    held_free(held);
    sched_ready(node);
    sched_pump(node->frame->run);
}

static void held_due(void *user) {
    held_let_go(user);
}

static void hold(struct replay *replay, struct node *node, size_t record) {
    struct held *held = mem_zalloc(sizeof *held);
    held->replay = replay;
    held->node = node;
    held->next = replay->held;
    held->link = &replay->held;
    if (held->next)
        held->next->link = &held->next;
    replay->held = held;
    if (record != NO_RECORD)
        held->timer =
            loop_timer_at(replay->run->loop, replay_moment(replay, record), held_due, held);
}

/* What ended before it began was called off, or could not be told: that comes by itself. So does a
 * step whose `done_when` was asked: the first that is recorded of it is the answer. */
static bool comes_by_itself(const struct replay *replay, const struct node *node, size_t first) {
    return record_type(replay, first) == EVENT_STEP_FINISHED || node_step(node)->more->done_when ||
           replay_moment(replay, first) <= clock_mono_ns();
}

/* It waited for its lock when the engine died, and no other one came to it. */
static void waiting_tell(struct replay *replay, struct node *node, const char *path,
                         size_t record) {
    struct past_line line;
    struct event event;
    if (!replay_read(replay, record, &line))
        return;
    node_event(node, EVENT_STEP_WAITING, path, &event);
    EVENT_SET(&event, reason, line.event.reason);
    run_record(replay->run, &event);
    past_line_release(&line);
}

bool replay_holds(struct replay *replay, struct node *node) {
    if (node_graph(node)->role != GRAPH_ACT || node->active || node->state != STATE_PENDING ||
        !frame_may_start(node->frame))
        return false;
    AUTO_TEXT path = node_path(node);
    const char *phase = phase_name(node->frame->phase);
    const struct drift *drift = replay->options.drift;
    const struct trail *trail = replay_trail_of(replay, node->frame->phase, path);
    size_t first = trail_first(replay, trail);
    bool stays_waiting =
        record_type(replay, first) == EVENT_STEP_WAITING && trail_hard(replay, trail) == NO_RECORD;
    if (stays_waiting) {
        waiting_tell(replay, node, path, first);
        first = NO_RECORD;
    }
    if (drift_is_new(drift, phase, path) || drift_is_moved(drift, phase, path))
        return false;
    if (first == NO_RECORD ? replay->is_parted : comes_by_itself(replay, node, first))
        return false;
    hold(replay, node, first);
    return true;
}

void replay_drained(struct replay *replay) {
    struct held *next = NULL;
    for (struct held *held = replay->held; held; held = next) {
        next = held->next;
        if (!frame_may_start(held->node->frame))
            held_let_go(held);
    }
}

bool replay_let_go(struct replay *replay) {
    bool any = replay->held != NULL;
    while (replay->held)
        held_let_go(replay->held);
    return any;
}

void replay_held_free(struct replay *replay) {
    while (replay->held)
        held_free(replay->held);
}

/* ---- what an expression looks at ------------------------------------------------------------ */

struct search {
    const struct frame *frame;
    const char *mark;
    bool found;
};

/* Among the steps that frames of the same file know. */
static void search_step(struct search *search, const char *id) {
    for (const struct frame *at = search->frame; at && !search->found; at = at->parent) {
        AUTO_VALUE step = value_get(at->steps, id);
        AUTO_VALUE marked = value_get(step, search->mark);
        search->found = value_truth(marked);
        if (at->parent && at->parent->file != at->file)
            break;
    }
}

static void search_member(void *user, const char *name, size_t length) {
    AUTO_TEXT id = mem_strndup(name, length);
    search_step(user, id);
}

bool replay_looks_at(const struct frame *frame, const struct expr *expr, const char *mark) {
    struct search search = {.frame = frame, .mark = mark};
    expr_each_member(expr, "steps", search_member, &search);
    return search.found;
}

bool replay_refers_to(const struct frame *frame, const struct step *step, const char *mark) {
    struct search search = {.frame = frame, .mark = mark};
    if (!frame->run->replay->is_marked)
        return false;
    for (const struct step_ref *ref = step->more->refs; ref; ref = ref->next)
        search_step(&search, ref->id);
    return search.found;
}

bool replay_decides(struct node *node, bool *ret_holds) {
    struct replay *replay = node->frame->run->replay;
    const struct expr *when = node_step(node)->more->when;
    bool is_unknown = replay_looks_at(node->frame, when, MARK_UNANSWERABLE);
    if (!is_unknown && !replay_looks_at(node->frame, when, MARK_REDACTED) &&
        !expr_mentions(when, "env"))
        return false;
    size_t first = trail_hard(replay, replay_trail(replay, node));
    /* A group that was entered has no record of its own: its condition could not be told. */
    if (record_type(replay, first) == EVENT_STEP_FINISHED && node_graph(node)->role != GRAPH_ACT)
        return false;
    *ret_holds = record_type(replay, first) != EVENT_STEP_SKIPPED;
    if (is_unknown || (first == NO_RECORD && node_graph(node)->role == GRAPH_ACT)) {
        AUTO_TEXT path = node_path(node);
        replay->options.unanswerable(replay->options.user, phase_name(node->frame->phase), path,
                                     "its condition looks at what is not recorded");
    }
    return true;
}
