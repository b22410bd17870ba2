#include "guard/events.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/vec.h"

struct watch {
    struct events *events;
    int fd;
    void (*ready)(void *user);
    void *user;
};

struct timer {
    struct events *events;
    int64_t due_ns;
    void (*fired)(void *user);
    void *user;
};

struct events {
    int epoll;
    VEC(struct timer *) timers; /* those that have not fired */
};

struct events *events_new(void) {
    struct events *events = mem_zalloc(sizeof *events);
    events->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (events->epoll < 0)
        abort();
    return events;
}

void events_free(struct events *events) {
    file_close(&events->epoll);
    vec_release(&events->timers);
    mem_free(events);
}

struct watch *watch_new(struct events *events, int fd, void (*ready)(void *user), void *user) {
    struct watch *watch = mem_zalloc(sizeof *watch);
    *watch = (struct watch){events, fd, ready, user};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = watch};
    if (epoll_ctl(events->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
        abort();
    return watch;
}

void watch_want_room(struct watch *watch, bool want) {
    struct epoll_event event = {.events = want ? EPOLLIN | EPOLLOUT : EPOLLIN, .data.ptr = watch};
    if (epoll_ctl(watch->events->epoll, EPOLL_CTL_MOD, watch->fd, &event) < 0)
        abort();
}

void watch_free(struct watch *watch) {
    if (!watch)
        return;
    epoll_ctl(watch->events->epoll, EPOLL_CTL_DEL, watch->fd, NULL);
    mem_free(watch);
}

struct timer *timer_new(struct events *events, int64_t delay_ms, void (*fired)(void *user),
                        void *user) {
    struct timer *timer = mem_zalloc(sizeof *timer);
    int64_t delay_ns = delay_ms > INT64_MAX / 2 / NS_PER_MS ? INT64_MAX / 2 : delay_ms * NS_PER_MS;
    *timer = (struct timer){events, clock_mono_ns() + delay_ns, fired, user};
    *vec_add(&events->timers) = timer;
    return timer;
}

static void disarm(struct timer *timer) {
    struct events *events = timer->events;
    for (size_t i = 0; i < events->timers.count; i++)
        if (events->timers.items[i] == timer) {
            events->timers.items[i] = events->timers.items[--events->timers.count];
            return;
        }
}

void timer_free(struct timer *timer) {
    if (!timer)
        return;
    disarm(timer);
    mem_free(timer);
}

static struct timer *first_timer(const struct events *events) {
    struct timer *first = NULL;
    for (size_t i = 0; i < events->timers.count; i++)
        if (!first || events->timers.items[i]->due_ns < first->due_ns)
            first = events->timers.items[i];
    return first;
}

/* Rounded up: a timer that is nearly due must not keep us spinning. */
static int wait_ms(const struct events *events) {
    const struct timer *first = first_timer(events);
    if (!first)
        return -1;
    int64_t left_ns = first->due_ns - clock_mono_ns();
    if (left_ns <= 0)
        return 0;
    int64_t ms = (left_ns + NS_PER_MS - 1) / NS_PER_MS;
    return ms > INT_MAX ? INT_MAX : (int)ms;
}

/* What they start is for the next turn, or a timer of no time would keep the others waiting. */
static void fire(struct events *events) {
    int64_t now_ns = clock_mono_ns();
    for (struct timer *it; (it = first_timer(events)) && it->due_ns <= now_ns;) {
        disarm(it);
        it->fired(it->user);
    }
}

/* One descriptor at a time, as its callback may free the watch of any other. */
void events_turn(struct events *events) {
    struct epoll_event event;
    if (epoll_wait(events->epoll, &event, 1, wait_ms(events)) == 1) {
        struct watch *watch = event.data.ptr;
        watch->ready(watch->user);
    }
    fire(events);
}
