/* Replay: the interpreter once more, in virtual time, with every effect answered from a
 * transcript: results, durations, locks, what people chose, signals. Nothing is begun, asked,
 * written or looked up.
 *
 * What is recorded comes at the moment at which it came then, counted from the beginning of the
 * run, or of the attempt where that begins later now. What follows from it (conditions,
 * expectations, retries, order, rollback, the end) is decided anew. An attempt of which nothing is
 * recorded, or whose input depends on such a one, is unanswerable: replay says so and goes on as
 * if it had succeeded and yielded nothing. */
#ifndef RUN_REPLAY_H
#define RUN_REPLAY_H

#include "run/past.h"
#include "run/run.h"

struct drift;
struct loop;

struct replay_options {
    struct past *past;
    struct plan *plan;
    const struct run_ui *ui; /* only `event` is told */
    /* How the plan differs from the one that was executed; NULL: it does not. */
    const struct drift *drift;
    const char *const *fail, *const *timeout, *const *reject; /* paths of steps; NULL-terminated */
    /* Of an attempt that nothing answers: which, and why. */
    void (*unanswerable)(void *user, const char *phase, const char *step, const char *why);
    void *user;
};

enum replay_end {
    REPLAY_OVER,     /* the run came to its end */
    REPLAY_LEFT,     /* the record ends before the run does, and so does what it answers */
    REPLAY_DEAD_END, /* the run waits for something that the record does not tell */
};

/* The loop's time is virtual, and stands at the beginning of the run. */
int replay_run(struct loop *loop, const struct replay_options *options, enum replay_end *ret_end,
               struct diag *diag, struct err *err) MUST_USE;

#endif
