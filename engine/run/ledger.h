/* The undo ledger: what a rollback that began now would undo, in which order and how long that
 * takes, what has no way back, and where the points of no return lie. */
#ifndef RUN_LEDGER_H
#define RUN_LEDGER_H

#include "run/engine.h"

/* As report/ledger.h reads it; owned. */
value ledger_tell(struct run *run);
/* The same for a record: what no record has room for is left out, and counted. */
value ledger_note(struct run *run);

/* The node's handler for a person to do: {step, title, plan, error}; `error` may be NULL. */
value ledger_hand(const struct node *node, const char *error);
/* Appends those of every handler that is owed in the frame and in those within, in the order of a
 * rollback. */
value ledger_hands(const struct frame *frame, value list_taken, const char *error);

#endif
