/* What an attempt leaves behind: in the transcript, and for expressions. */
#ifndef RUN_RESULT_H
#define RUN_RESULT_H

#include "run/act.h"

/* The members of a record; `act` may be NULL. Large results go to a file of the run. */
struct result {
    value data, outputs, output, notes;
};
void result_init(struct result *result, struct run *run, const struct step *step, const char *path,
                 const char *label, const struct step_ctx *act);
void result_set(const struct result *result, struct event *event);
void result_release(struct result *result);

/* `.steps.ID`; owned. */
value result_publish(const char *status, int64_t attempts, int64_t duration_ms, const char *error,
                     const struct step_ctx *act);

#endif
