#include "io/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/vec.h"
#include "io/loop_virtual.h"

#define ROUNDS_MOST 8

struct deferred {
    void (*call)(void *user);
    void *user;
};

struct slot {
    void *object;
    void (*release)(void *object);
};

struct loop {
    uv_loop_t uv;
    uv_idle_t idle; /* active while something is deferred, so that the loop does not sleep */
    VEC(struct deferred) deferred;
    struct slot slots[LOOP_SLOTS];
    bool closing;
    struct virtual_time *time; /* NULL: time is real */
    bool is_stopped;
};

/* Handles begin with libuv's, so that one close callback frees them all. */
struct loop_timer {
    uv_timer_t uv;
    struct virtual_timer own;  /* in place of libuv's, with */
    struct virtual_time *time; /* this; or NULL */
    void (*fired)(void *user);
    void *user;
};

struct loop_watch {
    union {
        uv_handle_t handle;
        uv_poll_t poll;
        uv_idle_t idle; /* of what is always ready */
    } uv;
    bool always;
    int events;
    void (*ready)(void *user, int events);
    void *user;
};

struct loop_signal {
    uv_signal_t uv;
    void (*caught)(void *user, int signum);
    void *user;
};

struct loop_job {
    uv_work_t uv;
    void (*work)(void *user);
    void (*done)(void *user);
    void (*dropped)(void *user); /* may be NULL */
    void *user;
};

/* Only a lack of memory, or a mistake of ours, comes here. */
static void must(int status, const char *what) {
    if (status == 0)
        return;
    fprintf(stderr, "runbook: internal error: %s: %s\n", what, uv_strerror(status));
    abort();
}

static void free_handle(uv_handle_t *handle) {
    mem_free(handle);
}

/* What is deferred meanwhile goes to the next round. */
static void run_round(struct loop *loop) {
    struct deferred *items = loop->deferred.items;
    size_t count = loop->deferred.count;
    loop->deferred.items = NULL;
    loop->deferred.count = loop->deferred.capacity = 0;
    for (size_t i = 0; i < count; i++)
        items[i].call(items[i].user);
    mem_free(items);
}

/* A few rounds in one turn, which spares looking at all descriptors between them. */
static void run_deferred(uv_idle_t *idle) {
    struct loop *loop = idle->data;
    for (int i = 0; i < ROUNDS_MOST && loop->deferred.count > 0 && !loop->is_stopped; i++)
        run_round(loop);
    if (loop->deferred.count == 0)
        uv_idle_stop(idle);
}

/* Where the program was started with a standard descriptor closed, what is opened next takes its
 * place: a child's pipe, a database. This fills it, so that to use it still fails. */
static void fill_standard(void) {
    for (int fd = 0; fd < 3; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY) != fd)
            return;
}

struct loop *loop_new(struct err *err) {
    fill_standard();
    struct loop *loop = mem_zalloc(sizeof *loop);
    const int status = uv_loop_init(&loop->uv);
    if (status < 0) {
        mem_free(loop);
        err_sys(err, -status, "cannot make an event loop");
        return NULL;
    }
    must(uv_idle_init(&loop->uv, &loop->idle), "uv_idle_init");
    loop->uv.data = loop;
    loop->idle.data = loop;
    return loop;
}

struct loop *loop_new_virtual(struct virtual_time *time_taken, struct err *err) {
    struct loop *loop = loop_new(err);
    if (loop)
        loop->time = time_taken;
    else
        virtual_time_free(time_taken);
    return loop;
}

static void close_left(uv_handle_t *handle, void *user) {
    struct loop *loop = user;
    if (uv_is_closing(handle))
        return;
    bool own = handle == (uv_handle_t *)&loop->idle;
    uv_close(handle, own ? NULL : free_handle);
}

void loop_free(struct loop *loop) {
    if (!loop)
        return;
    for (size_t i = 0; i < LOOP_SLOTS; i++)
        if (loop->slots[i].object)
            loop->slots[i].release(loop->slots[i].object);
    loop->closing = true;
    uv_walk(&loop->uv, close_left, loop);
    /* A loop that was stopped when it did not run returns at once, and may have work left. */
    while (uv_run(&loop->uv, UV_RUN_DEFAULT) != 0)
        continue;
    must(uv_loop_close(&loop->uv), "cannot close the event loop");
    vec_release(&loop->deferred);
    virtual_time_free(loop->time);
    mem_free(loop);
}

static void timer_fired(struct loop_timer *timer) {
    timer->fired(timer->user);
}

static void run_virtual(struct loop *loop) {
    struct virtual_timer *due = NULL;
    while (!loop->is_stopped) {
        if (loop->deferred.count)
            run_round(loop);
        else if ((due = virtual_time_next(loop->time)))
            timer_fired((void *)((char *)due - offsetof(struct loop_timer, own)));
        else
            return;
    }
}

void loop_run(struct loop *loop) {
    loop->is_stopped = false;
    if (loop->time)
        run_virtual(loop);
    else
        uv_run(&loop->uv, UV_RUN_DEFAULT);
}

void loop_stop(struct loop *loop) {
    loop->is_stopped = true;
    if (!loop->time)
        uv_stop(&loop->uv);
}

void loop_defer(struct loop *loop, void (*call)(void *user), void *user) {
    *vec_add(&loop->deferred) = (struct deferred){call, user};
    if (!uv_is_active((uv_handle_t *)&loop->idle))
        must(uv_idle_start(&loop->idle, run_deferred), "uv_idle_start");
}

static void timer_due(uv_timer_t *uv) {
    timer_fired(uv->data);
}

static struct loop_timer *timer_make(struct loop *loop, void (*fired)(void *user), void *user) {
    struct loop_timer *timer = mem_zalloc(sizeof *timer);
    timer->fired = fired;
    timer->user = user;
    timer->time = loop->time;
    return timer;
}

struct loop_timer *loop_timer_at(struct loop *loop, int64_t mono_ns, void (*fired)(void *user),
                                 void *user) {
    struct loop_timer *timer = timer_make(loop, fired, user);
    virtual_timer_set(loop->time, &timer->own, mono_ns);
    return timer;
}

struct loop_timer *loop_timer_new(struct loop *loop, int64_t delay_ms, void (*fired)(void *user),
                                  void *user) {
    if (loop->time) {
        int64_t most_ms = VIRTUAL_AHEAD_MAX_NS / NS_PER_MS;
        int64_t ahead_ms = delay_ms < 0 ? 0 : delay_ms > most_ms ? most_ms : delay_ms;
        return loop_timer_at(loop, clock_mono_ns() + ahead_ms * NS_PER_MS, fired, user);
    }
    struct loop_timer *timer = timer_make(loop, fired, user);
    must(uv_timer_init(&loop->uv, &timer->uv), "uv_timer_init");
    timer->uv.data = timer;
    /* libuv counts from the start of this turn: a turn that took long would shorten the delay. */
    uv_update_time(&loop->uv);
    uint64_t delay = delay_ms > 0 ? (uint64_t)delay_ms : 0;
    must(uv_timer_start(&timer->uv, timer_due, delay, 0), "uv_timer_start");
    return timer;
}

void loop_timer_free(struct loop_timer *timer) {
    if (timer && timer->time) {
        virtual_timer_unset(timer->time, &timer->own);
        mem_free(timer);
    } else if (timer) {
        uv_close((uv_handle_t *)&timer->uv, free_handle);
    }
}

static void watch_start(struct loop_watch *watch);

static void watch_ready(uv_poll_t *uv, int status, int events) {
    struct loop_watch *watch = uv->data;
    /* A descriptor in error is ready for whatever was asked: the caller's read or write tells.
     * libuv has stopped the handle then. */
    int ready = status < 0 ? watch->events : 0;
    if (status < 0)
        watch_start(watch);
    if (events & UV_READABLE)
        ready |= LOOP_READ;
    if (events & UV_WRITABLE)
        ready |= LOOP_WRITE;
    watch->ready(watch->user, ready);
}

static void watch_always(uv_idle_t *uv) {
    struct loop_watch *watch = uv->data;
    watch->ready(watch->user, watch->events);
}

static void watch_init(struct loop *loop, struct loop_watch *watch, int fd) {
    /* libuv makes it non-blocking, which others would feel that share a terminal with us. */
    int flags = fcntl(fd, F_GETFL);
    int status = uv_poll_init(&loop->uv, &watch->uv.poll, fd);
    if (flags >= 0 && !(flags & O_NONBLOCK))
        fcntl(fd, F_SETFL, flags);
    if (status == UV_EPERM) {
        watch->always = true;
        status = uv_idle_init(&loop->uv, &watch->uv.idle);
    }
    must(status, "cannot watch a descriptor");
    watch->uv.handle.data = watch;
}

struct loop_watch *loop_watch_new(struct loop *loop, int fd, int events,
                                  void (*ready)(void *user, int events), void *user) {
    struct loop_watch *watch = mem_zalloc(sizeof *watch);
    watch->ready = ready;
    watch->user = user;
    watch_init(loop, watch, fd);
    watch->events = events;
    watch_start(watch);
    return watch;
}

static void watch_start(struct loop_watch *watch) {
    int uv = (watch->events & LOOP_READ ? UV_READABLE : 0) |
             (watch->events & LOOP_WRITE ? UV_WRITABLE : 0);
    if (watch->always)
        must(uv ? uv_idle_start(&watch->uv.idle, watch_always) : uv_idle_stop(&watch->uv.idle),
             "uv_idle_start");
    else
        must(uv ? uv_poll_start(&watch->uv.poll, uv, watch_ready) : uv_poll_stop(&watch->uv.poll),
             "uv_poll_start");
}

void loop_watch_set(struct loop_watch *watch, int events) {
    if (events == watch->events)
        return; /* libuv would take the descriptor out of epoll and put it back */
    watch->events = events;
    watch_start(watch);
}

void loop_watch_hold(struct loop_watch *watch, bool hold) {
    if (hold)
        uv_ref(&watch->uv.handle);
    else
        uv_unref(&watch->uv.handle);
}

void loop_watch_free(struct loop_watch *watch) {
    if (watch)
        uv_close(&watch->uv.handle, free_handle);
}

static void job_work(uv_work_t *uv) {
    struct loop_job *job = uv->data;
    job->work(job->user);
}

static void job_done(uv_work_t *uv, int status) {
    (void)status;
    struct loop_job *job = uv->data;
    struct loop *loop = uv->loop->data;
    void (*told)(void *) = loop->closing ? job->dropped : job->done;
    if (told)
        told(job->user);
    mem_free(job);
}

void loop_work(struct loop *loop, void (*work)(void *user), void (*done)(void *user), void *user) {
    loop_work_owned(loop, work, done, NULL, user);
}

void loop_work_owned(struct loop *loop, void (*work)(void *user), void (*done)(void *user),
                     void (*dropped)(void *user), void *user) {
    struct loop_job *job = mem_zalloc(sizeof *job);
    job->work = work;
    job->done = done;
    job->dropped = dropped;
    job->user = user;
    job->uv.data = job;
    must(uv_queue_work(&loop->uv, &job->uv, job_work, job_done), "uv_queue_work");
}

static void signal_caught(uv_signal_t *uv, int signum) {
    struct loop_signal *signal = uv->data;
    signal->caught(signal->user, signum);
}

struct loop_signal *loop_signal_new(struct loop *loop, int signum,
                                    void (*caught)(void *user, int signum), void *user) {
    struct loop_signal *signal = mem_zalloc(sizeof *signal);
    signal->caught = caught;
    signal->user = user;
    must(uv_signal_init(&loop->uv, &signal->uv), "uv_signal_init");
    signal->uv.data = signal;
    must(uv_signal_start(&signal->uv, signal_caught, signum), "uv_signal_start");
    return signal;
}

void loop_signal_background(struct loop_signal *signal) {
    uv_unref((uv_handle_t *)&signal->uv);
}

void loop_signal_free(struct loop_signal *signal) {
    if (signal)
        uv_close((uv_handle_t *)&signal->uv, free_handle);
}

void *loop_slot_get(struct loop *loop, enum loop_slot slot) {
    return loop->slots[slot].object;
}

void loop_slot_set(struct loop *loop, enum loop_slot slot, void *object,
                   void (*release)(void *object)) {
    loop->slots[slot] = (struct slot){object, release};
}
