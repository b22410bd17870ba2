/* Time that passes as fast as nothing happens: the timers of a loop that asks no system for
 * anything. Both clocks of base/clock stand still until the next timer is due, and then jump. */
#ifndef IO_LOOP_VIRTUAL_H
#define IO_LOOP_VIRTUAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* No moment lies further ahead: 100 years. */
#define VIRTUAL_AHEAD_MAX_NS INT64_C(3153600000000000000)

/* Embedded in what is to be called. */
struct virtual_timer {
    int64_t at_ns;  /* on the monotonic clock */
    uint64_t order; /* of those that are due at the same moment, the first set is the first */
    size_t place;   /* in the heap, from 1; 0: not set */
};

/* Sleeps through a pause of the replayed time; NULL: there are no pauses. */
typedef void virtual_pause(void *user, int64_t real_ns);

struct virtual_time;
/* From here on the clocks stand at these values. A pause is handed to `pause` in pieces, divided
 * by `speed`. */
struct virtual_time *virtual_time_new(int64_t wall_ns, int64_t mono_ns, virtual_pause *pause,
                                      void *user, int64_t speed);
void virtual_time_free(struct virtual_time *time); /* the clocks are the machine's again */

void virtual_timer_set(struct virtual_time *time, struct virtual_timer *timer, int64_t at_ns);
void virtual_timer_unset(struct virtual_time *time, struct virtual_timer *timer);
/* Lets time pass until the first timer is due and takes it out; NULL where none is set. */
struct virtual_timer *virtual_time_next(struct virtual_time *time);

#endif
