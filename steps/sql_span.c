#include "base/text.h"
#include "sql_effect.h"

struct span sql_span(const char *text, size_t length, size_t offset) {
    struct span span = {.line = 1, .column = 1, .length = 1};
    size_t line = 0;
    if (offset > length)
        offset = length;
    for (size_t i = 0; i < offset; i++) {
        if (text[i] == '\n') {
            span.line++;
            line = i + 1;
        }
    }
    span.column = (uint32_t)text_characters(text + line, offset - line) + 1;
    return span;
}

size_t sql_cursor_offset(const char *text, size_t length, size_t cursor) {
    size_t offset = 0;
    for (size_t i = 1; i < cursor && offset < length; i++) {
        uint32_t codepoint;
        size_t bytes = text_decode(text + offset, length - offset, &codepoint);
        offset += bytes ? bytes : 1;
    }
    return offset;
}
