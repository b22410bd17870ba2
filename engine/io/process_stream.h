/* The output of a process as it comes through its pipes; for the process room only. */
#ifndef IO_PROCESS_STREAM_H
#define IO_PROCESS_STREAM_H

#include <stddef.h>

#include "io/loop.h"

#define STREAM_BYTES ((size_t)256 << 10) /* one turn of one pipe, so that none starves another */

struct stream {
    int number; /* 1 or 2 */
    int fd;     /* -1: closed */
    struct loop_watch *watch;
    char *buffer; /* STREAM_BYTES, one for all streams of a loop */
    void (*output)(void *user, int stream, const char *bytes, size_t length);
    void *user;
};

/* Takes stream->fd, which does not block, and watches it. */
void stream_open(struct stream *stream, struct loop *loop);
/* Reads what the pipe still holds, and closes it. */
void stream_drain(struct stream *stream);
void stream_close(struct stream *stream);

#endif
