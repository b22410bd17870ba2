#include "lang/diag_show.h"

#include <string.h>

#include "base/text.h"

#define WIDEST 200 /* columns of a line where the terminal sets no limit */
#define LEAST 20
#define GUTTER 8 /* "12345 | " */
#define CELL 64

/* A line, and the part of it that the error is about. */
struct excerpt {
    const char *start, *end;
    const char *caret;     /* first byte to underline */
    const char *caret_end; /* behind the last */
    bool cut;              /* something stands before `start` */
};

static const char *next_character(const char *at, const char *end) {
    uint32_t point;
    size_t step = text_decode(at, (size_t)(end - at), &point);
    return at + (step ? step : 1);
}

static const char *advance(const char *at, const char *end, uint32_t characters) {
    while (characters-- > 0 && at < end)
        at = next_character(at, end);
    return at;
}

static void cursor_rewind(struct diag_cursor *cursor, const struct diag_source *source) {
    bool has_mark = source->length >= 3 && memcmp(source->bytes, "\xef\xbb\xbf", 3) == 0;
    *cursor = (struct diag_cursor){source, 1, source->bytes + (has_mark ? 3 : 0)};
}

static bool find_line(struct diag_cursor *cursor, const struct diag_source *source, uint32_t line,
                      struct excerpt *ret) {
    const char *end = source->bytes + source->length;
    if (cursor->source != source || cursor->line > line)
        cursor_rewind(cursor, source);
    for (; cursor->line < line; cursor->line++) {
        const char *stop = memchr(cursor->at, '\n', (size_t)(end - cursor->at));
        if (!stop)
            return false;
        cursor->at = stop + 1;
    }
    const char *stop = memchr(cursor->at, '\n', (size_t)(end - cursor->at));
    ret->start = cursor->at;
    ret->end = stop ? stop : end;
    if (ret->end > ret->start && ret->end[-1] == '\r')
        ret->end--;
    return true;
}

/* Moves the start so that the caret stands in the first third or so of a long line. */
static void window(struct excerpt *excerpt, size_t columns) {
    const char *at = excerpt->caret;
    size_t left = columns / 3;
    if ((size_t)(at - excerpt->start) <= left)
        return;
    for (; left > 0 && at > excerpt->start; left--)
        do {
            at--;
        } while (at > excerpt->start && ((unsigned char)*at & 0xc0) == 0x80);
    excerpt->cut = at > excerpt->start;
    excerpt->start = at;
}

/* Appends the line as it may be shown and says where the underlining begins and ends. */
static void show_line(struct buf *out, const struct diag_style *style,
                      const struct excerpt *excerpt, size_t columns, size_t *ret_from,
                      size_t *ret_to) {
    const char *ellipsis = style->unicode ? "…" : "...";
    size_t width = 0, dots = style->unicode ? 1 : 3;
    if (excerpt->cut) {
        buf_puts(out, ellipsis);
        width += dots;
    }
    *ret_from = *ret_to = 0;
    const char *at = excerpt->start;
    while (at < excerpt->end && width + dots < columns) {
        AUTO_BUF cell = BUF_INIT(CELL);
        const char *next = next_character(at, excerpt->end);
        text_escape(&cell, at, (size_t)(next - at), false);
        if (at == excerpt->caret)
            *ret_from = width;
        buf_append(out, buf_text(&cell), cell.length);
        width += text_width(buf_text(&cell), cell.length);
        if (at >= excerpt->caret && next <= excerpt->caret_end)
            *ret_to = width;
        at = next;
    }
    if (at < excerpt->end)
        buf_puts(out, ellipsis);
    if (excerpt->caret >= excerpt->end)
        *ret_from = width;
    if (*ret_to <= *ret_from)
        *ret_to = *ret_from + 1;
}

static void show_source(struct buf *out, const struct diag_style *style, const struct span *span,
                        const struct diag_source *source, struct diag_cursor *cursor) {
    struct excerpt excerpt = {0};
    size_t columns = style->columns ? style->columns : WIDEST;
    size_t from = 0, to = 0;
    if (!find_line(cursor, source, span->line, &excerpt))
        return;
    columns = columns > GUTTER + LEAST ? columns - GUTTER : LEAST;
    excerpt.caret = advance(excerpt.start, excerpt.end, span->column ? span->column - 1 : 0);
    excerpt.caret_end = advance(excerpt.caret, excerpt.end, span->length ? span->length : 1);
    if ((size_t)(excerpt.end - excerpt.start) > columns)
        window(&excerpt, columns);
    buf_printf(out, "%5u | ", span->line);
    show_line(out, style, &excerpt, columns, &from, &to);
    buf_printf(out, "\n%5s | %*s%s^", "", (int)from, "", style->color ? "\033[1;31m" : "");
    for (size_t i = from + 1; i < to; i++)
        buf_putc(out, '~');
    buf_puts(out, style->color ? "\033[0m\n" : "\n");
}

void diag_show(struct buf *out, const struct diag_style *style, const struct err *err,
               const struct diag_source *source, struct diag_cursor *cursor) {
    const char *bold = style->color ? "\033[1m" : "", *red = style->color ? "\033[1;31m" : "";
    const char *yellow = style->color ? "\033[1;33m" : "";
    const char *cyan = style->color ? "\033[36m" : "", *off = style->color ? "\033[0m" : "";
    const char *message = err->message ? err->message : "";
    buf_puts(out, bold);
    if (err->span.file) {
        text_escape(out, err->span.file, strlen(err->span.file), false);
        if (err->span.line)
            buf_printf(out, ":%u:%u", err->span.line, err->span.column);
        buf_puts(out, ": ");
    }
    if (err->kind == ERR_WARNING)
        buf_printf(out, "%s%swarning:%s ", off, yellow, off);
    else
        buf_printf(out, "%s%serror:%s ", off, red, off);
    text_escape(out, message, strlen(message), false);
    buf_putc(out, '\n');
    if (source && err->span.line)
        show_source(out, style, &err->span, source, cursor);
    if (!err->hint)
        return;
    buf_printf(out, "%5s %s= hint:%s ", "", cyan, off);
    text_escape(out, err->hint, strlen(err->hint), false);
    buf_putc(out, '\n');
}
