/* Help and the man page, made from the tables of commands. */
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include "base/buf.h"
#include "cli/opts.h"

/* `columns` 0 is a page of 80. */
void help_overview(struct buf *out, size_t columns);
void help_command(struct buf *out, const struct command *command, size_t columns);
/* runbook.1 in roff. */
void help_man(struct buf *out);

/* Completion scripts for the two shells. */
void completion_bash(struct buf *out);
void completion_zsh(struct buf *out);

#endif
