/* Drives small runbooks through the interpreter: a temporary RUNBOOK_HOME, a scripted watcher, and
 * the records of the transcript as they came. */
#ifndef SUPPORT_RUN_WORLD_H
#define SUPPORT_RUN_WORLD_H

#include "base/vec.h"
#include "io/loop.h"
#include "plan/plan.h"
#include "run/past.h"
#include "run/run.h"

struct record {
    enum event_type type;
    char *step, *phase, *status, *error; /* "" where absent */
    int64_t attempt, exit;
    bool without_effect;
    value json; /* its line */
};

struct world {
    char *home;
    struct loop *loop;
    struct plan *plan;
    struct run *run;
    struct past *past; /* of the run that was resumed, or NULL */
    VEC(struct record) records;
    enum run_exit exit;
    /* What the script does; NULL: nothing. Called when the record has been kept. */
    void (*on_record)(struct world *world, const struct record *record);
    /* Whether a gate is opened; NULL: nobody can be asked. */
    bool (*on_gate)(struct world *world, const char *step);
    /* What a person decides; NULL: the run's own rule applies. `step` is NULL at an interrupt. */
    enum run_choice (*on_choice)(struct world *world, const char *step);
    struct run_options options; /* jobs, yes, cancel_running, sync: before world_run */
    void *user;
    char *question; /* what was asked last, or NULL */
    VEC(struct pending *) pending;
};

/* For cmocka: a world of its own as the state of a test, which gives up after a minute. */
int world_setup(void **state);
int world_teardown(void **state);
void world_init(struct world *world);
void world_release(struct world *world);
/* Writes a file beside the runbook; world_plan reads "runbook.yaml". */
void world_file(struct world *world, const char *name, const char *text);
/* Loads it, with every error of it printed and failing the test. */
void world_plan(struct world *world, const struct plan_options *options);
/* world_plan, and runs it; the exit status. Records of an earlier run are dropped. */
enum run_exit world_run(struct world *world, const char *yaml);
/* A new run directory with the first `lines` of the transcript of the run that ended; the caller
 * frees its path. */
char *world_cut(struct world *world, size_t lines);
/* Goes on with the run in that directory. Its records, and those of the rest, are world->records.
 */
enum run_exit world_resume(struct world *world, const char *dir);
/* Keeps the transcript's path in the result; the caller frees. */
char *world_transcript(const struct world *world);

/* The first record of the type for the step in the phase ("" any), or NULL. */
const struct record *world_find(const struct world *world, enum event_type type, const char *step,
                                const char *phase);
size_t world_count(const struct world *world, enum event_type type, const char *step,
                   const char *phase);
/* Index of the record, SIZE_MAX for NULL. */
size_t world_at(const struct world *world, const struct record *record);

#endif
