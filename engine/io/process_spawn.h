/* Starts a program: pipes, posix_spawn, and what to say where it fails; for process.c only. */
#ifndef IO_PROCESS_SPAWN_H
#define IO_PROCESS_SPAWN_H

#include <sys/types.h>

#include "io/process.h"

struct spawned {
    pid_t pid;
    int output_fds[2]; /* of stdout and stderr, not blocking; -1 where nobody reads them */
    int input_fd;      /* of stdin, not blocking; -1 where nothing is written */
};

/* The caller closes the descriptors. None of them is inherited by anybody. */
int spawn_program(const struct process_spec *spec, struct spawned *ret, struct err *err) MUST_USE;

#endif
