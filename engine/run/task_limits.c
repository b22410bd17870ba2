/* How often and how long a step may try, as it and its file say. */
#include <math.h>

#include "run/task.h"

const struct retry *task_retry_of(const struct step *step, const struct runbook *file) {
    if (step->more->retry)
        return step->more->retry;
    /* Only the author of the very step may say that a `once` step is repeated. */
    return step_effect(step) == EFFECT_ONCE ? NULL : file->defaults.retry;
}

static int64_t limit_of(int64_t own, int64_t fallback, const struct step *step) {
    int64_t limit = own ? own : step->type->is_passive ? 0 : fallback;
    return limit == FIELD_ZERO_MS ? 0 : limit;
}

int64_t task_timeout_of(const struct step *step, const struct runbook *file) {
    return limit_of(step->timeout_ms, file->defaults.timeout_ms, step);
}

int64_t task_deadline_of(const struct step *step, const struct runbook *file) {
    return limit_of(step->more->deadline_ms, file->defaults.deadline_ms, step);
}

/* Exponential, capped, and spread so that many that failed together do not return together. */
int64_t task_retry_delay(const struct retry *retry, int64_t attempt) {
    double delay = (double)retry->delay_ms * pow(retry->backoff, (double)(attempt - 1));
    if (retry->max_delay_ms > 0 && delay > (double)retry->max_delay_ms)
        delay = (double)retry->max_delay_ms;
    if (retry->jitter > 0)
        delay += delay * retry->jitter * ((double)arc4random_uniform(2000001) / 1000000.0 - 1.0);
    return delay < 0 ? 0 : delay > 9e12 ? INT64_C(9000000000000) : (int64_t)delay;
}
