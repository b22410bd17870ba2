#include "run/doubt.h"

#include "base/text.h"
#include "run/probe.h"
#include "run/replay_step.h"

const char *const doubt_answers[] = {
    [DOUBT_DONE] = "done", [DOUBT_NOT_DONE] = "not-done", [DOUBT_RERUN] = "rerun", NULL};

static void doubt_record(struct task *task) {
    struct event event;
    const char *why = act_err(task->act)->message;
    AUTO_TEXT hint = mem_printf("look whether it took effect, then: runbook resume %s --settle "
                                "%s=done, not-done or rerun",
                                store_run_id(task_run(task)->place), task->path);
    node_event(task->node, EVENT_STEP_IN_DOUBT, task->path, &event);
    EVENT_SET(&event, reason, why ? why : "");
    if (task->is_orphaned)
        EVENT_SET(&event, hint, hint);
    run_record(task_run(task), &event);
}

static void resolved_record(struct task *task, enum doubt_answer answer, const char *reason,
                            const char *by) {
    struct event event;
    node_event(task->node, EVENT_STEP_RESOLVED, task->path, &event);
    EVENT_SET(&event, status, doubt_answers[answer]);
    EVENT_SET(&event, reason, reason);
    if (by)
        EVENT_SET(&event, by, by);
    run_record(task_run(task), &event);
}

/* ---- an answer ------------------------------------------------------------------------------ */

/* What an engine's death kept from happening is begun once more; what may have happened is only
 * where somebody says so. */
static void begin_again(struct task *task, enum doubt_answer answer) {
    if (answer == DOUBT_NOT_DONE) {
        task->unhappened++;
        act_free(task->act);
        task->act = NULL;
    }
    task_attempt_begin(task);
}

static void settle_undone(struct task *task, enum doubt_answer answer) {
    bool is_certain = answer == DOUBT_NOT_DONE;
    struct verdict verdict = {.error = is_certain ? "it was in doubt, and did not happen"
                                                  : "it may have happened"};
    if (task->act)
        task_verdict(task, &verdict);
    verdict.outcome = task->is_cancelled ? STEP_CANCELLED : STEP_FAILED;
    verdict.without_effect = is_certain;
    task_finish(task, &verdict);
}

static void settle(struct task *task, enum doubt_answer answer) {
    struct verdict verdict = {.outcome = STEP_SUCCEEDED};
    if (answer == DOUBT_DONE)
        task_finish(task, &verdict);
    else if (task->is_orphaned && task_run(task)->unsettled)
        sched_pump(task_run(task)); /* the next resume begins it again; this one may be over */
    else if (task->is_orphaned && task_may_go_on(task))
        begin_again(task, answer);
    else
        settle_undone(task, answer);
}

void doubt_settled(struct task *task, const char *answer) {
    task->is_orphaned = true;
    for (enum doubt_answer i = 0; i < DOUBT_ANSWER_COUNT; i++)
        if (text_equal(doubt_answers[i], answer))
            settle(task, i);
}

/* ---- who may know --------------------------------------------------------------------------- */

/* Only a person can tell: nothing more is begun, and the run is left as it stands. */
static void leave_to_people(struct task *task) {
    struct run *run = task_run(task);
    run->unsettled++;
    sched_pump(run);
}

static void ask_effect(struct task *task) {
    enum effect effect = step_effect(task->step);
    /* What is undone in any case needs no word before. */
    bool is_undone = task_run(task)->rolls_back && task->node->frame->phase == PHASE_RUN;
    if (!task->is_orphaned || is_undone) {
        task_attempt_over(task);
        return;
    }
    if (effect == EFFECT_ONCE) {
        leave_to_people(task);
        return;
    }
    AUTO_TEXT reason = mem_printf("its effect is `%s`: it may be repeated", effect_name(effect));
    resolved_record(task, DOUBT_RERUN, reason, NULL);
    settle(task, DOUBT_RERUN);
}

static void probe_answered(void *user, enum probe_answer answer, const char *why) {
    struct task *task = user;
    bool holds = answer == PROBE_HOLDS;
    if (answer == PROBE_SILENT) {
        ask_effect(task);
        return;
    }
    AUTO_TEXT reason = mem_printf("`done_when` %s%s%s", holds ? "holds" : "does not hold",
                                  why ? ": " : "", why ? why : "");
    resolved_record(task, holds ? DOUBT_DONE : DOUBT_NOT_DONE, reason, NULL);
    settle(task, holds ? DOUBT_DONE : DOUBT_NOT_DONE);
}

static const char *settle_find(const char *const *settle, const char *path) {
    size_t length = strlen(path);
    for (; settle && *settle; settle++)
        if (strncmp(*settle, path, length) == 0 && (*settle)[length] == '=')
            return *settle + length + 1;
    return NULL;
}

/* The word of whoever resumes the run. */
static bool ask_person(struct task *task) {
    struct run *run = task_run(task);
    const char *answer = settle_find(run->options.settle, task->path);
    if (!answer)
        return false;
    for (enum doubt_answer i = 0; i < DOUBT_ANSWER_COUNT; i++)
        if (text_equal(doubt_answers[i], answer)) {
            resolved_record(task, i, "a person looked", run->user);
            settle(task, i);
        }
    return true;
}

static void ask_others(struct task *task) {
    if (ask_person(task))
        return;
    if (!task->step->more->done_when) {
        ask_effect(task);
        return;
    }
    probe_free(task->probe);
    task->probe =
        probe_new(task->node->frame, task->step->more->done_when, task->path, probe_answered, task);
}

/* ---- the system itself ---------------------------------------------------------------------- */

void doubt_restart(struct task *task, const struct step_doubt *doubt, int64_t elapsed_ms,
                   void (*ended)(void *user, struct step_ctx *act)) {
    AUTO_TEXT label = task_label(task);
    act_free(task->act);
    task->act = act_new(&(struct act_spec){
        .frame = task->node->frame,
        .step = task->step,
        .path = task->path,
        .label = label,
        .attempt = task->attempt,
        .timeout_ms = task_attempt_limit(task),
        .is_resumed = true,
        .elapsed_ms = elapsed_ms,
        .user = task,
        .ended = ended,
    });
    if (doubt)
        act_settle(task->act, doubt);
    else
        act_start(task->act);
    if (task->is_cancelled)
        act_cancel(task->act, false);
}

static void system_answered(void *user, struct step_ctx *act) {
    struct task *task = user;
    bool holds = act_outcome(act) == STEP_SUCCEEDED;
    if (act_outcome(act) == STEP_IN_DOUBT) {
        ask_others(task);
        return;
    }
    const char *why = act_err(act)->message;
    resolved_record(task, holds ? DOUBT_DONE : DOUBT_NOT_DONE,
                    why ? why : "the system itself says so", NULL);
    task_act_over(task, act);
}

void doubt_tell(struct task *task) {
    doubt_record(task);
}

void doubt_leave(struct task *task) {
    leave_to_people(task);
}

void doubt_resolve(struct task *task, const struct event *event) {
    for (enum doubt_answer i = 0; i < DOUBT_ANSWER_COUNT; i++)
        if (text_equal(doubt_answers[i], event->status))
            resolved_record(task, i, event->reason, EVENT_HAS(event, by) ? event->by : NULL);
}

void doubt_begin(struct task *task) {
    struct step_doubt doubt;
    if (task_run(task)->replay) {
        replay_doubt(task);
        return;
    }
    doubt_record(task);
    if (!task->step->type->settle || !act_committing(task->act, &doubt)) {
        ask_others(task);
        return;
    }
    AUTO_TEXT id = mem_strdup(doubt.transaction_id);
    AUTO_VALUE data = value_copy(doubt.data);
    doubt = (struct step_doubt){id, data};
    doubt_restart(task, &doubt, 0, system_answered);
}

static void gone_on(void *user, struct step_ctx *act) {
    struct task *task = user;
    if (act_outcome(act) == STEP_IN_DOUBT) {
        doubt_record(task);
        ask_others(task);
    } else if (act_outcome(act) == STEP_FAILED && act_without_effect(act)) {
        const char *why = act_err(act)->message;
        resolved_record(task, DOUBT_NOT_DONE, why ? why : "it did not happen", NULL);
        settle(task, DOUBT_NOT_DONE);
    } else {
        task_act_over(task, act);
    }
}

void doubt_go_on(struct task *task, const struct step_doubt *doubt, int64_t elapsed_ms) {
    task->is_orphaned = true;
    if (!task->step->type->is_passive) {
        doubt_restart(task, doubt, elapsed_ms, gone_on);
        return;
    }
    /* People, or the clock, are asked once more: nothing was done yet. */
    if (task_run(task)->unsettled)
        return;
    if (task_may_go_on(task) && !task->is_cancelled)
        doubt_restart(task, NULL, elapsed_ms, task_act_over);
    else
        task_call_off(task, "the run was stopped while it waited");
}
