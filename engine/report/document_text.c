#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "report/document.h"

/* A cell that is wider lets the rest of its row stand where it ends. */
#define CELL_WIDTH_MAX ((size_t)40)

static void text_begin(struct buf *out, const char *title) {
    text_escape(out, title, strlen(title), false);
    buf_puts(out, "\n\n");
}

static void text_heading(struct buf *out, const char *text) {
    buf_putc(out, '\n');
    text_escape(out, text, strlen(text), false);
    buf_putc(out, '\n');
}

/* On one line; NULL is empty. */
static char *cell_shown(const char *cell) {
    AUTO_BUF shown = BUF_INIT(TRANSCRIPT_LINE_MAX * 8);
    text_escape(&shown, cell ? cell : "", cell ? strlen(cell) : 0, false);
    return buf_detach(&shown);
}

static size_t cell_width(const char *cell) {
    AUTO_TEXT shown = cell_shown(cell);
    return text_width(shown, strlen(shown));
}

static void widths_find(const struct table *table, size_t widths[TABLE_COLUMNS_MAX]) {
    for (size_t c = 0; c < table->columns; c++)
        widths[c] = table->names[c] ? text_width(table->names[c], strlen(table->names[c])) : 0;
    for (size_t row = 0; row < table->alarms.count; row++)
        for (size_t c = 0; c < table->columns; c++) {
            const size_t width = cell_width(table_cells(table, row)[c]);
            if (width > widths[c])
                widths[c] = width < CELL_WIDTH_MAX ? width : CELL_WIDTH_MAX;
        }
}

/* `cells` of one row. Nothing stands behind the last that is not empty. */
static void row_put(struct buf *out, const char *const *cells, size_t columns,
                    const size_t *widths) {
    size_t owed = 2;
    for (size_t c = 0; c < columns; c++) {
        AUTO_TEXT shown = cell_shown(cells[c]);
        const size_t width = text_width(shown, strlen(shown));
        if (width > 0) {
            buf_printf(out, "%*s%s", (int)owed, "", shown);
            owed = 0;
        }
        owed += (width < widths[c] ? widths[c] - width : 0) + 2;
    }
    buf_putc(out, '\n');
}

/* Each line of it behind so many columns. */
static void lines_put(struct buf *out, const char *text, size_t indent) {
    while (*text) {
        const size_t length = strcspn(text, "\n");
        buf_printf(out, "%*s", (int)indent, "");
        text_escape(out, text, length, false);
        buf_putc(out, '\n');
        text += length + (text[length] == '\n');
    }
}

static void text_table(struct buf *out, const struct table *table) {
    size_t widths[TABLE_COLUMNS_MAX];
    widths_find(table, widths);
    if (table->names[0])
        row_put(out, table->names, table->columns, widths);
    for (size_t row = 0; row < table->alarms.count; row++)
        row_put(out, table_cells(table, row), table->columns, widths);
}

static void text_quote(struct buf *out, const char *label, const char *text) {
    if (label) {
        AUTO_TEXT shown = cell_shown(label);
        buf_printf(out, "  %s:\n", shown);
    }
    lines_put(out, text, label ? 4 : 2);
}

static void text_end(struct buf *out) {
    (void)out;
}

static const struct pen pen = {text_begin, text_heading, text_table, text_quote, text_end};

static void write_text(struct buf *out, const struct report *report) {
    document_write(out, report, &pen);
}

static void compare_text(struct buf *out, const struct report *before, const struct report *after) {
    document_compare(out, before, after, &pen);
}

const struct report_format report_format_text = {.write = write_text, .compare = compare_text};
