/* Rollback: handlers in reverse order of the graph, by the same countdown, over dependents.
 *
 * Each node of a frame is passed once all that needed it are released. What has nothing to undo
 * is released at once; a failed handler is not, and so stops those that would follow it. */
#include "base/text.h"
#include "run/ledger.h"
#include "run/result.h"
#include "run/task.h"

#define HANDS_MAX 40000 /* bytes of JSON, of the 64 KiB that a record may have */

/* One that runs counts: were it interrupted now, it would be undone. */
static bool ran(const struct node *node) {
    if (node->is_shown)
        return true;
    switch ((enum step_state)node->state) {
    case STATE_RUNNING:
    case STATE_WAITING:
        return !node->task || task_may_have_done(node->task);
    case STATE_ROLLING_BACK:
    case STATE_SUCCEEDED:
    case STATE_FAILED:
    case STATE_CANCELLED:
    case STATE_IN_DOUBT:
        return true;
    default:
        return false;
    }
}

/* In a dry run nothing had an effect, and all is looked at. */
bool rollback_has_done(const struct node *node) {
    bool is_dry = node->frame->run->options.dry_run;
    return ran(node) && (!node->without_effect || is_dry);
}

static bool is_certain(const struct node *node) {
    bool is_open = !state_is_settled((enum step_state)node->state);
    return rollback_has_done(node) && (!is_open || (node->task && task_is_certain(node->task)));
}

/* Whether that holds for a step that stands in the group. */
static bool any_member(const struct node *end, bool (*holds)(const struct node *node)) {
    const struct node *nodes = end->frame->nodes;
    for (uint32_t i = node_graph(end)->peer + 1; i < node_index(end); i++)
        if (node_graph(&nodes[i])->role == GRAPH_ACT && holds(&nodes[i]))
            return true;
    return false;
}

bool rollback_is_certain(const struct node *node) {
    return node_graph(node)->role == GRAPH_END ? any_member(node, is_certain) : is_certain(node);
}

/* A group's handler has something to undo where something in it was done. A loop's handler
 * belongs to its items. */
bool rollback_is_owed(const struct node *node) {
    const struct graph_node *graph = node_graph(node);
    bool is_item = node->frame->is_single && graph->group == GRAPH_NONE;
    if (!graph->step->more->rollback || node->kept || graph->role == GRAPH_BEGIN)
        return false;
    if (graph->step->more->foreach && !is_item)
        return false;
    if (node->frame->is_group && graph->group == GRAPH_NONE)
        return false; /* its owner's */
    if (graph->role == GRAPH_END)
        return any_member(node, rollback_has_done);
    return rollback_has_done(node);
}

/* ---- what is left for a person -------------------------------------------------------------- */

value rollback_told(value hands_taken) {
    size_t count = value_count(hands_taken);
    value told = result_fit(hands_taken, HANDS_MAX);
    size_t left = count - value_count(told);
    if (!left)
        return told;
    AUTO_TEXT title = mem_printf("and %zu more; the records of this run name them", left);
    value more = value_set(value_object(), "step", value_string("…"));
    return value_append(told, value_set(more, "title", value_string(title)));
}

static const char not_begun[] = "not begun, because a rollback before it failed";

/* The bodies of a node, newest first, that are not undone: its own handler failed or one of
 * theirs, or it was never reached. */
static void bodies_add(struct node *node) {
    struct run *run = node->frame->run;
    VEC(struct frame *) left = {0};
    for (struct frame *child = node->kept ? NULL : node->children; child; child = child->next)
        if (child->phase == PHASE_RUN && !child->undone)
            *vec_add(&left) = child;
    while (left.count)
        run->hands = ledger_hands(left.items[--left.count], run->hands, not_begun);
    vec_release(&left);
}

static void hands_add(struct node *node, const char *error) {
    struct run *run = node->frame->run;
    run->hands = value_append(run->hands, ledger_hand(node, error));
    run->hands_needed = true;
}

static void frame_undo_check(struct frame *frame);

static void node_release(struct node *node) {
    struct frame *frame = node->frame;
    size_t count;
    const uint32_t *needs = graph_needs(frame->graph, node_index(node), &count);
    for (size_t i = 0; i < count; i++)
        if (!--frame->nodes[needs[i]].open)
            *vec_add(&frame->run->undo) = &frame->nodes[needs[i]];
}

/* The node's handler and its body are through. */
static void node_undone(struct node *node, bool ok) {
    struct frame *frame = node->frame;
    frame->undo_active--;
    if (ok)
        node_release(node);
    else
        frame->undo_failed = true;
    sched_pump(frame->run);
    frame_undo_check(frame);
}

/* ---- bodies: the frames of a loop or a call, newest first ---------------------------------- */

static struct frame *newest_not_undone(struct node *node) {
    struct frame *child = node->newest;
    while (child && (child->phase != PHASE_RUN || child->undone))
        child = child->previous;
    return child;
}

static void body_next(struct node *node);

static void body_undone(struct frame *frame, bool ok) {
    if (ok) {
        body_next(frame->owner);
    } else {
        bodies_add(frame->owner);
        node_undone(frame->owner, false);
    }
}

static void body_next(struct node *node) {
    struct frame *child = node->kept ? NULL : newest_not_undone(node);
    if (child)
        rollback_frame(child, body_undone);
    else
        node_undone(node, true);
}

/* ---- handlers ------------------------------------------------------------------------------ */

static void handler_ended(struct frame *frame, bool ok) {
    struct node *node = frame->owner;
    if (frame->run->options.dry_run) {
        body_next(node); /* whatever was found: those that would follow are looked at, too */
        return;
    }
    node->state = (uint8_t)state_next((enum step_state)node->state,
                                      ok ? STATE_EVENT_UNDONE : STATE_EVENT_UNDO_FAIL);
    if (ok) {
        node->frame->run->doubts -= node->is_doubt;
        node->is_doubt = false;
        body_next(node);
        return;
    }
    hands_add(node, frame->run->last_error);
    bodies_add(node);
    node_undone(node, false);
}

static void handler_start(struct node *node) {
    struct run *run = node->frame->run;
    const struct graph *graph =
        plan_graph_of_step(run->plan, node_step(node)->more->rollback, GRAPH_ALONE);
    struct frame *frame = frame_new(run, node, graph, PHASE_ROLLBACK, node_path(node));
    frame->is_single = true;
    frame->ended = handler_ended;
    if (!run->options.dry_run)
        node->state = (uint8_t)state_next((enum step_state)node->state, STATE_EVENT_UNDO);
    frame_start(frame);
}

static void node_undo(struct node *node) {
    node->frame->undo_active++;
    if (rollback_is_owed(node))
        handler_start(node);
    else
        body_next(node);
}

void rollback_pump(struct run *run) {
    while (run->undo_head < run->undo.count) {
        struct node *node = run->undo.items[run->undo_head++];
        node_undo(node);
    }
    run->undo_head = run->undo.count = 0;
}

/* ---- frames -------------------------------------------------------------------------------- */

static bool has_queued(const struct frame *frame) {
    const struct run *run = frame->run;
    for (size_t i = run->undo_head; i < run->undo.count; i++)
        if (run->undo.items[i]->frame == frame)
            return true;
    return false;
}

/* Handlers that never came to run because one before them failed. */
static void blocked_add(struct frame *frame) {
    const uint32_t *order = graph_order(frame->graph);
    for (size_t i = graph_count(frame->graph); i-- > 0;) {
        struct node *node = &frame->nodes[order[i]];
        if (node->open && rollback_is_owed(node))
            hands_add(node, not_begun);
        if (node->open)
            bodies_add(node);
    }
}

static void frame_undo_check(struct frame *frame) {
    if (frame->undo_active || has_queued(frame) || !frame->undone)
        return;
    void (*undone)(struct frame *, bool) = frame->undone;
    if (frame->is_undo_over)
        return;
    frame->is_undo_over = true;
    if (frame->undo_failed)
        blocked_add(frame);
    undone(frame, !frame->undo_failed);
}

void rollback_frame(struct frame *frame, void (*undone)(struct frame *frame, bool ok)) {
    frame->undone = undone;
    for (uint32_t i = 0; i < graph_count(frame->graph); i++) {
        frame->nodes[i].open = graph_node(frame->graph, i)->dependent_count;
        if (!frame->nodes[i].open)
            *vec_add(&frame->run->undo) = &frame->nodes[i];
    }
    sched_pump(frame->run);
    frame_undo_check(frame);
}

/* ---- point of no return -------------------------------------------------------------------- */

static void keep_needs(struct frame *frame, uint32_t from) {
    VEC(uint32_t) open = {0};
    *vec_add(&open) = from;
    while (open.count) {
        size_t count;
        const uint32_t *needs = graph_needs(frame->graph, open.items[--open.count], &count);
        for (size_t i = 0; i < count; i++) {
            if (frame->nodes[needs[i]].kept)
                continue;
            frame->nodes[needs[i]].kept = true;
            *vec_add(&open) = needs[i];
        }
    }
    vec_release(&open);
}

void rollback_keep_above(struct node *node) {
    for (; node; node = node->frame->owner)
        keep_needs(node->frame, node_index(node));
}
