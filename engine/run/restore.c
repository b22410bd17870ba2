#include "run/restore.h"

#include "base/text.h"
#include "run/capture.h"
#include "run/stored.h"
#include "secret/digest.h"

#define REDACTED "[redacted:"
#define STORED_MAX ((size_t)64 << 20) /* bytes of a result in a file of its own */

struct restoring {
    const char *dir;
    bool keeps_marks, has_marks;
};

/* ---- bytes --------------------------------------------------------------------------------- */

/* The chain vouches for a text in the record itself. */
static int bytes_check(value record, const char *path, const char *bytes, size_t length,
                       struct err *err) {
    AUTO_VALUE wanted = value_get(record, "sha256");
    char sha256[DIGEST_TEXT_SIZE];
    if (!path)
        return 0;
    digest_text(bytes, length, sha256);
    if (value_is(wanted, VALUE_STRING) && text_equal(value_text(wanted), sha256))
        return 0;
    err_set(err, ERR_TRANSCRIPT, "%s is not what was recorded: its SHA-256 differs", path);
    return err_hint(err, "`runbook verify` tells what else was changed");
}

/* The first `most` bytes; *ret_cut where there are more. */
static int bytes_restore(const char *dir, value record, size_t most, struct buf *out, bool *ret_cut,
                         struct err *err) {
    AUTO_STORED stored = STORED_INIT;
    AUTO_TEXT chunk = mem_alloc(65536);
    ssize_t got = 1;
    if (stored_open(&stored, dir, record, err) < 0)
        return -1;
    while (got > 0 && out->length < most + 1) {
        size_t room = most + 1 - out->length;
        got = stored_read(&stored, chunk, room < 65536 ? room : 65536, err);
        if (got < 0)
            return -1;
        buf_append(out, chunk, (size_t)got);
    }
    *ret_cut = out->length > most;
    if (!*ret_cut)
        return bytes_check(record, stored.path, buf_text(out), out->length, err);
    out->length = most;
    return 0;
}

/* ---- values -------------------------------------------------------------------------------- */

static bool is_redacted(value item) {
    if (value_is(item, VALUE_STRING))
        return strstr(value_text(item), REDACTED) != NULL;
    AUTO_TEXT json = value_to_json(item);
    return strstr(json, REDACTED) != NULL;
}

/* Less what was redacted, where marks are not wanted. */
static value object_read(struct restoring *restoring, value taken) {
    bool is_marked = is_redacted(taken);
    restoring->has_marks |= is_marked;
    if (!is_marked || restoring->keeps_marks)
        return taken;
    AUTO_VALUE all = taken;
    value kept = value_object();
    value key, item;
    for (size_t i = 0; value_next(all, &i, &key, &item);) {
        if (is_redacted(item))
            value_free(item);
        else
            kept = value_set(kept, value_text(key), item);
        value_free(key);
    }
    return kept;
}

static bool is_stored(value item) {
    AUTO_VALUE file = value_get(item, "file");
    AUTO_VALUE sha256 = value_get(item, "sha256");
    return value_count(item) == 3 && value_is(file, VALUE_STRING) && value_is(sha256, VALUE_STRING);
}

/* As the record has it, or in the file that it names. */
static int object_restore(struct restoring *restoring, value item, value *ret, struct err *err) {
    *ret = value_object();
    if (!value_is(item, VALUE_OBJECT))
        return 0;
    if (!is_stored(item)) {
        value_free(*ret);
        *ret = object_read(restoring, value_copy(item));
        return 0;
    }
    AUTO_BUF json = BUF_INIT(STORED_MAX + 1);
    bool cut;
    value parsed;
    if (bytes_restore(restoring->dir, item, STORED_MAX, &json, &cut, err) < 0 ||
        value_parse(buf_text(&json), json.length, &parsed, err) < 0)
        return -1;
    value_free(*ret);
    *ret = object_read(restoring, parsed);
    return 0;
}

/* ---- streams ------------------------------------------------------------------------------- */

static int stream_restore(const char *dir, value output, const char *name, value *ret, bool *cut,
                          struct err *err) {
    AUTO_VALUE record = value_get(output, name);
    AUTO_BUF text = BUF_INIT(CAPTURE_HEAD_MAX + 1);
    bool own_cut = false;
    if (value_is(record, VALUE_OBJECT) &&
        bytes_restore(dir, record, CAPTURE_HEAD_MAX, &text, &own_cut, err) < 0)
        return -1;
    *cut |= own_cut;
    *ret = result_stream(buf_text(&text), text.length, own_cut);
    return 0;
}

static value stream_set(struct restoring *restoring, value data, const char *key,
                        value text_taken) {
    bool is_marked = is_redacted(text_taken);
    restoring->has_marks |= is_marked;
    if (!is_marked || restoring->keeps_marks)
        return value_set(data, key, text_taken);
    value_free(text_taken);
    return value_remove(data, key);
}

static int streams_restore(struct restoring *restoring, const struct step *step, value output,
                           value *data, struct err *err) {
    const char *dir = restoring->dir;
    bool cut = false;
    value out = value_null(), errors = value_null();
    if (stream_restore(dir, output, "stdout", &out, &cut, err) < 0 ||
        (step->type->is_command && stream_restore(dir, output, "stderr", &errors, &cut, err) < 0)) {
        value_free(out);
        return -1;
    }
    *data = stream_set(restoring, *data, "json", result_json(out, cut));
    *data = stream_set(restoring, *data, step->type->is_command ? "stdout" : "body", out);
    if (step->type->is_command)
        *data = stream_set(restoring, *data, "stderr", errors);
    if (cut)
        *data = value_set(*data, "truncated", value_bool(true));
    return 0;
}

static int restore(struct result *ret, struct restoring *restoring, const struct step *step,
                   const struct event *event, struct err *err) {
    bool has_streams = step->type->is_command || EVENT_HAS(event, output);
    result_of_act(ret, NULL);
    if (object_restore(restoring, EVENT_HAS(event, result) ? event->result : value_none(),
                       &ret->data, err) < 0 ||
        object_restore(restoring, EVENT_HAS(event, outputs) ? event->outputs : value_none(),
                       &ret->outputs, err) < 0)
        return -1;
    ret->data = value_set(ret->data, "duration_ms",
                          value_integer(EVENT_HAS(event, duration_ms) ? event->duration_ms : 0));
    if (!has_streams || step_hides_output(step))
        return 0;
    AUTO_VALUE output = EVENT_HAS(event, output) ? value_copy(event->output) : value_null();
    return streams_restore(restoring, step, output, &ret->data, err);
}

int result_restore(struct result *ret, const char *dir, const struct step *step,
                   const struct event *event, struct err *err) {
    struct restoring restoring = {.dir = dir};
    return restore(ret, &restoring, step, event, err);
}

int result_restore_marked(struct result *ret, const char *dir, const struct step *step,
                          const struct event *event, bool *ret_marked, struct err *err) {
    struct restoring restoring = {.dir = dir, .keeps_marks = true};
    int status = restore(ret, &restoring, step, event, err);
    *ret_marked = restoring.has_marks;
    return status;
}
