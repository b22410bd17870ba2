/* Begins a command where a step runs, here or on its target, and hears of its end: what running and
 * rehearsing share. */
#ifndef STEPS_LAUNCH_H
#define STEPS_LAUNCH_H

#include "io/process.h"
#include "remote.h"
#include "step.h"

struct launch_spec {
    const char *const *words;
    size_t count;
    void (*print)(void *ctx, int stream, const char *bytes, size_t length);
    /* Once, unless it could not be begun, which ends the attempt as a failure without effect. The
     * launch may be asked until the attempt is over. */
    void (*ended)(struct step_ctx *ctx, const struct process_exit *exit);
};

struct launch;
/* Kept in *ret whatever follows. */
int launch_begin(struct step_ctx *ctx, const struct launch_spec *spec, struct launch **ret,
                 struct err *err) MUST_USE;
/* Goes on with what an engine before this one began; only print and ended of `spec` count. */
int launch_attach(struct step_ctx *ctx, const struct launch_spec *spec, struct launch **ret,
                  enum process_found *ret_found, struct err *err) MUST_USE;
/* Ends it with all that it started, there too; `ended` follows, or the attempt's end. */
void launch_cancel(struct launch *launch);
void launch_free(struct launch *launch); /* NULL is legal */

/* NULL: it runs here. */
const struct remote *launch_remote(const struct launch *launch);
/* In a dry run: its PATH depends on what is not known. */
bool launch_lacks_path(const struct launch *launch);
bool launch_is_cancelled(const struct launch *launch);
/* Of one that was cancelled: the other side said that nothing of it is left. */
bool launch_is_swept(const struct launch *launch);
bool launch_has_folder(const struct launch *launch); /* it would run in one that was named */

#endif
