#include "cli/import_shell.h"

#include <ctype.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"

struct shell_state shell_begin(void) {
    return (struct shell_state){.at_command = true};
}

static char top(const struct shell_state *state) {
    return state->depth ? state->stack[state->depth - 1] : '\0';
}

static void push(struct shell_state *state, char open) {
    if (state->depth < SHELL_DEPTH)
        state->stack[state->depth++] = open;
}

static void pop(struct shell_state *state) {
    if (state->depth > 0)
        state->depth--;
}

bool shell_is_single(const struct shell_state *state) {
    return top(state) == '\'';
}

bool shell_is_double(const struct shell_state *state) {
    unsigned depth = state->depth;
    while (depth > 0 && state->stack[depth - 1] == '{')
        depth--;
    return depth > 0 && state->stack[depth - 1] == '"';
}

bool shell_is_inside(const struct shell_state *state) {
    return state->depth > 0 || state->compounds > 0 || state->continued || state->here_open;
}

/* ---- words and what they open ------------------------------------------------------------- */

static void word_end(struct shell_state *state) {
    static const char *const opens[] = {"if", "for", "while", "until", "select", "case", "{"};
    static const char *const closes[] = {"fi", "done", "esac", "}"};
    static const char *const leads[] = {"if",   "while", "until", "then", "do",  "else",
                                        "elif", "!",     "{",     "time", "sudo"};
    if (state->word_length == 0)
        return;
    state->word[state->word_length] = '\0';
    const bool at_command = state->at_command;
    state->word_length = 0;
    state->at_command = false;
    if (!at_command)
        return;
    if (text_is_among(state->word, opens, sizeof opens / sizeof *opens))
        state->compounds++;
    else if (state->compounds > 0 &&
             text_is_among(state->word, closes, sizeof closes / sizeof *closes))
        state->compounds--;
    state->at_command = text_is_among(state->word, leads, sizeof leads / sizeof *leads);
}

static void word_add(struct shell_state *state, char c) {
    if (state->word_length + 1 < sizeof state->word)
        state->word[state->word_length++] = c;
}

/* `<<EOF`, `<<-'EOF'`. */
static void here_begin(struct shell_state *state, const char *at) {
    if (*at == '-')
        at++;
    at += strspn(at, " ");
    state->here_quoted = *at == '\'' || *at == '"' || *at == '\\';
    if (state->here_quoted)
        at++;
    size_t length = 0;
    while (length + 1 < sizeof state->here &&
           (isalnum((unsigned char)at[length]) || at[length] == '_'))
        length++;
    memcpy(state->here, at, length);
    state->here[length] = '\0';
    state->here_begins = length > 0;
}

static void here_feed(struct shell_state *state, const char *text, size_t at) {
    if (text[at] != '\n')
        return;
    const char *line = text + at + 1;
    const size_t blank = strspn(line, "\t ");
    const size_t length = strlen(state->here);
    const char end = strncmp(line + blank, state->here, length) == 0 ? line[blank + length] : 'x';
    if (end == '\n' || end == '\0') {
        /* Its own line is read as a command's, which does no harm. */
        state->here_open = false;
        state->at_command = false;
    }
}

/* ---- characters --------------------------------------------------------------------------- */

static void line_end(struct shell_state *state, const char *text, size_t at) {
    word_end(state);
    state->comment = false;
    state->at_command = true;
    if (state->here_begins) {
        state->here_begins = false;
        state->here_open = true;
        here_feed(state, text, at);
    }
}

static void feed_double(struct shell_state *state, const char *text, size_t at) {
    const char c = text[at];
    const char before = at > 0 ? text[at - 1] : '\0';
    if (c == '"')
        pop(state);
    else if (c == '\\')
        state->escaped = true;
    else if (c == '`' || ((c == '(' || c == '{') && before == '$'))
        push(state, c);
}

static bool feed_open(struct shell_state *state, const char *text, size_t at) {
    const char c = text[at];
    const char before = at > 0 ? text[at - 1] : '\0';
    if (c == '\'' || c == '"' || c == '(' || (c == '{' && before == '$')) {
        push(state, c);
        state->at_command = c == '(';
        return true;
    }
    if (c == '`') {
        if (top(state) == '`')
            pop(state);
        else
            push(state, c);
        return true;
    }
    if ((c == ')' && top(state) == '(') || (c == '}' && top(state) == '{')) {
        pop(state);
        state->at_command = false;
        return true;
    }
    return false;
}

static void feed_plain(struct shell_state *state, const char *text, size_t at) {
    const char c = text[at];
    const char before = at > 0 ? text[at - 1] : '\n';
    if (c == '\\') {
        state->escaped = true;
    } else if (c == '#' && strchr(" \t\n;|&(", before)) {
        state->comment = true;
    } else if (c == '<' && before == '<' && text[at + 1] != '<' &&
               (at < 2 || text[at - 2] != '<')) {
        here_begin(state, text + at + 1);
    } else if (feed_open(state, text, at)) {
        state->word_length = 0;
    } else if (isspace((unsigned char)c)) {
        word_end(state);
    } else if (strchr(";|&)", c)) {
        word_end(state);
        state->at_command = true;
    } else {
        word_add(state, c);
    }
}

void shell_feed(struct shell_state *state, const char *text, size_t at) {
    const char c = text[at];
    const bool escaped = state->escaped;
    state->continued = escaped && c == '\n';
    if (state->here_open) {
        here_feed(state, text, at);
    } else if (escaped) {
        state->escaped = false;
    } else if (top(state) == '\'') {
        if (c == '\'')
            pop(state);
    } else if (top(state) == '"') {
        feed_double(state, text, at);
    } else if (c == '\n') {
        line_end(state, text, at);
    } else if (!state->comment) {
        feed_plain(state, text, at);
    }
}

void shell_split(const char *text, shell_lines *ret) {
    struct shell_state state = shell_begin();
    for (const char *line = text; *line;) {
        const size_t length = strcspn(line, "\n");
        const size_t blank = strspn(line, " \t");
        struct shell_line *found = vec_add(ret);
        *found = (struct shell_line){.text = line,
                                     .length = length,
                                     .blank = blank >= length,
                                     .inside = shell_is_inside(&state)};
        found->comment = !found->inside && !found->blank && line[blank] == '#';
        const size_t whole = length + (line[length] == '\n');
        for (size_t i = 0; i < whole; i++)
            shell_feed(&state, text, (size_t)(line - text) + i);
        line += whole;
    }
}

/* ---- single commands ---------------------------------------------------------------------- */

/* Reads one word; false where it holds what only a shell can tell. */
static bool word_read(const char *text, size_t length, size_t *at, struct buf *word) {
    char quote = '\0';
    for (; *at < length; (*at)++) {
        const char c = text[*at];
        if (quote == '\0' && isspace((unsigned char)c))
            return true;
        if (quote != '\'' && c == '\\' && *at + 1 < length) {
            (*at)++;
            if (quote == '"' && !strchr("\"\\$`\n", text[*at]))
                buf_putc(word, '\\');
            if (text[*at] != '\n')
                buf_putc(word, text[*at]);
        } else if (quote == c && quote != '\0') {
            quote = '\0';
        } else if (quote == '\0' && (c == '\'' || c == '"')) {
            quote = c;
        } else if ((quote != '\'' && (c == '$' || c == '`')) ||
                   (quote == '\0' && strchr(";|&<>()#*", c))) {
            return false;
        } else {
            buf_putc(word, c);
        }
    }
    return quote == '\0';
}

void shell_words_free(char **words) {
    for (char **word = words; word && *word; word++)
        mem_free(*word);
    mem_free(words);
}

bool shell_words(const char *text, size_t length, char ***ret_words) {
    VEC(char *) words = {0};
    bool whole = true;
    for (size_t at = 0; whole;) {
        while (at < length && (isspace((unsigned char)text[at]) ||
                               (text[at] == '\\' && at + 1 < length && text[at + 1] == '\n')))
            at++;
        if (at >= length)
            break;
        struct buf word = BUF_INIT((size_t)1 << 20);
        whole = word_read(text, length, &at, &word) && !word.overflow;
        *vec_add(&words) = buf_detach(&word);
    }
    *vec_add(&words) = NULL;
    if (!whole || words.count < 2) {
        shell_words_free(words.items);
        return false;
    }
    *ret_words = words.items;
    return true;
}

size_t shell_pipe(const char *text, size_t length) {
    struct shell_state state = shell_begin();
    for (size_t at = 0; at < length; at++) {
        if (text[at] == '|' && state.depth == 0 && !state.escaped && !state.comment &&
            text[at + 1] != '|')
            return at;
        shell_feed(&state, text, at);
    }
    return length;
}
