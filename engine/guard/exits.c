#include "guard/exits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"

#define EXITS_NAME "exits"
#define EXITS_CEILING ((size_t)1 << 30)
#define TOKEN_CEILING ((size_t)1 << 20)
#define BOOT_FILE "/proc/sys/kernel/random/boot_id"
#define LOCK_ROUNDS 2000 /* of a millisecond: the guard before us is just leaving */

/* ---- writing ------------------------------------------------------------------------------ */

static void encode(struct buf *out, const char *token) {
    for (const char *at = token; *at; at++) {
        unsigned char byte = (unsigned char)*at;
        if (byte > ' ' && byte < 0x7f && byte != '%')
            buf_putc(out, *at);
        else
            buf_printf(out, "%%%02x", byte);
    }
}

/* All of it or nothing: a line that is cut would spoil the next one. */
static int append(int fd, const struct buf *line) {
    if (fd < 0)
        return 0;
    if (line->overflow)
        return EMSGSIZE;
    ssize_t put = write(fd, line->data, line->length);
    if (put == (ssize_t)line->length)
        return 0;
    if (put < 0)
        return errno;
    struct stat info;
    if (fstat(fd, &info) < 0 || ftruncate(fd, info.st_size - put) < 0)
        return errno;
    return ENOSPC;
}

static int append_word(int fd, const char *word, const char *token) {
    AUTO_BUF line = BUF_INIT(TOKEN_CEILING);
    buf_puts(&line, word);
    encode(&line, token);
    buf_putc(&line, '\n');
    return append(fd, &line);
}

int exits_began(int fd, const char *token) {
    return append_word(fd, "began ", token);
}

int exits_refused(int fd, const char *token) {
    return append_word(fd, "refused ", token);
}

int exits_ended(int fd, const char *token, const struct exit_status *status) {
    AUTO_BUF line = BUF_INIT(TOKEN_CEILING);
    buf_puts(&line, "ended ");
    encode(&line, token);
    buf_printf(&line, " %d %d %d\n", status->code, status->signum, status->left);
    return append(fd, &line);
}

static char *boot_id(void) {
    char text[64] = "";
    AUTO_FD fd = open(BOOT_FILE, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (got <= 0)
        return NULL;
    text[strcspn(text, "\n")] = '\0';
    return mem_strdup(text);
}

int exits_make(int dir, bool is_first, struct err *err) {
    AUTO_FD fd = openat(dir, EXITS_NAME, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0 && errno == EEXIST)
        return 0;
    if (fd < 0)
        return err_sys(err, errno, "cannot make the list of exits");
    AUTO_TEXT boot = is_first ? boot_id() : NULL;
    AUTO_TEXT line = mem_printf("boot %s\n", boot ? boot : "unknown");
    return file_write_all(fd, line, strlen(line), err);
}

int exits_open(int dir) {
    int fd = openat(dir, EXITS_NAME, O_WRONLY | O_APPEND | O_CLOEXEC);
    for (int i = 0; fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0; i++) {
        if (errno != EWOULDBLOCK || i == LOCK_ROUNDS) {
            file_close(&fd);
            errno = EBUSY;
            return -1;
        }
        nanosleep(&(struct timespec){.tv_nsec = NS_PER_MS}, NULL);
    }
    return fd;
}

/* ---- reading ------------------------------------------------------------------------------ */

/* A descriptor in place of a path: the run's directory may be deep. */
static char *read_exits(int dir) {
    AUTO_TEXT path = mem_printf("/proc/self/fd/%d/" EXITS_NAME, dir);
    char *text = NULL;
    size_t length;
    struct err err = ERR_INIT;
    if (file_read(path, EXITS_CEILING, &text, &length, &err) < 0)
        err_release(&err);
    return text;
}

/* The rest behind `WORD TOKEN`, where the line begins with them. */
static const char *match(const char *line, const char *word, const char *token) {
    size_t length = strlen(word);
    if (strncmp(line, word, length) != 0 || strncmp(line + length, token, strlen(token)) != 0)
        return NULL;
    const char *rest = line + length + strlen(token);
    return *rest == ' ' || *rest == '\n' ? rest : NULL;
}

static bool is_of_this_boot(const char *text) {
    AUTO_TEXT boot = boot_id();
    return boot && match(text, "boot ", boot);
}

/* A line without its end was being written when the machine went down. */
static enum exits_word read_line(const char *line, const char *token, enum exits_word before,
                                 struct exit_status *ret) {
    const char *rest = match(line, "ended ", token);
    if (rest && sscanf(rest, " %d %d %d", &ret->code, &ret->signum, &ret->left) == 3)
        return EXITS_ENDED;
    if (match(line, "refused ", token))
        return EXITS_NEVER;
    return match(line, "began ", token) ? EXITS_BEGAN : before;
}

enum exits_word exits_find(int dir, const char *token, struct exit_status *ret) {
    AUTO_TEXT text = read_exits(dir);
    AUTO_BUF encoded = BUF_INIT(TOKEN_CEILING);
    encode(&encoded, token);
    if (!text || encoded.overflow)
        return EXITS_BEGAN;
    enum exits_word word = is_of_this_boot(text) ? EXITS_NEVER : EXITS_BEGAN;
    for (const char *line = text, *end; (end = strchr(line, '\n')); line = end + 1)
        word = read_line(line, buf_text(&encoded), word, ret);
    return word;
}
