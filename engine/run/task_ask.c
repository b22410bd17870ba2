/* A failure that a person decides over. Steps that fail beside each other are asked about one after
 * the other, so that no answer comes too late for what it says. */
#include <string.h>

#include "base/text.h"
#include "run/replay_step.h"
#include "run/task.h"

static bool asks_person(const struct task *task, enum step_outcome outcome) {
    const struct run *run = task_run(task);
    return outcome == STEP_FAILED && run->ui.choose && task->node->frame->phase == PHASE_RUN &&
           !task->is_cancelled && frame_may_start(task->node->frame) && !run->interrupts &&
           !node_is_tolerated(task->node) && !run->options.dry_run;
}

static void task_fail_asked(struct task *task) {
    struct verdict verdict;
    task_verdict(task, &verdict);
    task_finish(task, &verdict);
}

static struct task *queue_take(struct run *run) {
    struct task *first = run->to_ask.items[0];
    run->to_ask.count--;
    memmove(run->to_ask.items, run->to_ask.items + 1,
            run->to_ask.count * sizeof *run->to_ask.items);
    if (first)
        first->is_queued = false;
    return first;
}

/* What was decided about one may have decided about the others, too. */
static void ask_next(struct run *run) {
    while (!run->asking && run->to_ask.count) {
        struct task *task = queue_take(run);
        if (!task)
            continue;
        if (!asks_person(task, STEP_FAILED) || (run->replay && !replay_asks(task))) {
            task_fail_asked(task);
            continue;
        }
        run->asking = task;
        AUTO_TEXT shown = redact_text(run->redactor, task->error, strlen(task->error), NULL);
        run->ui.choose(run->ui.user, task->path, shown);
    }
}

void task_unask(struct task *task) {
    struct run *run = task_run(task);
    for (size_t i = 0; i < run->to_ask.count; i++)
        if (run->to_ask.items[i] == task)
            run->to_ask.items[i] = NULL;
    task_fail_asked(task);
}

bool task_ask(struct task *task, const struct verdict *verdict) {
    if (!asks_person(task, verdict->outcome))
        return false;
    mem_free(task->error);
    task->error = mem_strdup(verdict->error);
    task->is_queued = true;
    *vec_add(&task_run(task)->to_ask) = task;
    ask_next(task_run(task));
    return true;
}

void task_attempt_evidence(struct task *task, struct result *ret, struct event *event) {
    AUTO_TEXT label = task_label(task);
    result_of_act(ret, task->act);
    EVENT_SET(event, attempt, task->attempt);
    EVENT_SET(event, duration_ms, act_duration_ms(task->act));
    EVENT_SET(event, error, task->error);
    result_record(ret, task_run(task), task->step, task->path, label, event);
}

void task_choose(struct task *task, enum run_choice choice) {
    struct run *run = task_run(task);
    run->asking = NULL;
    if (choice == RUN_RETRY && frame_may_start(task->node->frame)) {
        task->deadline_ns = 0;
        task_attempt_begin(task);
        sched_pump(run);
        ask_next(run);
        return;
    }
    task->node->tolerated = choice == RUN_SKIP;
    if (choice == RUN_STOP)
        run->failure_rule = ON_FAILURE_STOP;
    task_fail_asked(task);
    ask_next(run);
}
