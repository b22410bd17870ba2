#include "run/past.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/file.h"
#include "base/map.h"
#include "base/text.h"
#include "journal/store.h"
#include "run/interrupt.h"

#define TRAIL_KEY_MAX TRANSCRIPT_LINE_MAX /* "phase path" stands in a record with more */
#define MOMENT_MAX_NS (INT64_C(50) * 365 * 86400 * NS_PER_S) /* no run takes longer */

struct past {
    char *dir;
    struct reader *reader;
    int fd;
    VEC(struct past_record) records;
    struct map *trails; /* by "phase path" */
    struct past_line started;
    int64_t zero_mono_ns, last_wall_ns; /* when the run would have begun; of the last record */
    bool is_over, is_undoing, is_undone, rolls_back;
    int64_t exit;
};

/* ---- reading ------------------------------------------------------------------------------- */

static struct trail *trail_find(const struct past *past, const char *phase, const char *path,
                                char key[TRAIL_KEY_MAX]) {
    size_t phase_length = strlen(phase), path_length = strlen(path);
    if (phase_length + path_length + 2 > TRAIL_KEY_MAX)
        return NULL;
    memcpy(key, phase, phase_length);
    key[phase_length] = ' ';
    memcpy(key + phase_length + 1, path, path_length + 1);
    return map_get_n(past->trails, key, phase_length + 1 + path_length);
}

/* Of the runbook's own `finally`, and not of one that it calls: that stands below a step. */
static bool is_closing(const struct past *past, const struct event *event) {
    AUTO_TEXT outermost = mem_strndup(event->step, strcspn(event->step, "/["));
    return text_equal(event->phase, phase_name(PHASE_FINALLY)) &&
           (text_equal(outermost, event->step) ||
            past_trail(past, event->phase, outermost) != NULL);
}

static struct trail *trail_make(struct past *past, const struct event *event) {
    char key[TRAIL_KEY_MAX];
    struct trail *trail = trail_find(past, event->phase, event->step, key);
    if (!trail) {
        trail = mem_zalloc(sizeof *trail);
        trail->is_closing = is_closing(past, event);
        map_put(past->trails, key, trail);
    }
    return trail;
}

static enum phase phase_of(const char *name) {
    enum phase phase = PHASE_RUN;
    while (phase < PHASE_FINALLY && !text_equal(phase_name(phase), name))
        phase++;
    return phase;
}

/* Between two engines the wall clock tells how much time passed: the other one may be of another
 * start of the machine. */
static int64_t moment_of(struct past *past, const struct event *event) {
    int64_t last_ns = past->records.count ? vec_last(&past->records)->at_ns : -1;
    bool is_later = past->last_wall_ns >= 0 && event->wall_ns > past->last_wall_ns;
    int64_t gap_ns = is_later ? event->wall_ns - past->last_wall_ns : 0;
    if (!past->records.count)
        past->zero_mono_ns = event->mono_ns;
    else if (event->type == EVENT_RUN_RESUMED)
        past->zero_mono_ns =
            event->mono_ns - last_ns - (gap_ns < MOMENT_MAX_NS ? gap_ns : MOMENT_MAX_NS);
    past->last_wall_ns = event->wall_ns;
    int64_t at_ns = event->mono_ns - past->zero_mono_ns;
    return at_ns > last_ns ? at_ns < MOMENT_MAX_NS ? at_ns : MOMENT_MAX_NS : last_ns + 1;
}

static void record_add(struct past *past, const struct event *event, uint64_t offset,
                       size_t length) {
    bool is_of_step = EVENT_HAS(event, phase) && EVENT_HAS(event, step) && event->step[0];
    int64_t at_ns = moment_of(past, event);
    struct trail *trail = is_of_step ? trail_make(past, event) : NULL;
    if (trail)
        *vec_add(&trail->records) = (uint32_t)past->records.count;
    *vec_add(&past->records) = (struct past_record){
        .offset = offset,
        .at_ns = at_ns,
        .attempt = event->type == EVENT_STEP_STARTED ? event->attempt : 0,
        .length = (uint32_t)length,
        .type = (uint8_t)event->type,
        .phase = is_of_step ? (uint8_t)phase_of(event->phase) : 0,
        .trail = trail,
    };
}

static int past_add(struct past *past, const struct event *event, uint64_t offset, size_t length,
                    struct err *err) {
    bool rolls_back = event->type == EVENT_RUN_RESUMED && EVENT_HAS(event, reason) &&
                      text_equal(event->reason, PAST_ROLLBACK);
    if (event->type == EVENT_RUN_RESUMED && past_end(past) != PAST_OPEN &&
        past_reopen(past, rolls_back, err) < 0)
        return -1;
    record_add(past, event, offset, length);
    past->rolls_back |= rolls_back;
    if (event->type == EVENT_ROLLBACK_BEGUN)
        past->is_undoing = true;
    if (event->type == EVENT_ROLLBACK_FINISHED)
        past->is_undone = text_equal(event->status, state_name(STATE_ROLLED_BACK));
    if (event->type == EVENT_ROLLBACK_FINISHED)
        past->is_undoing = false;
    if (event->type == EVENT_RUN_RESUMED)
        past->is_over = false;
    if (event->type == EVENT_RUN_FINISHED) {
        past->is_over = true;
        past->exit = event->exit;
    }
    return 0;
}

static int past_load(struct past *past, const struct past_watcher *watcher, struct err *err) {
    struct event event;
    uint64_t offset = 0;
    int status;
    reader_want(past->reader, watcher ? watcher->wanted : 0);
    while ((status = reader_next(past->reader, &event, err)) > 0) {
        size_t length;
        reader_line(past->reader, &length);
        if (past_add(past, &event, offset, length, err) < 0)
            return -1;
        offset += length;
        if (watcher)
            watcher->each(watcher->user, &event);
    }
    if (status < 0)
        return -1;
    if (!past->records.count || past->records.items[0].type != EVENT_RUN_STARTED)
        return err_set(err, ERR_TRANSCRIPT, "%s/transcript.jsonl: the run never began", past->dir);
    return past_read(past, 0, &past->started, err);
}

int past_open(const char *dir, const struct past_watcher *watcher, struct past **ret,
              struct err *err) {
    struct past *past = mem_zalloc(sizeof *past);
    AUTO_TEXT path = store_transcript(dir);
    past->dir = mem_strdup(dir);
    past->trails = map_new();
    past->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);
    int status = past->fd < 0 ? err_sys(err, errno, "cannot read the transcript %s", path)
                              : reader_open(path, &past->reader, err);
    if (status == 0)
        status = past_load(past, watcher, err);
    if (status < 0) {
        past_free(past);
        return -1;
    }
    *ret = past;
    return 0;
}

void past_free(struct past *past) {
    if (!past)
        return;
    const char *key;
    void *item;
    for (size_t i = 0; map_next(past->trails, &i, &key, &item);) {
        struct trail *trail = item;
        vec_release(&trail->records);
        mem_free(trail);
    }
    map_free(past->trails);
    vec_release(&past->records);
    past_line_release(&past->started);
    reader_free(past->reader);
    file_close(&past->fd);
    mem_free(past->dir);
    mem_free(past);
}

/* ---- looking ------------------------------------------------------------------------------- */

const char *past_dir(const struct past *past) {
    return past->dir;
}

const struct event *past_started(const struct past *past) {
    return &past->started.event;
}

struct reader *past_reader(const struct past *past) {
    return past->reader;
}

size_t past_count(const struct past *past) {
    return past->records.count;
}

const struct past_record *past_at(const struct past *past, size_t index) {
    return &past->records.items[index];
}

enum past_end past_end(const struct past *past) {
    /* An engine that could not write on has left at once, and `finally` is not over. */
    bool is_left = past->is_undone && past->exit == RUN_TRANSCRIPT;
    if (!past->is_over || past->is_undoing || is_left)
        return PAST_OPEN;
    if (past->is_undone)
        return PAST_UNDONE;
    if (past->exit == RUN_HANDS_NEEDED)
        return PAST_HALF_UNDONE;
    return past->exit == RUN_SUCCEEDED ? PAST_SUCCEEDED : PAST_STOPPED;
}

bool past_rolls_back(const struct past *past) {
    return past->rolls_back;
}

enum event_type past_hard_type(const struct past_record *record) {
    switch ((enum event_type)record->type) {
    case EVENT_STEP_WAITING:
    case EVENT_STEP_COMMITTING:
    case EVENT_STEP_ENDED:
    case EVENT_GATE_OPENED:
    case EVENT_GATE_ANSWERED:
    case EVENT_GATE_ESCALATED:
    case EVENT_GATE_CLOSED:
        return EVENT_NONE;
    default:
        return record->is_dropped ? EVENT_NONE : (enum event_type)record->type;
    }
}

struct trail *past_trail(const struct past *past, const char *phase, const char *path) {
    char key[TRAIL_KEY_MAX];
    return trail_find(past, phase, path, key);
}

int64_t past_attempts(const struct past *past, const struct trail *trail) {
    for (size_t i = trail->records.count; i-- > 0;) {
        const struct past_record *record = past_at(past, trail->records.items[i]);
        if (record->type == EVENT_STEP_STARTED)
            return record->attempt;
    }
    return 0;
}

void past_each_trail(struct past *past, void (*each)(void *user, struct trail *trail), void *user) {
    const char *key;
    void *item;
    for (size_t i = 0; map_next(past->trails, &i, &key, &item);)
        each(user, item);
}

int past_read(const struct past *past, size_t index, struct past_line *ret, struct err *err) {
    const struct past_record *record = &past->records.items[index];
    AUTO_TEXT line = mem_alloc(record->length + 1);
    char prev[65];
    ssize_t got = pread(past->fd, line, record->length, (off_t)record->offset);
    *ret = (struct past_line){0};
    if (got != (ssize_t)record->length)
        return err_sys(err, got < 0 ? errno : EIO, "cannot read the transcript of %s", past->dir);
    if (event_read(line, record->length, EVENT_ALL, &ret->body, &ret->event, prev, err) == 0)
        return 0;
    past_line_release(ret);
    return -1;
}

void past_line_release(struct past_line *line) {
    event_body_release(&line->body);
}

/* ---- going on behind the end --------------------------------------------------------------- */

/* Steps that contain others end when these do. */
static int is_body(const struct past *past, const struct trail *trail, bool *ret, struct err *err) {
    struct past_line line;
    size_t first = 0;
    while (first < trail->records.count &&
           past->records.items[trail->records.items[first]].type != EVENT_STEP_STARTED)
        first++;
    *ret = true;
    if (first == trail->records.count)
        return 0;
    if (past_read(past, trail->records.items[first], &line, err) < 0)
        return -1;
    const struct step_type *type = step_type_find(line.event.action);
    *ret = !type || type->expand;
    past_line_release(&line);
    return 0;
}

static int end_reopen(struct past *past, struct past_record *record, const struct event *event,
                      bool roll_back, struct err *err) {
    bool is_wanted = record->phase == (roll_back ? PHASE_ROLLBACK : PHASE_RUN);
    bool is_tolerated = EVENT_HAS(event, tolerated) && event->tolerated;
    bool drops = true;
    if (!is_wanted || is_tolerated || text_equal(event->status, state_name(STATE_SUCCEEDED)))
        return 0;
    if (!text_equal(event->status, state_name(STATE_IN_DOUBT)) &&
        is_body(past, record->trail, &drops, err) < 0)
        return -1;
    record->is_dropped = drops;
    record->is_again = !drops;
    return 0;
}

/* What a person chose then is not what they want now. */
static void choice_reopen(struct past_record *record, const struct event *event) {
    enum run_choice choice;
    record->is_dropped = interrupt_choice_find(event->answer, &choice) &&
                         (choice == RUN_STOP || choice == RUN_ROLLBACK || !record->trail);
}

static int record_reopen(struct past *past, size_t index, bool roll_back, struct err *err) {
    struct past_record *record = &past->records.items[index];
    struct past_line line;
    int status = 0;
    if (record->type != EVENT_STEP_FINISHED && record->type != EVENT_GATE_ANSWERED)
        return 0;
    if (past_read(past, index, &line, err) < 0)
        return -1;
    if (record->type == EVENT_STEP_FINISHED)
        status = end_reopen(past, record, &line.event, roll_back, err);
    else if (!roll_back)
        choice_reopen(record, &line.event);
    past_line_release(&line);
    return status;
}

int past_reopen(struct past *past, bool roll_back, struct err *err) {
    for (size_t i = 0; i < past->records.count; i++) {
        struct past_record *record = &past->records.items[i];
        bool is_closing = record->trail && record->trail->is_closing;
        if (record->is_dropped)
            continue;
        if (record->type == EVENT_STEP_ENDED && !is_closing)
            record->is_again = !roll_back; /* services ended with the run */
        else if (is_closing || record->type == EVENT_RUN_FINISHED ||
                 (record->type == EVENT_ROLLBACK_FINISHED && roll_back) ||
                 (record->type == EVENT_SIGNAL_RECEIVED && !roll_back))
            record->is_dropped = true;
        else if (record_reopen(past, i, roll_back, err) < 0)
            return -1;
    }
    past->is_undone = false;
    return 0;
}

/* ---- the plan ------------------------------------------------------------------------------ */

/* NULL-terminated; the texts live in the value. The caller frees the list alone. */
static const char **words_of(value list) {
    size_t count = value_is(list, VALUE_ARRAY) ? value_count(list) : 0;
    const char **words = mem_calloc(count + 1, sizeof *words);
    for (size_t i = 0; i < count; i++) {
        AUTO_VALUE item = value_at(list, i);
        words[i] = value_text(item);
    }
    return words;
}

static int folder_enter(const struct past *past, struct diag *diag) {
    const struct event *started = past_started(past);
    AUTO_ERR err = ERR_INIT;
    if (!EVENT_HAS(started, cwd) || chdir(started->cwd) == 0)
        return 0;
    err_sys(&err, errno, "the run began in the folder `%s`", started->cwd);
    diag_report(diag, &err);
    return -1;
}

/* One that was not given, and has no default, is recorded as null. */
static value params_given(value recorded) {
    value given = value_object();
    value key, item;
    for (size_t i = 0; value_next(recorded, &i, &key, &item);) {
        if (!value_is(item, VALUE_NULL))
            given = value_set(given, value_text(key), value_copy(item));
        value_free(key);
        value_free(item);
    }
    return given;
}

void past_choices_init(const struct past *past, struct past_choices *ret) {
    const struct event *started = past_started(past);
    *ret = (struct past_choices){.only = value_get(started->selection, "only"),
                                 .skip = value_get(started->selection, "skip"),
                                 .from = value_get(started->selection, "from"),
                                 .params = params_given(started->params)};
    ret->only_words = words_of(ret->only);
    ret->skip_words = words_of(ret->skip);
    ret->options = (struct plan_options){
        .path = started->runbook,
        .profile = EVENT_HAS(started, profile) ? started->profile : NULL,
        .params = ret->params,
        .only = ret->only_words[0] ? ret->only_words : NULL,
        .skip = ret->skip_words[0] ? ret->skip_words : NULL,
        .from = value_is(ret->from, VALUE_STRING) ? value_text(ret->from) : NULL,
    };
}

void past_choices_release(struct past_choices *choices) {
    mem_free(choices->only_words);
    mem_free(choices->skip_words);
    value_free(choices->only);
    value_free(choices->skip);
    value_free(choices->from);
    value_free(choices->params);
}

struct plan *past_plan(const struct past *past, struct diag *diag) {
    struct past_choices choices;
    if (folder_enter(past, diag) < 0)
        return NULL;
    past_choices_init(past, &choices);
    struct plan *plan = plan_new(&choices.options, diag);
    past_choices_release(&choices);
    return plan;
}
