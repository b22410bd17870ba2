/* What a person sees of a run: the watcher of engine/run/run.h on a terminal, in a log, as
 * records, or hardly at all; and the questions that the person answers. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include "cli/lines.h"
#include "run/run.h"

enum progress_mode {
    PROGRESS_LIVE,  /* running steps redrawn at the bottom of a terminal */
    PROGRESS_PLAIN, /* a line an event */
    PROGRESS_QUIET, /* what went wrong, and the summary where it did */
    PROGRESS_JSON,  /* the records as they are written */
};

struct progress_options {
    enum progress_mode mode;
    struct text_style style;
    int64_t rto_ms;          /* 0: none was promised */
    const struct plan *plan; /* to tell when the run is expected to end; NULL: that is not told */
    int64_t jobs;            /* most steps that run at once; 0: RUN_JOBS */
    struct loop *loop;
    /* All that is shown goes here; must take everything or drop it for good. */
    void (*write)(void *user, const char *bytes, size_t length);
    /* Size of the terminal, asked anew after each resize; NULL: as `style` and 24 rows. */
    void (*size)(void *user, size_t *ret_columns, size_t *ret_rows);
    void *user;
    /* Somebody is there to answer; `by` is who. */
    bool interactive;
    bool ask_on_failure;    /* show the menu; else `on_failure` is the answer */
    enum run_choice choice; /* what is chosen when a step failed and nobody is to be asked */
    const char *by;
    /* Prompts go here where `write` is no terminal; NULL: to `write`. */
    void (*write_prompt)(void *user, const char *bytes, size_t length);
};

struct progress;
/* Copies the options. */
struct progress *progress_new(const struct progress_options *options);
void progress_free(struct progress *progress);
/* Its members point into `progress`. */
const struct run_ui *progress_ui(struct progress *progress);
/* A record of engines before this one: known from here on, but not shown. */
void progress_past(struct progress *progress, const struct event *event);
/* Whom the answers go to: as soon as run_begin has returned. */
void progress_set_run(struct progress *progress, struct run *run);
/* Takes the live region away and prints the summary of a run that ended with this exit status. */
void progress_finish(struct progress *progress, const char *dir, int status);

/* Draws now, whatever the timer says. For tests, and after a resize. */
void progress_redraw(struct progress *progress);

#endif
