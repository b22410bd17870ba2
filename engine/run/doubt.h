/* Attempts of which nobody knows whether they took effect. They are settled by the system itself
 * (a transaction's id, a command that still runs), else by a person's word, by the author's
 * `done_when`, by an effect that may be repeated; else only a person can. */
#ifndef RUN_DOUBT_H
#define RUN_DOUBT_H

#include "run/task.h"

enum doubt_answer { DOUBT_DONE, DOUBT_NOT_DONE, DOUBT_RERUN, DOUBT_ANSWER_COUNT };
extern const char *const doubt_answers[DOUBT_ANSWER_COUNT + 1]; /* as users write them; NULL ends */

/* The task's attempt ended in doubt. */
void doubt_begin(struct task *task);
/* An engine before this one began the attempt and recorded no end. `doubt` is borrowed. */
void doubt_go_on(struct task *task, const struct step_doubt *doubt, int64_t elapsed_ms);
/* The answer is recorded already. */
void doubt_settled(struct task *task, const char *answer);

#endif
