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
/* Of a replay: the doubt, and what settled it, as the records tell. */
void doubt_tell(struct task *task);
void doubt_resolve(struct task *task, const struct event *event);
void doubt_leave(struct task *task); /* to people, for now */
/* The attempt's act once more: with `doubt` to be settled, else to be carried out. */
void doubt_restart(struct task *task, const struct step_doubt *doubt, int64_t elapsed_ms,
                   void (*ended)(void *user, struct step_ctx *act));
/* The answer is recorded already. */
void doubt_settled(struct task *task, const char *answer);

#endif
