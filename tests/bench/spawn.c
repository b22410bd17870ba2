/* What it costs to have a command run by the guard, against posix_spawn and waitpid alone:
 * spawn guard|bare COUNT COMMAND… runs it COUNT times, one after another. */
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "base/text.h"
#include "io/process.h"

static const char *const env[] = {"PATH=/usr/bin:/bin", "RUNBOOK_TOKEN=bench", NULL};

struct bench {
    struct loop *loop;
    struct process *process;
    const char *const *argv;
    long left;
};

static void start(void *user);

static void ended(void *user, const struct process_exit *exit) {
    struct bench *bench = user;
    if (exit->code != 0)
        abort();
    process_free(bench->process);
    loop_defer(bench->loop, start, bench);
}

static void output(void *user, int stream, const char *bytes, size_t length) {
    (void)user, (void)stream, (void)bytes, (void)length;
}

static void start(void *user) {
    struct bench *bench = user;
    if (bench->left-- == 0)
        return;
    struct process_spec spec = {
        .argv = bench->argv,
        .env = env,
        .token = "bench",
        .output = output,
        .ended = ended,
        .user = bench,
    };
    struct err err = ERR_INIT;
    if (process_spawn(bench->loop, &spec, &bench->process, &err) < 0) {
        fprintf(stderr, "%s\n", err.message);
        abort();
    }
}

static void guard(const char *const *argv, long count) {
    struct bench bench = {.loop = loop_new(NULL), .argv = argv, .left = count};
    start(&bench);
    loop_run(bench.loop);
    loop_free(bench.loop);
}

static void bare(const char *const *argv, long count) {
    for (long i = 0; i < count; i++) {
        pid_t pid;
        int status;
        if (posix_spawnp(&pid, argv[0], NULL, NULL, (char *const *)argv, (char *const *)env) != 0)
            abort();
        waitpid(pid, &status, 0);
    }
}

int main(int argc, char **words) {
    if (argc < 4)
        return 2;
    const char *const *argv = (const char *const *)words + 3;
    const long count = strtol(words[2], NULL, 10);
    (text_equal(words[1], "guard") ? guard : bare)(argv, count);
    return 0;
}
