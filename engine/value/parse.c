/* Reading JSON. libjq's own parser takes more than JSON (nan, several texts, what its number
 * reader likes) and rounds long integers; so a scan in one pass settles what is JSON, how deep it
 * is, and where integers stand that a double cannot hold, before libjq builds the value. */
#include <limits.h>
#include <math.h>

#include "base/mem.h"
#include "value/value.h"

#define PARSE_DEPTH 256
#define PARSE_MAX ((size_t)INT_MAX / 4)

struct scan {
    const char *text;
    size_t length;
    size_t at;
    char open[PARSE_DEPTH]; /* the brackets that are open */
    size_t depth;
    struct buf exact; /* the text with long integers quoted, filled up to `copied` */
    size_t copied;
    struct err *err;
};

/* Line and column, from 1, are those within the JSON text. */
static int scan_fail(struct scan *scan, size_t at, const char *what) {
    unsigned line = 1, column = 1;
    for (size_t i = 0; i < at; i++) {
        bool newline = scan->text[i] == '\n';
        line += newline;
        column = newline ? 1 : column + 1;
    }
    return err_set(scan->err, ERR_INVALID, "not JSON at line %u, column %u: %s", line, column,
                   what);
}

static char scan_peek(const struct scan *scan) {
    return scan->at < scan->length ? scan->text[scan->at] : '\0';
}

static void scan_space(struct scan *scan) {
    while (scan->at < scan->length && memchr(" \t\r\n", scan->text[scan->at], 4))
        scan->at++;
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool is_hex(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static int scan_escape(struct scan *scan) {
    char c = scan->at + 1 < scan->length ? scan->text[scan->at + 1] : '\0';
    if (c == 'u') {
        for (size_t i = 2; i < 6; i++)
            if (scan->at + i >= scan->length || !is_hex(scan->text[scan->at + i]))
                return scan_fail(scan, scan->at, "\\u wants four hexadecimal digits");
        scan->at += 6;
        return 0;
    }
    if (c == '\0' || !strchr("\"\\/bfnrt", c))
        return scan_fail(scan, scan->at, "no such escape in a string");
    scan->at += 2;
    return 0;
}

static int scan_string(struct scan *scan) {
    size_t start = scan->at++;
    while (scan->at < scan->length) {
        unsigned char c = (unsigned char)scan->text[scan->at];
        if (c == '"') {
            scan->at++;
            return 0;
        }
        if (c < 0x20)
            return scan_fail(scan, scan->at, "a control character in a string");
        if (c != '\\')
            scan->at++;
        else if (scan_escape(scan) < 0)
            return -1;
    }
    return scan_fail(scan, start, "the string has no end");
}

static size_t scan_digits(struct scan *scan) {
    size_t start = scan->at;
    while (is_digit(scan_peek(scan)))
        scan->at++;
    return scan->at - start;
}

/* Copies the text up to the number that starts at `start`, then the number in quotes. */
static void scan_keep_exact(struct scan *scan, size_t start) {
    buf_append(&scan->exact, scan->text + scan->copied, start - scan->copied);
    buf_putc(&scan->exact, '"');
    buf_append(&scan->exact, scan->text + start, scan->at - start);
    buf_putc(&scan->exact, '"');
    scan->copied = scan->at;
}

static bool is_beyond_exact(const char *digits, size_t length) {
    static const char limit[] = "9007199254740992";
    size_t most = sizeof limit - 1;
    return length > most || (length == most && memcmp(digits, limit, most) > 0);
}

static bool is_finite(const char *text, size_t length) {
    AUTO_TEXT number = mem_strndup(text, length); /* the text need not end behind it */
    return isfinite(strtod(number, NULL));
}

static int scan_number(struct scan *scan) {
    size_t start = scan->at;
    if (scan_peek(scan) == '-')
        scan->at++;
    size_t first = scan->at, whole = scan_digits(scan);
    if (!whole || (whole > 1 && scan->text[first] == '0'))
        return scan_fail(scan, start, "not a number");
    bool integer = true;
    if (scan_peek(scan) == '.') {
        integer = false;
        scan->at++;
        if (!scan_digits(scan))
            return scan_fail(scan, start, "not a number");
    }
    if (scan_peek(scan) == 'e' || scan_peek(scan) == 'E') {
        integer = false;
        scan->at++;
        if (scan_peek(scan) == '+' || scan_peek(scan) == '-')
            scan->at++;
        if (!scan_digits(scan))
            return scan_fail(scan, start, "not a number");
    }
    if (integer && is_beyond_exact(scan->text + first, whole))
        scan_keep_exact(scan, start);
    if (!integer && !is_finite(scan->text + start, scan->at - start))
        return scan_fail(scan, start, "the number is too large");
    return 0;
}

static int scan_word(struct scan *scan) {
    static const char *const words[] = {"true", "false", "null"};
    for (size_t i = 0; i < 3; i++) {
        size_t length = strlen(words[i]);
        if (scan->length - scan->at >= length &&
            memcmp(scan->text + scan->at, words[i], length) == 0) {
            scan->at += length;
            return 0;
        }
    }
    return scan_fail(scan, scan->at,
                     scan->at < scan->length ? "a value was expected" : "the text ends too soon");
}

static int scan_key(struct scan *scan) {
    scan_space(scan);
    if (scan_peek(scan) != '"')
        return scan_fail(scan, scan->at, "a key in double quotes was expected");
    if (scan_string(scan) < 0)
        return -1;
    scan_space(scan);
    if (scan_peek(scan) != ':')
        return scan_fail(scan, scan->at, "`:` was expected");
    scan->at++;
    return 0;
}

static int scan_open(struct scan *scan, bool *ret_ended) {
    if (scan->depth == PARSE_DEPTH)
        return scan_fail(scan, scan->at, "nested deeper than 256");
    char open = scan->text[scan->at++];
    scan->open[scan->depth++] = open;
    scan_space(scan);
    if (scan_peek(scan) == (open == '[' ? ']' : '}')) {
        scan->at++;
        scan->depth--;
        *ret_ended = true;
        return 0;
    }
    *ret_ended = false;
    return open == '{' ? scan_key(scan) : 0;
}

/* One scalar, or the opening of a container; `ended` where a whole value lies behind. */
static int scan_value(struct scan *scan, bool *ret_ended) {
    scan_space(scan);
    char c = scan_peek(scan);
    *ret_ended = true;
    if (c == '[' || c == '{')
        return scan_open(scan, ret_ended);
    if (c == '"')
        return scan_string(scan);
    if (c == '-' || is_digit(c))
        return scan_number(scan);
    return scan_word(scan);
}

/* Behind a value: closes what ends here; `more` where another value follows. */
static int scan_after(struct scan *scan, bool *ret_more) {
    while (scan->depth) {
        scan_space(scan);
        char open = scan->open[scan->depth - 1], c = scan_peek(scan);
        if (c == ',') {
            scan->at++;
            *ret_more = true;
            return open == '{' ? scan_key(scan) : 0;
        }
        if (c != (open == '[' ? ']' : '}'))
            return scan_fail(scan, scan->at,
                             open == '[' ? "`,` or `]` was expected" : "`,` or `}` was expected");
        scan->at++;
        scan->depth--;
    }
    *ret_more = false;
    return 0;
}

static int scan_all(struct scan *scan) {
    for (bool more = true; more;) {
        bool ended = false;
        if (scan_value(scan, &ended) < 0 || (ended && scan_after(scan, &more) < 0))
            return -1;
    }
    scan_space(scan);
    if (scan->at < scan->length)
        return scan_fail(scan, scan->at, "something follows behind the value");
    return 0;
}

static int scan_build(struct scan *scan, value *ret) {
    const char *text = scan->text;
    size_t length = scan->length;
    if (scan->copied) {
        buf_append(&scan->exact, text + scan->copied, length - scan->copied);
        text = scan->exact.data;
        length = scan->exact.length;
    }
    value parsed = jv_parse_sized(text, (int)length);
    if (!value_is(parsed, VALUE_NONE)) {
        *ret = parsed;
        return 0;
    }
    AUTO_VALUE message = jv_invalid_get_msg(parsed);
    return err_set(scan->err, ERR_INVALID, "not JSON: %s", value_text(message));
}

int value_parse(const char *text, size_t length, value *ret, struct err *err) {
    if (length > PARSE_MAX)
        return err_set(err, ERR_LIMIT, "JSON of %zu bytes is more than the %zu that fit", length,
                       PARSE_MAX);
    struct scan scan = {
        .text = text, .length = length, .exact = BUF_INIT(2 * PARSE_MAX), .err = err};
    int done = scan_all(&scan);
    if (done == 0)
        done = scan_build(&scan, ret);
    buf_release(&scan.exact);
    return done;
}
