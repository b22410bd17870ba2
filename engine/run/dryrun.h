/* The dry run: the same walk of the graph, in which what only reads really runs, what has its own
 * `dry_run:` tries that, and of all else the parts are looked at by its type. Each is called what
 * it is. What depends on something that is not known is only shown: a guess would be a lie.
 *
 * Nothing stops at what would fail, so that all of it is found; handlers are looked at behind the
 * steps, in the order in which they would run. */
#ifndef RUN_DRYRUN_H
#define RUN_DRYRUN_H

#include "run/task.h"

enum dryrun_word { DRYRUN_RAN, DRYRUN_TRIED, DRYRUN_CHECKED, DRYRUN_SHOWN, DRYRUN_WORDS };

/* Why it is not known whether the node's condition holds, or NULL; the caller frees. */
char *dryrun_doubts(const struct node *node);
/* Whether there is anything to be done about the node; else it was shown, with the reason. */
bool dryrun_enters(struct node *node);
/* How the task's step is carried out. */
void dryrun_choose(struct task *task);
/* Whether the probe can be asked: it looks at nothing that is not known. */
bool dryrun_knows(const struct frame *frame, const struct step *step);
/* ERR_UNKNOWN where the text looks at what is not known. */
int dryrun_check(const struct frame *frame, const struct template *tmpl, struct err *err) MUST_USE;

/* How long what a task rehearses may take. */
int64_t dryrun_limit(int64_t limit_ms);
/* Settles the node as shown. */
void dryrun_show(struct node *node, const char *why);
/* What a record says of a dry run: the word, before other notes; owned. */
value dryrun_notes(enum dryrun_word word, value notes);
/* Counts what was done about the task's step, and says so in its last record; `*ret_notes`, owned,
 * must outlive the event. */
void dryrun_record(const struct task *task, struct event *event, value *ret_notes);
/* `.steps.ID` with a mark where it is not what a real run would yield. */
value dryrun_publish(const struct task *task, bool ok, value published_taken);
/* A step that would fail: the walk goes on, and the run ends as one that failed. */
void dryrun_failed(struct node *node, bool is_tolerated);
/* All members are settled: whether one would fail is its owner's, too. */
void dryrun_frame_over(struct frame *frame);
/* What it came to, of an act that is over; false: its result is judged as in a real run. */
bool dryrun_judge(struct step_ctx *act);
/* What failed, and need not fail once the steps above have really run, is only shown. */
void dryrun_excuse(struct step_ctx *act);
/* In a replay: the record decides it. */
bool dryrun_is_verdict(const struct step_ctx *act);
/* {ran, tried, checked, shown}; owned. */
value dryrun_counts(const struct run *run);

#endif
