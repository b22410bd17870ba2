#include "io/process_stream.h"

#include <errno.h>
#include <unistd.h>

#include "base/file.h"

#define DRAIN_BYTES ((size_t)4 << 20) /* more than any pipe holds */

void stream_close(struct stream *stream) {
    loop_watch_free(stream->watch);
    stream->watch = NULL;
    file_close(&stream->fd);
}

/* Returns what was read; 0 where there is nothing now, or no more. */
static size_t read_once(struct stream *stream) {
    if (stream->fd < 0)
        return 0;
    ssize_t got = read(stream->fd, stream->buffer, STREAM_BYTES);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (got <= 0) {
        stream_close(stream);
        return 0;
    }
    stream->output(stream->user, stream->number, stream->buffer, (size_t)got);
    return (size_t)got;
}

static void stream_ready(void *user, int events) {
    (void)events;
    read_once(user);
}

void stream_open(struct stream *stream, struct loop *loop) {
    if (stream->fd >= 0)
        stream->watch = loop_watch_new(loop, stream->fd, LOOP_READ, stream_ready, stream);
}

/* Not until the end of file: somebody outside of the tree may hold the pipe, even write. */
void stream_drain(struct stream *stream) {
    for (size_t got = 1, all = 0; got > 0 && all < DRAIN_BYTES; all += got)
        got = read_once(stream);
    stream_close(stream);
}
