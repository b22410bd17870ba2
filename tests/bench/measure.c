/* Times commands against each other: measure ROUNDS < COMMANDS.
 *
 * A line of COMMANDS is LABEL, REPEAT, FOLDER and the command's words, with tabs between. In each
 * round every command runs REPEAT times in its turn, so that what else the machine does hits all
 * alike. Prints a JSON line for each: the seconds of one run in each round, those of processors
 * that one run took, the peak memory of the largest process among it and its children in KiB, and
 * the last exit status that was not 0. */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/vec.h"

#define WORDS 64
#define LINE 8192

struct command {
    char *label;
    long repeat;
    char *folder;
    char *words[WORDS];
    VEC(double) seconds;
    double cpu; /* seconds, user's and kernel's, of all rounds */
    long peak_kib;
    int status;
};

typedef VEC(struct command) commands;

static struct command command_parse(const char *line) {
    struct command command = {0};
    char *rest = mem_strndup(line, strcspn(line, "\n"));
    command.label = strsep(&rest, "\t");
    const char *repeat = strsep(&rest, "\t");
    command.repeat = repeat ? strtol(repeat, NULL, 10) : 0;
    command.folder = strsep(&rest, "\t");
    for (size_t i = 0; rest && i + 1 < WORDS; i++)
        command.words[i] = strsep(&rest, "\t");
    if (!command.words[0] || command.repeat < 1) {
        fprintf(stderr, "measure: not a command: %s", line);
        exit(2);
    }
    return command;
}

static int run_once(struct command *command) {
    posix_spawn_file_actions_t actions;
    struct rusage usage;
    pid_t pid;
    int status = 0;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addchdir_np(&actions, command->folder);
    int sys = posix_spawnp(&pid, command->words[0], &actions, NULL, command->words, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (sys != 0)
        return 127;
    wait4(pid, &status, 0, &usage);
    command->cpu += (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                    (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    if (usage.ru_maxrss > command->peak_kib)
        command->peak_kib = usage.ru_maxrss;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void measure(struct command *command) {
    int64_t begin = clock_mono_ns();
    for (long i = 0; i < command->repeat; i++) {
        int status = run_once(command);
        if (status != 0)
            command->status = status;
    }
    *vec_add(&command->seconds) = (double)(clock_mono_ns() - begin) / 1e9 / (double)command->repeat;
}

static void print(const struct command *command) {
    printf("{\"label\": \"%s\", \"seconds\": [", command->label);
    for (size_t i = 0; i < command->seconds.count; i++)
        printf("%s%.9f", i ? ", " : "", command->seconds.items[i]);
    double runs = (double)command->seconds.count * (double)command->repeat;
    printf("], \"cpu\": %.9f, \"peak_kib\": %ld, \"status\": %d}\n", command->cpu / runs,
           command->peak_kib, command->status);
}

int main(int argc, char **argv) {
    long rounds = argc == 2 ? strtol(argv[1], NULL, 10) : 0;
    commands list = {0};
    char line[LINE];
    if (rounds < 1)
        return fputs("usage: measure ROUNDS < COMMANDS\n", stderr), 2;
    while (fgets(line, sizeof line, stdin))
        *vec_add(&list) = command_parse(line);
    for (long round = 0; round < rounds; round++)
        for (size_t i = 0; i < list.count; i++)
            measure(&list.items[i]);
    for (size_t i = 0; i < list.count; i++)
        print(&list.items[i]);
    return 0;
}
