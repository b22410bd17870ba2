/* The output of processes as it comes through their pipes; for the process room only. */
#ifndef IO_PROCESS_STREAM_H
#define IO_PROCESS_STREAM_H

#include <stdbool.h>
#include <stddef.h>

#include "io/loop.h"

#define STREAM_BYTES ((size_t)256 << 10) /* one turn of one pipe, so that none starves another */

/* All pipes of a loop, in an epoll of their own that the loop watches: a handle of the loop for
 * each took five calls more a pipe, of the 50 that a short step was. */
struct streams {
    int epoll; /* -1: not made yet */
    struct loop_watch *watch;
    char *buffer; /* STREAM_BYTES */
};

#define STREAMS_INIT                                                                               \
    { .epoll = -1 }
/* Makes it, where that has not been done. */
int streams_need(struct streams *streams, struct loop *loop, struct err *err) MUST_USE;
void streams_release(struct streams *streams);

struct stream {
    struct streams *streams;
    int number; /* 1 or 2 */
    int fd;     /* -1: closed */
    bool is_wide;
    void (*output)(void *user, int stream, const char *bytes, size_t length);
    void *user;
};

/* Takes the read end of a pipe, which does not block, and watches it. */
void stream_open(struct stream *stream, int fd_taken);
/* Reads what the pipe still holds, and closes it. */
void stream_drain(struct stream *stream);
void stream_close(struct stream *stream);

#endif
