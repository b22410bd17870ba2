#include "plan/estimate.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/map.h"
#include "base/text.h"
#include "base/vec.h"
#include "journal/reader.h"
#include "journal/store.h"

/* Runs of other runbooks whose names begin alike. */
#define CANDIDATES_MOST 100

struct samples {
    VEC(int64_t) ms;
};

struct estimate {
    const char *name;
    value selection;
    struct map *steps; /* "PHASE PATH": struct samples */
    struct samples whole;
    uint64_t bytes_left;
    size_t runs, candidates;
};

/* One transcript while it is read. */
struct past_run {
    bool is_other; /* of another runbook, or a dry run */
    bool is_same;  /* the same steps were chosen */
    int64_t began_ns;
};

/* ---- collecting ---------------------------------------------------------------------------- */

/* "each[2]/inner" is "each/inner"; "each[2]" is "each[]", one pass of a loop, which is no step of
 * the plan. */
static char *step_key(const char *phase, const char *path) {
    AUTO_BUF key = BUF_INIT(1 << 16);
    buf_printf(&key, "%s ", phase);
    while (*path) {
        size_t plain = strcspn(path, "[");
        buf_append(&key, path, plain);
        path += plain;
        const char *close = strchr(path, ']');
        if (close && !close[1])
            buf_puts(&key, "[]");
        path = close ? close + 1 : path + strlen(path);
    }
    return buf_detach(&key);
}

static void step_take(struct estimate *estimate, const struct event *event) {
    if (!text_equal(event->status, "succeeded"))
        return;
    AUTO_TEXT key = step_key(event->phase, event->step);
    struct samples *samples = map_get(estimate->steps, key);
    if (!samples) {
        samples = mem_zalloc(sizeof *samples);
        map_put(estimate->steps, key, samples);
    }
    *vec_add(&samples->ms) = event->duration_ms;
}

static void begin_take(const struct estimate *estimate, struct past_run *run,
                       const struct event *event) {
    AUTO_VALUE nothing = value_null();
    value selection = EVENT_HAS(event, selection) ? event->selection : nothing;
    run->is_other =
        !text_equal(event->name, estimate->name) || (EVENT_HAS(event, dry_run) && event->dry_run);
    run->is_same = value_equal(selection, estimate->selection);
    run->began_ns = event->wall_ns;
}

static void end_take(struct estimate *estimate, const struct past_run *run,
                     const struct event *event) {
    if (run->is_same && text_equal(event->status, "succeeded") && event->wall_ns >= run->began_ns)
        *vec_add(&estimate->whole.ms) = (event->wall_ns - run->began_ns) / NS_PER_MS;
}

static void transcript_read(struct estimate *estimate, struct reader *reader) {
    struct past_run run = {0};
    struct event event;
    while (!run.is_other && reader_next(reader, &event, NULL) > 0) {
        if (event.type == EVENT_RUN_STARTED)
            begin_take(estimate, &run, &event);
        else if (event.type == EVENT_STEP_FINISHED)
            step_take(estimate, &event);
        else if (event.type == EVENT_RUN_FINISHED)
            end_take(estimate, &run, &event);
    }
    estimate->runs += !run.is_other;
}

/* Whether there is room to look at more. */
static bool run_read(struct estimate *estimate, const struct store *store, const char *id) {
    AUTO_TEXT dir = mem_printf("%s/runs/%s", store_path(store), id);
    AUTO_TEXT path = store_transcript(dir);
    struct stat info;
    struct reader *reader = NULL;
    if (stat(path, &info) < 0)
        return true;
    if ((uint64_t)info.st_size > estimate->bytes_left)
        return false;
    estimate->bytes_left -= (uint64_t)info.st_size;
    if (reader_open(path, &reader, NULL) == 0)
        transcript_read(estimate, reader);
    reader_free(reader);
    return true;
}

static void store_read(struct estimate *estimate, struct store *store) {
    AUTO_TEXT prefix = mem_printf("%s-", estimate->name);
    char **ids = NULL;
    size_t count = 0;
    if (store_list(store, &ids, &count, NULL) < 0)
        return;
    for (size_t i = 0; i < count && estimate->runs < ESTIMATE_RUNS; i++)
        if (text_starts_with(ids[i], prefix) &&
            (estimate->candidates++ >= CANDIDATES_MOST || !run_read(estimate, store, ids[i])))
            break;
    store_list_free(ids, count);
}

/* ---- what it says -------------------------------------------------------------------------- */

static int compare_ms(const void *left, const void *right) {
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

static void samples_sort(struct samples *samples) {
    if (samples->ms.count > 1)
        qsort(samples->ms.items, samples->ms.count, sizeof *samples->ms.items, compare_ms);
}

struct estimate *estimate_read(const char *name, value selection) {
    struct estimate *estimate = mem_zalloc(sizeof *estimate);
    struct store *store = NULL;
    const char *key;
    void *samples;
    estimate->name = name;
    estimate->selection = value_copy(selection);
    estimate->steps = map_new();
    estimate->bytes_left = ESTIMATE_BYTES;
    if (store_peek(&store, NULL) == 0 && store)
        store_read(estimate, store);
    store_free(store);
    samples_sort(&estimate->whole);
    for (size_t i = 0; map_next(estimate->steps, &i, &key, &samples);)
        samples_sort(samples);
    return estimate;
}

void estimate_free(struct estimate *estimate) {
    const char *key;
    void *samples;
    if (!estimate)
        return;
    for (size_t i = 0; map_next(estimate->steps, &i, &key, &samples);) {
        vec_release(&((struct samples *)samples)->ms);
        mem_free(samples);
    }
    map_free(estimate->steps);
    vec_release(&estimate->whole.ms);
    value_free(estimate->selection);
    mem_free(estimate);
}

/* The nearest rank: a duration that was really seen. */
static int64_t percentile(const struct samples *samples, size_t percent) {
    return samples->ms.items[(samples->ms.count * percent + 99) / 100 - 1];
}

static bool span_of(const struct samples *samples, struct estimate_span *ret) {
    if (!samples || samples->ms.count == 0)
        return false;
    *ret = (struct estimate_span){percentile(samples, 50), percentile(samples, 90),
                                  (int64_t)samples->ms.count};
    return true;
}

bool estimate_step(const struct estimate *estimate, const char *phase, const char *path,
                   struct estimate_span *ret) {
    if (map_count(estimate->steps) == 0)
        return false;
    AUTO_TEXT key = step_key(phase, path);
    return span_of(map_get(estimate->steps, key), ret);
}

bool estimate_whole(const struct estimate *estimate, struct estimate_span *ret) {
    return span_of(&estimate->whole, ret);
}
