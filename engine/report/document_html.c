#include <string.h>

#include "report/document.h"
#include "report/html.h"

static void html_begin(struct buf *out, const char *title) {
    html_page_begin(out, title);
    buf_puts(out, "<body class=report>\n<h1>");
    html_puts(out, title);
    buf_puts(out, "</h1>\n");
}

static void html_heading(struct buf *out, const char *text) {
    buf_puts(out, "<h2>");
    html_puts(out, text);
    buf_puts(out, "</h2>\n");
}

static void cell_put(struct buf *out, const char *tag, const char *cell) {
    buf_printf(out, "<%s>", tag);
    html_puts(out, cell ? cell : "");
    buf_printf(out, "</%s>", tag);
}

static void fields_put(struct buf *out, const struct table *table) {
    buf_puts(out, "<dl>\n");
    for (size_t i = 0; i + 1 < table->cells.count; i += 2) {
        cell_put(out, "dt", table->cells.items[i]);
        cell_put(out, "dd", table->cells.items[i + 1]);
        buf_putc(out, '\n');
    }
    buf_puts(out, "</dl>\n");
}

static void html_table(struct buf *out, const struct table *table) {
    if (!table->names[0]) {
        fields_put(out, table);
        return;
    }
    buf_puts(out, "<table>\n<tr>");
    for (size_t c = 0; c < table->columns; c++)
        cell_put(out, "th", table->names[c]);
    buf_puts(out, "</tr>\n");
    for (size_t row = 0; row < table->alarms.count; row++) {
        buf_puts(out, table->alarms.items[row] ? "<tr class=alarm>" : "<tr>");
        for (size_t c = 0; c < table->columns; c++)
            cell_put(out, "td", table_cells(table, row)[c]);
        buf_puts(out, "</tr>\n");
    }
    buf_puts(out, "</table>\n");
}

static void html_quote(struct buf *out, const char *label, const char *text) {
    if (label) {
        buf_puts(out, "<p>");
        html_puts(out, label);
        buf_puts(out, ":</p>\n");
    }
    buf_puts(out, "<pre>");
    html_puts(out, text);
    buf_puts(out, "</pre>\n");
}

static void html_end(struct buf *out) {
    buf_puts(out, "</body>\n</html>\n");
}

static const struct pen pen = {html_begin, html_heading, html_table, html_quote, html_end};

static void write_html(struct buf *out, const struct report *report) {
    document_write(out, report, &pen);
}

static void compare_html(struct buf *out, const struct report *before, const struct report *after) {
    document_compare(out, before, after, &pen);
}

const struct report_format report_format_html = {.write = write_html, .compare = compare_html};
