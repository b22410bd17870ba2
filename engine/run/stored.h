/* What a record says was stored: a text in the record itself, or a file of the run's folder. */
#ifndef RUN_STORED_H
#define RUN_STORED_H

#include "base/err.h"
#include "value/value.h"

struct stored {
    char *path; /* NULL: the bytes are `text` */
    int fd;
    value text;
    size_t at; /* how much of it was read */
};
#define STORED_INIT                                                                                \
    { .fd = -1 }

/* `record` is {text, bytes} or {file, …}, and may come from anywhere: a file that does not lie in
 * output/ of `dir`, or is not a regular one, is an error. */
int stored_open(struct stored *ret, const char *dir, value record, struct err *err) MUST_USE;
/* The next bytes, 0 at the end; -1 where they cannot be read. */
ssize_t stored_read(struct stored *stored, char *piece, size_t size, struct err *err) MUST_USE;
void stored_close(struct stored *stored);
#define AUTO_STORED __attribute__((cleanup(stored_close))) struct stored

#endif
