/* An act in a replay: its end is the record's, and what that is worth is judged anew. */
#include "base/text.h"
#include "io/loop.h"
#include "plan/drift.h"
#include "run/act_parts.h"
#include "run/doubt.h"
#include "run/dryrun.h"
#include "run/judge.h"
#include "run/replay_parts.h"
#include "run/restore.h"
#include "run/service.h"

/* How the attempt ended then. */
struct answer {
    enum step_outcome outcome;
    bool without_effect;
    bool is_verdict; /* what it is worth cannot be judged anew */
    const char *error, *hint;
    value data, outputs; /* taken by act_answer */
};

static struct trail *trail_of(const struct step_ctx *act) {
    return replay_trail_of(act->run->replay, act->spec.frame->phase, act->path);
}

/* ---- the end -------------------------------------------------------------------------------- */

/* The act's own part of a task's time, where the record has only the whole. */
static value data_with_time(const struct step_ctx *act, value data_taken) {
    const struct expect *expect = act->spec.step->more->expect;
    int64_t took_ms = act->duration_ms;
    /* How long it took then is known but for the time until its start was on disk. */
    if (!act->run->replay->options.drift && expect && expect->time_ms && took_ms > expect->time_ms)
        took_ms = expect->time_ms;
    value data = value_is(data_taken, VALUE_OBJECT) ? data_taken : value_object();
    return value_set(data, "duration_ms", value_integer(took_ms));
}

static void act_fail(struct step_ctx *act, const struct answer *answer) {
    act->outcome = answer->outcome;
    err_release(&act->err);
    err_set(&act->err, ERR_INVALID, "%s", answer->error ? answer->error : "it failed");
    if (answer->hint)
        err_hint(&act->err, "%s", answer->hint);
}

static void act_answer(struct step_ctx *act, const struct answer *answer) {
    act->over = true;
    act->duration_ms = (clock_mono_ns() - act->began_ns) / NS_PER_MS;
    loop_timer_free(act->timer);
    act->timer = NULL;
    act->outcome = answer->outcome;
    act->without_effect = answer->without_effect;
    if (answer->outcome != STEP_SUCCEEDED)
        act_fail(act, answer);
    act->data = data_with_time(act, answer->data);
    if (answer->is_verdict) {
        act->outputs = answer->outputs;
    } else {
        act->known_outputs = answer->outputs;
        act_judge(act);
    }
    act_tell(act);
}

static void answer_init(struct answer *answer, enum step_outcome outcome, const char *error) {
    *answer = (struct answer){.outcome = outcome,
                              .is_verdict = true,
                              .error = error,
                              .data = value_null(),
                              .outputs = value_null()};
}

static void act_end(struct step_ctx *act, enum step_outcome outcome, const char *error) {
    struct answer answer;
    answer_init(&answer, outcome, error);
    act_answer(act, &answer);
}

/* ---- what the record says ------------------------------------------------------------------- */

static enum step_outcome outcome_then(const struct step_ctx *act, const struct event *event) {
    const struct step_type *type = act->spec.step->type;
    const char *status = EVENT_HAS(event, status) ? event->status : "failed";
    if (text_equal(status, "succeeded"))
        return STEP_SUCCEEDED;
    if (text_equal(status, "cancelled"))
        return STEP_CANCELLED;
    if (text_equal(status, "in_doubt"))
        return STEP_IN_DOUBT;
    /* A gate fails because people said no, or nothing. */
    return type->asks && step_effect(act->spec.step) == EFFECT_READ ? STEP_REJECTED : STEP_FAILED;
}

/* Whether it failed then with a result such as only `expect` refuses. */
static bool has_whole_result(value data) {
    AUTO_VALUE code = value_get(data, "exit_code");
    AUTO_VALUE status = value_get(data, "status");
    AUTO_VALUE rows = value_get(data, "row_count");
    AUTO_VALUE state = value_get(data, "sqlstate");
    int64_t exit_code;
    if (value_as_integer(code, &exit_code))
        return exit_code == 0;
    return value_is(status, VALUE_NUMBER) ||
           (value_is(rows, VALUE_NUMBER) && !value_is(state, VALUE_STRING));
}

/* Whether what was expected then, and is not now, explains that it failed. */
static bool was_unexpected(const struct step_ctx *act) {
    struct expr_input run = scope_input_public(act->spec.frame);
    const struct step *then = drift_step_then(act->run->replay->options.drift,
                                              phase_name(act->spec.frame->phase), act->path);
    AUTO_ERR err = ERR_INIT;
    return then && act->spec.frame->phase != PHASE_ROLLBACK &&
           judge_expect(then, act->data, &run, &err) < 0;
}

/* Whether the end came with what settled a doubt, so that nobody judged a result: a person's word,
 * `done_when`, or that it could not be begun again. */
static bool was_settled(const struct step_ctx *act) {
    struct replay *replay = act->run->replay;
    size_t last = trail_last(replay, trail_of(act));
    struct past_line line;
    if (record_type(replay, last) != EVENT_STEP_RESOLVED || !replay_read(replay, last, &line))
        return false;
    bool by_system = text_equal(line.event.status, doubt_answers[DOUBT_DONE]) &&
                     !EVENT_HAS(&line.event, by) && !act->spec.step->more->done_when;
    past_line_release(&line);
    return !by_system;
}

static void answer_read(struct step_ctx *act, struct past_line *line) {
    struct replay *replay = act->run->replay;
    const struct event *event = &line->event;
    struct result result;
    AUTO_ERR err = ERR_INIT;
    if (result_restore_marked(&result, past_dir(replay->past), act->spec.step, event,
                              &act->is_marked, &err) < 0) {
        result_release(&result);
        replay_fail(replay, &err);
        return;
    }
    replay->is_marked |= act->is_marked;
    struct answer answer = {
        .outcome = outcome_then(act, event),
        .without_effect = EVENT_HAS(event, without_effect) && event->without_effect,
        .error = EVENT_HAS(event, error) ? event->error : NULL,
        .hint = EVENT_HAS(event, hint) ? event->hint : NULL,
        .data = value_copy(result.data),
        .outputs = value_copy(result.outputs),
    };
    enum step_outcome then = answer.outcome;
    if (EVENT_HAS(event, notes)) {
        value_free(act->notes);
        act->notes = value_copy(event->notes);
    }
    answer.is_verdict = act->is_marked || dryrun_is_verdict(act) ||
                        step_hides_output(act->spec.step) || was_settled(act) ||
                        (then != STEP_SUCCEEDED && then != STEP_FAILED);
    if (then == STEP_FAILED && !answer.is_verdict && has_whole_result(result.data))
        answer.outcome = STEP_SUCCEEDED;
    act_answer(act, &answer);
    /* What was expected then did not refuse it: something else did that is no part of a result. */
    if (then == STEP_FAILED && act->outcome == STEP_SUCCEEDED && !was_unexpected(act)) {
        answer.outcome = then;
        act_fail(act, &answer);
    }
    result_release(&result);
}

/* ---- its moment ----------------------------------------------------------------------------- */

/* What ends the attempt that has begun, or what became of it. */
static size_t end_find(struct step_ctx *act) {
    struct replay *replay = act->run->replay;
    const struct trail *trail = trail_of(act);
    enum run_choice choice;
    size_t hard = trail_hard(replay, trail);
    size_t chosen = trail_choice(replay, trail, &choice);
    if (chosen != NO_RECORD)
        return chosen;
    return record_type(replay, hard) == EVENT_STEP_STARTED ? NO_RECORD : hard;
}

/* A person was asked what should follow: how the attempt ended is told behind the choice, if at
 * all. */
static void failed_before_choice(struct step_ctx *act) {
    struct replay *replay = act->run->replay;
    size_t hard = trail_hard(replay, trail_of(act));
    struct past_line line;
    if (record_type(replay, hard) != EVENT_STEP_FINISHED) {
        act_end(act, STEP_FAILED, "it failed, and a person had it tried again");
        return;
    }
    if (!replay_read(replay, hard, &line))
        return;
    answer_read(act, &line);
    past_line_release(&line);
}

static bool is_evaluable(const struct step_ctx *act) {
    const struct step *step = act->spec.step;
    return step->type->is_pure && !step->type->is_passive &&
           !replay_refers_to(act->spec.frame, step, MARK_REDACTED);
}

static void carry_out(struct step_ctx *act) {
    act->is_carried_out = true;
    act_carry_out(act);
}

static void act_due(void *user) {
    struct step_ctx *act = user;
    struct replay *replay = act->run->replay;
    struct past_line line;
    size_t end = end_find(act);
    loop_timer_free(act->timer);
    act->timer = NULL;
    if (act->is_cut || act->is_unanswerable) {
        act_end(act, act->is_cut ? STEP_CANCELLED : STEP_SUCCEEDED, "cancelled");
        return;
    }
    if (record_type(replay, end) == EVENT_GATE_ANSWERED) {
        failed_before_choice(act);
        return;
    }
    if (!replay_read(replay, end, &line))
        return;
    bool is_end = line.event.type == EVENT_STEP_FINISHED || line.event.type == EVENT_STEP_RETRYING;
    if (!is_end) {
        act_end(act, STEP_IN_DOUBT, EVENT_HAS(&line.event, reason) ? line.event.reason : NULL);
    } else if (is_evaluable(act) && !was_settled(act) &&
               !text_equal(line.event.status, "cancelled")) {
        carry_out(act);
    } else {
        answer_read(act, &line);
    }
    past_line_release(&line);
}

/* ---- services ------------------------------------------------------------------------------- */

static void service_await(struct step_ctx *act);

/* Its end is recorded without being one that the run depends on. */
static size_t service_next(const struct step_ctx *act) {
    const struct replay *replay = act->run->replay;
    const struct trail *trail = trail_of(act);
    for (size_t i = trail ? trail->next : 0; trail && !trail->is_lost && i < trail->records.count;
         i++) {
        const struct past_record *record = past_at(replay->past, trail->records.items[i]);
        if (!record->is_dropped &&
            (record->type == EVENT_STEP_ENDED || past_hard_type(record) != EVENT_NONE))
            return trail->records.items[i];
    }
    return NO_RECORD;
}

static void service_due(void *user) {
    struct step_ctx *act = user;
    struct replay *replay = act->run->replay;
    struct service *service = act->spec.user;
    size_t next = service_next(act);
    loop_timer_free(act->timer);
    act->timer = NULL;
    if (act->is_unanswerable) {
        service_answers(service);
        return;
    }
    switch (record_type(replay, next)) {
    case EVENT_STEP_READY:
        service_answers(service);
        service_await(act);
        break;
    case EVENT_STEP_STARTED:
        service_begin_again(service);
        break;
    case EVENT_STEP_ENDED:
        service_end_replayed(service, past_at(replay->past, next)->is_again);
        if (past_at(replay->past, next)->is_again)
            service_await(act);
        else
            act_end(act, STEP_SUCCEEDED, NULL);
        break;
    case EVENT_STEP_FINISHED:
        if (past_at(replay->past, next)->is_again) {
            trail_skip(trail_of(act), next);
            service_end_recalled(act->run, act->path, true);
            service_await(act);
            break;
        }
        /* fallthrough */
    default:
        act_end(act, STEP_FAILED, "it ended early");
    }
}

static void service_await(struct step_ctx *act) {
    struct replay *replay = act->run->replay;
    size_t next = service_next(act);
    if (next != NO_RECORD)
        act->timer =
            loop_timer_at(act->run->loop, replay_moment(replay, next) + trail_of(act)->shift_ns,
                          service_due, act);
}

/* ---- probes --------------------------------------------------------------------------------- */

/* Of `done_when`: it held then where the step was left out for it. */
static void probe_due(void *user) {
    struct step_ctx *act = user;
    struct replay *replay = act->run->replay;
    bool held = record_type(replay, trail_hard(replay, trail_of(act))) == EVENT_STEP_SKIPPED;
    loop_timer_free(act->timer);
    act->timer = NULL;
    act_end(act, held ? STEP_SUCCEEDED : STEP_FAILED, "it did not hold then");
}

static void probe_await(struct step_ctx *act) {
    struct replay *replay = act->run->replay;
    size_t hard = trail_hard(replay, trail_of(act));
    int64_t at_ns = hard == NO_RECORD ? clock_mono_ns() : replay_moment(replay, hard);
    act->timer = loop_timer_at(act->run->loop, at_ns, probe_due, act);
}

static void unanswerable_say(struct step_ctx *act, const char *why) {
    struct replay *replay = act->run->replay;
    act->is_unanswerable = true;
    replay->is_marked = true;
    replay->options.unanswerable(replay->options.user, phase_name(act->spec.frame->phase),
                                 act->path, why);
    act->timer = loop_timer_at(act->run->loop, clock_mono_ns(),
                               act->spec.is_service ? service_due : act_due, act);
}

/* ---- rehearsals ----------------------------------------------------------------------------- */

static bool is_listed(const struct step_ctx *act, const char *const *list) {
    for (; list && *list; list++)
        if (act->spec.frame->phase == PHASE_RUN && text_equal(*list, act->path))
            return true;
    return false;
}

/* What is to be rehearsed of the act; NULL: nothing. */
static const char *rehearsed(const struct step_ctx *act, enum step_outcome *ret) {
    const struct replay_options *options = &act->run->replay->options;
    *ret = is_listed(act, options->reject) ? STEP_REJECTED : STEP_FAILED;
    if (*ret == STEP_REJECTED)
        return "rejected, as --reject rehearses";
    if (is_listed(act, options->timeout))
        return "did not end in time, as --timeout rehearses";
    return is_listed(act, options->fail) ? "failed, as --fail rehearses" : NULL;
}

static void rehearsal_due(void *user) {
    struct step_ctx *act = user;
    enum step_outcome outcome;
    const char *error = rehearsed(act, &outcome);
    if (act->is_cut)
        act_end(act, STEP_CANCELLED, "cancelled");
    else
        act_end(act, outcome, error);
}

/* As late as it ended then; one that runs out of time, when that is up. */
static void rehearsal_await(struct step_ctx *act) {
    struct replay *replay = act->run->replay;
    size_t end = act->spec.is_service ? service_next(act) : end_find(act);
    int64_t at_ns =
        end == NO_RECORD ? clock_mono_ns() : replay_moment(replay, end) + trail_of(act)->shift_ns;
    if (is_listed(act, replay->options.timeout) && act->spec.timeout_ms > 0)
        at_ns = clock_mono_ns() + act->spec.timeout_ms * NS_PER_MS;
    act->timer = loop_timer_at(act->run->loop, at_ns, rehearsal_due, act);
}

/* ---- the beginning -------------------------------------------------------------------------- */

static bool has_begun_then(const struct step_ctx *act) {
    const struct replay *replay = act->run->replay;
    const struct trail *trail = trail_of(act);
    for (size_t i = trail && !trail->is_lost ? trail->next : 0; i-- > 0;)
        if (record_type(replay, trail->records.items[i]) == EVENT_STEP_STARTED)
            return true;
    return false;
}

/* A new pause passes in virtual time, and a new assertion looks at what is recorded. */
static bool is_carried_out_now(const struct step_ctx *act) {
    const struct step *step = act->spec.step;
    const struct drift *drift = act->run->replay->options.drift;
    const char *phase = phase_name(act->spec.frame->phase);
    return step->type->is_pure && drift && !has_begun_then(act) &&
           drift_is_new(drift, phase, act->path) &&
           !replay_refers_to(act->spec.frame, step, MARK_UNANSWERABLE) &&
           !replay_refers_to(act->spec.frame, step, MARK_REDACTED);
}

static void act_await(struct step_ctx *act) {
    struct replay *replay = act->run->replay;
    enum step_outcome ignored;
    size_t end = act->spec.is_service ? service_next(act) : end_find(act);
    if (rehearsed(act, &ignored))
        rehearsal_await(act);
    else if (is_carried_out_now(act))
        carry_out(act);
    else if (!has_begun_then(act))
        unanswerable_say(act, "it was not run then");
    else if (replay_refers_to(act->spec.frame, act->spec.step, MARK_UNANSWERABLE))
        unanswerable_say(act, "what it is given is not recorded");
    else if (act->spec.is_service)
        service_await(act);
    else if (end != NO_RECORD)
        /* A choice is made a moment after the failure that asks for it. */
        act->timer = loop_timer_at(act->run->loop,
                                   replay_moment(replay, end) + trail_of(act)->shift_ns -
                                       (record_type(replay, end) == EVENT_GATE_ANSWERED),
                                   act_due, act);
}

void act_replay(struct step_ctx *act) {
    if (!act_begin(act))
        return;
    if (act->spec.is_probe)
        probe_await(act);
    else
        act_await(act);
}

/* As far as the run goes the way it went, the record tells when what was cancelled ended. */
void replay_cancel(struct replay *replay, struct step_ctx *act) {
    bool is_told = act->timer && !replay->is_parted;
    if (act->spec.is_probe || is_told || (!act->timer && !replay->is_complete))
        return;
    if (act->spec.is_service && service_next(act) != NO_RECORD)
        return;
    act->is_cut = true;
    loop_timer_free(act->timer);
    act->timer = loop_timer_at(act->run->loop, clock_mono_ns(), act_due, act);
}
