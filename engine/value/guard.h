/* Ends an evaluation of jq that runs or grows without end.
 *
 * jq looks at its `halted` mark before every instruction. A timer of this thread alone, with a
 * signal that nothing else uses (SIGVTALRM), sets it; no thread is made, children inherit neither
 * timer nor handler, and an evaluation shorter than a tick never sees the signal. A single
 * built-in function that takes long is only ended when it returns. */
#ifndef VALUE_GUARD_H
#define VALUE_GUARD_H

#include <jq.h>

#include "base/err.h"

#define GUARD_MEMORY_MAX ((size_t)512 << 20) /* growth of the process, in bytes */

enum guard_end {
    GUARD_DONE,
    GUARD_TIME,
    GUARD_MEMORY,
};

/* Between arm and disarm the state runs, on the thread that called; one at a time. */
int guard_arm(jq_state *jq, int64_t limit_ms, struct err *err) MUST_USE;
enum guard_end guard_disarm(void);

#endif
