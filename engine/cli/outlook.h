/* When a run is expected to end: the longest way through the steps that are not done, each as long
 * as it took in earlier runs, and no sooner than --jobs at once can do them. Gates take what time
 * they take: they are told beside it, as are steps of which nothing is known. */
#ifndef CLI_OUTLOOK_H
#define CLI_OUTLOOK_H

#include "cli/lines.h"
#include "plan/estimate.h"
#include "plan/plan.h"

struct outlook;
/* `plan` is borrowed. A step costs a look at its estimate once; an event, and telling, cost what
 * runs at that moment, and not what the plan has. */
struct outlook *outlook_new(const struct plan *plan, int64_t jobs);
void outlook_free(struct outlook *outlook);

/* What earlier runs took: now or behind any event. Not kept. */
void outlook_learn(struct outlook *outlook, const struct estimate *estimate);
bool outlook_has_learned(const struct outlook *outlook);
void outlook_event(struct outlook *outlook, const struct event *event);
/* All began so much later on the clock that is told by. */
void outlook_move(struct outlook *outlook, int64_t moved_ns);

/* "ends in ~2m (p50), 4m (p90) + 1 gate", "overdue by 12s (p50), ends in 40s (p90)",
 * "ends: not known"; nothing where nothing is left. */
void outlook_tell(struct outlook *outlook, int64_t now_mono_ns, struct buf *out);

/* Of a run that has just begun: the line with what whole runs took before it. Nothing where none
 * succeeded, and for a dry run, which takes another time. */
void outlook_begun(const struct event *started, const struct line_style *style, struct buf *out);

#endif
