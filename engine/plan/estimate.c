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
    bool is_glance;
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

/* Where no record comes behind the end but seals. */
static void end_read(struct estimate *estimate, const struct past_run *run, const char *path) {
    AUTO_TEXT line = NULL;
    AUTO_EVENT_BODY body = {0};
    AUTO_ERR ignored = ERR_INIT;
    struct event event;
    char prev[65];
    size_t length;
    if (reader_last_line(path, READER_LAST_DEED, &line, &length, &ignored) > 0 &&
        event_read(line, length, 0, &body, &event, prev, &ignored) == 0 &&
        event.type == EVENT_RUN_FINISHED)
        end_take(estimate, run, &event);
}

static void transcript_glance(struct estimate *estimate, struct reader *reader, const char *path) {
    struct past_run run = {0};
    struct event event;
    if (reader_next(reader, &event, NULL) <= 0 || event.type != EVENT_RUN_STARTED)
        return;
    begin_take(estimate, &run, &event);
    if (!run.is_other)
        end_read(estimate, &run, path);
    estimate->runs += !run.is_other;
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
    if (reader_open(path, &reader, NULL) == 0 && estimate->is_glance)
        transcript_glance(estimate, reader, path);
    else if (reader)
        transcript_read(estimate, reader);
    reader_free(reader);
    return true;
}

static void store_read(struct estimate *estimate, struct store *store, const char *before) {
    AUTO_TEXT prefix = mem_printf("%s-", estimate->name);
    char **ids = NULL;
    size_t count = 0, first = 0;
    if (store_list(store, &ids, &count, NULL) < 0)
        return;
    while (before && first < count && !text_equal(ids[first++], before))
        continue;
    for (size_t i = first; i < count && estimate->runs < ESTIMATE_RUNS; i++)
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

static struct estimate *estimate_new(const char *name, value selection, const char *before,
                                     bool is_glance) {
    struct estimate *estimate = mem_zalloc(sizeof *estimate);
    estimate->is_glance = is_glance;
    struct store *store = NULL;
    const char *key;
    void *samples;
    estimate->name = name;
    estimate->selection = value_copy(selection);
    estimate->steps = map_new();
    estimate->bytes_left = ESTIMATE_BYTES;
    if (store_peek(&store, NULL) == 0 && store)
        store_read(estimate, store, before);
    store_free(store);
    samples_sort(&estimate->whole);
    for (size_t i = 0; map_next(estimate->steps, &i, &key, &samples);)
        samples_sort(samples);
    return estimate;
}

struct estimate *estimate_read(const char *name, value selection, const char *before) {
    return estimate_new(name, selection, before, false);
}

struct estimate *estimate_glance(const char *name, value selection, const char *before) {
    return estimate_new(name, selection, before, true);
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

bool estimate_expect(const struct estimate *estimate, const struct step *step, const char *phase,
                     const char *path, struct estimate_span *ret) {
    if (estimate_step(estimate, phase, path, ret))
        return true;
    const bool is_said = step->type && step->type->lasts;
    const int64_t ms = is_said ? step->type->lasts(step->spec) : 0;
    *ret = (struct estimate_span){ms, ms, 0};
    return ms > 0;
}

bool estimate_whole(const struct estimate *estimate, struct estimate_span *ret) {
    return span_of(&estimate->whole, ret);
}
