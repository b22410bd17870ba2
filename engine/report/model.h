/* A run for people: a fold over the events of its transcript, from a file or as they come. The
 * terminal, `show`, `runs` and every report read this. */
#ifndef REPORT_MODEL_H
#define REPORT_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "journal/event.h"

struct model_step {
    char *step;  /* path */
    char *phase; /* run, rollback, finally */
    char *title; /* may be NULL */
    char *action;
    char *status; /* a step state of language.md: pending, running, succeeded, … */
    char *reason; /* of a skip or doubt, or the error */
    char *hint;
    int64_t attempt, attempts;
    int64_t started_mono_ns;
    int64_t duration_ms;
    value result, outputs, output; /* VALUE_NONE where there are none */
};

struct model {
    char *run, *runbook, *name, *user, *host, *profile, *engine;
    bool dry_run;
    bool finished;
    char *status; /* running, succeeded, failed, … as run.finished says */
    int64_t exit;
    int64_t steps_total; /* of the graph */
    size_t steps_done;
    int64_t started_wall_ns, started_mono_ns, last_mono_ns;
    int64_t duration_ms;
    value objectives; /* VALUE_NONE until known */
    value hands;
    struct model_step **steps; /* in order of first mention */
    size_t step_count;
    /* private */
    struct map *index;
};

void model_init(struct model *model);
void model_release(struct model *model);
void model_apply(struct model *model, const struct event *event);
/* Reads a whole transcript. A damaged one yields -1 after applying what came before. */
int model_read(struct model *model, const char *path, struct err *err) MUST_USE;
struct model_step *model_find(const struct model *model, const char *phase, const char *step);

#endif
