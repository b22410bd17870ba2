/* The file `exits` of a run: what was begun by its guard and how it ended, for an engine that
 * comes when the guard has gone. A line each, appended by the guard:
 *
 *     boot ID                        once, when the file is made
 *     began TOKEN                    before the command begins
 *     refused TOKEN                  it did not begin after all
 *     ended TOKEN CODE SIGNAL LEFT   as in struct process_exit
 *
 * TOKEN is percent-encoded. What was written but not synced is lost with the machine: therefore
 * a token that is missing proves something only within the boot that the file is of. */
#ifndef GUARD_EXITS_H
#define GUARD_EXITS_H

#include <stdbool.h>

#include "base/err.h"

struct exit_status {
    int code, signum, left;
};

/* Makes it in the folder `dir` (a descriptor), where it is not there yet. Unless the folder is
 * new, too, there was one that went down with the machine: what it held is not known, so that a
 * token that is missing in this one proves nothing. */
int exits_make(int dir, bool is_first, struct err *err) MUST_USE;

/* The guard's: opens it for appending and holds a lock on it; a descriptor, or -1 and errno. */
int exits_open(int dir);
/* 0, or an errno: then nothing of it was written. */
int exits_began(int fd, const char *token) MUST_USE;
int exits_refused(int fd, const char *token);
int exits_ended(int fd, const char *token, const struct exit_status *status);

enum exits_word {
    EXITS_NEVER, /* it was certainly not begun */
    EXITS_BEGAN, /* it may have been, and nobody saw its end */
    EXITS_ENDED,
};
enum exits_word exits_find(int dir, const char *token, struct exit_status *ret);

#endif
