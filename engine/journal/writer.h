/* Appends records to a transcript: redacted, chained, synced in groups.
 *
 * A failed write or sync is final: every later call fails with ERR_TRANSCRIPT. Syncing itself is
 * a blocking call (`writer_sync`) that the caller runs in a worker thread; one sync covers every
 * record appended before it began. */
#ifndef JOURNAL_WRITER_H
#define JOURNAL_WRITER_H

#include <stdint.h>

#include "journal/reader.h"
#include "secret/redact.h"

struct writer;

/* Creates `path` (mode 0600; an error where it exists) and preallocates a reserve, so that the
 * last records fit on a full disk. `redactor` is borrowed and may be NULL. */
int writer_new(const char *path, const struct redactor *redactor, struct writer **ret,
               struct err *err) MUST_USE;
/* Goes on with an existing transcript, from a reader that has read it to its end. What a crash
 * left behind the last whole line is appended to `transcript.torn` beside it, without the zeros of
 * the reserve, and taken out of the transcript; *ret_torn tells how many bytes that were, so that
 * run.resumed can note them. All of it is on disk when it returns. Damage anywhere else, records
 * that were not read, a symlink, a foreign owner and what others may write to are refused. Whoever
 * calls owns the run (store_run_open). */
int writer_reopen(const char *path, const struct redactor *redactor, struct reader *reader,
                  struct writer **ret, uint64_t *ret_torn, struct err *err) MUST_USE;
void writer_free(struct writer *writer);

/* Fills seq, wall_ns and mono_ns of the event (mono_ns less multiples of 2^52 in the line, and from
 * another start of the machine behind run.resumed: it orders and measures within one engine),
 * writes the record, and hands its line and the event, both redacted, to `told` where set. The line
 * is in the file (not yet on disk) when it returns. Where the disk is too full to keep the reserve,
 * `step.started` outside of rollback and finally is refused with ERR_TRANSCRIPT, and all else may
 * still use the reserve up. */
int writer_append(struct writer *writer, struct event *event, struct err *err) MUST_USE;
void writer_on_append(struct writer *writer,
                      void (*told)(void *user, const struct event *event, const char *line,
                                   size_t length),
                      void *user);

uint64_t writer_appended(const struct writer *writer); /* number of records so far */
uint64_t writer_synced(const struct writer *writer);   /* how many of them are on disk */
/* Thread-safe against append: fdatasync, then everything appended before the call counts as
 * synced. -1 once it has failed, ever after. */
int writer_sync(struct writer *writer, struct err *err) MUST_USE;
/* Hex SHA-256 of the last line: what the next record's `prev` will be. */
const char *writer_head(const struct writer *writer);
/* Cuts the unused reserve off. */
int writer_close(struct writer *writer, struct err *err) MUST_USE;

#endif
