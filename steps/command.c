#include "command.h"

#include <signal.h>
#include <string.h>

#include "base/mem.h"
#include "io/process.h"

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

static void command_output(void *user, int stream, const char *bytes, size_t length) {
    step_output(user, stream == 1 ? STEP_STDOUT : STEP_STDERR, bytes, length);
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

static void command_ended(void *user, const struct process_exit *ended) {
    struct step_ctx *ctx = user;
    struct command_state *state = step_state(ctx);
    struct step_result result = {0};
    judge(ended, state->is_cancelled, &result);
    if (ended->left > 0)
        step_note(ctx, "processes_left", value_integer(ended->left));
    process_free(state->process);
    state->process = NULL;
    step_done(ctx, &result);
}

int command_start(struct step_ctx *ctx, const char *const *words, size_t count, struct err *err) {
    struct command_state *state = step_state(ctx);
    struct step_command *command = &state->command;
    if (step_command_init(ctx, words, count, command, err) < 0)
        return -1;
    struct process_spec spec = {
        .argv = (const char *const *)command->argv,
        .env = (const char *const *)command->env,
        .token = step_token(ctx),
        .cwd = command->cwd,
        .input = command->input,
        .input_length = command->input_length,
        .output = command_output,
        .ended = command_ended,
        .grace_ms = step_grace_ms(ctx),
        .keep_orphans = command->keep_orphans,
        .user = ctx,
    };
    return process_spawn(step_loop(ctx), &spec, &state->process, err);
}

static void command_never_began(void *user) {
    struct step_result result = {.outcome = STEP_FAILED, .without_effect = true};
    err_set(&result.err, ERR_SYSTEM, "it had not begun");
    step_done(user, &result);
}

int command_settle(struct step_ctx *ctx, const struct step_doubt *doubt, struct err *err) {
    (void)doubt; /* of transactions */
    struct command_state *state = step_state(ctx);
    enum process_found found;
    struct process_spec spec = {
        .token = step_token(ctx),
        .output = command_output,
        .ended = command_ended,
        .user = ctx,
    };
    if (process_attach(step_loop(ctx), &spec, &state->process, &found, err) < 0)
        return -1;
    if (found == PROCESS_FOUND)
        step_note(ctx, "reattached", value_bool(true));
    else if (found == PROCESS_ENDED_EARLIER)
        step_note(ctx, "output_lost", value_bool(true));
    else if (found == PROCESS_NEVER_BEGAN)
        loop_defer(step_loop(ctx), command_never_began, ctx);
    else
        return err_set(err, ERR_SYSTEM, "its guard is gone: nobody knows how it ended");
    return 0;
}

void command_cancel(struct step_ctx *ctx) {
    struct command_state *state = step_state(ctx);
    state->is_cancelled = true;
    if (state->process)
        process_kill(state->process, step_grace_ms(ctx));
}

void command_release(struct step_ctx *ctx) {
    struct command_state *state = step_state(ctx);
    step_command_release(&state->command);
    command_look_free(state->look);
}
