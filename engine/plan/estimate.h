/* How long steps and runs take, by past transcripts of the same runbook in the store. A bounded
 * look at the newest; what cannot be read is passed over. */
#ifndef PLAN_ESTIMATE_H
#define PLAN_ESTIMATE_H

#include <stdbool.h>
#include <stdint.h>

#include "lang/step.h"
#include "value/value.h"

#define ESTIMATE_RUNS 20                   /* at most so many runs */
#define ESTIMATE_BYTES ((uint64_t)8 << 20) /* of all their transcripts */

struct estimate_span {
    int64_t p50_ms, p90_ms; /* half of them, nine of ten took no longer */
    int64_t count;          /* how many were looked at */
};

/* Of the runbook of this name; dry runs do not count. Whole runs count where --only, --from and
 * --skip chose the same: `selection` as plan_selection() has it, borrowed. `before` is a run: those
 * that were begun before it count, not itself; NULL: all. Never NULL. */
struct estimate;
struct estimate *estimate_read(const char *name, value selection, const char *before);
/* Of whole runs only, by the first and the last record of each: to be had while somebody waits. */
struct estimate *estimate_glance(const char *name, value selection, const char *before);
void estimate_free(struct estimate *estimate);

/* Of steps that succeeded, by phase and path ("outer/inner": of all passes of a loop together, as
 * is "outer[2]/inner"; "outer[2]": of any one pass).
 * False where nothing is known. */
bool estimate_step(const struct estimate *estimate, const char *phase, const char *path,
                   struct estimate_span *ret);
/* The same; where no run tells, what the step's author wrote, with a count of 0. */
bool estimate_expect(const struct estimate *estimate, const struct step *step, const char *phase,
                     const char *path, struct estimate_span *ret);
/* Of runs that succeeded. */
bool estimate_whole(const struct estimate *estimate, struct estimate_span *ret);

#endif
