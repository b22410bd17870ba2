#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/map.h"
#include "base/text.h"
#include "base/vec.h"
#include "journal/reader.h"
#include "journal/verify_parts.h"
#include "secret/digest.h"

#define PIECE ((size_t)65536)
#define OUTPUT "output/"
/* A text in a record is no longer, and no more files than these are held against them. */
#define LEFT_MAX ((size_t)1024)
#define LEFT_ASKED_MAX 16
#define OUTPUT_LENGTH (sizeof OUTPUT - 1)

struct verify_files {
    struct verify *verify;
    int dir;    /* the run's folder; -1 where it cannot be opened */
    int output; /* output/ in it; -1 where there is none */
    struct map *named;
    struct digest *digest;
    char *piece;
    uint64_t count;
    size_t left_asked;
};

/* Nothing below the run's folder may be a link: it could lead to other bytes tomorrow. */
static int folder_open(int at, const char *path) {
    return openat(at, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

struct verify_files *verify_files_new(struct verify *verify, const char *dir) {
    struct verify_files *files = mem_zalloc(sizeof *files);
    files->verify = verify;
    files->dir = folder_open(AT_FDCWD, dir);
    files->output = files->dir < 0 ? -1 : folder_open(files->dir, "output");
    files->named = map_new();
    files->digest = digest_new();
    files->piece = mem_alloc(PIECE);
    return files;
}

void verify_files_free(struct verify_files *files) {
    if (!files)
        return;
    file_close(&files->dir);
    file_close(&files->output);
    map_free(files->named);
    digest_free(files->digest);
    mem_free(files->piece);
    mem_free(files);
}

uint64_t verify_files_count(const struct verify_files *files) {
    return files->count;
}

struct map *verify_files_take(struct verify_files *files) {
    struct map *named = files->named;
    files->named = NULL;
    return named;
}

/* ---- one file ------------------------------------------------------------------------------ */

struct named {
    uint64_t line;
    const char *path; /* as the transcript names it */
    const char *sha256;
    int64_t bytes; /* -1: not said */
};

static int file_open(const struct verify_files *files, const struct named *named) {
    const bool inside = text_starts_with(named->path, OUTPUT);
    const int at = inside ? files->output : files->dir;
    if (at < 0)
        return errno = ENOENT, -1;
    return openat(at, named->path + (inside ? OUTPUT_LENGTH : 0),
                  O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
}

/* 0, or errno. */
static int file_digest(struct verify_files *files, int fd, char ret[DIGEST_TEXT_SIZE]) {
    int failed = 0;
    for (;;) {
        const ssize_t got = read(fd, files->piece, PIECE);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            failed = errno;
        if (got <= 0)
            break;
        digest_update(files->digest, files->piece, (size_t)got);
    }
    digest_finish(files->digest, ret);
    return failed;
}

static void file_compare(struct verify_files *files, const struct named *named, int fd,
                         int64_t size) {
    char sha256[DIGEST_TEXT_SIZE];
    const int failed = file_digest(files, fd, sha256);
    if (failed)
        verify_find(files->verify, VERIFY_MISSING, named->line, named->path,
                    "the file cannot be read: %s", strerror(failed));
    else if (text_equal(sha256, named->sha256))
        return;
    else if (named->bytes >= 0 && named->bytes != size)
        verify_find(files->verify, VERIFY_CHANGED, named->line, named->path,
                    "the file has %lld bytes, and the transcript says %lld", (long long)size,
                    (long long)named->bytes);
    else
        verify_find(files->verify, VERIFY_CHANGED, named->line, named->path,
                    "the file's bytes are not those that the transcript vouches for");
}

static void file_check(struct verify_files *files, const struct named *named) {
    struct stat info;
    AUTO_FD fd = file_open(files, named);
    files->count++;
    if (fd < 0 && errno == ELOOP)
        verify_find(files->verify, VERIFY_CHANGED, named->line, named->path,
                    "a symbolic link stands in the file's place");
    else if (fd < 0 && errno == ENOENT)
        verify_find(files->verify, VERIFY_MISSING, named->line, named->path,
                    "the file is not there");
    else if (fd < 0 || fstat(fd, &info) < 0)
        verify_find(files->verify, VERIFY_MISSING, named->line, named->path,
                    "the file cannot be read: %s", strerror(errno));
    else if (!S_ISREG(info.st_mode))
        verify_find(files->verify, VERIFY_CHANGED, named->line, named->path,
                    "what stands in the file's place is not a regular file");
    else
        file_compare(files, named, fd, (int64_t)info.st_size);
}

/* ---- what a record names ------------------------------------------------------------------- */

static bool is_name(const char *text) {
    return *text && !strchr(text, '/') && !text_equal(text, ".") && !text_equal(text, "..");
}

static bool is_sha256(value item) {
    return value_is(item, VALUE_STRING) && value_text_length(item) == DIGEST_TEXT_SIZE - 1 &&
           strspn(value_text(item), "0123456789abcdef") == DIGEST_TEXT_SIZE - 1;
}

/* A text with a NUL in it would name one file here and another elsewhere. */
static bool is_text(value item) {
    return value_is(item, VALUE_STRING) && strlen(value_text(item)) == value_text_length(item);
}

/* `object` is {KEY: path, sha256, bytes?}; anything else is damage. */
static void object_check(struct verify_files *files, uint64_t line, value object, const char *key,
                         const char *folder) {
    AUTO_VALUE path = value_get(object, key);
    AUTO_VALUE sha256 = value_get(object, "sha256");
    AUTO_VALUE bytes = value_get(object, "bytes");
    const char *text = is_text(path) ? value_text(path) : "";
    struct named named = {.line = line, .path = text, .sha256 = value_text(sha256)};
    if (!text_starts_with(text, folder) || !is_name(text + strlen(folder)) || !is_sha256(sha256)) {
        verify_find(files->verify, VERIFY_NAME, line, text,
                    "the record does not name a file of the run and its SHA-256");
        return;
    }
    if (!value_as_integer(bytes, &named.bytes))
        named.bytes = -1;
    map_put(files->named, text, files);
    file_check(files, &named);
}

static void copies_check(struct verify_files *files, uint64_t line, value copies) {
    if (!value_is(copies, VALUE_ARRAY) && !value_is(copies, VALUE_NULL))
        verify_find(files->verify, VERIFY_NAME, line, NULL, "`files` is not a list");
    if (!value_is(copies, VALUE_ARRAY))
        return;
    for (size_t i = 0; i < value_count(copies); i++) {
        AUTO_VALUE copy = value_at(copies, i);
        object_check(files, line, copy, "copy", "");
    }
}

/* What is short stands in the record itself, and needs no digest there. */
static bool is_inline(value stream) {
    AUTO_VALUE text = value_get(stream, "text");
    AUTO_VALUE bytes = value_get(stream, "bytes");
    return value_count(stream) == 2 && value_is(text, VALUE_STRING) &&
           value_is(bytes, VALUE_NUMBER);
}

static void streams_check(struct verify_files *files, uint64_t line, value streams) {
    if (!value_is(streams, VALUE_OBJECT) && !value_is(streams, VALUE_NULL))
        verify_find(files->verify, VERIFY_NAME, line, NULL, "`output` is not an object");
    value key, stream;
    for (size_t i = 0; value_next(streams, &i, &key, &stream);) {
        if (!is_inline(stream))
            object_check(files, line, stream, "file", OUTPUT);
        value_free(key);
        value_free(stream);
    }
}

/* A large result lies in a file, and {file, bytes, sha256} in its place. An author's own outputs
 * may have such names, but hardly all three, with a file of ours. */
static void stored_check(struct verify_files *files, uint64_t line, value result) {
    AUTO_VALUE file = value_get(result, "file");
    AUTO_VALUE sha256 = value_get(result, "sha256");
    AUTO_VALUE bytes = value_get(result, "bytes");
    if (value_count(result) == 3 && value_is(bytes, VALUE_NUMBER) && is_sha256(sha256) &&
        value_is(file, VALUE_STRING) && text_starts_with(value_text(file), OUTPUT))
        object_check(files, line, result, "file", OUTPUT);
}

void verify_files_check(struct verify_files *files, const struct event *event) {
    if (EVENT_HAS(event, files))
        copies_check(files, event->seq, event->files);
    if (EVENT_HAS(event, output))
        streams_check(files, event->seq, event->output);
    if (EVENT_HAS(event, result) && value_is(event->result, VALUE_OBJECT))
        stored_check(files, event->seq, event->result);
    if (EVENT_HAS(event, outputs) && value_is(event->outputs, VALUE_OBJECT))
        stored_check(files, event->seq, event->outputs);
}

/* ---- what no record names ------------------------------------------------------------------ */

/* Whether a stream of the record is this text. */
static bool output_is(const struct event *event, const char *text, size_t length) {
    bool is_same = false;
    value key, stream;
    for (size_t i = 0; value_next(event->output, &i, &key, &stream);) {
        AUTO_VALUE held = value_get(stream, "text");
        is_same |= value_is(held, VALUE_STRING) && value_text_length(held) == length &&
                   memcmp(value_text(held), text, length) == 0;
        value_free(key);
        value_free(stream);
    }
    return is_same;
}

/* Reads all of it once more, which is worth it as such files are rare. */
static bool transcript_has(const char *transcript, const char *text, size_t length) {
    struct reader *reader = NULL;
    struct event event;
    bool is_found = false;
    AUTO_ERR ignored = ERR_INIT;
    if (reader_open(transcript, &reader, &ignored) < 0)
        return false;
    reader_want(reader, EVENT_BIT(output));
    while (!is_found && reader_next(reader, &event, &ignored) > 0)
        is_found = EVENT_HAS(&event, output) && output_is(&event, text, length);
    reader_free(reader);
    return is_found;
}

/* A short output that a record holds, and whose file could not be removed. */
static bool is_left(struct verify_files *files, const char *name, const char *transcript) {
    char text[LEFT_MAX + 1];
    if (files->left_asked++ >= LEFT_ASKED_MAX)
        return false;
    const int fd = openat(files->output, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    const ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text);
    if (fd >= 0)
        close(fd);
    return length > 0 && length <= (ssize_t)LEFT_MAX &&
           transcript_has(transcript, text, (size_t)length);
}

static void extra_check(struct verify_files *files, enum verify_kind kind, const char *name,
                        const char *transcript) {
    if (text_equal(name, ".") || text_equal(name, ".."))
        return;
    AUTO_TEXT path = mem_printf(OUTPUT "%s", name);
    if (map_get(files->named, path))
        return;
    if (kind == VERIFY_UNNAMED)
        verify_find(files->verify, kind, 0, path,
                    "no record vouches for this file: the engine ended before its step did");
    else if (is_left(files, name, transcript))
        verify_find(files->verify, VERIFY_UNNAMED, 0, path,
                    "a record holds what is in this file: it could not be removed");
    else
        verify_find(files->verify, kind, 0, path, "no record names this file");
}

void verify_files_extra(struct verify_files *files, enum verify_kind kind, const char *transcript) {
    struct dirent **list = NULL;
    const int count = files->output < 0 ? 0 : scandirat(files->output, ".", &list, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        extra_check(files, kind, list[i]->d_name, transcript);
        free(list[i]);
    }
    free(list);
}
