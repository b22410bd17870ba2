#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/execution.h"
#include "cli/settle.h"
#include "cli/terminal.h"
#include "journal/store.h"
#include "report/model.h"

struct resume_options {
    struct execution execution;
    const char *const *settle;
    bool accept_changed_plan;
};

/* ---- what was asked for ------------------------------------------------------------------- */

static int run_check_folder(const char *dir, struct err *err) {
    AUTO_TEXT transcript = store_transcript(dir);
    if (file_exists(transcript))
        return 0;
    err_set(err, ERR_INVALID, "%s is not a run: it has no transcript.jsonl", dir);
    return err_hint(err, "`runbook runs` lists the runs");
}

static int past_find(const char *name, struct past **ret, struct err *err) {
    struct store *store = NULL;
    AUTO_TEXT dir = NULL;
    int status = store_open(&store, err);
    if (status == 0)
        status = store_find(store, name, &dir, err);
    if (status == 0)
        status = run_check_folder(dir, err);
    if (status == 0)
        status = past_open(dir, NULL, ret, err);
    store_free(store);
    return status;
}

/* Every word is weighed before anything is done. */
static int words_check(const struct resume_options *options, const struct past *past,
                       struct err *err) {
    AUTO_TEXT transcript = store_transcript(past_dir(past));
    struct model model;
    if (!options->settle)
        return 0;
    model_init(&model);
    model.brief = true;
    int status = model_read(&model, transcript, err);
    if (status == 0)
        status = settle_check(options->settle, &model, err);
    model_release(&model);
    return status;
}

/* ---- the two commands ---------------------------------------------------------------------- */

static int go_on(const struct resume_options *options, struct past *past, bool roll_back) {
    struct diag *diag = diag_new();
    struct plan *plan = past_plan(past, diag);
    const struct run_options what = {
        .plan = plan,
        .past = past,
        .settle = options->settle,
        .accept_changed_plan = options->accept_changed_plan,
        .roll_back = roll_back,
    };
    int status = plan ? execution_run(&options->execution, &what, diag) : print_diag(diag);
    plan_free(plan);
    diag_free(diag);
    return status;
}

static int resume(const struct invocation *invocation, bool roll_back) {
    const struct resume_options *options = invocation->options;
    struct past *past = NULL;
    struct err err = ERR_INIT;
    int status = execution_check(&options->execution);
    if (status != 0)
        return status;
    if (past_find(invocation->operands[0], &past, &err) < 0 ||
        words_check(options, past, &err) < 0) {
        past_free(past);
        status = (int)run_exit_of(&err);
        (void)print_err(&err);
        return status;
    }
    status = go_on(options, past, roll_back);
    past_free(past);
    return status;
}

static int resume_run(const struct invocation *invocation) {
    return resume(invocation, false);
}

static int rollback_run(const struct invocation *invocation) {
    return resume(invocation, true);
}

/* ---- the descriptors ----------------------------------------------------------------------- */

#define AT(member) .offset = offsetof(struct resume_options, member)

static const struct option resume_option_table[] = {
    {.name = "settle",
     .kind = OPTION_LIST,
     AT(settle),
     .argument = "STEP=ANSWER",
     .doc =
         "say what became of a step in doubt: done; not-done, which runs it; rerun, which runs it "
         "again all the same"},
    {.name = "accept-changed-plan",
     .kind = OPTION_FLAG,
     AT(accept_changed_plan),
     .doc = "go on though the runbook, or what it was given, is not what the run began with; the "
            "transcript says so"},
    EXECUTION_OPTIONS(struct resume_options),
    {0},
};

const struct command command_resume = {
    .name = "resume",
    .summary = "go on with a run whose engine died, or which was stopped",
    .operands = "RUN",
    .about =
        "Steps that have ended are not run again. A command that still runs is waited for; of one "
        "that ended meanwhile the exit status is taken; what became of a transaction is asked of "
        "the server; gates that stood open are asked again. What nobody can tell is in doubt: it "
        "is settled by `done_when`, or by its effect where it may be repeated, else by --settle; "
        "without an answer the run is left as it is, with exit status 6. A crash during a rollback "
        "resumes the rollback. A run that was stopped is tried again from the step that failed.\n\n"
        "It takes the same runbook, parameters, profile and folder as before, and the secrets as "
        "they are now. It is refused while another engine is at the run (exit status 8), and where "
        "the transcript or an output is not what was recorded (7).\n\n"
        "RUN is an id as `runs` lists them, a unique beginning of one, the path of a run's "
        "folder, or `last`.",
    .least = 1,
    .most = 1,
    .word = WORD_RUN,
    .options = resume_option_table,
    .size = sizeof(struct resume_options),
    .examples = (const struct example[]){{"resume last", "Go on with the newest run."},
                                         {"resume last --settle restore=done",
                                          "I looked: the restore is complete."},
                                         {0}},
    .run = resume_run,
};

const struct command command_rollback = {
    .name = "rollback",
    .summary = "undo what a finished, stopped or crashed run did",
    .operands = "RUN",
    .about = "Runs the rollback handlers of the steps that ran, in the reverse order of the graph, "
             "as a failure would have; then `finally`. Handlers that ran are not run again; those "
             "that failed are. Nothing above a point of no return is undone. A command that still "
             "runs is stopped first, and what is in doubt is undone, too, as it may have happened. "
             "The exit status is 0 where all was undone, and 3 where a handler failed.",
    .least = 1,
    .most = 1,
    .word = WORD_RUN,
    .options = resume_option_table,
    .size = sizeof(struct resume_options),
    .examples = (const struct example[]){{"rollback last", "Undo the newest run."}, {0}},
    .run = rollback_run,
};
