/* Interrupts: the first stops launching and asks, or cancels where nobody can be asked; the
 * second cancels what runs and rolls back; the third leaves at once. */
#ifndef RUN_INTERRUPT_H
#define RUN_INTERRUPT_H

#include "run/engine.h"

void interrupt_watch(struct run *run);
void interrupt_unwatch(struct run *run);
/* Leaves now: what runs is recorded as in doubt where the transcript still can, and killed. */
void interrupt_leave(struct run *run);

#endif
