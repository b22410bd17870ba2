/* Probes: read-only questions to a system: `done_when`, `ready`. */
#ifndef RUN_PROBE_H
#define RUN_PROBE_H

#include "run/engine.h"

enum probe_answer {
    PROBE_HOLDS,
    PROBE_HOLDS_NOT, /* the system answered, and not so */
    PROBE_SILENT,    /* nothing was learnt: not started, not connected, no answer in time */
};

struct probe;
/* Asks once. `answered`: what came back, and why it is not PROBE_HOLDS. */
struct probe *probe_new(struct frame *frame, const struct step *step, const char *path,
                        void (*answered)(void *user, enum probe_answer answer, const char *why),
                        void *user);
/* The same, bounded by `limit_ms` where the probe says no `timeout`. */
struct probe *
probe_new_within(struct frame *frame, const struct step *step, const char *path, int64_t limit_ms,
                 void (*answered)(void *user, enum probe_answer answer, const char *why),
                 void *user);
/* Behind `answered`: its result, as in `expect`; owned. */
value probe_data(const struct probe *probe);
/* Likewise, in a dry run: why nothing is known of it, or NULL; borrowed. */
const char *probe_unknown(const struct probe *probe);
/* It shall not take long any more: `answered` follows. */
void probe_cancel(struct probe *probe);
/* The answer is no longer wanted. */
void probe_free(struct probe *probe);

#endif
