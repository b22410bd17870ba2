#include "report/html.h"

#include <string.h>

#include "base/text.h"

#define TEXT_MAX ((size_t)64 << 20)

void html_byte(struct buf *out, char byte) {
    static const char *const entities[] = {
        ['&'] = "&amp;", ['<'] = "&lt;", ['>'] = "&gt;", ['"'] = "&quot;", ['\''] = "&#39;"};
    unsigned char index = (unsigned char)byte;
    if (index < sizeof entities / sizeof *entities && entities[index])
        buf_puts(out, entities[index]);
    else
        buf_putc(out, byte);
}

void html_text(struct buf *out, const char *text, size_t length) {
    AUTO_BUF shown = BUF_INIT(TEXT_MAX);
    text_escape(&shown, text, length, true);
    for (const char *at = buf_text(&shown); *at; at++)
        html_byte(out, *at);
}

void html_value(struct buf *out, value text) {
    html_text(out, value_text(text), value_text_length(text));
}

void html_puts(struct buf *out, const char *text) {
    html_text(out, text, strlen(text));
}

void html_list(struct buf *out, value texts, const char *open, const char *between,
               const char *close) {
    for (size_t i = 0; i < value_count(texts); i++) {
        AUTO_VALUE text = value_at(texts, i);
        buf_printf(out, "%s%s", i ? between : "", open);
        html_value(out, text);
        buf_puts(out, close);
    }
}
