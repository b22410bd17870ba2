/* Runs one command for a step: what `shell` and `exec` share. */
#ifndef STEPS_COMMAND_H
#define STEPS_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "shell_scan.h"
#include "step.h"

struct launch;
struct command_look; /* of a rehearsal */

/* The state of an attempt of a step that runs a command. */
struct command_state {
    struct launch *launch; /* the first, as it looks for itself here */
    struct command_look *look;
    bool is_resumed;
    bool is_over; /* its end is on its way without the launch */
};

/* Spawns `words` on the step's target; ends in step_done. */
int command_start(struct step_ctx *ctx, const char *const *words, size_t count,
                  struct err *err) MUST_USE;
/* Goes on with the command of an attempt whose engine is gone, or says what became of it. */
int command_settle(struct step_ctx *ctx, const struct step_doubt *doubt, struct err *err) MUST_USE;
/* Looks for the commands that were scanned, where the step would run, and has `shell` read `text`,
 * which are NULL where there is none: the step is a list of words, or its shell is not known. */
int command_rehearse(struct step_ctx *ctx, struct shell_scan *scan_taken, const char *shell,
                     const char *text, struct err *err) MUST_USE;
void command_look_free(struct command_look *look); /* NULL is legal */
/* Tells a plan the commands that were scanned. */
void command_demand(struct shell_scan *scan, const struct step_demand *demand);
void command_cancel(struct step_ctx *ctx);
void command_release(struct step_ctx *ctx);

#endif
