/* An act: one start of a step type, with its time limit, its output and its verdict. Attempts,
 * probes, services and handlers are all acts. `struct step_ctx` of engine/step.h is an act. */
#ifndef RUN_ACT_H
#define RUN_ACT_H

#include "run/engine.h"

struct act_spec {
    struct frame *frame;
    const struct step *step;
    const char *path;   /* of the step, for messages, output files and tokens */
    const char *label;  /* output files are PATH.LABEL.stdout; NULL: nothing is stored */
    int64_t attempt;    /* from 1; 0 of a probe */
    int64_t timeout_ms; /* 0: none */
    bool is_service;    /* goes on until act_cancel */
    bool is_probe;      /* its failure is an answer: nothing is shown */
    bool is_rehearsal;  /* of a dry run: its type looks whether it could be begun */
    const struct step *in_place_of; /* its `dry_run:`; the outputs are those of that step */
    bool is_resumed;                /* an engine before this one began it */
    int64_t elapsed_ms;             /* how long ago that was */
    void *user;
    /* Once, from the loop. The act is still there for act_* until act_free. */
    void (*ended)(void *user, struct step_ctx *act);
};

/* Whether nothing that the step says may be kept or shown. */
bool step_hides_output(const struct step *step);

struct step_ctx *act_new(const struct act_spec *spec);
/* Begins; `ended` follows in every case. */
void act_start(struct step_ctx *act);
/* In place of act_start, for an attempt that an engine before this one began. A type that cannot
 * tell leaves it in doubt. */
void act_settle(struct step_ctx *act, const struct step_doubt *doubt);
/* Asks it to end; `timed_out` decides what it is called. Idempotent. */
void act_cancel(struct step_ctx *act, bool timed_out);
/* Its end is in the transcript, if it has ended and could be written: the files that hold what
 * stands there go. Until then the next engine would have to read them. */
void act_recorded(struct step_ctx *act);
void act_free(struct step_ctx *act); /* not while it runs */

const struct act_spec *act_spec_of(const struct step_ctx *act);
/* Where its command may write outputs (RUNBOOK_OUTPUT), or NULL. */
const char *act_output_file(const struct step_ctx *act);

/* The open gate of the act with this path, or NULL. */
struct gate *act_gate(struct run *run, const char *path);

/* No more of its output is taken: what came is stored and can be recorded. */
void act_end_output(struct step_ctx *act);
/* Whether any is under way that the next engine could not go on with as it is: services are found
 * again, and who waits for people or time waits anew. */
bool acts_bind(const struct run *run);
void acts_each(struct run *run, void (*each)(struct step_ctx *act));

/* What it was about to commit; false where it did not come so far. Borrowed. */
bool act_committing(const struct step_ctx *act, struct step_doubt *ret);

/* Behind `ended`: */
enum step_outcome act_outcome(const struct step_ctx *act); /* with `expect` judged */
bool act_without_effect(const struct step_ctx *act);
bool act_timed_out(const struct step_ctx *act);
const struct err *act_err(const struct step_ctx *act);
value act_data(const struct step_ctx *act);    /* owned; what `.` is in expect and outputs */
value act_outputs(const struct step_ctx *act); /* owned */
/* In a dry run: why nothing is known of its end, or NULL. */
const char *act_unknown(const struct step_ctx *act);
value act_record(const struct step_ctx *act); /* owned; stored streams, or null */
value act_notes(const struct step_ctx *act);  /* owned; array, or null */
int64_t act_duration_ms(const struct step_ctx *act);
/* The last lines it printed, redacted: of stderr, or of stdout where that is silent. */
const char *act_last_lines(const struct step_ctx *act);

#endif
