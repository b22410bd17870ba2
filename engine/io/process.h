/* Child processes: spawned without copying page tables (posix_spawn), reaped by pidfd on the
 * loop, killed with everything they started.
 *
 * Each child leads a session of its own. The engine is a child subreaper, so that orphans come
 * to it: they are known by session, else by the token in their environment. When a process is
 * freed, nothing that it started is left. */
#ifndef IO_PROCESS_H
#define IO_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/loop.h"

#define PROCESS_TOKEN "RUNBOOK_TOKEN" /* the environment variable that names the owner */

struct process_exit {
    int code;   /* 0..255; -1 where a signal ended it */
    int signum; /* the signal, else 0 */
    int left;   /* processes of its tree that could not be killed (other users', hung in the kernel)
                 */
};

struct process_spec {
    const char *const *argv; /* argv[0] is looked up on the PATH of `env` */
    const char *const *env;  /* holds PROCESS_TOKEN=token */
    const char *token;
    const char *cwd;   /* NULL: the engine's */
    const char *input; /* copied, written to stdin, then closed; NULL: /dev/null */
    size_t input_length;
    bool inherit_terminal; /* stdin, stdout, stderr are the engine's; no session of its own */
    /* stream is 1 or 2; `bytes` are valid during the call only. */
    void (*output)(void *user, int stream, const char *bytes, size_t length);
    /* Called once, when the process has ended, everything it started has ended, and its output
     * was read to the end. What it leaves behind gets SIGTERM, and SIGKILL after `grace_ms`. With
     * `keep_orphans` what an exit 0 leaves behind lives on as the process, until it ends by itself
     * or by process_kill: a command that starts a daemon. */
    void (*ended)(void *user, const struct process_exit *exit);
    int64_t grace_ms; /* 0: SIGKILL at once */
    bool keep_orphans;
    void *user;
};

struct process;
/* Command not found, not executable, or folder missing is an error with a hint. */
int process_spawn(struct loop *loop, const struct process_spec *spec, struct process **ret,
                  struct err *err) MUST_USE;
int64_t process_pid(const struct process *process);
/* SIGTERM to all of its tree (a stopped one is continued), SIGKILL after `grace_ms`. `ended`
 * follows. Calling it again with a smaller grace shortens the wait. */
void process_kill(struct process *process, int64_t grace_ms);
/* Behind `ended` only. */
void process_free(struct process *process);

/* Kills what is left of all processes of this loop, now; for the last moment of the engine. */
void process_kill_all(struct loop *loop);

/* Where `name` is on a PATH of that value (NULL: the usual folders), or the path itself where it
 * has a slash and can be executed; the caller frees; NULL where it is not. */
char *process_which(const char *name, const char *path_variable);

#endif
