/* A node's step being carried out; shared by the rooms that carry it out. */
#ifndef RUN_TASK_H
#define RUN_TASK_H

#include "run/act.h"
#include "run/result.h"

struct task {
    struct node *node;
    const struct step *step;
    char *path;
    struct probe *probe;
    struct lock *lock;
    struct step_ctx *act; /* of the attempt; a service keeps its own */
    struct service *service;
    struct loop_timer *timer; /* until the next attempt, or the deadline's end while it runs */
    int64_t attempt, began_ns, deadline_ns; /* 0: none */
    bool is_tried;                          /* `dry_run:` stands in for the step */
    bool is_cancelled;
    bool had_effect;       /* an earlier attempt may have changed something */
    bool wants_slot;       /* it has its lock, and waits for a free one of --jobs */
    bool is_body, is_late; /* carried out by frames of its own; its time was up */
    struct result body;    /* of those frames */
    size_t shown_before;   /* in a dry run: how many steps were only shown when it began */
    char *error;
};

struct verdict {
    enum step_outcome outcome;
    bool without_effect;
    const char *error, *hint, *last_lines;
};

struct run *task_run(const struct task *task);
/* Writes the outcome down, settles the node and frees the task. */
void task_finish(struct task *task, const struct verdict *verdict);

/* Whether the step's limits, `lock`, `done_when`, `expect` and `outputs` are this task's: a loop
 * hands them to its items, which are steps of their own; the items of a looped group are not. */
bool task_owns_keys(const struct task *task);
/* Begins the frames; the task may be over when it returns. */
void task_body_begin(struct task *task);

#endif
