/* How many commands a second the process room carries, against posix_spawn and waitpid alone;
 * with a parent of the size given as the first argument in MB (200), since a fork would pay for
 * that. The second argument is how many run at once (1). */
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/mem.h"
#include "io/process.h"

#define RUNS 3000

static const char *const argv[] = {"/bin/true", NULL};
static const char *const env[] = {"PATH=/usr/bin:/bin", "RUNBOOK_TOKEN=bench", NULL};

struct bench {
    struct loop *loop;
    int left;
};

struct slot {
    struct bench *bench;
    struct process *process;
};

static void start(struct slot *slot);

static void again(void *user) {
    start(user);
}

static void ended(void *user, const struct process_exit *exit) {
    struct slot *slot = user;
    if (exit->code != 0)
        abort();
    process_free(slot->process);
    loop_defer(slot->bench->loop, again, slot);
}

static void output(void *user, int stream, const char *bytes, size_t length) {
    (void)user, (void)stream, (void)bytes, (void)length;
}

static void start(struct slot *slot) {
    if (slot->bench->left == 0)
        return;
    slot->bench->left--;
    struct process_spec spec = {
        .argv = argv,
        .env = env,
        .token = "bench",
        .output = output,
        .ended = ended,
        .user = slot,
    };
    struct err err = ERR_INIT;
    if (process_spawn(slot->bench->loop, &spec, &slot->process, &err) < 0) {
        fprintf(stderr, "%s\n", err.message);
        abort();
    }
}

static double room(int at_once) {
    struct bench bench = {loop_new(NULL), RUNS};
    struct slot *slots = mem_calloc((size_t)at_once, sizeof *slots);
    int64_t begin = clock_mono_ns();
    for (int i = 0; i < at_once; i++) {
        slots[i].bench = &bench;
        start(&slots[i]);
    }
    loop_run(bench.loop);
    double seconds = (double)(clock_mono_ns() - begin) / 1e9;
    loop_free(bench.loop);
    mem_free(slots);
    return RUNS / seconds;
}

static double bare(void) {
    int64_t begin = clock_mono_ns();
    for (int i = 0; i < RUNS; i++) {
        pid_t pid;
        int status;
        if (posix_spawn(&pid, argv[0], NULL, NULL, (char *const *)argv, (char *const *)env) != 0)
            abort();
        waitpid(pid, &status, 0);
    }
    return RUNS / ((double)(clock_mono_ns() - begin) / 1e9);
}

int main(int argc, char **words) {
    long megabytes = argc > 1 ? strtol(words[1], NULL, 10) : 200;
    int at_once = argc > 2 ? (int)strtol(words[2], NULL, 10) : 1;
    char *ballast = mem_alloc((size_t)megabytes << 20);
    memset(ballast, 1, (size_t)megabytes << 20);
    for (int round = 0; round < 3; round++) {
        double alone = bare();
        printf("posix_spawn alone %.0f/s, process room with %d at once %.0f/s\n", alone, at_once,
               room(at_once));
    }
    mem_free(ballast);
    return 0;
}
