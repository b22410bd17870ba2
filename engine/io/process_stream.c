#include "io/process_stream.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

#define DRAIN_BYTES ((size_t)4 << 20) /* more than any pipe holds */

/* ---- output ------------------------------------------------------------------------------- */

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

/* ---- input -------------------------------------------------------------------------------- */

void input_close(struct input *input) {
    loop_watch_free(input->watch);
    input->watch = NULL;
    file_close(&input->fd);
    if (input->bytes)
        mem_wipe_free(input->bytes, input->length); /* a password, perhaps */
    input->bytes = NULL;
}

/* True when nothing is left to do: all written, or nobody reads (a command need not). */
static bool write_more(struct input *input, const char *bytes, size_t length, size_t *offset) {
    while (*offset < length) {
        ssize_t put = write(input->fd, bytes + *offset, length - *offset);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return errno != EAGAIN;
        *offset += (size_t)put;
    }
    return true;
}

static void input_ready(void *user, int events) {
    (void)events;
    struct input *input = user;
    if (write_more(input, input->bytes, input->length, &input->offset))
        input_close(input);
}

void input_open(struct input *input, struct loop *loop, const char *bytes, size_t length) {
    size_t offset = 0;
    if (input->fd < 0)
        return;
    if (write_more(input, bytes, length, &offset)) {
        input_close(input);
        return;
    }
    input->length = length - offset;
    input->bytes = mem_alloc(input->length);
    memcpy(input->bytes, bytes + offset, input->length);
    input->watch = loop_watch_new(loop, input->fd, LOOP_WRITE, input_ready, input);
}

/* ---- the terminal ------------------------------------------------------------------------- */

void terminal_lend(struct terminal *terminal) {
    terminal->is_lent =
        tcgetpgrp(STDIN_FILENO) == getpgrp() && tcgetattr(STDIN_FILENO, &terminal->modes) == 0;
}

void terminal_take_back(struct terminal *terminal) {
    if (!terminal->is_lent)
        return;
    terminal->is_lent = false;
    /* We are in the background now, where touching the terminal would stop us. */
    sigset_t stop, before;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTTOU);
    sigprocmask(SIG_BLOCK, &stop, &before);
    tcsetpgrp(STDIN_FILENO, getpgrp());
    tcsetattr(STDIN_FILENO, TCSADRAIN, &terminal->modes);
    sigprocmask(SIG_SETMASK, &before, NULL);
}
