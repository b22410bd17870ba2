#include <errno.h>
#include <pwd.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/choices.h"
#include "cli/commands.h"
#include "cli/progress.h"
#include "cli/terminal.h"
#include "io/loop.h"
#include "lang/config.h"
#include "plan/plan.h"
#include "run/run.h"

enum durability { DURABILITY_DISK = 1, DURABILITY_PROCESS };
static const char *const durabilities[] = {"disk", "process", NULL};

enum failure { FAILURE_ASK = 1, FAILURE_ROLLBACK, FAILURE_STOP };
static const char *const failures[] = {"ask", "rollback", "stop", NULL};

struct exec_options {
    struct choices choices;
    int64_t jobs;
    int durability; /* enum durability */
    int on_failure; /* enum failure */
    bool dry_run, yes, json, quiet, cancel_running;
};

/* ---- parameters that are asked for -------------------------------------------------------- */

static bool is_interactive(const struct exec_options *options) {
    return terminal_is(STDIN_FILENO) &&
           ((terminal_is(STDOUT_FILENO) && !options->json) || terminal_is(STDERR_FILENO));
}

/* Before the run there is nothing to keep going: a plain blocking read. */
static char *prompt_param(void *user, const char *name, const struct param *param) {
    (void)user;
    AUTO_BUF text = BUF_INIT(1 << 16);
    buf_puts(&text, name);
    if (param->description) {
        buf_puts(&text, " (");
        text_escape(&text, param->description, strlen(param->description), false);
        buf_putc(&text, ')');
    }
    buf_puts(&text, ": ");
    const int fd = terminal_is(STDERR_FILENO) ? STDERR_FILENO : STDOUT_FILENO;
    struct err ignored = ERR_INIT;
    if (file_write_all(fd, buf_text(&text), text.length, &ignored) < 0) {
        err_release(&ignored);
        return NULL;
    }
    char *line = NULL;
    size_t size = 0;
    const ssize_t length = getline(&line, &size, stdin);
    char *answer = NULL;
    if (length > 0) {
        answer = mem_strndup(line, (size_t)length - (line[length - 1] == '\n'));
    }
    free(line);
    return answer;
}

static struct plan *exec_plan(const struct invocation *invocation, struct diag *diag) {
    const struct exec_options *options = invocation->options;
    struct plan_options planned = choices_plan(&options->choices, invocation->operands[0]);
    planned.prompt = is_interactive(options) ? prompt_param : NULL;
    return plan_new(&planned, diag);
}

/* ---- where progress goes ------------------------------------------------------------------ */

/* Standard output for the length of a run. A reader that goes away, or a full disk, ends what is
 * shown but never the run. */
struct exec_output {
    int failed; /* errno of the first failure, 0 while all is well */
};

static void output_write(void *user, const char *bytes, size_t length) {
    struct exec_output *output = user;
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

static enum progress_mode exec_mode(const struct exec_options *options) {
    if (options->json) {
        return PROGRESS_JSON;
    }
    if (options->quiet) {
        return PROGRESS_QUIET;
    }
    return terminal_is_smart(STDOUT_FILENO) ? PROGRESS_LIVE : PROGRESS_PLAIN;
}

static struct progress *exec_progress(const struct exec_options *options, const struct plan *plan,
                                      struct loop *loop, struct exec_output *output,
                                      const char *by) {
    const struct objectives *objectives = plan_runbook(plan)->objectives;
    const bool interactive = is_interactive(options);
    const bool asks = options->on_failure == 0 || options->on_failure == FAILURE_ASK;
    const struct progress_options shown = {
        .mode = exec_mode(options),
        .style = terminal_style(STDOUT_FILENO),
        .rto_ms = objectives ? objectives->rto_ms : 0,
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

static int exec_begin_failed(struct diag *diag, struct err *err) {
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

static int exec_end(struct run *run, struct progress *progress, const struct exec_output *output,
                    bool output_is_product) {
    int status = (int)run_wait(run);
    progress_finish(progress, run_dir(run));
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

static int exec_with(const struct exec_options *options, const struct config *config,
                     struct plan *plan, struct diag *diag) {
    const struct passwd *user = getpwuid(geteuid());
    AUTO_TEXT by = user ? mem_strdup(user->pw_name) : mem_printf("uid %u", geteuid());
    const char *terminal = terminal_is(STDIN_FILENO) ? ttyname(STDIN_FILENO) : NULL;
    struct loop *loop = loop_new();
    struct exec_output output = {0};
    struct progress *progress = exec_progress(options, plan, loop, &output, by);
    const struct run_options running = {
        .plan = plan,
        .ui = progress_ui(progress),
        .jobs = options->jobs,
        .yes = options->yes,
        .dry_run = options->dry_run,
        .cancel_running = options->cancel_running,
        .sync = options->durability != DURABILITY_PROCESS,
        .terminal = terminal,
        .config = config,
    };
    struct run *run = NULL;
    struct err err = ERR_INIT;
    int status = 0;
    if (run_begin(loop, &running, &run, diag, &err) < 0) {
        status = exec_begin_failed(diag, &err);
    } else {
        progress_set_run(progress, run);
        status = exec_end(run, progress, &output, options->json);
        run_free(run);
    }
    progress_free(progress);
    loop_free(loop);
    return status;
}

static int exec_run(const struct invocation *invocation) {
    const struct exec_options *options = invocation->options;
    if (options->json && options->quiet) {
        struct err err = ERR_INIT;
        err_set(&err, ERR_INVALID, "`--json` and `--quiet` exclude each other");
        err_hint(&err, "choose one");
        return print_err(&err);
    }
    struct diag *diag = diag_new();
    struct config *config = config_load(diag);
    struct plan *plan = exec_plan(invocation, diag);
    const int status = plan && config ? exec_with(options, config, plan, diag) : print_diag(diag);
    plan_free(plan);
    config_free(config);
    diag_free(diag);
    return status;
}

/* ---- the descriptor ----------------------------------------------------------------------- */

#define AT(member) .offset = offsetof(struct exec_options, member)

static const struct option exec_options[] = {
    CHOICES_OPTIONS(struct exec_options),
    {.name = "dry-run",
     .letter = 'n',
     .kind = OPTION_FLAG,
     AT(dry_run),
     .doc = "change nothing: what only reads is run, `dry_run:` commands are tried, the rest is "
            "shown"},
    {.name = "jobs",
     .letter = 'j',
     .kind = OPTION_INTEGER,
     AT(jobs),
     .argument = "N",
     .minimum = 1,
     .maximum = 4096,
     .doc = "run at most so many steps at once; 64 if unsaid"},
    {.name = "yes",
     .letter = 'y',
     .kind = OPTION_FLAG,
     AT(yes),
     .doc = "open gates that name nobody; those that name approvers still wait for them"},
    {.name = "on-failure",
     .kind = OPTION_CHOICE,
     AT(on_failure),
     .argument = "WHAT",
     .choices = failures,
     .doc = "what follows when a step failed; if unsaid, a person is asked where a terminal is, "
            "and else the step's own on_failure holds"},
    {.name = "cancel-running",
     .kind = OPTION_FLAG,
     AT(cancel_running),
     .doc = "when a step failed, stop those that run beside it instead of waiting for them"},
    {.name = "durability",
     .kind = OPTION_CHOICE,
     AT(durability),
     .argument = "HOW",
     .choices = durabilities,
     .doc = "what the transcript survives: the end of the machine (disk), or of the process "
            "only, which is faster; disk if unsaid"},
    {.name = "json",
     .kind = OPTION_FLAG,
     AT(json),
     .doc = "print the transcript's records as they are written, one JSON object a line"},
    {.name = "quiet",
     .letter = 'q',
     .kind = OPTION_FLAG,
     AT(quiet),
     .doc = "print only what went wrong"},
    {0},
};

const struct command command_exec = {
    .name = "exec",
    .summary = "run a runbook: live progress, gates, rollback, transcript",
    .operands = "FILE",
    .about =
        "Every step is written to the transcript before its effect begins. When a step fails, "
        "what was done is rolled back in the reverse order of the graph.\n\n"
        "The first Ctrl-C stops new steps and asks (without a terminal: cancels and rolls back), "
        "the second cancels what runs and rolls back, the third leaves at once and records what "
        "is in doubt.",
    .least = 1,
    .most = 1,
    .word = WORD_FILE,
    .options = exec_options,
    .size = sizeof(struct exec_options),
    .examples =
        (const struct example[]){
            {"exec drill.yaml --set backup=/var/backups/db.dump", "Run it with a parameter."},
            {"exec drill.yaml --profile drill --json > records.jsonl",
             "Run the drill profile and keep the records as they come."},
            {"exec drill.yaml --from restore", "Begin at the step `restore`."},
            {0}},
    .run = exec_run,
};
