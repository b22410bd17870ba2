#include "io/process_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

#define DRAIN_BYTES ((size_t)4 << 20) /* more than any pipe holds */
/* A pipe is made larger when so much of it was full: 2 µs that most commands need not pay. */
#define WIDE_FROM 32768
#define WIDE_BYTES (1 << 20)

/* ---- all of them -------------------------------------------------------------------------- */

static void stream_ready(struct stream *stream);

/* One at a time, as what is called back may close any other. */
static void streams_ready(void *user, int events) {
    (void)events;
    struct streams *streams = user;
    struct epoll_event event;
    if (epoll_wait(streams->epoll, &event, 1, 0) == 1)
        stream_ready(event.data.ptr);
}

int streams_need(struct streams *streams, struct loop *loop, struct err *err) {
    if (streams->epoll >= 0)
        return 0;
    streams->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (streams->epoll < 0)
        return err_sys(err, errno, "cannot watch the output of commands");
    streams->buffer = mem_alloc(STREAM_BYTES);
    streams->watch = loop_watch_new(loop, streams->epoll, LOOP_READ, streams_ready, streams);
    loop_watch_hold(streams->watch, false); /* the commands keep it going */
    return 0;
}

void streams_release(struct streams *streams) {
    loop_watch_free(streams->watch);
    file_close(&streams->epoll);
    mem_free(streams->buffer);
    *streams = (struct streams)STREAMS_INIT;
}

/* ---- one ---------------------------------------------------------------------------------- */

/* Only a lack of memory, or a mistake of ours, keeps it from being watched. The guard holds the
 * pipe, too: closing it alone would not take it out. */
void stream_open(struct stream *stream, int fd_taken) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = stream};
    stream->fd = fd_taken;
    if (epoll_ctl(stream->streams->epoll, EPOLL_CTL_ADD, fd_taken, &event) < 0)
        abort();
}

void stream_close(struct stream *stream) {
    if (stream->fd >= 0)
        epoll_ctl(stream->streams->epoll, EPOLL_CTL_DEL, stream->fd, NULL);
    file_close(&stream->fd);
}

/* Refused where the user's pipes together are too large: then it stays as it is. */
static void widen(struct stream *stream) {
    stream->is_wide = true;
    (void)fcntl(stream->fd, F_SETPIPE_SZ, WIDE_BYTES);
}

/* Returns what was read; 0 where there is nothing now, or no more. */
static size_t read_once(struct stream *stream) {
    if (stream->fd < 0)
        return 0;
    ssize_t got = read(stream->fd, stream->streams->buffer, STREAM_BYTES);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (got <= 0) {
        stream_close(stream);
        return 0;
    }
    if (got >= WIDE_FROM && !stream->is_wide)
        widen(stream);
    stream->output(stream->user, stream->number, stream->streams->buffer, (size_t)got);
    return (size_t)got;
}

static void stream_ready(struct stream *stream) {
    read_once(stream);
}

/* Not until the end of file: somebody outside of the tree may hold the pipe, even write. */
void stream_drain(struct stream *stream) {
    for (size_t got = 1, all = 0; got > 0 && all < DRAIN_BYTES; all += got)
        got = read_once(stream);
    stream_close(stream);
}
