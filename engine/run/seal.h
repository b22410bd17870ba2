/* The seal: SSH signatures of the transcript's head, in `checkpoint` records. They are made beside
 * the run and never hold it up, but for the last, which stands behind the end record. */
#ifndef RUN_SEAL_H
#define RUN_SEAL_H

#include "run/engine.h"

/* NULL where no key is configured; NULL is legal everywhere below. */
struct seal *seal_new(struct run *run);
void seal_free(struct seal *seal);

/* Each record that was written passes here: some are worth a seal. */
void seal_event(struct seal *seal, const struct event *event);
/* Behind the last record: signs it, and calls `ended` once that was recorded, or could not be. */
void seal_end(struct seal *seal, void (*ended)(void *user), void *user);
/* Somebody will not wait for that: `ended` is called now. */
void seal_leave(struct seal *seal);

#endif
