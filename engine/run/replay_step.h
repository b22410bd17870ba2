/* What the interpreter asks a replay in place of the world. */
#ifndef RUN_REPLAY_STEP_H
#define RUN_REPLAY_STEP_H

#include "run/replay.h"
#include "run/task.h"

/* ---- the run -------------------------------------------------------------------------------- */

/* In place of prepare_run: nothing is required, taken or made. */
int replay_begin(struct replay *replay, struct run *run, struct err *err) MUST_USE;
/* In place of writing it. */
void replay_record(struct replay *replay, const struct event *event);
/* The last record is told. */
void replay_finished(struct replay *replay);
/* Whether another engine went on with the run behind what is replayed now. */
bool replay_goes_on(const struct replay *replay);
/* Whether a person was asked when the signal came whose record is made next. */
bool replay_asks_interrupt(const struct replay *replay);

/* Whether a signal came then before the run went on to what follows its steps. */
bool replay_lingers(const struct replay *replay);

/* ---- a node's turn -------------------------------------------------------------------------- */

/* Whether its turn had not come yet then; it is made ready again when it has. */
bool replay_holds(struct replay *replay, struct node *node);
/* No more is begun in some frames: what is held there need not be. */
void replay_drained(struct replay *replay);
/* Whether the record decides the node's condition, since what it looks at is not known. */
bool replay_decides(struct node *node, bool *ret_holds);

/* ---- a task --------------------------------------------------------------------------------- */

/* How many attempts were taken back when the run was gone on with behind its end. */
int64_t replay_attempts(const struct task *task);
void replay_lock(struct task *task);
bool replay_asks(const struct task *task); /* a person, what is to follow the failure */
/* The pause before the next attempt as it was, or `nominal_ms`; and its timer. */
int64_t replay_delay(const struct task *task, int64_t nominal_ms);
/* Whether its deadline ended the attempts there. */
bool replay_gave_up(const struct task *task);
struct loop_timer *replay_pause(struct task *task, int64_t delay_ms);
/* Whether a resumed run tried the step again where this attempt failed; then it follows. */
bool replay_again(struct task *task);
void replay_doubt(struct task *task);
/* Of the outputs that are recorded of a body, or VALUE_NONE; owned. */
value replay_outputs(const struct task *task);
/* `.steps.ID` with marks for those who look at it. */
value replay_publish(const struct task *task, value published_taken);

/* ---- an act --------------------------------------------------------------------------------- */

void act_replay(struct step_ctx *act); /* in place of starting it */
void replay_cancel(struct replay *replay, struct step_ctx *act);

#endif
