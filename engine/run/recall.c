#include "run/recall.h"

#include "base/text.h"
#include "run/body.h"
#include "run/interrupt.h"
#include "run/service.h"
#include "run/task_recall.h"

struct recall {
    struct run *run;
    struct past *past;
    size_t next;                      /* the first record that was not delivered */
    size_t passed[EVENT_TYPE_COUNT];  /* of those that are not of a step: how many came about */
    VEC(struct node *) held;          /* their turn came, and nothing is recorded of them */
    VEC(struct past_line) unrecorded; /* came about behind the last record */
    bool is_over;
    struct err err;
};

/* ---- trails -------------------------------------------------------------------------------- */

static enum event_type type_at(const struct recall *recall, const struct trail *trail, size_t i) {
    return past_hard_type(past_at(recall->past, trail->records.items[i]));
}

/* The next that the interpreter must come to, or EVENT_NONE. */
static enum event_type trail_next(const struct recall *recall, const struct trail *trail) {
    for (size_t i = trail->next; i < trail->records.count; i++)
        if (type_at(recall, trail, i) != EVENT_NONE)
            return type_at(recall, trail, i);
    return EVENT_NONE;
}

static bool trail_pass(const struct recall *recall, struct trail *trail, enum event_type type) {
    for (size_t i = trail->next; i < trail->records.count; i++) {
        if (type_at(recall, trail, i) == type) {
            trail->next = i + 1;
            return true;
        }
        if (type_at(recall, trail, i) != EVENT_NONE)
            return false;
    }
    return false;
}

static bool is_passed(const struct trail *trail, size_t index) {
    return trail->next > 0 && trail->records.items[trail->next - 1] >= index;
}

static struct trail *trail_of(const struct recall *recall, struct node *node) {
    AUTO_TEXT path = node_path(node);
    struct trail *trail = past_trail(recall->past, phase_name(node->frame->phase), path);
    if (trail)
        trail->node = node;
    return trail;
}

/* ---- what the interpreter asks ------------------------------------------------------------- */

static bool has_next(const struct recall *recall, const struct trail *trail) {
    return trail && trail_next(recall, trail) != EVENT_NONE;
}

/* A group that was entered has no record of its own: its members do. */
static bool has_recorded_member(const struct recall *recall, const struct node *begin) {
    for (uint32_t i = node_index(begin) + 1; i < node_graph(begin)->peer; i++)
        if (has_next(recall, trail_of(recall, &begin->frame->nodes[i])))
            return true;
    return false;
}

/* The begin and the end of a group with a life of its own: the records of that path are of the
 * group as a whole, which its owner comes to. */
static bool is_owners(const struct node *node) {
    return node->frame->is_group && node_graph(node)->group == GRAPH_NONE;
}

bool recall_lets(struct recall *recall, struct node *node) {
    enum graph_role role = node_graph(node)->role;
    if (is_owners(node))
        return role != GRAPH_BEGIN || has_recorded_member(recall, node);
    if (has_next(recall, trail_of(recall, node)))
        return true;
    return role == GRAPH_BEGIN && has_recorded_member(recall, node);
}

void recall_hold(struct recall *recall, struct node *node) {
    *vec_add(&recall->held) = node;
}

/* Where there is one. */
static size_t record_next(const struct recall *recall, const struct trail *trail) {
    size_t i = trail->next;
    while (type_at(recall, trail, i) == EVENT_NONE)
        i++;
    return trail->records.items[i];
}

static bool line_next(struct recall *recall, const struct trail *trail, struct past_line *ret) {
    return past_read(recall->past, record_next(recall, trail), ret, &recall->err) == 0;
}

static void ended_early(struct trail *trail, const struct event *event) {
    AUTO_ERR err = ERR_INIT;
    err_set(&err, ERR_INVALID, "%s", EVENT_HAS(event, error) ? event->error : "");
    trail->ends_early = false;
    if (text_equal(event->status, "cancelled"))
        node_cancel_early(trail->node, &err);
    else
        node_fail_early(trail->node, &err);
}

static void skipped(struct recall *recall, struct node *node, struct trail *trail) {
    struct past_line line;
    if (!line_next(recall, trail, &line))
        return;
    node_leave_out(node, line.event.reason);
    past_line_release(&line);
}

void recall_drive(struct recall *recall, struct node *node) {
    struct trail *trail = is_owners(node) ? NULL : trail_of(recall, node);
    enum event_type type = trail ? trail_next(recall, trail) : EVENT_NONE;
    if (type == EVENT_STEP_SKIPPED)
        skipped(recall, node, trail);
    else if (type == EVENT_STEP_FINISHED)
        trail->ends_early = true; /* in its turn: what failed first decides the run */
    else
        node_enter(node);
}

int64_t recall_attempt(struct recall *recall, struct task *task) {
    struct trail *trail = trail_of(recall, task_node(task));
    if (!trail || trail_next(recall, trail) != EVENT_STEP_STARTED)
        return 0;
    return past_at(recall->past, record_next(recall, trail))->attempt;
}

void recall_await(struct recall *recall, struct task *task) {
    struct trail *trail = trail_of(recall, task->node);
    trail->task = task;
}

/* ---- what comes about ---------------------------------------------------------------------- */

static void unrecorded_add(struct recall *recall, const struct event *event) {
    AUTO_BUF line = BUF_INIT(TRANSCRIPT_LINE_MAX);
    char prev[65];
    struct past_line kept = {0};
    struct event numbered = *event;
    numbered.seq = 1; /* until it is written in earnest */
    if (event_write(&numbered, EVENT_NO_PREV, &line, &recall->err) < 0 ||
        event_read(buf_text(&line), line.length, EVENT_ALL, &kept.body, &kept.event, prev,
                   &recall->err) < 0)
        past_line_release(&kept);
    else
        *vec_add(&recall->unrecorded) = kept;
}

static bool is_recorded(struct recall *recall, const struct event *event, struct trail *trail) {
    if (trail)
        return trail_pass(recall, trail, event->type);
    size_t count = 0;
    for (size_t i = 0; i < past_count(recall->past); i++) {
        const struct past_record *record = past_at(recall->past, i);
        count += record->type == event->type && !record->trail && !record->is_dropped;
    }
    return ++recall->passed[event->type] <= count;
}

bool recall_duration(struct recall *recall, struct node *node, int64_t *ret_ms) {
    const struct trail *trail = trail_of(recall, node);
    for (size_t i = trail ? trail->records.count : 0; i-- > 0;) {
        const size_t index = trail->records.items[i];
        struct past_line line;
        if (past_at(recall->past, index)->type != EVENT_STEP_FINISHED ||
            past_read(recall->past, index, &line, &recall->err) < 0)
            continue;
        *ret_ms = line.event.duration_ms;
        past_line_release(&line);
        return true;
    }
    return false;
}

void recall_emit(struct recall *recall, const struct event *event) {
    bool is_of_step = EVENT_HAS(event, phase) && EVENT_HAS(event, step) && event->step[0];
    struct trail *trail = is_of_step ? past_trail(recall->past, event->phase, event->step) : NULL;
    bool ends = event->type == EVENT_STEP_FINISHED || event->type == EVENT_STEP_SKIPPED;
    if (trail && ends)
        trail->task = NULL;
    if ((is_of_step && !trail) || !is_recorded(recall, event, trail))
        unrecorded_add(recall, event);
}

/* ---- delivering ---------------------------------------------------------------------------- */

enum delivery { DELIVERED, NOTHING_TO_DELIVER, NOT_YET };

/* The interpreter gets there by itself, or it must be told what came from outside. */
static enum delivery end_deliver(struct recall *recall, struct trail *trail,
                                 struct past_line *line) {
    struct task *task = trail->task;
    if (trail->ends_early)
        ended_early(trail, &line->event);
    else if (task && past_at(recall->past, recall->next)->is_again) {
        trail_pass(recall, trail, EVENT_STEP_FINISHED);
        task_again_recalled(task, &line->event);
    } else if (task && task->is_body)
        task_body_late(task);
    else if (task)
        return task_finish_recalled(task, recall->past, trail, &line->event, &recall->err) < 0
                   ? NOT_YET
                   : DELIVERED;
    else if (trail->node && past_at(recall->past, recall->next)->is_again) {
        trail_pass(recall, trail, EVENT_STEP_FINISHED);
        service_end_recalled(recall->run, line->event.step, true);
    } else if (trail->node && node_step(trail->node)->background)
        service_died_recalled(trail->node, &line->event);
    else
        return NOT_YET;
    return DELIVERED;
}

/* A service that the run needed once more when it was gone on with behind its end. */
static enum delivery start_deliver(struct recall *recall, struct trail *trail) {
    if (trail->task || !trail->node || trail->node->state != STATE_SUCCEEDED ||
        !node_step(trail->node)->background)
        return NOT_YET;
    AUTO_TEXT path = node_path(trail->node);
    trail_pass(recall, trail, EVENT_STEP_STARTED);
    service_again_recalled(recall->run, path);
    return DELIVERED;
}

static enum delivery choice_deliver(struct recall *recall, struct trail *trail,
                                    const struct event *event) {
    enum run_choice choice;
    if (!interrupt_choice_find(event->answer, &choice))
        return NOTHING_TO_DELIVER; /* the answer to a gate: the end of its step tells it */
    if (!trail)
        interrupt_choose(recall->run, choice);
    else if (trail->task)
        task_choose_recalled(trail->task, choice);
    return DELIVERED;
}

/* Whether a person was asked then what should follow: the choice is a record before the next. */
static bool was_asked(const struct recall *recall) {
    for (size_t i = recall->next + 1; i < past_count(recall->past); i++) {
        const struct past_record *record = past_at(recall->past, i);
        if (record->type == EVENT_SIGNAL_RECEIVED || record->type == EVENT_RUN_RESUMED)
            return false;
        if (record->type == EVENT_GATE_ANSWERED && !record->trail)
            return true;
    }
    return false;
}

static enum delivery resumed_deliver(struct recall *recall, const struct event *event) {
    if (!EVENT_HAS(event, reason) || !text_equal(event->reason, PAST_ROLLBACK))
        return NOTHING_TO_DELIVER;
    run_roll_back(recall->run);
    return DELIVERED;
}

static enum delivery line_deliver(struct recall *recall, struct trail *trail,
                                  struct past_line *line) {
    switch (line->event.type) {
    case EVENT_STEP_FINISHED:
        return end_deliver(recall, trail, line);
    case EVENT_STEP_STARTED:
        return start_deliver(recall, trail);
    case EVENT_STEP_RETRYING:
    case EVENT_STEP_READY:
    case EVENT_STEP_IN_DOUBT:
    case EVENT_STEP_RESOLVED:
        if (!trail->task)
            return NOT_YET;
        task_recall(trail->task, &line->event);
        return DELIVERED;
    case EVENT_GATE_ANSWERED:
        return choice_deliver(recall, trail, &line->event);
    case EVENT_SIGNAL_RECEIVED:
        interrupt_recall(recall->run, was_asked(recall));
        return DELIVERED;
    case EVENT_STEP_ENDED:
        service_end_recalled(recall->run, line->event.step,
                             past_at(recall->past, recall->next)->is_again);
        return DELIVERED;
    case EVENT_RUN_RESUMED:
        return resumed_deliver(recall, &line->event);
    default:
        return NOT_YET;
    }
}

/* Records that need nothing: those that tell, and those that came about already. */
static bool is_told(const struct recall *recall, size_t index) {
    const struct past_record *record = past_at(recall->past, index);
    if (record->is_dropped)
        return true;
    switch ((enum event_type)record->type) {
    case EVENT_GATE_ANSWERED:
    case EVENT_STEP_ENDED:
    case EVENT_SIGNAL_RECEIVED:
    case EVENT_RUN_RESUMED:
        return false;
    default:
        return !record->trail || past_hard_type(record) == EVENT_NONE ||
               is_passed(record->trail, index);
    }
}

static enum delivery deliver(struct recall *recall) {
    struct past_line line;
    if (is_told(recall, recall->next))
        return NOTHING_TO_DELIVER;
    if (past_read(recall->past, recall->next, &line, &recall->err) < 0)
        return NOT_YET;
    struct trail *trail = past_at(recall->past, recall->next)->trail;
    enum delivery delivery = line_deliver(recall, trail, &line);
    past_line_release(&line);
    return delivery;
}

static void recall_end(struct recall *recall) {
    recall->is_over = true;
    loop_stop(recall->run->loop);
}

static void parted(struct recall *recall) {
    struct past_line line;
    if (recall->err.kind != ERR_NONE ||
        past_read(recall->past, recall->next, &line, &recall->err) < 0)
        return;
    err_set(&recall->err, ERR_INVALID,
            "record %zu, `%s` of `%s`, does not follow from the runbook as it is now",
            recall->next + 1, event_type_name(line.event.type),
            EVENT_HAS(&line.event, step) ? line.event.step : "the run");
    err_hint(&recall->err, "the run can only go on with the runbook that it began with");
    past_line_release(&line);
}

/* One record a turn: what follows from it comes about before the next. */
static void turn(void *user) {
    struct recall *recall = user;
    struct run *run = recall->run;
    enum delivery delivery = NOTHING_TO_DELIVER;
    if (run->pump_asked) {
        loop_defer(run->loop, turn, recall);
        return;
    }
    while (delivery == NOTHING_TO_DELIVER && recall->next < past_count(recall->past)) {
        delivery = deliver(recall);
        recall->next += delivery != NOT_YET;
    }
    if (delivery == DELIVERED && recall->err.kind == ERR_NONE) {
        sched_pump(run);
        loop_defer(run->loop, turn, recall);
        return;
    }
    if (delivery == NOT_YET)
        parted(recall);
    recall_end(recall);
}

/* ---- life ---------------------------------------------------------------------------------- */

int recall_run(struct run *run, struct past *past, struct err *err) {
    struct recall *recall = mem_zalloc(sizeof *recall);
    recall->run = run;
    recall->past = past;
    run->recall = recall;
    frame_start(run->root);
    loop_defer(run->loop, turn, recall);
    loop_run(run->loop);
    return recall->err.kind == ERR_NONE ? 0 : err_move(err, &recall->err);
}

void recall_free(struct recall *recall) {
    if (!recall)
        return;
    for (size_t i = 0; i < recall->unrecorded.count; i++)
        past_line_release(&recall->unrecorded.items[i]);
    vec_release(&recall->unrecorded);
    vec_release(&recall->held);
    err_release(&recall->err);
    mem_free(recall);
}

/* ---- letting go ---------------------------------------------------------------------------- */

static void trail_lock(void *user, struct trail *trail) {
    struct recall *recall = user;
    if (trail->task && recall->err.kind == ERR_NONE &&
        task_lock_retake(trail->task, &recall->err) < 0)
        err_hint(&recall->err,
                 "the other run got the lock when this one's engine died: let it end");
}

int recall_locks(struct run *run, struct err *err) {
    struct recall *recall = run->recall;
    past_each_trail(recall->past, trail_lock, recall);
    return recall->err.kind == ERR_NONE ? 0 : err_move(err, &recall->err);
}

static void trail_go_on(void *user, struct trail *trail) {
    struct recall *recall = user;
    if (trail->task)
        sched_slot_take(task_node(trail->task));
    if (trail->task)
        task_go_on(trail->task, recall->past, trail);
}

void recall_release(struct recall *recall) {
    struct run *run = recall->run;
    if (run->options.roll_back)
        run_roll_back(run);
    for (size_t i = 0; i < recall->unrecorded.count; i++)
        run_record(run, &recall->unrecorded.items[i].event);
    services_go_on(run);
    past_each_trail(recall->past, trail_go_on, recall);
    for (size_t i = 0; i < recall->held.count; i++)
        sched_ready(recall->held.items[i]);
    recall_free(recall);
    sched_pump(run);
}
