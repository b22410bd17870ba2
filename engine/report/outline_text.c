#include <inttypes.h>

#include "base/mem.h"
#include "base/text.h"
#include "lang/runbook.h"
#include "report/outline_row.h"
#include "report/outline_text_step.h"
#include "report/outline_words.h"

/* ---- a line for each step ------------------------------------------------------------------ */

#define ID_COLUMNS 32
#define KIND_COLUMNS 20
#define MARKS_MAX ((size_t)1 << 20) /* bytes of what stands behind one line */

struct sheet {
    const struct drawing *drawing;
    size_t id, kind;  /* widths that hold for all lines */
    struct buf marks; /* of the line that is being written */
};

static size_t wider(size_t width, size_t other, size_t most) {
    return other > width && other <= most ? other : width;
}

static const char *action_of(const struct outline_row *row) {
    return row->step->type ? row->step->type->key : "";
}

static size_t id_width(const struct outline_row *row, size_t depth) {
    return (depth + row->depth) * 2 + strlen(row->step->id);
}

static size_t kind_width(const struct outline_row *row) {
    return strlen(action_of(row)) + 2 + strlen(row->effect);
}

/* Recursion is bounded by RUNBOOK_MAX_DEPTH. */
static void sheet_measure(struct sheet *sheet, const struct outline_rows *rows, size_t depth) {
    for (size_t i = 0; i < rows->count; i++) {
        const struct outline_row *row = &rows->items[i];
        sheet->id = wider(sheet->id, id_width(row, depth), ID_COLUMNS);
        sheet->kind = wider(sheet->kind, kind_width(row), KIND_COLUMNS);
        if (depth + row->depth < RUNBOOK_MAX_DEPTH)
            sheet_measure(sheet, &row->steps, depth + row->depth + 1);
    }
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

static void expected_mark(struct buf *marks, const struct estimate_span *expected) {
    AUTO_TEXT half = text_show_duration(expected->p50_ms);
    AUTO_TEXT most = text_show_duration(expected->p90_ms);
    const bool is_seen = expected->count > 0;
    mark_add(marks, is_seen ? "p50 " : "lasts ", half);
    if (is_seen)
        buf_printf(marks, ", p90 %s", most);
}

static void objective_mark(struct buf *marks, const char *label, int64_t ms) {
    if (ms <= 0)
        return;
    AUTO_TEXT text = text_format_duration(ms);
    mark_add(marks, label, text);
}

/* What it waits for, and where it runs. */
static void place_mark(struct buf *marks, const struct outline_row *row) {
    const struct step *step = row->step;
    if (row->skipped)
        mark_add(marks, "skipped: ", row->skipped);
    else if (step->more->when)
        mark_add(marks, "when ", expr_text(step->more->when));
    if (step->more->foreach)
        mark_add(marks, "", "loop");
    if (row->target)
        mark_add(marks, "on ", row->target);
    if (!value_is(row->gate, VALUE_NONE)) {
        AUTO_TEXT who = outline_openers(row->gate);
        mark_add(marks, "opened by ", who);
    }
}

/* All that a person must not miss. */
static void marks_make(struct buf *marks, const struct outline_row *row) {
    place_mark(marks, row);
    losses_mark(marks, row->losses);
    if (row->step->background)
        mark_add(marks, "", "until the end");
    if (row->step->more->rollback)
        mark_add(marks, "", "has a rollback");
    if (row->objectives) {
        objective_mark(marks, "rto ", row->objectives->rto_ms);
        objective_mark(marks, "rpo ", row->objectives->rpo_ms);
    }
    if (row->is_expected)
        expected_mark(marks, &row->expected);
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

static void put_wave(const struct drawing *drawing, uint32_t wave) {
    char number[24];
    snprintf(number, sizeof number, "%" PRIu64 ".", (uint64_t)wave + 1);
    buf_printf(drawing->out, "  %-4s", number);
}

static void put_kind(const struct drawing *drawing, const struct outline_row *row) {
    const bool is_gate = !value_is(row->gate, VALUE_NONE);
    color_begin(drawing, is_gate ? "34" : text_equal(row->effect, "once") ? "33" : "32");
    buf_puts(drawing->out, action_of(row));
    buf_puts(drawing->out, ", ");
    buf_puts(drawing->out, row->effect);
    color_end(drawing);
}

static void put_line(struct sheet *sheet, const struct outline_row *row, size_t depth) {
    const struct drawing *drawing = sheet->drawing;
    struct buf *marks = &sheet->marks;
    const size_t width = id_width(row, depth), kind = kind_width(row);
    const size_t gap = 2 + (sheet->id > width ? sheet->id - width : 0);
    const size_t fill = 2 + (sheet->kind > kind ? sheet->kind - kind : 0);
    buf_clear(marks);
    marks_make(marks, row);
    put_wave(drawing, row->wave);
    indent_by(drawing, (depth + row->depth) * 2);
    put_color(drawing, "1", row->step->id);
    indent_by(drawing, gap);
    put_kind(drawing, row);
    indent_by(drawing, *row->gist || marks->length ? fill : 0);
    put_gist(drawing, row->gist, 6 + width + gap + kind + fill, buf_text(marks));
    if (marks->length > 0) {
        color_begin(drawing, value_is(row->losses, VALUE_NONE) ? "2" : "1;31");
        buf_puts(drawing->out, "  [");
        buf_append(drawing->out, marks->data, marks->length);
        buf_putc(drawing->out, ']');
        color_end(drawing);
    }
    buf_putc(drawing->out, '\n');
}

/* Recursion is bounded by RUNBOOK_MAX_DEPTH. */
static void put_rows(struct sheet *sheet, const struct outline_rows *rows, size_t depth) {
    for (size_t i = 0; i < rows->count; i++) {
        const struct outline_row *row = &rows->items[i];
        put_line(sheet, row, depth);
        if (depth + row->depth < RUNBOOK_MAX_DEPTH)
            put_rows(sheet, &row->steps, depth + row->depth + 1);
        if (row->step->point_of_no_return && !row->skipped)
            text_no_return(sheet->drawing, row->step->id);
    }
}

/* Of a brief outline the rows, else what their JSON says. */
static void put_list_of_steps(const struct drawing *drawing, const struct outline *outline,
                              const struct outline_rows *rows, value steps) {
    struct sheet sheet = {.drawing = drawing, .marks = BUF_INIT(MARKS_MAX)};
    if (!outline->is_brief) {
        text_steps(drawing, steps, 0);
        return;
    }
    sheet_measure(&sheet, rows, 0);
    put_rows(&sheet, rows, 0);
    buf_release(&sheet.marks);
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

void outline_text(struct buf *out, const struct outline *outline, const struct text_style *style) {
    const struct drawing drawing = {.out = out, .style = style};
    const value told = outline->told;
    AUTO_VALUE steps = value_get(told, "steps");
    AUTO_VALUE finally = value_get(told, "finally");
    const int64_t waves = outline_integer(told, "waves");
    AUTO_TEXT heading =
        mem_printf("Steps, in order; those with the same number may run at once "
                   "(%" PRId64 " wave%s%s)",
                   waves, waves == 1 ? "" : "s",
                   outline->is_brief ? "; -v shows all of each" : "; what bears no mark is known");
    put_title(&drawing, told);
    put_params(&drawing, told);
    put_secrets(&drawing, told);
    put_heading(&drawing, heading);
    put_list_of_steps(&drawing, outline, &outline->steps, steps);
    if (value_count(finally) > 0 || outline->finally.count > 0) {
        put_heading(&drawing, "Finally, whatever happened");
        put_list_of_steps(&drawing, outline, &outline->finally, finally);
    }
    put_common(&drawing, told);
}
