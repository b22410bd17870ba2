#include "plan/drift.h"

#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/vec.h"
#include "secret/digest.h"

#define KEYS_MAX 4096 /* bytes of the names of keys that differ */
#define MARK 8        /* hex digits */

/* A step on one side or on both. */
struct entry {
    char *phase, *path;
    const struct step *steps[2]; /* then, now */
    value yaml[2];
    char *before[2]; /* the id of the step above it, "" for the first */
    char *keys;      /* that differ, or NULL */
    bool is_moved;
};

struct drift {
    struct map *entries; /* by "phase path" */
    value top[2];        /* the files that were asked for, without their steps */
    char *keys;
};

enum side { THEN, NOW };

/* ---- gathering ------------------------------------------------------------------------------ */

struct gather {
    struct drift *drift;
    struct diag *diag;
    enum side side;
    struct map *seen; /* files that were gathered, by path */
    const char *phase;
    bool failed;
};

static struct entry *entry_of(struct gather *gather, const char *path) {
    AUTO_TEXT key = mem_printf("%s %s", gather->phase, path);
    struct entry *entry = map_get(gather->drift->entries, key);
    if (entry)
        return entry;
    entry = mem_zalloc(sizeof *entry);
    entry->phase = mem_strdup(gather->phase);
    entry->path = mem_strdup(path);
    entry->yaml[THEN] = entry->yaml[NOW] = value_none();
    (void)map_put(gather->drift->entries, key, entry);
    return entry;
}

static void file_gather(struct gather *gather, const struct runbook *file, const char *prefix);
static void list_gather(struct gather *gather, const struct step_list *list, value yaml,
                        const char *prefix, bool in_order);

/* Members of a group are named as if the group were not there, but for those of a loop. */
static void members_gather(struct gather *gather, const struct step *step, value yaml,
                           const char *prefix, const char *path) {
    struct step_expansion inner = {0};
    if (!step_expand(step, &inner))
        return;
    AUTO_TEXT below = mem_printf("%s/", path);
    if (inner.runbook) {
        file_gather(gather, inner.runbook, below);
        return;
    }
    AUTO_VALUE members = value_get(yaml, step->type->key);
    list_gather(gather, inner.steps, members, step->more->foreach ? below : prefix,
                !inner.parallel);
}

static void step_gather(struct gather *gather, const struct step *step, value yaml,
                        const char *prefix, const char *before) {
    AUTO_TEXT path = mem_printf("%s%s", prefix, step->id);
    struct entry *entry = entry_of(gather, path);
    if (entry->steps[gather->side])
        return;
    entry->steps[gather->side] = step;
    entry->yaml[gather->side] = value_copy(yaml);
    entry->before[gather->side] = mem_strdup(before);
    members_gather(gather, step, yaml, prefix, path);
}

static void list_gather(struct gather *gather, const struct step_list *list, value yaml,
                        const char *prefix, bool in_order) {
    for (size_t i = 0; list && i < list->count; i++) {
        AUTO_VALUE one = value_at(yaml, i);
        bool has_above = in_order && i > 0;
        step_gather(gather, list->items[i], one, prefix, has_above ? list->items[i - 1]->id : "");
    }
}

/* A file that several steps call is compared once: it is the same file. */
static void file_gather(struct gather *gather, const struct runbook *file, const char *prefix) {
    value yaml;
    if (map_put(gather->seen, file->path, gather))
        return;
    if (runbook_data(file, &yaml, gather->diag) < 0) {
        gather->failed = true;
        return;
    }
    AUTO_VALUE steps = value_get(yaml, "steps");
    AUTO_VALUE finally = value_get(yaml, "finally");
    const char *phase = gather->phase;
    list_gather(gather, file->steps, steps, prefix, true);
    gather->phase = "finally";
    list_gather(gather, file->finally, finally, prefix, true);
    gather->phase = phase;
    yaml = value_remove(value_remove(yaml, "steps"), "finally");
    if (!*prefix)
        gather->drift->top[gather->side] = yaml;
    else
        value_free(yaml);
}

static bool plan_gather(struct drift *drift, const struct plan *plan, enum side side,
                        struct diag *diag) {
    struct gather gather = {
        .drift = drift, .diag = diag, .side = side, .seen = map_new(), .phase = "run"};
    file_gather(&gather, plan_runbook(plan), "");
    map_free(gather.seen);
    return !gather.failed;
}

/* ---- comparing ------------------------------------------------------------------------------ */

static void key_add(struct buf *keys, const char *key) {
    (void)buf_printf(keys, "%s%s", keys->length ? ", " : "", key);
}

static void keys_compare(struct buf *keys, value one, value other, bool only_missing) {
    value key, item;
    for (size_t i = 0; value_next(one, &i, &key, &item);) {
        AUTO_VALUE there = value_get(other, value_text(key));
        bool differs = only_missing ? value_is(there, VALUE_NONE) : !value_equal(item, there);
        if (differs)
            key_add(keys, value_text(key));
        value_free(key);
        value_free(item);
    }
}

/* NULL where none differs; the caller frees. */
static char *keys_differ(value then, value now) {
    AUTO_BUF keys = BUF_INIT(KEYS_MAX);
    keys_compare(&keys, now, then, false);
    keys_compare(&keys, then, now, true);
    return keys.length ? mem_strdup(buf_text(&keys)) : NULL;
}

/* Members are compared by themselves, and an id that is the same may be said or made. */
static value own_keys(const struct entry *entry, enum side side) {
    struct step_expansion inner = {0};
    const struct step *step = entry->steps[side];
    value yaml = value_remove(value_copy(entry->yaml[side]), "id");
    if (!step_expand(step, &inner) || inner.runbook)
        return yaml;
    return value_remove(yaml, step->type->key);
}

/* Of the steps above it, the nearest that both sides have. */
static const char *above(const struct drift *drift, const struct entry *entry, enum side side) {
    const char *slash = strrchr(entry->path, '/');
    size_t prefix = slash ? (size_t)(slash + 1 - entry->path) : 0;
    const char *id = entry->before[side];
    while (*id) {
        AUTO_TEXT key = mem_printf("%s %.*s%s", entry->phase, (int)prefix, entry->path, id);
        const struct entry *before = map_get(drift->entries, key);
        if (!before || (before->steps[THEN] && before->steps[NOW]))
            return id;
        id = before->before[side];
    }
    return "";
}

static void entry_compare(struct drift *drift, struct entry *entry) {
    if (!entry->steps[THEN] || !entry->steps[NOW])
        return;
    AUTO_VALUE then = own_keys(entry, THEN);
    AUTO_VALUE now = own_keys(entry, NOW);
    AUTO_VALUE needs_then = value_get(then, "needs");
    AUTO_VALUE needs_now = value_get(now, "needs");
    bool has_own = entry->steps[THEN]->has_needs || entry->steps[NOW]->has_needs;
    bool is_elsewhere =
        !has_own && !text_equal(above(drift, entry, THEN), above(drift, entry, NOW));
    entry->is_moved = is_elsewhere || !value_equal(needs_then, needs_now);
    AUTO_TEXT keys = keys_differ(then, now);
    if (keys && is_elsewhere)
        entry->keys = mem_printf("%s, " DRIFT_PLACE, keys);
    else if (keys || is_elsewhere)
        entry->keys = mem_strdup(keys ? keys : DRIFT_PLACE);
}

struct drift *drift_new(const struct plan *then, const struct plan *now, struct diag *diag) {
    struct drift *drift = mem_zalloc(sizeof *drift);
    const char *key;
    void *entry;
    drift->entries = map_new();
    drift->top[THEN] = drift->top[NOW] = value_none();
    if (!plan_gather(drift, then, THEN, diag) || !plan_gather(drift, now, NOW, diag)) {
        drift_free(drift);
        return NULL;
    }
    for (size_t i = 0; map_next(drift->entries, &i, &key, &entry);)
        entry_compare(drift, entry);
    drift->keys = keys_differ(drift->top[THEN], drift->top[NOW]);
    return drift;
}

void drift_free(struct drift *drift) {
    if (!drift)
        return;
    const char *key;
    void *item;
    for (size_t i = 0; map_next(drift->entries, &i, &key, &item);) {
        struct entry *entry = item;
        for (enum side side = THEN; side <= NOW; side++) {
            value_free(entry->yaml[side]);
            mem_free(entry->before[side]);
        }
        mem_free(entry->phase);
        mem_free(entry->path);
        mem_free(entry->keys);
        mem_free(entry);
    }
    map_free(drift->entries);
    value_free(drift->top[THEN]);
    value_free(drift->top[NOW]);
    mem_free(drift->keys);
    mem_free(drift);
}

/* ---- marks --------------------------------------------------------------------------------- */

value drift_mark(const char *bytes, size_t length) {
    char sha256[DIGEST_TEXT_SIZE];
    digest_text(bytes, length, sha256);
    return value_string_n(sha256, MARK);
}

/* Members of a mapping have marks of their own: `env.DIR`. */
static value keys_marked(value marks, const char *prefix, value yaml) {
    value key, item;
    for (size_t i = 0; value_next(yaml, &i, &key, &item);) {
        AUTO_TEXT name = mem_printf("%s%s", prefix, value_text(key));
        AUTO_TEXT below = mem_printf("%s.", name);
        if (!*prefix && value_is(item, VALUE_OBJECT) && value_count(item) > 0) {
            marks = keys_marked(marks, below, item);
        } else {
            AUTO_TEXT json = value_to_json(item);
            marks = value_set(marks, name, drift_mark(json, strlen(json)));
        }
        value_free(key);
        value_free(item);
    }
    return marks;
}

/* A group's members stand for themselves, but it is one kind of group or another. */
static value entry_marked(const struct entry *entry) {
    AUTO_VALUE yaml = own_keys(entry, NOW);
    value marks = keys_marked(value_object(), "", yaml);
    const char *before = entry->before[NOW], *kind = entry->steps[NOW]->type->key;
    AUTO_VALUE action = value_get(yaml, kind);
    if (value_is(action, VALUE_NONE))
        marks = value_set(marks, kind, drift_mark("", 0));
    return value_set(marks, DRIFT_PLACE, drift_mark(before, strlen(before)));
}

value drift_marks(const struct plan *plan, struct diag *diag) {
    struct drift *drift = mem_zalloc(sizeof *drift);
    const char *key;
    void *entry;
    drift->entries = map_new();
    drift->top[THEN] = drift->top[NOW] = value_none();
    bool is_read = plan_gather(drift, plan, NOW, diag);
    value marks = is_read ? value_object() : value_none();
    if (is_read)
        marks = value_set(marks, "", keys_marked(value_object(), "", drift->top[NOW]));
    for (size_t i = 0; is_read && map_next(drift->entries, &i, &key, &entry);) {
        marks = value_set(marks, key, entry_marked(entry));
    }
    drift_free(drift);
    return marks;
}

/* ---- asking --------------------------------------------------------------------------------- */

void drift_each(const struct drift *drift,
                void (*each)(void *user, enum drift_kind kind, const char *phase, const char *path,
                             const char *what),
                void *user) {
    const char *key;
    void *item;
    if (drift->keys)
        each(user, DRIFT_CHANGED, NULL, NULL, drift->keys);
    for (size_t i = 0; map_next(drift->entries, &i, &key, &item);) {
        const struct entry *entry = item;
        if (!entry->steps[THEN])
            each(user, DRIFT_NEW, entry->phase, entry->path, NULL);
        else if (!entry->steps[NOW])
            each(user, DRIFT_GONE, entry->phase, entry->path, NULL);
        else if (entry->keys)
            each(user, DRIFT_CHANGED, entry->phase, entry->path, entry->keys);
    }
}

/* A handler goes by the path of its step. */
static const struct entry *entry_find(const struct drift *drift, const char *phase,
                                      const char *path) {
    AUTO_BUF key = BUF_INIT(1 << 20);
    (void)buf_printf(&key, "%s ", text_equal(phase, "finally") ? phase : "run");
    for (bool inside = false; *path; path++) {
        inside |= *path == '[';
        if (!inside)
            (void)buf_putc(&key, *path);
        inside &= *path != ']';
    }
    return map_get(drift->entries, buf_text(&key));
}

bool drift_is_new(const struct drift *drift, const char *phase, const char *path) {
    const struct entry *entry = drift ? entry_find(drift, phase, path) : NULL;
    return entry && !entry->steps[THEN];
}

bool drift_is_moved(const struct drift *drift, const char *phase, const char *path) {
    const struct entry *entry = drift ? entry_find(drift, phase, path) : NULL;
    return entry && entry->is_moved;
}

const struct step *drift_step_then(const struct drift *drift, const char *phase, const char *path) {
    const struct entry *entry = drift ? entry_find(drift, phase, path) : NULL;
    return entry ? entry->steps[THEN] : NULL;
}
