/* A plan's graph as a picture: Graphviz lays it out. */
#ifndef CLI_DRAWING_H
#define CLI_DRAWING_H

#include "plan/plan.h"

/* For somebody who waits for a page. */
struct drawing_page {
    int64_t limit_ms; /* how long Graphviz may take */
};

/* Appends the svg element: one that stands alone, or with `page` one whose boxes are links and
 * whose colours are the page's. An error where Graphviz is not there, or takes too long. */
int drawing_make(struct plan *plan, const struct drawing_page *page, struct buf *out,
                 struct err *err) MUST_USE;

#endif
