/* Runs one command for a step: what `shell` and `exec` share. */
#ifndef STEPS_COMMAND_H
#define STEPS_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "step.h"

struct process;

/* The state of an attempt of a step that runs a command. */
struct command_state {
    struct process *process;
    struct step_command command;
    bool is_cancelled;
};

/* Spawns `words` on the step's target; ends in step_done. */
int command_start(struct step_ctx *ctx, const char *const *words, size_t count,
                  struct err *err) MUST_USE;
/* Goes on with the command of an attempt whose engine is gone, or says what became of it. */
int command_settle(struct step_ctx *ctx, const struct step_doubt *doubt, struct err *err) MUST_USE;
void command_cancel(struct step_ctx *ctx);
void command_release(struct step_ctx *ctx);

#endif
