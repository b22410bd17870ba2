/* The step graph as a drawing: Graphviz's dot, and mermaid. */
#ifndef REPORT_GRAPH_H
#define REPORT_GRAPH_H

#include "plan/plan.h"

void graph_dot(struct buf *out, struct plan *plan);
void graph_mermaid(struct buf *out, struct plan *plan);

#endif
