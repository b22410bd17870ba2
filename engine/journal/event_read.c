#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "journal/event.h"
#include "secret/digest.h"

/* How a line with a `sum` ends: `,"sum":"<64 digits>"}` */
#define SUM_KEY ",\"sum\":\""
#define SUM_LENGTH (sizeof SUM_KEY - 1 + 64 + 2)

/* A line as it is being read. */
struct reading {
    struct event *event;
    struct event_body *body;
    char *prev;
    char *text_at; /* where the next text goes */
    uint64_t wanted;
    uint64_t fields; /* EVENT_BIT()s of those that were read */
    unsigned heads;  /* the same of the keys in front of them, by their place in `heads` */
    size_t column;   /* that comes next where the record is in the usual order */
};

static int key_bad(struct err *err, const char *key, const char *what) {
    return err_set(err, ERR_INVALID, "`%s` %s", key, what);
}

/* ---- values -------------------------------------------------------------------------------- */

static bool is_string(const struct value_piece *item) {
    return *item->text == '"';
}

static bool is_null(const struct value_piece *item) {
    return *item->text == 'n';
}

static void text_keep(struct reading *reading, const char *text, size_t length, const char **ret) {
    memcpy(reading->text_at, text, length);
    reading->text_at[length] = '\0';
    *ret = reading->text_at;
    reading->text_at += length + 1;
}

/* What the string says. What is unusual in it value_parse knows. */
static int string_read(struct reading *reading, const struct value_piece *item, const char **ret,
                       size_t *ret_length, struct err *err) {
    if (item->is_plain) {
        *ret_length = item->length - 2;
        text_keep(reading, item->text + 1, *ret_length, ret);
        return 0;
    }
    AUTO_VALUE parsed = value_none();
    if (value_parse(item->text, item->length, &parsed, err) < 0)
        return -1;
    *ret_length = value_text_length(parsed);
    text_keep(reading, value_text(parsed), *ret_length, ret);
    return 0;
}

/* No more digits than an int64_t holds. */
static int64_t digits_read(const char *text, size_t length) {
    const bool is_negative = *text == '-';
    int64_t number = 0;
    for (size_t i = is_negative; i < length; i++)
        number = 10 * number + (text[i] - '0');
    return is_negative ? -number : number;
}

static bool number_read(const struct value_piece *item, int64_t *ret) {
    AUTO_VALUE parsed = value_none();
    return value_parse(item->text, item->length, &parsed, NULL) == 0 &&
           value_is(parsed, VALUE_NUMBER) && value_as_integer(parsed, ret);
}

static int integer_read(const struct value_piece *item, const char *key, int64_t *ret,
                        struct err *err) {
    if (item->is_exact)
        *ret = digits_read(item->text, item->length);
    else if (!number_read(item, ret))
        return key_bad(err, key, "is not an integer below 2^53");
    if (*ret > EVENT_INTEGER_MAX || *ret < -EVENT_INTEGER_MAX)
        return key_bad(err, key, "is not an integer below 2^53");
    return 0;
}

/* ---- what stands in front of the fields of every record ------------------------------------ */

static int version_read(struct reading *reading, const struct value_piece *item, struct err *err) {
    int64_t version = 0;
    (void)reading;
    if (integer_read(item, "v", &version, err) < 0)
        return -1;
    if (version == TRANSCRIPT_VERSION)
        return 0;
    err_set(err, ERR_INVALID, "the record has version %lld, and this engine reads version %d",
            (long long)version, TRANSCRIPT_VERSION);
    return err_hint(err, "read it with the version of runbook that wrote it");
}

static int seq_read(struct reading *reading, const struct value_piece *item, struct err *err) {
    int64_t seq = 0;
    if (integer_read(item, "seq", &seq, err) < 0)
        return -1;
    if (seq < 1)
        return key_bad(err, "seq", "counts from 1");
    reading->event->seq = (uint64_t)seq;
    return 0;
}

static int prev_read(struct reading *reading, const struct value_piece *item, struct err *err) {
    const char *text = "";
    size_t length = 0;
    if (is_string(item) && string_read(reading, item, &text, &length, err) < 0)
        return -1;
    if (length != 64 || strspn(text, "0123456789abcdef") != 64)
        return key_bad(err, "prev", "is not a SHA-256");
    memcpy(reading->prev, text, 65);
    return 0;
}

static int time_read(struct reading *reading, const struct value_piece *item, struct err *err) {
    const char *text;
    size_t length;
    if (!is_string(item))
        return key_bad(err, "time", "is not a text");
    if (string_read(reading, item, &text, &length, err) < 0)
        return -1;
    if (clock_parse(text, &reading->event->wall_ns, err) < 0)
        return err_wrap(err, "`time`");
    return 0;
}

static int mono_read(struct reading *reading, const struct value_piece *item, struct err *err) {
    return integer_read(item, "mono_ns", &reading->event->mono_ns, err);
}

static int type_read(struct reading *reading, const struct value_piece *item, struct err *err) {
    const char *text = "";
    size_t length;
    if (is_string(item) && string_read(reading, item, &text, &length, err) < 0)
        return -1;
    reading->event->type = event_type_find(text);
    if (reading->event->type != EVENT_NONE)
        return 0;
    err_set(err, ERR_INVALID, "unknown type `%.64s`", text);
    return err_hint(err, "a newer version of runbook may have written it");
}

static const struct head {
    const char *name;
    size_t length;
    int (*read)(struct reading *reading, const struct value_piece *item, struct err *err);
} heads[] = {
    {"v", 1, version_read}, {"seq", 3, seq_read},      {"prev", 4, prev_read},
    {"time", 4, time_read}, {"mono_ns", 7, mono_read}, {"type", 4, type_read},
};
#define HEADS (sizeof heads / sizeof *heads)
#define HEADS_ALL ((1U << HEADS) - 1)

static int key_twice(struct err *err) {
    return err_set(err, ERR_INVALID, "a key stands twice in the record");
}

/* HEADS where it is none of them. */
static size_t head_find(const char *key, size_t length) {
    size_t i = 0;
    while (i < HEADS && (heads[i].length != length || memcmp(heads[i].name, key, length) != 0))
        i++;
    return i;
}

static int head_read(struct reading *reading, size_t head, const struct value_piece *item,
                     struct err *err) {
    if (reading->heads >> head & 1)
        return key_twice(err);
    reading->heads |= 1U << head;
    return heads[head].read(reading, item, err);
}

/* ---- its fields ---------------------------------------------------------------------------- */

/* Keys stand in the order of the columns, so that the search for one goes on where that for the
 * one before it ended: 0.2 us a record, against 1.1 with each from the first. */
static const struct event_column *column_find(struct reading *reading, const char *key,
                                              size_t length) {
    size_t i = reading->column;
    for (size_t left = EVENT_FIELD_COUNT; left > 0; left--) {
        const struct event_column *column = &event_columns[i];
        i = i + 1 < EVENT_FIELD_COUNT ? i + 1 : 0;
        if (column->name_length != length || memcmp(column->name, key, length) != 0)
            continue;
        reading->column = i;
        return column;
    }
    return NULL;
}

static int key_unknown(const char *key, size_t length, struct err *err) {
    if (head_find(key, length) < HEADS)
        return key_twice(err);
    const char *names[EVENT_FIELD_COUNT];
    for (size_t i = 0; i < EVENT_FIELD_COUNT; i++)
        names[i] = event_columns[i].name;
    AUTO_BUF shown = BUF_INIT(1024);
    text_fit(&shown, key, length, 64, true);
    err_set(err, ERR_INVALID, "unknown key `%s`", buf_text(&shown));
    AUTO_TEXT word = mem_strndup(key, length);
    const char *near = text_suggest(word, names, EVENT_FIELD_COUNT);
    if (near)
        err_hint(err, "did you mean `%s`?", near);
    return -1;
}

static int text_read(struct reading *reading, const struct event_column *column,
                     const struct value_piece *item, struct err *err) {
    const char **member = event_member(reading->event, column);
    size_t length;
    if (is_null(item))
        return *member = NULL, 0;
    if (!is_string(item))
        return key_bad(err, column->name, "is not a text");
    return string_read(reading, item, member, &length, err);
}

static int boolean_read(struct reading *reading, const struct event_column *column,
                        const struct value_piece *item, struct err *err) {
    if (*item->text != 't' && *item->text != 'f')
        return key_bad(err, column->name, "is neither true nor false");
    *(bool *)event_member(reading->event, column) = *item->text == 't';
    return 0;
}

static int json_read(struct reading *reading, const struct event_column *column,
                     const struct value_piece *item, struct err *err) {
    struct event_body *body = reading->body;
    value *member = event_member(reading->event, column);
    if (value_parse(item->text, item->length, member, err) < 0)
        return -1;
    body->values[body->value_count++] = *member;
    return 0;
}

static int column_read(struct reading *reading, const struct event_column *column,
                       const struct value_piece *item, struct err *err) {
    switch (column->kind) {
    case EVENT_KIND_TEXT:
        return text_read(reading, column, item, err);
    case EVENT_KIND_INTEGER:
        return integer_read(item, column->name, event_member(reading->event, column), err);
    case EVENT_KIND_BOOLEAN:
        return boolean_read(reading, column, item, err);
    case EVENT_KIND_JSON:
        return json_read(reading, column, item, err);
    }
    return -1;
}

static int field_read(struct reading *reading, const struct event_column *column,
                      const struct value_piece *item, struct err *err) {
    const uint64_t bit = UINT64_C(1) << (column - event_columns);
    if (reading->fields & bit)
        return key_twice(err);
    reading->fields |= bit;
    if (column->kind == EVENT_KIND_JSON && !(reading->wanted & bit))
        return 0;
    reading->event->present |= bit;
    return column_read(reading, column, item, err);
}

static int member_read(void *user, const struct value_piece *key, const struct value_piece *item,
                       struct err *err) {
    struct reading *reading = user;
    const char *name = key->text + 1;
    size_t length = key->length - 2;
    if (!key->is_plain && string_read(reading, key, &name, &length, err) < 0)
        return -1;
    /* Behind the head stand fields alone. */
    const size_t head = reading->heads == HEADS_ALL ? HEADS : head_find(name, length);
    if (head < HEADS)
        return head_read(reading, head, item, err);
    const struct event_column *column = column_find(reading, name, length);
    return column ? field_read(reading, column, item, err) : key_unknown(name, length, err);
}

static int event_complete(const struct reading *reading, struct err *err) {
    const struct event *event = reading->event;
    for (size_t i = 0; i < HEADS; i++)
        if (!(reading->heads >> i & 1))
            return key_bad(err, heads[i].name, "is missing");
    for (uint64_t left = event_type_required(event->type); left; left &= left - 1) {
        int field = __builtin_ctzll(left);
        const struct event_column *column = &event_columns[field];
        bool missing_field = !(reading->fields & (UINT64_C(1) << field));
        if (column->kind == EVENT_KIND_TEXT)
            missing_field |= !*(const char *const *)event_member_const(event, column);
        if (missing_field)
            return err_set(err, ERR_INVALID, "`%s` lacks `%s`", event_type_name(event->type),
                           column->name);
    }
    return 0;
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

/* ---- a line -------------------------------------------------------------------------------- */

static void body_clear(struct event_body *body) {
    while (body->value_count > 0)
        value_free(body->values[--body->value_count]);
}

void event_body_release(struct event_body *body) {
    body_clear(body);
    mem_free(body->texts);
    *body = (struct event_body){0};
}

/* A byte that is no UTF-8 becomes three; the two quotes leave room for the NUL. */
static void body_reserve(struct event_body *body, size_t length) {
    if (body->capacity >= 3 * length)
        return;
    mem_free(body->texts);
    body->capacity = 3 * length;
    body->texts = mem_alloc(body->capacity);
}

int event_read(const char *line, size_t length, uint64_t wanted, struct event_body *body,
               struct event *ret, char ret_prev[65], struct err *err) {
    if (length > 0 && line[length - 1] == '\n')
        length--;
    if (length >= TRANSCRIPT_LINE_MAX)
        return err_set(err, ERR_LIMIT, "the line is longer than %d bytes", TRANSCRIPT_LINE_MAX);
    if (length == 0 || line[0] != '{' || memchr(line, '\0', length))
        return err_set(err, ERR_INVALID, "the line is not a JSON object");
    body_clear(body);
    body_reserve(body, length);
    *ret = (struct event){0};
    struct reading reading = {
        .event = ret, .body = body, .prev = ret_prev, .text_at = body->texts, .wanted = wanted};
    if (value_each_member(line, length, member_read, &reading, err) < 0 ||
        event_complete(&reading, err) < 0)
        return -1;
    return sum_check(ret, line, length, err);
}
