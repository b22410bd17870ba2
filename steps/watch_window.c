#include "watch_window.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"

struct watch_window {
    double *figures; /* a ring by tick; NaN where there is none */
    uint8_t *samples;
    double *sorted; /* the figures in it */
    size_t sorted_count;
    int64_t capacity;
    int64_t oldest, next; /* ticks that it holds: from, and the first behind */
    int64_t failed, missed;
};

struct watch_window *watch_window_new(int64_t ticks) {
    struct watch_window *window = mem_zalloc(sizeof *window);
    window->capacity = ticks;
    window->figures = mem_calloc((size_t)ticks, sizeof *window->figures);
    window->samples = mem_calloc((size_t)ticks, sizeof *window->samples);
    window->sorted = mem_calloc((size_t)ticks, sizeof *window->sorted);
    return window;
}

void watch_window_free(struct watch_window *window) {
    if (!window)
        return;
    mem_free(window->figures);
    mem_free(window->samples);
    mem_free(window->sorted);
    mem_free(window);
}

/* ---- in order ------------------------------------------------------------------------------ */

/* Where the figure is, or would go. */
static size_t sorted_find(const struct watch_window *window, double figure) {
    size_t low = 0, high = window->sorted_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (window->sorted[middle] < figure)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void sorted_add(struct watch_window *window, double figure) {
    size_t at = sorted_find(window, figure);
    memmove(&window->sorted[at + 1], &window->sorted[at],
            (window->sorted_count - at) * sizeof figure);
    window->sorted[at] = figure;
    window->sorted_count++;
}

static void sorted_remove(struct watch_window *window, double figure) {
    size_t at = sorted_find(window, figure);
    window->sorted_count--;
    memmove(&window->sorted[at], &window->sorted[at + 1],
            (window->sorted_count - at) * sizeof figure);
}

static double percentile(const struct watch_window *window, size_t percent) {
    return window->sorted[(window->sorted_count * percent + 99) / 100 - 1];
}

/* ---- the ring ------------------------------------------------------------------------------ */

static size_t slot(const struct watch_window *window, int64_t tick) {
    return (size_t)(tick % window->capacity);
}

static void drop_oldest(struct watch_window *window) {
    size_t at = slot(window, window->oldest++);
    window->missed -= window->samples[at] == WATCH_MISSED;
    window->failed -= window->samples[at] == WATCH_FAILED;
    if (window->samples[at] == WATCH_ANSWERED)
        sorted_remove(window, window->figures[at]);
}

void watch_window_expire(struct watch_window *window, int64_t oldest) {
    while (window->oldest < oldest && window->oldest < window->next)
        drop_oldest(window);
    if (window->oldest < oldest)
        window->oldest = window->next = oldest;
}

static void put(struct watch_window *window, enum watch_sample sample, double figure) {
    size_t at = slot(window, window->next++);
    window->samples[at] = (uint8_t)sample;
    window->figures[at] = sample == WATCH_ANSWERED ? figure : (double)NAN;
    window->missed += sample == WATCH_MISSED;
    window->failed += sample == WATCH_FAILED;
    if (sample == WATCH_ANSWERED)
        sorted_add(window, figure);
}

void watch_window_pass(struct watch_window *window, int64_t tick) {
    watch_window_expire(window, tick - window->capacity);
    while (window->next < tick)
        put(window, WATCH_MISSED, 0);
}

void watch_window_add(struct watch_window *window, int64_t tick, enum watch_sample sample,
                      double figure) {
    watch_window_pass(window, tick);
    watch_window_expire(window, tick - window->capacity + 1);
    put(window, sample, figure);
}

/* ---- what it says -------------------------------------------------------------------------- */

int64_t watch_window_count(const struct watch_window *window) {
    return window->next - window->oldest - window->missed;
}

bool watch_window_has_figure(const struct watch_window *window) {
    return window->sorted_count > 0;
}

static value last_figure(const struct watch_window *window) {
    for (int64_t tick = window->next; tick-- > window->oldest;)
        if (window->samples[slot(window, tick)] == WATCH_ANSWERED)
            return value_number(window->figures[slot(window, tick)]);
    return value_null();
}

static value stats_set(const struct watch_window *window, value stats, const char *key,
                       size_t percent) {
    value figure = window->sorted_count ? value_number(percentile(window, percent)) : value_null();
    return value_set(stats, key, figure);
}

value watch_window_stats(const struct watch_window *window) {
    static const struct {
        const char *key;
        size_t percent;
    } ranks[] = {{"p50", 50}, {"p95", 95}, {"p99", 99}, {"max", 100}};
    int64_t count = watch_window_count(window);
    double rate = count ? (double)window->failed / (double)count : 0;
    value stats = value_set(value_object(), "count", value_integer(count));
    stats = value_set(stats, "errors", value_integer(window->failed));
    stats = value_set(stats, "error_rate", count ? value_number(rate) : value_null());
    stats = value_set(stats, "missed", value_integer(window->missed));
    value least = window->sorted_count ? value_number(window->sorted[0]) : value_null();
    stats = value_set(stats, "min", least);
    for (size_t i = 0; i < sizeof ranks / sizeof *ranks; i++)
        stats = stats_set(window, stats, ranks[i].key, ranks[i].percent);
    return value_set(stats, "last", last_figure(window));
}

value watch_window_samples(const struct watch_window *window) {
    value samples = value_array();
    for (int64_t tick = window->oldest; tick < window->next; tick++) {
        size_t at = slot(window, tick);
        enum watch_sample sample = window->samples[at];
        samples = value_append(samples, sample == WATCH_ANSWERED ? value_number(window->figures[at])
                                        : sample == WATCH_FAILED ? value_null()
                                                                 : value_bool(false));
    }
    return samples;
}

size_t watch_window_figures(const struct watch_window *window, double *ret, size_t most) {
    size_t count = 0;
    for (int64_t tick = window->next; tick-- > window->oldest && count < most;)
        if (window->samples[slot(window, tick)] != WATCH_MISSED)
            ret[count++] = window->figures[slot(window, tick)];
    for (size_t i = 0; i < count / 2; i++) {
        double newer = ret[i];
        ret[i] = ret[count - 1 - i];
        ret[count - 1 - i] = newer;
    }
    return count;
}
