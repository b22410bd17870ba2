/* Processes that came to the guard when their parent ended: whose they are, and their end. */
#ifndef GUARD_ORPHAN_H
#define GUARD_ORPHAN_H

#include "guard/table.h"

/* Takes `pid`, one of our children that no command is. Its program may just be starting, see
 * tree_token. */
void orphan_adopt(struct table *table, pid_t pid, int *patience_ms);
void orphan_remove(struct table *table, struct orphan *orphan);
/* Gives those of unknown origin to the only command there is. */
void orphans_own_strays(struct table *table);
/* Reaps those of `owner` that have ended. */
void orphans_reap(struct child *owner);
/* Looks at those that cannot be watched. */
void orphans_look(struct table *table);
void orphans_add(const struct child *owner, struct pids *ret);
/* SIGTERM, to those of `owner` that did not get it yet. */
void orphans_tell_new(struct child *owner);
void orphans_mark_told(struct child *owner);
/* What hangs in the kernel or belongs to another user; returns how many. */
size_t orphans_give_up(struct child *owner);
/* Their owner is no more. */
void orphans_disown(struct child *owner);

#endif
