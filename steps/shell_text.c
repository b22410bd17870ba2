/* The lexical half of the scanner of shell text: quotes, expansions, words, here-documents. */
#include "shell_text.h"

#include <ctype.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"

#define DEPTH_CEILING 32
#define WORD_CEILING ((size_t)1 << 20)

char shell_peek(const struct text *text, size_t ahead) {
    return text->at + ahead < text->end ? text->at[ahead] : '\0';
}

bool shell_at(const struct text *text, const char *what) {
    size_t length = strlen(what);
    return (size_t)(text->end - text->at) >= length && memcmp(text->at, what, length) == 0;
}

static bool is_meta(char c) {
    return c == '\0' || strchr(" \t\n|&;()<>", c);
}

void shell_skip_blanks(struct text *text) {
    while (text->at < text->end) {
        if (shell_at(text, "\\\n"))
            text->at += 2;
        else if (*text->at == ' ' || *text->at == '\t' || *text->at == '\r')
            text->at++;
        else
            break;
    }
}

/* ---- expansions ----------------------------------------------------------------------------- */

/* The commands up to the closing parenthesis, which is taken. */
void shell_scan_nested(struct text *text) {
    struct text inner = {.scan = text->scan, .at = text->at, .end = text->end};
    if (text->scan->depth >= DEPTH_CEILING) {
        shell_doubt(text->scan, "what is nested deeper than %d", DEPTH_CEILING);
        text->at = text->end;
        return;
    }
    text->scan->depth++;
    *vec_add(&inner.blocks) = (struct block){.list = text->scan->commands.count};
    shell_scan_commands(&inner);
    text->scan->depth--;
    text->at = inner.at < text->end ? inner.at + 1 : inner.at;
}

static void scan_backticks(struct text *text) {
    AUTO_BUF inner = BUF_INIT(WORD_CEILING);
    for (text->at++; text->at < text->end && *text->at != '`'; text->at++) {
        if (*text->at == '\\' && text->at + 1 < text->end && strchr("`\\$", text->at[1]))
            text->at++;
        (void)buf_putc(&inner, *text->at);
    }
    text->at += text->at < text->end;
    shell_scan_text(text->scan, buf_text(&inner), inner.length);
}

static void scan_dollar(struct text *text, struct buf *out, struct shell_word *word);
static void scan_double(struct text *text, struct buf *out, struct shell_word *word);

static void scan_single(struct text *text, struct buf *out) {
    for (text->at++; text->at < text->end && *text->at != '\''; text->at++)
        if (out)
            (void)buf_putc(out, *text->at);
    text->at += text->at < text->end;
}

/* $'…', in which a backslash keeps a quote from ending it. */
static void scan_escaped(struct text *text) {
    for (text->at += 2; text->at < text->end && *text->at != '\''; text->at++)
        text->at += *text->at == '\\' && text->at + 1 < text->end;
    text->at += text->at < text->end;
}

/* Up to what closes `${`, `$((`, or an array, with all that is expanded in between. */
void shell_skip_to(struct text *text, char open, char close, int depth) {
    struct shell_word word = {0};
    while (text->at < text->end && depth > 0) {
        char c = *text->at;
        if (c == '\\') {
            text->at += text->at + 1 < text->end ? 2 : 1;
        } else if (c == '\'') {
            scan_single(text, NULL);
        } else if (c == '"') {
            scan_double(text, NULL, &word);
        } else if (c == '`') {
            scan_backticks(text);
        } else if (c == '$') {
            scan_dollar(text, NULL, &word);
        } else {
            depth += (c == open) - (c == close);
            text->at++;
        }
    }
}

/* The length of a name that begins `ahead` of here. */
static size_t name_length(const struct text *text, size_t ahead) {
    size_t length = 0;
    if (isdigit((unsigned char)shell_peek(text, ahead)))
        return 0;
    while (isalnum((unsigned char)shell_peek(text, ahead + length)) ||
           shell_peek(text, ahead + length) == '_')
        length++;
    return length;
}

/* `$NAME` and `${NAME}`, as the latter. */
static bool scan_variable(struct text *text, struct buf *out) {
    bool is_braced = shell_peek(text, 1) == '{';
    size_t begin = is_braced ? 2 : 1, length = name_length(text, begin);
    if (!length || (is_braced && shell_peek(text, begin + length) != '}'))
        return false;
    if (out)
        (void)buf_printf(out, "${%.*s}", (int)length, text->at + begin);
    text->at += begin + length + is_braced;
    return true;
}

/* At a dollar sign; the word is no longer literal. */
static void scan_dollar(struct text *text, struct buf *out, struct shell_word *word) {
    word->is_literal = false;
    if (scan_variable(text, word->is_plain ? out : NULL))
        return;
    word->is_plain = false;
    text->at++;
    if (shell_at(text, "((")) {
        text->at += 2;
        shell_skip_to(text, '(', ')', 2);
    } else if (shell_peek(text, 0) == '(') {
        text->at++;
        shell_scan_nested(text);
    } else if (shell_peek(text, 0) == '{') {
        text->at++;
        shell_skip_to(text, '{', '}', 1);
    } else if (shell_peek(text, 0) &&
               (isdigit((unsigned char)*text->at) || strchr("_@*#?$!-", *text->at))) {
        text->at++;
    }
}

static void word_put(struct buf *out, const struct shell_word *word, char c) {
    if (out && (word->is_literal || word->is_plain))
        (void)buf_putc(out, c);
}

static void scan_double(struct text *text, struct buf *out, struct shell_word *word) {
    for (text->at++; text->at < text->end && *text->at != '"';) {
        char c = *text->at;
        if (c == '\\' && text->at + 1 < text->end) {
            if (!strchr("$`\"\\\n", text->at[1]))
                word_put(out, word, c);
            if (text->at[1] != '\n')
                word_put(out, word, text->at[1]);
            text->at += 2;
        } else if (c == '`') {
            word->is_literal = word->is_plain = false;
            scan_backticks(text);
        } else if (c == '$') {
            scan_dollar(text, out, word);
        } else {
            word_put(out, word, c);
            text->at++;
        }
    }
    text->at += text->at < text->end;
}

/* ---- words ---------------------------------------------------------------------------------- */

static bool is_array(const struct text *text, const struct buf *out) {
    return shell_peek(text, 0) == '(' && out->length > 1 && out->data[out->length - 1] == '=';
}

static bool is_pattern(const struct text *text, const char *begin) {
    return shell_peek(text, 0) == '(' && text->at > begin && strchr("?*+@!", text->at[-1]);
}

static void word_special(struct text *text, struct buf *out, struct shell_word *word) {
    char c = *text->at;
    word->is_bare &= !strchr("'\"\\", c);
    if (c == '\\') {
        word_put(out, word, shell_peek(text, 1));
        text->at += text->at + 1 < text->end ? 2 : 1;
    } else if (c == '\'') {
        scan_single(text, word->is_literal || word->is_plain ? out : NULL);
    } else if (c == '"') {
        scan_double(text, out, word);
    } else if (c == '`') {
        word->is_literal = word->is_plain = false;
        scan_backticks(text);
    } else if (shell_at(text, "$'")) {
        word->is_literal = word->is_plain = false;
        scan_escaped(text);
    } else {
        scan_dollar(text, out, word);
    }
}

/* What the shell would match against files, or make several words of. */
static bool is_computed(const char *at, const char *begin, bool has_brace) {
    bool is_test = *at == '[' && (at == begin || (at == begin + 1 && *begin == '['));
    return (strchr("*?[", *at) && !is_test) || (*at == '~' && at == begin) ||
           (*at == ',' && has_brace);
}

/* Nothing that a shell would make more of, once it has put the variables in. */
static bool is_path(const char *text) {
    for (const char *c = text; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("_./+-${}", *c))
            return false;
    return true;
}

/* How many of the next bytes mean themselves wherever they stand: words are mostly made of them,
 * and a plan of 10,000 commands is 3 % faster where they are not asked for one by one. */
static size_t plain_length(const struct text *text) {
    const char *at = text->at;
    while (at < text->end &&
           ((*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') ||
            (*at >= '0' && *at <= '9') || *at == '-' || *at == '_' || *at == '.' || *at == '/'))
        at++;
    return (size_t)(at - text->at);
}

struct shell_word shell_read_word(struct text *text) {
    struct shell_word word = {.is_literal = true, .is_bare = true, .is_plain = true};
    const char *begin = text->at;
    bool has_brace = false;
    AUTO_BUF out = BUF_INIT(WORD_CEILING);
    while (text->at < text->end) {
        const size_t plain = plain_length(text);
        if (plain > 0) {
            if (word.is_literal || word.is_plain)
                (void)buf_append(&out, text->at, plain);
            text->at += plain;
            continue;
        }
        char c = *text->at;
        if (is_array(text, &out) || is_pattern(text, begin)) {
            word.is_literal = word.is_plain = false;
            text->at++;
            shell_skip_to(text, '(', ')', 1);
        } else if (is_meta(c)) {
            break;
        } else if (shell_at(text, "\\\n")) {
            text->at += 2;
        } else if (strchr("\\'\"`$", c)) {
            word_special(text, &out, &word);
        } else {
            has_brace |= c == '{';
            bool is_literal = !is_computed(text->at, begin, has_brace);
            word.is_literal &= is_literal;
            word.is_plain &= is_literal;
            word_put(&out, &word, c);
            text->at++;
        }
    }
    if (out.overflow)
        word.is_literal = word.is_plain = false;
    word.is_plain = word.is_plain && is_path(buf_text(&out));
    word.text = word.is_literal || word.is_plain ? buf_detach(&out)
                                                 : mem_strndup(begin, (size_t)(text->at - begin));
    return word;
}

/* ---- here-documents ------------------------------------------------------------------------- */

static void heredoc_expand(struct text *text, const char *begin, const char *end) {
    struct text body = {.scan = text->scan, .at = begin, .end = end};
    struct shell_word word = {0};
    while (body.at < body.end) {
        if (*body.at == '\\')
            body.at += body.at + 1 < body.end ? 2 : 1;
        else if (*body.at == '`')
            scan_backticks(&body);
        else if (*body.at == '$')
            scan_dollar(&body, NULL, &word);
        else
            body.at++;
    }
}

static void heredoc_read(struct text *text, const struct heredoc *heredoc) {
    const char *begin = text->at;
    size_t wanted = strlen(heredoc->end);
    while (text->at < text->end) {
        const char *line = text->at;
        const char *stop = memchr(line, '\n', (size_t)(text->end - line));
        stop = stop ? stop : text->end;
        text->at = stop < text->end ? stop + 1 : stop;
        while (heredoc->strips_tabs && line < stop && *line == '\t')
            line++;
        if ((size_t)(stop - line) != wanted || memcmp(line, heredoc->end, wanted) != 0)
            continue;
        if (heredoc->expands)
            heredoc_expand(text, begin, line);
        return;
    }
}

void shell_read_heredocs(struct text *text) {
    for (size_t i = 0; i < text->heredocs.count; i++) {
        heredoc_read(text, &text->heredocs.items[i]);
        mem_free(text->heredocs.items[i].end);
    }
    text->heredocs.count = 0;
}

/* At `<` or `>`, which are no part of a process substitution. */
void shell_scan_redirection(struct text *text) {
    bool is_heredoc = shell_at(text, "<<") && !shell_at(text, "<<<");
    bool strips = shell_at(text, "<<-"), writes = shell_at(text, ">");
    while (text->at < text->end && strchr("<>", *text->at))
        text->at++;
    if (text->at < text->end && (strips || strchr("|&", *text->at)))
        text->at++;
    shell_skip_blanks(text);
    struct shell_word word = shell_read_word(text);
    if (writes)
        shell_made(text->scan, word.text);
    if (is_heredoc)
        *vec_add(&text->heredocs) = (struct heredoc){word.text, strips, word.is_bare};
    else
        mem_free(word.text);
}
