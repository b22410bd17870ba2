/* Plans with all that the engine can say of them: what plan, check and exec share. */
#ifndef CLI_PLANNING_H
#define CLI_PLANNING_H

#include "plan/plan.h"

/* The plan's outline with the repository that the runbook stands in; the caller frees. */
enum planning_detail {
    PLANNING_BRIEF, /* without the undo ledger at each point */
    PLANNING_WHOLE,
    PLANNING_LOCKED, /* without what past runs took: it decides nothing */
};
value planning_outline(struct plan *plan, enum planning_detail detail);

/* The plan that `plan -o` wrote to the file, made anew. NULL where the file is not as it was
 * written, or where anything has changed since: `diag` then names all of it. */
struct plan *planning_locked(const char *path, struct diag *diag);

#endif
