/* Words for what stands in an outline: the same for text and page. */
#ifndef REPORT_OUTLINE_WORDS_H
#define REPORT_OUTLINE_WORDS_H

#include "value/value.h"

/* Calls back for each step, also those that stand in others, in the order of the plan. `phase` is
 * "run" or "finally". */
void outline_each_step(value outline, void (*each)(void *user, const char *phase, value step),
                       void *user);

int64_t outline_integer(value object, const char *key); /* 0 where it is none */
bool outline_has(value object, const char *key);
/* "2 of dba, lead", "anybody", "a person, by hand"; of a gate; the caller frees. */
char *outline_openers(value gate);
/* What a field is that is not known, in words; NULL where it is. */
const char *outline_mark(value fact);
/* "the environment variable TOKEN", "the file x", "the command pass show x"; the caller frees. */
char *outline_secret_source(value secret);
/* What a step does in one line: its title, or else the first of its lines, or the list that it
 * loops over; each may be NULL. The caller frees. */
char *outline_gist(const char *title, const char *line, const char *list);

/* "profile drill, every 30d; none is known to have succeeded: one is due". The caller frees. */
char *outline_drill(value drill);

#endif
