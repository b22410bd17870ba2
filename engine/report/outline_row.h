/* What an outline holds; private to it and to its text. */
#ifndef REPORT_OUTLINE_ROW_H
#define REPORT_OUTLINE_ROW_H

#include "plan/estimate.h"
#include "report/outline.h"

struct outline_rows {
    struct outline_row *items;
    size_t count, capacity;
};

/* A step as it is told: what a line of text shows of it, from which its JSON is made, too. No value
 * of libjq is made of what nearly every step has: that made `plan` three times as long. */
struct outline_row {
    const struct step *step;
    const char *path; /* "outer/inner" */
    const char *effect;
    const char *target;                  /* as it is written; NULL: here */
    const char *skipped;                 /* why it is left out, or NULL */
    char *gist;                          /* what it does in one line */
    const struct objectives *objectives; /* its own, or the called runbook's; or NULL */
    struct estimate_span expected;
    bool is_expected;
    uint32_t depth, wave;
    value gate, losses;        /* VALUE_NONE: none */
    value details;             /* the rest of its JSON; VALUE_NONE in a brief outline */
    struct outline_rows steps; /* those that stand in it, of a brief outline */
};

struct outline {
    bool is_brief;
    value told; /* what `plan --json` prints, of a brief outline without the steps */
    struct outline_rows steps, finally; /* of a brief outline */
    struct arena *arena;                /* of the rows' texts */
};

#endif
