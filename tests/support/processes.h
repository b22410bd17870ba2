/* Who is left of a test. */
#ifndef SUPPORT_PROCESSES_H
#define SUPPORT_PROCESSES_H

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/mem.h"
#include "guard/tree.h"
#include "io/process.h"

/* Says on stderr which process that is. */
static inline void process_show(pid_t pid) {
    AUTO_TEXT path = mem_printf("/proc/%d/cmdline", (int)pid);
    char text[200] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    close(fd);
    for (ssize_t i = 0; i + 1 < got; i++)
        if (!text[i])
            text[i] = ' ';
    fprintf(stderr, "left: %d %s\n", (int)pid, text);
}

/* How many descend from `root`, dead or alive. */
static inline size_t processes_below(pid_t root) {
    AUTO_PIDS pids = {0};
    pids_add(&pids, root);
    tree_descend(&pids);
    return pids.list.count - 1;
}

/* How many there are besides this one and the guard of `loop` (which may be NULL). */
static inline size_t processes_left(struct loop *loop) {
    pid_t guard = loop ? (pid_t)process_guard_pid(loop) : 0;
    AUTO_PIDS pids = {0};
    size_t left = 0;
    pids_add(&pids, getpid());
    tree_descend(&pids);
    for (size_t i = 1; i < pids.list.count; i++)
        if (pids.list.items[i] != guard) {
            process_show(pids.list.items[i]);
            left++;
        }
    return left;
}

#endif
