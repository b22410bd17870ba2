#include "remote.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "io/ssh.h"

#define OUTPUTS_MOST ((size_t)2 << 20)
#define EARLY_MOST ((size_t)64 << 10)
#define LINE_MOST 64

enum part { PART_TEXT, PART_LINE, PART_OUTPUTS };

struct stream {
    int number;
    enum part part;
    struct buf held; /* what may be the beginning of a marker, or a line that is not whole */
};

struct remote {
    char *marker;
    size_t length;
    struct stream streams[2];
    struct buf early; /* of standard error, until it has begun: a way that was none says so there */
    struct buf outputs;
    size_t awaited; /* bytes of outputs that are yet to come */
    bool has_begun, has_ended, is_unsent;
    enum remote_refusal refusal;
    int status;
    void (*print)(void *user, int stream, const char *bytes, size_t length);
    void *user;
};

struct remote *remote_new(char *marker,
                          void (*print)(void *user, int stream, const char *bytes, size_t length),
                          void *user) {
    if (!marker)
        return NULL;
    struct remote *remote = mem_zalloc(sizeof *remote);
    remote->marker = marker;
    remote->length = strlen(marker);
    for (int i = 0; i < 2; i++)
        remote->streams[i] = (struct stream){.number = i + 1, .held = BUF_INIT(SIZE_MAX)};
    remote->early = (struct buf)BUF_INIT(EARLY_MOST);
    remote->outputs = (struct buf)BUF_INIT(OUTPUTS_MOST);
    remote->print = print;
    remote->user = user;
    return remote;
}

void remote_free(struct remote *remote) {
    if (!remote)
        return;
    buf_release(&remote->streams[0].held);
    buf_release(&remote->streams[1].held);
    buf_release(&remote->early);
    buf_release(&remote->outputs);
    mem_free(remote->marker);
    mem_free(remote);
}

/* ---- what it prints -------------------------------------------------------------------------- */

static void early_print(struct remote *remote) {
    if (remote->early.length)
        remote->print(remote->user, 2, remote->early.data, remote->early.length);
    buf_clear(&remote->early);
}

static void print(struct remote *remote, int stream, const char *bytes, size_t length) {
    if (!length)
        return;
    if (stream == 2 && !remote->has_begun && buf_append(&remote->early, bytes, length) == 0)
        return;
    early_print(remote);
    remote->print(remote->user, stream, bytes, length);
}

static void held_print(struct remote *remote, struct stream *stream, size_t length) {
    print(remote, stream->number, stream->held.data, length);
    buf_consume(&stream->held, length);
}

/* ---- what is said of it ---------------------------------------------------------------------- */

static void line_take(struct remote *remote, struct stream *stream, const char *line) {
    stream->part = PART_TEXT;
    if (text_equal(line, "begun")) {
        remote->has_begun = true;
        early_print(remote);
    } else if (text_equal(line, "not folder")) {
        remote->refusal = REMOTE_NO_FOLDER;
    } else if (text_equal(line, "not command")) {
        remote->refusal = REMOTE_NO_COMMAND;
    } else if (text_starts_with(line, "end ")) {
        char *rest;
        remote->status = (int)strtol(line + 4, &rest, 10) & 255;
        remote->awaited = strtoul(rest, NULL, 10);
        remote->has_ended = true;
        stream->part = PART_OUTPUTS;
    }
}

/* Each returns whether there is more to be looked at. */
static bool take_line(struct remote *remote, struct stream *stream) {
    const char *end = memchr(stream->held.data, '\n', stream->held.length);
    size_t length = end ? (size_t)(end - stream->held.data) : stream->held.length;
    if (!end && length <= LINE_MOST)
        return false;
    size_t whole = length + (end != NULL);
    length -= length && stream->held.data[length - 1] == '\r'; /* of a terminal between us */
    AUTO_TEXT line = mem_strndup(stream->held.data, length);
    buf_consume(&stream->held, whole);
    line_take(remote, stream, line);
    return true;
}

static bool take_outputs(struct remote *remote, struct stream *stream) {
    size_t length = stream->held.length < remote->awaited ? stream->held.length : remote->awaited;
    (void)buf_append(&remote->outputs, buf_text(&stream->held), length);
    buf_consume(&stream->held, length);
    remote->awaited -= length;
    if (remote->awaited)
        return false;
    stream->part = PART_TEXT;
    return true;
}

/* How much of the end may be the beginning of the marker. */
static size_t marker_begins(const struct remote *remote, const struct buf *held) {
    size_t most = held->length < remote->length - 1 ? held->length : remote->length - 1;
    for (size_t length = most; length > 0; length--)
        if (memcmp(held->data + held->length - length, remote->marker, length) == 0)
            return length;
    return 0;
}

static bool take_text(struct remote *remote, struct stream *stream) {
    const char *found =
        memmem(stream->held.data, stream->held.length, remote->marker, remote->length);
    if (!found) {
        held_print(remote, stream, stream->held.length - marker_begins(remote, &stream->held));
        return false;
    }
    held_print(remote, stream, (size_t)(found - stream->held.data));
    buf_consume(&stream->held, remote->length);
    stream->part = PART_LINE;
    return true;
}

void remote_take(struct remote *remote, int number, const char *bytes, size_t length) {
    static bool (*const takes[])(struct remote *, struct stream *) = {take_text, take_line,
                                                                      take_outputs};
    struct stream *stream = &remote->streams[number - 1];
    (void)buf_append(&stream->held, bytes, length);
    while (stream->held.length && takes[stream->part](remote, stream))
        continue;
}

/* What ssh says beside it is about a way that it did not go. */
void remote_end(struct remote *remote) {
    for (int i = 0; i < 2; i++)
        if (remote->streams[i].part == PART_TEXT && remote->streams[i].held.length)
            held_print(remote, &remote->streams[i], remote->streams[i].held.length);
    remote->is_unsent = strstr(buf_text(&remote->early), SSH_NOT_SENT) != NULL;
    if (!remote->is_unsent)
        early_print(remote);
}

bool remote_has_begun(const struct remote *remote) {
    return remote->has_begun;
}

bool remote_was_unsent(const struct remote *remote) {
    return remote->is_unsent;
}

enum remote_refusal remote_refusal(const struct remote *remote) {
    return remote->refusal;
}

bool remote_has_ended(const struct remote *remote) {
    return remote->has_ended && !remote->awaited;
}

int remote_status(const struct remote *remote) {
    return remote->status;
}

const struct buf *remote_outputs(const struct remote *remote) {
    return &remote->outputs;
}
