#include "value/json.h"

#include <endian.h>
#include <stdint.h>
#include <string.h>

#include "base/text.h"

static bool json_is_bare(unsigned char byte) {
    return byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
}

#define EACH(byte) ((uint64_t)(byte)*UINT64_C(0x0101010101010101))

/* The highest bit of each byte that is zero, and perhaps of some above the first such. */
static uint64_t zeros(uint64_t eight) {
    return (eight - EACH(1)) & ~eight & EACH(0x80);
}

/* Of eight bytes as json_is_bare of each, in a quarter of the time: the lowest one's bit, of those
 * that are not bare, is right. */
static uint64_t not_bare(uint64_t eight) {
    const uint64_t below_space = (eight - EACH(0x20)) & ~eight & EACH(0x80);
    return (eight & EACH(0x80)) | below_space | zeros(eight ^ EACH('"')) |
           zeros(eight ^ EACH('\\')) | zeros(eight ^ EACH(0x7f));
}

size_t json_bare_length(const char *text, size_t length) {
    size_t bare = 0;
    for (; bare + sizeof(uint64_t) <= length; bare += sizeof(uint64_t)) {
        uint64_t eight;
        memcpy(&eight, text + bare, sizeof eight);
        eight = not_bare(le64toh(eight));
        if (eight)
            return bare + (size_t)__builtin_ctzll(eight) / 8;
    }
    while (bare < length && json_is_bare((unsigned char)text[bare]))
        bare++;
    return bare;
}

static void unit_put(char *at, uint32_t unit) {
    static const char digits[] = "0123456789abcdef";
    memcpy(at, "\\u", 2);
    for (int i = 0; i < 4; i++)
        at[2 + i] = digits[(unit >> (12 - 4 * i)) & 15];
}

size_t json_escape_one(const char *text, size_t length, char ret[JSON_ESCAPE_MAX],
                       size_t *ret_length) {
    static const char shorts[] = "\"\"\\\\\bb\ff\nn\rr\tt";
    unsigned char byte = (unsigned char)*text;
    *ret_length = 2;
    for (size_t i = 0; i < sizeof shorts - 1; i += 2)
        if (byte == (unsigned char)shorts[i]) {
            ret[0] = '\\';
            ret[1] = shorts[i + 1];
            return 1;
        }
    uint32_t point = byte;
    size_t taken = byte < 0x80 ? 1 : text_decode(text, length, &point);
    *ret_length = point > 0xffff ? 12 : 6;
    if (point > 0xffff) {
        unit_put(ret, 0xd800 + ((point - 0x10000) >> 10));
        unit_put(ret + 6, 0xdc00 + ((point - 0x10000) & 0x3ff));
    } else {
        unit_put(ret, point);
    }
    return taken ? taken : 1;
}

size_t json_escaped_length(const char *text, size_t length) {
    size_t total = 0;
    for (size_t at = 0; at < length;) {
        size_t bare = json_bare_length(text + at, length - at), one = 0;
        char escaped[JSON_ESCAPE_MAX];
        at += bare;
        if (at < length)
            at += json_escape_one(text + at, length - at, escaped, &one);
        total += bare + one;
    }
    return total;
}

void json_escape(struct buf *out, const char *text, size_t length) {
    for (size_t at = 0; at < length;) {
        size_t bare = json_bare_length(text + at, length - at), one;
        char escaped[JSON_ESCAPE_MAX];
        (void)buf_append(out, text + at, bare);
        at += bare;
        if (at == length)
            break;
        at += json_escape_one(text + at, length - at, escaped, &one);
        (void)buf_append(out, escaped, one);
    }
}
