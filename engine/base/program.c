#include "base/program.h"

#include <signal.h>

int program_start(const char *path, char *const *argv, char *const *env,
                  posix_spawn_file_actions_t *actions, short flag, pid_t *ret) {
    posix_spawnattr_t attributes;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes,
                             (short)(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | flag));
    int sys = posix_spawn(ret, path, actions, &attributes, argv, env);
    posix_spawn_file_actions_destroy(actions);
    posix_spawnattr_destroy(&attributes);
    return sys;
}
