/* The guard's own small loop: descriptors and timers. */
#ifndef GUARD_EVENTS_H
#define GUARD_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

struct events;
struct events *events_new(void);
void events_free(struct events *events);
/* Waits, and calls back for one descriptor and all timers that are due. */
void events_turn(struct events *events);

/* The descriptor stays the caller's: free the watch before closing it. NULL is legal. */
struct watch;
struct watch *watch_new(struct events *events, int fd, void (*ready)(void *user), void *user);
/* Also called back, or no more, when it can be written. */
void watch_want_room(struct watch *watch, bool want);
void watch_free(struct watch *watch);

/* One shot; valid (and idle) after it fired, until timer_free, which its callback may call. */
struct timer;
struct timer *timer_new(struct events *events, int64_t delay_ms, void (*fired)(void *user),
                        void *user);
void timer_free(struct timer *timer);

#endif
