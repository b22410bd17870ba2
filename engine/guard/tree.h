/* Trees of processes as /proc shows them.
 *
 * Where the kernel lacks /proc/PID/task/TID/children (CONFIG_PROC_CHILDREN), all of /proc is read
 * instead, which is slower. */
#ifndef GUARD_TREE_H
#define GUARD_TREE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/vec.h"

struct pids {
    VEC(pid_t) list;
};
void pids_add(struct pids *pids, pid_t pid);
void pids_release(struct pids *pids);
#define AUTO_PIDS __attribute__((cleanup(pids_release))) struct pids

struct tree_view {
    int children_fd; /* our own list, held open: it is read when each child ends; -1: none */
};
void tree_view_init(struct tree_view *view);
void tree_view_release(struct tree_view *view);
/* Adds our own children, zombies and adopted orphans too. */
void tree_own_children(const struct tree_view *view, struct pids *ret);

/* Adds all that descend from those that are in it. */
void tree_descend(struct pids *pids);
/* Signals the process groups of these, as a signal to a group cannot be outrun by a fork. Groups
 * never reach beyond the session that one of our children began; our own is left out. */
void tree_signal(const struct pids *pids, int signum);
/* SIGKILL to all that is in the sessions of these leaders, wherever it hangs in the tree, and to
 * what descends from it; for those whose parent is not ours. */
void tree_kill_sessions(const struct pids *leaders);
/* The value of PROCESS_TOKEN in its environment; the caller frees; NULL where there is none. Within
 * execve a process shows no environment at all for a moment: then it looks again each millisecond,
 * and takes those off `patience_ms`, until none is left. */
char *tree_token(pid_t pid, int *patience_ms);
/* Adds the processes, wherever they are, that have all variables of that environment whose names
 * begin with RUNBOOK_. While there is none it looks again each millisecond, as one may be about to
 * begin, and takes those off `patience_ms`, until none is left. The token alone would not do: it is
 * unique in its store only; the run's folder is among them, too. */
void tree_find_environment(const char *bytes, size_t length, int *patience_ms, struct pids *ret);

/* A descriptor that is readable once the process has ended, -1 where the kernel refuses. */
int tree_open_pid(pid_t pid);

/* For tests: as if the kernel had no pidfd_open. */
void tree_without_pidfd(bool without);
/* For tests: as if the kernel had no lists of children. */
void tree_without_lists(bool without);

#endif
