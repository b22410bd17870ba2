#include "lang/emit.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "lang/yaml_scalar.h"

struct emit emit_begin(struct buf *out) {
    return (struct emit){.out = out, .line = 1};
}

static void tell(const struct emit *emit, const char *text) {
    if (emit->wrote)
        emit->wrote(emit->user, text);
}

static void blanks(struct emit *emit, unsigned count) {
    for (unsigned i = 0; i < count; i++)
        buf_putc(emit->out, ' ');
}

static void line_begin(struct emit *emit) {
    if (!emit->dash) {
        blanks(emit, emit->indent);
        return;
    }
    blanks(emit, emit->indent - 2);
    buf_puts(emit->out, "- ");
    emit->dash = false;
}

static void line_end(struct emit *emit) {
    buf_putc(emit->out, '\n');
    emit->line++;
}

/* What stands in YAML as it is, and neither moves a cursor nor turns the reading direction. */
static bool is_shown(uint32_t c) {
    if (c < 0xA0)
        return c >= 0x20 && c < 0x7F;
    const bool bidi = c == 0x61C || (c >= 0x200B && c <= 0x200F) || (c >= 0x2028 && c <= 0x202E) ||
                      (c >= 0x2060 && c <= 0x2069);
    return !bidi && c != 0xFEFF && c != 0xAD && (c & 0xFFFE) != 0xFFFE &&
           (c < 0xFDD0 || c > 0xFDEF) && (c < 0xFFF0 || c > 0xFFFB);
}

static bool is_shown_text(const char *text, size_t length, bool tabs) {
    for (size_t at = 0; at < length;) {
        uint32_t c = 0;
        const size_t bytes = text_decode(text + at, length - at, &c);
        if (bytes == 0 || !(is_shown(c) || c == 0xFFFD || (tabs && c == '\t')))
            return false;
        at += bytes;
    }
    return true;
}

static bool is_plain_word(const char *text) {
    static const char *const words[] = {"yes", "no",   "on",   "off",  "y",
                                        "n",   "null", "true", "false"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasecmp(words[i], text) == 0)
            return false;
    return true;
}

/* Narrower than YAML is: what looks like a number, a time or an indicator is quoted. */
static bool is_plain(const char *text, size_t length) {
    const unsigned char first = (unsigned char)text[0];
    const bool letter = (first >= 'a' && first <= 'z') || (first >= 'A' && first <= 'Z') ||
                        first == '/' || first == '_' || first >= 0x80 ||
                        (first == '.' && text[1] >= '/');
    if (!letter || text[length - 1] == ' ' || text[length - 1] == ':' || !is_plain_word(text))
        return false;
    return is_shown_text(text, length, false) && !strstr(text, ": ") && !strstr(text, " #") &&
           !strstr(text, "${{");
}

static void quoted_character(struct buf *out, uint32_t c, const char *bytes, size_t length) {
    if (c == '"' || c == '\\')
        buf_printf(out, "\\%c", (char)c);
    else if (c == '\n' || c == '\t')
        buf_puts(out, c == '\n' ? "\\n" : "\\t");
    else if (is_shown(c) || c == 0xFFFD)
        buf_append(out, bytes, length);
    else if (c < 0x100)
        buf_printf(out, "\\x%02x", (unsigned)c);
    else
        buf_printf(out, c > 0xFFFF ? "\\U%08x" : "\\u%04x", (unsigned)c);
}

static void quoted(struct buf *out, const char *text, size_t length) {
    buf_putc(out, '"');
    for (size_t at = 0; at < length;) {
        uint32_t c = 0;
        const size_t bytes = text_decode(text + at, length - at, &c);
        if (bytes == 0)
            buf_puts(out, "\uFFFD");
        else
            quoted_character(out, c, text + at, bytes);
        at += bytes ? bytes : 1;
    }
    buf_putc(out, '"');
}

static bool is_single_quoted(const char *text, size_t length) {
    return strpbrk(text, "\"\\") && !strchr(text, '\'') && is_shown_text(text, length, false);
}

void emit_scalar(struct buf *out, const char *text) {
    const size_t length = strlen(text);
    if (length > 0 && is_plain(text, length))
        buf_append(out, text, length);
    else if (is_single_quoted(text, length))
        buf_printf(out, "'%s'", text);
    else
        quoted(out, text, length);
}

/* Whether a literal block gives the text back: no blank lines at its ends but one newline, and no
 * lines that are blank but for blanks in front of the first that is not. */
static bool is_literal(const char *text, size_t length) {
    if (!memchr(text, '\n', length) || text[0] == '\n' ||
        (length > 1 && text[length - 1] == '\n' && text[length - 2] == '\n'))
        return false;
    for (const char *line = text; *line;) {
        const size_t width = strcspn(line, "\n");
        const bool blank = strspn(line, " \t") >= width;
        if (!is_shown_text(line, width, true) || (blank && width > 0))
            return false;
        line += width + (line[width] == '\n');
    }
    return true;
}

static void literal(struct emit *emit, const char *text, size_t length) {
    const bool ends = text[length - 1] == '\n';
    buf_printf(emit->out, "|%s%s", text[0] == ' ' || text[0] == '\t' ? "2" : "", ends ? "" : "-");
    line_end(emit);
    for (const char *line = text; *line;) {
        const size_t width = strcspn(line, "\n");
        if (width > 0)
            blanks(emit, emit->indent + 2);
        buf_append(emit->out, line, width);
        line_end(emit);
        line += width + (line[width] == '\n');
    }
}

static void value_of(struct emit *emit, const char *text) {
    const size_t length = strlen(text);
    tell(emit, text);
    if (is_literal(text, length)) {
        literal(emit, text, length);
        return;
    }
    emit_scalar(emit->out, text);
    line_end(emit);
}

static void key_of(struct emit *emit, const char *key) {
    line_begin(emit);
    tell(emit, key);
    emit_scalar(emit->out, key);
    buf_putc(emit->out, ':');
}

void emit_text(struct emit *emit, const char *key, const char *text) {
    key_of(emit, key);
    buf_putc(emit->out, ' ');
    value_of(emit, text);
}

void emit_word(struct emit *emit, const char *key, const char *word) {
    key_of(emit, key);
    tell(emit, word);
    buf_printf(emit->out, " %s", word);
    line_end(emit);
}

void emit_open(struct emit *emit, const char *key) {
    key_of(emit, key);
    line_end(emit);
    emit->indent += 2;
}

void emit_open_item(struct emit *emit) {
    emit->indent += 2;
    emit->dash = true;
}

void emit_close(struct emit *emit) {
    emit->indent -= 2;
    emit->dash = false;
}

void emit_item(struct emit *emit, const char *text) {
    blanks(emit, emit->indent);
    buf_puts(emit->out, "- ");
    value_of(emit, text);
}

void emit_comment(struct emit *emit, const char *text) {
    const unsigned indent = emit->dash ? emit->indent - 2 : emit->indent;
    tell(emit, text);
    for (const char *line = text; line;) {
        const size_t width = strcspn(line, "\n");
        blanks(emit, indent);
        buf_puts(emit->out, width ? "# " : "#");
        text_escape(emit->out, line, width, false);
        line_end(emit);
        line = line[width] ? line + width + 1 : NULL;
    }
}

void emit_blank(struct emit *emit) {
    line_end(emit);
}

/* ---- on one line -------------------------------------------------------------------------- */

/* Within braces a comma or a bracket ends what is not quoted. */
static void flow_scalar(struct buf *out, const char *text) {
    const size_t length = strlen(text);
    if (length > 0 && is_plain(text, length) && !strpbrk(text, ",[]{}"))
        buf_append(out, text, length);
    else if (is_single_quoted(text, length))
        buf_printf(out, "'%s'", text);
    else
        quoted(out, text, length);
}

void emit_flow_open(struct emit *emit, const char *key) {
    key_of(emit, key);
    buf_puts(emit->out, " {");
    emit->more = false;
}

static void flow_key(struct emit *emit, const char *key) {
    tell(emit, key);
    buf_puts(emit->out, emit->more ? ", " : "");
    flow_scalar(emit->out, key);
    buf_puts(emit->out, ": ");
    emit->more = true;
}

void emit_flow_text(struct emit *emit, const char *key, const char *text) {
    flow_key(emit, key);
    tell(emit, text);
    flow_scalar(emit->out, text);
}

void emit_flow_word(struct emit *emit, const char *key, const char *word) {
    flow_key(emit, key);
    tell(emit, word);
    buf_puts(emit->out, word);
}

void emit_flow_list(struct emit *emit, const char *key, const char *const *texts, size_t count) {
    flow_key(emit, key);
    buf_putc(emit->out, '[');
    for (size_t i = 0; i < count; i++) {
        tell(emit, texts[i]);
        buf_puts(emit->out, i ? ", " : "");
        flow_scalar(emit->out, texts[i]);
    }
    buf_putc(emit->out, ']');
}

void emit_flow_close(struct emit *emit) {
    buf_putc(emit->out, '}');
    line_end(emit);
}
