/* A task in a replay: its lock, its pauses, its doubts. */
#include "base/text.h"
#include "io/loop.h"
#include "run/act_parts.h"
#include "run/doubt.h"
#include "run/lock.h"
#include "run/replay_parts.h"

static struct replay *replay_of(const struct task *task) {
    return task_run(task)->replay;
}

static struct trail *trail_of(const struct task *task) {
    return replay_trail(replay_of(task), task->node);
}

/* As the record says, later by as much as the attempt itself. */
static int64_t moment_of(const struct task *task, size_t record) {
    const struct trail *trail = trail_of(task);
    return replay_moment(replay_of(task), record) + (trail ? trail->shift_ns : 0);
}

/* ---- its lock ------------------------------------------------------------------------------- */

/* When a step that ended before its first attempt did not get its lock. Where it was called off
 * while it waited, that comes first. */
static int64_t lock_refused(struct task *task, size_t end) {
    int64_t at_ns = replay_moment(replay_of(task), end);
    struct past_line line;
    if (!replay_read(replay_of(task), end, &line))
        return at_ns;
    bool is_refused = text_equal(line.event.status, "failed");
    if (is_refused)
        lock_replay_refused(task->lock, EVENT_HAS(&line.event, error) ? line.event.error : "",
                            EVENT_HAS(&line.event, hint) ? line.event.hint : NULL);
    past_line_release(&line);
    return at_ns + (is_refused ? 0 : NS_PER_S);
}

void replay_lock(struct task *task) {
    struct replay *replay = replay_of(task);
    const struct trail *trail = trail_of(task);
    size_t first = trail_first(replay, trail), hard = trail_hard(replay, trail);
    bool has_waited = record_type(replay, first) == EVENT_STEP_WAITING && hard != NO_RECORD;
    int64_t at_ns = has_waited ? replay_moment(replay, hard) : clock_mono_ns();
    struct past_line line;
    if (record_type(replay, hard) == EVENT_STEP_FINISHED)
        at_ns = lock_refused(task, hard);
    if (!has_waited || !replay_read(replay, first, &line)) {
        lock_replay(task->lock, NULL, at_ns);
        return;
    }
    lock_replay(task->lock, line.event.reason, at_ns);
    past_line_release(&line);
}

int64_t replay_attempts(const struct task *task) {
    struct replay *replay = replay_of(task);
    size_t hard = trail_hard(replay, trail_of(task));
    if (record_type(replay, hard) != EVENT_STEP_STARTED)
        return 0;
    int64_t attempt = past_at(replay->past, hard)->attempt;
    return attempt > 0 ? attempt - 1 : 0;
}

/* ---- its next attempt ----------------------------------------------------------------------- */

int64_t replay_delay(const struct task *task, int64_t nominal_ms) {
    struct replay *replay = replay_of(task);
    size_t hard = trail_hard(replay, trail_of(task));
    struct past_line line;
    if (record_type(replay, hard) != EVENT_STEP_RETRYING || !replay_read(replay, hard, &line))
        return nominal_ms;
    int64_t delay_ms = line.event.delay_ms;
    past_line_release(&line);
    return delay_ms;
}

bool replay_gave_up(const struct task *task) {
    struct replay *replay = replay_of(task);
    return !replay->options.drift && task->deadline_ns &&
           record_type(replay, trail_hard(replay, trail_of(task))) == EVENT_STEP_FINISHED;
}

struct loop_timer *replay_pause(struct task *task, int64_t delay_ms) {
    struct replay *replay = replay_of(task);
    size_t hard = trail_hard(replay, trail_of(task));
    struct loop *loop = task_run(task)->loop;
    if (record_type(replay, hard) == EVENT_STEP_STARTED)
        return loop_timer_at(loop, moment_of(task, hard), task_attempt_next, task);
    return loop_timer_new(loop, delay_ms, task_attempt_next, task);
}

bool replay_again(struct task *task) {
    struct replay *replay = replay_of(task);
    struct trail *trail = trail_of(task);
    size_t hard = trail_hard(replay, trail);
    if (record_type(replay, hard) != EVENT_STEP_FINISHED || !past_at(replay->past, hard)->is_again)
        return false;
    trail_skip(trail, hard);
    task->timer = replay_pause(task, 0);
    return true;
}

/* ---- its doubts ----------------------------------------------------------------------------- */

struct doubt_wait {
    struct task *task;
    size_t record;
    enum doubt_answer answer; /* what settles it where the record itself does not */
    struct loop_timer *timer;
    struct doubt_wait *next;
};

static void settled_over(void *user, struct step_ctx *act) {
    struct task *task = user;
    struct replay *replay = replay_of(task);
    enum event_type next = record_type(replay, trail_hard(replay, trail_of(task)));
    (void)act;
    if (replay_again(task))
        return;
    if (next == EVENT_STEP_IN_DOUBT || next == EVENT_STEP_RESOLVED)
        replay_doubt(task);
    else
        task_attempt_over(task);
}

static void doubt_due(void *user);

static void doubt_await(struct task *task, size_t record, enum doubt_answer answer) {
    struct replay *replay = replay_of(task);
    struct doubt_wait *wait = mem_zalloc(sizeof *wait);
    wait->task = task;
    wait->record = record;
    wait->answer = answer;
    wait->next = replay->doubts;
    replay->doubts = wait;
    wait->timer = loop_timer_at(task_run(task)->loop, moment_of(task, record), doubt_due, wait);
}

/* What follows an answer is recorded: another attempt, or how this one ended. */
static void doubt_follow(struct task *task, enum doubt_answer answer) {
    struct replay *replay = replay_of(task);
    size_t hard = trail_hard(replay, trail_of(task));
    enum event_type type = record_type(replay, hard);
    /* While another step is in doubt nothing is begun: the next engine does it. */
    if (type == EVENT_STEP_STARTED && task_run(task)->unsettled)
        doubt_await(task, hard, answer);
    else if (type == EVENT_STEP_STARTED || type == EVENT_NONE)
        doubt_settled(task, doubt_answers[answer]);
    else
        doubt_restart(task, NULL, 0, type == EVENT_STEP_RETRYING ? task_act_over : settled_over);
}

static enum doubt_answer answer_find(const char *word) {
    enum doubt_answer answer = DOUBT_DONE;
    while (answer < DOUBT_RERUN && !text_equal(doubt_answers[answer], word))
        answer++;
    return answer;
}

static void doubt_due(void *user) {
    const struct doubt_wait *wait = user;
    struct task *task = wait->task;
    struct past_line line;
    if (!replay_read(replay_of(task), wait->record, &line))
        return;
    if (line.event.type == EVENT_STEP_RESOLVED) {
        doubt_resolve(task, &line.event);
        doubt_follow(task, answer_find(line.event.status));
    } else if (line.event.type == EVENT_STEP_IN_DOUBT) {
        doubt_tell(task);
        replay_doubt(task);
    } else {
        doubt_follow(task, wait->answer);
    }
    past_line_release(&line);
}

/* Whether no engine of then could settle it before another one came. */
static bool was_left(const struct replay *replay, size_t next) {
    return replay_goes_on(replay) && replay->resumes.items[replay->resumed] < next;
}

void replay_doubt(struct task *task) {
    struct replay *replay = replay_of(task);
    size_t hard = trail_hard(replay, trail_of(task));
    if (record_type(replay, hard) == EVENT_STEP_IN_DOUBT) {
        doubt_tell(task);
        hard = trail_hard(replay, trail_of(task));
    }
    if (hard == NO_RECORD && !replay_goes_on(replay) && replay->is_complete) {
        task_attempt_over(task);
        return;
    }
    if (hard == NO_RECORD || was_left(replay, hard))
        doubt_leave(task);
    if (hard != NO_RECORD)
        doubt_await(task, hard, DOUBT_RERUN);
}

void replay_doubts_free(struct replay *replay) {
    while (replay->doubts) {
        struct doubt_wait *wait = replay->doubts;
        replay->doubts = wait->next;
        loop_timer_free(wait->timer);
        mem_free(wait);
    }
}

/* ---- what others see of it ------------------------------------------------------------------ */

value replay_outputs(const struct task *task) {
    struct replay *replay = replay_of(task);
    size_t hard = trail_hard(replay, trail_of(task));
    struct past_line line;
    bool has_files = false;
    for (size_t i = 0; i < task->step->more->outputs.count; i++)
        has_files |= FIELD_AT(struct output, &task->step->more->outputs, i).file != NULL;
    if (!has_files || record_type(replay, hard) != EVENT_STEP_FINISHED ||
        !replay_read(replay, hard, &line))
        return value_none();
    value outputs = EVENT_HAS(&line.event, outputs) ? value_copy(line.event.outputs) : value_none();
    past_line_release(&line);
    return outputs;
}

/* Of a body: where one of its members is marked. */
static bool has_mark(value published, const char *mark) {
    AUTO_TEXT json = value_to_json(published);
    AUTO_TEXT wanted = mem_printf("\"%s\":true", mark);
    return strstr(json, wanted) != NULL;
}

value replay_publish(const struct task *task, value published_taken) {
    const struct replay *replay = replay_of(task);
    bool is_body = task->is_body && replay->is_marked;
    if (is_body ? has_mark(published_taken, MARK_UNANSWERABLE)
                : task->act && task->act->is_unanswerable)
        published_taken = value_set(published_taken, MARK_UNANSWERABLE, value_bool(true));
    if (is_body ? has_mark(published_taken, MARK_REDACTED) : task->act && task->act->is_marked)
        published_taken = value_set(published_taken, MARK_REDACTED, value_bool(true));
    return published_taken;
}
