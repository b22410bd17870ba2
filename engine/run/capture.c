#include "run/capture.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "secret/digest_long.h"
#include "value/json.h"

/* The tail of a stream that a record may hold is all of it. */
static_assert(CAPTURE_TEXT_MAX <= CAPTURE_TAIL_MAX, "a record's text must fit into the tail");

struct stream {
    struct capture *capture;
    enum step_stream kind;
    struct buf head, tail;
    bool cut;
    bool goes_on; /* where an engine before this one stopped; nothing has been added yet */
    struct redact_stream *redact;
    int fd;
    struct digest_long *digest; /* NULL: there is too little for one */
    char sha256[DIGEST_TEXT_SIZE];
    char *file; /* relative to the run's directory; NULL: there is none */
    uint64_t bytes;
    bool is_text; /* it has ended, and the record holds it */
};

struct capture {
    struct capture_spec spec;
    char *name, *dir;
    bool failed, has_ended;
    struct stream streams[2];
};

static const char *const suffixes[] = {"stdout", "stderr"};

static void capture_resume(struct capture *capture);

struct capture *capture_new(const struct capture_spec *spec) {
    struct capture *capture = mem_zalloc(sizeof *capture);
    capture->spec = *spec;
    capture->name = spec->name ? mem_strdup(spec->name) : NULL;
    capture->dir = mem_strdup(spec->dir);
    for (int i = 0; i < 2; i++) {
        struct stream *stream = &capture->streams[i];
        stream->capture = capture;
        stream->kind = (enum step_stream)i;
        stream->fd = -1;
        stream->head.ceiling = CAPTURE_HEAD_MAX;
        stream->tail.ceiling = CAPTURE_TAIL_MAX;
    }
    if (capture->name && capture->spec.resume)
        capture_resume(capture);
    return capture;
}

void capture_free(struct capture *capture) {
    if (!capture)
        return;
    for (int i = 0; i < 2; i++) {
        struct stream *stream = &capture->streams[i];
        redact_stream_free(stream->redact);
        file_close(&stream->fd);
        digest_long_free(stream->digest);
        buf_release(&stream->head);
        buf_release(&stream->tail);
        mem_free(stream->file);
    }
    mem_free(capture->name);
    mem_free(capture->dir);
    mem_free(capture);
}

static void store_fail(struct capture *capture, int sys, const char *what, const char *file) {
    AUTO_ERR err = ERR_INIT;
    if (capture->failed)
        return;
    capture->failed = true;
    err_sys(&err, sys, "%s %s/%s", what, capture->dir, file);
    err.kind = ERR_TRANSCRIPT;
    capture->spec.failed(capture->spec.user, &err);
}

/* Names the file; the caller frees the path. */
static char *stream_path(struct stream *stream) {
    const struct capture *capture = stream->capture;
    mem_free(stream->file);
    stream->file = mem_printf("output/%s.%s", capture->name, suffixes[stream->kind]);
    return mem_printf("%s/%s", capture->dir, stream->file);
}

/* Made with the first byte, as most steps print nothing on one of the two, or with the first that
 * a record does not hold. */
static bool stream_open(struct stream *stream) {
    struct capture *capture = stream->capture;
    AUTO_ERR err = ERR_INIT;
    if (stream->fd >= 0)
        return true;
    AUTO_TEXT path = stream_path(stream);
    stream->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (stream->fd < 0)
        store_fail(capture, errno, "creating", stream->file);
    else if (file_write_all(stream->fd, buf_text(&stream->tail), stream->bytes, &err) < 0)
        store_fail(capture, err.sys, "writing", stream->file);
    return !capture->failed;
}

static void tail_keep(struct buf *tail, const char *bytes, size_t length) {
    if (length > CAPTURE_TAIL_MAX) {
        bytes += length - CAPTURE_TAIL_MAX;
        length = CAPTURE_TAIL_MAX;
    }
    if (tail->length + length > CAPTURE_TAIL_MAX)
        buf_consume(tail, tail->length + length - CAPTURE_TAIL_MAX);
    buf_append(tail, bytes, length);
}

static void head_keep(struct stream *stream, const char *bytes, size_t length) {
    size_t room = CAPTURE_HEAD_MAX - stream->head.length;
    if (length > room) {
        stream->cut = true;
        length = room;
    }
    if (length)
        buf_append(&stream->head, bytes, length);
}

/* What a record may hold is vouched for by the chain, and needs none. */
static void digest_begin(struct stream *stream) {
    stream->digest = digest_long_new();
    digest_long_update(stream->digest, buf_text(&stream->tail), stream->bytes);
}

/* What is stored now, in a file or not yet. */
static void stream_count(struct stream *stream, const char *bytes, size_t length) {
    if (!stream->digest && stream->bytes + length > CAPTURE_TEXT_MAX)
        digest_begin(stream);
    if (stream->digest)
        digest_long_update(stream->digest, bytes, length);
    stream->bytes += length;
}

/* ---- what an engine before this one stored ------------------------------------------------- */

/* 0, or errno. */
static int stream_reread(struct stream *stream) {
    char piece[65536];
    struct stat info;
    if (fstat(stream->fd, &info) < 0)
        return errno;
    if (!S_ISREG(info.st_mode) || info.st_uid != geteuid())
        return EPERM;
    for (;;) {
        ssize_t got = read(stream->fd, piece, sizeof piece);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 ? errno : 0;
        stream_count(stream, piece, (size_t)got);
        head_keep(stream, piece, (size_t)got);
        tail_keep(&stream->tail, piece, (size_t)got);
    }
}

static void stream_resume(struct stream *stream) {
    AUTO_TEXT path = stream_path(stream);
    stream->fd =
        open(path, O_RDWR | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);
    if (stream->fd < 0 && errno == ENOENT) {
        mem_free(stream->file);
        stream->file = NULL;
        return;
    }
    int sys = stream->fd < 0 ? errno : stream_reread(stream);
    if (sys != 0)
        store_fail(stream->capture, sys, "going on with", stream->file);
}

static void capture_resume(struct capture *capture) {
    for (int i = 0; i < 2; i++) {
        capture->streams[i].goes_on = true;
        stream_resume(&capture->streams[i]);
    }
}

/* ---- what comes ---------------------------------------------------------------------------- */

/* More and more of it: the disk begins with what is there. */
static void stream_grows(struct stream *stream, size_t more) {
    const struct capture_spec *spec = &stream->capture->spec;
    const uint64_t before = stream->bytes - more;
    if (spec->grows && stream->bytes / CAPTURE_GROWS > before / CAPTURE_GROWS)
        spec->grows(spec->user, stream->fd);
}

static bool is_held(const struct stream *stream, size_t more) {
    return stream->capture->spec.holds && stream->fd < 0 &&
           stream->bytes + more <= CAPTURE_TEXT_MAX;
}

static void stream_write(struct stream *stream, const char *bytes, size_t length) {
    struct capture *capture = stream->capture;
    AUTO_ERR err = ERR_INIT;
    if (!capture->name || capture->failed || (!is_held(stream, length) && !stream_open(stream)))
        return;
    if (stream->fd >= 0 && file_write_all(stream->fd, bytes, length, &err) < 0) {
        store_fail(capture, err.sys, "writing", stream->file);
        return;
    }
    stream_count(stream, bytes, length);
    stream_grows(stream, length);
}

static void stream_keep(void *user, const char *bytes, size_t length) {
    struct stream *stream = user;
    if (length == 0)
        return;
    stream_write(stream, bytes, length);
    tail_keep(&stream->tail, bytes, length);
}

static void stream_store(void *user, const char *bytes, size_t length) {
    struct stream *stream = user;
    const struct capture *capture = stream->capture;
    stream_keep(stream, bytes, length);
    if (capture->spec.shown)
        capture->spec.shown(capture->spec.user, stream->kind, bytes, length);
}

void capture_write(struct capture *capture, enum step_stream kind, const char *bytes,
                   size_t length) {
    struct stream *stream = &capture->streams[kind];
    if (capture->has_ended)
        return;
    if (length == 0)
        return;
    head_keep(stream, bytes, length);
    if (!stream->redact && redactor_is_idle(capture->spec.redactor)) {
        stream->goes_on = false;
        stream_store(stream, bytes, length);
        return;
    }
    if (!stream->redact) {
        stream->redact = redact_stream_new(capture->spec.redactor, stream_store, stream);
        if (stream->goes_on)
            redact_stream_resume(stream->redact);
    }
    redact_stream_write(stream->redact, bytes, length);
}

/* ---- its end ------------------------------------------------------------------------------- */

static bool stream_fits(const struct stream *stream) {
    const char *text = buf_text(&stream->tail);
    size_t length = stream->bytes;
    return length <= CAPTURE_TEXT_MAX && text_is_utf8(text, length) && !memchr(text, 0, length) &&
           json_escaped_length(text, length) <= CAPTURE_ESCAPED_MAX;
}

static void stream_stored(struct stream *stream) {
    const struct capture_spec *spec = &stream->capture->spec;
    if (spec->stored)
        spec->stored(spec->user, stream->fd);
    else
        file_close(&stream->fd);
    stream->fd = -1;
}

/* Into the record, or as a file that the record names. */
static void stream_settle(struct stream *stream) {
    const struct capture *capture = stream->capture;
    if (!capture->name || capture->failed || (stream->fd < 0 && stream->bytes == 0))
        return;
    stream->is_text = stream_fits(stream);
    if (stream->is_text) {
        file_close(&stream->fd);
        return;
    }
    if (!stream->digest)
        digest_begin(stream);
    if (!stream_open(stream))
        return;
    digest_long_finish(stream->digest, stream->sha256);
    stream_stored(stream);
}

void capture_end(struct capture *capture) {
    if (capture->has_ended)
        return;
    capture->has_ended = true;
    for (int i = 0; i < 2; i++) {
        struct stream *stream = &capture->streams[i];
        if (stream->redact)
            redact_stream_end(stream->redact);
        stream_settle(stream);
    }
}

bool capture_recorded(struct capture *capture) {
    bool removed = false;
    for (int i = 0; i < 2; i++) {
        struct stream *stream = &capture->streams[i];
        if (!stream->is_text || !stream->file)
            continue;
        AUTO_TEXT path = mem_printf("%s/%s", capture->dir, stream->file);
        removed |= unlink(path) == 0;
    }
    return removed;
}

/* ---- a secret that was not known ----------------------------------------------------------- */

static void stream_forget(struct stream *stream) {
    digest_long_free(stream->digest);
    stream->digest = NULL;
    *stream->sha256 = '\0';
    stream->bytes = 0;
    stream->is_text = false;
    buf_clear(&stream->tail);
}

/* 0, or errno. */
static int file_keep_redacted(struct stream *stream, int from) {
    char piece[65536];
    struct redact_stream *redact =
        redact_stream_new(stream->capture->spec.redactor, stream_keep, stream);
    int sys = 0;
    for (;;) {
        ssize_t got = read(from, piece, sizeof piece);
        if (got > 0)
            redact_stream_write(redact, piece, (size_t)got);
        else if (got == 0 || errno != EINTR) {
            sys = got < 0 ? errno : 0;
            break;
        }
    }
    redact_stream_end(redact);
    redact_stream_free(redact);
    return sys;
}

/* The file is whole at every moment, as it was or as it shall be. */
static void file_redact_again(struct stream *stream) {
    struct capture *capture = stream->capture;
    AUTO_TEXT path = mem_printf("%s/%s", capture->dir, stream->file);
    AUTO_TEXT beside = mem_printf("%s/.output-XXXXXX", capture->dir);
    AUTO_FD from = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    stream->fd = from < 0 ? -1 : mkostemp(beside, O_CLOEXEC);
    if (stream->fd < 0) {
        store_fail(capture, errno, "redacting", stream->file);
        return;
    }
    int sys = file_keep_redacted(stream, from);
    if (sys == 0 && !capture->failed && rename(beside, path) < 0)
        sys = errno;
    if (sys != 0)
        store_fail(capture, sys, "redacting", stream->file);
    if (capture->failed)
        unlink(beside);
}

void capture_redact_again(struct capture *capture) {
    for (int i = 0; i < 2; i++) {
        struct stream *stream = &capture->streams[i];
        size_t length;
        AUTO_TEXT tail = redact_text(capture->spec.redactor, buf_text(&stream->tail),
                                     stream->tail.length, &length);
        stream_forget(stream);
        if (stream->file && !capture->failed)
            file_redact_again(stream);
        else
            stream_keep(stream, tail, length);
        stream_settle(stream);
    }
}

const char *capture_head(const struct capture *capture, enum step_stream stream, size_t *ret_length,
                         bool *ret_cut) {
    *ret_length = capture->streams[stream].head.length;
    *ret_cut = capture->streams[stream].cut;
    return buf_text(&capture->streams[stream].head);
}

const char *capture_tail(const struct capture *capture, enum step_stream stream) {
    return buf_text(&capture->streams[stream].tail);
}

static value stream_record(const struct stream *stream) {
    value one = value_set(value_object(), "bytes", value_integer((int64_t)stream->bytes));
    if (stream->is_text)
        return value_set(one, "text", value_string_n(buf_text(&stream->tail), stream->bytes));
    one = value_set(one, "file", value_string(stream->file));
    return value_set(one, "sha256", value_string(stream->sha256));
}

value capture_record(const struct capture *capture) {
    value record = value_object();
    for (int i = 0; i < 2; i++) {
        const struct stream *stream = &capture->streams[i];
        if (stream->is_text ? stream->bytes > 0 : *stream->sha256 != '\0')
            record = value_set(record, suffixes[i], stream_record(stream));
    }
    if (value_count(record))
        return record;
    value_free(record);
    return value_null();
}
