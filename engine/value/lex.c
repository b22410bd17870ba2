#include "value/lex.h"

#include "base/text.h"

struct scanner {
    struct lex *lex;
    const char *text;
    size_t length;
    size_t at;
    const struct lex_origin *origin;
    struct err *err;
    /* Open brackets; 's' stands for the `\(` of a string. */
    char open[LEX_DEPTH_MAX];
    size_t open_at[LEX_DEPTH_MAX];
    size_t depth;
    bool pattern; /* between `as` and its `|`, where `?//` parts alternatives */
};

struct span lex_span(const struct lex_origin *origin, const char *text, size_t offset,
                     size_t length) {
    struct span span = lex_origin_inside(origin, text, offset).at;
    size_t shown = 0;
    while (shown < length && text[offset + shown] != '\n')
        shown++;
    size_t characters = text_characters(text + offset, shown);
    span.length = characters ? (uint32_t)characters : 1;
    return span;
}

struct lex_origin lex_origin_inside(const struct lex_origin *origin, const char *text,
                                    size_t offset) {
    struct lex_origin inside = *origin;
    size_t start = 0;
    for (size_t i = 0; i < offset; i++) {
        if (text[i] != '\n')
            continue;
        inside.at.line += inside.at.line != 0;
        inside.at.column = origin->base;
        start = i + 1;
    }
    if (inside.at.column)
        inside.at.column += (uint32_t)text_characters(text + start, offset - start);
    return inside;
}

void lex_release(struct lex *lex) {
    vec_release(&lex->tokens);
}

struct lex_token lex_at(const struct lex *lex, size_t index) {
    if (index < lex->tokens.count)
        return lex->tokens.items[index];
    return (struct lex_token){.kind = LEX_SIGN};
}

bool lex_is(const struct lex *lex, size_t index, const char *word) {
    struct lex_token token = lex_at(lex, index);
    return token.length == strlen(word) &&
           memcmp(lex->text + token.offset, word, token.length) == 0;
}

static bool is_word_start(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_word(char c) {
    return is_word_start(c) || (c >= '0' && c <= '9');
}

static char scanner_peek(const struct scanner *s, size_t ahead) {
    return s->at + ahead < s->length ? s->text[s->at + ahead] : '\0';
}

static void scanner_add(struct scanner *s, enum lex_kind kind, size_t start) {
    *vec_add(&s->lex->tokens) =
        (struct lex_token){.kind = kind, .offset = start, .length = s->at - start};
}

static int scanner_fail(const struct scanner *s, size_t offset, size_t length, const char *what) {
    return err_at(s->err, lex_span(s->origin, s->text, offset, length), "%s", what);
}

static int scanner_push(struct scanner *s, char open, size_t at) {
    if (s->depth == LEX_DEPTH_MAX)
        return scanner_fail(s, at, 1, "brackets nest too deeply in this expression");
    s->open[s->depth] = open;
    s->open_at[s->depth++] = at;
    return 0;
}

/* The rest of a string, from behind its quote or behind the `)` of an interpolation. */
static int scanner_string(struct scanner *s, size_t start, bool resumed) {
    while (s->at < s->length) {
        char c = s->text[s->at++];
        if (c == '"') {
            scanner_add(s, resumed ? LEX_STRING_CLOSE : LEX_STRING, start);
            return 0;
        }
        if (c != '\\')
            continue;
        if (scanner_peek(s, 0) == '(') {
            s->at++;
            scanner_add(s, resumed ? LEX_STRING_MID : LEX_STRING_OPEN, start);
            return scanner_push(s, 's', s->at - 1);
        }
        s->at += s->at < s->length;
    }
    scanner_fail(s, start, 1, "this string never ends");
    return err_hint(s->err, "close it with a double quote");
}

static int scanner_close(struct scanner *s) {
    char c = s->text[s->at];
    char open = s->depth ? s->open[s->depth - 1] : '\0';
    char wanted = open == '[' ? ']' : open == '{' ? '}' : ')';
    if (!open || c != wanted) {
        struct span span = lex_span(s->origin, s->text, s->at, 1);
        if (!open)
            return err_at(s->err, span, "`%c` closes nothing", c);
        return err_at(s->err, span, "`%c` stands where `%c` was expected", c, wanted);
    }
    s->depth--;
    size_t start = s->at++;
    if (open == 's')
        return scanner_string(s, start, true);
    scanner_add(s, LEX_CLOSE, start);
    return 0;
}

static void scanner_word(struct scanner *s, enum lex_kind kind, size_t start) {
    while (is_word(scanner_peek(s, 0)) || (scanner_peek(s, 0) == ':' && scanner_peek(s, 1) == ':' &&
                                           is_word_start(scanner_peek(s, 2))))
        s->at += scanner_peek(s, 0) == ':' ? 2 : 1;
    scanner_add(s, kind, start);
}

/* As jq 1.6 reads it, a number is any run of digits and points, with an exponent. */
static int scanner_number(struct scanner *s) {
    size_t start = s->at, points = 0;
    for (char c; c = scanner_peek(s, 0), c == '.' || (c >= '0' && c <= '9'); s->at++)
        points += c == '.';
    char c = scanner_peek(s, 0);
    size_t sign = scanner_peek(s, 1) == '+' || scanner_peek(s, 1) == '-' ? 2 : 1;
    char digit = scanner_peek(s, sign);
    if ((c == 'e' || c == 'E') && digit >= '0' && digit <= '9') {
        s->at += sign;
        while (digit = scanner_peek(s, 0), digit >= '0' && digit <= '9')
            s->at++;
    }
    if (points > 1)
        return scanner_fail(s, start, s->at - start, "not a number");
    scanner_add(s, LEX_NUMBER, start);
    return 0;
}

static int scanner_unknown(struct scanner *s) {
    static const struct {
        const char *sign, *hint;
    } hints[] = {
        {"'", "jq puts strings in double quotes"},
        {"&", "jq writes `and`"},
        {"!", "jq writes `not` behind a pipe, as in `.a | not`"},
        {"`", "jq puts strings in double quotes"},
    };
    uint32_t codepoint;
    size_t bytes = text_decode(s->text + s->at, s->length - s->at, &codepoint);
    struct span span = lex_span(s->origin, s->text, s->at, 1);
    char c = s->text[s->at];
    if ((unsigned char)c < 0x20 || bytes == 0)
        err_at(s->err, span, "a character that jq does not know (\\x%02x)", (unsigned char)c);
    else
        err_at(s->err, span, "jq does not know `%.*s`", (int)bytes, s->text + s->at);
    for (size_t i = 0; i < sizeof hints / sizeof *hints; i++)
        if (c == *hints[i].sign)
            return err_hint(s->err, "%s", hints[i].hint);
    return -1;
}

static int scanner_sign(struct scanner *s) {
    static const char *const signs[] = {
        "?//", "//=", "!=", "==", "//", "|=", "+=", "-=", "*=", "/=", "%=", "<=", ">=", ".."};
    size_t start = s->at, length = 0;
    for (size_t i = 0; i < sizeof signs / sizeof *signs && !length; i++)
        if (s->length - s->at >= strlen(signs[i]) &&
            memcmp(s->text + s->at, signs[i], strlen(signs[i])) == 0)
            length = strlen(signs[i]);
    if (!length && s->text[s->at] && strchr(".?=;,:|+-*/%<>", s->text[s->at]))
        length = 1;
    if (!length)
        return scanner_unknown(s);
    if (scanner_peek(s, 0) == '|' && scanner_peek(s, 1) == '|') {
        scanner_fail(s, start, 2, "jq does not know `||`");
        return err_hint(s->err, "jq writes `or`");
    }
    /* jq 1.6 trips over `.a?//1`: read as two signs, and written so, it means what it says. */
    if (length == 3 && text_starts_with(s->text + start, "?//") && !s->pattern)
        length = 1;
    s->pattern &= s->text[start] != '|';
    s->at += length;
    scanner_add(s, LEX_SIGN, start);
    return 0;
}

static bool starts_number(const struct scanner *s) {
    char c = scanner_peek(s, 0), next = scanner_peek(s, 1);
    bool digit = next >= '0' && next <= '9';
    return (c >= '0' && c <= '9') || (c == '.' && digit) ||
           (c == '.' && next == '.' &&
            (scanner_peek(s, 2) == '.' ||
             (scanner_peek(s, 2) >= '0' && scanner_peek(s, 2) <= '9')));
}

static int scanner_token(struct scanner *s) {
    size_t start = s->at;
    char c = s->text[s->at], next = scanner_peek(s, 1);
    if (is_word_start(c)) {
        scanner_word(s, LEX_NAME, start);
        s->pattern |= s->at - start == 2 && memcmp(s->text + start, "as", 2) == 0;
        return 0;
    }
    if ((c == '.' || c == '$') && is_word_start(next)) {
        s->at++;
        if (c == '$') {
            scanner_word(s, LEX_VARIABLE, start);
            return 0;
        }
        while (is_word(scanner_peek(s, 0)))
            s->at++;
        scanner_add(s, LEX_FIELD, start);
        return 0;
    }
    if (starts_number(s))
        return scanner_number(s);
    if (c == '"') {
        s->at++;
        return scanner_string(s, start, false);
    }
    if (c == '@' && is_word(next)) {
        for (s->at++; is_word(scanner_peek(s, 0));)
            s->at++;
        scanner_add(s, LEX_FORMAT, start);
        return 0;
    }
    if (c && strchr("([{", c)) {
        s->at++;
        scanner_add(s, LEX_OPEN, start);
        return scanner_push(s, c, start);
    }
    if (c && strchr(")]}", c))
        return scanner_close(s);
    return scanner_sign(s);
}

static void scanner_skip(struct scanner *s) {
    while (s->at < s->length) {
        char c = s->text[s->at];
        if (c == '#')
            while (s->at < s->length && s->text[s->at] != '\n')
                s->at++;
        else if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
            s->at++;
        else
            return;
    }
}

static int scanner_unclosed(const struct scanner *s) {
    char open = s->open[s->depth - 1];
    size_t at = s->open_at[s->depth - 1];
    return err_at(s->err, lex_span(s->origin, s->text, at, 1), "`%c` is never closed",
                  open == 's' ? '(' : open);
}

int lex_scan(struct lex *lex, const char *text, size_t length, bool until_braces,
             const struct lex_origin *origin, size_t *ret_end, struct err *err) {
    struct scanner s = {.lex = lex, .text = text, .length = length, .origin = origin, .err = err};
    lex->text = text;
    for (scanner_skip(&s); s.at < length; scanner_skip(&s)) {
        if (until_braces && !s.depth && text[s.at] == '}' && scanner_peek(&s, 1) == '}')
            break;
        if (s.at >= LEX_LENGTH_MAX)
            return scanner_fail(&s, 0, 1, "the expression is longer than 64 KiB");
        if (scanner_token(&s) < 0)
            return -1;
    }
    if (s.depth)
        return scanner_unclosed(&s);
    *ret_end = s.at;
    return 0;
}
