/* Private to the step type `watch`. */
#ifndef STEPS_WATCH_STEP_H
#define STEPS_WATCH_STEP_H

#include "step.h"
#include "watch_window.h"

#define LINE_CEILING ((size_t)64 << 10)
#define WATCH_FAIL_WHEN ".errors > 0" /* where the author says neither `fail_when` nor `until` */

struct watch_spec {
    struct step *probe;
    int64_t every_ms;
    int64_t for_ms;
    int64_t window_ms; /* 0: all of it */
    struct expr *value;
    struct expr *fail_when;
    struct expr *until;
    struct template *baseline;
};

struct watch_state {
    struct watch_window *window;
    struct step_probe *probe; /* that is asked now */
    struct loop_timer *timer; /* until the next probe is due, or the end */
    int64_t began_ns;         /* monotonic */
    int64_t tick;             /* of the probe that is asked now or next */
    int64_t asked;            /* probes that ended, in all */
    value baseline;
    bool has_failed; /* the probe before this one did */
    int64_t turns;   /* how often that changed */
    char *why;       /* of the last probe that failed */
    int64_t news_ns; /* when a log was told last; 0: never */
    bool is_cancelled;
    bool is_rehearsal; /* one probe, and no verdict */
};

/* How many probes are due in all, and how many a window holds. */
int64_t watch_ticks(const struct watch_spec *watch);
int64_t watch_window_ticks(const struct watch_spec *watch);

int watch_start(struct step_ctx *ctx, struct err *err) MUST_USE;
int watch_rehearse(struct step_ctx *ctx, struct err *err) MUST_USE;
void watch_cancel(struct step_ctx *ctx);
void watch_release(struct step_ctx *ctx);

#endif
