/* When a runbook was rehearsed last, by the runs in the store. */
#ifndef PLAN_DRILL_H
#define PLAN_DRILL_H

#include <stdbool.h>
#include <stdint.h>

/* When the newest run of the runbook of this name that succeeded with this profile (NULL: with
 * none) ended; dry runs do not count. False where there is none among those that are looked at. */
bool drill_last(const char *name, const char *profile, int64_t *ret_wall_ns);

#endif
