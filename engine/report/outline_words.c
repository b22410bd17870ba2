#include "report/outline_words.h"

#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "lang/runbook.h"

#define LINE_MAX ((size_t)1 << 20)

int64_t outline_integer(value object, const char *key) {
    AUTO_VALUE member = value_get(object, key);
    int64_t number = 0;
    return value_as_integer(member, &number) ? number : 0;
}

bool outline_has(value object, const char *key) {
    AUTO_VALUE member = value_get(object, key);
    return !value_is(member, VALUE_NONE);
}

/* ---- steps --------------------------------------------------------------------------------- */

struct visit {
    void (*each)(void *user, const char *phase, value step);
    void *user;
    const char *phase;
};

/* Recursion is as deep as an outline is. */
static void steps_visit(const struct visit *visit, value steps, size_t depth) {
    for (size_t i = 0; i < value_count(steps); i++) {
        AUTO_VALUE step = value_at(steps, i);
        AUTO_VALUE members = value_get(step, "steps");
        visit->each(visit->user, visit->phase, step);
        if (depth < RUNBOOK_MAX_DEPTH)
            steps_visit(visit, members, depth + 1);
    }
}

void outline_each_step(value outline, void (*each)(void *user, const char *phase, value step),
                       void *user) {
    AUTO_VALUE steps = value_get(outline, "steps");
    AUTO_VALUE finally = value_get(outline, "finally");
    steps_visit(&(struct visit){each, user, "run"}, steps, 0);
    steps_visit(&(struct visit){each, user, "finally"}, finally, 0);
}

/* ---- words --------------------------------------------------------------------------------- */

char *outline_openers(value gate) {
    AUTO_VALUE by_hand = value_get(gate, "by_hand");
    AUTO_VALUE approvers = value_get(gate, "approvers");
    AUTO_VALUE others = value_get(gate, "not_requester");
    AUTO_BUF text = BUF_INIT(LINE_MAX);
    if (value_truth(by_hand))
        return mem_strdup("a person, by hand");
    if (value_count(approvers) > 0)
        buf_printf(&text, "%" PRId64 " of ", outline_integer(gate, "quorum"));
    for (size_t i = 0; i < value_count(approvers); i++) {
        AUTO_VALUE name = value_at(approvers, i);
        buf_printf(&text, "%s%s", i ? ", " : "", value_text(name));
    }
    if (text.length == 0)
        buf_puts(&text, "anybody");
    if (value_truth(others))
        buf_puts(&text, ", not who started the run");
    return buf_detach(&text);
}

const char *outline_mark(value fact) {
    AUTO_VALUE is = value_get(fact, "is");
    if (!value_is(is, VALUE_STRING) || text_equal(value_text(is), "known"))
        return NULL;
    return text_equal(value_text(is), "live") ? "checked live" : "rendered at run time";
}

char *outline_secret_source(value secret) {
    AUTO_VALUE command = value_get(secret, "command");
    AUTO_VALUE file = value_get(secret, "file");
    AUTO_VALUE from = value_get(secret, "from");
    AUTO_BUF text = BUF_INIT(LINE_MAX);
    if (value_count(command) == 0)
        return value_is(file, VALUE_STRING) ? mem_printf("the file %s", value_text(file))
                                            : mem_printf("the %s", value_text(from));
    buf_puts(&text, "the command");
    for (size_t i = 0; i < value_count(command); i++) {
        AUTO_VALUE word = value_at(command, i);
        buf_printf(&text, " %s", value_text(word));
    }
    return buf_detach(&text);
}

char *outline_gist(const char *title, const char *line, const char *list) {
    if (title && *title)
        return mem_strndup(title, strcspn(title, "\n"));
    if ((!line || !*line) && list)
        return mem_printf("for each of %s", list);
    return line ? mem_strndup(line, strcspn(line, "\n")) : mem_strdup("");
}

char *outline_drill(value drill) {
    AUTO_VALUE profile = value_get(drill, "profile");
    AUTO_VALUE last = value_get(drill, "last");
    AUTO_VALUE due = value_get(drill, "due");
    AUTO_BUF out = BUF_INIT(1 << 16);
    const int64_t every_ms = outline_integer(drill, "every_ms");
    AUTO_TEXT every = text_format_duration(every_ms);
    if (value_text_length(profile) > 0)
        buf_printf(&out, "profile %s", value_text(profile));
    else
        buf_puts(&out, "without a profile");
    if (every_ms > 0)
        buf_printf(&out, ", every %s", every);
    if (value_is(last, VALUE_STRING))
        buf_printf(&out, "; the last that succeeded ended %s", value_text(last));
    else
        buf_puts(&out, "; none is known to have succeeded");
    if (value_is(due, VALUE_BOOL))
        buf_puts(&out, value_truth(due) ? ": one is due" : ": none is due");
    return buf_detach(&out);
}
