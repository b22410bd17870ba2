#include "run/task_recall.h"

#include "base/text.h"
#include "run/doubt.h"
#include "run/hiding.h"
#include "run/recall.h"
#include "run/restore.h"
#include "run/service.h"

static struct recall *recall_of(const struct task *task) {
    return task_run(task)->recall;
}

void task_await_recalled(struct task *task) {
    recall_await(recall_of(task), task);
    if (task->is_body)
        task_body_begin(task);
}

/* ---- what is recorded ---------------------------------------------------------------------- */

/* The next attempt follows at once, as the records do; where it is not recorded, the pause before
 * it is what is left. */
static void retry_recall(struct task *task, const struct event *event) {
    struct event told;
    task->had_effect |= !EVENT_HAS(event, without_effect);
    mem_free(task->error);
    task->error = mem_strdup(EVENT_HAS(event, error) ? event->error : "it failed");
    node_event(task->node, EVENT_STEP_RETRYING, task->path, &told);
    EVENT_SET(&told, delay_ms, event->delay_ms);
    node_record(task->node, &told, STATE_EVENT_WAIT);
    task->is_between = !recall_attempt(recall_of(task), task);
    if (!task->is_between)
        task_attempt_begin(task);
}

void task_again_recalled(struct task *task, const struct event *event) {
    task->had_effect |= !EVENT_HAS(event, without_effect);
    task->is_between = !recall_attempt(recall_of(task), task);
    if (!task->is_between)
        task_attempt_begin(task);
}

static void ready_recall(struct task *task) {
    struct event told;
    AUTO_TEXT label = task_label(task);
    struct verdict verdict = {.outcome = STEP_SUCCEEDED};
    node_event(task->node, EVENT_STEP_READY, task->path, &told);
    run_record(task_run(task), &told);
    service_recall(task->node, task->path, label);
    task_finish(task, &verdict);
}

static void doubt_recall(struct task *task, const struct event *event) {
    struct event told;
    node_event(task->node, event->type, task->path, &told);
    run_record(task_run(task), &told);
    bool is_rerun =
        event->type == EVENT_STEP_RESOLVED && text_equal(event->status, doubt_answers[DOUBT_RERUN]);
    task->had_effect |= is_rerun;
    task->unhappened += event->type == EVENT_STEP_RESOLVED &&
                        text_equal(event->status, doubt_answers[DOUBT_NOT_DONE]);
    if (event->type == EVENT_STEP_RESOLVED && recall_attempt(recall_of(task), task))
        task_attempt_begin(task);
}

void task_recall(struct task *task, const struct event *event) {
    if (event->type == EVENT_STEP_RETRYING)
        retry_recall(task, event);
    else if (event->type == EVENT_STEP_READY)
        ready_recall(task);
    else
        doubt_recall(task, event);
}

void task_choose_recalled(struct task *task, enum run_choice choice) {
    struct run *run = task_run(task);
    task->node->tolerated = choice == RUN_SKIP;
    if (choice == RUN_STOP)
        run->failure_rule = ON_FAILURE_STOP;
    if (choice == RUN_RETRY && recall_attempt(run->recall, task))
        task_attempt_begin(task);
}

static enum step_outcome outcome_of(const char *status) {
    static const struct {
        const char *status;
        enum step_outcome outcome;
    } known[] = {
        {"succeeded", STEP_SUCCEEDED},
        {"cancelled", STEP_CANCELLED},
        {"in_doubt", STEP_IN_DOUBT},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (text_equal(known[i].status, status))
            return known[i].outcome;
    return STEP_FAILED;
}

/* A step that asked people fails because they said no. */
static bool was_rejected(const struct past *past, const struct trail *trail) {
    for (size_t i = trail->records.count; i-- > 0;)
        if (past_at(past, trail->records.items[i])->type == EVENT_GATE_CLOSED)
            return true;
    return false;
}

int task_finish_recalled(struct task *task, const struct past *past, const struct trail *trail,
                         const struct event *event, struct err *err) {
    enum step_outcome outcome = outcome_of(event->status);
    if (result_restore(&task->body, past_dir(past), task->step, event, err) < 0)
        return -1;
    task->body.outputs =
        hiding_recall(task_run(task), task->step, event->phase, event->step, task->body.outputs);
    task->is_recalled = true;
    task->had_effect = false;
    task->began_ns = clock_mono_ns() - event->duration_ms * NS_PER_MS;
    struct verdict verdict = {
        .outcome = outcome == STEP_FAILED && was_rejected(past, trail) ? STEP_REJECTED : outcome,
        .without_effect = EVENT_HAS(event, without_effect) && event->without_effect,
        .error = EVENT_HAS(event, error) ? event->error : NULL,
        .hint = EVENT_HAS(event, hint) ? event->hint : NULL,
    };
    if (outcome != STEP_SUCCEEDED && !verdict.error)
        verdict.error = "it failed without saying why";
    task_finish(task, &verdict);
    return 0;
}

/* ---- where the records end ----------------------------------------------------------------- */

/* The last record of the type that is not behind a later start; false where there is none. */
static bool last_of(const struct past *past, const struct trail *trail, enum event_type type,
                    struct past_line *ret) {
    for (size_t i = trail->records.count; i-- > 0;) {
        size_t index = trail->records.items[i];
        enum event_type at = (enum event_type)past_at(past, index)->type;
        if (at == type)
            return past_read(past, index, ret, NULL) == 0;
        if (at == EVENT_STEP_STARTED)
            return false;
    }
    return false;
}

static int64_t since(int64_t wall_ns) {
    int64_t passed = (clock_wall_ns() - wall_ns) / NS_PER_MS;
    return passed > 0 ? passed : 0;
}

/* How long ago its attempt began, and its first. */
static void times_restore(struct task *task, const struct past *past, const struct trail *trail,
                          int64_t *ret_elapsed_ms) {
    int64_t deadline = task->deadline_ns ? task->deadline_ns - task->began_ns : 0;
    struct past_line line;
    *ret_elapsed_ms = 0;
    if (last_of(past, trail, EVENT_STEP_STARTED, &line)) {
        *ret_elapsed_ms = since(line.event.wall_ns);
        past_line_release(&line);
    }
    if (past_read(past, trail->records.items[0], &line, NULL) == 0) {
        task->began_ns = clock_mono_ns() - since(line.event.wall_ns) * NS_PER_MS;
        past_line_release(&line);
    }
    if (deadline)
        task->deadline_ns = task->began_ns + deadline;
}

static void pause_go_on(struct task *task, const struct past *past, const struct trail *trail) {
    struct past_line line;
    int64_t left = 0;
    if (last_of(past, trail, EVENT_STEP_RETRYING, &line)) {
        left = line.event.delay_ms - since(line.event.wall_ns);
        past_line_release(&line);
    }
    task->is_between = false;
    task->timer =
        loop_timer_new(task_run(task)->loop, left > 0 ? left : 0, task_attempt_next, task);
}

static void attempt_go_on(struct task *task, const struct past *past, const struct trail *trail,
                          int64_t elapsed_ms) {
    struct past_line line;
    struct step_doubt doubt = {.data = value_null()};
    bool is_committing = last_of(past, trail, EVENT_STEP_COMMITTING, &line);
    value data = value_null();
    if (is_committing) {
        struct result result;
        AUTO_ERR err = ERR_INIT;
        if (result_restore(&result, past_dir(past), task->step, &line.event, &err) == 0)
            data = value_copy(result.data);
        result_release(&result);
        doubt.transaction_id = line.event.transaction_id;
        doubt.data = data;
    }
    doubt_go_on(task, &doubt, elapsed_ms);
    value_free(data);
    if (is_committing)
        past_line_release(&line);
}

/* It was settled, and the engine died before it wrote the end down. */
static bool was_settled(struct task *task, const struct past *past, const struct trail *trail) {
    struct past_line line;
    if (!last_of(past, trail, EVENT_STEP_RESOLVED, &line))
        return false;
    doubt_settled(task, line.event.status);
    past_line_release(&line);
    return true;
}

void task_go_on(struct task *task, const struct past *past, const struct trail *trail) {
    int64_t elapsed_ms;
    times_restore(task, past, trail, &elapsed_ms);
    if (task->is_body)
        task_body_go_on(task, elapsed_ms);
    else if (task->is_between)
        pause_go_on(task, past, trail);
    else if (task->step->background) {
        AUTO_TEXT label = task_label(task);
        task->service = service_resume(task->node, task->path, label, task_attempt_limit(task),
                                       task_service_ready, task);
    } else if (!was_settled(task, past, trail))
        attempt_go_on(task, past, trail, elapsed_ms);
}
