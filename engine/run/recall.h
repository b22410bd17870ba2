/* Going the way of a run again: the same interpreter, with every effect answered from the
 * transcript. While a run recalls, nothing is begun, asked or written.
 *
 * What came from outside (the end of an attempt, a person's choice, a signal) is delivered in the
 * order of the records; what follows from it (starts, skips, rollback) the interpreter does by
 * itself, and each such record must come about before the next is delivered. Steps without a
 * record are held. */
#ifndef RUN_RECALL_H
#define RUN_RECALL_H

#include "run/engine.h"
#include "run/past.h"

struct recall;
/* Walks through all records; the run then stands where they end. An error where runbook and
 * transcript do not go the same way. `past` is borrowed by the run. */
int recall_run(struct run *run, struct past *past, struct err *err) MUST_USE;
/* Goes on where the records end: what was held is let go, attempts without an end are settled. */
void recall_release(struct recall *recall);
/* The locks that steps under way held are held again, or ERR_BUSY. */
int recall_locks(struct run *run, struct err *err) MUST_USE;
void recall_free(struct recall *recall);

/* Whether the end of an attempt, or a skip, is recorded of the node; such a node is driven. */
bool recall_lets(struct recall *recall, struct node *node);
void recall_hold(struct recall *recall, struct node *node);
/* In place of the node's own condition. */
void recall_drive(struct recall *recall, struct node *node);
/* How long the node took, as it is recorded; false where its end is not. */
bool recall_duration(struct recall *recall, struct node *node, int64_t *ret_ms);
/* In place of writing the event. */
void recall_emit(struct recall *recall, const struct event *event);
/* The number of its next attempt, where that is recorded; else 0. */
int64_t recall_attempt(struct recall *recall, struct task *task);
/* The attempt has begun: its end, or that of its members, is a record to come. */
void recall_await(struct recall *recall, struct task *task);

#endif
