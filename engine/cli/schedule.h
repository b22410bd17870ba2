/* A runbook that runs by itself: what a timer or a crontab must be told. */
#ifndef CLI_SCHEDULE_H
#define CLI_SCHEDULE_H

#include "base/calendar.h"
#include "base/vec.h"
#include "cli/choices.h"

struct schedule {
    const struct plan *plan;
    const struct runbook *runbook;
    struct calendar calendar;    /* of `runbook->schedule` */
    char *program, *file;        /* absolute */
    char *folder;                /* that `runbook schedule` was called in: exec would run there */
    char *store;                 /* absolute */
    char *config;                /* RUNBOOK_CONFIG, absolute, or NULL */
    const char *user;            /* who calls it */
    VEC(char *) words;           /* of the command, behind the program, with the file */
    VEC(const char *) variables; /* that its requirements and secrets read, each once */
    int64_t stop_ms; /* how long it may take to stop; 0: a rollback, with the limits of its steps */
};

/* Everything that is wrong goes to `diag`, steps that nobody can answer among it; -1 then. */
int schedule_init(struct schedule *schedule, const struct plan *plan, const struct choices *choices,
                  bool yes, struct diag *diag) MUST_USE;
void schedule_release(struct schedule *schedule);

/* NAME of what is installed: "runbook-" and the runbook's, so that none of the system's own units
 * is hidden by a runbook called `ssh`. The caller frees. */
char *schedule_name(const struct schedule *schedule);
/* "Restore production" or the name: on one line, safe to show. The caller frees. */
char *schedule_title(const struct schedule *schedule);
/* "A, B and C". The caller frees. */
char *schedule_variables(const struct schedule *schedule);

/* Whether the words can stand in a line of a unit. */
int units_check(const struct schedule *schedule, struct err *err) MUST_USE;
/* For the user's manager, or the system's. */
void unit_service(struct buf *out, const struct schedule *schedule, bool is_users);
void unit_timer(struct buf *out, const struct schedule *schedule);

/* The line with its comments. An error where cron cannot say it. */
int crontab_put(struct buf *out, const struct schedule *schedule, struct err *err) MUST_USE;

#endif
