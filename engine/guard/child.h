/* A command's life in the guard, from its begin until nothing that it started is left. */
#ifndef GUARD_CHILD_H
#define GUARD_CHILD_H

#include <signal.h>

#include "guard/table.h"

/* `pid` has just been spawned as the leader of a session; takes `token`. */
struct child *child_new(struct table *table, pid_t pid, char *token);
/* One that did not begin, as `sys`, an errno, says. */
struct child *child_not_begun(int sys);
/* Takes both ends of its pipes, -1 where there is none. */
void child_take_pipes(struct child *child, int output_fds[2], int write_fds[2]);
void child_close_writers(struct child *child);
void child_free(struct child *child);
/* SIGTERM to its tree, SIGKILL after `grace_ms`; a smaller grace than before shortens the wait. */
void child_kill(struct child *child, int64_t grace_ms);
/* Something of it has ended: is it all? */
void child_settle(struct child *child);
/* Looks without reaping; true when it has just ended. */
bool child_note_exit(struct child *child);
/* As waitid tells of its end. */
void child_take_exit(struct child *child, const siginfo_t *info);
/* Something that it wrote waits in its pipes. */
bool child_has_output(const struct child *child);

#endif
