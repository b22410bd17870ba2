#include "io/loop_virtual.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/vec.h"

#define PIECE_NS (100 * NS_PER_MS) /* of real time: how often a watched clock moves on */

struct virtual_time {
    VEC(struct virtual_timer *) heap;
    uint64_t set; /* how many so far */
    virtual_pause *pause;
    void *user;
    int64_t speed;
};

struct virtual_time *virtual_time_new(int64_t wall_ns, int64_t mono_ns, virtual_pause *pause,
                                      void *user, int64_t speed) {
    struct virtual_time *time = mem_zalloc(sizeof *time);
    time->pause = pause;
    time->user = user;
    time->speed = speed < 1 ? 1 : speed;
    clock_fake(wall_ns, mono_ns);
    return time;
}

void virtual_time_free(struct virtual_time *time) {
    if (!time)
        return;
    clock_real();
    vec_release(&time->heap);
    mem_free(time);
}

/* ---- the heap ------------------------------------------------------------------------------ */

static bool is_before(const struct virtual_timer *a, const struct virtual_timer *b) {
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

static void heap_put(struct virtual_time *time, size_t place, struct virtual_timer *timer) {
    time->heap.items[place - 1] = timer;
    timer->place = place;
}

static void heap_rise(struct virtual_time *time, struct virtual_timer *timer) {
    size_t place = timer->place;
    for (; place > 1; place /= 2) {
        struct virtual_timer *above = time->heap.items[place / 2 - 1];
        if (!is_before(timer, above))
            break;
        heap_put(time, place, above);
    }
    heap_put(time, place, timer);
}

static void heap_sink(struct virtual_time *time, struct virtual_timer *timer) {
    size_t place = timer->place;
    for (size_t below; (below = place * 2) <= time->heap.count; place = below) {
        struct virtual_timer **items = time->heap.items;
        below += below < time->heap.count && is_before(items[below], items[below - 1]);
        if (!is_before(items[below - 1], timer))
            break;
        heap_put(time, place, items[below - 1]);
    }
    heap_put(time, place, timer);
}

void virtual_timer_set(struct virtual_time *time, struct virtual_timer *timer, int64_t at_ns) {
    timer->at_ns = at_ns;
    timer->order = time->set++;
    *vec_add(&time->heap) = timer;
    timer->place = time->heap.count;
    heap_rise(time, timer);
}

void virtual_timer_unset(struct virtual_time *time, struct virtual_timer *timer) {
    size_t place = timer->place;
    if (!place)
        return;
    struct virtual_timer *last = time->heap.items[--time->heap.count];
    timer->place = 0;
    if (last == timer)
        return;
    heap_put(time, place, last);
    heap_rise(time, last);
    heap_sink(time, last);
}

/* ---- time ---------------------------------------------------------------------------------- */

static void time_pass(struct virtual_time *time, int64_t until_ns) {
    for (int64_t left; (left = until_ns - clock_mono_ns()) > 0;) {
        int64_t piece =
            time->pause && left / time->speed > PIECE_NS ? PIECE_NS * time->speed : left;
        if (time->pause)
            time->pause(time->user, piece / time->speed);
        clock_advance(piece);
    }
}

struct virtual_timer *virtual_time_next(struct virtual_time *time) {
    if (!time->heap.count)
        return NULL;
    struct virtual_timer *first = time->heap.items[0];
    time_pass(time, first->at_ns);
    /* Whoever watched the pause may have changed what comes next, but time has passed. */
    first = time->heap.items[0];
    virtual_timer_unset(time, first);
    return first;
}
