/* Named locks: two steps, of one run or of two on this machine, that hold the same name never
 * run together. Waiting costs nothing: the kernel tells when the holder lets go. */
#ifndef RUN_LOCK_H
#define RUN_LOCK_H

#include "run/engine.h"

struct lock;
/* Takes it, or waits. `taken` is called from the loop; `waits` (once, where it must wait) gets
 * who holds it. */
struct lock *lock_new(struct run *run, const char *name, void (*waits)(void *user, const char *who),
                      void (*taken)(void *user, struct err *err), void *user);
/* Here and now, or ERR_BUSY: of a step that an engine before this one began. */
int lock_take(struct run *run, const char *name, struct lock **ret, struct err *err) MUST_USE;
/* Of a replay, which takes no locks: it is taken at that moment, and waited for where `who` had
 * it. */
void lock_replay(struct lock *lock, const char *who_or_null, int64_t at_ns);
/* It will not be taken, for this reason. Before lock_replay. */
void lock_replay_refused(struct lock *lock, const char *error, const char *hint_or_null);
void lock_free(struct lock *lock); /* gives it back, or stops waiting */

#endif
