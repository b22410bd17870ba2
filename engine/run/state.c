#include "run/state.h"

#define NEVER STATE_COUNT

/* One column an event: skip, wait, start, succeed, fail, cancel, doubt, undo, undone, undo_fail.
 * A finished step may fail once more: a service that dies early, a group whose member failed. */
static const enum step_state next[STATE_COUNT][STATE_EVENT_COUNT] = {
    [STATE_PENDING] = {STATE_SKIPPED, STATE_WAITING, STATE_RUNNING, STATE_SUCCEEDED, STATE_FAILED,
                       STATE_CANCELLED, NEVER, STATE_ROLLING_BACK, NEVER, NEVER},
    [STATE_SKIPPED] = {NEVER, NEVER, NEVER, NEVER, NEVER, NEVER, NEVER, NEVER, NEVER, NEVER},
    [STATE_WAITING] = {STATE_SKIPPED, STATE_WAITING, STATE_RUNNING, NEVER, STATE_FAILED,
                       STATE_CANCELLED, NEVER, NEVER, NEVER, NEVER},
    [STATE_RUNNING] = {STATE_SKIPPED, STATE_WAITING, STATE_RUNNING, STATE_SUCCEEDED, STATE_FAILED,
                       STATE_CANCELLED, STATE_IN_DOUBT, NEVER, NEVER, NEVER},
    [STATE_SUCCEEDED] = {NEVER, NEVER, NEVER, NEVER, STATE_FAILED, NEVER, NEVER, STATE_ROLLING_BACK,
                         NEVER, NEVER},
    [STATE_FAILED] = {NEVER, NEVER, NEVER, NEVER, NEVER, NEVER, NEVER, STATE_ROLLING_BACK, NEVER,
                      NEVER},
    [STATE_CANCELLED] = {NEVER, NEVER, NEVER, NEVER, NEVER, NEVER, NEVER, STATE_ROLLING_BACK, NEVER,
                         NEVER},
    [STATE_IN_DOUBT] = {NEVER, NEVER, STATE_RUNNING, STATE_SUCCEEDED, STATE_FAILED, NEVER, NEVER,
                        STATE_ROLLING_BACK, NEVER, NEVER},
    [STATE_ROLLING_BACK] = {NEVER, STATE_ROLLING_BACK, STATE_ROLLING_BACK, NEVER, NEVER, NEVER,
                            STATE_IN_DOUBT, STATE_ROLLING_BACK, STATE_ROLLED_BACK,
                            STATE_ROLLBACK_FAILED},
    [STATE_ROLLED_BACK] = {NEVER, NEVER, NEVER, NEVER, NEVER, NEVER, NEVER, NEVER, NEVER, NEVER},
    [STATE_ROLLBACK_FAILED] = {NEVER, NEVER, NEVER, NEVER, NEVER, NEVER, NEVER, STATE_ROLLING_BACK,
                               NEVER, NEVER},
};

static const char *const names[STATE_COUNT + 1] = {
    "pending",   "skipped",  "waiting",      "running",     "succeeded",       "failed",
    "cancelled", "in_doubt", "rolling_back", "rolled_back", "rollback_failed", "(impossible)",
};

static const char *const event_names[STATE_EVENT_COUNT] = {
    "skip", "wait", "start", "succeed", "fail", "cancel", "doubt", "undo", "undone", "undo_fail",
};

enum step_state state_next(enum step_state state, enum state_event event) {
    enum step_state to = next[state][event];
    if (to == NEVER) {
        fprintf(stderr, "runbook: bug: a step that is %s cannot %s\n", names[state],
                event_names[event]);
        abort();
    }
    return to;
}

const char *state_name(enum step_state state) {
    return names[state];
}

bool state_is_settled(enum step_state state) {
    return state != STATE_PENDING && state != STATE_WAITING && state != STATE_RUNNING;
}
