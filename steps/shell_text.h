/* Within the scanner of shell text: where it stands, and what it reads there. */
#ifndef STEPS_SHELL_TEXT_H
#define STEPS_SHELL_TEXT_H

#include "shell_words.h"

enum block_kind { BLOCK_LIST, BLOCK_SUBSHELL, BLOCK_BRACE, BLOCK_IF, BLOCK_LOOP, BLOCK_CASE };

/* What is open. In an and-or list, what stands before `||` and behind it need not run. */
struct block {
    enum block_kind kind;
    bool is_branch;
    bool in_or;
    bool in_pattern; /* of case */
    size_t list;     /* the commands that were known when the list began */
};

struct heredoc {
    char *end;
    bool strips_tabs, expands;
};

struct text {
    struct shell_scan *scan;
    const char *at, *end;
    VEC(struct block) blocks;
    VEC(struct heredoc) heredocs; /* to come behind the line */
    struct shell_line line;
    bool is_function; /* the next block is one's body */
};

char shell_peek(const struct text *text, size_t ahead); /* NUL behind the end */
bool shell_at(const struct text *text, const char *what);
void shell_skip_blanks(struct text *text);
/* What is empty is a character that begins no word. */
struct shell_word shell_read_word(struct text *text);
/* Behind what opens: up to what closes it, `depth` levels up, which is taken. */
void shell_skip_to(struct text *text, char open, char close, int depth);
/* The commands up to a closing parenthesis, which is taken. */
void shell_scan_nested(struct text *text);
/* At `<` or `>` that are no part of a process substitution. */
void shell_scan_redirection(struct text *text);
/* The bodies of here-documents, at the beginning of the line behind theirs. */
void shell_read_heredocs(struct text *text);

/* shell_scan.c: the commands up to the end, or to a parenthesis that closes what was opened before
 * `at`. */
void shell_scan_commands(struct text *text);

#endif
