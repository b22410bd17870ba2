/* Commands and their options as tables: parsing, help, completion and the man page come from
 * them. A command is a const descriptor at the end of its cmd_NAME.c and one pointer in
 * commands.c. */
#ifndef CLI_OPTS_H
#define CLI_OPTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* What stands at an option's `offset` in the command's options. */
enum option_kind {
    OPTION_END,
    OPTION_FLAG,    /* bool */
    OPTION_TEXT,    /* const char *, NULL where absent; given twice is an error */
    OPTION_LIST,    /* const char *const *, NULL-terminated; NULL where absent */
    OPTION_INTEGER, /* int64_t within minimum..maximum; 0 where absent */
    OPTION_CHOICE,  /* int: index into `choices` plus 1; 0 where absent */
};

/* What a word is, so that a shell can complete it. */
enum word_kind { WORD_ANY, WORD_FILE, WORD_RUN, WORD_COMMAND, WORD_CHOICE };

struct option {
    const char *name; /* without the dashes */
    char letter;      /* 0: none */
    enum option_kind kind;
    size_t offset;
    const char *argument; /* how help calls its value; NULL for flags */
    const char *doc;      /* without a final full stop */
    enum word_kind word;
    const char *const *choices; /* NULL-terminated */
    int64_t minimum, maximum;
};

struct example {
    const char *line; /* what is typed behind `runbook ` */
    const char *doc;
};

struct invocation {
    void *options; /* `command->size` bytes */
    const char **operands;
    size_t operand_count; /* within what the command takes */
    bool help;            /* --help was asked for; nothing else was checked */
    void **owned;         /* of lists, NULL-terminated */
};

#define OPERANDS_ANY SIZE_MAX

struct command {
    const char *name;
    const char *summary;  /* one line, without a final full stop */
    const char *operands; /* for the usage line, e.g. "FILE..."; NULL: none */
    const char *about;    /* paragraphs, separated by empty lines; may be NULL */
    size_t least, most;   /* operands */
    enum word_kind word;  /* of operands */
    const char *const *choices;
    const struct option *options;   /* ends with OPTION_END; NULL: none */
    size_t size;                    /* of the struct they fill */
    const struct example *examples; /* ends with a NULL line; may be NULL */
    /* Returns the exit status; has printed what was wrong. */
    int (*run)(const struct invocation *invocation);
};

/* NULL-terminated, in the order of help; in commands.c. */
extern const struct command *const commands[];
/* NULL where unknown. */
const struct command *command_find(const char *name);
/* As command_find, with an error that suggests. */
int command_require(const char *name, const struct command **ret, struct err *err) MUST_USE;

/* Parses what follows the command's name. Borrows argv; the caller releases. */
int invocation_parse(const struct command *command, size_t argc, char *const *argv,
                     struct invocation *ret, struct err *err) MUST_USE;
void invocation_release(struct invocation *invocation);

#endif
