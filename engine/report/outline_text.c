#include <inttypes.h>

#include "base/mem.h"
#include "base/text.h"
#include "report/outline.h"

#define DEPTH_MAX RUNBOOK_MAX_DEPTH

struct drawing {
    struct buf *out;
    const struct text_style *style;
    bool verbose;
};

static void put_color(const struct drawing *drawing, const char *color, const char *text) {
    if (drawing->style->color) {
        buf_printf(drawing->out, "\x1b[%sm%s\x1b[0m", color, text);
    } else {
        buf_puts(drawing->out, text);
    }
}

static void put_escaped(const struct drawing *drawing, value text) {
    text_escape(drawing->out, value_text(text), value_text_length(text), false);
}

static void indent_by(const struct drawing *drawing, size_t columns) {
    for (size_t i = 0; i < columns; i++) {
        buf_putc(drawing->out, ' ');
    }
}

static bool has(value object, const char *key) {
    AUTO_VALUE member = value_get(object, key);
    return !value_is(member, VALUE_NONE);
}

static int64_t integer_of(value object, const char *key) {
    AUTO_VALUE member = value_get(object, key);
    int64_t number = 0;
    return value_as_integer(member, &number) ? number : 0;
}

static void duration_of(const struct drawing *drawing, const char *label, value object,
                        const char *key) {
    const int64_t ms = integer_of(object, key);
    if (ms > 0) {
        AUTO_TEXT text = text_format_duration(ms);
        buf_printf(drawing->out, "%s%s", label, text);
    }
}

/* ---- a step ------------------------------------------------------------------------------- */

/* The whole text, or its first line fitted to the window. */
static void put_body(const struct drawing *drawing, value text, size_t indent) {
    const char *bytes = value_text(text);
    size_t length = value_text_length(text);
    const size_t columns = drawing->style->columns;
    if (!drawing->verbose) {
        const char *newline = memchr(bytes, '\n', length);
        const bool more = newline && newline + 1 < bytes + length;
        length = newline ? (size_t)(newline - bytes) : length;
        const size_t room = columns > indent + 12 ? columns - indent - 2 : 0;
        if (room > 0) {
            text_fit(drawing->out, bytes, length, room, drawing->style->unicode);
        } else {
            text_escape(drawing->out, bytes, length, false);
        }
        buf_puts(drawing->out, !more ? "\n" : drawing->style->unicode ? " …\n" : " ...\n");
        return;
    }
    for (const char *end = bytes + length; bytes < end;) {
        const size_t line = strcspn(bytes, "\n");
        text_escape(drawing->out, bytes, line, false);
        buf_putc(drawing->out, '\n');
        bytes += line + 1;
        if (bytes < end) {
            indent_by(drawing, indent);
        }
    }
    if (length == 0) {
        buf_putc(drawing->out, '\n');
    }
}

static void put_list(const struct drawing *drawing, value list) {
    for (size_t i = 0; i < value_count(list); i++) {
        AUTO_VALUE item = value_at(list, i);
        buf_puts(drawing->out, i == 0 ? "" : ", ");
        put_escaped(drawing, item);
    }
}

/* Where a value comes from that is not known yet. */
static void put_origin(const struct drawing *drawing, value fact, size_t indent) {
    AUTO_VALUE from = value_get(fact, "from");
    if (!drawing->verbose || value_count(from) == 0)
        return;
    indent_by(drawing, indent);
    put_color(drawing, "2", "rendered at run time from ");
    put_list(drawing, from);
    buf_putc(drawing->out, '\n');
}

/* The first few, and all that says what is destroyed. */
static void put_lines(const struct drawing *drawing, value owner, size_t indent,
                      const char *prefix) {
    AUTO_VALUE lines = value_get(owner, "lines");
    const size_t count = value_count(lines);
    const size_t whole = drawing->verbose || count <= 4 ? count : 3;
    size_t left_out = 0;
    for (size_t i = 0; i < count; i++) {
        AUTO_VALUE line = value_at(lines, i);
        AUTO_VALUE label = value_get(line, "label");
        AUTO_VALUE text = value_get(line, "text");
        if (i >= whole && !text_equal(value_text(label), "destroys")) {
            left_out++;
            continue;
        }
        AUTO_TEXT shown = mem_printf("%s%s: ", prefix, value_text(label));
        indent_by(drawing, indent);
        put_color(drawing, "2", shown);
        put_body(drawing, text, indent + strlen(shown));
        put_origin(drawing, line, indent + 2);
    }
    if (left_out > 0) {
        indent_by(drawing, indent);
        buf_printf(drawing->out, "and %zu more line%s (-v shows them)\n", left_out,
                   left_out == 1 ? "" : "s");
    }
}

/* `label value` on a line of its own, where the step says it. */
static void put_member(const struct drawing *drawing, value step, const char *key,
                       const char *label, size_t indent) {
    AUTO_VALUE member = value_get(step, key);
    if (!value_is(member, VALUE_STRING)) {
        return;
    }
    indent_by(drawing, indent);
    put_color(drawing, "2", label);
    buf_putc(drawing->out, ' ');
    put_escaped(drawing, member);
    buf_putc(drawing->out, '\n');
}

/* The same of a fact, with where its value comes from. */
static void put_fact(const struct drawing *drawing, value step, const char *key, const char *label,
                     size_t indent) {
    AUTO_VALUE fact = value_get(step, key);
    put_member(drawing, fact, "text", label, indent);
    put_origin(drawing, fact, indent + 2);
}

/* Names on one line, or with -v each with what it will be; secrets are names there, too. */
static void put_env(const struct drawing *drawing, value step, size_t indent) {
    AUTO_VALUE env = value_get(step, "env");
    AUTO_VALUE names = value_keys(env);
    if (value_count(names) == 0)
        return;
    indent_by(drawing, indent);
    put_color(drawing, "2", "env:");
    buf_putc(drawing->out, ' ');
    put_list(drawing, names);
    buf_putc(drawing->out, '\n');
    for (size_t i = 0; drawing->verbose && i < value_count(names); i++) {
        AUTO_VALUE name = value_at(names, i);
        AUTO_TEXT label = mem_printf("%s =", value_text(name));
        put_fact(drawing, env, value_text(name), label, indent + 2);
    }
}

static void put_names(const struct drawing *drawing, value step, const char *key, const char *label,
                      const char *color, size_t indent) {
    AUTO_VALUE names = value_get(step, key);
    if (value_count(names) == 0) {
        return;
    }
    indent_by(drawing, indent);
    put_color(drawing, color, label);
    buf_putc(drawing->out, ' ');
    put_list(drawing, names);
    buf_putc(drawing->out, '\n');
}

/* The undo ledger at this point. */
static void put_undo(const struct drawing *drawing, value step, size_t indent) {
    if (!drawing->verbose)
        return;
    put_names(drawing, step, "undo", "if it fails, undone in this order:", "2", indent);
    const int64_t more = integer_of(step, "undo_more");
    if (more > 0) {
        indent_by(drawing, indent + 2);
        buf_printf(drawing->out, "and %" PRId64 " more\n", more);
    }
    put_names(drawing, step, "undo_beside", "and where they have begun by then:", "2", indent);
}

static void put_span(const struct drawing *drawing, value expected) {
    AUTO_TEXT half = text_show_duration(integer_of(expected, "p50_ms"));
    AUTO_TEXT most = text_show_duration(integer_of(expected, "p90_ms"));
    const int64_t runs = integer_of(expected, "runs");
    buf_printf(drawing->out, "%s, nine of ten at most %s (of %" PRId64 ")", half, most, runs);
}

static void put_expected(const struct drawing *drawing, value step, const char *label,
                         size_t indent) {
    AUTO_VALUE expected = value_get(step, "expected");
    if (!value_is(expected, VALUE_OBJECT))
        return;
    indent_by(drawing, indent);
    put_color(drawing, "2", label);
    buf_putc(drawing->out, ' ');
    put_span(drawing, expected);
    buf_putc(drawing->out, '\n');
}

static void put_limits(const struct drawing *drawing, value step, size_t indent) {
    AUTO_BUF text = BUF_INIT(65536);
    const struct drawing inner = {.out = &text, .style = drawing->style};
    duration_of(&inner, ", timeout ", step, "timeout_ms");
    duration_of(&inner, ", deadline ", step, "deadline_ms");
    AUTO_VALUE retry = value_get(step, "retry");
    if (value_is(retry, VALUE_OBJECT)) {
        buf_printf(&text, ", up to %" PRId64 " attempts", integer_of(retry, "attempts"));
    }
    AUTO_VALUE rule = value_get(step, "on_failure");
    if (value_is(rule, VALUE_STRING)) {
        buf_printf(&text, ", on failure: %s", value_text(rule));
    }
    buf_puts(&text, has(step, "background") ? ", in the background until the end" : "");
    buf_puts(&text, has(step, "sensitive") ? ", its output is not kept" : "");
    if (text.length > 2) {
        indent_by(drawing, indent);
        buf_printf(drawing->out, "%s\n", buf_text(&text) + 2);
    }
}

static void put_head(const struct drawing *drawing, value step, size_t depth) {
    AUTO_VALUE id = value_get(step, "id");
    AUTO_VALUE title = value_get(step, "title");
    AUTO_VALUE action = value_get(step, "action");
    AUTO_VALUE effect = value_get(step, "effect");
    indent_by(drawing, 2 + depth * 2);
    AUTO_TEXT wave = mem_printf("%" PRId64 ".", integer_of(step, "wave") + 1);
    buf_printf(drawing->out, "%-4s", wave);
    put_color(drawing, "1", value_text(id));
    buf_printf(drawing->out, "  %s", value_text(action));
    if (value_text_length(effect) > 0) {
        buf_puts(drawing->out, ", ");
        put_color(drawing, strcmp(value_text(effect), "once") == 0 ? "33" : "32",
                  value_text(effect));
    }
    if (value_text_length(title) > 0) {
        buf_puts(drawing->out, "  ");
        put_escaped(drawing, title);
    }
    buf_putc(drawing->out, '\n');
}

static void put_no_return(const struct drawing *drawing, value step) {
    AUTO_VALUE id = value_get(step, "id");
    AUTO_TEXT text = mem_printf("  %s point of no return: once %s has succeeded, nothing above "
                                "is rolled back %s",
                                drawing->style->unicode ? "──" : "--", value_text(id),
                                drawing->style->unicode ? "──" : "--");
    put_color(drawing, "1;31", text);
    buf_putc(drawing->out, '\n');
}

/* A step needs the one above it: only what differs is worth a line. */
static void put_needs(const struct drawing *drawing, value step, value above, size_t indent) {
    AUTO_VALUE needs = value_get(step, "needs");
    AUTO_VALUE first = value_at(needs, 0);
    AUTO_VALUE id = value_get(above, "id");
    if (value_count(needs) != 1 || !value_equal(first, id))
        put_names(drawing, step, "needs", "needs:", "2", indent);
}

static void put_steps(const struct drawing *drawing, value steps, size_t depth);

/* A handler that is a group is told with the steps in it, as deep as DEPTH_MAX. */
static void put_handler(const struct drawing *drawing, value handler, size_t indent, size_t depth) {
    AUTO_VALUE members = value_get(handler, "steps");
    put_lines(drawing, handler, indent, "rollback, ");
    for (size_t i = 0; i < value_count(members) && depth < DEPTH_MAX; i++) {
        AUTO_VALUE member = value_at(members, i);
        put_handler(drawing, member, indent, depth + 1);
    }
}

static void put_step(const struct drawing *drawing, value step, value above, size_t depth) {
    const size_t inner = depth + (size_t)integer_of(step, "depth");
    const size_t indent = 6 + inner * 2;
    put_head(drawing, step, inner);
    put_member(drawing, step, "skipped", "skipped:", indent);
    put_fact(drawing, step, "when", "when:", indent);
    put_fact(drawing, step, "foreach", "for each of:", indent);
    put_needs(drawing, step, above, indent);
    put_lines(drawing, step, indent, "");
    put_env(drawing, step, indent);
    put_names(drawing, step, "destroys", "destroys:", "1;31", indent);
    put_member(drawing, step, "target", "on target:", indent);
    put_member(drawing, step, "database", "on database:", indent);
    put_member(drawing, step, "lock", "holds lock:", indent);
    put_limits(drawing, step, indent);
    put_expected(drawing, step, "took:", indent);
    AUTO_VALUE probe = value_get(step, "done_when");
    AUTO_VALUE rollback = value_get(step, "rollback");
    put_lines(drawing, probe, indent, "done when, ");
    put_member(drawing, rollback, "title", "rollback:", indent);
    put_handler(drawing, rollback, indent, inner);
    put_expected(drawing, rollback, "rollback took:", indent);
    put_undo(drawing, step, indent);
    AUTO_VALUE nested = value_get(step, "steps");
    if (value_count(nested) > 0 && inner < DEPTH_MAX) {
        put_steps(drawing, nested, inner + 1);
    }
    if (has(step, "point_of_no_return")) {
        put_no_return(drawing, step);
    }
}

/* Recursion is bounded by DEPTH_MAX. */
static void put_steps(const struct drawing *drawing, value steps, size_t depth) {
    for (size_t i = 0; i < value_count(steps); i++) {
        AUTO_VALUE step = value_at(steps, i);
        AUTO_VALUE above = i > 0 ? value_at(steps, i - 1) : value_none();
        put_step(drawing, step, above, depth);
    }
}

/* ---- the runbook -------------------------------------------------------------------------- */

static void put_heading(const struct drawing *drawing, const char *text) {
    buf_putc(drawing->out, '\n');
    put_color(drawing, "1;36", text);
    buf_putc(drawing->out, '\n');
}

/* What past runs took, against what is promised. */
static void put_whole(const struct drawing *drawing, value outline, value objectives) {
    AUTO_VALUE expected = value_get(outline, "expected");
    AUTO_VALUE met = value_get(objectives, "rto_expected");
    if (value_is(expected, VALUE_NONE))
        return;
    put_color(drawing, "2", "  expected:");
    buf_putc(drawing->out, ' ');
    if (value_is(expected, VALUE_OBJECT))
        put_span(drawing, expected);
    else
        buf_puts(drawing->out, "not known: no run of it has succeeded so far");
    if (value_is(met, VALUE_BOOL)) {
        buf_puts(drawing->out, ", ");
        put_color(drawing, value_truth(met) ? "32" : "1;31",
                  value_truth(met) ? "within the rto" : "beyond the rto");
    }
    buf_putc(drawing->out, '\n');
}

static void put_title(const struct drawing *drawing, value outline) {
    AUTO_VALUE name = value_get(outline, "name");
    put_color(drawing, "1", value_text(name));
    AUTO_VALUE title = value_get(outline, "title");
    if (value_text_length(title) > 0) {
        buf_puts(drawing->out, "  ");
        put_escaped(drawing, title);
    }
    buf_putc(drawing->out, '\n');
    put_member(drawing, outline, "runbook", "file:", 2);
    put_member(drawing, outline, "owner", "owner:", 2);
    put_member(drawing, outline, "profile", "profile:", 2);
    put_member(drawing, outline, "lock", "holds lock:", 2);
    put_member(drawing, outline, "plan_sha256", "plan:", 2);
    AUTO_VALUE objectives = value_get(outline, "objectives");
    if (value_count(objectives) > 0) {
        buf_puts(drawing->out, "  objectives:");
        duration_of(drawing, " rto ", objectives, "rto_ms");
        duration_of(drawing, " rpo ", objectives, "rpo_ms");
        buf_putc(drawing->out, '\n');
    }
    put_whole(drawing, outline, objectives);
    AUTO_VALUE needed = value_get(outline, "requires");
    put_names(drawing, needed, "commands", "needs commands:", "2", 2);
    put_names(drawing, needed, "env", "needs environment variables:", "2", 2);
}

static void put_params(const struct drawing *drawing, value outline) {
    AUTO_VALUE params = value_get(outline, "params");
    if (value_count(params) > 0) {
        put_heading(drawing, "Parameters");
    }
    value key = value_none();
    value item = value_none();
    for (size_t i = 0; value_next(params, &i, &key, &item);) {
        AUTO_TEXT json = value_to_json(item);
        indent_by(drawing, 2);
        put_escaped(drawing, key);
        buf_printf(drawing->out, " = %s\n", json);
        value_free(key);
        value_free(item);
    }
}

static void put_secrets(const struct drawing *drawing, value outline) {
    AUTO_VALUE secrets = value_get(outline, "secrets");
    if (value_count(secrets) > 0) {
        put_heading(drawing, "Secrets");
    }
    for (size_t i = 0; i < value_count(secrets); i++) {
        AUTO_VALUE secret = value_at(secrets, i);
        AUTO_VALUE name = value_get(secret, "name");
        AUTO_VALUE command = value_get(secret, "command");
        AUTO_VALUE file = value_get(secret, "file");
        AUTO_VALUE from = value_get(secret, "from");
        indent_by(drawing, 2);
        put_escaped(drawing, name);
        buf_puts(drawing->out, "  from ");
        if (value_count(command) > 0) {
            buf_puts(drawing->out, "the command ");
            put_list(drawing, command);
        } else if (value_is(file, VALUE_STRING)) {
            buf_puts(drawing->out, "the file ");
            put_escaped(drawing, file);
        } else {
            buf_puts(drawing->out, "the ");
            put_escaped(drawing, from);
        }
        buf_putc(drawing->out, '\n');
    }
}

void outline_text(struct buf *out, value outline, bool verbose, const struct text_style *style) {
    const struct drawing drawing = {.out = out, .style = style, .verbose = verbose};
    put_title(&drawing, outline);
    put_params(&drawing, outline);
    put_secrets(&drawing, outline);
    AUTO_VALUE steps = value_get(outline, "steps");
    AUTO_TEXT heading =
        mem_printf("Steps, in order; those with the same number may run at once "
                   "(%" PRId64 " wave%s)",
                   integer_of(outline, "waves"), integer_of(outline, "waves") == 1 ? "" : "s");
    put_heading(&drawing, heading);
    put_steps(&drawing, steps, 0);
    AUTO_VALUE finally = value_get(outline, "finally");
    if (value_count(finally) > 0) {
        put_heading(&drawing, "Finally, whatever happened");
        put_steps(&drawing, finally, 0);
    }
}
