#include "base/text.h"

#include <stdio.h>
#include <string.h>

#include "base/width.h"

bool text_is_among(const char *text, const char *const *words, size_t count) {
    for (size_t i = 0; text && i < count; i++)
        if (text_equal(words[i], text))
            return true;
    return false;
}

bool text_starts_with(const char *text, const char *prefix) {
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool text_ends_with(const char *text, const char *suffix) {
    size_t length = strlen(text), tail = strlen(suffix);
    return length >= tail && memcmp(text + length - tail, suffix, tail) == 0;
}

/* The bytes that a lead byte announces and the least code point they may hold: a smaller one is
 * an overlong form. */
static size_t text_announced(unsigned char lead, uint32_t *ret_bits, uint32_t *ret_least) {
    if (lead >= 0xc2 && lead <= 0xdf) {
        *ret_bits = lead & 0x1fU;
        *ret_least = 0x80;
        return 2;
    }
    if (lead >= 0xe0 && lead <= 0xef) {
        *ret_bits = lead & 0x0fU;
        *ret_least = 0x800;
        return 3;
    }
    if (lead >= 0xf0 && lead <= 0xf4) {
        *ret_bits = lead & 0x07U;
        *ret_least = 0x10000;
        return 4;
    }
    return 0;
}

static size_t text_invalid(uint32_t *ret_codepoint) {
    *ret_codepoint = 0xFFFD;
    return 0;
}

size_t text_decode(const char *text, size_t length, uint32_t *ret_codepoint) {
    const unsigned char *bytes = (const unsigned char *)text;
    if (length == 0)
        return text_invalid(ret_codepoint);
    if (bytes[0] < 0x80) {
        *ret_codepoint = bytes[0];
        return 1;
    }
    uint32_t codepoint = 0, least = 0;
    size_t size = text_announced(bytes[0], &codepoint, &least);
    if (size == 0 || size > length)
        return text_invalid(ret_codepoint);
    for (size_t i = 1; i < size; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return text_invalid(ret_codepoint);
        codepoint = codepoint << 6 | (bytes[i] & 0x3fU);
    }
    bool surrogate = codepoint >= 0xd800 && codepoint <= 0xdfff;
    if (codepoint < least || surrogate || codepoint > 0x10ffff)
        return text_invalid(ret_codepoint);
    *ret_codepoint = codepoint;
    return size;
}

/* How many of the first bytes are ASCII, in whole words: eight at a time, a file of 10 MB is looked
 * through in 1 ms instead of 12. */
static size_t text_ascii(const char *text, size_t length) {
    size_t at = 0;
    for (uint64_t word; length - at >= sizeof word; at += sizeof word) {
        memcpy(&word, text + at, sizeof word);
        if (word & UINT64_C(0x8080808080808080))
            break;
    }
    return at;
}

bool text_is_utf8(const char *text, size_t length) {
    for (size_t i = text_ascii(text, length); i < length; i += text_ascii(text + i, length - i)) {
        uint32_t codepoint;
        size_t size = text_decode(text + i, length - i, &codepoint);
        if (size == 0)
            return false;
        i += size;
    }
    return true;
}

size_t text_characters(const char *text, size_t length) {
    size_t characters = 0;
    for (size_t i = 0; i < length; characters++) {
        uint32_t codepoint;
        size_t size = text_decode(text + i, length - i, &codepoint);
        i += size ? size : 1;
    }
    return characters;
}

size_t text_width(const char *text, size_t length) {
    size_t width = 0;
    for (size_t i = 0; i < length;) {
        uint32_t codepoint;
        size_t size = text_decode(text + i, length - i, &codepoint);
        width += size ? width_of(codepoint) : 1;
        i += size ? size : 1;
    }
    return width;
}

/* Characters above U+009F that nobody sees, or that change how their neighbours are shown:
 * format controls (bidi, joiners, tags), line and paragraph separators, fillers that look like a
 * space, and non-characters. Combining marks stay. */
static bool text_is_hidden(uint32_t c) {
    static const uint32_t hidden[][2] = {
        {0x00ad, 0x00ad},   {0x034f, 0x034f},   {0x0600, 0x0605},   {0x061c, 0x061c},
        {0x06dd, 0x06dd},   {0x070f, 0x070f},   {0x0890, 0x0891},   {0x08e2, 0x08e2},
        {0x115f, 0x1160},   {0x17b4, 0x17b5},   {0x180b, 0x180f},   {0x200b, 0x200f},
        {0x2028, 0x202e},   {0x2060, 0x206f},   {0x3164, 0x3164},   {0xfeff, 0xfeff},
        {0xffa0, 0xffa0},   {0xfff0, 0xfffb},   {0xfffe, 0xffff},   {0x110bd, 0x110bd},
        {0x110cd, 0x110cd}, {0x13430, 0x1343f}, {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a},
        {0xe0000, 0xe0fff},
    };
    for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++)
        if (c >= hidden[i][0] && c <= hidden[i][1])
            return true;
    return (c & 0xfffe) == 0xfffe;
}

#define PIECE_SIZE 16

/* One character as it may be shown. */
struct piece {
    char bytes[PIECE_SIZE];
    size_t length;
    size_t width;
};

static void piece_printf(struct piece *piece, const char *format, unsigned value) {
    int length = snprintf(piece->bytes, sizeof piece->bytes, format, value);
    piece->length = (size_t)length;
    piece->width = (size_t)length;
}

/* Spaces up to the next tab stop. */
static void piece_tab(struct piece *piece, size_t column) {
    piece->length = 8 - column % 8;
    piece->width = piece->length;
    memset(piece->bytes, ' ', piece->length);
}

static void piece_control(struct piece *piece, uint32_t c) {
    switch (c) {
    case '\n':
        piece_printf(piece, "\\n", 0);
        break;
    case '\r':
        piece_printf(piece, "\\r", 0);
        break;
    case 0x1b:
        piece_printf(piece, "\\e", 0);
        break;
    default:
        piece_printf(piece, "\\x%02x", c);
    }
}

/* Makes the piece for what stands at `text`, at `column` of its line; returns the bytes read. */
static size_t piece_next(struct piece *piece, const char *text, size_t length, size_t column) {
    uint32_t c;
    size_t size = text_decode(text, length, &c);
    if (size == 0) {
        piece_printf(piece, "\\x%02x", (unsigned char)*text);
        return 1;
    }
    if (c == '\t') {
        piece_tab(piece, column);
    } else if (c < 0x20 || (c >= 0x7f && c <= 0x9f)) {
        piece_control(piece, c);
    } else if (c > 0x9f && text_is_hidden(c)) {
        piece_printf(piece, c > 0xffff ? "\\u{%x}" : "\\u%04x", c);
    } else {
        memcpy(piece->bytes, text, size);
        piece->length = size;
        piece->width = width_of(c);
    }
    return size;
}

static bool text_is_plain(char c) {
    return c >= 0x20 && c < 0x7f;
}

void text_escape(struct buf *out, const char *text, size_t length, bool keep_newlines) {
    size_t column = 0;
    for (size_t i = 0; i < length;) {
        size_t plain = i;
        while (plain < length && text_is_plain(text[plain]))
            plain++;
        if (plain > i) {
            buf_append(out, text + i, plain - i);
            column += plain - i;
            i = plain;
        } else if (keep_newlines && text[i] == '\n') {
            buf_putc(out, '\n');
            column = 0;
            i++;
        } else {
            struct piece piece;
            i += piece_next(&piece, text + i, length - i, column);
            buf_append(out, piece.bytes, piece.length);
            column += piece.width;
        }
    }
}

/* Appends pieces while they fit into `columns`; true where all of the text did. Where the
 * terminal has no Unicode a byte above 0x7f could act as a control character there. */
static bool text_fill(struct buf *out, const char *text, size_t length, size_t columns,
                      bool unicode) {
    size_t column = 0;
    for (size_t i = 0; i < length;) {
        struct piece piece;
        i += piece_next(&piece, text + i, length - i, column);
        if (!unicode && (unsigned char)piece.bytes[0] > 0x7f) {
            memset(piece.bytes, '?', piece.width);
            piece.length = piece.width;
        }
        column += piece.width;
        if (column > columns)
            return false;
        if (out)
            buf_append(out, piece.bytes, piece.length);
    }
    return true;
}

void text_fit(struct buf *out, const char *text, size_t length, size_t columns, bool unicode) {
    if (text_fill(NULL, text, length, columns, unicode)) {
        text_fill(out, text, length, columns, unicode);
        return;
    }
    size_t dots = unicode ? 1 : 3;
    if (dots > columns)
        dots = columns;
    text_fill(out, text, length, columns - dots, unicode);
    if (dots && unicode)
        buf_puts(out, "…");
    else
        buf_append(out, "...", dots);
}

bool text_is_identifier(const char *text, size_t length) {
    for (size_t i = 0; i < length; i++) {
        bool letter = (text[i] >= 'a' && text[i] <= 'z') || text[i] == '_';
        bool digit = text[i] >= '0' && text[i] <= '9';
        if (!letter && !(digit && i > 0))
            return false;
    }
    return length > 0;
}

static bool text_is_bare(const char *word) {
    /* `a=b` would be read as an assignment; behind a dash `=` is safe. */
    const char *safe = word[0] == '-' ? "_@%+:,./-=" : "_@%+:,./-";
    for (const char *at = word; *at; at++) {
        bool letter = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z');
        bool digit = *at >= '0' && *at <= '9';
        if (!letter && !digit && !strchr(safe, *at))
            return false;
    }
    return *word != '\0';
}

void text_shell_quote(struct buf *out, const char *word) {
    if (text_is_bare(word)) {
        buf_puts(out, word);
        return;
    }
    buf_putc(out, '\'');
    for (const char *at = word; *at;) {
        size_t run = strcspn(at, "'");
        buf_append(out, at, run);
        at += run;
        if (*at) {
            buf_puts(out, "'\\''");
            at++;
        }
    }
    buf_putc(out, '\'');
}
