/* What is worth telling of a run moment by moment: a fold over its events, as the model is. That a
 * step began and succeeded is told by the table of steps. */
#ifndef REPORT_TIMELINE_H
#define REPORT_TIMELINE_H

#include "base/vec.h"
#include "journal/event.h"

/* Of what happened to single steps no more is kept; the rest is counted. */
#define TIMELINE_STEPS_MAX ((size_t)1000)

struct timeline_item {
    int64_t wall_ns;
    const char *type; /* of the record */
    char *step;       /* NULL: it is about the run */
    char *text;       /* foreign, on lines of its own */
};

struct timeline {
    VEC(struct timeline_item) items;
    size_t of_steps, dropped;
};

void timeline_apply(struct timeline *timeline, const struct event *event);
void timeline_release(struct timeline *timeline);

#endif
