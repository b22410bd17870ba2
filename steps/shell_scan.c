/* A walk through a shell's text, as far as it must be understood to know where commands stand:
 * lists, compound commands, functions. What is wrong with its syntax is the shell's own to say. */
#include "shell_scan.h"

#include <ctype.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "shell_text.h"

#define DEPTH_CEILING 32

/* ---- lists ---------------------------------------------------------------------------------- */

static struct block *innermost(struct text *text) {
    return vec_last(&text->blocks);
}

static void line_end(struct text *text) {
    if (text->line.words.count)
        shell_words_find(text->scan, text->line.words.items, text->line.words.count);
    shell_line_clear(&text->line);
}

static void list_end(struct text *text) {
    struct block *block = innermost(text);
    line_end(text);
    text->scan->branches -= block->in_or;
    block->in_or = false;
    block->list = text->scan->commands.count;
}

static void list_doubt(struct text *text) {
    struct block *block = innermost(text);
    text->scan->branches += !block->in_or;
    block->in_or = true;
}

/* `a || b`: neither is sure to be needed. */
static void list_or(struct text *text) {
    line_end(text);
    for (size_t i = innermost(text)->list; i < text->scan->commands.count; i++)
        text->scan->commands.items[i].maybe = true;
    list_doubt(text);
}

static void block_open(struct text *text, enum block_kind kind) {
    bool is_branch = kind == BLOCK_IF || kind == BLOCK_CASE || text->is_function;
    *vec_add(&text->blocks) =
        (struct block){.kind = kind, .is_branch = is_branch, .list = text->scan->commands.count};
    text->scan->branches += is_branch;
    text->is_function = false;
}

/* What does not fit is a mistake that the shell tells. */
static void block_close(struct text *text, enum block_kind kind) {
    list_end(text);
    if (text->blocks.count < 2 || innermost(text)->kind != kind)
        return;
    text->scan->branches -= innermost(text)->is_branch;
    text->blocks.count--;
}

/* ---- compound commands ---------------------------------------------------------------------- */

static void function_add(struct text *text, const char *name) {
    *vec_add(&text->scan->functions) = mem_strdup(name);
    text->is_function = true;
    shell_skip_blanks(text);
    if (shell_peek(text, 0) == '(') {
        text->at++;
        shell_skip_blanks(text);
        text->at += shell_peek(text, 0) == ')';
    }
}

static void scan_function(struct text *text) {
    shell_skip_blanks(text);
    struct shell_word name = shell_read_word(text);
    function_add(text, name.text);
    mem_free(name.text);
}

/* `for x in words` and `select`: up to the end of the words. */
static void scan_for(struct text *text) {
    block_open(text, BLOCK_LOOP);
    shell_skip_blanks(text);
    if (shell_at(text, "((")) {
        text->at += 2;
        shell_skip_to(text, '(', ')', 2);
        return;
    }
    while (shell_skip_blanks(text), text->at < text->end && !strchr("\n;&|()", *text->at)) {
        const char *begin = text->at;
        struct shell_word word = shell_read_word(text);
        bool is_do = word.is_bare && text_equal(word.text, "do");
        shell_assigned(text->scan, word.text);
        mem_free(word.text);
        if (is_do || text->at == begin) {
            text->at = begin + (is_do ? 0 : 1);
            return;
        }
    }
}

static void scan_case(struct text *text) {
    block_open(text, BLOCK_CASE);
    shell_skip_blanks(text);
    mem_free(shell_read_word(text).text);
    while (text->at < text->end && isspace((unsigned char)*text->at))
        text->at++;
    if (shell_at(text, "in"))
        text->at += 2;
    innermost(text)->in_pattern = true;
}

/* The patterns of a case up to their parenthesis, or its end. */
static void scan_pattern(struct text *text) {
    while (text->at < text->end && (isspace((unsigned char)*text->at) || strchr("(|", *text->at)))
        text->at++;
    if (text->at >= text->end)
        return;
    if (*text->at == '#') {
        const char *stop = memchr(text->at, '\n', (size_t)(text->end - text->at));
        text->at = stop ? stop : text->end;
        return;
    }
    const char *begin = text->at;
    struct shell_word word = shell_read_word(text);
    bool is_end = word.is_bare && text_equal(word.text, "esac");
    mem_free(word.text);
    shell_skip_blanks(text);
    if (is_end && shell_peek(text, 0) != ')') {
        innermost(text)->in_pattern = false;
        block_close(text, BLOCK_CASE);
    } else if (shell_peek(text, 0) == ')') {
        text->at++;
        innermost(text)->in_pattern = false;
    } else if (text->at == begin) {
        text->at++;
    }
}

/* `[[ … ]]`, in which operators are none of the shell's. */
static void scan_condition(struct text *text) {
    bool is_over = false;
    while (!is_over && text->at < text->end) {
        const char *begin = text->at;
        struct shell_word word = shell_read_word(text);
        is_over = word.is_bare && text_equal(word.text, "]]");
        mem_free(word.text);
        text->at += text->at == begin;
    }
}

static bool scan_reserved(struct text *text, const char *word) {
    static const char *const silent[] = {"then", "elif", "else", "do", "time", "coproc"};
    static const struct {
        const char *word;
        enum block_kind kind;
    } closers[] = {
        {"fi", BLOCK_IF}, {"done", BLOCK_LOOP}, {"}", BLOCK_BRACE}, {"esac", BLOCK_CASE}};
    for (size_t i = 0; i < sizeof silent / sizeof *silent; i++)
        if (text_equal(silent[i], word))
            return true;
    for (size_t i = 0; i < sizeof closers / sizeof *closers; i++)
        if (text_equal(closers[i].word, word)) {
            block_close(text, closers[i].kind);
            return true;
        }
    if (text_equal(word, "!"))
        list_doubt(text);
    else if (text_equal(word, "{"))
        block_open(text, BLOCK_BRACE);
    else if (text_equal(word, "if"))
        block_open(text, BLOCK_IF);
    else if (text_equal(word, "while") || text_equal(word, "until"))
        block_open(text, BLOCK_LOOP);
    else if (text_equal(word, "for") || text_equal(word, "select"))
        scan_for(text);
    else if (text_equal(word, "case"))
        scan_case(text);
    else if (text_equal(word, "function"))
        scan_function(text);
    else if (text_equal(word, "[["))
        scan_condition(text);
    else
        return false;
    return true;
}

/* ---- the walk ------------------------------------------------------------------------------- */

static bool is_assignment(const struct shell_word *word) {
    const char *text = word->text;
    size_t length = 0;
    while (isalnum((unsigned char)text[length]) || text[length] == '_')
        length++;
    if (!length || isdigit((unsigned char)*text))
        return false;
    if (text[length] == '[')
        length += strcspn(text + length, "]") + 1;
    return text[length] == '=' || (text[length] == '+' && text[length + 1] == '=');
}

static void scan_word(struct text *text) {
    struct shell_word word = shell_read_word(text);
    bool is_first = !text->line.words.count;
    /* 2>file: the number is the redirection's. */
    bool is_number = word.is_bare && shell_peek(text, 0) && strchr("<>", shell_peek(text, 0)) &&
                     strspn(word.text, "0123456789") == strlen(word.text);
    if (is_first && word.is_bare && word.is_literal && scan_reserved(text, word.text)) {
        mem_free(word.text);
        return;
    }
    if (is_first && is_assignment(&word)) {
        text->scan->renames |= text_starts_with(word.text, "PATH=");
        shell_assigned(text->scan, word.text);
        mem_free(word.text);
        return;
    }
    shell_skip_blanks(text);
    if (is_first && word.is_literal && shell_peek(text, 0) == '(') {
        function_add(text, word.text);
        mem_free(word.text);
    } else if (is_number) {
        mem_free(word.text);
    } else {
        *vec_add(&text->line.words) = word;
    }
}

static void scan_substitution(struct text *text) {
    text->at += 2;
    shell_scan_nested(text);
    *vec_add(&text->line.words) = (struct shell_word){.text = mem_strdup("")};
}

static void scan_semicolon(struct text *text) {
    list_end(text);
    bool is_case = shell_at(text, ";;") || shell_at(text, ";&");
    text->at += is_case ? 2 : 1;
    if (is_case && shell_peek(text, 0) == '&')
        text->at++;
    if (is_case && innermost(text)->kind == BLOCK_CASE)
        innermost(text)->in_pattern = true;
}

static void scan_operator(struct text *text) {
    if (shell_at(text, "||")) {
        list_or(text);
        text->at += 2;
    } else if (shell_at(text, "&&") || shell_at(text, "|&")) {
        line_end(text);
        text->at += 2;
    } else if (shell_at(text, "&>") || shell_at(text, ">&")) {
        text->at++;
        shell_scan_redirection(text);
    } else if (*text->at == '|') {
        line_end(text);
        text->at++;
    } else if (*text->at == '&') {
        list_end(text);
        text->at++;
    } else {
        scan_semicolon(text);
    }
}

static void scan_open(struct text *text) {
    if (shell_at(text, "((") && !text->line.words.count) {
        text->at += 2;
        shell_skip_to(text, '(', ')', 2);
        return;
    }
    line_end(text);
    block_open(text, BLOCK_SUBSHELL);
    text->at++;
}

/* False at the parenthesis that closes what is being walked. */
static bool scan_next(struct text *text) {
    char c = *text->at;
    if (c == '#') {
        const char *stop = memchr(text->at, '\n', (size_t)(text->end - text->at));
        text->at = stop ? stop : text->end;
    } else if (c == '\n') {
        list_end(text);
        text->at++;
        shell_read_heredocs(text);
    } else if (innermost(text)->in_pattern) {
        scan_pattern(text);
    } else if (shell_at(text, "<(") || shell_at(text, ">(")) {
        scan_substitution(text);
    } else if (c == '(') {
        scan_open(text);
    } else if (c == ')' && text->blocks.count == 1) {
        return false;
    } else if (c == ')') {
        block_close(text, BLOCK_SUBSHELL);
        text->at++;
    } else if (strchr("|&;", c)) {
        scan_operator(text);
    } else if (strchr("<>", c)) {
        shell_scan_redirection(text);
    } else {
        scan_word(text);
    }
    return true;
}

void shell_scan_commands(struct text *text) {
    while (shell_skip_blanks(text), text->at < text->end && scan_next(text))
        continue;
    while (text->blocks.count > 1)
        block_close(text, innermost(text)->kind);
    list_end(text);
    for (size_t i = 0; i < text->heredocs.count; i++)
        mem_free(text->heredocs.items[i].end);
    vec_release(&text->heredocs);
    vec_release(&text->line.words);
    vec_release(&text->blocks);
}

void shell_scan_text(struct shell_scan *scan, const char *bytes, size_t length) {
    struct text text = {.scan = scan, .at = bytes, .end = bytes + length};
    if (scan->depth >= DEPTH_CEILING) {
        shell_doubt(scan, "what is nested deeper than %d", DEPTH_CEILING);
        return;
    }
    scan->depth++;
    /* A parenthesis too many is passed over: what stands behind it is there all the same. */
    while (text.at < text.end) {
        *vec_add(&text.blocks) = (struct block){.list = scan->commands.count};
        shell_scan_commands(&text);
        text.at += text.at < text.end;
    }
    scan->depth--;
}
