/* What `import` looks for in prose and in commands, as one table of regular expressions. */
#ifndef CLI_IMPORT_PATTERN_H
#define CLI_IMPORT_PATTERN_H

#include "value/match.h"

enum pattern {
    /* Group 1 is the secret. */
    PATTERN_SECRET_URL,
    PATTERN_SECRET_VARIABLE,
    PATTERN_SECRET_SETTING,
    PATTERN_SECRET_TOKEN,
    PATTERN_SECRET_BEARER,
    PATTERN_SECRET_HEADER,
    PATTERN_SECRET_USER,
    PATTERN_SECRET_OPTION,
    PATTERN_SECRET_TOLD,
    /* What only looks like a value: it stays. */
    PATTERN_NO_SECRET,
    /* Names of variables that hold secrets. */
    PATTERN_SECRET_NAME,
    /* A title that says that its step is not always taken. */
    PATTERN_IF,
    PATTERN_IF_NEEDED,
    PATTERN_OR,
    /* Headings and labels of what is looked up, not done. */
    PATTERN_REFERENCE,
    /* Sentences that ask for something to be done. */
    PATTERN_IMPERATIVE,
    PATTERN_RUN_CODE,
    PATTERN_DANGER_WORDS,
    PATTERN_DANGER_COMMAND,
    PATTERN_DANGER_URL,
    PATTERN_READ_COMMAND,
    PATTERN_MAKES_SECRET,
    PATTERN_INTERACTIVE,
    PATTERN_SERVICE,
    PATTERN_ENDLESS,
    PATTERN_OUTSIDE_TRANSACTION,
    PATTERN_LOOKS_LIKE_COMMAND,
    PATTERN_NUMBERED,
    PATTERN_NUMBERED_COMMENT,
    PATTERN_STAGE,
    PATTERN_BANNER,
    PATTERN_WATCH,
    PATTERN_KEEP_DAYS,
    PATTERN_HTTP_LINE,
    PATTERN_HTTP_HEADER,
    PATTERN_HEALTH_URL,
    PATTERN_STATUS_IS,
    PATTERN_PASSED,
    PATTERN_WATCH_TIME,
    PATTERN_PHASE,
    PATTERN_DURATION,
    PATTERN_CLOCK,
    PATTERN_PSQL,
    PATTERN_SETTING_LINE,
    /* In commands: what stands for a value; group 1 is what to call it. */
    PATTERN_PLACE_BRACKETS,
    PATTERN_PLACE_ANGLES,
    PATTERN_PLACE_BRACES,
    PATTERN_PLACE_STAMP,
    PATTERN_PLACE_YOUR,
    PATTERN_PLACE_VERSION,
    PATTERN_PLACE_NAME,
    PATTERN_COUNT,
};

struct patterns;
struct patterns *patterns_new(void);
void patterns_free(struct patterns *patterns);
/* One that takes too long does not match. */
bool pattern_find(const struct patterns *patterns, enum pattern which, const char *text,
                  size_t length, size_t from, struct match_found *ret);
/* Whether it matches somewhere. */
bool pattern_has(const struct patterns *patterns, enum pattern which, const char *text);

#endif
