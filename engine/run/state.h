/* The life of a step as a total table: every state, every event. */
#ifndef RUN_STATE_H
#define RUN_STATE_H

#include <stdbool.h>

enum step_state {
    STATE_PENDING,
    STATE_SKIPPED,
    STATE_WAITING, /* for a lock, a person, a time, the next attempt */
    STATE_RUNNING,
    STATE_SUCCEEDED,
    STATE_FAILED,
    STATE_CANCELLED,
    STATE_IN_DOUBT,
    STATE_ROLLING_BACK,
    STATE_ROLLED_BACK,
    STATE_ROLLBACK_FAILED,
    STATE_COUNT,
};

enum state_event {
    STATE_EVENT_SKIP,
    STATE_EVENT_WAIT,
    STATE_EVENT_START,
    STATE_EVENT_SUCCEED,
    STATE_EVENT_FAIL,
    STATE_EVENT_CANCEL,
    STATE_EVENT_DOUBT,
    STATE_EVENT_UNDO,
    STATE_EVENT_UNDONE,
    STATE_EVENT_UNDO_FAIL,
    STATE_EVENT_COUNT,
};

/* Aborts with a message where the event cannot happen in the state: that is a bug. */
enum step_state state_next(enum step_state state, enum state_event event);
const char *state_name(enum step_state state);
/* Whether the step's own act is over: it was skipped or has an outcome. */
bool state_is_settled(enum step_state state);

#endif
