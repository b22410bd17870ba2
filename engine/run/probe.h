/* Probes: read-only questions to a system: `done_when`, `ready`. */
#ifndef RUN_PROBE_H
#define RUN_PROBE_H

#include "run/engine.h"

struct probe;
/* Asks once. `answered`: whether it holds, and why not. */
struct probe *probe_new(struct frame *frame, const struct step *step, const char *path,
                        void (*answered)(void *user, bool holds, const char *why), void *user);
/* It shall not take long any more: `answered` follows. */
void probe_cancel(struct probe *probe);
/* The answer is no longer wanted. */
void probe_free(struct probe *probe);

#endif
