/* Within the scanner of shell text: the words of a simple command, and what they mean. */
#ifndef STEPS_SHELL_WORDS_H
#define STEPS_SHELL_WORDS_H

#include "shell_scan.h"

/* A word as it is written, and as the command would get it. */
struct shell_word {
    char *text;      /* without its quotes; where something in it is computed, as it is written */
    bool is_literal; /* nothing in it is computed */
    bool is_plain;   /* what is computed is the value of variables: "$BIN/tool" */
    bool is_bare;    /* nothing in it is quoted: it may be a reserved word */
};

struct shell_line {
    VEC(struct shell_word) words;
};
void shell_line_clear(struct shell_line *line);

/* Adds the commands that the words would run: the first, and those it hands the rest to. */
void shell_words_find(struct shell_scan *scan, const struct shell_word *words, size_t count);

void shell_doubt(struct shell_scan *scan, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* A variable is set: of the text only the name counts that it begins with. */
void shell_assigned(struct shell_scan *scan, const char *text);
bool shell_is_builtin(const char *name);

/* shell_makes.c: notes the commands that the words would bring: packages, files that they write. */
void shell_makes_find(struct shell_scan *scan, const struct shell_word *words, size_t count);
/* A file is written: its name counts where it stands in a folder of programs. NULL is legal. */
void shell_made(struct shell_scan *scan, const char *path);

#endif
