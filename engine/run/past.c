#include "run/past.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/file.h"
#include "base/map.h"
#include "base/text.h"
#include "journal/store.h"

struct past {
    char *dir;
    struct reader *reader;
    int fd;
    VEC(struct past_record) records;
    struct map *trails; /* by "phase path" */
    struct past_line started;
    bool is_over;
    int64_t exit;
};

/* ---- reading ------------------------------------------------------------------------------- */

static char *trail_key(const char *phase, const char *path) {
    return mem_printf("%s %s", phase, path);
}

static struct trail *trail_make(struct past *past, const struct event *event) {
    AUTO_TEXT key = trail_key(event->phase, event->step);
    struct trail *trail = map_get(past->trails, key);
    if (!trail) {
        trail = mem_zalloc(sizeof *trail);
        map_put(past->trails, key, trail);
    }
    return trail;
}

static void past_add(struct past *past, const struct event *event, uint64_t offset, size_t length) {
    uint32_t index = (uint32_t)past->records.count;
    bool is_of_step = EVENT_HAS(event, phase) && EVENT_HAS(event, step) && event->step[0];
    struct trail *trail = is_of_step ? trail_make(past, event) : NULL;
    *vec_add(&past->records) =
        (struct past_record){offset, (uint32_t)length, (uint8_t)event->type, trail};
    if (trail)
        *vec_add(&trail->records) = index;
    if (event->type == EVENT_CHECKPOINT)
        return; /* a seal may follow the end */
    past->is_over = event->type == EVENT_RUN_FINISHED;
    past->exit = past->is_over ? event->exit : 0;
}

static int past_load(struct past *past, struct err *err) {
    struct event event;
    uint64_t offset = 0;
    int status;
    while ((status = reader_next(past->reader, &event, err)) > 0) {
        size_t length;
        reader_line(past->reader, &length);
        past_add(past, &event, offset, length);
        offset += length;
    }
    if (status < 0)
        return -1;
    if (!past->records.count || past->records.items[0].type != EVENT_RUN_STARTED)
        return err_set(err, ERR_TRANSCRIPT, "%s/transcript.jsonl: the run never began", past->dir);
    return past_read(past, 0, &past->started, err);
}

int past_open(const char *dir, struct past **ret, struct err *err) {
    struct past *past = mem_zalloc(sizeof *past);
    AUTO_TEXT path = store_transcript(dir);
    past->dir = mem_strdup(dir);
    past->trails = map_new();
    past->started.line = value_none();
    past->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);
    int status = past->fd < 0 ? err_sys(err, errno, "cannot read the transcript %s", path)
                              : reader_open(path, &past->reader, err);
    if (status == 0)
        status = past_load(past, err);
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

bool past_is_over(const struct past *past, int64_t *ret_exit) {
    if (ret_exit)
        *ret_exit = past->exit;
    return past->is_over;
}

struct trail *past_trail(const struct past *past, const char *phase, const char *path) {
    AUTO_TEXT key = trail_key(phase, path);
    return map_get(past->trails, key);
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
    ret->line = value_none();
    if (got != (ssize_t)record->length)
        return err_sys(err, got < 0 ? errno : EIO, "cannot read the transcript of %s", past->dir);
    return event_read(line, record->length, &ret->event, &ret->line, prev, err);
}

void past_line_release(struct past_line *line) {
    value_free(line->line);
    line->line = value_none();
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

struct plan *past_plan(const struct past *past, struct diag *diag) {
    const struct event *started = past_started(past);
    if (folder_enter(past, diag) < 0)
        return NULL;
    AUTO_VALUE only = value_get(started->selection, "only");
    AUTO_VALUE skip = value_get(started->selection, "skip");
    AUTO_VALUE from = value_get(started->selection, "from");
    const char **only_words = words_of(only), **skip_words = words_of(skip);
    const struct plan_options options = {
        .path = started->runbook,
        .profile = EVENT_HAS(started, profile) ? started->profile : NULL,
        .params = started->params,
        .only = only_words[0] ? only_words : NULL,
        .skip = skip_words[0] ? skip_words : NULL,
        .from = value_is(from, VALUE_STRING) ? value_text(from) : NULL,
    };
    struct plan *plan = plan_new(&options, diag);
    mem_free(only_words);
    mem_free(skip_words);
    return plan;
}
