#include "report/locked_fields.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "plan/drift.h"
#include "report/outline_words.h"

#define SHOWN_COLUMNS 120 /* of a value that changed */
#define REPORTED_MAX 100  /* differences */

struct fields {
    value then, now; /* outlines, borrowed */
    const struct runbook *runbook;
    void (*report)(void *user, struct err *err);
    void *user;
    size_t found;
};

/* ---- marks --------------------------------------------------------------------------------- */

/* Those that an expression names; what looks at all of `.env` cannot be held to anything. */
static value environment_value(value outline) {
    AUTO_VALUE unknown = value_get(outline, "unknown");
    value environment = value_object();
    for (size_t i = 0; i < value_count(unknown); i++) {
        AUTO_VALUE origin = value_at(unknown, i);
        AUTO_VALUE from = value_get(origin, "from");
        if (!text_starts_with(value_text(from), "env."))
            continue;
        const char *name = value_text(from) + strlen("env.");
        const char *content = getenv(name);
        environment = value_set(environment, name,
                                content ? drift_mark(content, strlen(content)) : value_null());
    }
    return environment;
}

/* Of the files that steps read themselves; null where there is none yet. */
static value contents_value(value outline) {
    AUTO_VALUE resources = value_get(outline, "resources");
    AUTO_VALUE paths = value_get(resources, "reads");
    value contents = value_object();
    for (size_t i = 0; i < value_count(paths); i++) {
        AUTO_VALUE path = value_at(paths, i);
        AUTO_TEXT bytes = NULL;
        size_t length;
        bool is_read = file_read(value_text(path), NAMED_FILE_MAX, &bytes, &length, NULL) == 0;
        value mark = is_read ? drift_mark(bytes, length) : value_null();
        contents = value_set(contents, value_text(path), mark);
    }
    return contents;
}

value locked_fields_add(value outline_taken, const struct plan *plan) {
    struct diag *diag = diag_new();
    value marks = drift_marks(plan, diag);
    diag_free(diag);
    outline_taken = value_set(outline_taken, "environment", environment_value(outline_taken));
    outline_taken = value_set(outline_taken, "contents", contents_value(outline_taken));
    return value_is(marks, VALUE_NONE) ? outline_taken : value_set(outline_taken, "keys", marks);
}

/* ---- reports ------------------------------------------------------------------------------- */

bool locked_is_redacted(const struct runbook *runbook, value item) {
    AUTO_TEXT text = value_to_text(item);
    struct match_found found;
    for (size_t i = 0; i < runbook->redact.count; i++)
        if (match_find(FIELD_AT(struct match *, &runbook->redact, i), text, strlen(text), 0, &found,
                       NULL) != 0)
            return true;
    return false;
}

static void put_shown(struct buf *out, const struct fields *fields, value item) {
    AUTO_TEXT text = value_to_text(item);
    if (locked_is_redacted(fields->runbook, item)) {
        buf_puts(out, "[redacted]");
        return;
    }
    buf_putc(out, '`');
    text_fit(out, text, strlen(text), SHOWN_COLUMNS, true);
    buf_putc(out, '`');
}

/* `was` and `is` are VALUE_NONE where the plan does not tell them. */
static void field_report(struct fields *fields, const char *what, value was, value is) {
    AUTO_ERR err = ERR_INIT;
    AUTO_BUF values = BUF_INIT(1 << 16);
    if (fields->found++ >= REPORTED_MAX)
        return;
    if (!value_is(was, VALUE_NONE) && !value_is(is, VALUE_NONE) && !value_equal(was, is)) {
        buf_puts(&values, ": it was ");
        put_shown(&values, fields, was);
        buf_puts(&values, " and is ");
        put_shown(&values, fields, is);
    }
    err_set(&err, ERR_INVALID, "%s is not what it was when the plan was made%s", what,
            buf_text(&values));
    fields->report(fields->user, &err);
}

static void step_report(struct fields *fields, const char *name, const char *what) {
    AUTO_ERR err = ERR_INIT;
    const char *space = strchr(name, ' ');
    if (fields->found++ >= REPORTED_MAX || !space)
        return;
    err_set(&err, ERR_INVALID, "step `%s` %s", space + 1, what);
    fields->report(fields->user, &err);
}

/* ---- what the plan tells of a key ---------------------------------------------------------- */

struct search {
    const char *phase, *path;
    value found;
};

static void step_match(void *user, const char *phase, value step) {
    struct search *search = user;
    AUTO_VALUE path = value_get(step, "path");
    if (value_is(search->found, VALUE_NONE) && text_equal(phase, search->phase) &&
        text_equal(value_text(path), search->path))
        search->found = value_copy(step);
}

static value step_of(value outline, const char *name) {
    const char *space = strchr(name, ' ');
    AUTO_TEXT phase = mem_strndup(name, space ? (size_t)(space - name) : 0);
    struct search search = {phase, space ? space + 1 : "", value_none()};
    outline_each_step(outline, step_match, &search);
    return search.found;
}

/* A fact is told by its text. */
static value told(value fact_taken) {
    if (!value_is(fact_taken, VALUE_OBJECT))
        return fact_taken;
    value text = value_get(fact_taken, "text");
    value_free(fact_taken);
    return text;
}

static value lines_told(value step) {
    AUTO_VALUE lines = value_get(step, "lines");
    AUTO_BUF text = BUF_INIT((size_t)8 << 20);
    for (size_t i = 0; i < value_count(lines); i++) {
        AUTO_VALUE line = value_at(lines, i);
        AUTO_VALUE shown = value_get(line, "text");
        buf_printf(&text, "%s%s", i ? "; " : "", value_text(shown));
    }
    return value_string_n(buf_text(&text), text.length);
}

static value key_told(value step, const char *key) {
    AUTO_VALUE action = value_get(step, "action");
    const char *dot = strchr(key, '.');
    AUTO_TEXT whole = mem_strndup(key, dot ? (size_t)(dot - key) : strlen(key));
    AUTO_VALUE owner = value_get(step, whole);
    if (text_equal(value_text(action), whole))
        return lines_told(step);
    if (dot && text_equal(whole, "env"))
        return told(value_get(owner, dot + 1));
    return dot ? value_none() : told(value_copy(owner));
}

/* ---- comparing ----------------------------------------------------------------------------- */

static void key_compare(struct fields *fields, const char *name, const char *key) {
    if (text_equal(key, DRIFT_PLACE)) {
        step_report(fields, name, "has another place");
        return;
    }
    AUTO_TEXT what = *name ? mem_printf("`%s` of step `%s`", key, strchr(name, ' ') + 1)
                           : mem_printf("`%s`", key);
    AUTO_VALUE then = *name ? step_of(fields->then, name) : value_none();
    AUTO_VALUE now = *name ? step_of(fields->now, name) : value_none();
    AUTO_VALUE was = key_told(then, key);
    AUTO_VALUE is = key_told(now, key);
    field_report(fields, what, was, is);
}

static void marks_compare(struct fields *fields, const char *name, value then, value now) {
    AUTO_VALUE all = value_merge(value_copy(then), value_copy(now));
    AUTO_VALUE keys = value_keys(all);
    for (size_t i = 0; i < value_count(keys); i++) {
        AUTO_VALUE key = value_at(keys, i);
        AUTO_VALUE was = value_get(then, value_text(key));
        AUTO_VALUE is = value_get(now, value_text(key));
        if (value_is(was, VALUE_NONE) != value_is(is, VALUE_NONE) || !value_equal(was, is))
            key_compare(fields, name, value_text(key));
    }
}

static void keys_compare(struct fields *fields) {
    AUTO_VALUE then = value_get(fields->then, "keys");
    AUTO_VALUE now = value_get(fields->now, "keys");
    AUTO_VALUE all = value_merge(value_copy(then), value_copy(now));
    AUTO_VALUE names = value_keys(all);
    for (size_t i = 0; i < value_count(names) && fields->found < REPORTED_MAX; i++) {
        AUTO_VALUE name = value_at(names, i);
        AUTO_VALUE was = value_get(then, value_text(name));
        AUTO_VALUE is = value_get(now, value_text(name));
        if (value_is(was, VALUE_NONE))
            step_report(fields, value_text(name), "was not in the plan");
        else if (value_is(is, VALUE_NONE))
            step_report(fields, value_text(name), "was in the plan and is gone");
        else if (!value_equal(was, is))
            marks_compare(fields, value_text(name), was, is);
    }
}

/* What is not in both is told by the steps that look at it. */
static void outside_compare(struct fields *fields, const char *member, const char *kind) {
    AUTO_VALUE then = value_get(fields->then, member);
    AUTO_VALUE now = value_get(fields->now, member);
    AUTO_VALUE names = value_keys(then);
    for (size_t i = 0; i < value_count(names); i++) {
        AUTO_VALUE name = value_at(names, i);
        AUTO_VALUE was = value_get(then, value_text(name));
        AUTO_VALUE is = value_get(now, value_text(name));
        AUTO_TEXT what = mem_printf("%s `%s`", kind, value_text(name));
        if (!value_is(is, VALUE_NONE) && !value_equal(was, is))
            field_report(fields, what, value_none(), value_none());
    }
}

bool locked_fields_compare(value then, value now, const struct runbook *runbook,
                           void (*report)(void *user, struct err *err), void *user) {
    struct fields fields = {
        .then = then, .now = now, .runbook = runbook, .report = report, .user = user};
    keys_compare(&fields);
    outside_compare(&fields, "environment", "environment variable");
    outside_compare(&fields, "contents", "the file");
    return fields.found > 0;
}
