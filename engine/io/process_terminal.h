/* A process that gets our terminal, as a shell beside a failed step does: our own child, of which
 * only the end is waited for; for the process room only. */
#ifndef IO_PROCESS_TERMINAL_H
#define IO_PROCESS_TERMINAL_H

#include <sys/types.h>

#include "io/process.h"

/* `program` is where it was found. Returns 0 and *ret, or an errno. `ended` is called once; what
 * it gets of the terminal is taken back before. */
struct terminal;
int terminal_spawn(struct loop *loop, const struct process_spec *spec, const char *program,
                   void (*ended)(void *user, const struct process_exit *exit), void *user,
                   struct terminal **ret);
pid_t terminal_pid(const struct terminal *terminal);
/* SIGTERM, SIGKILL after `grace_ms`, to its group. */
void terminal_kill(struct terminal *terminal, int64_t grace_ms);
/* Whether it has ended or not; then nothing is left of it that we would wait for. */
void terminal_free(struct terminal *terminal);

#endif
