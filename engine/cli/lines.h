/* Events as lines for people. */
#ifndef CLI_LINES_H
#define CLI_LINES_H

#include "base/buf.h"
#include "journal/event.h"
#include "plan/estimate.h"
#include "report/model.h"
#include "report/text.h"

struct line_style {
    struct text_style text;
    bool live;      /* a terminal that shows running steps elsewhere */
    bool quiet;     /* only what went wrong */
    bool asks;      /* questions are shown where they are answered */
    bool undo_told; /* who chose the rollback has just seen what it undoes */
};

/* Appends the lines that say what happened, escaped; nothing for events that say nothing to a
 * person. `model` has the event applied. */
void line_event(struct buf *out, const struct event *event, const struct model *model,
                const struct line_style *style);

/* What whole runs took before this one. */
void line_expected(struct buf *out, const struct estimate_span *whole,
                   const struct line_style *style);

/* Whether steps of this type consist of others, which speak for themselves. */
bool line_is_container(const char *action);

/* `text` in a colour ("1;31") where colour is on. It is written as it is. */
void line_color(struct buf *out, const struct text_style *style, const char *color,
                const char *text);
/* Foreign text, escaped, its lines indented by `indent` and filled at `columns` (0: not). */
void line_block(struct buf *out, const char *text, const char *indent, size_t columns);
/* Whole seconds, for clocks that tick: "7s", "1m 12s", "2h 03m". */
void line_elapsed(struct buf *out, int64_t ms);

#endif
