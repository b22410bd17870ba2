#include "secret/encode.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

/* A place in the text while a needle is being read. */
struct cursor {
    const char *at;
    size_t left;
    bool final;
};

/* One character of a needle: reads it at the cursor and moves the cursor behind it; *index moves
 * on by the bytes of the needle that it stood for. */
typedef enum reading (*unit_reader)(const struct needle *needle, size_t *index,
                                    struct cursor *cursor);

static bool is_hex(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static void cursor_move(struct cursor *cursor, size_t bytes) {
    cursor->at += bytes;
    cursor->left -= bytes;
}

/* Writes the two hex digits of a byte. */
static void put_hex(char at[2], unsigned byte) {
    static const char digits[] = "0123456789abcdef";
    at[0] = digits[byte >> 4 & 15];
    at[1] = digits[byte & 15];
}

/* The text must go on with `expected`; hex digits in either case. */
static enum reading cursor_expect(struct cursor *cursor, const char *expected) {
    size_t i = 0;
    for (; expected[i]; i++) {
        if (i == cursor->left)
            return READ_CUT;
        char c = cursor->at[i];
        if (c != expected[i] && !(is_hex(c) && lower(c) == lower(expected[i])))
            return READ_NO;
    }
    cursor_move(cursor, i);
    return READ_YES;
}

static enum reading cursor_byte(struct cursor *cursor, unsigned char byte) {
    if (cursor->left == 0)
        return READ_CUT;
    if ((unsigned char)*cursor->at != byte)
        return READ_NO;
    cursor_move(cursor, 1);
    return READ_YES;
}

/* Encoders break long lines, and some then escape or indent the break: skips one such place. */
#define BREAK_MAX 64
static void cursor_skip_break(struct cursor *cursor) {
    size_t i = 0;
    while (cursor->left - i >= 2 && cursor->at[i] == '\\' &&
           (cursor->at[i + 1] == 'n' || cursor->at[i + 1] == 'r') && i < BREAK_MAX)
        i += 2;
    if (i == 0 && cursor->left > 0 && (*cursor->at == '\n' || *cursor->at == '\r'))
        while (i < cursor->left && i < BREAK_MAX && strchr("\r\n\t ", cursor->at[i]) &&
               cursor->at[i])
            i++;
    cursor_move(cursor, i);
}

static enum reading unit_url(const struct needle *needle, size_t *index, struct cursor *cursor) {
    unsigned char byte = needle->bytes[(*index)++];
    if (cursor->left == 0)
        return READ_CUT;
    if (*cursor->at == '%') {
        char expected[] = "%00";
        put_hex(expected + 1, byte);
        return cursor_expect(cursor, expected);
    }
    if (byte == ' ' && *cursor->at == '+')
        byte = '+';
    /* A bare % would not be decodable. */
    return byte == '%' ? READ_NO : cursor_byte(cursor, byte);
}

/* The character of the needle at *index as \uXXXX, in UTF-16. */
static enum reading unit_unicode(const struct needle *needle, size_t *index,
                                 struct cursor *cursor) {
    uint32_t c;
    const char *bytes = (const char *)needle->bytes + *index;
    size_t size = text_decode(bytes, needle->length - *index, &c);
    if (size == 0)
        return READ_NO;
    char expected[] = "\\u0000\\u0000";
    uint32_t first = c > 0xffff ? 0xd800 + ((c - 0x10000) >> 10) : c;
    uint32_t second = 0xdc00 + ((c - 0x10000) & 0x3ff);
    put_hex(expected + 2, first >> 8);
    put_hex(expected + 4, first);
    put_hex(expected + 8, second >> 8);
    put_hex(expected + 10, second);
    if (c <= 0xffff)
        expected[6] = '\0';
    *index += size;
    return cursor_expect(cursor, expected);
}

/* What \c stands for where it is no plain c. */
static char backslash_meaning(char letter) {
    static const char letters[] = "nrtbfvaeE";
    static const char meanings[] = "\n\r\t\b\f\v\a\033\033";
    const char *found = letter ? strchr(letters, letter) : NULL;
    return found ? meanings[found - letters] : letter;
}

static enum reading unit_backslash(const struct needle *needle, size_t *index,
                                   struct cursor *cursor) {
    unsigned char byte = needle->bytes[*index];
    if (cursor->left == 0)
        return READ_CUT;
    if (*cursor->at != '\\') {
        (*index)++;
        return byte == '\\' ? READ_NO : cursor_byte(cursor, byte);
    }
    if (cursor->left == 1)
        return READ_CUT;
    char letter = cursor->at[1];
    if (letter == 'u')
        return unit_unicode(needle, index, cursor);
    (*index)++;
    if (letter == 'x') {
        char expected[] = "\\x00";
        put_hex(expected + 2, byte);
        return cursor_expect(cursor, expected);
    }
    if (letter >= '0' && letter <= '7') {
        const char expected[] = {'\\', (char)('0' + (byte >> 6)), (char)('0' + (byte >> 3 & 7)),
                                 (char)('0' + (byte & 7)), '\0'};
        return cursor_expect(cursor, expected);
    }
    if ((unsigned char)backslash_meaning(letter) != byte && (unsigned char)letter != byte)
        return READ_NO;
    cursor_move(cursor, 2);
    return READ_YES;
}

/* &#38; &#038; &#x26; &#X26; for the character at *index. */
static enum reading unit_reference(const struct needle *needle, size_t *index,
                                   struct cursor *cursor) {
    uint32_t c;
    const char *bytes = (const char *)needle->bytes + *index;
    size_t size = text_decode(bytes, needle->length - *index, &c);
    if (size == 0)
        return READ_NO;
    *index += size;
    cursor_move(cursor, 2);
    bool hex = cursor->left > 0 && (*cursor->at == 'x' || *cursor->at == 'X');
    if (hex)
        cursor_move(cursor, 1);
    for (int zeros = 0; zeros < 8 && cursor->left > 0 && *cursor->at == '0'; zeros++)
        cursor_move(cursor, 1);
    char expected[16];
    if (hex)
        snprintf(expected, sizeof expected, "%x;", c);
    else
        snprintf(expected, sizeof expected, "%u;", c);
    return cursor_expect(cursor, expected);
}

static const char *xml_entity(unsigned char byte) {
    switch (byte) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&apos;";
    default:
        return NULL;
    }
}

static enum reading unit_xml(const struct needle *needle, size_t *index, struct cursor *cursor) {
    unsigned char byte = needle->bytes[*index];
    if (cursor->left == 0)
        return READ_CUT;
    if (*cursor->at != '&') {
        (*index)++;
        return cursor_byte(cursor, byte);
    }
    if (cursor->left == 1)
        return READ_CUT;
    if (cursor->at[1] == '#')
        return unit_reference(needle, index, cursor);
    (*index)++;
    const char *entity = xml_entity(byte);
    return entity ? cursor_expect(cursor, entity) : READ_NO;
}

/* In these three a quote must be escaped: a bare one would make `""` mean two things. */
static enum reading unit_quote(const struct needle *needle, size_t *index, struct cursor *cursor) {
    unsigned char byte = needle->bytes[(*index)++];
    if (byte != '\'')
        return cursor_byte(cursor, byte);
    bool backslash = cursor->left > 1 && cursor->at[1] == '\\';
    return cursor_expect(cursor, backslash ? "'\\''" : "'\"'\"'");
}

static enum reading unit_sql(const struct needle *needle, size_t *index, struct cursor *cursor) {
    unsigned char byte = needle->bytes[(*index)++];
    return byte == '\'' ? cursor_expect(cursor, "''") : cursor_byte(cursor, byte);
}

static enum reading unit_csv(const struct needle *needle, size_t *index, struct cursor *cursor) {
    unsigned char byte = needle->bytes[(*index)++];
    return byte == '"' ? cursor_expect(cursor, "\"\"") : cursor_byte(cursor, byte);
}

static int base64_value(char c) {
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+' || c == '-')
        return 62;
    return c == '/' || c == '_' ? 63 : -1;
}

static enum reading unit_base64(const struct needle *needle, size_t *index, struct cursor *cursor) {
    unsigned char digit = needle->bytes[*index];
    if ((*index)++ > 0)
        cursor_skip_break(cursor);
    if (cursor->left == 0)
        return READ_CUT;
    if (*cursor->at == '%' && (digit == '+' || digit == '/'))
        return cursor_expect(cursor, digit == '+' ? "%2b" : "%2f");
    if (*cursor->at == '\\') {
        if (cursor->left == 1)
            return READ_CUT;
        return digit == '/' ? cursor_expect(cursor, "\\/") : READ_NO;
    }
    if (base64_value(*cursor->at) != base64_value((char)digit))
        return READ_NO;
    cursor_move(cursor, 1);
    return READ_YES;
}

static enum reading unit_hex(const struct needle *needle, size_t *index, struct cursor *cursor) {
    char expected[] = "00";
    put_hex(expected, needle->bytes[*index]);
    if ((*index)++ > 0 && cursor->left > 0) {
        if (*cursor->at == ':' || *cursor->at == ' ' || *cursor->at == '-')
            cursor_move(cursor, 1);
        else
            cursor_skip_break(cursor);
        if (cursor->left == 1 && *cursor->at == '\\')
            return READ_CUT;
    }
    return cursor_expect(cursor, expected);
}

/* The last digit shares its bits with what follows the secret; it and the padding go too. */
static enum reading base64_tail(const struct needle *needle, struct cursor *cursor) {
    if (needle->tail_bits > 0) {
        if (cursor->left == 0)
            return cursor->final ? READ_YES : READ_CUT;
        int digit = base64_value(*cursor->at);
        if (digit >= 0 && (unsigned)digit >> (6 - needle->tail_bits) == needle->tail_value)
            cursor_move(cursor, 1);
    }
    for (int padding = 0; padding < 2; padding++) {
        if (cursor->left == 0)
            return cursor->final ? READ_YES : READ_CUT;
        if (*cursor->at != '=')
            break;
        cursor_move(cursor, 1);
    }
    return READ_YES;
}

static enum reading needle_read_raw(const struct needle *needle, const char *text, size_t length,
                                    size_t *ret_length, size_t *ret_known) {
    size_t common = length < needle->length ? length : needle->length;
    size_t same = 0;
    while (same < common && text[same] == (char)needle->bytes[same])
        same++;
    *ret_known = same;
    *ret_length = same;
    if (same < common)
        return READ_NO;
    return same == needle->length ? READ_YES : READ_CUT;
}

static const unit_reader unit_readers[] = {
    [FORM_URL] = unit_url,       [FORM_BACKSLASH] = unit_backslash,
    [FORM_XML] = unit_xml,       [FORM_QUOTE] = unit_quote,
    [FORM_SQL] = unit_sql,       [FORM_CSV] = unit_csv,
    [FORM_BASE64] = unit_base64, [FORM_HEX] = unit_hex,
};

enum reading needle_read(const struct needle *needle, const char *text, size_t length, bool final,
                         size_t *ret_length, size_t *ret_known) {
    if (needle->form == FORM_RAW)
        return needle_read_raw(needle, text, length, ret_length, ret_known);
    struct cursor cursor = {.at = text, .left = length, .final = final};
    unit_reader read = unit_readers[needle->form];
    enum reading reading = READ_YES;
    for (size_t index = 0; index < needle->length;) {
        *ret_known = needle->form == FORM_BASE64 ? index * 3 / 4 : index;
        *ret_length = length - cursor.left;
        reading = read(needle, &index, &cursor);
        if (reading != READ_YES)
            return reading;
    }
    if (needle->form == FORM_BASE64)
        reading = base64_tail(needle, &cursor);
    *ret_length = length - cursor.left;
    return reading;
}

static struct needle needle_make(enum form form, const char *bytes, size_t length, size_t name) {
    return (struct needle){.form = form,
                           .bytes = (unsigned char *)mem_strndup(bytes, length),
                           .length = length,
                           .name = name};
}

/* The digits that the secret alone decides when `before` unknown bytes stand in front of it. */
static struct needle needle_make_base64(const char *bytes, size_t length, size_t before,
                                        size_t name) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t first = (before * 8 + 5) / 6, end = (before + length) * 8 / 6;
    struct needle needle = {.form = FORM_BASE64, .name = name, .bytes = mem_alloc(end + 1)};
    unsigned bits = 0, held = 0;
    for (size_t i = 0, digit = 0; i < before + length; i++) {
        bits = bits << 8 | (i < before ? 0 : (unsigned char)bytes[i - before]);
        for (held += 8; held >= 6; held -= 6, digit++)
            if (digit >= first)
                needle.bytes[needle.length++] = (unsigned char)digits[bits >> (held - 6) & 63];
        bits &= (1U << held) - 1;
    }
    needle.tail_bits = held;
    needle.tail_value = bits;
    return needle;
}

/* Fewer digits than this would be found in any text. */
#define BASE64_LEAST 4
#define HEX_LEAST 3

void needle_each(const char *bytes, size_t length, size_t name,
                 void (*add)(void *user, struct needle taken), void *user) {
    add(user, needle_make(FORM_RAW, bytes, length, name));
    add(user, needle_make(FORM_URL, bytes, length, name));
    add(user, needle_make(FORM_BACKSLASH, bytes, length, name));
    add(user, needle_make(FORM_XML, bytes, length, name));
    if (memchr(bytes, '\'', length)) {
        add(user, needle_make(FORM_QUOTE, bytes, length, name));
        add(user, needle_make(FORM_SQL, bytes, length, name));
    }
    if (memchr(bytes, '"', length))
        add(user, needle_make(FORM_CSV, bytes, length, name));
    if (length >= HEX_LEAST)
        add(user, needle_make(FORM_HEX, bytes, length, name));
    for (size_t before = 0; before < 3; before++) {
        struct needle needle = needle_make_base64(bytes, length, before, name);
        if (needle.length >= BASE64_LEAST)
            add(user, needle);
        else
            mem_wipe_free(needle.bytes, needle.length);
    }
}
