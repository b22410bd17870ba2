#include "secret/redact.h"

#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "base/vec.h"
#include "secret/scan.h"

#define REDACT_PATTERN_MARK "[redacted:pattern]"
/* A secret that the end of the output cut off is removed when this much of it was seen. */
#define REDACT_CUT_LEAST ((size_t)SECRET_MIN_LENGTH)
/* The same where its beginning was lost, too: at the first byte that is left, and, where that is
 * the middle of a character's escape, behind it. */
#define REDACT_REST_LEAST ((size_t)4)
#define REDACT_REST_LEAST_BEHIND ((size_t)7)
/* Values nested deeper are not walked, so that they cannot exhaust the stack. */
#define REDACT_DEPTH_MAX 1000

struct redactor {
    struct scan *scan;
    VEC(char *) names;
    VEC(const struct match *) patterns;
};

struct redactor *redactor_new(void) {
    struct redactor *redactor = mem_zalloc(sizeof *redactor);
    redactor->scan = scan_new();
    return redactor;
}

void redactor_free(struct redactor *redactor) {
    if (!redactor)
        return;
    scan_free(redactor->scan);
    for (size_t i = 0; i < redactor->names.count; i++)
        mem_free(redactor->names.items[i]);
    vec_release(&redactor->names);
    vec_release(&redactor->patterns);
    mem_free(redactor);
}

static bool redact_is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The part between blanks: indentation and line ends change on the way through other tools. */
static size_t redact_trim(const char **bytes, size_t length) {
    while (length > 0 && redact_is_blank((*bytes)[length - 1]))
        length--;
    while (length > 0 && redact_is_blank(**bytes)) {
        (*bytes)++;
        length--;
    }
    return length;
}

static void redactor_add_lines(struct redactor *redactor, size_t name, const char *bytes,
                               size_t length) {
    while (length > 0) {
        const char *end = memchr(bytes, '\n', length);
        size_t whole = end ? (size_t)(end - bytes) : length;
        const char *line = bytes;
        size_t kept = redact_trim(&line, whole);
        if (text_characters(line, kept) >= SECRET_MIN_LENGTH)
            scan_add(redactor->scan, line, kept, name);
        size_t past = end ? whole + 1 : whole;
        bytes += past;
        length -= past;
    }
}

/* A secret that is no UTF-8 has its broken bytes replaced where it becomes a JSON string. */
static void redactor_add_replaced(struct redactor *redactor, size_t name, const char *bytes,
                                  size_t length) {
    AUTO_VALUE replaced = value_string_n(bytes, length);
    scan_add(redactor->scan, value_text(replaced), value_text_length(replaced), name);
}

void redactor_add_secret(struct redactor *redactor, const char *name, const char *bytes,
                         size_t length) {
    if (length == 0)
        return;
    *vec_add(&redactor->names) = mem_strdup(name);
    size_t index = redactor->names.count - 1;
    scan_add(redactor->scan, bytes, length, index);
    if (!text_is_utf8(bytes, length))
        redactor_add_replaced(redactor, index, bytes, length);
    const char *trimmed = bytes;
    size_t kept = redact_trim(&trimmed, length);
    if (kept > 0 && kept < length)
        scan_add(redactor->scan, trimmed, kept, index);
    if (memchr(trimmed, '\n', kept))
        redactor_add_lines(redactor, index, trimmed, kept);
}

static void redactor_add_each(void *user, const char *name, const char *bytes, size_t length) {
    redactor_add_secret(user, name, bytes, length);
}

void redactor_add_secrets(struct redactor *redactor, const struct secrets *secrets) {
    secrets_each(secrets, redactor_add_each, redactor);
}

void redactor_add_pattern(struct redactor *redactor, const struct match *pattern) {
    *vec_add(&redactor->patterns) = pattern;
}

bool redactor_is_idle(const struct redactor *redactor) {
    return scan_empty(redactor->scan) && redactor->patterns.count == 0;
}

/* Two stages: secrets over the bytes, then patterns over the lines that this leaves. */
struct redact_stream {
    const struct redactor *redactor;
    void (*sink)(void *user, const char *bytes, size_t length);
    void *user;
    struct buf held; /* bytes that may be the beginning of a secret */
    size_t covered;  /* of these, how many a marker already stands for */
    size_t last;     /* whose marker that was */
    struct buf line; /* the unfinished line, where there are patterns */
    size_t lead;     /* so far from here the rest of a secret may begin */
    size_t blanks;   /* so many blanks would lie in front of it and not count */
    bool unjudged;   /* the line's beginning is unknown */
};

/* The stream may begin in the middle of a character's escape, so that the next character, with
 * which the rest of a secret can be recognised, begins behind it. */
#define REDACT_LEAD ((size_t)12)
/* Encoders break lines and indent them. */
#define REDACT_LEAD_BLANKS ((size_t)64)

struct redact_stream *redact_stream_new(const struct redactor *redactor,
                                        void (*sink)(void *user, const char *bytes, size_t length),
                                        void *user) {
    struct redact_stream *stream = mem_zalloc(sizeof *stream);
    *stream = (struct redact_stream){.redactor = redactor,
                                     .sink = sink,
                                     .user = user,
                                     .held = BUF_INIT(SIZE_MAX / 4),
                                     .line = BUF_INIT(REDACT_LINE_MAX)};
    return stream;
}

void redact_stream_resume(struct redact_stream *stream) {
    stream->lead = REDACT_LEAD;
    stream->blanks = REDACT_LEAD_BLANKS;
    stream->unjudged = stream->redactor->patterns.count > 0;
}

static void redact_wipe(struct buf *buf) {
    if (buf->data)
        explicit_bzero(buf->data, buf->capacity);
    buf_release(buf);
}

void redact_stream_free(struct redact_stream *stream) {
    if (!stream)
        return;
    redact_wipe(&stream->held);
    redact_wipe(&stream->line);
    mem_free(stream);
}

/* The leftmost match of any pattern at or behind `from`: 1, 0, or -1 where a limit was reached.
 * An empty match removes nothing and is passed over. */
static int pattern_next(const struct redactor *redactor, const char *line, size_t length,
                        size_t from, struct match_found *ret) {
    int any = 0;
    for (size_t i = 0; i < redactor->patterns.count; i++) {
        struct match_found found;
        size_t at = from;
        int done;
        do {
            done = match_find(redactor->patterns.items[i], line, length, at, &found, NULL);
            at = done > 0 ? found.end + 1 : at;
        } while (done > 0 && found.start == found.end && at <= length);
        if (done < 0)
            return -1;
        if (done == 0 || found.start == found.end)
            continue;
        if (!any || found.start < ret->start || (found.start == ret->start && found.end > ret->end))
            *ret = found;
        any = 1;
    }
    return any;
}

/* One line without its newline. Where a pattern gives up, the whole line goes: what cannot be
 * judged is not shown. */
static void redact_line(struct redact_stream *stream, const char *line, size_t length) {
    size_t from = 0;
    struct match_found found = {0};
    int done = stream->unjudged ? -1 : 0;
    while (done >= 0 && (done = pattern_next(stream->redactor, line, length, from, &found)) > 0) {
        if (found.start > from)
            stream->sink(stream->user, line + from, found.start - from);
        stream->sink(stream->user, REDACT_PATTERN_MARK, strlen(REDACT_PATTERN_MARK));
        from = found.end;
    }
    if (done < 0)
        stream->sink(stream->user, REDACT_PATTERN_MARK, strlen(REDACT_PATTERN_MARK));
    else if (from < length)
        stream->sink(stream->user, line + from, length - from);
}

static void redact_line_flush(struct redact_stream *stream) {
    if (stream->line.length > 0)
        redact_line(stream, stream->line.data, stream->line.length);
    stream->unjudged = false;
    buf_clear(&stream->line);
}

/* Collects bytes into lines; a line that fills the buffer counts as ended. */
static void redact_lines(struct redact_stream *stream, const char *bytes, size_t length) {
    while (length > 0) {
        const char *newline = memchr(bytes, '\n', length);
        size_t part = newline ? (size_t)(newline - bytes) : length;
        size_t room = REDACT_LINE_MAX - stream->line.length;
        size_t taken = part < room ? part : room;
        buf_append(&stream->line, bytes, taken);
        bytes += taken;
        length -= taken;
        if (taken < part) {
            redact_line_flush(stream);
        } else if (newline) {
            redact_line_flush(stream);
            stream->sink(stream->user, "\n", 1);
            bytes++;
            length--;
        }
    }
}

static void redact_emit(struct redact_stream *stream, const char *bytes, size_t length) {
    if (length == 0)
        return;
    if (stream->redactor->patterns.count > 0)
        redact_lines(stream, bytes, length);
    else
        stream->sink(stream->user, bytes, length);
}

static void redact_mark(struct redact_stream *stream, size_t name) {
    AUTO_TEXT mark = mem_printf("[redacted:%s]", stream->redactor->names.items[name]);
    redact_emit(stream, mark, strlen(mark));
    stream->last = name;
}

/* Where a text was scanned to. */
struct redact_scan {
    const char *text;
    size_t length;
    size_t out; /* everything before is written, or a marker stands for it */
};

/* A secret of `length` bytes stands at `at`. One that overlaps what is already removed only
 * needs a marker where another secret is meant. */
static void redact_remove(struct redact_stream *stream, struct redact_scan *scan, size_t at,
                          size_t length, size_t name) {
    if (at + length <= scan->out)
        return;
    bool overlaps = at < scan->out;
    if (!overlaps)
        redact_emit(stream, scan->text + scan->out, at - scan->out);
    if (!overlaps || stream->last != name)
        redact_mark(stream, name);
    scan->out = at + length;
}

/* How much of a secret must be seen there, where not all of it is. */
static size_t redact_least(const struct redact_stream *stream, size_t at) {
    if (at >= stream->lead)
        return REDACT_CUT_LEAST;
    return stream->lead == REDACT_LEAD && at == 0 ? REDACT_REST_LEAST : REDACT_REST_LEAST_BEHIND;
}

/* The next place where something may begin. */
static size_t redact_next(const struct redact_stream *stream, const struct redact_scan *scan,
                          size_t from) {
    if (from < stream->lead && from < scan->length)
        return from;
    return scan_next(stream->redactor->scan, scan->text, from, scan->length);
}

/* What begins there. */
static void redact_look(struct redact_stream *stream, const struct redact_scan *scan, size_t at,
                        bool final, struct scan_found *ret) {
    const char *text = scan->text + at;
    scan_at(stream->redactor->scan, text, scan->length - at, final, ret);
    if (at >= stream->lead)
        return;
    scan_rest_at(stream->redactor->scan, text, scan->length - at, redact_least(stream, at), final,
                 ret);
    if (!ret->cut && ret->length == 0 && stream->blanks > 0 && redact_is_blank(*text)) {
        stream->blanks--;
        stream->lead++;
    }
}

/* Removes secrets and writes what is clean; returns where the held rest begins. */
static size_t redact_scan_text(struct redact_stream *stream, struct redact_scan *scan, bool final) {
    size_t at = redact_next(stream, scan, 0);
    while (at < scan->length) {
        struct scan_found found;
        redact_look(stream, scan, at, final, &found);
        if (found.cut && !final)
            break;
        if (found.cut_known >= redact_least(stream, at) && found.length < scan->length - at)
            redact_remove(stream, scan, at, scan->length - at, found.cut_name);
        else if (found.length > 0)
            redact_remove(stream, scan, at, found.length, found.name);
        /* Behind the first that was found the stream is no longer in the middle of one. */
        if (scan->out > at && stream->lead > scan->out)
            stream->lead = scan->out;
        at = redact_next(stream, scan, at + 1);
    }
    stream->lead -= at < stream->lead ? at : stream->lead;
    if (at > scan->out) {
        redact_emit(stream, scan->text + scan->out, at - scan->out);
        scan->out = at;
    }
    return at;
}

static void redact_push(struct redact_stream *stream, const char *bytes, size_t length,
                        bool final) {
    if (stream->held.length == 0) {
        /* The common case: nothing held, nothing copied but what must be. */
        struct redact_scan scan = {.text = bytes, .length = length};
        size_t rest = redact_scan_text(stream, &scan, final);
        stream->covered = scan.out - rest;
        buf_append(&stream->held, bytes + rest, length - rest);
        return;
    }
    buf_append(&stream->held, bytes, length);
    struct redact_scan scan = {
        .text = stream->held.data, .length = stream->held.length, .out = stream->covered};
    size_t rest = redact_scan_text(stream, &scan, final);
    stream->covered = scan.out - rest;
    size_t before = stream->held.length;
    buf_consume(&stream->held, rest);
    explicit_bzero(stream->held.data + stream->held.length, before - stream->held.length);
}

void redact_stream_write(struct redact_stream *stream, const char *bytes, size_t length) {
    if (length > 0)
        redact_push(stream, bytes, length, false);
}

void redact_stream_end(struct redact_stream *stream) {
    redact_push(stream, "", 0, true);
    redact_line_flush(stream);
}

static void redact_collect(void *user, const char *bytes, size_t length) {
    buf_append(user, bytes, length);
}

bool redact_text_is_clean(const struct redactor *redactor, const char *text, size_t length) {
    return redactor->patterns.count == 0 && scan_is_free(redactor->scan, text, length);
}

char *redact_text(const struct redactor *redactor, const char *text, size_t length,
                  size_t *ret_length) {
    if (redact_text_is_clean(redactor, text, length)) {
        if (ret_length)
            *ret_length = length;
        return mem_strndup(text, length);
    }
    struct buf out = BUF_INIT(SIZE_MAX / 4);
    struct redact_stream *stream = redact_stream_new(redactor, redact_collect, &out);
    redact_push(stream, text, length, true);
    redact_stream_end(stream);
    redact_stream_free(stream);
    if (ret_length)
        *ret_length = out.length;
    return buf_detach(&out);
}

static value redact_string(const struct redactor *redactor, value taken) {
    size_t length = value_text_length(taken), redacted_length;
    AUTO_TEXT redacted = redact_text(redactor, value_text(taken), length, &redacted_length);
    if (redacted_length == length && memcmp(redacted, value_text(taken), length) == 0)
        return taken;
    value_free(taken);
    return value_string_n(redacted, redacted_length);
}

/* A secret of digits may have become a number on its way. */
static value redact_number(const struct redactor *redactor, value taken) {
    AUTO_TEXT digits = value_to_json(taken);
    size_t length;
    AUTO_TEXT redacted = redact_text(redactor, digits, strlen(digits), &length);
    if (text_equal(digits, redacted))
        return taken;
    value_free(taken);
    return value_string_n(redacted, length);
}

static value redact_nested(const struct redactor *redactor, value taken, int depth);

static value redact_array(const struct redactor *redactor, value taken, int depth) {
    value result = value_array();
    for (size_t i = 0; i < value_count(taken); i++)
        result = value_append(result, redact_nested(redactor, value_at(taken, i), depth + 1));
    value_free(taken);
    return result;
}

static value redact_object(const struct redactor *redactor, value taken, int depth) {
    value result = value_object();
    value key, item;
    for (size_t i = 0; value_next(taken, &i, &key, &item);) {
        key = redact_string(redactor, key);
        result = value_set(result, value_text(key), redact_nested(redactor, item, depth + 1));
        value_free(key);
    }
    value_free(taken);
    return result;
}

static value redact_nested(const struct redactor *redactor, value taken, int depth) {
    if (depth > REDACT_DEPTH_MAX) {
        value_free(taken);
        return value_string("[redacted:nested too deep]");
    }
    switch (value_kind(taken)) {
    case VALUE_STRING:
        return redact_string(redactor, taken);
    case VALUE_NUMBER:
        return redact_number(redactor, taken);
    case VALUE_ARRAY:
        return redact_array(redactor, taken, depth);
    case VALUE_OBJECT:
        return redact_object(redactor, taken, depth);
    default:
        return taken;
    }
}

/* ---- values that are clean ----------------------------------------------------------------- */

static bool is_clean(const struct redactor *redactor, value borrowed, int depth);

static bool array_is_clean(const struct redactor *redactor, value array, int depth) {
    bool clean = true;
    const size_t count = value_count(array);
    for (size_t i = 0; clean && i < count; i++) {
        AUTO_VALUE item = value_at(array, i);
        clean = is_clean(redactor, item, depth + 1);
    }
    return clean;
}

static bool object_is_clean(const struct redactor *redactor, value object, int depth) {
    bool clean = true;
    value key, item;
    for (size_t i = 0; clean && value_next(object, &i, &key, &item);) {
        clean = is_clean(redactor, key, depth) && is_clean(redactor, item, depth + 1);
        value_free(key);
        value_free(item);
    }
    return clean;
}

static bool number_is_clean(const struct redactor *redactor, value number) {
    AUTO_TEXT digits = value_to_json(number);
    return redact_text_is_clean(redactor, digits, strlen(digits));
}

static bool is_clean(const struct redactor *redactor, value borrowed, int depth) {
    if (depth > REDACT_DEPTH_MAX)
        return false;
    switch (value_kind(borrowed)) {
    case VALUE_STRING:
        return redact_text_is_clean(redactor, value_text(borrowed), value_text_length(borrowed));
    case VALUE_NUMBER:
        return number_is_clean(redactor, borrowed);
    case VALUE_ARRAY:
        return array_is_clean(redactor, borrowed, depth);
    case VALUE_OBJECT:
        return object_is_clean(redactor, borrowed, depth);
    default:
        return true;
    }
}

bool redact_value_is_clean(const struct redactor *redactor, value borrowed) {
    return redactor_is_idle(redactor) || is_clean(redactor, borrowed, 0);
}

/* Most are clean, and to make one anew costs five times as much as to look. */
value redact_value(const struct redactor *redactor, value taken) {
    return redact_value_is_clean(redactor, taken) ? taken : redact_nested(redactor, taken, 0);
}
