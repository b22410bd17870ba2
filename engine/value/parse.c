/* Reading JSON. libjq's own parser takes more than JSON (nan, several texts, what its number
 * reader likes) and rounds long integers; so a scan in one pass settles what is JSON, how deep it
 * is, and where integers stand that a double cannot hold, before libjq builds the value. The scan
 * alone reads the members of a transcript's records, in a fifth of libjq's time (1.2 us each). */
#include <limits.h>
#include <math.h>

#include "base/mem.h"
#include "value/json.h"
#include "value/value.h"

/* As libjq counts, so that jq reads what is read here: an object, and the key in it, are two. */
#define PARSE_DEPTH 256
#define PARSE_MAX ((size_t)INT_MAX / 4)

/* The scalar, or the key, that was read last, as it is written. */
struct token {
    size_t start, length;
    bool is_plain; /* a string of ASCII without escapes */
    bool is_exact; /* a number that a double holds exactly, of digits alone */
};

struct scan {
    const char *text;
    size_t length;
    size_t at;
    size_t depth;
    size_t weight; /* depth, as libjq counts it */
    struct token token;
    struct err *err;
    struct buf *exact; /* the text with long integers quoted, up to `copied`; NULL: not wanted */
    size_t copied;
    char open[PARSE_DEPTH]; /* the brackets that are open */
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

static bool is_space(char c) {
    return (unsigned char)c <= ' ' && (c == ' ' || c == '\n' || c == '\t' || c == '\r');
}

static void scan_space(struct scan *scan) {
    while (scan->at < scan->length && is_space(scan->text[scan->at]))
        scan->at++;
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* ---- strings -------------------------------------------------------------------------------- */

static bool is_hex(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* Whether four digits stand there that begin with `d`, and one of the others. */
static bool is_surrogate(const struct scan *scan, size_t at, const char *others) {
    const char *digits = scan->text + at;
    return scan->length - at >= 4 && (digits[0] | 0x20) == 'd' && strchr(others, digits[1] | 0x20);
}

static int scan_unicode(struct scan *scan) {
    const size_t start = scan->at;
    for (size_t i = 2; i < 6; i++)
        if (start + i >= scan->length || !is_hex(scan->text[start + i]))
            return scan_fail(scan, start, "\\u wants four hexadecimal digits");
    scan->at += 6;
    if (!is_surrogate(scan, start + 2, "89ab"))
        return 0;
    if (scan->length - scan->at < 6 || memcmp(scan->text + scan->at, "\\u", 2) != 0 ||
        !is_surrogate(scan, scan->at + 2, "cdef"))
        return scan_fail(scan, start, "half of a surrogate pair");
    return 0;
}

static int scan_escape(struct scan *scan) {
    char c = scan->at + 1 < scan->length ? scan->text[scan->at + 1] : '\0';
    if (c == 'u')
        return scan_unicode(scan);
    if (c == '\0' || !strchr("\"\\/bfnrt", c))
        return scan_fail(scan, scan->at, "no such escape in a string");
    scan->at += 2;
    return 0;
}

static int scan_string(struct scan *scan) {
    const size_t start = scan->at++;
    bool is_plain = true;
    for (;;) {
        scan->at += json_bare_length(scan->text + scan->at, scan->length - scan->at);
        if (scan->at >= scan->length)
            return scan_fail(scan, start, "the string has no end");
        const unsigned char c = (unsigned char)scan->text[scan->at];
        if (c == '"')
            break;
        if (c < 0x20)
            return scan_fail(scan, scan->at, "a control character in a string");
        is_plain &= c == 0x7f;
        if (c != '\\')
            scan->at++;
        else if (scan_escape(scan) < 0)
            return -1;
    }
    scan->at++;
    scan->token = (struct token){.start = start, .length = scan->at - start, .is_plain = is_plain};
    return 0;
}

/* ---- numbers and words ---------------------------------------------------------------------- */

static size_t scan_digits(struct scan *scan) {
    size_t start = scan->at;
    while (is_digit(scan_peek(scan)))
        scan->at++;
    return scan->at - start;
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

/* A double would change the integer from `start`: it stays as a string. */
static void scan_keep_exact(struct scan *scan, size_t start) {
    if (!scan->exact)
        return;
    buf_append(scan->exact, scan->text + scan->copied, start - scan->copied);
    buf_putc(scan->exact, '"');
    buf_append(scan->exact, scan->text + start, scan->at - start);
    buf_putc(scan->exact, '"');
    scan->copied = scan->at;
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
    const bool is_long = integer && is_beyond_exact(scan->text + first, whole);
    if (is_long)
        scan_keep_exact(scan, start);
    scan->token =
        (struct token){.start = start, .length = scan->at - start, .is_exact = integer && !is_long};
    if (!integer && !is_finite(scan->text + start, scan->token.length))
        return scan_fail(scan, start, "the number is too large");
    return 0;
}

static const char *const words[] = {"true", "false", "null"};

static int scan_word(struct scan *scan) {
    for (size_t i = 0; i < 3; i++) {
        size_t length = strlen(words[i]);
        if (scan->length - scan->at >= length &&
            memcmp(scan->text + scan->at, words[i], length) == 0) {
            scan->token = (struct token){.start = scan->at, .length = length};
            scan->at += length;
            return 0;
        }
    }
    return scan_fail(scan, scan->at,
                     scan->at < scan->length ? "a value was expected" : "the text ends too soon");
}

/* ---- values --------------------------------------------------------------------------------- */

static void level_push(struct scan *scan, char open) {
    scan->open[scan->depth++] = open;
    scan->weight += open == '{' ? 2 : 1;
}

static void level_pop(struct scan *scan) {
    scan->weight -= scan->open[--scan->depth] == '{' ? 2 : 1;
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
    if (scan->weight >= PARSE_DEPTH)
        return scan_fail(scan, scan->at, "nested deeper than 256");
    char open = scan->text[scan->at++];
    level_push(scan, open);
    scan_space(scan);
    *ret_ended = scan_peek(scan) == (open == '[' ? ']' : '}');
    if (*ret_ended) {
        scan->at++;
        level_pop(scan);
        return 0;
    }
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

/* Behind a value that is not the last of the outermost container: what follows it there; `ended`
 * where that is the container's end. */
static int scan_after(struct scan *scan, bool *ret_ended) {
    scan_space(scan);
    const char open = scan->open[scan->depth - 1], c = scan_peek(scan);
    *ret_ended = c == (open == '[' ? ']' : '}');
    if (!*ret_ended && c != ',')
        return scan_fail(scan, scan->at,
                         open == '[' ? "`,` or `]` was expected" : "`,` or `}` was expected");
    scan->at++;
    if (*ret_ended)
        level_pop(scan);
    return !*ret_ended && open == '{' ? scan_key(scan) : 0;
}

/* A value with all that is in it. */
static int scan_whole(struct scan *scan) {
    const size_t depth = scan->depth;
    for (bool more = true; more;) {
        bool ended = false;
        if (scan_value(scan, &ended) < 0)
            return -1;
        while (ended && scan->depth > depth)
            if (scan_after(scan, &ended) < 0)
                return -1;
        more = scan->depth > depth;
    }
    return 0;
}

static int scan_end(struct scan *scan) {
    scan_space(scan);
    if (scan->at < scan->length)
        return scan_fail(scan, scan->at, "something follows behind the value");
    return 0;
}

static int scan_limit(size_t length, struct err *err) {
    if (length <= PARSE_MAX)
        return 0;
    return err_set(err, ERR_LIMIT, "JSON of %zu bytes is more than the %zu that fit", length,
                   PARSE_MAX);
}

/* What was found to be JSON. */
static int scan_build(struct scan *scan, value *ret) {
    const char *text = scan->text;
    size_t length = scan->length;
    if (scan->copied) {
        buf_append(scan->exact, text + scan->copied, length - scan->copied);
        text = scan->exact->data;
        length = scan->exact->length;
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
    AUTO_BUF exact = BUF_INIT(2 * PARSE_MAX);
    struct scan scan = {.text = text, .length = length, .exact = &exact, .err = err};
    if (scan_limit(length, err) < 0 || scan_whole(&scan) < 0 || scan_end(&scan) < 0)
        return -1;
    return scan_build(&scan, ret);
}

/* ---- the members of an object --------------------------------------------------------------- */

static struct value_piece piece_of(const struct scan *scan, size_t start) {
    return (struct value_piece){.text = scan->text + start,
                                .length = scan->at - start,
                                .is_plain = scan->token.is_plain && scan->token.start == start,
                                .is_exact = scan->token.is_exact && scan->token.start == start};
}

/* One whole value; the levels around it stay open. */
static int piece_scan(struct scan *scan, struct value_piece *ret) {
    scan_space(scan);
    const size_t start = scan->at;
    if (scan_whole(scan) < 0)
        return -1;
    *ret = piece_of(scan, start);
    return 0;
}

/* Behind `{`, a key was read. */
static int members_scan(struct scan *scan, value_member_fn *each, void *user) {
    for (bool ended = false; !ended;) {
        const struct token key = scan->token;
        const struct value_piece name = {
            .text = scan->text + key.start, .length = key.length, .is_plain = key.is_plain};
        struct value_piece item;
        if (piece_scan(scan, &item) < 0 || each(user, &name, &item, scan->err) < 0 ||
            scan_after(scan, &ended) < 0)
            return -1;
    }
    return 0;
}

int value_each_member(const char *text, size_t length, value_member_fn *each, void *user,
                      struct err *err) {
    struct scan scan = {.text = text, .length = length, .err = err};
    bool ended = false;
    if (scan_limit(length, err) < 0)
        return -1;
    scan_space(&scan);
    if (scan_peek(&scan) != '{')
        return scan_fail(&scan, scan.at, "an object was expected");
    if (scan_open(&scan, &ended) < 0 || (!ended && members_scan(&scan, each, user) < 0))
        return -1;
    return scan_end(&scan);
}
