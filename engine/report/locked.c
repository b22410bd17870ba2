#include "report/locked.h"

#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "report/locked_fields.h"
#include "secret/digest.h"

#define MARK 4                       /* hex digits of a line's SHA-256 */
#define MARKED_MAX ((size_t)4 << 20) /* bytes of a file whose lines are told apart */

struct comparison {
    value locked, now; /* borrowed */
    void (*report)(void *user, struct err *err);
    void *user;
};

/* ---- lines --------------------------------------------------------------------------------- */

static void lines_mark(struct buf *out, const char *bytes, size_t length) {
    char sha256[DIGEST_TEXT_SIZE];
    for (const char *end = bytes + length; bytes < end;) {
        const char *stop = memchr(bytes, '\n', (size_t)(end - bytes));
        size_t line = stop ? (size_t)(stop - bytes) : (size_t)(end - bytes);
        digest_text(bytes, line, sha256);
        buf_append(out, sha256, MARK);
        bytes += line + 1;
    }
}

static value file_marked(value file_taken) {
    AUTO_VALUE path = value_get(file_taken, "path");
    AUTO_TEXT bytes = NULL;
    size_t length;
    if (file_read(value_text(path), MARKED_MAX, &bytes, &length, NULL) < 0)
        return file_taken;
    AUTO_BUF marks = BUF_INIT(MARKED_MAX * MARK + 1);
    lines_mark(&marks, bytes, length);
    return value_set(file_taken, "lines", value_string_n(buf_text(&marks), marks.length));
}

/* From 1; 0 where the marks do not tell. */
static uint32_t line_differs(const char *then, const char *now) {
    uint32_t line = 1;
    if (!*then)
        return 0;
    for (; *then && *now && strncmp(then, now, MARK) == 0; then += MARK, now += MARK)
        line++;
    return *then || *now ? line : 0;
}

/* ---- the file ------------------------------------------------------------------------------ */

static void outline_digest(value outline, char ret[DIGEST_TEXT_SIZE]) {
    AUTO_TEXT text = value_to_json(outline);
    digest_text(text, strlen(text), ret);
}

int locked_write(const char *path, const struct plan *plan, value outline_taken,
                 char ret_sha256[65], struct err *err) {
    value marked = value_array();
    AUTO_VALUE files = value_get(outline_taken, "files");
    for (size_t i = 0; i < value_count(files); i++)
        marked = value_append(marked, file_marked(value_at(files, i)));
    AUTO_VALUE outline = value_set(locked_fields_add(outline_taken, plan), "files", marked);
    outline_digest(outline, ret_sha256);
    outline = value_set(outline, "sha256", value_string(ret_sha256));
    AUTO_BUF text = BUF_INIT(LOCKED_MAX);
    value_dump(&text, outline);
    buf_putc(&text, '\n');
    if (text.overflow)
        return err_set(err, ERR_LIMIT, "the plan is larger than a plan's file may be");
    return file_write_atomic(path, buf_text(&text), text.length, 0666, err);
}

static int locked_verify(const char *path, const char *bytes, size_t length, value plan,
                         struct err *err) {
    char sha256[DIGEST_TEXT_SIZE];
    AUTO_VALUE said = value_get(plan, "sha256");
    AUTO_TEXT text = value_to_json(plan);
    bool is_as_written = length == strlen(text) + 1 && memcmp(bytes, text, length - 1) == 0 &&
                         bytes[length - 1] == '\n';
    AUTO_VALUE bare = value_remove(value_copy(plan), "sha256");
    outline_digest(bare, sha256);
    if (is_as_written && text_equal(value_text(said), sha256))
        return 0;
    err_set(err, ERR_INVALID, "%s is not as `runbook plan -o` wrote it: its SHA-256 does not fit",
            path);
    return err_hint(err, "make the plan anew, and have it approved again");
}

int locked_read(const char *path, value *ret, struct err *err) {
    AUTO_TEXT bytes = NULL;
    size_t length;
    value plan;
    if (file_read(path, LOCKED_MAX, &bytes, &length, err) < 0)
        return -1;
    if (value_parse(bytes, length, &plan, NULL) < 0)
        plan = value_null();
    if (locked_verify(path, bytes, length, plan, err) == 0) {
        *ret = plan;
        return 0;
    }
    value_free(plan);
    return -1;
}

/* ---- files that changed -------------------------------------------------------------------- */

/* The last step of the list that begins in or above the line. */
static value step_at(value steps, const char *path, uint32_t line) {
    value found = value_none();
    for (size_t i = 0; i < value_count(steps); i++) {
        AUTO_VALUE step = value_at(steps, i);
        AUTO_VALUE file = value_get(step, "file");
        AUTO_VALUE begins = value_get(step, "line");
        AUTO_VALUE best = value_get(found, "line");
        if (!text_equal(value_text(file), path) || value_as_number(begins) > line ||
            value_as_number(begins) < value_as_number(best))
            continue;
        value_free(found);
        found = value_copy(step);
    }
    return found;
}

static char *step_named(value outline, const char *path, uint32_t line) {
    AUTO_VALUE steps = value_get(outline, "steps");
    AUTO_VALUE step = step_at(steps, path, line);
    AUTO_VALUE name = value_get(step, "path");
    return value_is(name, VALUE_STRING) ? mem_printf(" (step `%s`)", value_text(name))
                                        : mem_strdup("");
}

static void file_changed(const struct comparison *comparison, const char *path, uint32_t line) {
    AUTO_ERR err = ERR_INIT;
    AUTO_TEXT step = step_named(comparison->now, path, line);
    if (line)
        err_at(&err, (struct span){path, line, 1, 1},
               "the file has changed since the plan was made, first in line %u%s", line, step);
    else
        err_at(&err, (struct span){.file = path}, "the file has changed since the plan was made");
    comparison->report(comparison->user, &err);
}

static void file_compare(const struct comparison *comparison, value file) {
    AUTO_VALUE path = value_get(file, "path");
    AUTO_VALUE then = value_get(file, "sha256");
    AUTO_VALUE marks = value_get(file, "lines");
    AUTO_TEXT bytes = NULL;
    AUTO_ERR err = ERR_INIT;
    size_t length;
    char now[DIGEST_TEXT_SIZE];
    if (file_read(value_text(path), NAMED_FILE_MAX, &bytes, &length, &err) < 0) {
        err_wrap(&err, "a file of the plan");
        comparison->report(comparison->user, &err);
        return;
    }
    digest_text(bytes, length, now);
    if (text_equal(value_text(then), now))
        return;
    AUTO_BUF marked = BUF_INIT(NAMED_FILE_MAX * MARK + 1);
    lines_mark(&marked, bytes, length);
    file_changed(comparison, value_text(path), line_differs(value_text(marks), buf_text(&marked)));
}

void locked_compare_files(value locked, value outline, void (*report)(void *user, struct err *err),
                          void *user) {
    const struct comparison comparison = {locked, outline, report, user};
    AUTO_VALUE files = value_get(locked, "files");
    for (size_t i = 0; i < value_count(files); i++) {
        AUTO_VALUE file = value_at(files, i);
        file_compare(&comparison, file);
    }
}

/* ---- all else ------------------------------------------------------------------------------ */

static char *value_shown(value item) {
    return value_is(item, VALUE_NONE) || value_is(item, VALUE_NULL) ? mem_strdup("not set")
                                                                    : value_to_json(item);
}

static bool differs(const struct comparison *comparison, const char *what, value then, value now) {
    if (value_is(then, VALUE_NONE) == value_is(now, VALUE_NONE) && value_equal(then, now))
        return false;
    AUTO_TEXT before = value_shown(then);
    AUTO_TEXT after = value_shown(now);
    AUTO_ERR err = ERR_INIT;
    err_set(&err, ERR_INVALID, "%s was %s when the plan was made and is %s now", what, before,
            after);
    comparison->report(comparison->user, &err);
    return true;
}

static bool param_compare(const struct comparison *comparison, const struct runbook *runbook,
                          const char *name, value then, value now) {
    AUTO_TEXT what = mem_printf("parameter `%s`", name);
    bool is_hidden = locked_is_redacted(runbook, then) || locked_is_redacted(runbook, now);
    if (!is_hidden || value_equal(then, now))
        return differs(comparison, what, then, now);
    AUTO_ERR err = ERR_INIT;
    err_set(&err, ERR_INVALID, "%s is not what it was when the plan was made: [redacted]", what);
    comparison->report(comparison->user, &err);
    return true;
}

static bool params_compare(const struct comparison *comparison, const struct runbook *runbook) {
    AUTO_VALUE then = value_get(comparison->locked, "params");
    AUTO_VALUE now = value_get(comparison->now, "params");
    AUTO_VALUE all = value_merge(value_copy(then), value_copy(now));
    AUTO_VALUE names = value_keys(all);
    bool found = false;
    for (size_t i = 0; i < value_count(names); i++) {
        AUTO_VALUE name = value_at(names, i);
        AUTO_VALUE was = value_get(then, value_text(name));
        AUTO_VALUE is = value_get(now, value_text(name));
        found |= param_compare(comparison, runbook, value_text(name), was, is);
    }
    return found;
}

static bool member_compare(const struct comparison *comparison, const char *object, const char *key,
                           const char *what) {
    AUTO_VALUE then = value_get(comparison->locked, object);
    AUTO_VALUE now = value_get(comparison->now, object);
    AUTO_VALUE was = key ? value_get(then, key) : value_copy(then);
    AUTO_VALUE is = key ? value_get(now, key) : value_copy(now);
    return differs(comparison, what, was, is);
}

void locked_compare(value locked, const struct plan *plan, value outline,
                    void (*report)(void *user, struct err *err), void *user) {
    const struct comparison comparison = {locked, outline, report, user};
    static const struct {
        const char *object, *key, *what;
    } members[] = {
        {"profile", NULL, "the profile"},
        {"selection", NULL, "the selection of steps"},
        {"git", "commit", "the commit"},
        {"git", "branch", "the branch"},
        {"git", "dirty", "whether the repository has changes that are not committed"},
        {"policy", "sha256", "the SHA-256 of the house rules"},
        {"engine", NULL, "the engine's version"},
    };
    AUTO_VALUE marked = locked_fields_add(value_copy(outline), plan);
    bool found = params_compare(&comparison, plan_runbook(plan));
    found |= locked_fields_compare(locked, marked, plan_runbook(plan), report, user);
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        found |= member_compare(&comparison, members[i].object, members[i].key, members[i].what);
    /* Whatever the rest is: nothing but this very plan is run. */
    if (!found)
        (void)member_compare(&comparison, "plan_sha256", NULL, "the SHA-256 of the plan");
}
