#include "run/replay.h"

#include "base/text.h"
#include "io/loop.h"
#include "plan/drift.h"
#include "run/interrupt.h"
#include "run/replay_parts.h"

/* ---- the record ----------------------------------------------------------------------------- */

int64_t replay_moment(const struct replay *replay, size_t record) {
    return replay->zero_ns + past_at(replay->past, record)->at_ns;
}

void replay_fail(struct replay *replay, struct err *err) {
    if (replay->err.kind == ERR_NONE)
        err_move(&replay->err, err);
    loop_stop(replay->run->loop);
}

bool replay_read(struct replay *replay, size_t record, struct past_line *ret) {
    AUTO_ERR err = ERR_INIT;
    if (past_read(replay->past, record, ret, &err) == 0)
        return true;
    replay_fail(replay, &err);
    return false;
}

struct trail *replay_trail_of(const struct replay *replay, enum phase phase, const char *path) {
    return past_trail(replay->past, phase_name(phase), path);
}

struct trail *replay_trail(const struct replay *replay, const struct node *node) {
    AUTO_TEXT path = node_path(node);
    return replay_trail_of(replay, node->frame->phase, path);
}

size_t trail_first(const struct replay *replay, const struct trail *trail) {
    for (size_t i = trail ? trail->next : 0; trail && !trail->is_lost && i < trail->records.count;
         i++)
        if (!past_at(replay->past, trail->records.items[i])->is_dropped)
            return trail->records.items[i];
    return NO_RECORD;
}

size_t trail_hard(const struct replay *replay, const struct trail *trail) {
    for (size_t i = trail ? trail->next : 0; trail && !trail->is_lost && i < trail->records.count;
         i++)
        if (past_hard_type(past_at(replay->past, trail->records.items[i])) != EVENT_NONE)
            return trail->records.items[i];
    return NO_RECORD;
}

size_t trail_last(const struct replay *replay, const struct trail *trail) {
    for (size_t i = trail && !trail->is_lost ? trail->next : 0; i-- > 0;)
        if (past_hard_type(past_at(replay->past, trail->records.items[i])) != EVENT_NONE)
            return trail->records.items[i];
    return NO_RECORD;
}

void trail_skip(struct trail *trail, size_t record) {
    while (trail->records.items[trail->next] != record)
        trail->next++;
    trail->next++;
}

enum event_type record_type(const struct replay *replay, size_t record) {
    return record == NO_RECORD ? EVENT_NONE : (enum event_type)past_at(replay->past, record)->type;
}

static bool is_choice(struct replay *replay, size_t record, enum run_choice *ret) {
    struct past_line line;
    if (record_type(replay, record) != EVENT_GATE_ANSWERED || !replay_read(replay, record, &line))
        return false;
    bool found = interrupt_choice_find(line.event.answer, ret);
    past_line_release(&line);
    return found;
}

size_t trail_choice(struct replay *replay, const struct trail *trail, enum run_choice *ret) {
    size_t end = trail_hard(replay, trail);
    for (size_t i = trail ? trail->next : 0; trail && !trail->is_lost && i < trail->records.count;
         i++) {
        size_t record = trail->records.items[i];
        if (record >= end)
            break;
        if (!past_at(replay->past, record)->is_dropped && is_choice(replay, record, ret))
            return record;
    }
    return NO_RECORD;
}

/* ---- what comes about ----------------------------------------------------------------------- */

void replay_tell(struct replay *replay, const struct event *event) {
    struct event told = *event;
    told.seq = ++replay->told;
    told.wall_ns = clock_wall_ns();
    told.mono_ns = clock_mono_ns();
    replay->options.ui->event(replay->options.ui->user, &told, "", 0);
}

/* By the same files it never begins earlier: what it waits for comes a moment before its start. */
static void trail_start(struct replay *replay, struct trail *trail, size_t record) {
    int64_t shift_ns = clock_mono_ns() - replay_moment(replay, record);
    bool is_early = shift_ns < 0 && !replay->options.drift && !replay->is_parted;
    trail->shift_ns = is_early ? 0 : shift_ns;
}

/* Whether the record goes on so. What only accompanies a step may be missing on either side. */
static bool trail_pass(struct replay *replay, struct trail *trail, enum event_type type) {
    bool is_soft = past_hard_type(&(struct past_record){.type = (uint8_t)type}) == EVENT_NONE;
    for (size_t i = trail->next; i < trail->records.count; i++) {
        size_t record = trail->records.items[i];
        const struct past_record *at = past_at(replay->past, record);
        if (at->is_dropped)
            continue;
        if ((enum event_type)at->type == type) {
            trail->next = i + 1;
            if (type == EVENT_STEP_STARTED)
                trail_start(replay, trail, record);
            return true;
        }
        if (past_hard_type(at) != EVENT_NONE)
            return is_soft;
    }
    return is_soft;
}

static void step_passes(struct replay *replay, const struct event *event) {
    struct trail *trail = past_trail(replay->past, event->phase, event->step);
    if (trail && !trail->is_lost && trail_pass(replay, trail, event->type))
        return;
    if (trail)
        trail->is_lost = true;
    if (!drift_is_new(replay->options.drift, event->phase, event->step))
        replay->is_parted = true;
}

static void run_passes(struct replay *replay, enum event_type type) {
    size_t count = 0;
    for (size_t i = 0; i < past_count(replay->past); i++) {
        const struct past_record *record = past_at(replay->past, i);
        count += record->type == type && !record->trail && !record->is_dropped;
    }
    replay->is_parted |= ++replay->passed[type] > count;
}

void replay_record(struct replay *replay, const struct event *event) {
    bool is_of_step = EVENT_HAS(event, phase) && EVENT_HAS(event, step) && event->step[0];
    if (is_of_step)
        step_passes(replay, event);
    else
        run_passes(replay, event->type);
    replay_tell(replay, event);
}

void replay_finished(struct replay *replay) {
    replay->run->stage = STAGE_OVER;
    loop_stop(replay->run->loop);
}

bool replay_goes_on(const struct replay *replay) {
    return replay->resumed < replay->resumes.count;
}

/* ---- the beginning -------------------------------------------------------------------------- */

static void secret_mark(void *user, const struct runbook *file) {
    struct run *run = user;
    for (size_t i = 0; i < file->secrets.count; i++) {
        const char *name = file->secrets.keys[i];
        AUTO_TEXT mark = mem_printf("[redacted:%s]", name);
        run->secrets_value = value_set(run->secrets_value, name, value_string(mark));
    }
}

/* What expressions read of the environment then. */
static value environment_restore(const struct event *started) {
    for (size_t i = 0; EVENT_HAS(started, notes) && i < value_count(started->notes); i++) {
        AUTO_VALUE note = value_at(started->notes, i);
        AUTO_VALUE what = value_at(note, 0);
        value variables = value_at(note, 1);
        if (value_is(what, VALUE_STRING) && text_equal(value_text(what), "environment") &&
            value_is(variables, VALUE_OBJECT))
            return variables;
        value_free(variables);
    }
    return value_object();
}

/* Who and where it was then. */
static void world_restore(struct run *run, const struct past *past) {
    const struct event *started = past_started(past);
    run->user = mem_strdup(started->user);
    run->host = mem_strdup(started->host);
    run->place = store_run_view(past_dir(past), started->run);
    run->environment = mem_calloc(1, sizeof *run->environment);
    run->environment_value = environment_restore(started);
    run->secrets_value = value_object();
    run->secrets = secrets_new();
    run->redactor = redactor_new();
    runbook_each_file(run->runbook, secret_mark, run);
    run->options.dry_run = EVENT_HAS(started, dry_run) && started->dry_run;
    run->options.jobs = INT64_MAX; /* when a step had its turn the record tells */
    run->rolls_back = past_rolls_back(past);
    run->started_wall_ns = clock_wall_ns();
    run->started_mono_ns = clock_mono_ns();
    clock_format(run->started_wall_ns, run->started_text);
}

int replay_begin(struct replay *replay, struct run *run, struct err *err) {
    replay->run = run;
    world_restore(run, replay->past);
    run->ui = (struct run_ui){.user = replay, .choose = replay_choose};
    replay_tell(replay, past_started(replay->past));
    replay_inputs(replay);
    run->root = frame_new(run, NULL, plan_graph(run->plan), PHASE_RUN, mem_strdup(""));
    frame_start(run->root);
    return replay->err.kind == ERR_NONE ? 0 : err_move(err, &replay->err);
}

/* ---- the whole ------------------------------------------------------------------------------ */

static void resumes_find(struct replay *replay) {
    for (size_t i = 0; i < past_count(replay->past); i++) {
        enum event_type type = (enum event_type)past_at(replay->past, i)->type;
        if (type == EVENT_RUN_RESUMED)
            *vec_add(&replay->resumes) = (uint32_t)i;
        if (type == EVENT_RUN_FINISHED || type == EVENT_RUN_RESUMED)
            replay->is_complete = type == EVENT_RUN_FINISHED;
    }
}

/* What the record did not come to is begun only where nothing else is left to happen: the run may
 * have been stopped before, and then it never was. */
static enum replay_end run_through(struct replay *replay) {
    struct run *run = replay->run;
    for (;;) {
        loop_run(run->loop);
        if (run->stage == STAGE_OVER || replay->err.kind != ERR_NONE)
            return REPLAY_OVER;
        if (!replay->is_complete && !replay->is_parted)
            return REPLAY_LEFT;
        replay->is_parted = true;
        if (!replay_let_go(replay))
            return REPLAY_DEAD_END;
    }
}

static void replay_release(struct replay *replay) {
    replay_inputs_free(replay);
    replay_held_free(replay);
    replay_doubts_free(replay);
    vec_release(&replay->resumes);
    err_release(&replay->err);
}

int replay_run(struct loop *loop, const struct replay_options *options, enum replay_end *ret_end,
               struct diag *diag, struct err *err) {
    struct replay replay = {.options = *options, .past = options->past, .err = ERR_INIT};
    const struct run_options running = {
        .plan = options->plan, .ui = options->ui, .replay = &replay};
    struct run *run = NULL;
    replay.zero_ns = clock_mono_ns();
    resumes_find(&replay);
    int status = run_begin(loop, &running, &run, diag, err);
    if (status == 0)
        *ret_end = run_through(&replay);
    if (status == 0 && replay.err.kind != ERR_NONE)
        status = err_move(err, &replay.err);
    run_free(run);
    replay_release(&replay);
    return status;
}
