/* Asks people for a step: what `approval` and `manual` share. */
#ifndef STEPS_ASK_H
#define STEPS_ASK_H

#include <stdbool.h>

#include "step.h"

/* The state of an attempt of a step that asks; zeroed is empty. */
struct ask_state {
    struct step_question question;
    char *message;
    char *evidence;
    char **items;
    const char **approvers;
    struct step_result result;
    bool is_reported; /* the report is deferred: step_done must not be called from start */
};

/* Sets `question.message`, which `ask_release` frees. */
int ask_message(struct step_ctx *ctx, const struct template *message, struct err *err) MUST_USE;
/* Puts the question; `answered` sets state->result and calls ask_report. */
void ask_start(struct step_ctx *ctx,
               void (*answered)(struct step_ctx *ctx, const struct step_answer *answer));
/* Reports state->result in the next turn; to be called once the answer was judged. */
void ask_report(struct step_ctx *ctx);
/* The data of every answer: by, comment. */
value ask_data(const struct step_answer *answer);
void ask_cancel(struct step_ctx *ctx);
void ask_release(struct step_ctx *ctx);

#endif
