/* The dry run: what is read really runs, what has its own `dry_run:` tries that, the rest is only
 * shown, and each is called what it is. What depends on something that was only shown is only
 * shown, too: a guess would be a lie. */
#ifndef RUN_DRYRUN_H
#define RUN_DRYRUN_H

#include "run/engine.h"

enum dryrun_word { DRYRUN_RAN, DRYRUN_TRIED, DRYRUN_SHOWN, DRYRUN_WORDS };

/* Whether anything is run for the node's step; *ret_tried where it is its `dry_run:` command. */
bool dryrun_runs(struct node *node, bool *ret_tried);
/* Whether its expressions look at the result of a step that was only shown. */
bool dryrun_is_unknown(struct node *node);
/* Settles the node as shown. */
void dryrun_show(struct node *node);
void dryrun_count(struct run *run, enum dryrun_word word);
/* {ran, tried, shown}; owned. */
value dryrun_counts(const struct run *run);

#endif
