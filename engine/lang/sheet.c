#include "lang/sheet.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"

#define ELLIPSIS "\xe2\x80\xa6"

/* ---- words -------------------------------------------------------------------------------- */

/* One character of roff text; returns how many bytes of `text` it took. */
static size_t roff_char(struct buf *out, const char *text) {
    if (text_starts_with(text, ELLIPSIS)) {
        buf_puts(out, "...");
        return sizeof ELLIPSIS - 1;
    }
    if (*text == '\\')
        buf_puts(out, "\\e");
    else if (*text == '-')
        buf_puts(out, "\\-");
    else
        buf_putc(out, *text);
    return 1;
}

/* A dot or a quote that begins a line would be a request. */
static void roff_text(struct buf *out, const char *text, bool marks_code) {
    bool line_begins = true;
    bool in_code = false;
    while (*text) {
        if (*text == '`' && marks_code) {
            in_code = !in_code;
            buf_puts(out, in_code ? "\\fB" : "\\fR");
            line_begins = false;
            text++;
            continue;
        }
        if (line_begins && (*text == '.' || *text == '\''))
            buf_puts(out, "\\&");
        line_begins = *text == '\n';
        text += roff_char(out, text);
    }
}

/* In a table a bar would end the cell, also within code. */
static void markdown_cell(struct buf *out, const char *text) {
    for (; *text; text++) {
        if (*text == '|')
            buf_putc(out, '\\');
        buf_putc(out, *text == '\n' ? ' ' : *text);
    }
}

/* ---- blocks ------------------------------------------------------------------------------- */

void sheet_heading(struct sheet *sheet, int level, const char *text) {
    if (!sheet->is_roff) {
        buf_printf(sheet->out, "\n%.*s %s\n", level + 1, "####", text);
        return;
    }
    buf_puts(sheet->out, level == 1 ? ".SH " : ".SS ");
    AUTO_TEXT title = mem_strdup(text);
    for (char *c = title; level == 1 && *c; c++)
        *c = (char)(*c >= 'a' && *c <= 'z' ? *c - 32 : *c);
    roff_text(sheet->out, title, level > 1);
    buf_putc(sheet->out, '\n');
}

void sheet_text(struct sheet *sheet, const char *text) {
    if (!sheet->is_roff) {
        buf_printf(sheet->out, "\n%s\n", text);
        return;
    }
    buf_puts(sheet->out, ".PP\n");
    roff_text(sheet->out, text, true);
    buf_putc(sheet->out, '\n');
}

void sheet_bullet(struct sheet *sheet, const char *text) {
    if (!sheet->is_roff) {
        buf_printf(sheet->out, "- %s\n", text);
        return;
    }
    buf_puts(sheet->out, ".IP \\(bu 2\n");
    roff_text(sheet->out, text, true);
    buf_putc(sheet->out, '\n');
}

void sheet_code(struct sheet *sheet, const char *text) {
    if (!sheet->is_roff) {
        buf_printf(sheet->out, "\n```yaml\n%s\n```\n", text);
        return;
    }
    buf_puts(sheet->out, ".PP\n.nf\n.RS\n");
    roff_text(sheet->out, text, false);
    buf_puts(sheet->out, "\n.RE\n.fi\n");
}

/* ---- keys --------------------------------------------------------------------------------- */

void sheet_keys_begin(struct sheet *sheet) {
    if (!sheet->is_roff)
        buf_puts(sheet->out, "\n| Key | Takes | What it is for |\n|---|---|---|\n");
}

void sheet_key(struct sheet *sheet, const char *key, const char *takes, const char *doc) {
    if (sheet->is_roff) {
        buf_printf(sheet->out, ".TP\n.B %s\n", key);
        roff_text(sheet->out, doc, true);
        buf_puts(sheet->out, "\nTakes ");
        roff_text(sheet->out, takes, true);
        buf_puts(sheet->out, ".\n");
        return;
    }
    buf_printf(sheet->out, "| `%s` | ", key);
    markdown_cell(sheet->out, takes);
    buf_puts(sheet->out, " | ");
    markdown_cell(sheet->out, doc);
    buf_puts(sheet->out, " |\n");
}

void sheet_keys_end(struct sheet *sheet) {
    if (sheet->is_roff)
        buf_puts(sheet->out, ".PP\n");
}

/* ---- prose -------------------------------------------------------------------------------- */

static bool is_bullet(const char *text) {
    return text_starts_with(text, "- ");
}

void sheet_prose(struct sheet *sheet, const char *const *paragraphs) {
    for (const char *const *at = paragraphs; *at; at++) {
        if (text_starts_with(*at, "# ")) {
            sheet_heading(sheet, 1, *at + 2);
        } else if (text_starts_with(*at, "    ")) {
            sheet_code(sheet, *at + 4);
        } else if (is_bullet(*at)) {
            if (!sheet->is_roff && (at == paragraphs || !is_bullet(at[-1])))
                buf_putc(sheet->out, '\n');
            sheet_bullet(sheet, *at + 2);
        } else {
            sheet_text(sheet, *at);
        }
    }
}
