/* Regular expressions: PCRE2 with UTF and Unicode classes, on any bytes (broken UTF-8 matches
 * nothing), with limits: a search ends after about 2 s. `$` also matches in front of a final
 * newline, as everywhere in PCRE2. */
#ifndef VALUE_MATCH_H
#define VALUE_MATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct match;

/* `at` is where the pattern's first character stands; a bad one's error has its span moved to the
 * offending character. */
int match_new(const char *pattern, struct span at, struct match **ret, struct err *err) MUST_USE;
void match_free(struct match *match);
const char *match_pattern(const struct match *match);

/* 1 where it matches (group 0 and 1 as offsets; 1 is empty and -1 where there is none), 0 where
 * not, -1 where a limit was reached. */
struct match_found {
    size_t start, end;
    size_t group_start, group_end;
    bool has_group;
};
int match_find(const struct match *match, const char *text, size_t length, size_t from,
               struct match_found *ret, struct err *err) MUST_USE;
/* Whether a pattern of the engine's own, which is asked once, is found. By interpretation: making
 * machine code of it would be a fifth of what `check` of a small file does besides being loaded. */
bool match_once(const char *pattern, const char *text, size_t length) MUST_USE;

#endif
