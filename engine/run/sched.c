/* Scheduling by countdown: a settled node lowers the count of those that need it, and the one
 * that reaches zero is ready. The cost of a step does not depend on how many there are. */
#include "run/engine.h"

#include "base/text.h"
#include "run/body.h"
#include "run/commit.h"
#include "run/dryrun.h"
#include "run/recall.h"
#include "run/replay_step.h"

void sched_ready(struct node *node) {
    struct run *run = node->frame->run;
    if (node_graph(node)->role == GRAPH_END)
        *vec_add(&run->ended) = node;
    else
        *vec_add(&run->ready) = node;
}

bool frame_may_start(const struct frame *frame) {
    const struct run *run = frame->run;
    if (frame->failed || run->stage >= STAGE_CLOSING || run->transcript_err.kind != ERR_NONE)
        return false;
    for (const struct frame *outer = frame; outer; outer = outer->parent)
        if (outer->failed && outer->phase == frame->phase)
            return false;
    return frame->phase != PHASE_RUN || run->stage == STAGE_RUNNING;
}

static bool when_holds(struct node *node, const struct step *step, struct err *err) {
    struct expr_input input = scope_input_public(node->frame);
    bool holds = !step->more->when;
    if (!step->more->when || (node->frame->run->replay && replay_decides(node, &holds)))
        return holds;
    if (expr_test(step->more->when, &input, &holds, err) < 0)
        return false;
    return holds;
}

static void node_pass(struct node *node) {
    node->state = STATE_SUCCEEDED;
    node_settle(node);
}

/* Everything between a group's begin and its end, which is left to be settled by its members. */
static void group_skip(struct node *begin, const char *reason,
                       void (*skip)(struct node *node, const char *reason)) {
    struct node *nodes = begin->frame->nodes;
    uint32_t end = node_graph(begin)->peer;
    skip(begin, reason);
    for (uint32_t i = node_index(begin) + 1; i <= end; i++) {
        if (nodes[i].state != STATE_PENDING)
            continue;
        if (node_graph(&nodes[i])->role == GRAPH_ACT) {
            skip(&nodes[i], reason);
        } else {
            nodes[i].state = STATE_SKIPPED;
            node_settle(&nodes[i]);
        }
    }
}

static void group_fail(struct node *end);

static void node_end_early(struct node *node, const char *status, enum state_event transition,
                           struct err *err) {
    AUTO_TEXT path = node_path(node);
    struct event event;
    node_event(node, EVENT_STEP_FINISHED, path, &event);
    EVENT_SET(&event, status, status);
    EVENT_SET(&event, duration_ms, 0);
    EVENT_SET(&event, error, err->message);
    if (err->hint)
        EVENT_SET(&event, hint, err->hint);
    if (node_is_tolerated(node))
        EVENT_SET(&event, tolerated, true);
    node->without_effect = true;
    run_error_is(node->frame->run, err->message, false);
    node_record(node, &event, transition);
    /* Whatever follows from its failure, members whose condition is unknown do not run. */
    if (node_graph(node)->role == GRAPH_BEGIN)
        group_fail(&node->frame->nodes[node_graph(node)->peer]);
    node_settle(node);
}

void node_fail_early(struct node *node, struct err *err) {
    node_end_early(node, "failed", STATE_EVENT_FAIL, err);
}

void node_cancel_early(struct node *node, struct err *err) {
    node_end_early(node, "cancelled", STATE_EVENT_CANCEL, err);
}

static void begin_drive(struct node *node) {
    const struct step *step = node_step(node);
    AUTO_ERR err = ERR_INIT;
    bool is_decided = node->frame->is_group && node_graph(node)->group == GRAPH_NONE;
    AUTO_TEXT doubts =
        !is_decided && node->frame->run->options.dry_run ? dryrun_doubts(node) : NULL;
    if (doubts)
        group_skip(node, doubts, dryrun_show);
    else if (is_decided || when_holds(node, step, &err))
        node_enter(node);
    else if (err.kind != ERR_NONE)
        node_fail_early(node, &err);
    else
        group_skip(node, "its condition does not hold", node_skip);
}

/* The group's outcome, for those that look at `.steps.GROUP`. */
static void end_drive(struct node *node) {
    const char *status = node->group_failed ? "failed" : "succeeded";
    node->state = node->group_failed ? STATE_FAILED : STATE_SUCCEEDED;
    node->tolerated = node->group_failed;
    scope_publish(node, value_set(value_object(), "status", value_string(status)));
    node_settle(node);
}

static void act_drive(struct node *node) {
    const struct step *step = node_step(node);
    AUTO_ERR err = ERR_INIT;
    bool is_item = node->frame->is_single && node_graph(node)->group == GRAPH_NONE;
    bool is_dry = node->frame->run->options.dry_run;
    AUTO_TEXT doubts = is_dry ? dryrun_doubts(node) : NULL;
    if (doubts) {
        dryrun_show(node, doubts);
        return;
    }
    if (!(is_item && step->more->foreach) && !when_holds(node, step, &err)) {
        if (err.kind != ERR_NONE)
            node_fail_early(node, &err);
        else
            node_skip(node, "its condition does not hold");
        return;
    }
    if (!is_dry || dryrun_enters(node))
        node_enter(node);
}

void node_leave_out(struct node *node, const char *reason) {
    if (node_graph(node)->role == GRAPH_BEGIN)
        group_skip(node, reason, node_skip);
    else
        node_skip(node, reason);
}

void node_enter(struct node *node) {
    switch (node_graph(node)->role) {
    case GRAPH_BEGIN:
        node_pass(node);
        break;
    case GRAPH_END:
        end_drive(node);
        break;
    case GRAPH_ACT:
        node->active = true;
        node->frame->active++;
        task_begin(node);
        break;
    }
}

static void node_drive(struct node *node) {
    const struct run *run = node->frame->run;
    const char *reason =
        node->frame == run->root ? plan_skip_reason(run->plan, node_index(node)) : NULL;
    enum graph_role role = node_graph(node)->role;
    if (run->recall)
        recall_drive(run->recall, node);
    else if (reason && role != GRAPH_END)
        node_leave_out(node, reason);
    else if (role == GRAPH_BEGIN)
        begin_drive(node);
    else if (role == GRAPH_ACT)
        act_drive(node);
    else
        node_enter(node);
}

static bool takes_slot(const struct node *node) {
    const struct step *step = node_step(node);
    return node_graph(node)->role == GRAPH_ACT && !step->type->is_passive && !body_is_needed(node);
}

static void ready_compact(struct run *run) {
    if (run->ready_head == run->ready.count)
        run->ready_head = run->ready.count = 0;
}

void sched_slot_lend(struct node *node) {
    struct run *run = node->frame->run;
    if (!node->has_slot)
        return;
    node->has_slot = false;
    node->lent_slot = true;
    run->slots--;
    sched_pump(run);
}

bool sched_slot_regain(struct node *node) {
    struct run *run = node->frame->run;
    if (!node->lent_slot)
        return true;
    if (run->slots >= run->options.jobs) {
        *vec_add(&run->regaining) = node;
        return false;
    }
    node->lent_slot = false;
    node->has_slot = true;
    run->slots++;
    return true;
}

static void regaining_pump(struct run *run) {
    while (run->regaining_head < run->regaining.count && run->slots < run->options.jobs) {
        struct node *node = run->regaining.items[run->regaining_head++];
        if (node->task)
            task_resume(node->task);
    }
    if (run->regaining_head == run->regaining.count)
        run->regaining_head = run->regaining.count = 0;
}

/* Neither slots nor stages hold up what is recorded, and nothing else begins. */
/* A group ends with its last member. It does not wait among those that wait for a slot: whether its
 * point of no return was passed would depend on them, and no record tells when they had it. */
static void groups_end(struct run *run) {
    while (run->ended.count) {
        struct node *node = run->ended.items[--run->ended.count];
        if (node->state == STATE_PENDING && frame_may_start(node->frame))
            node_drive(node);
        else
            frame_check(node->frame);
    }
}

static void recalled_drive(struct run *run, struct node *node) {
    if (node->state != STATE_PENDING || node->active)
        frame_check(node->frame);
    else if (recall_lets(run->recall, node))
        node_drive(node);
    else
        recall_hold(run->recall, node);
    groups_end(run);
    rollback_pump(run);
}

static void pump(void *user) {
    struct run *run = user;
    run->pump_asked = false;
    if (run->stage == STAGE_OVER)
        return;
    if (run->unsettled) {
        run_check(run); /* all stays as it is, until a person has said what happened */
        return;
    }
    run->pumping = true;
    regaining_pump(run);
    groups_end(run);
    rollback_pump(run);
    while (run->recall && run->ready_head < run->ready.count)
        recalled_drive(run, run->ready.items[run->ready_head++]);
    while (run->ready_head < run->ready.count) {
        struct node *node = run->ready.items[run->ready_head];
        if (run->replay && replay_holds(run->replay, node)) {
            run->ready_head++;
            continue;
        }
        if (node->state == STATE_PENDING && !node->active && frame_may_start(node->frame)) {
            bool slot = takes_slot(node);
            if ((slot && run->slots >= run->options.jobs) || run->asking || run->asking_interrupt)
                break;
            node->has_slot = slot;
            run->slots += slot;
            run->ready_head++;
            node_drive(node);
        } else {
            run->ready_head++;
            frame_check(node->frame);
        }
        groups_end(run);
        rollback_pump(run);
    }
    ready_compact(run);
    run->pumping = false;
    run_check(run);
}

void sched_pump(struct run *run) {
    if (run->pump_asked)
        return;
    run->pump_asked = true;
    loop_defer(run->loop, pump, run);
}

void node_skip_as(struct node *node, const char *reason, value published_taken) {
    AUTO_TEXT path = node_path(node);
    struct event event;
    node_event(node, EVENT_STEP_SKIPPED, path, &event);
    EVENT_SET(&event, action, body_action(node));
    EVENT_SET(&event, reason, reason);
    AUTO_VALUE notes = node->is_shown ? dryrun_notes(DRYRUN_SHOWN, value_null()) : value_null();
    if (node->is_shown)
        EVENT_SET(&event, notes, notes);
    node_record(node, &event, STATE_EVENT_SKIP);
    scope_publish(node, published_taken);
    node_settle(node);
}

void node_skip(struct node *node, const char *reason) {
    node_skip_as(node, reason, value_set(value_object(), "status", value_string("skipped")));
}

static void dependents_release(struct node *node) {
    struct frame *frame = node->frame;
    size_t count;
    const uint32_t *dependents = graph_dependents(frame->graph, node_index(node), &count);
    bool is_relied_on = false;
    for (size_t i = 0; i < count; i++)
        if (!--frame->nodes[dependents[i]].open) {
            sched_ready(&frame->nodes[dependents[i]]);
            is_relied_on = true;
        }
    if (is_relied_on && node_graph(node)->role == GRAPH_ACT && frame->run->commit)
        commit_relied_on(frame->run->commit);
}

/* What the nearest says: the step itself, the groups around it, the defaults of its file, then
 * what contains it all. `with_defaults` false: only up to the file's defaults, and not these. */
static enum on_failure said_rule(const struct node *node, bool with_defaults) {
    for (; node; node = node->frame->owner) {
        const struct frame *frame = node->frame;
        enum on_failure rule = node_step(node)->on_failure;
        for (uint32_t g = node_graph(node)->group; !rule && g != GRAPH_NONE;
             g = graph_node(frame->graph, g)->group)
            rule = graph_node(frame->graph, g)->step->on_failure;
        bool is_outermost = !frame->owner || frame->owner->frame->file != frame->file;
        if (!rule && is_outermost && with_defaults)
            rule = frame->file->defaults.on_failure;
        if (rule || (is_outermost && !with_defaults))
            return rule;
    }
    return ON_FAILURE_UNSAID;
}

static bool is_aside(const struct step *step) {
    return step->type->is_aside && step->on_failure == ON_FAILURE_UNSAID;
}

static bool rule_continues(const struct node *node, const struct step *step) {
    if (step_on_failure(step) == ON_FAILURE_CONTINUE || node->frame->phase == PHASE_FINALLY)
        return true;
    /* The defaults are about steps: a handler that fails needs hands. */
    return node->frame->phase == PHASE_RUN &&
           node->frame->file->defaults.on_failure == ON_FAILURE_CONTINUE &&
           said_rule(node, false) == ON_FAILURE_UNSAID;
}

/* The END of the nearest group around the node that takes failures upon itself. */
static struct node *group_that_continues(const struct node *node) {
    struct frame *frame = node->frame;
    uint32_t own = frame->is_group ? 0 : GRAPH_NONE; /* its owner's business */
    for (uint32_t g = node_graph(node)->group; g != GRAPH_NONE && g != own;
         g = graph_node(frame->graph, g)->group)
        if (graph_node(frame->graph, g)->step->on_failure == ON_FAILURE_CONTINUE)
            return &frame->nodes[graph_node(frame->graph, g)->peer];
    return NULL;
}

/* Members that have not begun never will; the group's end waits for those that run. */
static void group_fail(struct node *end) {
    struct frame *frame = end->frame;
    end->group_failed = true;
    for (uint32_t i = node_graph(end)->peer + 1; i < node_index(end); i++) {
        struct node *member = &frame->nodes[i];
        if (member->state != STATE_PENDING || member->active)
            continue;
        if (node_graph(member)->role == GRAPH_ACT) {
            node_skip(member, "another member of its group failed");
        } else {
            member->state = STATE_SKIPPED;
            node_settle(member);
        }
    }
}

/* Whether some container around the frame takes the failure upon itself. */
static bool is_contained(const struct frame *frame) {
    for (; frame->owner; frame = frame->parent) {
        const struct node *owner = frame->owner;
        if (frame->phase != PHASE_RUN || rule_continues(owner, node_step(owner)) ||
            group_that_continues(owner) || body_bears(owner, frame))
            return true;
    }
    return frame->phase != PHASE_RUN;
}

/* Whether it is, or is within, an item that may fail. */
static bool is_borne(const struct frame *frame) {
    for (; frame->owner; frame = frame->parent)
        if (body_bears(frame->owner, frame))
            return true;
    return false;
}

bool node_is_tolerated(const struct node *node) {
    return node->tolerated || rule_continues(node, node_step(node)) || group_that_continues(node) ||
           is_borne(node->frame);
}

void sched_slot_take(struct node *node) {
    node->has_slot = takes_slot(node);
    node->frame->run->slots += node->has_slot;
}

/* Returns whether those that need the node may go on. */
static bool failure_spread(struct node *node) {
    struct run *run = node->frame->run;
    if (run->options.dry_run) {
        dryrun_failed(node, node_is_tolerated(node) ||
                                (node->frame->phase == PHASE_RUN && is_contained(node->frame)));
        return true;
    }
    if (node->frame->phase == PHASE_FINALLY && !is_aside(node_step(node)))
        run->finally_failed = true;
    if (node->tolerated || rule_continues(node, node_step(node))) {
        node->tolerated = true;
        return true;
    }
    struct node *end = group_that_continues(node);
    if (end) {
        node->tolerated = true;
        group_fail(end);
        return true;
    }
    node->frame->failed = true;
    if (!is_contained(node->frame))
        run_failed(run, node, said_rule(node, true));
    else
        frame_drain(node->frame);
    return false;
}

void node_settle(struct node *node) {
    struct frame *frame = node->frame;
    struct run *run = frame->run;
    bool good = node->state == STATE_SUCCEEDED || node->state == STATE_SKIPPED;
    if (node->active) {
        node->active = false;
        frame->active--;
    }
    run->slots -= node->has_slot;
    node->has_slot = false;
    frame->unsettled--;
    if (node_graph(node)->role == GRAPH_ACT && frame->phase == PHASE_RUN)
        run->counts[node->state]++;
    if (node->state == STATE_SUCCEEDED && node_step(node)->point_of_no_return &&
        node_graph(node)->role != GRAPH_BEGIN && frame->phase == PHASE_RUN && !run->options.dry_run)
        rollback_keep_above(node);
    if (good || failure_spread(node))
        dependents_release(node);
    frame_check(frame);
    sched_pump(run);
}
