/* Starting a program: posix_spawn, which copies no page tables, with signals as a shell has them.
 */
#ifndef BASE_PROGRAM_H
#define BASE_PROGRAM_H

#include <spawn.h>
#include <sys/types.h>

/* No signal is blocked or ignored in it. `flag` is POSIX_SPAWN_SETSID or POSIX_SPAWN_SETPGROUP.
 * `actions` are destroyed in every case. 0, or errno. */
int program_start(const char *path, char *const *argv, char *const *env,
                  posix_spawn_file_actions_t *actions, short flag, pid_t *ret);

#endif
