#include "message_text.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"

#define HEADER_MAX ((size_t)64 << 10)
#define LINE_BEST 70  /* RFC 2047, 2: an encoded word has at most 75 characters */
#define PLAIN_MAX 900 /* RFC 5322, 2.1.1: a line has at most 998 */

static int header_check(const char *what, const char *text, struct err *err) {
    for (const char *c = text; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            return err_set(err, ERR_INVALID, "%s holds a line break or control character", what);
    return 0;
}

static bool is_plain(const char *text) {
    for (const char *c = text; *c; c++)
        if ((unsigned char)*c >= 0x80)
            return false;
    return !strstr(text, "=?") && strlen(text) <= PLAIN_MAX;
}

/* RFC 2047, 5 (3): what may stand for itself even in a phrase. */
static bool is_safe(unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c && strchr("!*+-/", c));
}

/* A character is never cut in two: each encoded word is decoded by itself. */
static void encode(struct buf *out, const char *text) {
    size_t left = strlen(text), used = 0;
    buf_puts(out, "=?utf-8?Q?");
    while (left > 0) {
        uint32_t ignored;
        size_t length = text_decode(text, left, &ignored);
        length = length ? length : 1;
        size_t need = length == 1 && is_safe((unsigned char)*text) ? 1 : length * 3;
        if (used + need > LINE_BEST - strlen("=?utf-8?Q?"
                                             "?=")) {
            buf_puts(out, "?=\r\n =?utf-8?Q?");
            used = 0;
        }
        for (size_t i = 0; i < length; i++)
            if (need == 1)
                buf_putc(out, text[i]);
            else
                buf_printf(out, "=%02X", (unsigned char)text[i]);
        used += need;
        text += length;
        left -= length;
    }
    buf_puts(out, "?=");
}

int message_header(const char *what, const char *text, char **ret, struct err *err) {
    AUTO_BUF out = BUF_INIT(HEADER_MAX);
    if (header_check(what, text, err) < 0)
        return -1;
    if (is_plain(text))
        buf_puts(&out, text);
    else
        encode(&out, text);
    if (out.overflow)
        return err_set(err, ERR_LIMIT, "%s is too long", what);
    char *header = buf_detach(&out);
    *ret = header ? header : mem_strdup("");
    return 0;
}

int message_person(const char *what, const char *text, char **ret_address, char **ret_header,
                   struct err *err) {
    const char *open = strrchr(text, '<');
    size_t length = strlen(text);
    if (header_check(what, text, err) < 0)
        return -1;
    if (!open || text[length - 1] != '>') {
        *ret_address = mem_strdup(text);
        *ret_header = mem_strdup(text);
        return 0;
    }
    size_t name_length = (size_t)(open - text);
    while (name_length > 0 && text[name_length - 1] == ' ')
        name_length--;
    AUTO_TEXT name = mem_strndup(text, name_length);
    AUTO_BUF word = BUF_INIT(HEADER_MAX);
    *ret_address = mem_strndup(open + 1, length - (size_t)(open - text) - 2);
    if (*name)
        encode(&word, name);
    *ret_header = mem_printf("%s%s<%s>", buf_text(&word), *name ? " " : "", *ret_address);
    return 0;
}

char *message_date(int64_t wall_ns) {
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t seconds = (time_t)(wall_ns / NS_PER_S);
    struct tm at;
    gmtime_r(&seconds, &at);
    return mem_printf("%s, %02d %s %d %02d:%02d:%02d +0000", days[at.tm_wday], at.tm_mday,
                      months[at.tm_mon], at.tm_year + 1900, at.tm_hour, at.tm_min, at.tm_sec);
}
