/* Gates that stand above what destroys. A step that may destroy something says so in `destroys`,
 * or people were asked before: an `approval` among all that it needs, whose message names it. On
 * a protected database only a gate with named approvers counts.
 *
 * A gate counts only where nobody comes past it: not where it, or a group around it, has `when`,
 * `done_when`, `foreach` or `on_failure: continue`, nor where it is left out of this run. Each file
 * stands for itself: a gate in front of a `call` does not count within, since the file that is
 * called may be run alone. Steps of `finally` run even where a gate was rejected: only gates in
 * `finally` stand above them. What stands above a step stands above its rollback. */
#ifndef PLAN_GATES_H
#define PLAN_GATES_H

#include "plan/plan.h"

/* Reports every step of every file that may destroy what nobody has allowed. */
void gates_check(struct plan *plan, struct diag *diag);

#endif
