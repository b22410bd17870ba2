/* Interrupts: the first stops launching and asks, or cancels where nobody can be asked; the
 * second cancels what runs and rolls back; the third leaves at once. */
#ifndef RUN_INTERRUPT_H
#define RUN_INTERRUPT_H

#include "run/engine.h"

void interrupt_watch(struct run *run);
void interrupt_unwatch(struct run *run);
/* A signal that an engine before this one got; `asked`: a person then chose, as a record tells. */
void interrupt_recall(struct run *run, bool asked);
/* The signal of a record comes in. */
void interrupt_replay(struct run *run, const char *signal);
/* What the person who was asked chose. */
void interrupt_choose(struct run *run, enum run_choice choice);
/* Whether the answer of a record is a choice. */
bool interrupt_choice_find(const char *answer, enum run_choice *ret);
/* Leaves now: what runs is recorded as in doubt where the transcript still can, and killed. */
void interrupt_leave(struct run *run);

#endif
