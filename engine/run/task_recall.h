/* Tasks out of the past: what the transcript tells of their attempts, and how they go on where it
 * ends. */
#ifndef RUN_TASK_RECALL_H
#define RUN_TASK_RECALL_H

#include "run/past.h"
#include "run/task.h"

/* Its attempt has begun, as is recorded. */
void task_await_recalled(struct task *task);
/* An attempt failed and another follows; a service answers; a doubt came up, or was settled. */
void task_recall(struct task *task, const struct event *event);
/* It failed, and was tried again when the run was gone on with behind its end. */
void task_again_recalled(struct task *task, const struct event *event);
/* What a person chose when it failed. */
void task_choose_recalled(struct task *task, enum run_choice choice);
int task_finish_recalled(struct task *task, const struct past *past, const struct trail *trail,
                         const struct event *event, struct err *err) MUST_USE;

/* Behind the last record. */
void task_go_on(struct task *task, const struct past *past, const struct trail *trail);

#endif
