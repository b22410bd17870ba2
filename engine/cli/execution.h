/* Carrying a run out in front of a person: what exec, resume and rollback share. */
#ifndef CLI_EXECUTION_H
#define CLI_EXECUTION_H

#include "cli/opts.h"
#include "run/past.h"
#include "run/run.h"

enum durability { DURABILITY_DISK = 1, DURABILITY_PROCESS };

struct execution {
    int64_t jobs;
    int durability; /* enum durability */
    int on_failure;
    bool yes, json, quiet, cancel_running;
};

extern const char *const execution_durabilities[];
extern const char *const execution_failures[];

#define EXECUTION_AT(type, member) .offset = offsetof(type, execution.member)

/* Entries of an option table whose struct `type` has a member `struct execution execution`. */
#define EXECUTION_OPTIONS(type)                                                                    \
    {.name = "jobs",                                                                               \
     .letter = 'j',                                                                                \
     .kind = OPTION_INTEGER,                                                                       \
     EXECUTION_AT(type, jobs),                                                                     \
     .argument = "N",                                                                              \
     .minimum = 1,                                                                                 \
     .maximum = 4096,                                                                              \
     .doc = "run at most so many steps at once; 64 if unsaid"},                                    \
        {.name = "yes",                                                                            \
         .letter = 'y',                                                                            \
         .kind = OPTION_FLAG,                                                                      \
         EXECUTION_AT(type, yes),                                                                  \
         .doc = "open gates that name nobody; those that name approvers still wait for them"},     \
        {.name = "on-failure",                                                                     \
         .kind = OPTION_CHOICE,                                                                    \
         EXECUTION_AT(type, on_failure),                                                           \
         .argument = "WHAT",                                                                       \
         .choices = execution_failures,                                                            \
         .doc = "what follows when a step failed; if unsaid, a person is asked where a terminal "  \
                "is, and else the step's own on_failure holds"},                                   \
        {.name = "cancel-running",                                                                 \
         .kind = OPTION_FLAG,                                                                      \
         EXECUTION_AT(type, cancel_running),                                                       \
         .doc = "when a step failed, stop those that run beside it instead of waiting for them"},  \
        {.name = "durability",                                                                     \
         .kind = OPTION_CHOICE,                                                                    \
         EXECUTION_AT(type, durability),                                                           \
         .argument = "HOW",                                                                        \
         .choices = execution_durabilities,                                                        \
         .doc = "what the transcript survives: the end of the machine (disk), or of the process "  \
                "only, which is faster; disk if unsaid"},                                          \
        {.name = "json",                                                                           \
         .kind = OPTION_FLAG,                                                                      \
         EXECUTION_AT(type, json),                                                                 \
         .doc = "print the transcript's records as they are written, one JSON object a line"},     \
    {                                                                                              \
        .name = "quiet", .letter = 'q', .kind = OPTION_FLAG, EXECUTION_AT(type, quiet),            \
        .doc = "print only what went wrong"                                                        \
    }

/* Whether somebody is there who can answer. */
bool execution_is_interactive(const struct execution *options);
/* 0, or the exit status where options exclude each other, which was told. */
int execution_check(const struct execution *options);
/* Runs it to its end and returns the exit status. `what` says what; the rest is filled in. */
int execution_run(const struct execution *options, const struct run_options *what,
                  struct diag *diag);

#endif
