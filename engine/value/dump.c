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
#define PLACES_MAX 1e9 /* below it thousandths have fewer than 16 digits */
#define NUMBER_MAX ((size_t)32)
#define FEW_MEMBERS ((size_t)16)

/* The object's, which outlives them. */
struct member {
    const char *name; /* asked once, since each look at a value is a few calls */
    size_t length;
    value item;
};

static void dump_by_jq(struct buf *out, value borrowed) {
    AUTO_VALUE json = jv_dump_string(jv_copy(borrowed), JV_PRINT_ASCII | JV_PRINT_SORTED);
    (void)buf_append(out, value_text(json), value_text_length(json));
}

/* Whole thousandths; the number behind it is `count` of them. */
static void dump_thousandths(struct buf *out, uint64_t count, bool is_negative) {
    char digits[32];
    char *end = digits + sizeof digits, *at = end;
    size_t places = 3;
    for (; places && count % 10 == 0; places--)
        count /= 10;
    for (size_t i = 0; i < places; i++, count /= 10)
        *--at = (char)('0' + count % 10);
    if (places)
        *--at = '.';
    do
        *--at = (char)('0' + count % 10);
    while ((count /= 10) != 0);
    if (is_negative)
        *--at = '-';
    (void)buf_append(out, at, (size_t)(end - at));
}

/* Durations in milliseconds have three places: the six of an HTTP answer took libjq, which looks
 * for the shortest digits, as long as all else of its record. Fewer than 16 digits that stand for
 * a double are the shortest that do. */
static void dump_number(struct buf *out, value number) {
    double real = jv_number_value(number), size = fabs(real);
    bool is_whole = size < WHOLE_MAX && size == trunc(size) && (size > 0 || !signbit(real));
    uint64_t count = size < PLACES_MAX ? (uint64_t)(size * 1000 + 0.5) : 0;
    if (is_whole)
        dump_thousandths(out, (uint64_t)size * 1000, real < 0);
    else if (count > 0 && (double)count / 1000 == size)
        dump_thousandths(out, count, real < 0);
    else
        dump_by_jq(out, number);
}

static void dump_bytes(struct buf *out, const char *bytes, size_t length) {
    (void)buf_putc(out, '"');
    json_escape(out, bytes, length);
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
    size_t shorter = left->length < right->length ? left->length : right->length;
    int order = memcmp(left->name, right->name, shorter);
    return order ? order : (left->length > right->length) - (left->length < right->length);
}

/* In place for the few that there mostly are: qsort compares as often and moves twice as much. */
static void members_sort(struct member *members, size_t count) {
    if (count > FEW_MEMBERS) {
        qsort(members, count, sizeof *members, member_compare);
        return;
    }
    for (size_t i = 1; i < count; i++) {
        struct member one = members[i];
        size_t at = i;
        for (; at > 0 && member_compare(&one, &members[at - 1]) < 0; at--)
            members[at] = members[at - 1];
        members[at] = one;
    }
}

static void dump_members(struct buf *out, const struct member *members, size_t count, int depth) {
    (void)buf_putc(out, '{');
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            (void)buf_putc(out, ',');
        dump_bytes(out, members[i].name, members[i].length);
        (void)buf_putc(out, ':');
        dump_nested(out, members[i].item, depth + 2);
    }
    (void)buf_putc(out, '}');
}

/* A copy that libjq gives is given back at once: the object holds what it stands for. */
static void member_read(value object, int place, struct member *ret) {
    value key = jv_object_iter_key(object, place);
    ret->name = jv_string_value(key);
    ret->length = (size_t)jv_string_length_bytes(key);
    ret->item = jv_object_iter_value(object, place);
    jv_free(ret->item);
}

/* libjq counts an object's members by looking at each place for one, as reading them does: so they
 * are not counted first. Returns `few`, or more room, which the caller frees. */
static struct member *members_read(value object, struct member few[FEW_MEMBERS],
                                   size_t *ret_count) {
    struct member *members = few;
    size_t count = 0;
    for (int place = jv_object_iter(object); jv_object_iter_valid(object, place);
         place = jv_object_iter_next(object, place)) {
        if (count == FEW_MEMBERS && members == few) {
            members = mem_calloc(value_count(object), sizeof *members);
            memcpy(members, few, count * sizeof *members);
        }
        member_read(object, place, &members[count++]);
    }
    *ret_count = count;
    return members;
}

static void dump_object(struct buf *out, value object, int depth) {
    struct member few[FEW_MEMBERS] = {0};
    size_t count;
    struct member *members = members_read(object, few, &count);
    members_sort(members, count);
    dump_members(out, members, count, depth);
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
        dump_bytes(out, value_text(borrowed), value_text_length(borrowed));
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

/* ---- how long it is ------------------------------------------------------------------------ */

static size_t text_bound(value text) {
    return value_text_length(text) * (JSON_ESCAPE_MAX / 2) + sizeof "\"\":,";
}

/* No less than its JSON takes; where that is past `most`, some number that is. */
static size_t length_bound(value borrowed, size_t most, int depth);

static size_t items_bound(value array, size_t most, int depth) {
    size_t length = 2, count = value_count(array);
    for (size_t i = 0; length <= most && i < count; i++) {
        AUTO_VALUE item = value_at(array, i);
        length += 1 + length_bound(item, most - length, depth + 1);
    }
    return length;
}

static size_t members_bound(value object, size_t most, int depth) {
    size_t length = 2;
    value key, item;
    for (size_t i = 0; length <= most && value_next(object, &i, &key, &item);) {
        length += text_bound(key);
        if (length <= most)
            length += length_bound(item, most - length, depth + 2);
        value_free(key);
        value_free(item);
    }
    return length;
}

static size_t length_bound(value borrowed, size_t most, int depth) {
    if (depth >= VALUE_DUMP_DEPTH)
        return most + 1;
    switch (value_kind(borrowed)) {
    case VALUE_STRING:
        return text_bound(borrowed);
    case VALUE_ARRAY:
        return items_bound(borrowed, most, depth);
    case VALUE_OBJECT:
        return members_bound(borrowed, most, depth);
    default:
        return NUMBER_MAX;
    }
}

bool value_json_fits(value borrowed, size_t most) {
    /* Most are small, and are not written only to be measured: a third of what that takes. */
    if (length_bound(borrowed, most, 0) <= most)
        return true;
    AUTO_TEXT json = value_to_json(borrowed);
    return strlen(json) <= most;
}

char *value_to_json(value borrowed) {
    struct buf out = BUF_INIT(SIZE_MAX / 4);
    value_dump(&out, borrowed);
    return buf_detach(&out);
}
