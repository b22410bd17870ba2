#include "value/value.h"

#include <limits.h>
#include <math.h>

#include "base/mem.h"
#include "base/text.h"

#define EXACT_MAX (INT64_C(1) << 53)

value value_none(void) {
    return jv_invalid();
}

value value_null(void) {
    return jv_null();
}

value value_bool(bool flag) {
    return jv_bool(flag);
}

value value_number(double number) {
    return jv_number(number);
}

value value_integer(int64_t number) {
    if (number >= -EXACT_MAX && number <= EXACT_MAX)
        return jv_number((double)number);
    AUTO_TEXT digits = mem_printf("%lld", (long long)number);
    return jv_string(digits);
}

value value_string(const char *text) {
    return text ? value_string_n(text, strlen(text)) : jv_null();
}

/* libjq counts in int and doubles what it allocates: a longer text would overflow inside it. */
#define STRING_MAX ((size_t)INT_MAX / 4)

value value_string_n(const char *text, size_t length) {
    if (length > STRING_MAX)
        length = STRING_MAX;
    return jv_string_sized(length ? text : "", (int)length);
}

value value_array(void) {
    return jv_array();
}

value value_object(void) {
    return jv_object();
}

value value_copy(value borrowed) {
    return jv_copy(borrowed);
}

void value_free(value owned) {
    jv_free(owned);
}

void value_cleanup(value *owned) {
    jv_free(*owned);
    *owned = jv_invalid();
}

enum value_kind value_kind(value borrowed) {
    switch (jv_get_kind(borrowed)) {
    case JV_KIND_NULL:
        return VALUE_NULL;
    case JV_KIND_FALSE:
    case JV_KIND_TRUE:
        return VALUE_BOOL;
    case JV_KIND_NUMBER:
        return VALUE_NUMBER;
    case JV_KIND_STRING:
        return VALUE_STRING;
    case JV_KIND_ARRAY:
        return VALUE_ARRAY;
    case JV_KIND_OBJECT:
        return VALUE_OBJECT;
    case JV_KIND_INVALID:
        break;
    }
    return VALUE_NONE;
}

bool value_is(value borrowed, enum value_kind kind) {
    return value_kind(borrowed) == kind;
}

bool value_equal(value a, value b) {
    bool none_a = value_is(a, VALUE_NONE), none_b = value_is(b, VALUE_NONE);
    if (none_a || none_b)
        return none_a && none_b;
    return jv_equal(jv_copy(a), jv_copy(b));
}

bool value_truth(value borrowed) {
    jv_kind kind = jv_get_kind(borrowed);
    return kind != JV_KIND_INVALID && kind != JV_KIND_NULL && kind != JV_KIND_FALSE;
}

const char *value_text(value borrowed) {
    return value_is(borrowed, VALUE_STRING) ? jv_string_value(borrowed) : "";
}

size_t value_text_length(value borrowed) {
    if (!value_is(borrowed, VALUE_STRING))
        return 0;
    return (size_t)jv_string_length_bytes(jv_copy(borrowed));
}

double value_as_number(value borrowed) {
    return value_is(borrowed, VALUE_NUMBER) ? jv_number_value(borrowed) : 0;
}

/* Reads back what value_integer wrote as digits: canonical, and too large for a double. */
static bool digits_as_integer(const char *text, int64_t *ret) {
    char *end = NULL;
    long long number = strtoll(text, &end, 10);
    if (number >= -EXACT_MAX && number <= EXACT_MAX)
        return false;
    AUTO_TEXT digits = mem_printf("%lld", number);
    if (!text_equal(digits, text))
        return false;
    *ret = number;
    return true;
}

bool value_as_integer(value borrowed, int64_t *ret) {
    if (value_is(borrowed, VALUE_STRING))
        return value_text_length(borrowed) <= 20 && digits_as_integer(value_text(borrowed), ret);
    if (!value_is(borrowed, VALUE_NUMBER))
        return false;
    double number = jv_number_value(borrowed);
    /* 2^63 itself is a double and does not fit; the bounds also refuse NaN. */
    if (!(number >= -0x1p63 && number < 0x1p63) || number != trunc(number))
        return false;
    *ret = (int64_t)number;
    return true;
}

size_t value_count(value borrowed) {
    if (value_is(borrowed, VALUE_ARRAY))
        return (size_t)jv_array_length(jv_copy(borrowed));
    if (value_is(borrowed, VALUE_OBJECT))
        return (size_t)jv_object_length(jv_copy(borrowed));
    return 0;
}

/* Names of members are few and come again and again, mostly as the same constants: as libjq's
 * strings they are made once, and their hashes computed once. By address, since that is the
 * cheapest to look at; what stands there may have changed since. */
#define KEYS_KEPT 256 /* a power of two */
#define KEY_MAX 48

static _Thread_local struct {
    const char *at; /* NULL: the slot is empty */
    value key;
} kept[KEYS_KEPT];

/* The same by what they say: names that come from outside, such as those of an answer's headers,
 * stand elsewhere each time. To make the string and its hash is 700 instructions, this is 100. */
static _Thread_local struct {
    bool is_taken;
    value key;
} words[KEYS_KEPT];

void value_thread_end(void) {
    for (size_t i = 0; i < KEYS_KEPT; i++) {
        if (kept[i].at)
            jv_free(kept[i].key);
        kept[i].at = NULL;
        if (words[i].is_taken)
            jv_free(words[i].key);
        words[i].is_taken = false;
    }
}

/* Of a text of at most KEY_MAX bytes. */
static value word_of(const char *text) {
    uint32_t hash = 2166136261; /* FNV-1a */
    for (const char *c = text; *c; c++)
        hash = (hash ^ (unsigned char)*c) * 16777619;
    const size_t slot = (hash ^ hash >> 16) & (KEYS_KEPT - 1);
    if (words[slot].is_taken && strcmp(jv_string_value(words[slot].key), text) == 0)
        return jv_copy(words[slot].key);
    if (words[slot].is_taken)
        jv_free(words[slot].key);
    words[slot].is_taken = true;
    words[slot].key = jv_string(text);
    return jv_copy(words[slot].key);
}

static value key_of(const char *text) {
    const uintptr_t at = (uintptr_t)text;
    const size_t slot = (at ^ at >> 8) & (KEYS_KEPT - 1);
    if (kept[slot].at == text && strcmp(jv_string_value(kept[slot].key), text) == 0)
        return jv_copy(kept[slot].key);
    if (strlen(text) > KEY_MAX)
        return jv_string(text);
    value key = word_of(text);
    if (kept[slot].at)
        jv_free(kept[slot].key);
    kept[slot].at = text;
    kept[slot].key = jv_copy(key);
    return key;
}

value value_word(const char *text) {
    return key_of(text);
}

value value_get(value object, const char *key) {
    if (!value_is(object, VALUE_OBJECT))
        return jv_invalid();
    return jv_object_get(jv_copy(object), key_of(key));
}

value value_at(value array, size_t index) {
    if (!value_is(array, VALUE_ARRAY) || index >= value_count(array))
        return jv_invalid();
    return jv_array_get(jv_copy(array), (int)index);
}

value value_set(value object_taken, const char *key, value item_taken) {
    return jv_object_set(object_taken, key_of(key), item_taken);
}

value value_append(value array_taken, value item_taken) {
    return jv_array_append(array_taken, item_taken);
}

value value_remove(value object_taken, const char *key) {
    return jv_object_delete(object_taken, key_of(key));
}

value value_merge(value under_taken, value over_taken) {
    return jv_object_merge(under_taken, over_taken);
}

/* The cursor is libjq's iterator plus one, so that 0 begins. */
value value_keys(value object) {
    return value_is(object, VALUE_OBJECT) ? jv_keys(jv_copy(object)) : value_array();
}

bool value_next(value object, size_t *cursor, value *ret_key, value *ret_item) {
    if (!value_is(object, VALUE_OBJECT))
        return false;
    int slot = *cursor ? jv_object_iter_next(object, (int)*cursor - 1) : jv_object_iter(object);
    if (!jv_object_iter_valid(object, slot))
        return false;
    *cursor = (size_t)slot + 1;
    *ret_key = jv_object_iter_key(object, slot);
    *ret_item = jv_object_iter_value(object, slot);
    return true;
}

char *value_to_text(value borrowed) {
    if (!value_is(borrowed, VALUE_STRING))
        return value_to_json(borrowed);
    return mem_strndup(value_text(borrowed), value_text_length(borrowed));
}
