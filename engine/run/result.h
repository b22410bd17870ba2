/* What an attempt leaves behind: in the transcript, and for expressions. */
#ifndef RUN_RESULT_H
#define RUN_RESULT_H

#include "run/act.h"

/* Null where there is none. */
struct result {
    value data;    /* what `.` was in expect */
    value outputs; /* by name */
    value output;  /* stored streams */
    value notes;
    value kept_data, kept_outputs; /* as the record has them */
};
/* Of an act, which may be NULL. */
void result_of_act(struct result *result, const struct step_ctx *act);
/* Sets the members of a record; what is large goes to a file named by path and label. */
void result_record(struct result *result, struct run *run, const struct step *step,
                   const char *path, const char *label, struct event *event);
void result_release(struct result *result);
/* What a record has room for: of a list the first items, of anything else the beginning as text.
 * `most` is in bytes of JSON. */
value result_fit(value taken, size_t most);

/* What expressions see of a stream, of which there is more where `cut`; owned. */
value result_stream(const char *head, size_t length, bool cut);
value result_json(value text, bool cut); /* the same as JSON, or null; owned */

/* `.steps.ID`; owned. */
value result_publish(const struct result *result, const char *status, int64_t attempts,
                     int64_t duration_ms, const char *error);

#endif
