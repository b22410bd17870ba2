/* The dry run: what is read really runs, what has its own `dry_run:` tries that, the rest is only
 * shown, and each is called what it is. */
#ifndef RUN_DRYRUN_H
#define RUN_DRYRUN_H

#include "run/engine.h"

enum dryrun_word { DRYRUN_RAN, DRYRUN_TRIED, DRYRUN_SHOWN, DRYRUN_WORDS };

/* Whether anything is run for the step; *ret_tried where it is its `dry_run:` command. */
bool dryrun_runs(const struct step *step, bool *ret_tried);
void dryrun_count(struct run *run, enum dryrun_word word);
/* {ran, tried, shown}; owned. */
value dryrun_counts(const struct run *run);

#endif
