/* Processes: begun, watched and ended by the guard of the run (engine/guard), so that they go on
 * where the engine dies, and killed with everything they started.
 *
 * Each leads a session of its own. The guard is a child subreaper, so that orphans come to it: they
 * are known by session, else by the token in their environment. When a process is freed, nothing
 * that it started is left. The guard begins with the first process and ends with the loop. */
#ifndef IO_PROCESS_H
#define IO_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "guard/token.h"
#include "io/loop.h"

struct process_exit {
    int code;   /* 0..255; -1 where a signal ended it */
    int signum; /* the signal, else 0 */
    int left;   /* processes of its tree that could not be killed (other users', hung in the kernel)
                 */
    bool lost;  /* the guard died first, and nobody knows how it ended; `code` is -1 */
    struct err *refused; /* why it did not begin; may be moved; NULL: it did */
};

struct process_spec {
    const char *const *argv; /* argv[0] is looked up on the PATH of `env` */
    const char *const *env;  /* holds PROCESS_TOKEN=token */
    const char *token;
    const char *cwd;   /* NULL: the engine's */
    const char *input; /* copied: stdin is a file of it, to be read only; NULL: /dev/null */
    size_t input_length;
    /* stdin, stdout, stderr are the engine's; no session of its own, no guard: only its own end is
     * waited for. */
    bool inherit_terminal;
    /* stream is 1 or 2; `bytes` are valid during the call only. */
    void (*output)(void *user, int stream, const char *bytes, size_t length);
    /* Called once, when the process has ended, everything it started has ended, and its output
     * was read to the end. What it leaves behind gets SIGTERM, and SIGKILL after `grace_ms`. With
     * `keep_orphans` what an exit 0 leaves behind lives on as the process, until it ends by itself
     * or by process_kill: a command that starts a daemon. */
    void (*ended)(void *user, const struct process_exit *exit);
    int64_t grace_ms; /* 0: SIGKILL at once */
    bool keep_orphans;
    /* Others use it, and it does nothing by itself: where the engine dies it does not go on behind
     * the last process that is none. */
    bool is_aid;
    void *user;
};

/* Keeps what a later engine needs in the folder `dir`, which is made: from here on commands survive
 * this engine. Call it while nothing runs. */
int process_guard(struct loop *loop, const char *dir, struct err *err) MUST_USE;

struct process;
/* Command not found or folder missing is an error with a hint. What only the kernel can refuse (not
 * executable, too large, no more processes) is told by `ended`: nobody waits for it here. */
int process_spawn(struct loop *loop, const struct process_spec *spec, struct process **ret,
                  struct err *err) MUST_USE;
/* 0 until the guard has told it, which it does of what runs for a while. */
int64_t process_pid(const struct process *process);
/* Where to go on with what an engine began that is gone, known by spec->token. */
enum process_found {
    PROCESS_FOUND,         /* *ret is as if spawned: what it wrote meanwhile comes by `output` */
    PROCESS_ENDED_EARLIER, /* *ret yields how it ended; what it wrote is lost */
    PROCESS_NEVER_BEGAN,   /* certainly; *ret is NULL */
    PROCESS_LOST,          /* it may have begun, and nobody knows how it ended; *ret is NULL */
};
/* Needs process_guard. Another engine that has the run is an error (ERR_BUSY). */
int process_attach(struct loop *loop, const struct process_spec *spec, struct process **ret,
                   enum process_found *ret_found, struct err *err) MUST_USE;
/* SIGTERM to all of its tree (a stopped one is continued), SIGKILL after `grace_ms`. `ended`
 * follows. Calling it again with a smaller grace shortens the wait. */
void process_kill(struct process *process, int64_t grace_ms);
/* Behind `ended` only. */
void process_free(struct process *process);

/* Kills what is left of all processes of this loop, now; for the last moment of the engine. */
void process_kill_all(struct loop *loop);

/* Has the guard remember a text for the engine that goes on after this one's death: in its memory,
 * as it may be a secret. Without process_guard nobody could ask for it, and nothing is done. */
int process_keep(struct loop *loop, const char *bytes, size_t length, struct err *err) MUST_USE;
/* All that was kept, one behind the other; the caller wipes and frees. *ret_length is 0 where
 * nothing was, or where the guard is gone. */
int process_kept(struct loop *loop, char **ret, size_t *ret_length, struct err *err) MUST_USE;

/* Leaves the guard as it is, with all that it looks after, for the engine that comes next. */
void process_let_go(struct loop *loop);

/* The guard itself; 0 where none runs. */
int64_t process_guard_pid(struct loop *loop);

/* Where `name` is on a PATH of that value (NULL: the usual folders), or the path itself where it
 * has a slash and can be executed; the caller frees; NULL where it is not. */
char *process_which(const char *name, const char *path_variable);

#endif
