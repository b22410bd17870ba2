/* A run: the interpreter of a plan, its transcript, and who watches. */
#ifndef RUN_RUN_H
#define RUN_RUN_H

#include "engine/step.h"
#include "journal/event.h"
#include "plan/plan.h"

enum run_exit {
    RUN_SUCCEEDED = 0,
    RUN_FAILED = 1,
    RUN_INVALID = 2,
    RUN_HANDS_NEEDED = 3, /* a rollback failed */
    RUN_REJECTED = 4,
    RUN_INTERRUPTED = 5,
    RUN_IN_DOUBT = 6,
    RUN_TRANSCRIPT = 7,
    RUN_LOCKED = 8,
};

/* What a person answers when a step failed or the run was interrupted. */
enum run_choice { RUN_RETRY, RUN_SKIP, RUN_ROLLBACK, RUN_STOP, RUN_SHELL, RUN_CONTINUE };

/* The watcher: the terminal, or whoever embeds the engine. Every text is redacted already but
 * not escaped. Members may be NULL but `event`. Answers come by run_answer_* in any later turn. */
struct run_ui {
    void *user;
    /* A record was written. `line` is the record with its newline. */
    void (*event)(void *user, const struct event *event, const char *line, size_t length);
    /* Redacted output of a running step. `step` is its path. */
    void (*output)(void *user, const char *step, enum step_stream stream, const char *bytes,
                   size_t length);
    /* How a running step goes that measures something. */
    void (*gauge)(void *user, const char *step, const struct step_gauge *gauge);
    /* A gate or a manual step asks; answer with run_answer(). NULL: nobody can answer. */
    void (*ask)(void *user, const char *step, const struct step_question *question);
    /* The question is void: the step was cancelled or it expired. */
    void (*unask)(void *user, const char *step);
    /* A step failed (--on-failure ask) or the first interrupt came; answer with run_choose().
     * NULL: the run's own rule applies. */
    void (*choose)(void *user, const char *step_or_null, const char *error);
};

struct config;
struct estimate;
#define RUN_JOBS 64
struct run_options {
    struct plan *plan;
    const struct run_ui *ui;
    int64_t jobs; /* most steps that run at once; 0: RUN_JOBS */
    bool yes;     /* gates that name nobody are open */
    bool dry_run;
    bool cancel_running;         /* on failure, do not wait for what runs */
    bool sync;                   /* --durability disk (default) or process */
    const struct config *config; /* borrowed; NULL: nothing is configured */
    const char *policy_sha256;   /* of the house rules in force, or NULL */
    const char *terminal;        /* its name, or NULL */
    /* To go on with a run that an engine before this one left; NULL: a new one. */
    struct past *past;
    const char *const *settle; /* "STEP=done", "STEP=not-done" or "STEP=rerun"; NULL-terminated */
    bool accept_changed_plan;
    bool roll_back; /* undo what it did, instead of going on */
    /* Answers every effect in place of the systems (run/replay.h); NULL: nobody does. */
    struct replay *replay;
};

struct run;
struct loop;
/* Prepares (secrets, requires, locks, run directory) and begins. Errors here mean that nothing
 * ran: their kind decides the exit status. */
int run_begin(struct loop *loop, const struct run_options *options, struct run **ret,
              struct diag *diag, struct err *err) MUST_USE;
/* Runs the loop until the run is over; returns the exit status. */
enum run_exit run_wait(struct run *run);
void run_free(struct run *run);

const char *run_id(const struct run *run);
const char *run_dir(const struct run *run);
/* Why the transcript could not be written, where the exit status is RUN_TRANSCRIPT. */
const struct err *run_error(const struct run *run);

void run_answer(struct run *run, const char *step, const struct step_answer *answer);
void run_choose(struct run *run, enum run_choice choice, const char *by);
/* The undo ledger as it stands, for report/ledger.h; owned. */
value run_undo(struct run *run);
/* How long steps took in the runs before this one: read when it is asked for first. NULL in a
 * replay. */
const struct estimate *run_estimate(struct run *run);

/* Exit status of an error that came before anything ran. */
enum run_exit run_exit_of(const struct err *err);

#endif
