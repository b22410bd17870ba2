#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "report/document.h"

/* What Markdown, or a place that shows it, would take for more than a letter: also a mention and
 * the number of an issue. Within words it would be noise. */
static bool is_markup(const char *text, size_t at) {
    const char *const before = at > 0 ? text + at - 1 : NULL;
    switch (text[at]) {
    case '_':
        return !before || *before == ' ' || text[at + 1] == ' ' || !text[at + 1];
    case ':':
        return text[at + 1] == '/' && text[at + 2] == '/';
    case '.':
        return at >= 3 && strncasecmp(before - 2, "www", 3) == 0;
    default:
        return strchr("\\`*[]<>|~&@#$", text[at]) != NULL;
    }
}

/* As text on one line: entities, which every reader of Markdown knows, for what would be markup. */
static void md_text(struct buf *out, const char *text) {
    AUTO_BUF shown = BUF_INIT(TRANSCRIPT_LINE_MAX * 8);
    text_escape(&shown, text, strlen(text), true);
    const char *bytes = buf_text(&shown);
    for (size_t i = 0; bytes[i]; i++) {
        if (bytes[i] == '\n')
            buf_puts(out, bytes[i + 1] ? "<br>" : "");
        else if (is_markup(bytes, i))
            buf_printf(out, "&#%d;", bytes[i]);
        else
            buf_putc(out, bytes[i]);
    }
}

static void md_begin(struct buf *out, const char *title) {
    buf_puts(out, "# ");
    md_text(out, title);
    buf_puts(out, "\n\n");
}

static void md_heading(struct buf *out, const char *text) {
    buf_puts(out, "\n## ");
    md_text(out, text);
    buf_puts(out, "\n\n");
}

static void row_put(struct buf *out, const char *const *cells, size_t columns, bool alarm) {
    for (size_t c = 0; c < columns; c++) {
        const bool is_strong = alarm && c == 0 && cells[c] && *cells[c];
        buf_puts(out, is_strong ? "| **" : "| ");
        md_text(out, cells[c] ? cells[c] : "");
        buf_puts(out, is_strong ? "** " : " ");
    }
    buf_puts(out, "|\n");
}

static void list_put(struct buf *out, const struct table *table) {
    for (size_t i = 0; i + 1 < table->cells.count; i += 2) {
        buf_puts(out, "- **");
        md_text(out, table->cells.items[i]);
        buf_puts(out, "**: ");
        md_text(out, table->cells.items[i + 1]);
        buf_putc(out, '\n');
    }
}

static void md_table(struct buf *out, const struct table *table) {
    if (!table->names[0]) {
        list_put(out, table);
        return;
    }
    row_put(out, table->names, table->columns, false);
    for (size_t c = 0; c < table->columns; c++)
        buf_puts(out, "|---");
    buf_puts(out, "|\n");
    for (size_t row = 0; row < table->alarms.count; row++)
        row_put(out, table_cells(table, row), table->columns, table->alarms.items[row]);
}

/* A fence is longer than any that it holds. */
static void md_quote(struct buf *out, const char *label, const char *text) {
    size_t longest = 0, length = 0;
    for (const char *at = text; *at; at++) {
        length = *at == '`' ? length + 1 : 0;
        longest = length > longest ? length : longest;
    }
    AUTO_BUF fence = BUF_INIT(TRANSCRIPT_LINE_MAX * 8);
    for (size_t i = 0; i < 3 || i <= longest; i++)
        buf_putc(&fence, '`');
    if (label) {
        buf_putc(out, '\n');
        md_text(out, label);
        buf_puts(out, ":\n\n");
    }
    buf_printf(out, "%s\n", buf_text(&fence));
    text_escape(out, text, strlen(text), true);
    buf_printf(out, "%s%s\n", *text && text[strlen(text) - 1] == '\n' ? "" : "\n",
               buf_text(&fence));
}

static void md_end(struct buf *out) {
    (void)out;
}

static const struct pen pen = {md_begin, md_heading, md_table, md_quote, md_end};

static void write_md(struct buf *out, const struct report *report) {
    document_write(out, report, &pen);
}

static void compare_md(struct buf *out, const struct report *before, const struct report *after) {
    document_compare(out, before, after, &pen);
}

const struct report_format report_format_md = {.write = write_md, .compare = compare_md};
