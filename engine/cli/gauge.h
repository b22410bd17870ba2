/* How a running step goes that measures something: a sparkline and a line of text. */
#ifndef CLI_GAUGE_H
#define CLI_GAUGE_H

#include "cli/lines.h"
#include "step.h"

/* A column for each of the newest figures, at most `columns`, between 0 and the largest of them;
 * a cross where there is none. */
void gauge_spark(struct buf *out, const double *figures, size_t count, size_t columns,
                 bool unicode);
/* The sparkline and the text, no wider than `columns`. */
void gauge_fit(struct buf *out, const struct step_gauge *gauge, size_t columns, bool unicode);
/* A line of its own: with the sparkline on a terminal, without it in a log. */
void gauge_line(struct buf *out, const char *step, const struct step_gauge *gauge,
                const struct line_style *style);

#endif
