#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/choices.h"
#include "cli/commands.h"
#include "cli/execution.h"
#include "cli/planning.h"
#include "cli/terminal.h"
#include "plan/plan.h"

struct exec_options {
    struct choices choices;
    struct execution execution;
    const char *plan;
    bool dry_run;
};

/* ---- parameters that are asked for -------------------------------------------------------- */

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

static struct plan *exec_plan(const struct invocation *invocation, const struct house_rules *rules,
                              struct diag *diag) {
    const struct exec_options *options = invocation->options;
    if (options->plan)
        return planning_locked(options->plan, rules, diag);
    struct plan_options planned = choices_plan(&options->choices, invocation->operands[0]);
    planned.prompt = execution_is_interactive(&options->execution) ? prompt_param : NULL;
    return plan_new(&planned, diag);
}

/* What is run is said by FILE and the choices, or by a plan, and not by both. */
static int exec_check(const struct invocation *invocation) {
    const struct exec_options *options = invocation->options;
    const struct choices *choices = &options->choices;
    AUTO_ERR err = ERR_INIT;
    bool has_choices = choices->set || choices->params_file || choices->profile || choices->only ||
                       choices->skip || choices->from;
    if (!options->plan && invocation->operand_count == 0) {
        err_set(&err, ERR_INVALID, "`runbook exec` needs FILE");
        err_hint(&err, "see `runbook exec --help`");
    } else if (options->plan && (has_choices || invocation->operand_count > 0)) {
        err_set(&err, ERR_INVALID,
                "`--plan` says what is run: FILE, parameters, profile and selection are in it");
        err_hint(&err, "leave them out, or make another plan with `runbook plan -o`");
    } else {
        return execution_check(&options->execution);
    }
    return print_err(&err);
}

static void source_add(void *user, const struct runbook *file) {
    diag_source(user, file->path, file->bytes, file->length);
}

/* What is wrong with the plan is told here, what breaks the house rules was told. */
static int exec_refused(const struct diag *diag) {
    return diag_count(diag) > 0 ? print_diag(diag) : RUN_INVALID;
}

/* Tells what breaks the house rules. A dry run goes on, since it changes nothing. */
static bool exec_is_allowed(const struct house_rules *rules, struct plan *plan, bool dry_run) {
    struct diag *diag = diag_new();
    runbook_each_file(plan_runbook(plan), source_add, diag);
    house_rules_judge(rules, plan, diag);
    bool is_allowed = diag_count(diag) == 0;
    if (!is_allowed || diag_warnings(diag) > 0)
        (void)print_diag(diag);
    diag_free(diag);
    return is_allowed || dry_run;
}

static int exec_run(const struct invocation *invocation) {
    const struct exec_options *options = invocation->options;
    int status = exec_check(invocation);
    if (status != 0)
        return status;
    struct diag *diag = diag_new();
    struct house_rules rules;
    struct plan *plan = house_rules_find(&rules, diag) ? exec_plan(invocation, &rules, diag) : NULL;
    const struct run_options what = {
        .plan = plan,
        .dry_run = options->dry_run,
        .policy_sha256 = rules.policy ? rules.sha256 : NULL,
    };
    status = plan && exec_is_allowed(&rules, plan, options->dry_run)
                 ? execution_run(&options->execution, &what, diag)
                 : exec_refused(diag);
    plan_free(plan);
    house_rules_release(&rules);
    diag_free(diag);
    return status;
}

/* ---- the descriptor ----------------------------------------------------------------------- */

#define AT(member) .offset = offsetof(struct exec_options, member)

static const struct option exec_options[] = {
    CHOICES_OPTIONS(struct exec_options),
    {.name = "plan",
     .kind = OPTION_TEXT,
     AT(plan),
     .argument = "FILE",
     .word = WORD_FILE,
     .doc = "run exactly what `plan -o` wrote there, and nothing where anything has changed since"},
    {.name = "dry-run",
     .letter = 'n',
     .kind = OPTION_FLAG,
     AT(dry_run),
     .doc = "change nothing: what only reads is run, SQL is tried and rolled back, of all else "
            "the parts are checked, and what would fail is told"},
    EXECUTION_OPTIONS(struct exec_options),
    {0},
};

const struct command command_exec = {
    .name = "exec",
    .summary = "run a runbook: live progress, gates, rollback, transcript",
    .operands = "[FILE]",
    .about =
        "Every step is written to the transcript before its effect begins. When a step fails, "
        "what was done is rolled back in the reverse order of the graph.\n\n"
        "The first Ctrl-C stops new steps and asks (without a terminal: cancels and rolls back), "
        "the second cancels what runs and rolls back, the third leaves at once and records what "
        "is in doubt.\n\n"
        "At a gate, a failure and an interrupt, and when a rollback begins, the undo ledger says "
        "what is undone and in which order (equal numbers: side by side), how long that took in "
        "earlier runs, what has no way back, and where the points of no return lie. At a question "
        "`u` shows all of it, with whole commands.\n\n"
        "Without a terminal each line begins with a word that tells what it is about: `start`, "
        "`ok`, `failed`, `skip`, `retry`, `wait` and `cancel` of a step, `gate` of a question, "
        "`back` of a rollback, `undo` and `undone` of a step's handler. Other lines of handlers "
        "are "
        "marked `(rollback)`, those of the end `(finally)`.",
    .least = 0,
    .most = 1,
    .word = WORD_FILE,
    .options = exec_options,
    .size = sizeof(struct exec_options),
    .examples =
        (const struct example[]){
            {"exec drill.yaml --set backup=/var/backups/db.dump", "Run it with a parameter."},
            {"exec drill.yaml --profile drill --json > records.jsonl",
             "Run the drill profile and keep the records as they come."},
            {"exec --plan drill.plan", "Run exactly the plan that was approved."},
            {"exec drill.yaml --from restore", "Begin at the step `restore`."},
            {0}},
    .run = exec_run,
};
