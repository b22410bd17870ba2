/* The options that decide what is planned: `exec` and `plan` take the same. */
#ifndef CLI_CHOICES_H
#define CLI_CHOICES_H

#include <stddef.h>

#include "cli/opts.h"
#include "plan/plan.h"

struct choices {
    const char *const *set;
    const char *params_file;
    const char *profile;
    const char *const *only, *const *skip;
    const char *from;
};

#define CHOICES_AT(type, member) .offset = offsetof(type, choices.member)

/* Entries of an option table whose struct `type` has a member `struct choices choices`. */
#define CHOICES_OPTIONS(type)                                                                      \
    {.name = "set",                                                                                \
     .letter = 's',                                                                                \
     .kind = OPTION_LIST,                                                                          \
     CHOICES_AT(type, set),                                                                        \
     .argument = "NAME=VALUE",                                                                     \
     .doc = "give a parameter its value"},                                                         \
        {.name = "params",                                                                         \
         .kind = OPTION_TEXT,                                                                      \
         CHOICES_AT(type, params_file),                                                            \
         .argument = "FILE",                                                                       \
         .word = WORD_FILE,                                                                        \
         .doc = "take parameters from a YAML or JSON file; --set goes before it"},                 \
        {.name = "profile",                                                                        \
         .letter = 'p',                                                                            \
         .kind = OPTION_TEXT,                                                                      \
         CHOICES_AT(type, profile),                                                                \
         .argument = "NAME",                                                                       \
         .doc = "use a named set of parameters, databases, targets and secrets of the runbook"},   \
        {.name = "only",                                                                           \
         .kind = OPTION_LIST,                                                                      \
         CHOICES_AT(type, only),                                                                   \
         .argument = "STEP",                                                                       \
         .doc = "leave out all steps but this one"},                                               \
        {.name = "from",                                                                           \
         .kind = OPTION_TEXT,                                                                      \
         CHOICES_AT(type, from),                                                                   \
         .argument = "STEP",                                                                       \
         .doc = "begin at this step and leave out those before it"},                               \
    {                                                                                              \
        .name = "skip", .kind = OPTION_LIST, CHOICES_AT(type, skip), .argument = "STEP",           \
        .doc = "leave out this step"                                                               \
    }

/* What plan_new() wants to know; the caller adds who answers prompts. */
static inline struct plan_options choices_plan(const struct choices *choices, const char *path) {
    return (struct plan_options){
        .path = path,
        .profile = choices->profile,
        .params_file = choices->params_file,
        .set = choices->set,
        .only = choices->only,
        .skip = choices->skip,
        .from = choices->from,
    };
}

#endif
