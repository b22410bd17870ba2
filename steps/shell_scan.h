/* Within the step types that run commands: which commands a shell's text names, found without
 * running any of it. Where the text does not tell, that is said, and nothing guessed. */
#ifndef STEPS_SHELL_SCAN_H
#define STEPS_SHELL_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/vec.h"

struct shell_command {
    char *name;
    bool maybe; /* it stands where the text need not come by: a branch, behind `||`, a function */
    bool has_variables; /* its name is `${BIN}/tool`, for the environment to fill */
};

struct shell_scan {
    VEC(struct shell_command) commands; /* each name once, in order; no builtins, no functions */
    VEC(char *) makes;                  /* names that it installs, or writes as programs */
    VEC(char *) doubts;                 /* what could not be told, a line each */
    /* It changes what names mean: PATH, aliases, what it reads with `source` or `eval`. */
    bool renames;
    bool moves; /* it changes the folder: where relative paths lead is not known */
    /* private */
    VEC(char *) functions;
    VEC(char *) assigned; /* variables that it sets itself */
    int depth, branches;
};

/* Of a text for bash or sh. */
void shell_scan_text(struct shell_scan *scan, const char *text, size_t length);
/* Of a command's words; NULL stands for one that is not known. */
void shell_scan_words(struct shell_scan *scan, const char *const *words, size_t count);
/* Takes out what the text defines itself; to be called behind those above. */
void shell_scan_end(struct shell_scan *scan);
void shell_scan_release(struct shell_scan *scan);

/* Whether texts for this shell can be scanned: "bash", "/bin/sh", … */
bool shell_is_known(const char *shell);

#endif
