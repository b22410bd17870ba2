/* How a shell reads a text, as far as it matters where one command ends and what is quoted. */
#ifndef CLI_IMPORT_SHELL_H
#define CLI_IMPORT_SHELL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/vec.h"

#define SHELL_DEPTH 32

struct shell_state {
    char stack[SHELL_DEPTH]; /* what is open: ' " ( ` { */
    unsigned depth;
    unsigned compounds; /* if, for, case, { without their ends */
    bool escaped, comment, at_command;
    bool continued; /* a backslash stood at the end of the line above */
    char word[16];  /* the beginning of the word being read */
    unsigned word_length;
    char here[64]; /* the word that ends a here-document; "" where there is none */
    bool here_open, here_quoted, here_begins;
};

struct shell_state shell_begin(void);
/* Reads the character at `at`; what it says before is how that character is read. */
void shell_feed(struct shell_state *state, const char *text, size_t at);
/* Whether a command goes on behind this place. */
bool shell_is_inside(const struct shell_state *state);
bool shell_is_single(const struct shell_state *state);
bool shell_is_double(const struct shell_state *state);

struct shell_line {
    const char *text;
    size_t length;
    bool blank, comment;
    bool inside; /* it belongs to the command of a line above */
};
typedef VEC(struct shell_line) shell_lines;
/* The caller ends the list with vec_release. */
void shell_split(const char *text, shell_lines *ret);

/* One simple command's words without their quotes; false where it is more than that: operators,
 * expansions, globs. NULL-terminated; all freed by shell_words_free. */
bool shell_words(const char *text, size_t length, char ***ret_words);
void shell_words_free(char **words);
/* Where the first `|` stands that is a pipe; `length` where there is none. */
size_t shell_pipe(const char *text, size_t length);

#endif
