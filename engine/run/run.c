#include "run/run.h"

#include <signal.h>

#include "base/file.h"
#include "base/text.h"
#include "io/process.h"
#include "plan/estimate.h"
#include "run/act.h"
#include "run/body.h"
#include "run/commit.h"
#include "run/drill.h"
#include "run/dryrun.h"
#include "run/gate.h"
#include "run/interrupt.h"
#include "run/ledger.h"
#include "run/objectives.h"
#include "run/past.h"
#include "run/prepare.h"
#include "run/reach.h"
#include "run/recall.h"
#include "run/replay_step.h"
#include "run/seal.h"
#include "run/service.h"

/* ---- records ------------------------------------------------------------------------------- */

void run_record(struct run *run, struct event *event) {
    if (run->recall) {
        recall_emit(run->recall, event);
        return;
    }
    if (run->replay) {
        replay_record(run->replay, event);
        return;
    }
    if (run->transcript_err.kind != ERR_NONE || !run->writer || run->stage == STAGE_OVER)
        return;
    if (writer_append(run->writer, event, &run->transcript_err) < 0)
        run_transcript_failed(run);
}

/* Nothing that cannot be recorded may happen: what runs is stopped, nothing is begun. */
void run_transcript_failed(struct run *run) {
    if (run->transcript_err.kind == ERR_NONE)
        err_set(&run->transcript_err, ERR_TRANSCRIPT, "the transcript could not be written");
    run->transcript_err.kind = ERR_TRANSCRIPT;
    run->exit = RUN_TRANSCRIPT;
    interrupt_leave(run);
}

bool run_files_committed(struct run *run) {
    bool is_told = run->transcript_err.kind == ERR_NONE;
    return is_told && (!run->writer || commit_files(run->commit, &run->transcript_err) == 0);
}

void run_transcript_close(struct run *run) {
    AUTO_ERR err = ERR_INIT;
    if (!run->writer || run->is_transcript_closed)
        return;
    run->is_transcript_closed = true;
    if (commit_now(run->commit, &err) < 0 || writer_close(run->writer, &err) < 0) {
        if (run->transcript_err.kind == ERR_NONE)
            err_move(&run->transcript_err, &err);
        run->transcript_err.kind = ERR_TRANSCRIPT;
    }
    if (run->transcript_err.kind != ERR_NONE)
        run->exit = RUN_TRANSCRIPT;
}

/* ---- failing ------------------------------------------------------------------------------- */

void run_error_is(struct run *run, const char *error, bool is_rejection) {
    char *copy = mem_strdup(error ? error : "");
    mem_free(run->last_error);
    run->last_error = copy;
    run->last_was_rejection = is_rejection;
}

void run_failure_note(struct run *run, struct node *node) {
    if (run->failed_step)
        return;
    run->rejected = run->last_was_rejection;
    run->failed_step = node_path(node);
    run->failed_error = mem_strdup(run->last_error ? run->last_error : "");
}

void run_failed(struct run *run, struct node *node, enum on_failure rule) {
    if (node)
        run_failure_note(run, node);
    if (run->stage != STAGE_RUNNING)
        return;
    run->stage = STAGE_DRAINING;
    if (run->failure_rule == ON_FAILURE_UNSAID)
        run->failure_rule = rule == ON_FAILURE_STOP ? rule : ON_FAILURE_ROLLBACK;
    if (run->options.cancel_running)
        run_cancel_all(run);
    else if (run->root)
        frame_drain(run->root);
    sched_pump(run);
}

void run_cancel_all(struct run *run) {
    if (run->root)
        frame_cancel(run->root);
}

/* What runs is cancelled; where all is done, the rollback begins at once. */
void run_roll_back(struct run *run) {
    run->rolls_back = true;
    if (run->stage > STAGE_DRAINING)
        return;
    run->stage = STAGE_DRAINING;
    run_cancel_all(run);
    sched_pump(run);
}

/* ---- stages -------------------------------------------------------------------------------- */

static void stage_over(struct run *run) {
    run->stage = STAGE_OVER;
    loop_stop(run->loop);
}

static const char *final_status(const struct run *run) {
    switch (run->exit) {
    case RUN_SUCCEEDED:
        return run->rolls_back ? state_name(STATE_ROLLED_BACK) : "succeeded";
    case RUN_HANDS_NEEDED:
        return "rollback_failed";
    case RUN_REJECTED:
        return "rejected";
    case RUN_INTERRUPTED:
        return "interrupted";
    case RUN_IN_DOUBT:
        return "in_doubt";
    default:
        return "failed";
    }
}

static enum run_exit final_exit(const struct run *run) {
    if (run->hands_needed)
        return RUN_HANDS_NEEDED;
    if (run->doubts)
        return RUN_IN_DOUBT;
    if (run->rolls_back)
        return RUN_SUCCEEDED;
    if (run->interrupts && run->stage_when_interrupted == STAGE_RUNNING)
        return RUN_INTERRUPTED;
    if (run->rejected)
        return RUN_REJECTED;
    return run->failed_step || run->finally_failed ? RUN_FAILED : RUN_SUCCEEDED;
}

static value counts_value(const struct run *run) {
    if (run->options.dry_run)
        return dryrun_counts(run);
    value counts = value_object();
    for (enum step_state state = 0; state < STATE_COUNT; state++)
        if (run->counts[state])
            counts =
                value_set(counts, state_name(state), value_integer((int64_t)run->counts[state]));
    return counts;
}

static void finished_record(struct run *run) {
    struct event event = {.type = EVENT_RUN_FINISHED};
    int64_t duration = (clock_mono_ns() - run->started_mono_ns) / NS_PER_MS;
    AUTO_VALUE counts = counts_value(run);
    run->exit = final_exit(run);
    AUTO_VALUE objectives = objectives_judge(run, duration, run->exit == RUN_SUCCEEDED);
    EVENT_SET(&event, status, final_status(run));
    EVENT_SET(&event, exit, (int64_t)run->exit);
    EVENT_SET(&event, duration_ms, duration);
    EVENT_SET(&event, counts, counts);
    EVENT_SET(&event, objectives, objectives);
    if (run->failed_step)
        EVENT_SET(&event, reason, run->failed_step);
    if (run->failed_error && run->exit != RUN_SUCCEEDED)
        EVENT_SET(&event, error, run->failed_error);
    AUTO_VALUE hands = rollback_told(value_copy(run->hands));
    if (run->hands_needed)
        EVENT_SET(&event, hands, hands);
    run_record(run, &event);
}

static void closing_over(void *user) {
    struct run *run = user;
    run_transcript_close(run);
    stage_over(run);
}

static void closing_finish(struct run *run) {
    if (run_files_committed(run))
        finished_record(run);
    else
        run_transcript_failed(run);
    if (run->stage == STAGE_OVER)
        return; /* its last record was refused */
    run->stage = STAGE_SEALING;
    if (run->replay)
        replay_finished(run->replay);
    else
        seal_end(run->seal, closing_over, run);
}

/* Services may need the ways to where they run until they have ended. */
static void closing_go_on(struct run *run) {
    if (ways_over(run))
        closing_finish(run);
    else
        ways_end(run);
}

static void closing_begin(struct run *run) {
    run->stage = STAGE_CLOSING;
    services_end(run);
    sched_pump(run);
}

static void finally_ended(struct frame *frame, bool ok) {
    (void)ok;
    closing_begin(frame->run);
}

static void finally_begin(struct run *run) {
    const struct graph *graph = plan_finally(run->plan);
    run->stage = STAGE_FINALLY;
    if (!graph || run->transcript_err.kind != ERR_NONE) {
        closing_begin(run);
        return;
    }
    run->finally = frame_new(run, NULL, graph, PHASE_FINALLY, mem_strdup(""));
    value_free(run->finally->steps);
    run->finally->steps = value_copy(run->root->steps);
    run->finally->ended = finally_ended;
    frame_start(run->finally);
}

static void undone(struct frame *frame, bool ok) {
    struct run *run = frame->run;
    struct event event = {.type = EVENT_ROLLBACK_FINISHED};
    if (run->options.dry_run) {
        finally_begin(run);
        return;
    }
    EVENT_SET(&event, status, ok ? "rolled_back" : "rollback_failed");
    EVENT_SET(&event, duration_ms, (clock_mono_ns() - run->undo_began_ns) / NS_PER_MS);
    AUTO_VALUE hands = rollback_told(value_copy(run->hands));
    if (run->hands_needed)
        EVENT_SET(&event, hands, hands);
    run_record(run, &event);
    finally_begin(run);
}

static void undo_begin(struct run *run) {
    struct event event = {.type = EVENT_ROLLBACK_BEGUN};
    run->stage = STAGE_UNDOING;
    run->undo_began_ns = clock_mono_ns();
    EVENT_SET(&event, reason,
              run->failed_step  ? run->failed_step
              : run->rolls_back ? "asked for"
                                : "interrupted");
    AUTO_VALUE notes = ledger_note(run);
    EVENT_SET(&event, notes, notes);
    run_record(run, &event);
    rollback_frame(run->root, undone);
}

/* A dry run looks at the handlers, too, as if the last step had failed. */
static void steps_over(struct run *run) {
    if (!run->options.dry_run) {
        if (drill_judge(run))
            finally_begin(run);
        return;
    }
    run->stage = STAGE_UNDOING;
    rollback_frame(run->root, undone);
}

static void drained(struct run *run) {
    bool is_stop = run->failure_rule == ON_FAILURE_STOP && !run->rolls_back;
    if (is_stop || run->transcript_err.kind != ERR_NONE || run->options.dry_run)
        finally_begin(run);
    else
        undo_begin(run);
}

/* What is in doubt stays so, in the transcript too: whoever settles it resumes the run. */
static void leave_unsettled(struct run *run) {
    run->exit = RUN_IN_DOUBT;
    run_transcript_close(run);
    stage_over(run);
}

static bool lingers(const struct run *run) {
    return run->replay && replay_lingers(run->replay);
}

void run_check(struct run *run) {
    const struct frame *root = run->root;
    /* Who was asked whether to go on may still want all of it undone. */
    if (run->stage == STAGE_RUNNING && root->done && !root->unsettled && !root->failed &&
        !run->asking_interrupt && !run->rolls_back && !lingers(run))
        steps_over(run);
    if (run->stage == STAGE_DRAINING && !run->root->active && !run->asking &&
        !run->asking_interrupt && !lingers(run))
        drained(run);
    if (run->stage == STAGE_CLOSING && services_over(run) && !run->acts && !run->recall)
        closing_go_on(run);
    if (run->unsettled && !acts_bind(run) &&
        (run->replay ? !replay_goes_on(run->replay) : commit_is_idle(run->commit)))
        leave_unsettled(run);
}

/* ---- life ---------------------------------------------------------------------------------- */

static void recovery_look(void *user, const struct runbook *file) {
    bool *looks = user;
    *looks |= file->objectives && file->objectives->rpo_ms;
}

/* Results are kept only where something may ask: an expression, or the recovery point. */
static bool looks_at_results(const struct runbook *runbook) {
    bool looks = expr_set_count(runbook->exprs) > 0;
    runbook_each_file(runbook, recovery_look, &looks);
    return looks;
}

int run_begin(struct loop *loop, const struct run_options *options, struct run **ret,
              struct diag *diag, struct err *err) {
    struct run *run = mem_zalloc(sizeof *run);
    run->loop = loop;
    run->options = *options;
    run->ui = *options->ui;
    run->plan = options->plan;
    run->runbook = plan_runbook(options->plan);
    run->lock_fd = -1;
    run->hands = value_array();
    run->environment_value = run->secrets_value = run->dry_missing = value_null();
    run->keeps_results = looks_at_results(run->runbook);
    if (run->options.jobs <= 0)
        run->options.jobs = RUN_JOBS;
    *ret = run;
    run->past = options->past;
    run->replay = options->replay;
    run->rolls_back = options->roll_back || (run->past && past_rolls_back(run->past));
    if (prepare_run(run, diag, err) < 0) {
        run_free(run);
        *ret = NULL;
        return -1;
    }
    return 0;
}

enum run_exit run_wait(struct run *run) {
    if (run->stage != STAGE_OVER)
        loop_run(run->loop);
    interrupt_leave(run); /* where the loop ended early */
    return run->exit;
}

static void work_remove(struct run *run) {
    AUTO_TEXT work = mem_printf("%s/work", store_run_dir(run->place));
    AUTO_ERR err = ERR_INIT;
    if (file_exists(work) && file_remove_tree(work, &err) < 0)
        err_release(&err);
}

/* What still runs goes on, for whoever resumes next. */
static bool was_refused(const struct run *run) {
    return run->past && (!run->root || run->recall || run->unsettled);
}

void run_free(struct run *run) {
    if (!run)
        return;
    const bool is_refused = was_refused(run);
    if (is_refused)
        process_let_go(run->loop);
    interrupt_unwatch(run);
    recall_free(run->recall);
    services_free(run);
    bodies_free(run);
    frame_free(run->finally);
    frame_free(run->root);
    ways_free(run, is_refused);
    vec_release(&run->ready);
    vec_release(&run->ended);
    vec_release(&run->regaining);
    vec_release(&run->undo);
    vec_release(&run->to_ask);
    seal_free(run->seal);
    if (run->commit)
        run_transcript_close(run);
    commit_free(run->commit);
    writer_free(run->writer);
    redactor_free(run->redactor);
    secrets_free(run->secrets);
    /* What ended behind the last record has its outputs there, for the next engine. */
    if (run->place && !is_refused && !run->is_left && !run->replay)
        work_remove(run);
    store_run_free(run->place);
    store_free(run->store);
    file_unlock(&run->lock_fd);
    for (char **entry = run->environment; entry && *entry; entry++)
        mem_free(*entry);
    mem_free(run->environment);
    value_free(run->environment_value);
    value_free(run->secrets_value);
    objectives_release(run);
    value_free(run->hands);
    estimate_free(run->estimate);
    value_free(run->dry_missing);
    buf_release(&run->result_json);
    mem_free(run->user);
    mem_free(run->host);
    mem_free(run->failed_step);
    mem_free(run->failed_error);
    mem_free(run->last_error);
    mem_free(run->forgotten);
    err_release(&run->transcript_err);
    mem_free(run);
}

const char *run_id(const struct run *run) {
    return store_run_id(run->place);
}

const char *run_dir(const struct run *run) {
    return store_run_dir(run->place);
}

const struct err *run_error(const struct run *run) {
    return &run->transcript_err;
}

void run_answer(struct run *run, const char *step, const struct step_answer *answer) {
    gate_answer(run, step, answer);
}

enum run_exit run_exit_of(const struct err *err) {
    if (err->kind == ERR_BUSY)
        return RUN_LOCKED;
    return err->kind == ERR_TRANSCRIPT || err->kind == ERR_SYSTEM ? RUN_TRANSCRIPT : RUN_INVALID;
}
