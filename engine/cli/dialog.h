/* Questions to the person at the terminal, one after another: gates, checklists, and what to do
 * after a failure or an interrupt. A state machine over typed lines; it reads and writes
 * nothing itself. */
#ifndef CLI_DIALOG_H
#define CLI_DIALOG_H

#include "report/text.h"
#include "run/run.h"

struct dialog_sink {
    void *user;
    /* Whole lines, escaped, that stand above the prompt. */
    void (*print)(void *user, const char *lines, size_t length);
    void (*answer)(void *user, const char *step, const struct step_answer *answer);
    void (*choose)(void *user, enum run_choice choice);
    /* A shell beside it is wanted; the question waits until dialog_again. */
    void (*shell)(void *user);
    /* The undo ledger as it stands now (cli/ledger.h); owned by the dialog. */
    value (*undo)(void *user);
};

struct dialog;
/* `by` is who answers; both are borrowed. */
struct dialog *dialog_new(const struct dialog_sink *sink, const struct text_style *style,
                          const char *by);
void dialog_free(struct dialog *dialog);

void dialog_ask(struct dialog *dialog, const char *step, const struct step_question *question);
void dialog_unask(struct dialog *dialog, const char *step);
/* Goes before all other questions. */
void dialog_choose(struct dialog *dialog, const char *step_or_null, const char *error);
/* The choice is void: the run went on without it. */
void dialog_unchoose(struct dialog *dialog);

/* What the cursor stands behind; NULL where nothing is asked. */
const char *dialog_prompt(const struct dialog *dialog);
/* A line was typed, without its newline. */
void dialog_line(struct dialog *dialog, const char *text);
/* Shows the current question once more. */
void dialog_again(struct dialog *dialog);

#endif
