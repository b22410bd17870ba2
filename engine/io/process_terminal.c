#include "io/process_terminal.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/program.h"
#include "guard/tree.h"

#define BLIND_MS INT64_C(10) /* between looks, where the kernel refuses pidfd_open */

struct terminal {
    struct loop *loop;
    pid_t pid;
    int pidfd;
    struct loop_watch *watch;
    struct loop_timer *look_timer, *kill_timer;
    bool is_lent;
    struct termios modes; /* as they were */
    bool is_over;
    void (*ended)(void *user, const struct process_exit *exit);
    void *user;
};

/* In the foreground of the terminal only where we are there ourselves. */
static bool holds_terminal(void) {
    return tcgetpgrp(STDIN_FILENO) == getpgrp();
}

static void lend(struct terminal *terminal) {
    terminal->is_lent = holds_terminal() && tcgetattr(STDIN_FILENO, &terminal->modes) == 0;
}

/* Puts us in the foreground again, with the modes as they were. */
static void take_back(struct terminal *terminal) {
    if (!terminal->is_lent)
        return;
    terminal->is_lent = false;
    /* We are in the background now, where touching the terminal would stop us. */
    sigset_t stop, before;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTTOU);
    sigprocmask(SIG_BLOCK, &stop, &before);
    tcsetpgrp(STDIN_FILENO, getpgrp());
    tcsetattr(STDIN_FILENO, TCSADRAIN, &terminal->modes);
    sigprocmask(SIG_SETMASK, &before, NULL);
}

static int spawn(const struct process_spec *spec, const char *program, pid_t *ret) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    if (holds_terminal())
        posix_spawn_file_actions_addtcsetpgrp_np(&actions, STDIN_FILENO);
    if (spec->cwd)
        posix_spawn_file_actions_addchdir_np(&actions, spec->cwd);
    posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    static char *const no_env[] = {NULL};
    return program_start(program, (char *const *)spec->argv,
                         spec->env ? (char *const *)spec->env : no_env, &actions,
                         POSIX_SPAWN_SETPGROUP, ret);
}

/* ---- its end ------------------------------------------------------------------------------ */

static void look_fired(void *user);

static void look_later(struct terminal *terminal) {
    loop_timer_free(terminal->look_timer);
    terminal->look_timer = loop_timer_new(terminal->loop, BLIND_MS, look_fired, terminal);
}

static void look(struct terminal *terminal) {
    siginfo_t info = {0};
    if (waitid(P_PID, (id_t)terminal->pid, &info, WEXITED | WNOHANG) < 0 ||
        info.si_pid != terminal->pid)
        return;
    terminal->is_over = true;
    loop_watch_free(terminal->watch);
    terminal->watch = NULL;
    loop_timer_free(terminal->kill_timer);
    terminal->kill_timer = NULL;
    take_back(terminal);
    bool by_signal = info.si_code != CLD_EXITED;
    struct process_exit exit = {.code = by_signal ? -1 : info.si_status,
                                .signum = by_signal ? info.si_status : 0};
    terminal->ended(terminal->user, &exit);
}

static void look_fired(void *user) {
    struct terminal *terminal = user;
    look_later(terminal);
    look(terminal);
}

static void ready(void *user, int events) {
    (void)events;
    look(user);
}

/* ---- verbs -------------------------------------------------------------------------------- */

int terminal_spawn(struct loop *loop, const struct process_spec *spec, const char *program,
                   void (*ended)(void *user, const struct process_exit *exit), void *user,
                   struct terminal **ret) {
    struct terminal *terminal = mem_zalloc(sizeof *terminal);
    *terminal = (struct terminal){.loop = loop, .pidfd = -1, .ended = ended, .user = user};
    lend(terminal);
    int sys = spawn(spec, program, &terminal->pid);
    if (sys != 0) {
        take_back(terminal);
        mem_free(terminal);
        return sys;
    }
    terminal->pidfd = tree_open_pid(terminal->pid);
    if (terminal->pidfd >= 0)
        terminal->watch = loop_watch_new(loop, terminal->pidfd, LOOP_READ, ready, terminal);
    else
        look_later(terminal);
    *ret = terminal;
    return 0;
}

pid_t terminal_pid(const struct terminal *terminal) {
    return terminal->pid;
}

static void signal_group(const struct terminal *terminal, int signum) {
    if (!terminal->is_over)
        kill(-terminal->pid, signum);
}

static void grace_fired(void *user) {
    signal_group(user, SIGKILL);
}

void terminal_kill(struct terminal *terminal, int64_t grace_ms) {
    loop_timer_free(terminal->kill_timer);
    terminal->kill_timer = NULL;
    signal_group(terminal, grace_ms > 0 ? SIGTERM : SIGKILL);
    signal_group(terminal, SIGCONT);
    if (grace_ms > 0 && !terminal->is_over)
        terminal->kill_timer = loop_timer_new(terminal->loop, grace_ms, grace_fired, terminal);
}

void terminal_free(struct terminal *terminal) {
    if (!terminal)
        return;
    if (!terminal->is_over) {
        signal_group(terminal, SIGKILL);
        waitpid(terminal->pid, NULL, 0);
        take_back(terminal);
    }
    loop_watch_free(terminal->watch);
    loop_timer_free(terminal->look_timer);
    loop_timer_free(terminal->kill_timer);
    file_close(&terminal->pidfd);
    mem_free(terminal);
}
