#include "launch.h"

#include <string.h>

#include "base/mem.h"

#define TRIES 3
#define REACH_MS 5000  /* to be at the other side */
#define LINGER_MS 3000 /* from the end there until it is heard of here */
#define LOST_MS 300    /* from a command's end until it is known that the connection ended, too */
#define ANSWER_MOST ((size_t)4 << 10)

struct launch {
    struct step_ctx *ctx;
    struct launch_spec spec;
    char **words; /* as long as it may have to be begun again */
    struct step_command command;
    struct process *process;
    struct remote *remote;
    int tries;
    bool is_cancelled, is_over;
    /* Of a cancelled one on a target: what ends it there, and what that says. */
    struct step_command ending;
    struct process *ender;
    struct buf said;
    struct loop_timer *patience;
    struct process_exit exit; /* of one that ended while that was going on */
    struct err refused;
};

static struct launch *launch_new(struct step_ctx *ctx, const struct launch_spec *spec) {
    struct launch *launch = mem_zalloc(sizeof *launch);
    launch->ctx = ctx;
    launch->spec = *spec;
    launch->said = (struct buf)BUF_INIT(ANSWER_MOST);
    launch->words = mem_calloc(spec->count + 1, sizeof *launch->words);
    for (size_t i = 0; i < spec->count; i++)
        launch->words[i] = mem_strdup(spec->words[i]);
    return launch;
}

void launch_free(struct launch *launch) {
    if (!launch)
        return;
    step_command_release(&launch->command);
    step_command_release(&launch->ending);
    remote_free(launch->remote);
    loop_timer_free(launch->patience);
    buf_release(&launch->said);
    err_release(&launch->refused);
    for (char **word = launch->words; *word; word++)
        mem_free(*word);
    mem_free(launch->words);
    mem_free(launch);
}

/* ---- the end -------------------------------------------------------------------------------- */

static void give_up(struct launch *launch, struct err *why) {
    struct step_result result = {
        .outcome = launch->is_cancelled ? STEP_CANCELLED : STEP_FAILED,
        .without_effect = true,
        .rehearsal = STEP_CHECKED,
    };
    err_move(&result.err, why);
    step_done(launch->ctx, &result);
}

static int launch_try(struct launch *launch, struct err *err);

/* The connection was gone before anything was sent. */
static bool try_again(struct launch *launch) {
    AUTO_ERR err = ERR_INIT;
    if (!launch->remote || !remote_was_unsent(launch->remote) || launch->is_cancelled ||
        launch->tries >= TRIES)
        return false;
    step_command_release(&launch->command);
    if (launch_try(launch, &err) < 0)
        give_up(launch, &err);
    return true;
}

static void end(struct launch *launch, const struct process_exit *exit) {
    loop_timer_free(launch->patience);
    launch->patience = NULL;
    launch->spec.ended(launch->ctx, exit);
}

static void end_stored(struct launch *launch) {
    launch->exit.refused = launch->refused.kind ? &launch->refused : NULL;
    end(launch, &launch->exit);
}

static void wait_for(struct launch *launch, int64_t delay_ms);

/* Nobody said how it ended: then why the connection did is worth a moment. */
static bool is_cut(const struct launch *launch, const struct process_exit *exit) {
    return launch->remote && !remote_has_ended(launch->remote) && !exit->refused && !exit->lost &&
           step_connects(launch->ctx) && !step_reach_lost(launch->ctx);
}

static void process_over(void *user, const struct process_exit *exit) {
    struct launch *launch = user;
    process_free(launch->process);
    launch->process = NULL;
    if (launch->remote)
        remote_end(launch->remote);
    if (try_again(launch))
        return;
    if (!launch->ender && !is_cut(launch, exit)) {
        end(launch, exit);
        return;
    }
    launch->is_over = true;
    launch->exit = *exit;
    if (exit->refused)
        err_move(&launch->refused, exit->refused);
    /* What is still under way over there has nothing to do any more. */
    if (launch->ender)
        process_kill(launch->ender, 0);
    else
        wait_for(launch, LOST_MS);
}

/* ---- the beginning -------------------------------------------------------------------------- */

static void process_output(void *user, int stream, const char *bytes, size_t length) {
    struct launch *launch = user;
    if (launch->remote)
        remote_take(launch->remote, stream, bytes, length);
    else
        launch->spec.print(launch->ctx, stream, bytes, length);
}

static struct process_spec process_spec_of(struct launch *launch,
                                           const struct step_command *command) {
    return (struct process_spec){
        .argv = (const char *const *)command->argv,
        .env = (const char *const *)command->env,
        .token = command->token,
        .cwd = command->cwd,
        .input = command->input,
        .input_length = command->input_length,
        .output = process_output,
        .ended = process_over,
        .grace_ms = step_grace_ms(launch->ctx),
        .keep_orphans = command->keep_orphans,
        .user = launch,
    };
}

static void remote_renew(struct launch *launch) {
    remote_free(launch->remote);
    launch->remote = remote_new(step_marker(launch->ctx), launch->spec.print, launch->ctx);
}

static int go(struct launch *launch, struct err *err) {
    if (step_command_init(launch->ctx, (const char *const *)launch->words, launch->spec.count,
                          &launch->command, err) < 0)
        return -1;
    remote_renew(launch);
    struct process_spec spec = process_spec_of(launch, &launch->command);
    return process_spawn(step_loop(launch->ctx), &spec, &launch->process, err);
}

static struct launch *launch_of(struct step_ctx *ctx) {
    struct launch **state = step_state(ctx);
    return *state;
}

static void reached(struct step_ctx *ctx, struct err *why) {
    struct launch *launch = launch_of(ctx);
    AUTO_ERR err = ERR_INIT;
    if (why) {
        err_wrap(why, "the target `%s`", step_target(ctx));
        give_up(launch, why);
    } else if (go(launch, &err) < 0) {
        give_up(launch, &err);
    }
}

static int launch_try(struct launch *launch, struct err *err) {
    launch->tries++;
    if (!step_connects(launch->ctx))
        return go(launch, err);
    return step_reach(launch->ctx, launch->tries > 1, reached, err);
}

int launch_begin(struct step_ctx *ctx, const struct launch_spec *spec, struct launch **ret,
                 struct err *err) {
    *ret = launch_new(ctx, spec);
    return launch_try(*ret, err);
}

int launch_attach(struct step_ctx *ctx, const struct launch_spec *spec, struct launch **ret,
                  enum process_found *ret_found, struct err *err) {
    struct launch *launch = *ret = launch_new(ctx, spec);
    const struct step_command command = {.token = (char *)(uintptr_t)step_token(ctx)};
    struct process_spec process = process_spec_of(launch, &command);
    launch->tries = TRIES;
    remote_renew(launch);
    return process_attach(step_loop(ctx), &process, &launch->process, ret_found, err);
}

/* ---- the end, as it was asked for ----------------------------------------------------------- */

static void cancelled_early(void *user) {
    AUTO_ERR err = ERR_INIT;
    err_set(&err, ERR_SYSTEM, "cancelled before it began");
    give_up(user, &err);
}

/* The launcher is all that can be ended from here. */
static void end_launcher(struct launch *launch, int64_t grace_ms) {
    if (launch->process)
        process_kill(launch->process, grace_ms);
}

static void patience_over(void *user) {
    struct launch *launch = user;
    loop_timer_free(launch->patience);
    launch->patience = NULL;
    if (launch->ender)
        process_kill(launch->ender, 0);
    else if (launch->is_over)
        end_stored(launch);
    else
        end_launcher(launch, 0);
}

static void wait_for(struct launch *launch, int64_t delay_ms) {
    loop_timer_free(launch->patience);
    launch->patience = loop_timer_new(step_loop(launch->ctx), delay_ms, patience_over, launch);
}

static void ender_over(void *user, const struct process_exit *exit) {
    struct launch *launch = user;
    (void)exit; /* what it said tells */
    process_free(launch->ender);
    launch->ender = NULL;
    if (launch->is_over) {
        end_stored(launch);
    } else if (launch_is_swept(launch)) {
        wait_for(launch, LINGER_MS);
    } else {
        end_launcher(launch, step_grace_ms(launch->ctx));
    }
}

static void ender_output(void *user, int stream, const char *bytes, size_t length) {
    struct launch *launch = user;
    bool was_there = strstr(buf_text(&launch->said), "reached\n") != NULL;
    if (stream == 1)
        (void)buf_append(&launch->said, bytes, length);
    if (!was_there && strstr(buf_text(&launch->said), "reached\n"))
        wait_for(launch, step_grace_ms(launch->ctx) + REACH_MS);
}

/* By another way to the same place. */
static int end_there(struct launch *launch, struct err *err) {
    if (step_connects(launch->ctx) && (!launch->command.argv || step_reach_lost(launch->ctx)))
        return err_set(err, ERR_UNREACHABLE, "there is no connection");
    if (step_command_end_init(launch->ctx, step_grace_ms(launch->ctx), &launch->ending, err) < 0)
        return -1;
    struct process_spec spec = process_spec_of(launch, &launch->ending);
    spec.output = ender_output;
    spec.ended = ender_over;
    return process_spawn(step_loop(launch->ctx), &spec, &launch->ender, err);
}

void launch_cancel(struct launch *launch) {
    AUTO_ERR err = ERR_INIT;
    if (launch->is_over)
        return;
    launch->is_cancelled = true;
    if (!launch->process) {
        step_reach_leave(launch->ctx);
        loop_defer(step_loop(launch->ctx), cancelled_early, launch);
    } else if (!launch->remote || end_there(launch, &err) < 0) {
        end_launcher(launch, step_grace_ms(launch->ctx));
    } else {
        wait_for(launch, REACH_MS);
    }
}

/* ---- what is known of it -------------------------------------------------------------------- */

const struct remote *launch_remote(const struct launch *launch) {
    return launch->remote;
}

bool launch_lacks_path(const struct launch *launch) {
    return launch->command.lacks_path;
}

bool launch_is_cancelled(const struct launch *launch) {
    return launch->is_cancelled;
}

bool launch_is_swept(const struct launch *launch) {
    return strstr(buf_text(&launch->said), "left 0\n") != NULL;
}

bool launch_has_folder(const struct launch *launch) {
    return launch->command.cwd != NULL;
}
