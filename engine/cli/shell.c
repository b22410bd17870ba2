#include "cli/shell.h"

#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "base/vec.h"
#include "io/process.h"

struct shell {
    struct process *process;
    bool ended;
    void (*over)(void *user);
    void *user;
};

static void shell_ended(void *user, const struct process_exit *end) {
    (void)end;
    struct shell *shell = user;
    shell->ended = true;
    shell->over(shell->user);
}

static int shell_spawn(struct shell *shell, struct loop *loop, const char *run_dir,
                       struct err *err) {
    VEC(const char *) env = {0};
    for (char **variable = environ; *variable; variable++) {
        if (!text_starts_with(*variable, PROCESS_TOKEN "=")) {
            *vec_add(&env) = *variable;
        }
    }
    AUTO_TEXT token = mem_printf(PROCESS_TOKEN "=shell-%ld", (long)getpid());
    AUTO_TEXT dir = mem_printf("RUNBOOK_RUN_DIR=%s", run_dir);
    *vec_add(&env) = token;
    *vec_add(&env) = dir;
    *vec_add(&env) = NULL;
    const char *name = getenv("SHELL");
    const struct process_spec spec = {
        .argv = (const char *const[]){name && *name ? name : "/bin/sh", NULL},
        .env = env.items,
        .token = token + strlen(PROCESS_TOKEN "="),
        .inherit_terminal = true,
        .ended = shell_ended,
        .user = shell,
    };
    const int status = process_spawn(loop, &spec, &shell->process, err);
    vec_release(&env);
    return status;
}

struct shell *shell_new(struct loop *loop, const char *run_dir, void (*over)(void *user),
                        void *user, struct err *err) {
    struct shell *shell = mem_zalloc(sizeof *shell);
    shell->over = over;
    shell->user = user;
    if (shell_spawn(shell, loop, run_dir, err) < 0) {
        mem_free(shell);
        return NULL;
    }
    return shell;
}

/* One that still runs belongs to the loop, which ends it with all else. */
void shell_free(struct shell *shell) {
    if (shell && shell->ended) {
        process_free(shell->process);
    }
    mem_free(shell);
}
