/* A node's step being carried out: done_when, lock, attempts with their retries, and the verdict
 * that settles the node. */
#include "run/task.h"

#include "base/text.h"
#include "plan/lines.h"
#include "run/body.h"
#include "run/commit.h"
#include "run/doubt.h"
#include "run/dryrun.h"
#include "run/lock.h"
#include "run/objectives.h"
#include "run/probe.h"
#include "run/recall.h"
#include "run/replay_step.h"
#include "run/service.h"
#include "run/task_recall.h"

#define STARTED_VALUE_MAX 16384 /* bytes of JSON of the item, and of the plan, in a record */

struct run *task_run(const struct task *task) {
    return task->node->frame->run;
}

static const struct retry *task_retry(const struct task *task) {
    return task_retry_of(task->step, task->node->frame->file);
}

/* A step and its handler share their path, but neither output files nor tokens. */
char *task_label(const struct task *task) {
    const char *undo = task->node->frame->phase == PHASE_ROLLBACK ? "rollback." : "";
    return mem_printf("%s%lld", undo, (long long)task->attempt);
}

struct node *task_node(const struct task *task) {
    return task->node;
}

void task_free(struct task *task) {
    if (!task)
        return;
    probe_free(task->probe);
    lock_free(task->lock);
    if (!task->service)
        act_free(task->act);
    loop_timer_free(task->timer);
    result_release(&task->body);
    mem_free(task->error);
    mem_free(task->path);
    mem_free(task);
}

static void task_end(struct task *task) {
    struct node *node = task->node;
    node->task = NULL;
    if (task_run(task)->asking == task)
        task_run(task)->asking = NULL;
    task_free(task);
    node_settle(node);
}

/* ---- the end ------------------------------------------------------------------------------- */

static const struct {
    const char *status;
    enum state_event event;
} outcomes[] = {
    [STEP_SUCCEEDED] = {"succeeded", STATE_EVENT_SUCCEED},
    [STEP_FAILED] = {"failed", STATE_EVENT_FAIL},
    [STEP_CANCELLED] = {"cancelled", STATE_EVENT_CANCEL},
    [STEP_IN_DOUBT] = {"in_doubt", STATE_EVENT_DOUBT},
    [STEP_REJECTED] = {"failed", STATE_EVENT_FAIL},
};

static void finish_record(struct task *task, const struct verdict *verdict, struct result *result) {
    struct node *node = task->node;
    struct event event;
    AUTO_TEXT label = task_label(task);
    node_event(node, EVENT_STEP_FINISHED, task->path, &event);
    EVENT_SET(&event, attempt, task->attempt);
    EVENT_SET(&event, status, outcomes[verdict->outcome].status);
    EVENT_SET(&event, duration_ms, node->duration_ms);
    if (node->without_effect)
        EVENT_SET(&event, without_effect, true);
    if (verdict->outcome != STEP_SUCCEEDED && node_is_tolerated(node))
        EVENT_SET(&event, tolerated, true);
    if (verdict->error)
        EVENT_SET(&event, error, verdict->error);
    if (verdict->hint)
        EVENT_SET(&event, hint, verdict->hint);
    if (verdict->error && verdict->last_lines && *verdict->last_lines)
        EVENT_SET(&event, reason, verdict->last_lines);
    if (!task->is_recalled && !task_run(task)->replay)
        result_record(result, task_run(task), task->step, task->path, label, &event);
    AUTO_VALUE notes = value_null();
    dryrun_record(task, &event, &notes);
    node_record(node, &event, outcomes[verdict->outcome].event);
    if (task->act)
        act_recorded(task->act);
}

/* Not by `.steps`, whose results are dropped where no expression looks at them. */
static void undo_remember(const struct task *task, const struct result *result) {
    const struct step *handler = task->step->more->rollback;
    if (!handler || !task->step->type->inverse || handler->spec != task->step->spec ||
        !value_is(result->data, VALUE_OBJECT))
        return;
    mem_free(task->node->done);
    task->node->done = value_to_json(result->data);
}

/* Where nothing asks for results none is made, which was a thirtieth of an HTTP step. */
static void result_tell(const struct task *task, const struct verdict *verdict,
                        const struct result *result) {
    const struct run *run = task_run(task);
    if (!run->keeps_results && !run->replay && !run->options.dry_run)
        return;
    value published = result_publish(result, outcomes[verdict->outcome].status, task->attempt,
                                     task->node->duration_ms, verdict->error);
    published = dryrun_publish(task, verdict->outcome == STEP_SUCCEEDED, published);
    if (run->replay)
        published = replay_publish(task, published);
    scope_publish(task->node, published);
}

void task_finish(struct task *task, const struct verdict *verdict) {
    struct node *node = task->node;
    struct run *run = task_run(task);
    node->duration_ms = (clock_mono_ns() - task->began_ns) / NS_PER_MS;
    node->without_effect = verdict->without_effect && !task->had_effect;
    char *before = task->error; /* it may be the verdict's */
    task->error = verdict->error ? mem_strdup(verdict->error) : NULL;
    node->is_doubt = verdict->outcome == STEP_IN_DOUBT;
    run->doubts += node->is_doubt;
    if (verdict->outcome != STEP_SUCCEEDED)
        run_error_is(run, task->error, verdict->outcome == STEP_REJECTED);
    bool has_own = task->is_body || task->is_recalled;
    struct result result;
    if (has_own)
        result = task->body;
    else
        result_of_act(&result, task->act);
    undo_remember(task, &result);
    finish_record(task, verdict, &result);
    if (task_owns_keys(task))
        objectives_note(node, verdict->outcome == STEP_SUCCEEDED, result.data);
    result_tell(task, verdict, &result);
    if (has_own)
        task->body = result;
    else
        result_release(&result);
    mem_free(before);
    task_end(task);
}

/* Gates and pauses, which change nothing. */
static bool is_idle(const struct task *task) {
    return task->act && task->step->type->is_passive && step_effect(task->step) == EFFECT_READ;
}

void task_verdict(const struct task *task, struct verdict *ret) {
    if (!task->act) { /* the last attempt was an engine's before this one, see retry_recall */
        *ret = (struct verdict){
            .outcome = STEP_FAILED, .without_effect = !task->had_effect, .error = task->error};
        return;
    }
    enum step_outcome outcome = act_outcome(task->act);
    *ret = (struct verdict){
        .outcome = outcome,
        .without_effect =
            act_without_effect(task->act) || (outcome == STEP_CANCELLED && is_idle(task)),
        .error = act_err(task->act)->message,
        .hint = act_err(task->act)->hint,
        .last_lines = step_hides_output(task->step) ? NULL : act_last_lines(task->act),
    };
    if (ret->outcome != STEP_SUCCEEDED && !ret->error)
        ret->error = "it failed without saying why";
}

void task_attempt_over(struct task *task) {
    struct verdict verdict;
    task_verdict(task, &verdict);
    if (!task_ask(task, &verdict))
        task_finish(task, &verdict);
}

/* Whether it may begin something: the run may have failed while it waited. */
bool task_may_go_on(const struct task *task) {
    return !task->is_cancelled && frame_may_start(task->node->frame);
}

void task_call_off(struct task *task, const char *why) {
    struct verdict verdict = {.outcome = STEP_CANCELLED, .without_effect = true, .error = why};
    task_finish(task, &verdict);
}

/* ---- attempts ------------------------------------------------------------------------------ */

void task_attempt_next(void *user) {
    struct task *task = user;
    loop_timer_free(task->timer);
    task->timer = NULL;
    if (task_run(task)->unsettled)
        sched_pump(task_run(task)); /* the next resume begins it */
    else if (task_may_go_on(task))
        task_attempt_begin(task);
    else
        task_attempt_over(task); /* the run was stopped while the step waited for it */
}

static bool retry_wanted(struct task *task, const struct retry *retry, struct err *err) {
    AUTO_VALUE data = act_data(task->act);
    struct expr_input run = scope_input_public(task->node->frame);
    struct expr_dot dot = {data, &run};
    struct expr_input input = expr_input_dot(&dot);
    bool wanted = true;
    if (retry->when && expr_test(retry->when, &input, &wanted, err) < 0)
        return false;
    return wanted;
}

static bool retry_try(struct task *task) {
    const struct retry *retry = task_retry(task);
    AUTO_ERR err = ERR_INIT;
    if (!retry || task->attempt - task->unhappened >= retry->attempts || task->is_cancelled ||
        task->is_rehearsed || act_outcome(task->act) != STEP_FAILED ||
        (!frame_may_start(task->node->frame) && !task_run(task)->unsettled) ||
        !retry_wanted(task, retry, &err))
        return false;
    int64_t delay =
        task_run(task)->replay
            ? replay_delay(task, task_retry_delay(retry, task->attempt - task->unhappened))
            : task_retry_delay(retry, task->attempt - task->unhappened);
    if (task_run(task)->replay && replay_gave_up(task))
        return false;
    if (task->deadline_ns && clock_mono_ns() + delay * NS_PER_MS >= task->deadline_ns)
        return false;
    struct event event;
    struct result result;
    AUTO_TEXT label = task_label(task);
    result_of_act(&result, task->act);
    node_event(task->node, EVENT_STEP_RETRYING, task->path, &event);
    EVENT_SET(&event, attempt, task->attempt);
    EVENT_SET(&event, attempts, retry->attempts);
    EVENT_SET(&event, delay_ms, delay);
    EVENT_SET(&event, duration_ms, act_duration_ms(task->act));
    EVENT_SET(&event, error, act_err(task->act)->message);
    if (act_without_effect(task->act))
        EVENT_SET(&event, without_effect, true);
    if (!task_run(task)->replay)
        result_record(&result, task_run(task), task->step, task->path, label, &event);
    node_record(task->node, &event, STATE_EVENT_WAIT);
    act_recorded(task->act);
    result_release(&result);
    task->timer = task_run(task)->replay
                      ? replay_pause(task, delay)
                      : loop_timer_new(task_run(task)->loop, delay, task_attempt_next, task);
    return true;
}

void task_act_over(void *user, struct step_ctx *act) {
    struct task *task = user;
    loop_timer_free(task->timer);
    task->timer = NULL;
    if (task_run(task)->replay && replay_again(task))
        return;
    if (act_outcome(act) == STEP_IN_DOUBT)
        doubt_begin(task);
    else if (!retry_try(task))
        task_attempt_over(task);
}

void task_service_ready(void *user, struct service *service, const char *error) {
    struct task *task = user;
    struct event event;
    task->act = service_act(service);
    if (error) {
        struct verdict verdict = {.outcome = task->is_cancelled ? STEP_CANCELLED : STEP_FAILED,
                                  .error = error,
                                  .last_lines = act_last_lines(task->act)};
        task_finish(task, &verdict);
        return;
    }
    node_event(task->node, EVENT_STEP_READY, task->path, &event);
    EVENT_SET(&event, duration_ms, (clock_mono_ns() - task->began_ns) / NS_PER_MS);
    run_record(task_run(task), &event);
    struct verdict verdict = {.outcome = STEP_SUCCEEDED};
    task_finish(task, &verdict);
}

/* What is left of the deadline bounds the attempt, too. */
int64_t task_attempt_limit(const struct task *task) {
    int64_t limit = task_timeout_of(task->step, task->node->frame->file);
    if (!task->deadline_ns)
        return limit;
    int64_t left = (task->deadline_ns - clock_mono_ns()) / NS_PER_MS;
    left = left < 1 ? 1 : left;
    return limit && limit < left ? limit : left;
}

/* ---- the effect ------------------------------------------------------------------------------ */

static void intent_durable(void *user) {
    struct task *task = user;
    const struct step *step = task->is_tried ? task->step->more->dry_run : task->step;
    AUTO_TEXT label = task_label(task);
    if (task_run(task)->stage == STAGE_OVER)
        return;
    /* What the transcript says has started may end, as what runs beside a failure may. */
    if (task->is_cancelled) {
        task_call_off(task, "cancelled before it began");
        return;
    }
    if (task->is_body) {
        task_body_begin(task);
        return;
    }
    if (step->background && !task->is_rehearsed) {
        task->service = service_new(task->node, task->path, label, task_attempt_limit(task),
                                    task_service_ready, task);
        return;
    }
    task->act = act_new(&(struct act_spec){
        .frame = task->node->frame,
        .step = step,
        .path = task->path,
        .label = label,
        .attempt = task->attempt,
        .timeout_ms =
            task->is_rehearsed ? dryrun_limit(task_attempt_limit(task)) : task_attempt_limit(task),
        .is_rehearsal = task->is_rehearsed,
        .in_place_of = task->is_tried ? task->step : NULL,
        .user = task,
        .ended = task_act_over,
    });
    act_start(task->act);
}

/* What the engine itself does, and what changes nothing, needs no intent on disk: 50 GET in flight
 * waited for one sync after another, for 30 times as long as for the answers. A command's guard
 * must know of it, and whoever is asked sees it in the transcript. */
static bool begins_at_once(const struct task *task) {
    const struct step_type *type = task->step->type;
    const struct frame *frame = task->node->frame;
    return !type->is_command && !type->is_passive && !task->is_body && !task->is_tried &&
           !task->is_rehearsed && frame->phase == PHASE_RUN &&
           step_effect(task->step) == EFFECT_READ && commit_lets_read(frame->run->commit);
}

static void intent_await(struct task *task) {
    struct run *run = task_run(task);
    if (run->recall) {
        task_await_recalled(task);
    } else if (run->replay) {
        loop_defer(run->loop, intent_durable, task);
    } else if (!commit_syncs(run->commit) || begins_at_once(task)) {
        commit_then(run->commit, NULL, NULL);
        loop_defer(run->loop, intent_durable, task);
    } else if (!run->acts) {
        commit_alone(run->commit, intent_durable, task);
    } else {
        commit_then(run->commit, intent_durable, task);
    }
}

void task_attempt_begin(struct task *task) {
    struct frame *frame = task->node->frame;
    const struct retry *retry = task_retry(task);
    struct event event;
    task->had_effect |= task->act && !act_without_effect(task->act);
    act_free(task->act);
    task->act = NULL;
    task->is_orphaned = false;
    int64_t recorded = frame->run->recall ? recall_attempt(frame->run->recall, task) : 0;
    task->attempt = recorded ? recorded : task->attempt + 1;
    task->has_begun = true;
    /* The members of a body have records of their own. */
    const struct step *shown = task->is_tried ? task->step->more->dry_run : task->step;
    AUTO_VALUE plan = task->is_body
                          ? value_array()
                          : result_fit(plan_lines(shown, PLAN_LINE_MAX), STARTED_VALUE_MAX);
    AUTO_TEXT label = task_label(task);
    AUTO_TEXT token = mem_printf("%s:%s:%s", store_run_id(frame->run->place), task->path, label);
    node_event(task->node, EVENT_STEP_STARTED, task->path, &event);
    if (task->step->title)
        EVENT_SET(&event, title, task->step->title);
    EVENT_SET(&event, action, body_action(task->node));
    EVENT_SET(&event, effect, effect_name(step_effect(task->step)));
    EVENT_SET(&event, attempt, task->attempt);
    /* One that a crash left in doubt is begun again whatever was allowed. */
    int64_t most = retry ? retry->attempts : 1;
    EVENT_SET(&event, attempts, most > task->attempt ? most : task->attempt);
    AUTO_VALUE item = result_fit(value_copy(frame->item), STARTED_VALUE_MAX);
    if (frame->is_single && !value_is(frame->item, VALUE_NONE))
        EVENT_SET(&event, item, item);
    EVENT_SET(&event, token, token);
    EVENT_SET(&event, plan, plan);
    node_record(task->node, &event, STATE_EVENT_START);
    intent_await(task);
}

/* ---- the beginning ------------------------------------------------------------------------- */

static void attempts_begin(struct task *task) {
    int64_t deadline = task_deadline_of(task->step, task->node->frame->file);
    task->began_ns = clock_mono_ns();
    if (deadline > 0)
        task->deadline_ns = task->began_ns + deadline * NS_PER_MS;
    task_attempt_begin(task);
}

static void lock_waits(void *user, const char *who) {
    struct task *task = user;
    struct event event;
    node_event(task->node, EVENT_STEP_WAITING, task->path, &event);
    EVENT_SET(&event, reason, who);
    node_record(task->node, &event, STATE_EVENT_WAIT);
    sched_slot_lend(task->node);
}

void task_resume(struct task *task) {
    if (!task->wants_slot || task_run(task)->unsettled)
        return;
    task->wants_slot = !sched_slot_regain(task->node);
    if (!task->wants_slot && task_may_go_on(task))
        attempts_begin(task);
    else if (!task->wants_slot)
        task_call_off(task, "the run was stopped while it waited for its lock");
}

static void lock_taken(void *user, struct err *err) {
    struct task *task = user;
    if (!err) {
        task->wants_slot = true;
        task_resume(task);
        return;
    }
    struct verdict verdict = {
        .outcome = STEP_FAILED, .without_effect = true, .error = err->message, .hint = err->hint};
    task_finish(task, &verdict);
}

/* A called runbook's own lock is held while it runs. */
static const char *task_lock(const struct task *task) {
    struct step_expansion inner = {0};
    if (!task_owns_keys(task) || task->is_rehearsed)
        return NULL;
    if (!task->step->more->lock && step_expand(task->step, &inner) && inner.runbook)
        return runbook_lock(inner.runbook);
    return task->step->more->lock;
}

/* What contains the step may hold the lock already. Then the lock is one of those within: the
 * step would wait for itself, and still excludes its siblings. */
static char *lock_name(const struct task *task, const char *lock) {
    const char *outermost = runbook_lock(task_run(task)->runbook);
    int64_t holders = outermost && text_equal(outermost, lock);
    for (const struct node *at = task->node->frame->owner; at; at = at->frame->owner) {
        const char *held = at->task && at->task->lock ? task_lock(at->task) : NULL;
        holders += held && text_equal(held, lock);
    }
    return holders ? mem_printf("%s, within %lld", lock, (long long)holders) : mem_strdup(lock);
}

int task_lock_retake(struct task *task, struct err *err) {
    const char *lock = task_lock(task);
    AUTO_TEXT name = lock ? lock_name(task, lock) : NULL;
    return name ? lock_take(task_run(task), name, &task->lock, err) : 0;
}

void task_lock_begin(struct task *task) {
    const char *lock = task_lock(task);
    if (!lock) {
        attempts_begin(task);
        return;
    }
    AUTO_TEXT name = lock_name(task, lock);
    task->lock = lock_new(task_run(task), name, lock_waits, lock_taken, task);
    if (task_run(task)->replay)
        replay_lock(task);
}

static void done_answered(void *user, enum probe_answer answer, const char *why) {
    struct task *task = user;
    (void)why;
    if (answer != PROBE_HOLDS && task_may_go_on(task)) {
        task_lock_begin(task);
        return;
    }
    if (answer != PROBE_HOLDS) {
        task_call_off(task, "cancelled before it began");
        return;
    }
    struct node *node = task->node;
    node->task = NULL;
    task_free(task);
    node_skip(node, "already done: `done_when` holds");
}

/* What was taken back when the run was gone on with behind its end was done all the same: its
 * output is there, under its number. */
static void attempts_continue(struct task *task) {
    const struct run *run = task_run(task);
    const char *phase = phase_name(task->node->frame->phase);
    const struct trail *trail =
        run->past && !run->recall ? past_trail(run->past, phase, task->path) : NULL;
    if (run->replay)
        task->attempt = replay_attempts(task);
    else if (trail)
        task->attempt = past_attempts(run->past, trail);
    task->unhappened = task->attempt;
}

/* Whether it is done already. */
static bool task_asks_first(const struct task *task) {
    const struct frame *frame = task->node->frame;
    return task->step->more->done_when && task_owns_keys(task) && frame->phase != PHASE_ROLLBACK &&
           (!frame->run->options.dry_run || dryrun_knows(frame, task->step->more->done_when));
}

void task_begin(struct node *node) {
    struct task *task = mem_zalloc(sizeof *task);
    task->node = node;
    task->step = node_step(node);
    task->path = node_path(node);
    task->began_ns = clock_mono_ns();
    node->task = task;
    attempts_continue(task);
    task->is_body = body_is_needed(node);
    task->unknown_before = task_run(task)->dry_unknown;
    if (task_run(task)->options.dry_run)
        dryrun_choose(task);
    if (node->frame->run->recall)
        attempts_begin(task);
    else if (task_asks_first(task))
        task->probe =
            probe_new(node->frame, task->step->more->done_when, task->path, done_answered, task);
    else
        task_lock_begin(task);
}

/* Until its next attempt. */
static bool is_pausing(const struct task *task) {
    return task->timer && task->act && !task->service;
}

/* Between two attempts, or for its lock. */
static bool is_waiting(const struct task *task) {
    return is_pausing(task) || (task->lock && !task->has_begun);
}

bool task_is_certain(const struct task *task) {
    return is_pausing(task) || task->is_queued || task_run(task)->asking == task;
}

bool task_may_have_done(const struct task *task) {
    if (task_is_certain(task))
        return task->had_effect || !act_without_effect(task->act);
    return task->has_begun && !is_idle(task);
}

static void wait_end(struct task *task) {
    if (!task->has_begun) {
        task_call_off(task, "cancelled while it waited for its lock");
        return;
    }
    loop_timer_free(task->timer);
    task->timer = NULL;
    task_attempt_over(task);
}

void task_cancel(struct task *task) {
    task->is_cancelled = true;
    if (task_run(task)->asking == task) {
        task_choose(task, RUN_ROLLBACK);
        return;
    }
    if (task->is_queued)
        task_unask(task);
    else if (is_waiting(task))
        wait_end(task);
    else if (task->service)
        act_cancel(service_act(task->service), false);
    else if (task->act)
        act_cancel(task->act, false);
    else if (task->probe && !task->has_begun)
        probe_cancel(task->probe);
}

/* A gate's answer, or the end of a wait, would open nothing any more. */
void task_drain(struct task *task) {
    if (task_run(task)->asking == task)
        return;
    if (task->is_queued)
        task_unask(task);
    else if (is_waiting(task))
        wait_end(task);
    else if (is_idle(task))
        task_cancel(task);
}
