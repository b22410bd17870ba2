/* The store of runs: $RUNBOOK_HOME, else $XDG_STATE_HOME/runbook, else ~/.local/state/runbook.
 * Folders are 0700, files 0600; symlinks and foreign owners are refused. */
#ifndef JOURNAL_STORE_H
#define JOURNAL_STORE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct store;
int store_open(struct store **ret, struct err *err) MUST_USE;
/* As store_open, but makes nothing: 0 with *ret NULL where there is no store yet. */
int store_peek(struct store **ret, struct err *err) MUST_USE;
void store_free(struct store *store);
const char *store_path(const struct store *store);
/* Where the store is or would be, absolute; nothing is made. NULL where there is no place for it.
 * The caller frees. */
char *store_where(struct err *err);

/* Makes the directory of a new run with output/ and inbox/ in it and takes its lock. The id is
 * the runbook's name and the time in UTC, with a suffix where two start in one second, whatever
 * their runbooks, e.g. "dr-drill-20260102T030405Z", "check-20260102T030405Z-2": so ids tell the
 * order in which runs were made. */
struct store_run;
int store_run_new(struct store *store, const char *runbook_name, struct store_run **ret,
                  struct err *err) MUST_USE;
/* Takes the lock of an existing run, whose directory store_find gave, and makes the subfolders that
 * are missing. -1 with ERR_BUSY, and the holder in the message, where an engine owns it; a folder
 * that does not lie in this store is refused. */
int store_run_open(struct store *store, const char *dir, struct store_run **ret,
                   struct err *err) MUST_USE;
/* Names a run for whoever only reads it: nothing is made, and no lock is taken. */
struct store_run *store_run_view(const char *dir, const char *id);
void store_run_free(struct store_run *run); /* gives the lock back */
const char *store_run_id(const struct store_run *run);
const char *store_run_dir(const struct store_run *run);

/* Finds a run by id, by a unique beginning of it, by the path of its directory (anything with a
 * slash), or "last". The caller frees the path of its directory. Not found: an error that names
 * near ones. */
int store_find(struct store *store, const char *name, char **ret_dir, struct err *err) MUST_USE;
/* $RUNBOOK_HOME/runs/ID/transcript.jsonl; the caller frees. */
char *store_transcript(const char *run_dir);
/* Newest first; the caller frees with store_list_free. */
int store_list(struct store *store, char ***ret_ids, size_t *ret_count, struct err *err) MUST_USE;
void store_list_free(char **ids, size_t count);
/* Whether an engine owns the run now. */
bool store_is_running(const char *run_dir);
/* The run that was begun before this one and the hash of its last line; false where none. */
bool store_previous(struct store *store, const char *run_id, char **ret_id, char ret_head[65]);

/* A named lock on this machine (locks/NAME): -1 with ERR_BUSY names the holder. */
int store_lock(struct store *store, const char *name, const char *owner, int *ret_fd,
               struct err *err) MUST_USE;
char *store_lock_path(struct store *store, const char *name); /* the caller frees */

#endif
