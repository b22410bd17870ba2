#include "report/model.h"

#include <string.h>

#include "base/index.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/vec.h"
#include "journal/reader.h"

#define KEY_MAX ((size_t)TRANSCRIPT_LINE_MAX) /* no path of a record is longer */
#define BRIEF_SPARES (EVENT_BIT(plan) | EVENT_BIT(result) | EVENT_BIT(outputs) | EVENT_BIT(output))

/* The letter of its phase stands before its path. */
static const char *key_of(const void *steps, uint32_t place) {
    return ((struct model_step *const *)steps)[place]->step - 1;
}

void model_init(struct model *model) {
    *model = (struct model){.params = value_none(),
                            .objectives = value_none(),
                            .hands = value_none(),
                            .counts = value_none(),
                            .gate_notes = value_none(),
                            .index = index_new(0, key_of),
                            .words = map_new(),
                            .arena = arena_new()};
    model->status = mem_strdup("running");
    struct model_more *nothing = arena_alloc(model->arena, sizeof *nothing);
    nothing->plan = nothing->result = nothing->outputs = value_none();
    nothing->output = nothing->notes = value_none();
    model->nothing = nothing;
}

static void more_release(const struct model_more *more) {
    char *const texts[] = {more->reason,  more->error,  more->hint,   more->by,
                           more->message, more->answer, more->comment};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        mem_free(texts[i]);
    value_free(more->plan);
    value_free(more->result);
    value_free(more->outputs);
    value_free(more->output);
    value_free(more->notes);
}

static void steps_release(struct model *model) {
    for (size_t i = 0; i < model->step_count; i++) {
        if (model->steps[i]->more != model->nothing)
            more_release(model->steps[i]->more);
        mem_free(model->steps[i]->title);
    }
    mem_free(model->steps);
    arena_free(model->arena);
}

static void words_free(struct map *words) {
    const char *key;
    void *word;
    for (size_t i = 0; map_next(words, &i, &key, &word);)
        mem_free(word);
    map_free(words);
}

void model_release(struct model *model) {
    char *const texts[] = {model->run,
                           model->runbook,
                           model->name,
                           model->user,
                           model->host,
                           model->profile,
                           model->engine,
                           model->status,
                           model->reason,
                           model->error,
                           model->rollback_status,
                           model->rollback_reason};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        mem_free(texts[i]);
    value_free(model->params);
    value_free(model->objectives);
    value_free(model->hands);
    value_free(model->counts);
    value_free(model->gate_notes);
    index_free(model->index);
    steps_release(model);
    words_free(model->words);
    *model = (struct model){0};
}

/* ---- members ------------------------------------------------------------------------------- */

static void text_keep(char **kept, const char *text) {
    char *copy = text ? mem_strdup(text) : NULL;
    mem_free(*kept);
    *kept = copy;
}

/* The one copy of a word that records say over and over. */
static const char *word_of(struct model *model, const char *text) {
    if (!text)
        return NULL;
    char *word = map_get(model->words, text);
    if (!word) {
        word = mem_strdup(text);
        (void)map_put(model->words, text, word);
    }
    return word;
}

/* Only what the record carries replaces what is known. */
#define KEEP_TEXT(to, event, field)                                                                \
    (EVENT_HAS(event, field) ? text_keep(&(to)->field, (event)->field) : (void)0)
#define KEEP_VALUE(to, event, field)                                                               \
    (EVENT_HAS(event, field) ? value_keep(&(to)->field, (event)->field) : (void)0)

/* Of a step, in what few of them have. */
#define KEEP_MORE_TEXT(model, step, event, field)                                                  \
    (EVENT_HAS(event, field) && ((event)->field || (step)->more->field)                            \
         ? text_keep(&more_own(model, step)->field, (event)->field)                                \
         : (void)0)
#define KEEP_MORE_VALUE(model, step, event, field)                                                 \
    (EVENT_HAS(event, field) ? value_keep(&more_own(model, step)->field, (event)->field) : (void)0)

#define KEEP_WORD(model, to, event, field)                                                         \
    (EVENT_HAS(event, field) ? (void)((to)->field = word_of(model, (event)->field)) : (void)0)

static void value_keep(value *kept, value borrowed) {
    value_free(*kept);
    *kept = value_copy(borrowed);
}

static struct model_more *more_own(struct model *model, struct model_step *step) {
    struct model_more *more = (struct model_more *)(uintptr_t)step->more;
    if (more != model->nothing)
        return more;
    more = arena_alloc(model->arena, sizeof *more);
    *more = *model->nothing;
    step->more = more;
    return more;
}

/* What an earlier attempt said is history. */
static void more_forget(struct model *model, struct model_step *step, bool with_reason) {
    if (step->more == model->nothing)
        return;
    struct model_more *more = more_own(model, step);
    if (with_reason)
        text_keep(&more->reason, NULL);
    text_keep(&more->error, NULL);
    text_keep(&more->hint, NULL);
}

static const char *step_key(const char *phase, const char *step, char *buffer) {
    size_t length = strlen(step);
    if (length > KEY_MAX - 2)
        length = KEY_MAX - 2;
    /* The phases differ in their first letter but for `run` and `rollback`; a record that is not
     * ours may have none. */
    buffer[0] = strcmp(phase, "rollback") == 0 ? 'b' : *phase ? *phase : '-';
    memcpy(buffer + 1, step, length);
    buffer[length + 1] = '\0';
    return buffer;
}

struct model_step *model_find(const struct model *model, const char *phase, const char *step) {
    char buffer[KEY_MAX];
    const uint32_t place = index_find(model->index, model->steps, step_key(phase, step, buffer));
    return place == INDEX_NONE ? NULL : model->steps[place];
}

static struct model_step *step_of(struct model *model, const struct event *event) {
    struct model_step *step = model_find(model, event->phase, event->step);
    if (step)
        return step;
    step = arena_alloc(model->arena, sizeof *step);
    char buffer[KEY_MAX];
    step->step = arena_strdup(model->arena, step_key(event->phase, event->step, buffer)) + 1;
    step->phase = word_of(model, event->phase);
    step->status = "pending";
    step->more = model->nothing;
    model->steps =
        vec_grow(model->steps, sizeof *model->steps, model->step_count, &model->step_capacity);
    model->steps[model->step_count] = step;
    (void)index_add(model->index, model->steps, (uint32_t)model->step_count++);
    return step;
}

/* Steps that a foreach or a call made at run time are not among those that were counted before,
 * and a group counts by its members. */
static bool step_is_counted(const struct model_step *step) {
    const bool is_group = text_equal(step->action, "steps") || text_equal(step->action, "parallel");
    return strcmp(step->phase, "run") == 0 && !strpbrk(step->step, "[/") && !is_group;
}

static void step_settle(struct model *model, struct model_step *step, const char *status) {
    step->status = word_of(model, status);
    if (step->settled || !step_is_counted(step))
        return;
    step->settled = true;
    model->steps_done++;
}

/* What a handler does shows on the step whose handler it is. */
static void step_mirror(struct model *model, const struct event *event, const char *status) {
    if (strcmp(event->phase, "rollback") != 0 || model->dry_run)
        return;
    struct model_step *undone = model_find(model, "run", event->step);
    if (undone)
        undone->status = word_of(model, status);
}

const char *model_dry_word(const struct event *event) {
    static const char *const words[] = {"ran", "tried", "checked", "shown"};
    if (!EVENT_HAS(event, notes) || value_count(event->notes) == 0)
        return NULL;
    AUTO_VALUE note = value_at(event->notes, 0);
    AUTO_VALUE what = value_is(note, VALUE_ARRAY) ? value_at(note, 0) : value_null();
    AUTO_VALUE word = value_is(note, VALUE_ARRAY) ? value_at(note, 1) : value_null();
    bool is_dry = value_is(what, VALUE_STRING) && text_equal(value_text(what), "dry_run");
    for (size_t i = 0; is_dry && i < sizeof words / sizeof *words; i++)
        if (value_is(word, VALUE_STRING) && text_equal(value_text(word), words[i]))
            return words[i];
    return NULL;
}

static void step_dry(struct model *model, struct model_step *step, const struct event *event) {
    const char *word = model_dry_word(event);
    if (word || step->more->dry)
        more_own(model, step)->dry = word;
}

/* ---- events -------------------------------------------------------------------------------- */

static void on_run_started(struct model *model, const struct event *event) {
    KEEP_TEXT(model, event, run);
    KEEP_TEXT(model, event, runbook);
    KEEP_TEXT(model, event, name);
    KEEP_TEXT(model, event, user);
    KEEP_TEXT(model, event, host);
    KEEP_TEXT(model, event, profile);
    KEEP_TEXT(model, event, engine);
    KEEP_VALUE(model, event, params);
    KEEP_VALUE(model, event, objectives);
    model->dry_run = EVENT_HAS(event, dry_run) && event->dry_run;
    model->steps_total = EVENT_HAS(event, steps) ? event->steps : 0;
    model->started_wall_ns = event->wall_ns;
    model->started_mono_ns = event->mono_ns;
}

/* The clock that only goes forward may be another machine start's: the wall clock bridges the
 * gap, and each moment that is kept moves along, so that differences stay durations. */
static void model_move_clock(struct model *model, const struct event *event) {
    int64_t gap = event->wall_ns - model->last_wall_ns;
    int64_t moved = event->mono_ns - model->last_mono_ns - (gap > 0 ? gap : 0);
    model->started_mono_ns += moved;
    for (size_t i = 0; i < model->step_count; i++)
        if (model->steps[i]->started_mono_ns != 0)
            model->steps[i]->started_mono_ns += moved;
}

/* What an earlier end said holds no longer. */
static void on_run_resumed(struct model *model, const struct event *event) {
    model->resumes++;
    model->finished = false;
    model->exit = 0;
    text_keep(&model->status, "running");
    text_keep(&model->reason, NULL);
    text_keep(&model->error, NULL);
    value_keep(&model->hands, value_none());
    value_keep(&model->counts, value_none());
    model_move_clock(model, event);
}

static void on_run_finished(struct model *model, const struct event *event) {
    model->finished = true;
    model->exit = event->exit;
    KEEP_TEXT(model, event, status);
    KEEP_TEXT(model, event, reason);
    KEEP_TEXT(model, event, error);
    KEEP_VALUE(model, event, objectives);
    KEEP_VALUE(model, event, hands);
    KEEP_VALUE(model, event, counts);
}

static void on_step_skipped(struct model *model, const struct event *event) {
    struct model_step *step = step_of(model, event);
    KEEP_TEXT(step, event, title);
    KEEP_WORD(model, step, event, action);
    KEEP_MORE_TEXT(model, step, event, reason);
    step_dry(model, step, event);
    step_settle(model, step, "skipped");
}

static void on_step_waiting(struct model *model, const struct event *event) {
    struct model_step *step = step_of(model, event);
    step->status = "waiting";
    KEEP_MORE_TEXT(model, step, event, reason);
}

static void on_step_started(struct model *model, const struct event *event) {
    struct model_step *step = step_of(model, event);
    KEEP_TEXT(step, event, title);
    KEEP_WORD(model, step, event, action);
    if (!model->brief) {
        KEEP_WORD(model, more_own(model, step), event, effect);
        KEEP_MORE_VALUE(model, step, event, plan);
    }
    step->attempt = event->attempt;
    if (event->attempt <= 1 || step->started_mono_ns == 0)
        step->started_mono_ns = event->mono_ns;
    step->status = "running";
    more_forget(model, step, true);
    step_mirror(model, event, "rolling_back");
}

static void step_results(struct model *model, struct model_step *step, const struct event *event) {
    KEEP_MORE_TEXT(model, step, event, reason);
    KEEP_MORE_TEXT(model, step, event, error);
    KEEP_MORE_TEXT(model, step, event, hint);
    if (model->brief)
        return;
    KEEP_MORE_VALUE(model, step, event, result);
    KEEP_MORE_VALUE(model, step, event, outputs);
    KEEP_MORE_VALUE(model, step, event, output);
    KEEP_MORE_VALUE(model, step, event, notes);
}

static void on_step_ready(struct model *model, const struct event *event) {
    struct model_step *step = step_of(model, event);
    step->duration_ms = event->duration_ms;
    step_settle(model, step, "succeeded");
}

/* Its step stays what it was; only now all of its output is stored. */
static void on_step_ended(struct model *model, const struct event *event) {
    struct model_step *step = step_of(model, event);
    if (!model->brief)
        KEEP_MORE_VALUE(model, step, event, output);
}

static void on_step_retrying(struct model *model, const struct event *event) {
    struct model_step *step = step_of(model, event);
    step->attempt = event->attempt;
    step_results(model, step, event);
    step->status = "waiting";
}

static void on_step_finished(struct model *model, const struct event *event) {
    struct model_step *step = step_of(model, event);
    if (EVENT_HAS(event, attempt))
        step->attempt = event->attempt;
    KEEP_TEXT(step, event, title);
    KEEP_WORD(model, step, event, action);
    more_forget(model, step, false);
    step_results(model, step, event);
    step->duration_ms = event->duration_ms;
    step_dry(model, step, event);
    step_settle(model, step, event->status);
    bool undone = strcmp(event->status, "succeeded") == 0;
    step_mirror(model, event, undone ? "rolled_back" : "rollback_failed");
}

static void on_step_in_doubt(struct model *model, const struct event *event) {
    struct model_step *step = step_of(model, event);
    KEEP_MORE_TEXT(model, step, event, reason);
    step_settle(model, step, "in_doubt");
}

/* `done` and `not-done` settle it; behind `rerun` it is started again. */
static void on_step_resolved(struct model *model, const struct event *event) {
    static const char *const words[][2] = {
        {"done", "succeeded"}, {"not-done", "failed"}, {"rerun", "pending"}};
    struct model_step *step = step_of(model, event);
    const char *status = event->status;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(status, words[i][0]) == 0)
            status = words[i][1];
    KEEP_MORE_TEXT(model, step, event, reason);
    KEEP_MORE_TEXT(model, step, event, by);
    step->status = word_of(model, status);
}

static void on_gate_opened(struct model *model, const struct event *event) {
    struct model_step *step = step_of(model, event);
    KEEP_MORE_TEXT(model, step, event, message);
    if (EVENT_HAS(event, notes))
        value_keep(&model->gate_notes, event->notes);
    step->status = "waiting";
}

/* Also what somebody chose when a step failed, or at an interrupt, which is about no step. */
static void on_gate_answered(struct model *model, const struct event *event) {
    struct model_step *step = model_find(model, event->phase, event->step);
    if (!step)
        return;
    KEEP_MORE_TEXT(model, step, event, answer);
    KEEP_MORE_TEXT(model, step, event, by);
    KEEP_MORE_TEXT(model, step, event, comment);
}

static void on_gate_escalated(struct model *model, const struct event *event) {
    struct model_step *step = step_of(model, event);
    KEEP_MORE_TEXT(model, step, event, reason);
}

static void on_gate_closed(struct model *model, const struct event *event) {
    struct model_step *step = step_of(model, event);
    KEEP_MORE_TEXT(model, step, event, answer);
    value_free(model->gate_notes);
    model->gate_notes = value_none();
    if (strcmp(step->status, "waiting") == 0)
        step->status = "running";
}

static void on_rollback_begun(struct model *model, const struct event *event) {
    text_keep(&model->rollback_status, "running");
    text_keep(&model->rollback_reason, event->reason);
}

static void on_rollback_finished(struct model *model, const struct event *event) {
    text_keep(&model->rollback_status, event->status);
    KEEP_VALUE(model, event, hands);
}

static void on_signal_received(struct model *model, const struct event *event) {
    (void)event;
    model->signals++;
}

/* Committing is a stage of running; of clocks and heads a person is told elsewhere. */
static void on_nothing(struct model *model, const struct event *event) {
    (void)model;
    (void)event;
}

/* Total: a type without an entry would not compile. */
static void (*const folds[EVENT_TYPE_COUNT])(struct model *model, const struct event *event) = {
    [EVENT_NONE] = on_nothing,
    [EVENT_RUN_STARTED] = on_run_started,
    [EVENT_RUN_RESUMED] = on_run_resumed,
    [EVENT_RUN_FINISHED] = on_run_finished,
    [EVENT_STEP_SKIPPED] = on_step_skipped,
    [EVENT_STEP_WAITING] = on_step_waiting,
    [EVENT_STEP_STARTED] = on_step_started,
    [EVENT_STEP_COMMITTING] = on_nothing,
    [EVENT_STEP_READY] = on_step_ready,
    [EVENT_STEP_ENDED] = on_step_ended,
    [EVENT_STEP_RETRYING] = on_step_retrying,
    [EVENT_STEP_FINISHED] = on_step_finished,
    [EVENT_STEP_IN_DOUBT] = on_step_in_doubt,
    [EVENT_STEP_RESOLVED] = on_step_resolved,
    [EVENT_GATE_OPENED] = on_gate_opened,
    [EVENT_GATE_ANSWERED] = on_gate_answered,
    [EVENT_GATE_ESCALATED] = on_gate_escalated,
    [EVENT_GATE_CLOSED] = on_gate_closed,
    [EVENT_ROLLBACK_BEGUN] = on_rollback_begun,
    [EVENT_ROLLBACK_FINISHED] = on_rollback_finished,
    [EVENT_SIGNAL_RECEIVED] = on_signal_received,
    [EVENT_CLOCK_JUMPED] = on_nothing,
    [EVENT_CHECKPOINT] = on_nothing,
};
_Static_assert(EVENT_TYPE_COUNT == 23, "a new type needs an entry in `folds`");

void model_apply(struct model *model, const struct event *event) {
    folds[event->type](model, event);
    model->last_wall_ns = event->wall_ns;
    model->last_mono_ns = event->mono_ns;
    if (event->type == EVENT_RUN_FINISHED && EVENT_HAS(event, duration_ms))
        model->duration_ms = event->duration_ms;
    else if (event->type != EVENT_CHECKPOINT) /* a seal behind the end takes its own time */
        model->duration_ms = (event->mono_ns - model->started_mono_ns) / NS_PER_MS;
}

uint64_t model_wants(const struct model *model) {
    return model->brief ? ~BRIEF_SPARES : EVENT_ALL;
}

int model_read(struct model *model, const char *path, struct err *err) {
    struct reader *reader;
    struct event event;
    if (reader_open(path, &reader, err) < 0)
        return -1;
    reader_want(reader, model_wants(model));
    int more;
    while ((more = reader_next(reader, &event, err)) > 0)
        model_apply(model, &event);
    reader_free(reader);
    return more;
}

bool model_step_is_open(const struct model_step *step) {
    return text_equal(step->status, "running") || text_equal(step->status, "waiting") ||
           text_equal(step->status, "rolling_back");
}

void model_abandon(struct model *model, int64_t exit) {
    const char *status = "crashed";
    for (size_t i = 0; i < model->step_count; i++) {
        struct model_step *step = model->steps[i];
        if (text_equal(step->status, "in_doubt"))
            status = "in_doubt";
        if (model_step_is_open(step))
            step->status = "incomplete";
    }
    text_keep(&model->status, status);
    model->exit = exit;
}
