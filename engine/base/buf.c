#include "base/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#define BUF_FIRST ((size_t)64)

/* Room for `length` more bytes and the NUL, or -1 where the ceiling is in the way. */
static int buf_reserve(struct buf *buf, size_t length) {
    if (buf->length > buf->ceiling || length > buf->ceiling - buf->length) {
        buf->overflow = true;
        return -1;
    }
    size_t need;
    if (__builtin_add_overflow(buf->length, length, &need) ||
        __builtin_add_overflow(need, (size_t)1, &need)) {
        buf->overflow = true;
        return -1;
    }
    if (need <= buf->capacity)
        return 0;
    size_t capacity = buf->capacity ? buf->capacity : BUF_FIRST;
    while (capacity < need)
        capacity = capacity > SIZE_MAX / 2 ? need : capacity * 2;
    if (capacity - 1 > buf->ceiling)
        capacity = buf->ceiling + 1;
    buf->data = mem_realloc_array(buf->data, capacity, 1);
    buf->capacity = capacity;
    return 0;
}

int buf_append_grown(struct buf *buf, const void *bytes, size_t length) {
    if (buf_reserve(buf, length) < 0)
        return -1;
    if (length)
        memcpy(buf->data + buf->length, bytes, length);
    buf->length += length;
    buf->data[buf->length] = '\0';
    return 0;
}

int buf_printf(struct buf *buf, const char *format, ...) {
    va_list args;
    va_start(args, format);
    char *text = mem_vprintf(format, args);
    va_end(args);
    int done = buf_puts(buf, text);
    mem_free(text);
    return done;
}

const char *buf_text(const struct buf *buf) {
    return buf->data ? buf->data : "";
}

void buf_consume(struct buf *buf, size_t length) {
    if (length >= buf->length) {
        buf->length = 0;
    } else {
        buf->length -= length;
        memmove(buf->data, buf->data + length, buf->length);
    }
    if (buf->data)
        buf->data[buf->length] = '\0';
}

void buf_clear(struct buf *buf) {
    buf->overflow = false;
    buf_consume(buf, buf->length);
}

char *buf_detach(struct buf *buf) {
    char *data = buf->data ? buf->data : mem_strdup("");
    *buf = (struct buf)BUF_INIT(buf->ceiling);
    return data;
}

void buf_release(struct buf *buf) {
    mem_free(buf->data);
    *buf = (struct buf)BUF_INIT(buf->ceiling);
}
