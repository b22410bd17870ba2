/* Values: JSON data, held by libjq's reference-counted jv.
 *
 * Every verb borrows its arguments unless its comment says that it takes them; a returned
 * `value` belongs to the caller, who ends it with value_free(). Absence is VALUE_NONE, which is
 * no JSON value and differs from null. */
#ifndef VALUE_VALUE_H
#define VALUE_VALUE_H

#include <jv.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

typedef jv value;

enum value_kind {
    VALUE_NONE,
    VALUE_NULL,
    VALUE_BOOL,
    VALUE_NUMBER,
    VALUE_STRING,
    VALUE_ARRAY,
    VALUE_OBJECT,
};

/* At the end of a thread that used values: frees what is kept for it. */
void value_thread_end(void);

value value_none(void);
value value_null(void);
value value_bool(bool flag);
value value_number(double number);
/* Exact up to 2^53 either side; beyond that a string of digits, so that no digit is lost. */
value value_integer(int64_t number);
value value_string(const char *text); /* NULL becomes null */
/* The same of one of few short words that come again and again, such as constants: it is made once
 * and shared. */
value value_word(const char *text);
/* Broken UTF-8 becomes U+FFFD. */
value value_string_n(const char *text, size_t length);
value value_array(void);
value value_object(void);

value value_copy(value borrowed);
void value_free(value owned);
void value_cleanup(value *owned);
#define AUTO_VALUE __attribute__((cleanup(value_cleanup))) value

enum value_kind value_kind(value borrowed);
bool value_is(value borrowed, enum value_kind kind);
bool value_equal(value a, value b);
/* jq's truth: all but false, null and VALUE_NONE. */
bool value_truth(value borrowed);
/* Borrowed from the string value; "" for other kinds. */
const char *value_text(value borrowed);
size_t value_text_length(value borrowed);
double value_as_number(value borrowed); /* 0 for other kinds */
/* Whether it is a whole number that int64_t holds exactly; digits that value_integer made count. */
bool value_as_integer(value borrowed, int64_t *ret);

size_t value_count(value borrowed); /* elements of an array or object, 0 otherwise */
/* VALUE_NONE where absent or where the kind does not fit. */
value value_get(value object, const char *key);
value value_at(value array, size_t index);
/* Take `object`/`array` and `item`; return the changed container. */
value value_set(value object_taken, const char *key, value item_taken);
value value_append(value array_taken, value item_taken);
value value_remove(value object_taken, const char *key);
/* Members of `over` replace those of `under`; takes both. */
value value_merge(value under_taken, value over_taken);

/* The names of an object's members as an array, in the order of their characters; owned. */
value value_keys(value object);

/* Iterates an object: `for (size_t i = 0; value_next(v, &i, &key, &item);)`; frees nothing:
 * key and item belong to the caller. */
bool value_next(value object, size_t *cursor, value *ret_key, value *ret_item);

/* One JSON text, nothing behind it; nesting is capped at 256, where an object counts as two, as jq
 * does it. Of equal keys the last one counts. Integers beyond 2^53 become strings of their digits;
 * other numbers become the nearest double, and one that is beyond every double is an error. Broken
 * UTF-8 becomes U+FFFD. */
int value_parse(const char *text, size_t length, value *ret, struct err *err) MUST_USE;

/* A value in a JSON text, as it is written. */
struct value_piece {
    const char *text;
    size_t length;
    bool is_plain; /* a string of ASCII without escapes: between its quotes stands what it says */
    bool is_exact; /* an integer of digits alone, at most 2^53 either side */
};
/* Calls back for each member of the object that the text is, in the order of the text and doubled
 * ones too; a negative return ends it. As strict as value_parse, and builds nothing. */
typedef int value_member_fn(void *user, const struct value_piece *key,
                            const struct value_piece *item, struct err *err);
int value_each_member(const char *text, size_t length, value_member_fn *each, void *user,
                      struct err *err) MUST_USE;
/* JSON on one line, ASCII with \u escapes, object keys sorted. What is nested deeper, an object
 * counting as two, becomes the text "[nested too deep]": no reader, ours included, would take it.
 */
#define VALUE_DUMP_DEPTH 240
void value_dump(struct buf *out, value borrowed);
char *value_to_json(value borrowed); /* the caller frees */
/* Whether value_to_json takes no more than `most` bytes. */
bool value_json_fits(value borrowed, size_t most);
/* As text in a template: a string as it is, else JSON. The caller frees. */
char *value_to_text(value borrowed);

#endif
