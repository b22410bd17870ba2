/* A shell for the person at the terminal, beside a run that waits for their decision. */
#ifndef CLI_SHELL_H
#define CLI_SHELL_H

#include "base/err.h"
#include "io/loop.h"

struct shell;
/* $SHELL in the engine's folder, with RUNBOOK_RUN_DIR set; the terminal is its own until `over`
 * is called, behind which it is to be freed. NULL and an error where it cannot start. */
struct shell *shell_new(struct loop *loop, const char *run_dir, void (*over)(void *user),
                        void *user, struct err *err);
void shell_free(struct shell *shell);

#endif
