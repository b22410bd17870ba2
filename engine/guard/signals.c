#include "guard/signals.h"

#include <signal.h>
#include <stddef.h>
#include <sys/signalfd.h>

static const int ignored[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGTERM, SIGPIPE,
                              SIGXFSZ, SIGTSTP, SIGTTIN, SIGTTOU};
#define IGNORED_COUNT (sizeof ignored / sizeof *ignored)

int guard_signals_take(void) {
    for (size_t i = 0; i < IGNORED_COUNT; i++)
        signal(ignored[i], SIG_IGN);
    sigset_t children;
    sigemptyset(&children);
    sigaddset(&children, SIGCHLD);
    sigprocmask(SIG_BLOCK, &children, NULL);
    return signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* All others are as they were when the guard began, and then none was. */
void guard_signals_default(void) {
    for (size_t i = 0; i < IGNORED_COUNT; i++)
        signal(ignored[i], SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}
