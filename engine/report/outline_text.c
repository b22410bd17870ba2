#include <inttypes.h>

#include "base/mem.h"
#include "base/text.h"
#include "base/vec.h"
#include "lang/runbook.h"
#include "report/outline.h"
#include "report/outline_text_step.h"
#include "report/outline_words.h"

/* ---- a line for each step ------------------------------------------------------------------ */

#define ID_COLUMNS 32
#define KIND_COLUMNS 20

/* The members of a step that its line shows, each looked up once. */
enum shown {
    SHOWN_ID,
    SHOWN_TITLE,
    SHOWN_ACTION,
    SHOWN_EFFECT,
    SHOWN_LINES,
    SHOWN_WAVE,
    SHOWN_DEPTH,
    SHOWN_WHEN,
    SHOWN_SKIPPED,
    SHOWN_FOREACH,
    SHOWN_TARGET,
    SHOWN_GATE,
    SHOWN_LOSSES,
    SHOWN_BACKGROUND,
    SHOWN_ROLLBACK,
    SHOWN_OBJECTIVES,
    SHOWN_EXPECTED,
    SHOWN_STEPS,
    SHOWN_FINAL,
    SHOWN_COUNT,
};

struct line {
    value members[SHOWN_COUNT]; /* owned */
    size_t depth;
    bool is_limit; /* behind a point of no return; it has an id and nothing else */
};

struct sheet {
    VEC(struct line) lines;
    size_t id, kind; /* widths that hold for all lines */
};

static bool is_said(const struct line *line, enum shown what) {
    return !value_is(line->members[what], VALUE_NONE);
}

static void line_read(struct line *line, value step) {
    static const char *const names[SHOWN_COUNT] = {
        "id",
        "title",
        "action",
        "effect",
        "lines",
        "wave",
        "depth",
        "when",
        "skipped",
        "foreach",
        "target",
        "gate",
        "losses",
        "background",
        "rollback",
        "objectives",
        "expected",
        "steps",
        "point_of_no_return",
    };
    value key, item;
    for (size_t i = 0; i < SHOWN_COUNT; i++)
        line->members[i] = value_none();
    for (size_t i = 0; value_next(step, &i, &key, &item);) {
        const char *name = value_text(key);
        size_t at = 0;
        while (at < SHOWN_COUNT && (*names[at] != *name || strcmp(names[at], name) != 0))
            at++;
        if (at < SHOWN_COUNT)
            line->members[at] = item;
        else
            value_free(item);
        value_free(key);
    }
}

static size_t wider(size_t width, size_t other, size_t most) {
    return other > width && other <= most ? other : width;
}

static size_t kind_width(const struct line *line) {
    return value_text_length(line->members[SHOWN_ACTION]) + 2 +
           value_text_length(line->members[SHOWN_EFFECT]);
}

/* Recursion is bounded by RUNBOOK_MAX_DEPTH. */
static void sheet_read(struct sheet *sheet, value steps, size_t depth) {
    for (size_t i = 0; i < value_count(steps); i++) {
        AUTO_VALUE step = value_at(steps, i);
        struct line *line = vec_add(&sheet->lines);
        line_read(line, step);
        line->depth = depth + (size_t)value_as_number(line->members[SHOWN_DEPTH]);
        sheet->id = wider(sheet->id, line->depth * 2 + value_text_length(line->members[SHOWN_ID]),
                          ID_COLUMNS);
        sheet->kind = wider(sheet->kind, kind_width(line), KIND_COLUMNS);
        const struct line read = *line;
        if (read.depth < RUNBOOK_MAX_DEPTH)
            sheet_read(sheet, read.members[SHOWN_STEPS], read.depth + 1);
        if (!is_said(&read, SHOWN_FINAL) || is_said(&read, SHOWN_SKIPPED))
            continue;
        line = vec_add(&sheet->lines);
        line_read(line, value_none());
        line->members[SHOWN_ID] = value_copy(read.members[SHOWN_ID]);
        line->is_limit = true;
    }
}

static void sheet_release(struct sheet *sheet) {
    for (size_t i = 0; i < sheet->lines.count; i++)
        for (size_t k = 0; k < SHOWN_COUNT; k++)
            value_free(sheet->lines.items[i].members[k]);
    vec_release(&sheet->lines);
}

/* ---- what a line says ---------------------------------------------------------------------- */

static void mark_add(struct buf *marks, const char *label, const char *text) {
    buf_puts(marks, marks->length ? "; " : "");
    buf_puts(marks, label);
    text_escape(marks, text, strlen(text), false);
}

static void losses_mark(struct buf *marks, value names) {
    for (size_t i = 0; i < value_count(names); i++) {
        AUTO_VALUE name = value_at(names, i);
        if (i == 0)
            mark_add(marks, "destroys ", value_text(name));
        else
            buf_printf(marks, ", %s", value_text(name));
    }
}

static void expected_mark(struct buf *marks, value expected) {
    if (!value_is(expected, VALUE_OBJECT))
        return;
    AUTO_TEXT half = text_show_duration(outline_integer(expected, "p50_ms"));
    AUTO_TEXT most = text_show_duration(outline_integer(expected, "p90_ms"));
    const bool is_seen = outline_integer(expected, "runs") > 0;
    mark_add(marks, is_seen ? "p50 " : "lasts ", half);
    if (is_seen)
        buf_printf(marks, ", p90 %s", most);
}

static void objective_mark(struct buf *marks, value objectives, const char *label,
                           const char *key) {
    const int64_t ms = outline_integer(objectives, key);
    AUTO_TEXT text = text_format_duration(ms);
    if (ms > 0)
        mark_add(marks, label, text);
}

/* All that a person must not miss. */
static void marks_make(struct buf *marks, const struct line *line) {
    AUTO_VALUE condition = value_get(line->members[SHOWN_WHEN], "text");
    if (is_said(line, SHOWN_SKIPPED))
        mark_add(marks, "skipped: ", value_text(line->members[SHOWN_SKIPPED]));
    else if (value_is(condition, VALUE_STRING))
        mark_add(marks, "when ", value_text(condition));
    if (is_said(line, SHOWN_FOREACH))
        mark_add(marks, "", "loop");
    if (is_said(line, SHOWN_TARGET))
        mark_add(marks, "on ", value_text(line->members[SHOWN_TARGET]));
    if (is_said(line, SHOWN_GATE)) {
        AUTO_TEXT who = outline_openers(line->members[SHOWN_GATE]);
        mark_add(marks, "opened by ", who);
    }
    losses_mark(marks, line->members[SHOWN_LOSSES]);
    if (is_said(line, SHOWN_BACKGROUND))
        mark_add(marks, "", "until the end");
    if (is_said(line, SHOWN_ROLLBACK))
        mark_add(marks, "", "has a rollback");
    objective_mark(marks, line->members[SHOWN_OBJECTIVES], "rto ", "rto_ms");
    objective_mark(marks, line->members[SHOWN_OBJECTIVES], "rpo ", "rpo_ms");
    expected_mark(marks, line->members[SHOWN_EXPECTED]);
}

/* What it does, fitted so that the marks stay on the line where there is a window. */
static void put_gist(const struct drawing *drawing, const char *gist, size_t used,
                     const char *marks) {
    const size_t columns = drawing->style->columns;
    const size_t taken = used + (*marks ? text_width(marks, strlen(marks)) + 4 : 0);
    if (columns == 0)
        text_escape(drawing->out, gist, strlen(gist), false);
    else
        text_fit(drawing->out, gist, strlen(gist), columns > taken + 16 ? columns - taken : 16,
                 drawing->style->unicode);
}

static void put_kind(const struct drawing *drawing, const struct line *line) {
    const char *effect = value_text(line->members[SHOWN_EFFECT]);
    AUTO_BUF kind = BUF_INIT(1 << 10);
    buf_puts(&kind, value_text(line->members[SHOWN_ACTION]));
    buf_puts(&kind, ", ");
    buf_puts(&kind, effect);
    put_color(drawing,
              is_said(line, SHOWN_GATE)    ? "34"
              : text_equal(effect, "once") ? "33"
                                           : "32",
              buf_text(&kind));
}

static char *gist_of(const struct line *line) {
    return outline_gist(line->members[SHOWN_TITLE], line->members[SHOWN_LINES],
                        line->members[SHOWN_FOREACH]);
}

static void put_line(const struct drawing *drawing, const struct sheet *sheet,
                     const struct line *line) {
    const value id = line->members[SHOWN_ID];
    const size_t width = line->depth * 2 + value_text_length(id), kind = kind_width(line);
    const size_t gap = 2 + (sheet->id > width ? sheet->id - width : 0);
    const size_t fill = 2 + (sheet->kind > kind ? sheet->kind - kind : 0);
    AUTO_TEXT gist = gist_of(line);
    AUTO_BUF marks = BUF_INIT((size_t)1 << 20);
    char wave[24];
    snprintf(wave, sizeof wave, "%.0f.", value_as_number(line->members[SHOWN_WAVE]) + 1);
    marks_make(&marks, line);
    buf_printf(drawing->out, "  %-4s", wave);
    indent_by(drawing, line->depth * 2);
    put_color(drawing, "1", value_text(id));
    indent_by(drawing, gap);
    put_kind(drawing, line);
    indent_by(drawing, *gist || marks.length ? fill : 0);
    put_gist(drawing, gist, 6 + width + gap + kind + fill, buf_text(&marks));
    if (marks.length > 0) {
        AUTO_TEXT shown = mem_printf("  [%s]", buf_text(&marks));
        put_color(drawing, is_said(line, SHOWN_LOSSES) ? "1;31" : "2", shown);
    }
    buf_putc(drawing->out, '\n');
}

static void put_list_of_steps(const struct drawing *drawing, value steps, bool verbose) {
    struct sheet sheet = {0};
    if (verbose) {
        text_steps(drawing, steps, 0);
        return;
    }
    sheet_read(&sheet, steps, 0);
    for (size_t i = 0; i < sheet.lines.count; i++) {
        const struct line *line = &sheet.lines.items[i];
        if (line->is_limit)
            text_no_return(drawing, line->members[SHOWN_ID]);
        else
            put_line(drawing, &sheet, line);
    }
    sheet_release(&sheet);
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
    put_member(drawing, outline, "schedule", "schedule:", 2);
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
    AUTO_VALUE drill = value_get(outline, "drill");
    if (value_is(drill, VALUE_OBJECT)) {
        AUTO_VALUE due = value_get(drill, "due");
        AUTO_TEXT told = outline_drill(drill);
        put_color(drawing, "2", "  drill:");
        buf_putc(drawing->out, ' ');
        put_color(drawing, value_truth(due) ? "33" : "32", told);
        buf_putc(drawing->out, '\n');
    }
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
    if (value_count(secrets) > 0)
        put_heading(drawing, "Secrets");
    for (size_t i = 0; i < value_count(secrets); i++) {
        AUTO_VALUE secret = value_at(secrets, i);
        AUTO_VALUE name = value_get(secret, "name");
        AUTO_TEXT from = outline_secret_source(secret);
        indent_by(drawing, 2);
        put_escaped(drawing, name);
        buf_puts(drawing->out, "  from ");
        text_escape(drawing->out, from, strlen(from), false);
        buf_putc(drawing->out, '\n');
    }
}

/* ---- what the steps have in common --------------------------------------------------------- */

static void put_gates(const struct drawing *drawing, value outline) {
    AUTO_VALUE steps = value_get(outline, "gates");
    if (value_count(steps) > 0)
        put_heading(drawing, "Gates, and who may open them");
    for (size_t i = 0; i < value_count(steps); i++) {
        AUTO_VALUE step = value_at(steps, i);
        AUTO_VALUE path = value_get(step, "path");
        AUTO_VALUE gate = value_get(step, "gate");
        AUTO_VALUE message = value_get(gate, "message");
        AUTO_TEXT who = outline_openers(gate);
        indent_by(drawing, 2);
        put_escaped(drawing, path);
        buf_puts(drawing->out, "  ");
        text_escape(drawing->out, who, strlen(who), false);
        duration_of(drawing, ", within ", gate, "expires_ms");
        buf_putc(drawing->out, '\n');
        put_member(drawing, message, "text", "asks:", 6);
    }
}

/* Of each entry `name` and behind it the texts of `list`. */
static void put_entries(const struct drawing *drawing, value entries, const char *heading,
                        const char *name, const char *list) {
    if (value_count(entries) > 0)
        put_heading(drawing, heading);
    for (size_t i = 0; i < value_count(entries); i++) {
        AUTO_VALUE entry = value_at(entries, i);
        AUTO_VALUE label = value_get(entry, name);
        AUTO_VALUE texts = value_get(entry, list);
        indent_by(drawing, 2);
        put_escaped(drawing, label);
        buf_puts(drawing->out, "  ");
        put_list(drawing, texts);
        buf_putc(drawing->out, '\n');
    }
}

static void put_needs(const struct drawing *page, value outline) {
    AUTO_VALUE resources = value_get(outline, "resources");
    AUTO_VALUE required = value_get(outline, "requires");
    AUTO_VALUE disks = value_get(required, "disk_free");
    AUTO_BUF list = BUF_INIT((size_t)64 << 20);
    const struct drawing *drawing = &(struct drawing){.out = &list, .style = page->style};
    put_names(drawing, resources, "commands", "commands:", "2", 2);
    put_names(drawing, resources, "hosts", "hosts:", "2", 2);
    put_names(drawing, resources, "databases", "databases:", "2", 2);
    put_names(drawing, resources, "targets", "targets:", "2", 2);
    put_names(drawing, resources, "files", "files:", "2", 2);
    put_names(drawing, required, "env", "environment variables:", "2", 2);
    for (size_t i = 0; i < value_count(disks); i++) {
        AUTO_VALUE disk = value_at(disks, i);
        AUTO_VALUE path = value_get(disk, "path");
        AUTO_TEXT size = text_show_size(outline_integer(disk, "at_least"));
        put_color(drawing, "2", "  room:");
        buf_printf(drawing->out, " %s on ", size);
        put_escaped(drawing, path);
        buf_putc(drawing->out, '\n');
    }
    if (list.length == 0)
        return;
    put_heading(page, "What it needs, checked live");
    buf_puts(page->out, buf_text(&list));
}

static void put_common(const struct drawing *drawing, value outline) {
    AUTO_VALUE losses = value_get(outline, "losses");
    AUTO_VALUE locks = value_get(outline, "locks");
    AUTO_VALUE unknown = value_get(outline, "unknown");
    put_gates(drawing, outline);
    put_entries(drawing, losses, "What it destroys", "path", "what");
    put_entries(drawing, locks, "Locks", "path", "what");
    put_entries(drawing, unknown, "Not known until run time, and where it is used", "from",
                "steps");
    put_needs(drawing, outline);
}

void outline_text(struct buf *out, value outline, bool verbose, const struct text_style *style) {
    const struct drawing drawing = {.out = out, .style = style};
    AUTO_VALUE steps = value_get(outline, "steps");
    AUTO_VALUE finally = value_get(outline, "finally");
    const int64_t waves = outline_integer(outline, "waves");
    AUTO_TEXT heading =
        mem_printf("Steps, in order; those with the same number may run at once "
                   "(%" PRId64 " wave%s%s)",
                   waves, waves == 1 ? "" : "s",
                   verbose ? "; what bears no mark is known" : "; -v shows all of each");
    put_title(&drawing, outline);
    put_params(&drawing, outline);
    put_secrets(&drawing, outline);
    put_heading(&drawing, heading);
    put_list_of_steps(&drawing, steps, verbose);
    if (value_count(finally) > 0) {
        put_heading(&drawing, "Finally, whatever happened");
        put_list_of_steps(&drawing, finally, verbose);
    }
    put_common(&drawing, outline);
}
