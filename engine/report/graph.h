/* The step graph as a drawing: rollbacks, gates and the point of no return with it. */
#ifndef REPORT_GRAPH_H
#define REPORT_GRAPH_H

#include "plan/plan.h"

/* Graphviz's dot. `linked`: boxes lead to the anchors that outline_html makes. */
void graph_dot(struct buf *out, struct plan *plan, bool linked);
/* For viewers of Markdown. */
void graph_mermaid(struct buf *out, struct plan *plan);

/* The picture in what `dot -Tsvg` wrote: without a reference to anything outside. `alone`: it
 * brings its colours, for light and dark; in a page they are the page's. */
void graph_svg(struct buf *out, const struct buf *drawn, bool alone);

/* How many figures dot should be asked to lay out while somebody waits. */
#define GRAPH_DRAWN_MAX 1000

#endif
