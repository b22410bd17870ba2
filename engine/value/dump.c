#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "value/json.h"
#include "value/value.h"

/* The same bytes as jv_dump_string() with JV_PRINT_ASCII and JV_PRINT_SORTED, in a third of the
 * time: each record of a transcript holds a few small values, and libjq builds a string, a list of
 * keys and a number context for each. Numbers that are not whole are left to libjq. */
#define WHOLE_MAX 1e15
#define FEW_MEMBERS ((size_t)16)

struct member {
    value key, item;
};

static void dump_by_jq(struct buf *out, value borrowed) {
    AUTO_VALUE json = jv_dump_string(jv_copy(borrowed), JV_PRINT_ASCII | JV_PRINT_SORTED);
    (void)buf_append(out, value_text(json), value_text_length(json));
}

static void dump_number(struct buf *out, value number) {
    double real = jv_number_value(number);
    if (!(fabs(real) < WHOLE_MAX) || real != trunc(real) || (real == 0 && signbit(real))) {
        dump_by_jq(out, number);
        return;
    }
    char digits[24];
    char *at = digits + sizeof digits;
    uint64_t left = (uint64_t)fabs(real);
    do
        *--at = (char)('0' + left % 10);
    while ((left /= 10) != 0);
    if (real < 0)
        *--at = '-';
    (void)buf_append(out, at, (size_t)(digits + sizeof digits - at));
}

static void dump_string(struct buf *out, value string) {
    (void)buf_putc(out, '"');
    json_escape(out, value_text(string), value_text_length(string));
    (void)buf_putc(out, '"');
}

static void dump_nested(struct buf *out, value borrowed, int depth);

static void dump_array(struct buf *out, value array, int depth) {
    size_t count = value_count(array);
    (void)buf_putc(out, '[');
    for (size_t i = 0; i < count; i++) {
        AUTO_VALUE item = value_at(array, i);
        if (i > 0)
            (void)buf_putc(out, ',');
        dump_nested(out, item, depth + 1);
    }
    (void)buf_putc(out, ']');
}

static int member_compare(const void *a, const void *b) {
    const struct member *left = a, *right = b;
    size_t left_length = value_text_length(left->key), right_length = value_text_length(right->key);
    size_t shorter = left_length < right_length ? left_length : right_length;
    int order = memcmp(value_text(left->key), value_text(right->key), shorter);
    return order ? order : (left_length > right_length) - (left_length < right_length);
}

static void dump_members(struct buf *out, const struct member *members, size_t count, int depth) {
    (void)buf_putc(out, '{');
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            (void)buf_putc(out, ',');
        dump_string(out, members[i].key);
        (void)buf_putc(out, ':');
        dump_nested(out, members[i].item, depth + 1);
    }
    (void)buf_putc(out, '}');
}

static void dump_object(struct buf *out, value object, int depth) {
    struct member few[FEW_MEMBERS], *members = few;
    size_t count = value_count(object), found = 0;
    if (count > FEW_MEMBERS)
        members = mem_calloc(count, sizeof *members);
    for (size_t i = 0;
         found < count && value_next(object, &i, &members[found].key, &members[found].item);)
        found++;
    if (found > 1)
        qsort(members, found, sizeof *members, member_compare);
    dump_members(out, members, found, depth);
    for (size_t i = 0; i < found; i++) {
        value_free(members[i].key);
        value_free(members[i].item);
    }
    if (members != few)
        mem_free(members);
}

static void dump_nested(struct buf *out, value borrowed, int depth) {
    switch (value_kind(borrowed)) {
    case VALUE_NONE:
    case VALUE_NULL:
        (void)buf_puts(out, "null");
        break;
    case VALUE_BOOL:
        (void)buf_puts(out, value_truth(borrowed) ? "true" : "false");
        break;
    case VALUE_NUMBER:
        dump_number(out, borrowed);
        break;
    case VALUE_STRING:
        dump_string(out, borrowed);
        break;
    default:
        if (depth >= VALUE_DUMP_DEPTH)
            (void)buf_puts(out, "\"[nested too deep]\"");
        else if (value_is(borrowed, VALUE_ARRAY))
            dump_array(out, borrowed, depth);
        else
            dump_object(out, borrowed, depth);
        break;
    }
}

void value_dump(struct buf *out, value borrowed) {
    size_t start = out->length;
    bool full = out->overflow;
    out->overflow = false;
    dump_nested(out, borrowed, 0);
    if (out->overflow && out->data) {
        /* All or nothing, as every append. */
        out->length = start;
        out->data[start] = '\0';
    }
    out->overflow |= full;
}

char *value_to_json(value borrowed) {
    struct buf out = BUF_INIT(SIZE_MAX / 4);
    value_dump(&out, borrowed);
    return buf_detach(&out);
}
