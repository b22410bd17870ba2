/* Text as people and shells see it: UTF-8, durations, sizes, quoting, suggestions. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"

/* NULL equals only NULL. */
static inline bool text_equal(const char *a, const char *b) {
    if (!a || !b)
        return a == b;
    /* Most texts that differ do so at once: without the call a plan of 10,000 commands, each looked
     * up in lists of words, takes 6 % less. */
    return *a == *b && strcmp(a, b) == 0;
}
/* Whether it is one of them; NULL is not. */
bool text_is_among(const char *text, const char *const *words, size_t count);
bool text_starts_with(const char *text, const char *prefix);
bool text_ends_with(const char *text, const char *suffix);

/* Decodes one character; returns its bytes (1..4), or 0 with *ret = 0xFFFD where it is not UTF-8.
 */
size_t text_decode(const char *text, size_t length, uint32_t *ret_codepoint);
bool text_is_utf8(const char *text, size_t length);
size_t text_characters(const char *text, size_t length);
/* Terminal columns: 0 for combining, 2 for wide characters. */
size_t text_width(const char *text, size_t length);

/* Appends what may be shown on a terminal or page: control characters, escape sequences, bidi
 * marks and broken UTF-8 become visible escapes (\e, \x9b, \u202e); a newline becomes \n unless
 * `keep_newlines`; tabs become spaces. */
void text_escape(struct buf *out, const char *text, size_t length, bool keep_newlines);
/* As text_escape on one line, cut to `columns` with an ellipsis where longer. */
void text_fit(struct buf *out, const char *text, size_t length, size_t columns, bool unicode);

/* [a-z_][a-z0-9_]* */
bool text_is_identifier(const char *text, size_t length);

/* "500ms", "10s", "5m", "4h", "30d" and sums such as "1h30m"; milliseconds; at most 100 years. */
int text_parse_duration(const char *text, int64_t *ret_ms, struct err *err) MUST_USE;
/* The shortest exact form: 90000 is "1m30s". The caller frees. */
char *text_format_duration(int64_t ms);
/* For people, about three digits: "412 ms", "3.2 s", "4m 05s", "2h 03m". The caller frees. */
char *text_show_duration(int64_t ms);
/* "64KiB", "5GiB", "10MB", "123": bytes. */
int text_parse_size(const char *text, int64_t *ret_bytes, struct err *err) MUST_USE;
char *text_show_size(int64_t bytes);

/* Appends `word` quoted so that a POSIX shell reads it back unchanged; bare where it is safe. */
void text_shell_quote(struct buf *out, const char *word);

/* Damerau-Levenshtein distance, at most `limit` + 1. */
size_t text_distance(const char *a, const char *b, size_t limit);
/* The candidate nearest to `word` that a person may have meant, or NULL. */
const char *text_suggest(const char *word, const char *const *candidates, size_t count);

#endif
