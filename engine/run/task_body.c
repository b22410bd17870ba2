/* Tasks whose step is carried out by frames of its own: loops, calls, groups with a life. */
#include "run/body.h"
#include "run/judge.h"
#include "run/replay_step.h"
#include "run/task.h"

bool task_owns_keys(const struct task *task) {
    struct step_expansion inner = {0};
    return !body_is_loop(task->node) || (step_expand(task->step, &inner) && inner.steps);
}

static void body_judge(struct task *task, struct verdict *verdict, struct err *err) {
    struct expr_input run = scope_input_public(task->node->frame);
    value outputs;
    AUTO_VALUE known = task_run(task)->replay ? replay_outputs(task) : value_none();
    if (judge_expect(task->step, task->body.data, &run, err) < 0 ||
        judge_outputs(task->step, task->body.data, &run, NULL, known, &outputs, err) < 0) {
        *verdict = (struct verdict){.outcome = STEP_FAILED, .error = err->message};
        return;
    }
    if (task->step->more->outputs.count) {
        value_free(task->body.outputs);
        task->body.outputs = outputs;
    } else {
        value_free(outputs);
    }
}

static void body_ended(void *user, struct body_end *end) {
    struct task *task = user;
    AUTO_ERR err = ERR_INIT;
    struct verdict verdict = {.outcome = end->ok          ? STEP_SUCCEEDED
                                         : end->cut_short ? STEP_CANCELLED
                                                          : STEP_FAILED,
                              .error = end->error};
    result_of_act(&task->body, NULL);
    task->body.data = value_set(end->result, "duration_ms",
                                value_integer((clock_mono_ns() - task->began_ns) / NS_PER_MS));
    task->body.outputs = value_get(task->body.data, "outputs");
    if (!end->ok && end->cut_short)
        verdict.error = "the run was stopped before it was finished";
    if (task->is_late) {
        verdict.outcome = STEP_FAILED;
        verdict.error = "its members did not end in time";
    }
    if (verdict.outcome == STEP_SUCCEEDED && task_owns_keys(task))
        body_judge(task, &verdict, &err);
    task_finish(task, &verdict);
}

void task_body_late(struct task *task) {
    task->is_late = true;
    body_stop(task->node);
}

static void time_is_up(void *user) {
    task_body_late(user);
}

/* `defaults.timeout` is for steps that act; a body has its own limit or none. */
static int64_t body_limit(const struct task *task) {
    int64_t timeout = task->step->timeout_ms, deadline = task->step->more->deadline_ms;
    if (!task_owns_keys(task))
        return 0;
    return timeout > 0 && (deadline <= 0 || timeout < deadline) ? timeout : deadline;
}

void task_body_go_on(struct task *task, int64_t elapsed_ms) {
    int64_t limit = body_limit(task);
    if (limit > 0)
        task->timer = loop_timer_new(task_run(task)->loop,
                                     limit > elapsed_ms ? limit - elapsed_ms : 0, time_is_up, task);
}

void task_body_begin(struct task *task) {
    AUTO_ERR err = ERR_INIT;
    result_of_act(&task->body, NULL);
    if (!task_run(task)->recall)
        task_body_go_on(task, 0);
    /* It may have ended, and the task with it, when this returns without an error. */
    if (body_start(task->node, body_ended, task, &err) == 0)
        return;
    struct verdict verdict = {
        .outcome = STEP_FAILED, .without_effect = true, .error = err.message, .hint = err.hint};
    task_finish(task, &verdict);
}
