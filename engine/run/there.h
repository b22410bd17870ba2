/* What runs at the other side of a target: a shell there reads one line and evaluates it, so that
 * neither values nor secrets stand on a command line; what follows the line is the command's own
 * input. The line is a small supervisor: it says in its standard error that the command begins and
 * how it ended, sends what was written to RUNBOOK_OUTPUT, and ends what the command left behind.
 *
 * What it says begins with the marker. Behind it stands, each on a line:
 *     begun              the command is being started; said on standard output, too, since a
 *                        launcher that drops one of them must not seem to have begun nothing
 *     not folder         it is not: there is no such folder; or
 *     not command        there is no such command
 *     end STATUS BYTES   it ended, as a shell's $?; so many bytes of its outputs follow the line
 */
#ifndef RUN_THERE_H
#define RUN_THERE_H

#include "base/buf.h"

/* The text for `sh -c`: it has no single quote. */
extern const char there_receiver[];

struct there_command {
    const char *token;
    const char *cwd; /* NULL: where the launcher puts it */
    const char *const *words;
    size_t count;
    char *const *variables; /* "NAME=value" */
    size_t variable_count;
    int64_t grace_ms;
    bool keep_orphans; /* behind an exit 0 it goes on until what it left behind has ended */
};
void there_write(struct buf *out, const struct there_command *command);
/* Ends what the command of that token left, by another way to the same target. It prints `reached`,
 * then `left N`: so many of its processes could not be ended; `blind` where nobody can tell. */
void there_write_end(struct buf *out, const char *token, int64_t grace_ms);
/* The caller frees. */
char *there_marker(const char *token);

#endif
