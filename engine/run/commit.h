/* Group commit: records that wait at the same moment share one fdatasync in a worker thread. */
#ifndef RUN_COMMIT_H
#define RUN_COMMIT_H

#include <stdbool.h>

#include "io/loop.h"
#include "journal/writer.h"

struct commit;
/* `dir` is the run's, for messages. Without `sync` the kernel writes when it likes. `failed`
 * is told once. */
struct commit *commit_new(struct loop *loop, struct writer *writer, const char *dir, bool sync,
                          void (*failed)(void *user, struct err *err), void *user);
/* Waits for a sync that is under way: the writer may go then. */
void commit_free(struct commit *commit);

/* Calls back from the loop when every record appended so far is on disk; never after a failure. */
void commit_then(struct commit *commit, void (*durable)(void *user), void *user);
/* The same, where nothing is under way that the loop would keep waiting meanwhile. */
void commit_alone(struct commit *commit, void (*durable)(void *user), void *user);
/* Whether anybody has to wait: where not, that spares each step a turn of the loop. */
bool commit_syncs(const struct commit *commit);
/* What is appended so far has let others begin, which rely on it. */
void commit_relied_on(struct commit *commit);
/* Whether what only reads may begin before its own record is durable: all that others rely on is,
 * and no more than COMMIT_AHEAD_MAX records wait. */
bool commit_lets_read(const struct commit *commit);
#define COMMIT_AHEAD_MAX 1024 /* reads that a power cut may make be done again */
/* Nobody waits. */
bool commit_is_idle(const struct commit *commit);
/* Nobody with this `user` is called back any more. */
void commit_forget(struct commit *commit, const void *user);
/* A file that commit_file will be given has become much longer: the disk begins with it while more
 * comes, in a worker thread, one file at a time. The descriptor stays the caller's. */
void commit_file_grows(struct commit *commit, int fd);
/* A file whose bytes a record to come vouches for: it is on disk, and then closed, before that
 * record counts as durable. Takes the descriptor. */
void commit_file(struct commit *commit, int fd_taken);
/* A file of output/ is gone: where the run has an end, that is on disk, too. */
void commit_removed(struct commit *commit);
/* Has all of that on disk here and now: the disk may write the record that ends a run before it
 * is asked to, and a run that has an end must be whole. */
int commit_files(struct commit *commit, struct err *err) MUST_USE;
/* Syncs here and now: for the last record. */
int commit_now(struct commit *commit, struct err *err) MUST_USE;

#endif
