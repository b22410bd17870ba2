/* Plans with all that the engine can say of them: what plan, check and exec share. */
#ifndef CLI_PLANNING_H
#define CLI_PLANNING_H

#include "plan/plan.h"

/* The plan's outline with the repository that the runbook stands in; the caller frees. A
 * brief one lacks the undo ledger at each point. */
enum planning_detail { PLANNING_BRIEF, PLANNING_WHOLE };
value planning_outline(struct plan *plan, enum planning_detail detail);

#endif
