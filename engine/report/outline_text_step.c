#include "report/outline_text_step.h"

#include <inttypes.h>

#include "base/mem.h"
#include "base/text.h"
#include "lang/runbook.h"
#include "report/outline_words.h"

#define DEPTH_MAX RUNBOOK_MAX_DEPTH

void color_begin(const struct drawing *drawing, const char *color) {
    if (drawing->style->color)
        buf_printf(drawing->out, "\x1b[%sm", color);
}

void color_end(const struct drawing *drawing) {
    if (drawing->style->color)
        buf_puts(drawing->out, "\x1b[0m");
}

void put_color(const struct drawing *drawing, const char *color, const char *text) {
    color_begin(drawing, color);
    buf_puts(drawing->out, text);
    color_end(drawing);
}

void put_escaped(const struct drawing *drawing, value text) {
    text_escape(drawing->out, value_text(text), value_text_length(text), false);
}

void indent_by(const struct drawing *drawing, size_t columns) {
    static const char blanks[] = "                                ";
    while (columns > 0) {
        const size_t some = columns < sizeof blanks - 1 ? columns : sizeof blanks - 1;
        buf_append(drawing->out, blanks, some);
        columns -= some;
    }
}

void duration_of(const struct drawing *drawing, const char *label, value object, const char *key) {
    const int64_t ms = outline_integer(object, key);
    if (ms > 0) {
        AUTO_TEXT text = text_format_duration(ms);
        buf_printf(drawing->out, "%s%s", label, text);
    }
}

/* ---- a step ------------------------------------------------------------------------------- */

static void put_body(const struct drawing *drawing, value text, size_t indent) {
    const char *bytes = value_text(text);
    for (const char *end = bytes + value_text_length(text); bytes < end;) {
        const size_t line = strcspn(bytes, "\n");
        text_escape(drawing->out, bytes, line, false);
        buf_putc(drawing->out, '\n');
        bytes += line + 1;
        if (bytes < end)
            indent_by(drawing, indent);
    }
    if (value_text_length(text) == 0)
        buf_putc(drawing->out, '\n');
}

void put_list(const struct drawing *drawing, value list) {
    for (size_t i = 0; i < value_count(list); i++) {
        AUTO_VALUE item = value_at(list, i);
        buf_puts(drawing->out, i == 0 ? "" : ", ");
        put_escaped(drawing, item);
    }
}

/* Where a value comes from that is not known yet; what is known bears no mark. */
static void put_origin(const struct drawing *drawing, value fact, size_t indent) {
    AUTO_VALUE from = value_get(fact, "from");
    const char *word = outline_mark(fact);
    if (!word)
        return;
    indent_by(drawing, indent);
    put_color(drawing, "2", word);
    if (value_count(from) > 0)
        put_color(drawing, "2", " from ");
    put_list(drawing, from);
    buf_putc(drawing->out, '\n');
}

static void put_lines(const struct drawing *drawing, value owner, size_t indent,
                      const char *prefix) {
    AUTO_VALUE lines = value_get(owner, "lines");
    for (size_t i = 0; i < value_count(lines); i++) {
        AUTO_VALUE line = value_at(lines, i);
        AUTO_VALUE label = value_get(line, "label");
        AUTO_VALUE text = value_get(line, "text");
        AUTO_TEXT shown = mem_printf("%s%s: ", prefix, value_text(label));
        indent_by(drawing, indent);
        put_color(drawing, "2", shown);
        put_body(drawing, text, indent + strlen(shown));
        put_origin(drawing, line, indent + 2);
    }
}

void put_member(const struct drawing *drawing, value step, const char *key, const char *label,
                size_t indent) {
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

/* Names on one line, then each with what it will be; secrets are names there, too. */
static void put_env(const struct drawing *drawing, value step, const char *prefix, size_t indent) {
    AUTO_TEXT heading = mem_printf("%senv:", prefix);
    AUTO_VALUE env = value_get(step, "env");
    AUTO_VALUE names = value_keys(env);
    if (value_count(names) == 0)
        return;
    indent_by(drawing, indent);
    put_color(drawing, "2", heading);
    buf_putc(drawing->out, ' ');
    put_list(drawing, names);
    buf_putc(drawing->out, '\n');
    for (size_t i = 0; i < value_count(names); i++) {
        AUTO_VALUE name = value_at(names, i);
        AUTO_TEXT label = mem_printf("%s =", value_text(name));
        put_fact(drawing, env, value_text(name), label, indent + 2);
    }
}

void put_names(const struct drawing *drawing, value step, const char *key, const char *label,
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
    put_names(drawing, step, "undo", "if it fails, undone in this order:", "2", indent);
    const int64_t more = outline_integer(step, "undo_more");
    if (more > 0) {
        indent_by(drawing, indent + 2);
        buf_printf(drawing->out, "and %" PRId64 " more\n", more);
    }
    put_names(drawing, step, "undo_beside", "and where they have begun by then:", "2", indent);
}

void put_span(const struct drawing *drawing, value expected) {
    AUTO_TEXT half = text_show_duration(outline_integer(expected, "p50_ms"));
    AUTO_TEXT most = text_show_duration(outline_integer(expected, "p90_ms"));
    const int64_t runs = outline_integer(expected, "runs");
    if (runs > 0)
        buf_printf(drawing->out, "%s, nine of ten at most %s (of %" PRId64 ")", half, most, runs);
    else
        buf_printf(drawing->out, "%s, as its author wrote: no run of it has succeeded so far",
                   most);
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

static void put_limits(const struct drawing *drawing, value step, const char *prefix,
                       size_t indent) {
    AUTO_BUF text = BUF_INIT(65536);
    const struct drawing inner = {.out = &text, .style = drawing->style};
    duration_of(&inner, ", timeout ", step, "timeout_ms");
    duration_of(&inner, ", deadline ", step, "deadline_ms");
    AUTO_VALUE retry = value_get(step, "retry");
    if (value_is(retry, VALUE_OBJECT)) {
        buf_printf(&text, ", up to %" PRId64 " attempts", outline_integer(retry, "attempts"));
        duration_of(&inner, " with pauses of ", retry, "delay_ms");
    }
    AUTO_VALUE rule = value_get(step, "on_failure");
    if (value_is(rule, VALUE_STRING)) {
        buf_printf(&text, ", on failure: %s", value_text(rule));
    }
    buf_puts(&text, outline_has(step, "background") ? ", in the background until the end" : "");
    buf_puts(&text, outline_has(step, "sensitive") ? ", its output is not kept" : "");
    if (text.length > 2) {
        indent_by(drawing, indent);
        buf_printf(drawing->out, "%s%s\n", prefix, buf_text(&text) + 2);
    }
}

static void put_head(const struct drawing *drawing, value step, size_t depth) {
    AUTO_VALUE id = value_get(step, "id");
    AUTO_VALUE title = value_get(step, "title");
    AUTO_VALUE action = value_get(step, "action");
    AUTO_VALUE effect = value_get(step, "effect");
    AUTO_VALUE objectives = value_get(step, "objectives");
    indent_by(drawing, 2 + depth * 2);
    AUTO_TEXT wave = mem_printf("%" PRId64 ".", outline_integer(step, "wave") + 1);
    buf_printf(drawing->out, "%-4s", wave);
    put_color(drawing, "1", value_text(id));
    buf_printf(drawing->out, "  %s", value_text(action));
    if (value_text_length(effect) > 0) {
        buf_puts(drawing->out, ", ");
        put_color(drawing, strcmp(value_text(effect), "once") == 0 ? "33" : "32",
                  value_text(effect));
    }
    duration_of(drawing, ", rto ", objectives, "rto_ms");
    duration_of(drawing, ", rpo ", objectives, "rpo_ms");
    if (value_text_length(title) > 0) {
        buf_puts(drawing->out, "  ");
        put_escaped(drawing, title);
    }
    buf_putc(drawing->out, '\n');
}

void text_no_return(const struct drawing *drawing, const char *id) {
    AUTO_TEXT text = mem_printf("  %s point of no return: once %s has succeeded, nothing above "
                                "is rolled back %s",
                                drawing->style->unicode ? "──" : "--", id,
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

/* `label value` of what a prefix tells apart: of a step itself or of its handler. */
static void put_labelled(const struct drawing *drawing, value owner, const char *key,
                         const char *prefix, const char *label, size_t indent) {
    AUTO_TEXT whole = mem_printf("%s%s", prefix, label);
    AUTO_VALUE member = value_get(owner, key);
    if (value_is(member, VALUE_OBJECT))
        put_fact(drawing, owner, key, whole, indent);
    else
        put_member(drawing, owner, key, whole, indent);
}

/* Of a step or of a handler. */
static void put_action(const struct drawing *drawing, value owner, const char *prefix,
                       size_t indent) {
    put_lines(drawing, owner, indent, prefix);
    put_env(drawing, owner, prefix, indent);
    put_labelled(drawing, owner, "cwd", prefix, "in folder:", indent);
    put_labelled(drawing, owner, "stdin", prefix, "input:", indent);
    put_labelled(drawing, owner, "target", prefix, "on target:", indent);
    put_labelled(drawing, owner, "database", prefix, "on database:", indent);
    put_labelled(drawing, owner, "lock", prefix, "holds lock:", indent);
    put_limits(drawing, owner, prefix, indent);
}

/* A handler that is a group is told with the steps in it, as deep as DEPTH_MAX. */
static void put_handler(const struct drawing *drawing, value handler, const char *prefix,
                        size_t indent, size_t depth) {
    AUTO_VALUE members = value_get(handler, "steps");
    const char *mark = outline_mark(handler);
    AUTO_TEXT label = mem_printf("%s%s", prefix, mark ? mark : "");
    put_action(drawing, handler, prefix, indent);
    if (mark) {
        indent_by(drawing, indent);
        put_color(drawing, "2", label);
        buf_putc(drawing->out, '\n');
    }
    for (size_t i = 0; i < value_count(members) && depth < DEPTH_MAX; i++) {
        AUTO_VALUE member = value_at(members, i);
        put_handler(drawing, member, prefix, indent, depth + 1);
    }
}

static void put_handlers(const struct drawing *drawing, value step, size_t indent, size_t depth) {
    static const struct {
        const char *key, *prefix;
    } handlers[] = {{"probe", "probe, "},
                    {"done_when", "done when, "},
                    {"ready", "ready when, "},
                    {"dry_run", "in a dry run, "}};
    for (size_t i = 0; i < sizeof handlers / sizeof *handlers; i++) {
        AUTO_VALUE handler = value_get(step, handlers[i].key);
        put_handler(drawing, handler, handlers[i].prefix, indent, depth);
    }
    AUTO_VALUE rollback = value_get(step, "rollback");
    put_member(drawing, rollback, "title", "rollback:", indent);
    put_handler(drawing, rollback, "rollback, ", indent, depth);
    put_expected(drawing, rollback, "rollback took:", indent);
}

static void put_step(const struct drawing *drawing, value step, value above, size_t depth) {
    const size_t inner = depth + (size_t)outline_integer(step, "depth");
    const size_t indent = 6 + inner * 2;
    AUTO_VALUE nested = value_get(step, "steps");
    put_head(drawing, step, inner);
    put_member(drawing, step, "description", "about:", indent);
    put_member(drawing, step, "skipped", "skipped:", indent);
    put_fact(drawing, step, "when", "when:", indent);
    put_fact(drawing, step, "foreach", "for each of:", indent);
    put_needs(drawing, step, above, indent);
    put_action(drawing, step, "", indent);
    put_names(drawing, step, "destroys", "destroys:", "1;31", indent);
    put_member(drawing, step, "effect_reason", "why its effect:", indent);
    put_expected(drawing, step, "took:", indent);
    put_handlers(drawing, step, indent, inner);
    put_undo(drawing, step, indent);
    if (value_count(nested) > 0 && inner < DEPTH_MAX)
        text_steps(drawing, nested, inner + 1);
    if (outline_has(step, "point_of_no_return") && !outline_has(step, "skipped")) {
        AUTO_VALUE id = value_get(step, "id");
        text_no_return(drawing, value_text(id));
    }
}

/* Recursion is bounded by DEPTH_MAX. */
void text_steps(const struct drawing *drawing, value steps, size_t depth) {
    for (size_t i = 0; i < value_count(steps); i++) {
        AUTO_VALUE step = value_at(steps, i);
        AUTO_VALUE above = i > 0 ? value_at(steps, i - 1) : value_none();
        put_step(drawing, step, above, depth);
    }
}
