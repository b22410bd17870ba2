/* What a watch saw of late: its probes in the order of their ticks, and their statistics.
 *
 * A tick is the moment at which a probe was due, counted from 0. No more is kept than `ticks` of
 * them, 16 bytes each; that is the bound of a watch's memory. */
#ifndef STEPS_WATCH_WINDOW_H
#define STEPS_WATCH_WINDOW_H

#include "value/value.h"

#define WATCH_TICKS_MAX INT64_C(100000)

enum watch_sample {
    WATCH_MISSED, /* the probe before it still ran */
    WATCH_FAILED,
    WATCH_ANSWERED, /* with a figure */
};

struct watch_window;
struct watch_window *watch_window_new(int64_t ticks);
void watch_window_free(struct watch_window *window);

/* Ticks ascend. One that is `ticks` or more behind the newest falls out. */
void watch_window_add(struct watch_window *window, int64_t tick, enum watch_sample sample,
                      double figure);
/* All up to this tick that were not added were missed. */
void watch_window_pass(struct watch_window *window, int64_t tick);
/* All before this tick fall out. */
void watch_window_expire(struct watch_window *window, int64_t oldest);

int64_t watch_window_count(const struct watch_window *window); /* of probes that ended */
bool watch_window_has_figure(const struct watch_window *window);
/* {count, errors, error_rate, missed, min, p50, p95, p99, max, last}: null where there is none.
 * Percentiles are by nearest rank: a figure that was really seen. Owned. */
value watch_window_stats(const struct watch_window *window);
/* A figure for each tick, null where the probe failed, false where it was missed. Owned. */
value watch_window_samples(const struct watch_window *window);
/* Of the newest `most` probes that ended, oldest first; NaN where one failed. Returns how many. */
size_t watch_window_figures(const struct watch_window *window, double *ret, size_t most);

#endif
