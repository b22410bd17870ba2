/* What the engine cannot do without, and no more: floor STEPS AT_ONCE DURABILITY JOURNAL WORD…
 *
 * Spawns the command STEPS times, AT_ONCE at a time, captures both streams, and writes two
 * hash-chained records of 200 bytes for each, the intent before the spawn and the outcome after
 * it. With DURABILITY `disk` each is synced before going on. */
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "secret/digest.h"

#define MOST 64
#define RECORD 200
#define PIPE_BYTES (1 << 20)
#define JOURNAL_BYTES ((off_t)1 << 20) /* preallocated at a time, which makes a sync cheap */

struct journal {
    int fd;
    bool is_synced;
    off_t length, reserved;
    struct digest *digest;
    char chain[DIGEST_TEXT_SIZE];
};

struct child {
    pid_t pid;
    int pidfd;
    int streams[2];
};

static void die(const char *what) {
    perror(what);
    exit(1);
}

static void record(struct journal *journal, const char *type, long step) {
    char line[RECORD + 1];
    int used = snprintf(line, sizeof line, "{\"type\":\"%s\",\"step\":%ld,\"prev\":\"%s\"}", type,
                        step, journal->chain);
    memset(line + used, ' ', (size_t)(RECORD - used));
    line[RECORD - 1] = '\n';
    digest_update(journal->digest, line, RECORD);
    digest_finish(journal->digest, journal->chain);
    if (journal->length + RECORD > journal->reserved) {
        if (fallocate(journal->fd, 0, journal->reserved, JOURNAL_BYTES) < 0)
            die("fallocate");
        journal->reserved += JOURNAL_BYTES;
    }
    if (pwrite(journal->fd, line, RECORD, journal->length) != RECORD)
        die("pwrite");
    journal->length += RECORD;
    if (journal->is_synced && fdatasync(journal->fd) < 0)
        die("fdatasync");
}

static void start(struct child *child, char **words) {
    posix_spawn_file_actions_t actions;
    int theirs[2];
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    for (int i = 0; i < 2; i++) {
        int fds[2];
        if (pipe2(fds, O_CLOEXEC) < 0)
            die("pipe");
        fcntl(fds[0], F_SETPIPE_SZ, PIPE_BYTES);
        child->streams[i] = fds[0];
        theirs[i] = fds[1];
        posix_spawn_file_actions_adddup2(&actions, fds[1], i + 1);
    }
    if (posix_spawnp(&child->pid, words[0], &actions, NULL, words, environ) != 0)
        die(words[0]);
    posix_spawn_file_actions_destroy(&actions);
    close(theirs[0]);
    close(theirs[1]);
    child->pidfd = (int)syscall(SYS_pidfd_open, child->pid, 0U);
}

static void finish(struct child *child) {
    char bytes[4096];
    int status;
    waitpid(child->pid, &status, 0);
    for (int i = 0; i < 2; i++) {
        while (read(child->streams[i], bytes, sizeof bytes) > 0)
            continue;
        close(child->streams[i]);
    }
    close(child->pidfd);
    if (status != 0) {
        fputs("floor: the command failed\n", stderr);
        exit(1);
    }
    child->pid = 0;
}

/* Waits for one to end and frees its place. */
static size_t wait_any(struct child *children, size_t count) {
    struct pollfd ends[MOST];
    for (size_t i = 0; i < count; i++)
        ends[i] = (struct pollfd){.fd = children[i].pidfd, .events = POLLIN};
    if (poll(ends, count, -1) < 0)
        die("poll");
    for (size_t i = 0; i < count; i++)
        if (ends[i].revents) {
            finish(&children[i]);
            return i;
        }
    return 0;
}

static void run(struct journal *journal, long steps, size_t at_once, char **words) {
    struct child children[MOST] = {0};
    long begun = 0, ended = 0;
    size_t running = 0;
    while (ended < steps) {
        if (running < at_once && begun < steps) {
            record(journal, "begun", begun++);
            start(&children[running++], words);
            continue;
        }
        size_t place = wait_any(children, running);
        children[place] = children[--running];
        record(journal, "ended", ended++);
    }
}

int main(int argc, char **argv) {
    if (argc < 6)
        return fputs("usage: floor STEPS AT_ONCE disk|process JOURNAL WORD...\n", stderr), 2;
    long at_once = strtol(argv[2], NULL, 10);
    struct journal journal = {.is_synced = strcmp(argv[3], "disk") == 0, .digest = digest_new()};
    journal.fd = open(argv[4], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (journal.fd < 0 || at_once < 1 || at_once > MOST)
        die(argv[4]);
    run(&journal, strtol(argv[1], NULL, 10), (size_t)at_once, argv + 5);
    digest_free(journal.digest);
    return 0;
}
