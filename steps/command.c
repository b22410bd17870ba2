#include "command.h"

#include <signal.h>
#include <string.h>

#include "base/mem.h"
#include "launch.h"

#define LAUNCHER_MUST "a launcher must hand on standard input, output and error"

static void set_signal_error(struct err *err, int signum) {
    const char *name = sigabbrev_np(signum);
    if (name)
        err_set(err, ERR_SYSTEM, "killed by SIG%s", name);
    else
        err_set(err, ERR_SYSTEM, "killed by signal %d", signum);
    if (signum == SIGKILL)
        err_hint(err, "the machine may have run out of memory, or somebody sent the signal");
}

static void set_exit_error(struct err *err, int code) {
    /* A shell that found no command, or ssh no host, has not answered a probe. */
    bool has_answered = code != 126 && code != 127 && code != 255;
    err_set(err, has_answered ? ERR_REFUSED : ERR_SYSTEM, "exit status %d", code);
    if (code == 126)
        err_hint(err, "126: a command was found that cannot be executed");
    if (code == 127)
        err_hint(err, "127: a command was not found; its output names it");
    if (code > 128 && sigabbrev_np(code - 128))
        err_hint(err, "%d: a command was killed by SIG%s", code, sigabbrev_np(code - 128));
}

/* As a shell's $?: a signal counts as 128 and its number. */
static value exit_data(const struct process_exit *ended) {
    value data = value_object();
    int code = ended->signum ? 128 + ended->signum : ended->code;
    data = value_set(data, "exit_code", value_integer(code));
    if (ended->signum && sigabbrev_np(ended->signum)) {
        AUTO_TEXT name = mem_printf("SIG%s", sigabbrev_np(ended->signum));
        data = value_set(data, "signal", value_string(name));
    }
    return data;
}

static void set_lost_error(struct err *err) {
    err_set(err, ERR_SYSTEM, "the guard of its process died first: nobody knows how it ended");
    err_hint(err, "what was left of it was killed");
}

static void judge_refused(struct err *why, struct step_result *ret) {
    err_move(&ret->err, why);
    ret->outcome = STEP_FAILED;
    ret->without_effect = true;
}

static void judge(const struct process_exit *ended, bool is_cancelled, struct step_result *ret) {
    if (ended->lost) {
        set_lost_error(&ret->err);
        ret->outcome = STEP_IN_DOUBT;
        return;
    }
    if (ended->refused) {
        judge_refused(ended->refused, ret);
        return;
    }
    ret->data = exit_data(ended);
    if (ended->signum)
        set_signal_error(&ret->err, ended->signum);
    else if (ended->code != 0)
        set_exit_error(&ret->err, ended->code);
    else if (is_cancelled)
        err_set(&ret->err, ERR_SYSTEM, "cancelled");
    ret->outcome = is_cancelled ? STEP_CANCELLED : ret->err.kind ? STEP_FAILED : STEP_SUCCEEDED;
}

/* ---- the end of one on a target ------------------------------------------------------------- */

static bool refused_there(const struct step_ctx *ctx, enum remote_refusal refusal,
                          struct step_result *ret) {
    AUTO_ERR err = ERR_INIT;
    if (refusal == REMOTE_TAKEN)
        return false;
    err_set(&err, ERR_SYSTEM,
            refusal == REMOTE_NO_FOLDER ? "its `cwd` is no folder on the target `%s`"
                                        : "command not found on the target `%s`",
            step_target(ctx));
    judge_refused(&err, ret);
    return true;
}

static void judge_there(struct step_ctx *ctx, const struct remote *remote,
                        const struct process_exit *ended, bool is_cancelled,
                        struct step_result *ret) {
    const struct process_exit exit = {.code = remote_status(remote), .left = ended->left};
    const struct buf *outputs = remote_outputs(remote);
    if (refused_there(ctx, remote_refusal(remote), ret))
        return;
    judge(&exit, is_cancelled, ret);
    AUTO_ERR err = ERR_INIT;
    if (outputs->length && ret->outcome == STEP_SUCCEEDED &&
        step_outputs_write(ctx, outputs->data, outputs->length, &err) < 0) {
        err_move(&ret->err, &err);
        ret->outcome = STEP_FAILED;
    }
}

/* Nothing was sent, or nobody there took it. */
static bool never_began(struct step_ctx *ctx, const struct remote *remote,
                        const struct process_exit *ended) {
    const struct command_state *state = step_state(ctx);
    if (remote_has_begun(remote) || state->is_resumed)
        return false;
    if (remote_was_unsent(remote))
        return true;
    /* A launcher that is content may have begun it all the same, and ssh says by 255 that it lost
     * the other side. */
    return !launch_is_cancelled(state->launch) && !ended->signum && ended->code != 0 &&
           !(step_connects(ctx) && ended->code == 255);
}

static void doubt_tell(struct step_ctx *ctx, bool is_cancelled, struct err *err) {
    const struct err *lost = step_reach_lost(ctx);
    const char *target = step_target(ctx);
    if (is_cancelled)
        err_set(err, ERR_TIMEOUT, "the target `%s` was not reached to end it", target);
    else if (step_connects(ctx))
        err_set(err, ERR_UNREACHABLE, "lost on the target `%s` while it ran%s%s", target,
                lost ? ": " : "", lost ? lost->message : "");
    else
        err_set(err, ERR_UNREACHABLE,
                "what leads to the target `%s` ended, and how its command did was not told",
                target);
    err_hint(err, "it may still be running there: nobody knows how it ended%s",
             step_connects(ctx) ? "" : "; " LAUNCHER_MUST);
}

/* Its end was not told. */
static void judge_unheard(struct step_ctx *ctx, const struct remote *remote,
                          const struct process_exit *ended, struct step_result *ret) {
    const struct command_state *state = step_state(ctx);
    bool is_cancelled = launch_is_cancelled(state->launch);
    if (never_began(ctx, remote, ended)) {
        const struct err *lost = step_reach_lost(ctx);
        ret->outcome = STEP_FAILED;
        ret->without_effect = true;
        err_set(&ret->err, ERR_UNREACHABLE,
                "nothing began on the target `%s`: what leads there ended with exit status %d",
                step_target(ctx), ended->code);
        if (lost)
            err_hint(&ret->err, "%s", lost->message);
        else
            err_hint(&ret->err, LAUNCHER_MUST);
    } else if (is_cancelled && launch_is_swept(state->launch)) {
        ret->outcome = STEP_CANCELLED;
        err_set(&ret->err, ERR_SYSTEM, "cancelled");
    } else {
        ret->outcome =
            state->is_resumed || step_ctx_effect(ctx) == EFFECT_ONCE ? STEP_IN_DOUBT : STEP_FAILED;
        doubt_tell(ctx, is_cancelled, &ret->err);
    }
}

static void command_ended(struct step_ctx *ctx, const struct process_exit *ended) {
    const struct command_state *state = step_state(ctx);
    const struct remote *remote = launch_remote(state->launch);
    bool is_cancelled = launch_is_cancelled(state->launch);
    struct step_result result = {0};
    if (remote && (remote_has_ended(remote) || remote_refusal(remote)))
        judge_there(ctx, remote, ended, is_cancelled, &result);
    else if (remote && !ended->refused && !ended->lost)
        judge_unheard(ctx, remote, ended, &result);
    else
        judge(ended, is_cancelled, &result);
    if (ended->left > 0)
        step_note(ctx, "processes_left", value_integer(ended->left));
    step_done(ctx, &result);
}

/* ---- its life ------------------------------------------------------------------------------- */

static void command_output(void *user, int stream, const char *bytes, size_t length) {
    step_output(user, stream == 1 ? STEP_STDOUT : STEP_STDERR, bytes, length);
}

int command_start(struct step_ctx *ctx, const char *const *words, size_t count, struct err *err) {
    struct command_state *state = step_state(ctx);
    struct launch_spec spec = {words, count, command_output, command_ended};
    return launch_begin(ctx, &spec, &state->launch, err);
}

static void command_never_began(void *user) {
    struct step_result result = {.outcome = STEP_FAILED, .without_effect = true};
    err_set(&result.err, ERR_SYSTEM, "it had not begun");
    step_done(user, &result);
}

static int guard_is_gone(const struct step_ctx *ctx, struct err *err) {
    const char *target = step_target(ctx);
    if (!target)
        return err_set(err, ERR_SYSTEM, "its guard is gone: nobody knows how it ended");
    return err_set(err, ERR_SYSTEM,
                   "its guard is gone, and what leads to the target `%s` with it: nobody knows how "
                   "it ended, and it may still be running there",
                   target);
}

int command_settle(struct step_ctx *ctx, const struct step_doubt *doubt, struct err *err) {
    (void)doubt; /* of transactions */
    struct command_state *state = step_state(ctx);
    enum process_found found;
    struct launch_spec spec = {.print = command_output, .ended = command_ended};
    state->is_resumed = true;
    if (launch_attach(ctx, &spec, &state->launch, &found, err) < 0)
        return -1;
    if (found == PROCESS_FOUND)
        step_note(ctx, "reattached", value_bool(true));
    else if (found == PROCESS_ENDED_EARLIER)
        step_note(ctx, "output_lost", value_bool(true));
    else if (found == PROCESS_NEVER_BEGAN) {
        state->is_over = true;
        loop_defer(step_loop(ctx), command_never_began, ctx);
    } else
        return guard_is_gone(ctx, err);
    return 0;
}

void command_cancel(struct step_ctx *ctx) {
    struct command_state *state = step_state(ctx);
    if (state->launch && !state->is_over)
        launch_cancel(state->launch);
}

void command_release(struct step_ctx *ctx) {
    struct command_state *state = step_state(ctx);
    launch_free(state->launch);
    command_look_free(state->look);
}
