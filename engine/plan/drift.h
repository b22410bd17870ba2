/* What differs between two plans of what was once one runbook: steps by their paths, and what
 * stands beside them. */
#ifndef PLAN_DRIFT_H
#define PLAN_DRIFT_H

#include "plan/plan.h"

enum drift_kind { DRIFT_NEW, DRIFT_GONE, DRIFT_CHANGED };

struct drift;
/* Both plans are borrowed. NULL, and the reasons in `diag`, where a file cannot be read as data. */
struct drift *drift_new(const struct plan *then, const struct plan *now, struct diag *diag);
void drift_free(struct drift *drift);
/* In the order of the files. `phase` and `path` are NULL of what is of no step; `what` names the
 * keys that differ, NULL for a step that is on one side only. */
void drift_each(const struct drift *drift,
                void (*each)(void *user, enum drift_kind kind, const char *phase, const char *path,
                             const char *what),
                void *user);

/* Of a path as transcripts have it, with the positions in loops. */
bool drift_is_new(const struct drift *drift, const char *phase, const char *path);
/* Whether it need not wait for the same as then. */
bool drift_is_moved(const struct drift *drift, const char *phase, const char *path);
const struct step *drift_step_then(const struct drift *drift, const char *phase, const char *path);

#endif
