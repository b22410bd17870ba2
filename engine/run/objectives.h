/* Objectives: what was promised, what was measured, and whether it was met. */
#ifndef RUN_OBJECTIVES_H
#define RUN_OBJECTIVES_H

#include "run/engine.h"

/* {rto: {limit_ms, measured_ms, met}, rpo: …}; null where the runbook has none; owned.
 *
 * RTO is measured from the start of the run to its end. RPO needs to know how old the recovered
 * data is: a step says so by an output called `recovery_point`, a point in time (RFC 3339) or
 * seconds since 1970, and its age is taken at the end of the run, so that it never flatters.
 * Without one `measured_ms` and `met` are null.
 *
 * A run that did not succeed has recovered nothing: its RTO is missed once the limit has passed,
 * and not known before; its RPO is not known. */
value objectives_judge(const struct run *run, int64_t duration_ms, bool is_recovered);

/* Of a group or a called runbook that has ended: what it was promised is judged with the run, as
 * {steps: [{step, rto, rpo}]} beside `rto` and `rpo`. Its time is its own, from its start to its
 * end. */
void objectives_note(struct node *node, bool is_recovered, value result);
void objectives_release(struct run *run);

#endif
