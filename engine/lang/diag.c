#include "lang/diag.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/vec.h"
#include "lang/diag_show.h"

#define MESSAGE_MAX ((size_t)1 << 20)

struct diag {
    VEC(struct err) errors;
    VEC(value) profiles; /* of each error: those that it holds under; VALUE_NONE: under any */
    VEC(struct diag_source) sources;
    struct map *seen;
    size_t warnings; /* among `errors` */
};

struct diag *diag_new(void) {
    struct diag *diag = mem_zalloc(sizeof *diag);
    diag->seen = map_new();
    return diag;
}

void diag_free(struct diag *diag) {
    if (!diag)
        return;
    for (size_t i = 0; i < diag->errors.count; i++) {
        mem_free((char *)(uintptr_t)diag->errors.items[i].span.file);
        err_release(&diag->errors.items[i]);
        value_free(diag->profiles.items[i]);
    }
    for (size_t i = 0; i < diag->sources.count; i++) {
        mem_free(diag->sources.items[i].path);
        shared_release(diag->sources.items[i].kept);
    }
    vec_release(&diag->errors);
    vec_release(&diag->profiles);
    vec_release(&diag->sources);
    map_free(diag->seen);
    mem_free(diag);
}

static const struct diag_source *source_find(const struct diag *diag, const char *path) {
    for (size_t i = 0; path && i < diag->sources.count; i++)
        if (strcmp(diag->sources.items[i].path, path) == 0)
            return &diag->sources.items[i];
    return NULL;
}

void diag_source_shared(struct diag *diag, const char *path, struct shared *bytes) {
    if (!source_find(diag, path))
        *vec_add(&diag->sources) = (struct diag_source){mem_strdup(path), shared_bytes(bytes),
                                                        shared_length(bytes), shared_hold(bytes)};
}

void diag_source(struct diag *diag, const char *path, const char *bytes, size_t length) {
    struct shared *copy = shared_new(mem_strndup(bytes, length), length);
    diag_source_shared(diag, path, copy);
    shared_release(copy);
}

/* By 1 + its index what is known already, and 0. */
static size_t known_find(struct diag *diag, const struct err *err) {
    AUTO_TEXT key = mem_printf("%s:%u:%u:%s", err->span.file ? err->span.file : "", err->span.line,
                               err->span.column, err->message ? err->message : "");
    void *known = map_get(diag->seen, key);
    if (!known)
        map_put(diag->seen, key, (void *)(uintptr_t)(diag->errors.count + 1));
    return (size_t)(uintptr_t)known;
}

static void error_keep(struct diag *diag, struct err *err, value profiles_taken) {
    diag->warnings += err->kind == ERR_WARNING;
    struct err *kept = vec_add(&diag->errors);
    *kept = *err;
    *vec_add(&diag->profiles) = profiles_taken;
    /* The span's file lives as long as a runbook, which may die before. */
    if (kept->span.file)
        kept->span.file = mem_strdup(kept->span.file);
    *err = (struct err)ERR_INIT;
}

void diag_report(struct diag *diag, struct err *err) {
    if (known_find(diag, err))
        err_release(err);
    else
        error_keep(diag, err, value_none());
}

void diag_take(struct diag *diag, struct diag *other, const char *profile) {
    for (size_t i = 0; i < other->sources.count; i++)
        diag_source_shared(diag, other->sources.items[i].path, other->sources.items[i].kept);
    for (size_t i = 0; i < other->errors.count; i++) {
        struct err *err = &other->errors.items[i];
        char *file = (char *)(uintptr_t)err->span.file;
        size_t known = known_find(diag, err);
        if (!known)
            error_keep(diag, err, value_append(value_array(), value_string(profile)));
        else if (value_is(diag->profiles.items[known - 1], VALUE_ARRAY))
            diag->profiles.items[known - 1] =
                value_append(diag->profiles.items[known - 1], value_string(profile));
        err_release(err);
        mem_free(file);
    }
}

void diag_merge(struct diag *diag, struct diag *other) {
    for (size_t i = 0; i < other->sources.count; i++)
        diag_source_shared(diag, other->sources.items[i].path, other->sources.items[i].kept);
    for (size_t i = 0; i < other->errors.count; i++) {
        struct err *err = &other->errors.items[i];
        char *file = (char *)(uintptr_t)err->span.file;
        diag_report(diag, err);
        mem_free(file);
    }
    diag_free(other);
}

size_t diag_count(const struct diag *diag) {
    return diag->errors.count - diag->warnings;
}

size_t diag_warnings(const struct diag *diag) {
    return diag->warnings;
}

/* ---- in order ----------------------------------------------------------------------------- */

struct placed {
    const struct err *err;
    const struct diag_source *source;
    size_t index;
};

static int compare_numbers(size_t a, size_t b) {
    return a < b ? -1 : a > b;
}

/* Files in the order in which they were read, errors without a place first. */
static int compare_placed(const void *left, const void *right) {
    const struct placed *a = left, *b = right;
    uintptr_t source_a = (uintptr_t)a->source, source_b = (uintptr_t)b->source;
    if (source_a != source_b)
        return source_a < source_b ? -1 : 1;
    int order = compare_numbers(a->err->span.line, b->err->span.line);
    if (order == 0)
        order = compare_numbers(a->err->span.column, b->err->span.column);
    return order ? order : compare_numbers(a->index, b->index);
}

static struct placed *diag_sorted(const struct diag *diag) {
    size_t count = diag->errors.count;
    struct placed *sorted = mem_calloc(count + 1, sizeof *sorted);
    for (size_t i = 0; i < count; i++) {
        const struct err *err = &diag->errors.items[i];
        sorted[i] = (struct placed){err, source_find(diag, err->span.file), i};
    }
    qsort(sorted, count, sizeof *sorted, compare_placed);
    return sorted;
}

/* For people the profiles stand behind the message. */
static void error_show(const struct diag_style *style, const struct diag *diag,
                       const struct placed *placed, struct diag_cursor *cursor, struct buf *out) {
    AUTO_BUF message = BUF_INIT(MESSAGE_MAX);
    value profiles = diag->profiles.items[placed->index];
    struct err shown = *placed->err;
    (void)buf_puts(&message, shown.message ? shown.message : "");
    for (size_t i = 0; i < value_count(profiles); i++) {
        AUTO_VALUE name = value_at(profiles, i);
        (void)buf_printf(&message, "%s`%s`",
                         i                           ? ", "
                         : value_count(profiles) > 1 ? ", under the profiles "
                                                     : ", under the profile ",
                         value_text(name));
    }
    shown.message = (char *)(uintptr_t)buf_text(&message);
    diag_show(out, style, &shown, placed->source, cursor);
}

void diag_text(const struct diag *diag, const struct diag_style *style, struct buf *out) {
    struct placed *sorted = diag_sorted(diag);
    struct diag_cursor cursor = {0};
    for (size_t i = 0; i < diag->errors.count; i++)
        error_show(style, diag, &sorted[i], &cursor, out);
    mem_free(sorted);
}

static value set_number(value object, const char *key, uint32_t number) {
    return number ? value_set(object, key, value_number(number)) : object;
}

static value diag_item(const struct err *err, value profiles) {
    static const char *const kinds[] = {
        [ERR_NONE] = "invalid",          [ERR_INVALID] = "invalid",
        [ERR_SYSTEM] = "system",         [ERR_UNREACHABLE] = "unreachable",
        [ERR_REFUSED] = "refused",       [ERR_TIMEOUT] = "timeout",
        [ERR_LIMIT] = "limit",           [ERR_BUSY] = "busy",
        [ERR_TRANSCRIPT] = "transcript", [ERR_WARNING] = "warning",
        [ERR_UNKNOWN] = "unknown",
    };
    value item = value_object();
    if (err->span.file)
        item = value_set(item, "file", value_string(err->span.file));
    item = set_number(item, "line", err->span.line);
    item = set_number(item, "column", err->span.column);
    item = set_number(item, "length", err->span.length);
    item = value_set(item, "message", value_string(err->message));
    if (err->hint)
        item = value_set(item, "hint", value_string(err->hint));
    if (value_is(profiles, VALUE_ARRAY))
        item = value_set(item, "profiles", value_copy(profiles));
    return value_set(item, "kind", value_string(kinds[err->kind]));
}

value diag_value(const struct diag *diag) {
    struct placed *sorted = diag_sorted(diag);
    value list = value_array();
    for (size_t i = 0; i < diag->errors.count; i++)
        list = value_append(list, diag_item(sorted[i].err, diag->profiles.items[sorted[i].index]));
    mem_free(sorted);
    return list;
}
