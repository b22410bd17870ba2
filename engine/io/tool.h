/* A short command whose whole answer is wanted: its input, its output, a time limit. */
#ifndef IO_TOOL_H
#define IO_TOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "io/loop.h"

#define TOOL_OUTPUT_MAX ((size_t)1 << 20) /* bytes of each stream; what is more is an error */

struct tool_spec {
    const char *const *argv;
    const char *const *env; /* NULL: the engine's */
    const char *input;      /* copied */
    size_t input_length;
    int64_t timeout_ms;
    /* A person may be asked for a passphrase: the streams are the engine's, and nothing is read. */
    bool inherit_terminal;
};

/* Valid during the call that hands it out. */
struct tool_answer {
    int code; /* the exit status; -1 where a signal or the time limit ended it */
    const char *out;
    size_t length;
    const char *said; /* the last line on its standard error, or else what became of it */
};

struct tool;
/* `ended` is called once. Freed before that, the process belongs to the loop, which must not run
 * any more but only be freed. */
int tool_start(struct loop *loop, const struct tool_spec *spec,
               void (*ended)(void *user, const struct tool_answer *answer), void *user,
               struct tool **ret, struct err *err) MUST_USE;
void tool_free(struct tool *tool);
/* Kills it; `ended` follows. */
void tool_cancel(struct tool *tool);

/* Starts and waits, on a loop of nothing else. An exit status other than 0 is no error: it is
 * returned. -1 where it could not be started, or did not end by itself; `out` gets its output, and
 * `err` for each status but 0 what it said. */
int tool_run(struct loop *loop, const struct tool_spec *spec, struct buf *out,
             struct err *err) MUST_USE;

#endif
