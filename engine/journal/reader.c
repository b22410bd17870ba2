#include "journal/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "secret/digest.h"

/* Holds any line whole, and some more so that a read brings many. */
#define READER_BUFFER ((size_t)4 * TRANSCRIPT_LINE_MAX)

struct reader {
    int fd;
    char *path;
    char *buffer;
    size_t start, end; /* bytes read and not yet yielded */
    off_t offset;      /* of `start` in the file */
    struct digest *digest;
    char head[DIGEST_TEXT_SIZE];
    uint64_t count;
    struct event_body body; /* of the last event */
    uint64_t wanted;
    const char *line;
    size_t line_length;
};

int reader_open(const char *path, struct reader **ret, struct err *err) {
    AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return err_sys(err, errno, "cannot read the transcript %s", path);
    struct reader *reader = mem_zalloc(sizeof *reader);
    reader->fd = fd;
    fd = -1;
    reader->path = mem_strdup(path);
    reader->buffer = mem_alloc(READER_BUFFER);
    reader->digest = digest_new();
    reader->wanted = EVENT_ALL;
    memcpy(reader->head, EVENT_NO_PREV, sizeof reader->head);
    *ret = reader;
    return 0;
}

void reader_free(struct reader *reader) {
    if (!reader)
        return;
    file_close(&reader->fd);
    event_body_release(&reader->body);
    digest_free(reader->digest);
    mem_free(reader->buffer);
    mem_free(reader->path);
    mem_free(reader);
}

void reader_want(struct reader *reader, uint64_t fields) {
    reader->wanted = fields;
}

static int reader_damaged(const struct reader *reader, struct err *err) {
    err_wrap(err, "%s, line %llu", reader->path, (unsigned long long)reader->count + 1);
    if (err)
        err->kind = ERR_TRANSCRIPT;
    return -1;
}

/* Fills the buffer from the file as it is now; what was not yielded is read anew, since the
 * reserve's zeros may have become a line in the meantime. */
static int reader_fill(struct reader *reader, struct err *err) {
    reader->start = reader->end = 0;
    while (reader->end < READER_BUFFER) {
        ssize_t got = pread(reader->fd, reader->buffer + reader->end, READER_BUFFER - reader->end,
                            reader->offset + (off_t)reader->end);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_sys(err, errno, "cannot read the transcript %s", reader->path);
        if (got == 0)
            break;
        reader->end += (size_t)got;
    }
    return 0;
}

/* The whole line at `start`, its newline included; 0 where there is none in the buffer. */
static size_t reader_whole(const struct reader *reader) {
    const char *at = reader->buffer + reader->start;
    const char *newline = memchr(at, '\n', reader->end - reader->start);
    size_t length = newline ? (size_t)(newline - at) + 1 : 0;
    return length && !memchr(at, '\0', length) ? length : 0;
}

static bool all_zero(const char *bytes, size_t length) {
    return length == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, length - 1) == 0);
}

/* No whole line was found: is it a line that is being written, or torn by a crash (0), or can no
 * line ever begin here (-1)? Records are written one after the other, so what has anything but
 * zeros behind its newline, or is longer than a line may be, is damaged. */
static int reader_judge(const struct reader *reader, struct err *err) {
    const char *at = reader->buffer + reader->start;
    size_t length = reader->end - reader->start;
    const char *newline = memchr(at, '\n', length);
    const char *zero = memchr(at, '\0', length);
    size_t text = zero ? (size_t)(zero - at) : length;
    if (newline && !all_zero(newline + 1, length - (size_t)(newline + 1 - at))) {
        err_set(err, ERR_TRANSCRIPT, "NUL bytes stand inside the line");
        return reader_damaged(reader, err);
    }
    if (!newline && text >= TRANSCRIPT_LINE_MAX) {
        err_set(err, ERR_TRANSCRIPT, "the line is longer than %d bytes", TRANSCRIPT_LINE_MAX);
        return reader_damaged(reader, err);
    }
    return 0;
}

static int reader_check(struct reader *reader, const struct event *event, const char prev[65],
                        struct err *err) {
    if (event->seq != reader->count + 1)
        return err_set(err, ERR_TRANSCRIPT, "the record has number %llu, expected %llu",
                       (unsigned long long)event->seq, (unsigned long long)reader->count + 1);
    if (memcmp(prev, reader->head, 64) != 0)
        return err_set(err, ERR_TRANSCRIPT,
                       "the chain is broken: `prev` is not the SHA-256 of the line before");
    return 0;
}

static int reader_take(struct reader *reader, size_t length, struct event *ret, struct err *err) {
    char prev[DIGEST_TEXT_SIZE];
    const char *line = reader->buffer + reader->start;
    if (event_read(line, length, reader->wanted, &reader->body, ret, prev, err) < 0 ||
        reader_check(reader, ret, prev, err) < 0)
        return reader_damaged(reader, err);
    digest_update(reader->digest, line, length);
    digest_finish(reader->digest, reader->head);
    reader->line = line;
    reader->line_length = length;
    reader->start += length;
    reader->offset += (off_t)length;
    reader->count++;
    return 1;
}

int reader_next(struct reader *reader, struct event *ret, struct err *err) {
    size_t length = reader_whole(reader);
    if (length == 0) {
        if (reader_fill(reader, err) < 0)
            return -1;
        length = reader_whole(reader);
    }
    if (length > 0)
        return reader_take(reader, length, ret, err);
    return reader_judge(reader, err);
}

off_t reader_offset(const struct reader *reader) {
    return reader->offset;
}

bool reader_reads(const struct reader *reader, int fd) {
    struct stat own, other;
    return fstat(reader->fd, &own) == 0 && fstat(fd, &other) == 0 && own.st_dev == other.st_dev &&
           own.st_ino == other.st_ino;
}

const char *reader_line(const struct reader *reader, size_t *ret_length) {
    *ret_length = reader->line_length;
    return reader->line;
}

uint64_t reader_count(const struct reader *reader) {
    return reader->count;
}

const char *reader_head(const struct reader *reader) {
    return reader->head;
}
