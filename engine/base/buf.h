/* A growing run of bytes with a declared ceiling, always NUL-terminated behind `length`. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/err.h"

struct buf {
    char *data; /* NULL until the first append; use buf_text() for a C string */
    size_t length;
    size_t capacity;
    size_t ceiling;
    bool overflow; /* an append was refused because it would pass the ceiling */
};

#define BUF_INIT(max)                                                                              \
    { .ceiling = (max) }

/* Of buf_append: makes room first. */
int buf_append_grown(struct buf *buf, const void *bytes, size_t length);

/* Appends all or nothing; past the ceiling sets `overflow` and returns -1. Inline, since a record
 * is some fifty short ones: 8 instructions in place of 30. No capacity is past the ceiling. */
static inline int buf_append(struct buf *buf, const void *bytes, size_t length) {
    if (length >= buf->capacity - buf->length)
        return buf_append_grown(buf, bytes, length);
    memcpy(buf->data + buf->length, bytes, length);
    buf->length += length;
    buf->data[buf->length] = '\0';
    return 0;
}

static inline int buf_puts(struct buf *buf, const char *text) {
    return buf_append(buf, text, strlen(text));
}

static inline int buf_putc(struct buf *buf, char byte) {
    return buf_append(buf, &byte, 1);
}

int buf_printf(struct buf *buf, const char *format, ...) PRINTF_LIKE(2, 3);
const char *buf_text(const struct buf *buf);
/* Drops the first `length` bytes. */
void buf_consume(struct buf *buf, size_t length);
void buf_clear(struct buf *buf);
/* Hands the bytes over (NUL-terminated, caller frees) and empties the buffer. */
char *buf_detach(struct buf *buf);
void buf_release(struct buf *buf);

#define AUTO_BUF __attribute__((cleanup(buf_release))) struct buf

#endif
