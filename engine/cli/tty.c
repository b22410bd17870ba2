#include "cli/tty.h"

#include <errno.h>
#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"

#define TTY_LINE_MAX 65536
#define TTY_LOOK_MS 1000

struct tty {
    int fd;
    struct loop *loop;
    struct loop_watch *watch;
    struct loop_timer *timer; /* looks again whether we are in the foreground */
    bool listening;
    struct buf typed;
    void (*line)(void *user, const char *text);
    void *user;
};

static void tty_ready(void *user, int events);

/* Reading, or flushing, from the background would stop the whole engine, clocks and all: the
 * question waits until somebody brings it to the foreground. */
static void tty_begin(void *user) {
    struct tty *tty = user;
    loop_timer_free(tty->timer);
    tty->timer = NULL;
    if (tcgetpgrp(tty->fd) != getpgrp()) {
        tty->timer = loop_timer_new(tty->loop, TTY_LOOK_MS, tty_begin, tty);
        return;
    }
    (void)tcflush(tty->fd, TCIFLUSH);
    buf_clear(&tty->typed);
    tty->watch = loop_watch_new(tty->loop, tty->fd, LOOP_READ, tty_ready, tty);
}

static void tty_end(struct tty *tty) {
    loop_timer_free(tty->timer);
    tty->timer = NULL;
    loop_watch_free(tty->watch);
    tty->watch = NULL;
}

static void tty_gone(struct tty *tty) {
    tty_listen(tty, false);
    tty->line(tty->user, NULL);
}

static void tty_take_lines(struct tty *tty) {
    for (;;) {
        const char *newline = memchr(buf_text(&tty->typed), '\n', tty->typed.length);
        if (!newline || !tty->listening) {
            return;
        }
        const size_t length = (size_t)(newline - tty->typed.data);
        AUTO_TEXT line = mem_strndup(tty->typed.data, length);
        buf_consume(&tty->typed, length + 1);
        tty->line(tty->user, line);
    }
}

static void tty_ready(void *user, int events) {
    (void)events;
    struct tty *tty = user;
    char bytes[4096];
    if (tcgetpgrp(tty->fd) != getpgrp()) {
        tty_end(tty);
        tty_begin(tty);
        return;
    }
    const ssize_t count = read(tty->fd, bytes, sizeof bytes);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (count < 0) {
        tty_gone(tty);
        return;
    }
    /* Ctrl-D at the beginning of a line reads as nothing: an empty line, which decides nothing. */
    if (count == 0) {
        (void)buf_putc(&tty->typed, '\n');
    } else if (buf_append(&tty->typed, bytes, (size_t)count) < 0) {
        buf_clear(&tty->typed);
    }
    tty_take_lines(tty);
}

struct tty *tty_new(struct loop *loop, void (*line)(void *user, const char *text), void *user) {
    /* A description of our own: the loop makes it non-blocking, and the shell that started us
     * shares the one of standard input. */
    char name[256];
    if (ttyname_r(STDIN_FILENO, name, sizeof name) != 0) {
        return NULL;
    }
    const int fd = open(name, O_RDONLY | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return NULL;
    }
    struct tty *tty = mem_zalloc(sizeof *tty);
    tty->fd = fd;
    tty->loop = loop;
    tty->line = line;
    tty->user = user;
    tty->typed = (struct buf)BUF_INIT(TTY_LINE_MAX);
    return tty;
}

void tty_free(struct tty *tty) {
    if (tty) {
        tty_end(tty);
        file_close(&tty->fd);
        buf_release(&tty->typed);
        mem_free(tty);
    }
}

void tty_listen(struct tty *tty, bool listen) {
    if (listen == tty->listening) {
        return;
    }
    tty->listening = listen;
    if (listen) {
        tty_begin(tty);
    } else {
        tty_end(tty);
    }
}
