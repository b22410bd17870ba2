/* The one event loop, on libuv: timers, descriptors, signals, and work in threads. */
#ifndef IO_LOOP_H
#define IO_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct loop;
/* NULL where descriptors for it are lacking. */
struct loop *loop_new(struct err *err) MUST_USE;
/* Frees what rooms keep on it, too, and all timers, watches and signals that are left. Work that
 * is under way is waited for, without its `done`. */
void loop_free(struct loop *loop);
/* Runs until loop_stop, or until nothing is left that could wake it. */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

/* A loop in virtual time (io/loop_virtual.h): only what is deferred and timers, in their order.
 * Nothing may be watched, worked on or signalled there. One at a time: the clocks follow it. */
struct virtual_time;
struct loop *loop_new_virtual(struct virtual_time *time_taken, struct err *err) MUST_USE;
/* There: at this moment of the monotonic clock, or now where it is past. */
struct loop_timer *loop_timer_at(struct loop *loop, int64_t mono_ns, void (*fired)(void *user),
                                 void *user);

/* Calls back in the next turn, in the order of the calls. */
void loop_defer(struct loop *loop, void (*call)(void *user), void *user);

/* One shot. The handle is freed by loop_timer_free, also from within its own callback; it stays
 * valid (and idle) after it fired until then. NULL is legal. */
struct loop_timer;
struct loop_timer *loop_timer_new(struct loop *loop, int64_t delay_ms, void (*fired)(void *user),
                                  void *user);
void loop_timer_free(struct loop_timer *timer);

/* Watches a descriptor, which stays the caller's: free the watch before closing it. Its flags are
 * left alone. A file, which epoll refuses, counts as always ready. */
#define LOOP_READ 1
#define LOOP_WRITE 2
struct loop_watch;
struct loop_watch *loop_watch_new(struct loop *loop, int fd, int events,
                                  void (*ready)(void *user, int events), void *user);
void loop_watch_set(struct loop_watch *watch, int events); /* 0 pauses */
/* Whether it keeps loop_run going; it does unless it is said. */
void loop_watch_hold(struct loop_watch *watch, bool hold);
void loop_watch_free(struct loop_watch *watch);

/* `work` runs in a thread, then `done` on the loop. */
void loop_work(struct loop *loop, void (*work)(void *user), void (*done)(void *user), void *user);
/* The same; `dropped` is called in place of `done` where loop_free came first. */
void loop_work_owned(struct loop *loop, void (*work)(void *user), void (*done)(void *user),
                     void (*dropped)(void *user), void *user);

struct loop_signal;
struct loop_signal *loop_signal_new(struct loop *loop, int signum,
                                    void (*caught)(void *user, int signum), void *user);
void loop_signal_background(struct loop_signal *signal); /* it does not keep loop_run going */
void loop_signal_free(struct loop_signal *signal);

/* What an io room keeps with the loop; `release` runs in loop_free. */
enum loop_slot { LOOP_SLOT_PROCESS, LOOP_SLOT_HTTP, LOOP_SLOT_QUERIES, LOOP_SLOT_PG, LOOP_SLOTS };
void *loop_slot_get(struct loop *loop, enum loop_slot slot);
void loop_slot_set(struct loop *loop, enum loop_slot slot, void *object,
                   void (*release)(void *object));

#endif
