/* The body of a step that contains steps: the items of foreach, a called runbook, a group with a
 * life of its own. */
#ifndef RUN_BODY_H
#define RUN_BODY_H

#include "run/engine.h"

struct body_end {
    bool ok;
    bool cut_short;    /* nothing failed, but the run was stopped before all had begun */
    value result;      /* owned by the callee of `ended` */
    const char *error; /* where not ok */
};

/* Whether the node's step is carried out by frames of its own, and whether they are a loop's. */
bool body_is_needed(const struct node *node);
bool body_is_loop(const struct node *node);
/* The action as records name it: the step's type, or `foreach`. */
const char *body_action(const struct node *node);
/* Begins; `ended` may be called before it returns. */
int body_start(struct node *node, void (*ended)(void *user, struct body_end *end), void *user,
               struct err *err) MUST_USE;
/* Of a loop that is under way: whether it goes on where this item fails, or has failed. */
bool body_bears(const struct node *node, const struct frame *item);
/* Its time is up: `ended` follows. */
void body_stop(struct node *node);
/* Those of a run that is left before they ended. */
void bodies_free(struct run *run);

#endif
