#include "run/interrupt.h"

#include <signal.h>

#include "base/text.h"
#include "io/process.h"
#include "run/act.h"
#include "run/commit.h"
#include "run/ledger.h"
#include "run/replay_step.h"
#include "run/result.h"
#include "run/seal.h"
#include "run/task.h"

static const int watched[] = {SIGINT, SIGTERM, SIGHUP};

static const char *signal_text(int signum) {
    return signum == SIGINT ? "SIGINT" : signum == SIGTERM ? "SIGTERM" : "SIGHUP";
}

static void choice_record(struct run *run, const char *step, const char *answer, const char *by) {
    struct event event = {.type = EVENT_GATE_ANSWERED};
    struct result result = {0};
    bool is_retry = run->asking && text_equal(answer, "retry") && !run->replay;
    EVENT_SET(&event, phase, phase_name(PHASE_RUN));
    EVENT_SET(&event, step, step);
    EVENT_SET(&event, answer, answer);
    EVENT_SET(&event, by, by);
    if (is_retry)
        task_attempt_evidence(run->asking, &result, &event);
    run_record(run, &event);
    if (is_retry && run->asking->act)
        act_recorded(run->asking->act);
    if (is_retry)
        result_release(&result);
}

static const char *const choice_names[] = {
    [RUN_RETRY] = "retry", [RUN_SKIP] = "skip",   [RUN_ROLLBACK] = "rollback",
    [RUN_STOP] = "stop",   [RUN_SHELL] = "shell", [RUN_CONTINUE] = "continue",
};

bool interrupt_choice_find(const char *answer, enum run_choice *ret) {
    for (size_t i = 0; i < sizeof choice_names / sizeof *choice_names; i++)
        if (text_equal(choice_names[i], answer)) {
            *ret = (enum run_choice)i;
            return true;
        }
    return false;
}

/* No more is begun; what runs may end, or is cancelled. */
static void wind_down(struct run *run, enum on_failure rule, bool cancel) {
    run->asking_interrupt = false;
    if (run->stage == STAGE_RUNNING)
        run->stage = STAGE_DRAINING;
    if (run->failure_rule == ON_FAILURE_UNSAID || rule == ON_FAILURE_STOP)
        run->failure_rule = rule;
    if (cancel)
        run_cancel_all(run);
    else
        frame_drain(run->root);
    sched_pump(run);
}

/* A full disk refuses what begins and still takes what ends, so this is tried in every case. */
static void last_record(struct run *run, struct event *event) {
    AUTO_ERR err = ERR_INIT;
    if (run->replay)
        replay_record(run->replay, event);
    if (!run->writer || writer_append(run->writer, event, &err) == 0)
        return;
    if (run->transcript_err.kind == ERR_NONE)
        err_move(&run->transcript_err, &err);
}

static void doubt_record(struct step_ctx *act) {
    const struct act_spec *spec = act_spec_of(act);
    struct event event = {.type = spec->is_service ? EVENT_STEP_ENDED : EVENT_STEP_IN_DOUBT};
    if (spec->is_probe)
        return;
    act_end_output(act);
    AUTO_VALUE output = act_record(act);
    if (value_is(output, VALUE_OBJECT))
        EVENT_SET(&event, output, output);
    EVENT_SET(&event, phase, phase_name(spec->frame->phase));
    EVENT_SET(&event, step, spec->path);
    EVENT_SET(&event, duration_ms, act_duration_ms(act));
    EVENT_SET(&event, reason, "the engine was told to leave at once while it ran");
    last_record(spec->frame->run, &event);
    if (!spec->is_service && step_effect(spec->step) != EFFECT_READ)
        spec->frame->run->doubts++;
}

static bool has_hand(value hands, value hand) {
    AUTO_VALUE step = value_get(hand, "step");
    bool found = false;
    for (size_t i = 0; i < value_count(hands) && !found; i++) {
        AUTO_VALUE other = value_at(hands, i);
        AUTO_VALUE name = value_get(other, "step");
        found = value_equal(name, step);
    }
    return found;
}

/* What a rollback would have undone is now for a person to do, and so is what it could not undo.
 */
static value hands_left(const struct run *run) {
    value all = value_copy(run->hands);
    bool is_owed = run->root && run->stage <= STAGE_UNDOING;
    AUTO_VALUE open = is_owed ? ledger_hands(run->root, value_array(), NULL) : value_array();
    for (size_t i = 0; i < value_count(open); i++) {
        AUTO_VALUE hand = value_at(open, i);
        if (!has_hand(run->hands, hand))
            all = value_append(all, value_copy(hand));
    }
    return all;
}

void interrupt_leave(struct run *run) {
    if (run->stage == STAGE_OVER)
        return;
    if (run->stage == STAGE_SEALING) {
        process_kill_all(run->loop);
        seal_leave(run->seal);
        return;
    }
    AUTO_VALUE hands = rollback_told(hands_left(run));
    run->stage = STAGE_OVER;
    run->is_left = true;
    process_kill_all(run->loop);
    acts_each(run, doubt_record);
    bool is_untold = !run_files_committed(run);
    struct event event = {.type = EVENT_RUN_FINISHED};
    run->exit = is_untold ? RUN_TRANSCRIPT : run->doubts ? RUN_IN_DOUBT : RUN_INTERRUPTED;
    EVENT_SET(&event, status, is_untold ? "failed" : run->doubts ? "in_doubt" : "interrupted");
    EVENT_SET(&event, exit, (int64_t)run->exit);
    if (is_untold)
        EVENT_SET(&event, error, run->transcript_err.message);
    if (value_count(hands))
        EVENT_SET(&event, hands, hands);
    last_record(run, &event);
    run_transcript_close(run);
    loop_stop(run->loop);
}

static void signal_count(struct run *run) {
    if (!run->interrupts)
        run->stage_when_interrupted = run->stage;
    run->interrupts++;
}

void interrupt_recall(struct run *run, bool asked) {
    signal_count(run);
    if (run->stage > STAGE_DRAINING)
        return;
    run->asking_interrupt = asked;
    if (!asked)
        wind_down(run, ON_FAILURE_ROLLBACK, true);
}

static bool can_ask(const struct run *run, int signum) {
    if (run->replay)
        return replay_asks_interrupt(run->replay);
    return run->ui.choose && signum == SIGINT && !run->asking && run->interrupts == 1;
}

/* What follows from it, for the person who sent it. */
static const char *consequence(const struct run *run, bool asks) {
    if (run->interrupts >= 3 && run->stage == STAGE_CLOSING)
        return "the services that are left are killed";
    if (run->interrupts >= 3)
        return "the run is left at once: what runs is killed, and nothing more is undone";
    switch (run->stage) {
    case STAGE_UNDOING:
        return "the rollback goes on; the third time leaves it at once";
    case STAGE_FINALLY:
        return "the steps of `finally` go on; the third time leaves them at once";
    case STAGE_CLOSING:
        return "the services are ending; the third time kills them";
    default:
        break;
    }
    if (asks)
        return "nothing new is started; who sent it says what follows";
    if (run->options.dry_run || run->failure_rule == ON_FAILURE_STOP)
        return "what runs is cancelled; the third time leaves at once";
    return "what runs is cancelled, and what was done is rolled back; the third time leaves at "
           "once";
}

static void caught(void *user, int signum) {
    struct run *run = user;
    struct event event = {.type = EVENT_SIGNAL_RECEIVED};
    if (run->stage == STAGE_SEALING)
        interrupt_leave(run); /* all is done and written but the seal */
    if (run->stage == STAGE_OVER)
        return;
    signal_count(run);
    bool asks = run->interrupts < 3 && run->stage <= STAGE_DRAINING && can_ask(run, signum);
    EVENT_SET(&event, signal, signal_text(signum));
    EVENT_SET(&event, reason, consequence(run, asks));
    run_record(run, &event);
    if (run->interrupts >= 3 && run->stage == STAGE_CLOSING) {
        process_kill_all(run->loop); /* services are all that is left */
        return;
    }
    if (run->interrupts >= 3) {
        if (!run->replay || !replay_goes_on(run->replay))
            interrupt_leave(run);
        return;
    }
    if (run->stage > STAGE_DRAINING)
        return; /* a rollback or finally is under way: the first two leave it alone */
    if (!asks) {
        wind_down(run, ON_FAILURE_ROLLBACK, true);
        return;
    }
    run->asking_interrupt = true;
    run->ui.choose(run->ui.user, NULL, NULL);
}

void interrupt_replay(struct run *run, const char *signal) {
    for (size_t i = 0; i < sizeof watched / sizeof *watched; i++)
        if (text_equal(signal_text(watched[i]), signal))
            caught(run, watched[i]);
}

void interrupt_watch(struct run *run) {
    for (size_t i = 0; i < sizeof watched / sizeof *watched; i++)
        run->signals[i] = loop_signal_new(run->loop, watched[i], caught, run);
}

void interrupt_unwatch(struct run *run) {
    for (size_t i = 0; i < sizeof watched / sizeof *watched; i++) {
        loop_signal_free(run->signals[i]);
        run->signals[i] = NULL;
    }
}

void run_choose(struct run *run, enum run_choice choice, const char *by) {
    if (run->asking) {
        AUTO_TEXT path = node_path(task_node(run->asking));
        choice_record(run, path, choice_names[choice], by);
        task_choose(run->asking, choice);
        return;
    }
    if (!run->asking_interrupt)
        return;
    choice_record(run, "", choice_names[choice], by);
    interrupt_choose(run, choice);
}

void interrupt_choose(struct run *run, enum run_choice choice) {
    if (choice == RUN_CONTINUE) {
        run->asking_interrupt = false;
        run->interrupts = 0;
        sched_pump(run);
    } else {
        wind_down(run, choice == RUN_STOP ? ON_FAILURE_STOP : ON_FAILURE_ROLLBACK,
                  choice == RUN_ROLLBACK);
    }
}
