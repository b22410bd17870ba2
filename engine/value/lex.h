/* The words of a jq expression, each with its place in the text.
 *
 * What a scan accepts has balanced brackets and complete strings, holds no NUL and no character
 * that jq does not know; rewritten word by word it cannot leave the place it is put into. */
#ifndef VALUE_LEX_H
#define VALUE_LEX_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/vec.h"

/* Where a text stands. A later line's columns count from `base`: in a block scalar all lines
 * start in the column of the first; where the scalar is folded or quoted that is a guess. */
struct lex_origin {
    struct span at; /* of the first character */
    uint32_t base;
};
struct span lex_span(const struct lex_origin *origin, const char *text, size_t offset,
                     size_t length);
/* The origin of what begins at `offset` inside the text. */
struct lex_origin lex_origin_inside(const struct lex_origin *origin, const char *text,
                                    size_t offset);

enum lex_kind {
    LEX_FIELD,        /* .name */
    LEX_STRING,       /* "…" without interpolation */
    LEX_STRING_OPEN,  /* "…\( */
    LEX_STRING_MID,   /* )…\( */
    LEX_STRING_CLOSE, /* )…" */
    LEX_NAME,         /* a function or a keyword */
    LEX_VARIABLE,     /* $name */
    LEX_FORMAT,       /* @base64 */
    LEX_NUMBER,
    LEX_OPEN,  /* ( [ { */
    LEX_CLOSE, /* ) ] } */
    LEX_SIGN,  /* every other operator, `.` and `..` too */
};

struct lex_token {
    enum lex_kind kind;
    size_t offset;
    size_t length;
};

struct lex {
    const char *text; /* borrowed */
    VEC(struct lex_token) tokens;
};

#define LEX_LENGTH_MAX 65536
#define LEX_DEPTH_MAX 128
#define LEX_RESERVED "__rb" /* what the engine's own names in a program begin with */

/* Words up to the end, or, with `until_braces`, up to the `}}` outside of strings and brackets;
 * *ret_end is then its offset, `length` where there is none. */
int lex_scan(struct lex *lex, const char *text, size_t length, bool until_braces,
             const struct lex_origin *origin, size_t *ret_end, struct err *err) MUST_USE;
void lex_release(struct lex *lex);
#define AUTO_LEX __attribute__((cleanup(lex_release))) struct lex

/* Token `index`, or one of length 0 behind the last. */
struct lex_token lex_at(const struct lex *lex, size_t index);
bool lex_is(const struct lex *lex, size_t index, const char *word);
/* Whether it ends a term, so that a field or bracket right behind it is a suffix. */
bool lex_ends_term(const struct lex *lex, size_t index);

/* A key that is written out: `.name`, `."name"` or `["name"]` (`[` only behind a term or `.`),
 * starting at `index`. Yields the name without quotes (only names without escapes) and how many
 * tokens it took, 0 where there is none. */
size_t lex_key(const struct lex *lex, size_t index, const char **ret_name, size_t *ret_length);

/* Refuses the words that jq has and runbooks do not: what reads the environment, the input or
 * modules, and what prints or ends the process. */
int lex_refuse_words(const struct lex *lex, const struct lex_origin *origin,
                     struct err *err) MUST_USE;

#endif
