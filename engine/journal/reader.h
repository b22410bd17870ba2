/* Reads a transcript as it is, or as it grows. */
#ifndef JOURNAL_READER_H
#define JOURNAL_READER_H

#include <sys/types.h>

#include "journal/event.h"

struct reader;
int reader_open(const char *path, struct reader **ret, struct err *err) MUST_USE;
void reader_free(struct reader *reader);
/* Of the JSON members only these (EVENT_BIT()s) will be looked at: the others are checked, and then
 * as if they were not there. */
void reader_want(struct reader *reader, uint64_t fields);

/* 1: *ret is the next event (its texts live until the next call); 0: no whole line is there yet
 * (a torn last line is no line; NUL bytes of the reserve are not read); -1: a line is damaged or
 * the chain is broken, with its number in the message. */
int reader_next(struct reader *reader, struct event *ret, struct err *err) MUST_USE;
/* Where the last line read ends in the file. */
off_t reader_offset(const struct reader *reader);
/* Whether it reads the file that is open there. */
bool reader_reads(const struct reader *reader, int fd);
/* The line of the last event, newline included. */
const char *reader_line(const struct reader *reader, size_t *ret_length);
uint64_t reader_count(const struct reader *reader);
/* Hex SHA-256 of the last line read. */
const char *reader_head(const struct reader *reader);

/* The last whole line of a transcript, newline included, found from its end and not verified:
 * 1 (the caller frees), 0 where there is none, -1 where it cannot be read. A seal stands behind
 * the end record: READER_LAST_DEED looks past checkpoints. */
enum reader_last { READER_LAST, READER_LAST_DEED };
int reader_last_line(const char *path, enum reader_last which, char **ret_line, size_t *ret_length,
                     struct err *err) MUST_USE;

#endif
