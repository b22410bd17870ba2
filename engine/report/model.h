/* A run for people: a fold over the events of its transcript, from a file or as they come. The
 * terminal, `show`, `runs` and every report read this. */
#ifndef REPORT_MODEL_H
#define REPORT_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "journal/event.h"

/* What is not told of most steps, least of all where the model is brief: they share one of these in
 * which nothing is. */
struct model_more {
    char *reason; /* of a skip or doubt; of a failure, the last lines of output */
    char *error;
    char *hint;
    const char *effect; /* words, as those of the step */
    const char *dry;    /* what a dry run did about it: ran, tried, checked or shown; or NULL */
    char *message;      /* what people were asked */
    char *answer, *by, *comment;                /* what they said last */
    value plan, result, outputs, output, notes; /* VALUE_NONE where there are none */
};

struct model_step {
    const char *step; /* path */
    /* Words that many steps share live as long as the model. */
    const char *phase; /* run, rollback, finally */
    const char *action;
    const char *status; /* a step state of language.md: pending, running, succeeded, … */
    char *title;        /* may be NULL */
    const struct model_more *more; /* never NULL */
    int64_t attempt;
    int64_t started_mono_ns;
    int64_t duration_ms;
    bool settled; /* counted in steps_done */
};

struct model {
    /* To be set before the first event: effect, plan, result, outputs, output and notes of steps
     * are not kept, which are most of its memory. */
    bool brief;
    char *run, *runbook, *name, *user, *host, *profile, *engine;
    bool dry_run;
    bool finished;
    char *status; /* running, succeeded, failed, … as run.finished says */
    char *reason; /* the step that decided how it ended */
    char *error;  /* what went wrong there */
    int64_t exit;
    int64_t steps_total; /* of the graph */
    size_t steps_done;
    int64_t started_wall_ns, started_mono_ns, last_wall_ns, last_mono_ns;
    int64_t duration_ms;
    value params;     /* VALUE_NONE until known, as are those below */
    value objectives; /* as EVENT_FIELDS says */
    value hands;
    value counts;
    value gate_notes;      /* of the gate that opened last, while it is open */
    char *rollback_status; /* NULL: none; running, rolled_back, rollback_failed */
    char *rollback_reason;
    size_t signals, resumes;
    struct model_step **steps; /* in order of first mention */
    size_t step_count;
    /* private */
    size_t step_capacity;
    struct index *index; /* of the steps */
    struct map *words;
    struct arena *arena;              /* of the steps */
    const struct model_more *nothing; /* told of those that have no more */
};

void model_init(struct model *model);
void model_release(struct model *model);
void model_apply(struct model *model, const struct event *event);
/* Of an event's JSON members those that it looks at, as EVENT_BIT()s. */
uint64_t model_wants(const struct model *model);
/* Reads a whole transcript. A damaged one yields -1 after applying what came before. */
int model_read(struct model *model, const char *path, struct err *err) MUST_USE;
/* No engine is at a run that has no end: it is in doubt where a step is, else it crashed, and
 * what was under way is incomplete. `exit` is what its last engine returned, or 0. */
void model_abandon(struct model *model, int64_t exit);
/* What a record of a dry run says was done about its step: ran, tried, checked, shown; or NULL. */
const char *model_dry_word(const struct event *event);
/* Whether it has begun, or waits, and has not ended. */
bool model_step_is_open(const struct model_step *step);
struct model_step *model_find(const struct model *model, const char *phase, const char *step);

#endif
