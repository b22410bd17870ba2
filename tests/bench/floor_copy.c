/* The least that keeping a command's output costs: a pipe of 1 MiB drained into a file.
 * floor_copy FILE WORD… */
#define PIPE_BYTES (1 << 20)
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv) {
    static char bytes[PIPE_BYTES];
    posix_spawn_file_actions_t actions;
    int fds[2], status = 0;
    pid_t pid;
    ssize_t got;
    if (argc < 3 || pipe2(fds, O_CLOEXEC) < 0)
        return fputs("usage: floor_copy FILE WORD...\n", stderr), 2;
    fcntl(fds[0], F_SETPIPE_SZ, PIPE_BYTES);
    int file = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, fds[1], 1);
    if (file < 0 || posix_spawnp(&pid, argv[2], &actions, NULL, argv + 2, environ) != 0)
        return perror(argv[2]), 1;
    posix_spawn_file_actions_destroy(&actions);
    close(fds[1]);
    while ((got = read(fds[0], bytes, sizeof bytes)) > 0)
        if (write(file, bytes, (size_t)got) != got)
            return perror(argv[1]), 1;
    fdatasync(file);
    waitpid(pid, &status, 0);
    return status ? 1 : 0;
}
