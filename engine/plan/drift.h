/* What differs between two plans of what was once one runbook: steps by their paths, and what
 * stands beside them. */
#ifndef PLAN_DRIFT_H
#define PLAN_DRIFT_H

#include "plan/plan.h"

enum drift_kind { DRIFT_NEW, DRIFT_GONE, DRIFT_CHANGED };

/* Among the names of keys: the step that it follows. */
#define DRIFT_PLACE "its place"

/* For a plan that is kept without its files: a mark for each key of each step, by "phase path", and
 * of the runbook itself, by "". What differs in its mark differs in its file. VALUE_NONE, and the
 * reasons in `diag`, where a file cannot be read as data; else owned. */
value drift_marks(const struct plan *plan, struct diag *diag);
/* Of bytes: 8 hex digits of their SHA-256, which tell nobody what they were. */
value drift_mark(const char *bytes, size_t length);

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
