#include <string.h>

#include "base/text.h"
#include "journal/event.h"
#include "secret/digest.h"

/* How a line with a `sum` ends: `,"sum":"<64 digits>"}` */
#define SUM_KEY ",\"sum\":\""
#define SUM_LENGTH (sizeof SUM_KEY - 1 + 64 + 2)

/* What stands in front of the fields of every record. */
struct event_head {
    bool v, seq, prev, time, mono_ns, type;
};

static int key_bad(struct err *err, const char *key, const char *what) {
    return err_set(err, ERR_INVALID, "`%s` %s", key, what);
}

static int integer_read(value item, const char *key, int64_t *ret, struct err *err) {
    if (!value_is(item, VALUE_NUMBER) || !value_as_integer(item, ret) || *ret > EVENT_INTEGER_MAX ||
        *ret < -EVENT_INTEGER_MAX)
        return key_bad(err, key, "is not an integer below 2^53");
    return 0;
}

static bool is_sha256(value item) {
    return value_is(item, VALUE_STRING) && value_text_length(item) == 64 &&
           strspn(value_text(item), "0123456789abcdef") == 64;
}

static int version_read(value item, struct err *err) {
    int64_t version;
    if (integer_read(item, "v", &version, err) < 0)
        return -1;
    if (version == TRANSCRIPT_VERSION)
        return 0;
    err_set(err, ERR_INVALID, "the record has version %lld, and this engine reads version %d",
            (long long)version, TRANSCRIPT_VERSION);
    return err_hint(err, "read it with the version of runbook that wrote it");
}

static int seq_read(value item, struct event *ret, struct err *err) {
    int64_t seq;
    if (integer_read(item, "seq", &seq, err) < 0)
        return -1;
    if (seq < 1)
        return key_bad(err, "seq", "counts from 1");
    ret->seq = (uint64_t)seq;
    return 0;
}

static int time_read(value item, struct event *ret, struct err *err) {
    if (!value_is(item, VALUE_STRING))
        return key_bad(err, "time", "is not a text");
    if (clock_parse(value_text(item), &ret->wall_ns, err) < 0)
        return err_wrap(err, "`time`");
    return 0;
}

static int type_read(value item, struct event *ret, struct err *err) {
    ret->type = value_is(item, VALUE_STRING) ? event_type_find(value_text(item)) : EVENT_NONE;
    if (ret->type != EVENT_NONE)
        return 0;
    err_set(err, ERR_INVALID, "unknown type `%.64s`", value_text(item));
    return err_hint(err, "a newer version of runbook may have written it");
}

/* 1: it was one of the head's keys; 0: it was not. */
static int head_read(const char *key, value item, struct event *ret, char ret_prev[65],
                     struct event_head *seen, struct err *err) {
    if (strcmp(key, "v") == 0)
        return seen->v = true, version_read(item, err) < 0 ? -1 : 1;
    if (strcmp(key, "seq") == 0)
        return seen->seq = true, seq_read(item, ret, err) < 0 ? -1 : 1;
    if (strcmp(key, "time") == 0)
        return seen->time = true, time_read(item, ret, err) < 0 ? -1 : 1;
    if (strcmp(key, "mono_ns") == 0)
        return seen->mono_ns = true, integer_read(item, key, &ret->mono_ns, err) < 0 ? -1 : 1;
    if (strcmp(key, "type") == 0)
        return seen->type = true, type_read(item, ret, err) < 0 ? -1 : 1;
    if (strcmp(key, "prev") != 0)
        return 0;
    seen->prev = true;
    if (!is_sha256(item))
        return key_bad(err, key, "is not a SHA-256");
    memcpy(ret_prev, value_text(item), 65);
    return 1;
}

static const struct event_column *column_find(const char *key, size_t length) {
    for (size_t i = 0; i < EVENT_FIELD_COUNT; i++)
        if (event_columns[i].name_length == length &&
            memcmp(event_columns[i].name, key, length) == 0)
            return &event_columns[i];
    return NULL;
}

static int key_unknown(const char *key, struct err *err) {
    const char *names[EVENT_FIELD_COUNT];
    for (size_t i = 0; i < EVENT_FIELD_COUNT; i++)
        names[i] = event_columns[i].name;
    AUTO_BUF shown = BUF_INIT(1024);
    text_fit(&shown, key, strlen(key), 64, true);
    err_set(err, ERR_INVALID, "unknown key `%s`", buf_text(&shown));
    const char *near = text_suggest(key, names, EVENT_FIELD_COUNT);
    if (near)
        err_hint(err, "did you mean `%s`?", near);
    return -1;
}

static int member_read(const struct event_column *column, value item, struct event *ret,
                       struct err *err) {
    void *member = event_member(ret, column);
    switch (column->kind) {
    case EVENT_KIND_TEXT:
        if (!value_is(item, VALUE_STRING) && !value_is(item, VALUE_NULL))
            return key_bad(err, column->name, "is not a text");
        *(const char **)member = value_is(item, VALUE_NULL) ? NULL : value_text(item);
        break;
    case EVENT_KIND_INTEGER:
        if (integer_read(item, column->name, member, err) < 0)
            return -1;
        break;
    case EVENT_KIND_BOOLEAN:
        if (!value_is(item, VALUE_BOOL))
            return key_bad(err, column->name, "is neither true nor false");
        *(bool *)member = value_truth(item);
        break;
    case EVENT_KIND_JSON:
        *(value *)member = item;
        break;
    }
    ret->present |= UINT64_C(1) << (column - event_columns);
    return 0;
}

static int item_read(const char *key, size_t length, value item, struct event *ret,
                     char ret_prev[65], struct event_head *seen, struct err *err) {
    int done = head_read(key, item, ret, ret_prev, seen, err);
    if (done != 0)
        return done < 0 ? -1 : 0;
    const struct event_column *column = column_find(key, length);
    if (!column)
        return key_unknown(key, err);
    return member_read(column, item, ret, err);
}

static int event_complete(const struct event *event, const struct event_head *seen,
                          struct err *err) {
    const char *missing = !seen->v         ? "v"
                          : !seen->seq     ? "seq"
                          : !seen->prev    ? "prev"
                          : !seen->time    ? "time"
                          : !seen->mono_ns ? "mono_ns"
                          : !seen->type    ? "type"
                                           : NULL;
    if (missing)
        return key_bad(err, missing, "is missing");
    uint64_t required = event_type_required(event->type);
    for (uint64_t left = required; left; left &= left - 1) {
        int field = __builtin_ctzll(left);
        const struct event_column *column = &event_columns[field];
        bool missing_field = !(event->present & (UINT64_C(1) << field));
        if (column->kind == EVENT_KIND_TEXT)
            missing_field |= !*(const char *const *)event_member_const(event, column);
        if (missing_field)
            return err_set(err, ERR_INVALID, "`%s` lacks `%s`", event_type_name(event->type),
                           column->name);
    }
    return 0;
}

/* How many members the outermost object has as written: jq keeps the last of doubled keys, and a
 * record that says two things is no record. */
static size_t members_written(const char *line, size_t length) {
    size_t depth = 0, colons = 0;
    bool quoted = false;
    for (size_t i = 0; i < length; i++) {
        char c = line[i];
        if (quoted && c == '\\')
            i++;
        else if (c == '"')
            quoted = !quoted;
        else if (quoted)
            continue;
        else if (c == '{' || c == '[')
            depth++;
        else if (c == '}' || c == ']')
            depth--;
        else if (c == ':' && depth == 1)
            colons++;
    }
    return colons;
}

static int object_read(value object, struct event *ret, char ret_prev[65], struct err *err) {
    struct event_head seen = {0};
    value key, item;
    for (size_t i = 0; value_next(object, &i, &key, &item);) {
        /* The object holds what it yields for as long as it lives. */
        int done =
            item_read(value_text(key), value_text_length(key), item, ret, ret_prev, &seen, err);
        value_free(key);
        value_free(item);
        if (done < 0)
            return -1;
    }
    return event_complete(ret, &seen, err);
}

static int sum_check(const struct event *event, const char *line, size_t length, struct err *err) {
    char sum[DIGEST_TEXT_SIZE];
    if (!EVENT_HAS(event, sum))
        return 0;
    if (length < SUM_LENGTH || memcmp(line + length - SUM_LENGTH, SUM_KEY, sizeof SUM_KEY - 1) != 0)
        return err_set(err, ERR_INVALID, "`sum` is not the last key of the record");
    digest_text(line, length - SUM_LENGTH, sum);
    if (!text_equal(event->sum, sum))
        return err_set(err, ERR_INVALID, "`sum` is not the SHA-256 of the line before it");
    return 0;
}

int event_read(const char *line, size_t length, struct event *ret, value *ret_line_value,
               char ret_prev[65], struct err *err) {
    if (length > 0 && line[length - 1] == '\n')
        length--;
    if (length >= TRANSCRIPT_LINE_MAX)
        return err_set(err, ERR_LIMIT, "the line is longer than %d bytes", TRANSCRIPT_LINE_MAX);
    if (length == 0 || line[0] != '{' || memchr(line, '\0', length))
        return err_set(err, ERR_INVALID, "the line is not a JSON object");
    AUTO_VALUE object = value_none();
    if (value_parse(line, length, &object, err) < 0)
        return -1;
    if (!value_is(object, VALUE_OBJECT))
        return err_set(err, ERR_INVALID, "the line is not a JSON object");
    if (members_written(line, length) != value_count(object))
        return err_set(err, ERR_INVALID, "a key stands twice in the record");
    *ret = (struct event){0};
    if (object_read(object, ret, ret_prev, err) < 0 || sum_check(ret, line, length, err) < 0)
        return -1;
    *ret_line_value = object;
    object = value_none();
    return 0;
}
