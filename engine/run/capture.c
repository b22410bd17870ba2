#include "run/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "secret/digest.h"

struct stream {
    struct capture *capture;
    enum step_stream kind;
    struct buf head, tail;
    bool cut;
    bool goes_on; /* where an engine before this one stopped; nothing has been added yet */
    struct redact_stream *redact;
    int fd;
    struct digest *digest;
    char sha256[DIGEST_TEXT_SIZE];
    char *file; /* relative to the run's directory */
    uint64_t bytes;
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
        digest_free(stream->digest);
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

/* Opened with the first byte: most steps print nothing on one of the two. */
static bool stream_open(struct stream *stream) {
    struct capture *capture = stream->capture;
    if (stream->fd >= 0)
        return true;
    if (!capture->name || capture->failed)
        return false;
    AUTO_TEXT path = stream_path(stream);
    stream->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (stream->fd < 0) {
        store_fail(capture, errno, "creating", stream->file);
        return false;
    }
    stream->digest = digest_new();
    return true;
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
        digest_update(stream->digest, piece, (size_t)got);
        stream->bytes += (uint64_t)got;
        head_keep(stream, piece, (size_t)got);
        tail_keep(&stream->tail, piece, (size_t)got);
    }
}

static void stream_resume(struct stream *stream) {
    AUTO_TEXT path = stream_path(stream);
    stream->fd =
        open(path, O_RDWR | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);
    if (stream->fd < 0 && errno == ENOENT)
        return;
    stream->digest = digest_new();
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

static void stream_store(void *user, const char *bytes, size_t length) {
    struct stream *stream = user;
    struct capture *capture = stream->capture;
    AUTO_ERR err = ERR_INIT;
    if (stream_open(stream)) {
        if (file_write_all(stream->fd, bytes, length, &err) < 0) {
            store_fail(capture, err.sys, "writing", stream->file);
        } else {
            digest_update(stream->digest, bytes, length);
            stream->bytes += length;
        }
    }
    tail_keep(&stream->tail, bytes, length);
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

static void stream_stored(const struct stream *stream, int *fd_taken) {
    const struct capture_spec *spec = &stream->capture->spec;
    if (spec->stored)
        spec->stored(spec->user, *fd_taken);
    else
        file_close(fd_taken);
    *fd_taken = -1;
}

void capture_end(struct capture *capture) {
    if (capture->has_ended)
        return;
    capture->has_ended = true;
    for (int i = 0; i < 2; i++) {
        struct stream *stream = &capture->streams[i];
        if (stream->redact)
            redact_stream_end(stream->redact);
        if (stream->fd < 0)
            continue;
        digest_finish(stream->digest, stream->sha256);
        stream_stored(stream, &stream->fd);
    }
}

/* ---- a secret that was not known ----------------------------------------------------------- */

/* The stored bytes on their way into the file that takes their place. */
struct rewrite {
    struct stream *stream;
    int fd;
    struct err err;
};

static void rewrite_add(void *user, const char *bytes, size_t length) {
    struct rewrite *rewrite = user;
    if (rewrite->err.kind != ERR_NONE || file_write_all(rewrite->fd, bytes, length, &rewrite->err))
        return;
    digest_update(rewrite->stream->digest, bytes, length);
    rewrite->stream->bytes += length;
}

static void rewrite_read(struct rewrite *rewrite, int from) {
    char piece[65536];
    struct redact_stream *redact =
        redact_stream_new(rewrite->stream->capture->spec.redactor, rewrite_add, rewrite);
    ssize_t got;
    while ((got = read(from, piece, sizeof piece)) != 0) {
        if (got > 0)
            redact_stream_write(redact, piece, (size_t)got);
        else if (errno != EINTR)
            break;
    }
    if (got < 0)
        err_sys(&rewrite->err, errno, "cannot read the output");
    redact_stream_end(redact);
    redact_stream_free(redact);
}

/* The file is whole at every moment, as it was or as it shall be. */
static void stream_redact_again(struct stream *stream) {
    const struct capture *capture = stream->capture;
    AUTO_TEXT path = mem_printf("%s/%s", capture->dir, stream->file);
    AUTO_TEXT beside = mem_printf("%s/.output-XXXXXX", capture->dir);
    struct rewrite rewrite = {.stream = stream, .err = ERR_INIT};
    AUTO_FD from = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    AUTO_FD to = from < 0 ? -1 : mkostemp(beside, O_CLOEXEC);
    if (to < 0) {
        store_fail(stream->capture, errno, "redacting", stream->file);
        return;
    }
    rewrite.fd = to;
    stream->bytes = 0;
    rewrite_read(&rewrite, from);
    digest_finish(stream->digest, stream->sha256);
    if (rewrite.err.kind == ERR_NONE && rename(beside, path) < 0)
        err_sys(&rewrite.err, errno, "cannot rename");
    if (rewrite.err.kind == ERR_NONE) {
        stream_stored(stream, &to);
        return;
    }
    store_fail(stream->capture, rewrite.err.sys, "redacting", stream->file);
    err_release(&rewrite.err);
    unlink(beside);
}

void capture_redact_again(struct capture *capture) {
    for (int i = 0; i < 2; i++) {
        struct stream *stream = &capture->streams[i];
        size_t length;
        AUTO_TEXT tail = redact_text(capture->spec.redactor, buf_text(&stream->tail),
                                     stream->tail.length, &length);
        buf_clear(&stream->tail);
        tail_keep(&stream->tail, tail, length);
        if (*stream->sha256 && !capture->failed)
            stream_redact_again(stream);
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

value capture_record(const struct capture *capture) {
    value record = value_object();
    for (int i = 0; i < 2; i++) {
        const struct stream *stream = &capture->streams[i];
        if (!stream->file || !*stream->sha256)
            continue; /* a service goes on printing */
        value one = value_set(value_object(), "file", value_string(stream->file));
        one = value_set(one, "bytes", value_integer((int64_t)stream->bytes));
        one = value_set(one, "sha256", value_string(stream->sha256));
        record = value_set(record, suffixes[i], one);
    }
    if (value_count(record))
        return record;
    value_free(record);
    return value_null();
}
