/* What comes to a replayed run from outside: signals, what people chose, other engines. */
#include "base/text.h"
#include "io/loop.h"
#include "run/interrupt.h"
#include "run/replay_parts.h"

struct input {
    struct replay *replay;
    size_t record;
    struct loop_timer *timer;
    struct input *next;
};

static void choice_come(struct replay *replay, const struct event *event) {
    enum run_choice choice;
    if (interrupt_choice_find(event->answer, &choice))
        run_choose(replay->run, choice, event->by);
}

/* What only people could settle they have settled now, or it comes. */
static void engine_come(struct replay *replay, const struct event *event) {
    struct run *run = replay->run;
    bool rolls_back = EVENT_HAS(event, reason) && text_equal(event->reason, PAST_ROLLBACK);
    replay->resumed++;
    run->unsettled = 0;
    replay_tell(replay, event);
    if (rolls_back)
        run_roll_back(run);
    sched_pump(run);
}

static void input_come(void *user) {
    const struct input *input = user;
    struct replay *replay = input->replay;
    struct past_line line;
    if (!replay_read(replay, input->record, &line))
        return;
    if (line.event.type == EVENT_SIGNAL_RECEIVED)
        interrupt_replay(replay->run, line.event.signal);
    else if (line.event.type == EVENT_RUN_RESUMED)
        engine_come(replay, &line.event);
    else
        choice_come(replay, &line.event);
    past_line_release(&line);
}

static void input_add(struct replay *replay, size_t record) {
    struct input *input = mem_zalloc(sizeof *input);
    input->replay = replay;
    input->record = record;
    input->next = replay->inputs;
    replay->inputs = input;
    input->timer =
        loop_timer_at(replay->run->loop, replay_moment(replay, record), input_come, input);
}

void replay_inputs(struct replay *replay) {
    for (size_t i = 0; i < past_count(replay->past); i++) {
        const struct past_record *record = past_at(replay->past, i);
        bool comes = record->type == EVENT_SIGNAL_RECEIVED || record->type == EVENT_RUN_RESUMED ||
                     (record->type == EVENT_GATE_ANSWERED && !record->trail);
        if (comes && !record->is_dropped)
            input_add(replay, i);
    }
}

void replay_inputs_free(struct replay *replay) {
    while (replay->inputs) {
        struct input *input = replay->inputs;
        replay->inputs = input->next;
        loop_timer_free(input->timer);
        mem_free(input);
    }
}

static bool is_behind_steps(const struct past_record *record) {
    return record->type == EVENT_ROLLBACK_BEGUN || record->type == EVENT_RUN_FINISHED ||
           (record->trail && record->trail->is_closing);
}

bool replay_lingers(const struct replay *replay) {
    size_t signals = 0;
    for (size_t i = 0; i < past_count(replay->past) && !replay->is_parted; i++) {
        const struct past_record *record = past_at(replay->past, i);
        if (record->is_dropped)
            continue;
        signals += record->type == EVENT_SIGNAL_RECEIVED;
        if (signals > replay->passed[EVENT_SIGNAL_RECEIVED])
            return true;
        if (is_behind_steps(record))
            return false;
    }
    return false;
}

/* ---- people --------------------------------------------------------------------------------- */

/* The choice is a record before the next signal. */
bool replay_asks_interrupt(const struct replay *replay) {
    size_t signals = 0, this_one = replay->passed[EVENT_SIGNAL_RECEIVED] + 1;
    for (size_t i = 0; i < past_count(replay->past); i++) {
        const struct past_record *record = past_at(replay->past, i);
        if (record->is_dropped)
            continue;
        signals += record->type == EVENT_SIGNAL_RECEIVED;
        if (signals > this_one)
            return false;
        bool is_now = signals == this_one;
        if (is_now && record->type == EVENT_RUN_RESUMED)
            return false;
        if (is_now && record->type == EVENT_GATE_ANSWERED && !record->trail)
            return true;
    }
    return false;
}

bool replay_asks(const struct task *task) {
    struct replay *replay = task_run(task)->replay;
    enum run_choice choice;
    return trail_choice(replay, replay_trail(replay, task->node), &choice) != NO_RECORD;
}

/* Of a step; what is chosen at an interrupt comes by itself. */
void replay_choose(void *user, const char *step, const char *error) {
    struct replay *replay = user;
    enum run_choice choice;
    (void)error;
    if (!step)
        return;
    size_t record = trail_choice(replay, replay_trail_of(replay, PHASE_RUN, step), &choice);
    if (record != NO_RECORD)
        input_add(replay, record);
}
