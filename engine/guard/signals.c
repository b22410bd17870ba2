#include "guard/signals.h"

#include <signal.h>
#include <stddef.h>
#include <sys/signalfd.h>

static const int held[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGTERM, SIGPIPE,
                           SIGXFSZ, SIGTSTP, SIGTTIN, SIGTTOU};

/* They are held up and not ignored, as one call takes that back for a command. */
int guard_signals_take(void) {
    sigset_t children, all;
    sigemptyset(&children);
    sigaddset(&children, SIGCHLD);
    all = children;
    for (size_t i = 0; i < sizeof held / sizeof *held; i++) {
        signal(held[i], SIG_DFL);
        sigaddset(&all, held[i]);
    }
    sigprocmask(SIG_BLOCK, &all, NULL);
    return signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK);
}

void guard_signals_default(void) {
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}
