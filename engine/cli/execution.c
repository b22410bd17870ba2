#include "cli/execution.h"

#include <errno.h>
#include <pwd.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "cli/commands.h"
#include "cli/progress.h"
#include "cli/terminal.h"
#include "io/loop.h"
#include "lang/config.h"

const char *const execution_durabilities[] = {"disk", "process", NULL};

enum failure { FAILURE_ASK = 1, FAILURE_ROLLBACK, FAILURE_STOP };
const char *const execution_failures[] = {"ask", "rollback", "stop", NULL};

bool execution_is_interactive(const struct execution *options) {
    return terminal_is(STDIN_FILENO) &&
           ((terminal_is(STDOUT_FILENO) && !options->json) || terminal_is(STDERR_FILENO));
}

int execution_check(const struct execution *options) {
    struct err err = ERR_INIT;
    if (!options->json || !options->quiet)
        return 0;
    err_set(&err, ERR_INVALID, "`--json` and `--quiet` exclude each other");
    err_hint(&err, "choose one");
    return print_err(&err);
}

/* ---- where progress goes ------------------------------------------------------------------ */

/* Standard output for the length of a run. A reader that goes away, or a full disk, ends what is
 * shown but never the run. */
struct shown_output {
    int failed; /* errno of the first failure, 0 while all is well */
};

static void output_write(void *user, const char *bytes, size_t length) {
    struct shown_output *output = user;
    struct err err = ERR_INIT;
    if (output->failed == 0 && file_write_all(STDOUT_FILENO, bytes, length, &err) < 0) {
        output->failed = err.sys;
        err_release(&err);
    }
}

static void output_write_prompt(void *user, const char *bytes, size_t length) {
    (void)user;
    struct err err = ERR_INIT;
    if (file_write_all(STDERR_FILENO, bytes, length, &err) < 0) {
        err_release(&err);
    }
}

static void output_size(void *user, size_t *ret_columns, size_t *ret_rows) {
    (void)user;
    terminal_size(STDOUT_FILENO, ret_columns, ret_rows);
}

static enum progress_mode execution_mode(const struct execution *options) {
    if (options->json) {
        return PROGRESS_JSON;
    }
    if (options->quiet) {
        return PROGRESS_QUIET;
    }
    return terminal_is_smart(STDOUT_FILENO) ? PROGRESS_LIVE : PROGRESS_PLAIN;
}

static struct progress *execution_progress(const struct execution *options,
                                           const struct run_options *what, struct loop *loop,
                                           struct shown_output *output, const char *by) {
    const struct objectives *objectives = plan_runbook(what->plan)->objectives;
    const bool interactive = execution_is_interactive(options);
    const bool asks = options->on_failure == 0 || options->on_failure == FAILURE_ASK;
    const struct progress_options shown = {
        .mode = execution_mode(options),
        .style = terminal_style(STDOUT_FILENO),
        .rto_ms = objectives ? objectives->rto_ms : 0,
        .plan = what->dry_run ? NULL : what->plan,
        .jobs = options->jobs,
        .loop = loop,
        .write = output_write,
        .size = output_size,
        .user = output,
        .interactive = interactive,
        .ask_on_failure = interactive && asks,
        .choice = options->on_failure == FAILURE_STOP       ? RUN_STOP
                  : options->on_failure == FAILURE_ROLLBACK ? RUN_ROLLBACK
                                                            : RUN_CONTINUE,
        .by = by,
        .write_prompt =
            terminal_is(STDOUT_FILENO) && !options->json ? output_write : output_write_prompt,
    };
    return progress_new(&shown);
}

/* ---- the run ------------------------------------------------------------------------------ */

static int execution_begin_failed(struct diag *diag, struct err *err) {
    if (err->kind == ERR_NONE) {
        return print_diag(diag);
    }
    const int status = (int)run_exit_of(err);
    if (diag_count(diag) > 0) {
        (void)print_diag(diag);
    }
    (void)print_err(err);
    return status;
}

static int execution_end(struct run *run, struct progress *progress,
                         const struct shown_output *output, bool output_is_product) {
    int status = (int)run_wait(run);
    progress_finish(progress, run_dir(run), status);
    struct err err = ERR_INIT;
    if (status == RUN_TRANSCRIPT && run_error(run)) {
        err_set(&err, ERR_TRANSCRIPT, "%s", run_error(run)->message);
        (void)print_err(&err);
    }
    if (output->failed != 0 && output->failed != EPIPE) {
        err_sys(&err, output->failed, "standard output");
        err_hint(&err, "the run itself went on; `runbook show %s` tells how", run_id(run));
        (void)print_err(&err);
    }
    if (output->failed != 0 && output_is_product && status == RUN_SUCCEEDED) {
        status = RUN_FAILED;
    }
    return status;
}

static char *user_name(void) {
    const struct passwd *user = getpwuid(geteuid());
    return user ? mem_strdup(user->pw_name) : mem_printf("uid %u", geteuid());
}

static void past_show(struct progress *progress, struct past *past) {
    struct past_line line;
    for (size_t i = 0; past && i < past_count(past); i++) {
        if (past_read(past, i, &line, NULL) < 0)
            return;
        progress_past(progress, &line.event);
        past_line_release(&line);
    }
}

int execution_run(const struct execution *options, const struct run_options *what,
                  struct diag *diag) {
    AUTO_TEXT by = user_name();
    struct err err = ERR_INIT;
    struct config *config = config_load(diag);
    if (!config)
        return print_diag(diag);
    struct loop *loop = loop_new(&err);
    if (!loop) {
        config_free(config);
        return print_err(&err);
    }
    struct shown_output output = {0};
    struct progress *progress = execution_progress(options, what, loop, &output, by);
    struct run_options running = *what;
    running.ui = progress_ui(progress);
    running.config = config;
    running.jobs = options->jobs;
    running.yes = options->yes;
    running.cancel_running = options->cancel_running;
    running.sync = options->durability != DURABILITY_PROCESS;
    running.terminal = terminal_is(STDIN_FILENO) ? ttyname(STDIN_FILENO) : NULL;
    past_show(progress, what->past);
    struct run *run = NULL;
    int status = 0;
    if (run_begin(loop, &running, &run, diag, &err) < 0) {
        status = execution_begin_failed(diag, &err);
    } else {
        progress_set_run(progress, run);
        status = execution_end(run, progress, &output, options->json);
        run_free(run);
    }
    progress_free(progress);
    loop_free(loop);
    config_free(config);
    return status;
}
