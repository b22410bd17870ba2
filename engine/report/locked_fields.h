/* Which fields of a plan in a file are not what they were; private to it. */
#ifndef REPORT_LOCKED_FIELDS_H
#define REPORT_LOCKED_FIELDS_H

#include "plan/plan.h"

/* Adds what tells fields apart later: a mark for each key of the files, and for each variable of
 * the environment that the runbook looks at. */
value locked_fields_add(value outline_taken, const struct plan *plan);
/* Reports each that differs, with what it was where the plan tells it and `redact` does not match.
 * Both have been through locked_fields_add; `runbook` is today's. False where none differs. */
bool locked_fields_compare(value then, value now, const struct runbook *runbook,
                           void (*report)(void *user, struct err *err), void *user);
bool locked_is_redacted(const struct runbook *runbook, value item);

#endif
