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
    bool has_begun;                         /* its first attempt */
    int64_t unhappened; /* how many of the attempts did not happen: they do not count */
    bool is_tried;      /* `dry_run:` stands in for the step */
    bool is_rehearsed;  /* in a dry run: its type looks whether it could be run */
    bool is_cancelled;
    bool is_queued;        /* it failed, and a person is asked about another first */
    bool had_effect;       /* an earlier attempt may have changed something */
    bool wants_slot;       /* it has its lock, and waits for a free one of --jobs */
    bool is_body, is_late; /* carried out by frames of its own; its time was up */
    struct result body;    /* of those frames, or of an attempt as the transcript tells it */
    bool is_orphaned;      /* an engine before this one began the attempt */
    bool is_recalled;      /* the latter */
    bool is_between;       /* recalled: an attempt failed, and the next has not begun */
    size_t unknown_before; /* in a dry run: how many results were not known when it began */
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

/* task.c: for the rooms that see a task through a doubt, or out of the past. */
void task_lock_begin(struct task *task); /* the lock, then the first attempt */
/* Of a task that an engine before this one began; ERR_BUSY where another run holds it now. */
int task_lock_retake(struct task *task, struct err *err) MUST_USE;
void task_attempt_begin(struct task *task);
void task_attempt_next(void *task); /* when the pause before it is over */
void task_attempt_over(struct task *task);
void task_act_over(void *task, struct step_ctx *act);
void task_service_ready(void *task, struct service *service, const char *error);
void task_call_off(struct task *task, const char *why); /* before it began */
bool task_may_go_on(const struct task *task);
int64_t task_attempt_limit(const struct task *task);
char *task_label(const struct task *task); /* of its output files; the caller frees */
void task_verdict(const struct task *task, struct verdict *ret);
/* Whether what has begun so far may have changed something; certain: nothing of it runs now. */
bool task_may_have_done(const struct task *task);
bool task_is_certain(const struct task *task);

/* task_ask.c: whether a person decides over the failure, now or behind those before it. */
bool task_ask(struct task *task, const struct verdict *verdict);
/* The run was decided without the answer about it. */
void task_unask(struct task *task);

/* task_limits.c: what holds for the step in this file: how often, and how long; 0 is without a
 * limit. */
const struct retry *task_retry_of(const struct step *step, const struct runbook *file);
int64_t task_timeout_of(const struct step *step, const struct runbook *file);
int64_t task_deadline_of(const struct step *step, const struct runbook *file);
/* Behind so many attempts. */
int64_t task_retry_delay(const struct retry *retry, int64_t attempt);

/* Whether the step's limits, `lock`, `done_when`, `expect` and `outputs` are this task's: a loop
 * hands them to its items, which are steps of their own; the items of a looped group are not. */
bool task_owns_keys(const struct task *task);
/* Begins the frames; the task may be over when it returns. */
void task_body_begin(struct task *task);
void task_body_late(struct task *task); /* its time is up */
/* Its members go on, and so does its time. */
void task_body_go_on(struct task *task, int64_t elapsed_ms);

/* What the attempt that failed left, for the record of the answer that begins another: no other
 * record would name its output. The result is released behind the record. */
void task_attempt_evidence(struct task *task, struct result *ret, struct event *event);

#endif
