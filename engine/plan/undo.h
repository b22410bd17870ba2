/* The undo ledger before the run: for each point of a graph what would be rolled back if the step
 * there failed, in the order in which it would be begun. */
#ifndef PLAN_UNDO_H
#define PLAN_UNDO_H

#include "plan/graph.h"

#define UNDO_MOST 50 /* entries told of a point */

struct undo_list {
    /* Those whose handlers would run, or those of what stands in them; at most UNDO_MOST. */
    const uint32_t *nodes;
    size_t count;
    size_t total;
};

/* `is_left_out` says which nodes never run; NULL: none. `is_body`: the frame of a group or foreach,
 * whose handler is its owner's. NULL where the graph is too large to tell for each point. */
struct undo;
struct undo *undo_new(const struct graph *graph, bool is_body,
                      bool (*is_left_out)(void *user, uint32_t node), void *user);
void undo_free(struct undo *undo);

/* Of what the step needs, directly or not, and its own: they are certain to have been done, or
 * half done. Nothing behind a point of no return. */
struct undo_list undo_certain(const struct undo *undo, uint32_t node);
/* Of what may have run beside it by then. */
struct undo_list undo_beside(const struct undo *undo, uint32_t node);

#endif
