/* What connects a process with us: its output, its input, the terminal; for process.c only. */
#ifndef IO_PROCESS_STREAM_H
#define IO_PROCESS_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <termios.h>

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

struct input {
    int fd; /* -1: closed */
    struct loop_watch *watch;
    char *bytes; /* a copy of what could not be written at once */
    size_t length, offset;
};

/* Takes input->fd, which does not block, writes, and closes it. */
void input_open(struct input *input, struct loop *loop, const char *bytes, size_t length);
void input_close(struct input *input);

/* Modes of the terminal, kept while a process has it. */
struct terminal {
    bool is_lent;
    struct termios modes;
};
void terminal_lend(struct terminal *terminal);
/* Puts us in the foreground again, with the modes as they were. */
void terminal_take_back(struct terminal *terminal);

#endif
