#include "guard/begin.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>

#include "base/mem.h"
#include "base/program.h"

/* Of the text: the token, the program, then words and variables. */
#define BEFORE_WORDS 2

static size_t pieces_of(const struct packet *packet) {
    return BEFORE_WORDS + (size_t)packet->head.argc + packet->head.envc;
}

const char *begin_token(const struct packet *packet) {
    size_t length = packet->head.length, count = 0;
    if (!packet->text || length == 0 || packet->text[length - 1] != '\0' || packet->head.argc == 0)
        return NULL;
    for (const char *at = packet->text; at < packet->text + length; at += strlen(at) + 1)
        count++;
    return count == pieces_of(packet) ? packet->text : NULL;
}

/* Pointers to the words, NULL, pointers to the variables, NULL. */
static char **make_vectors(const struct packet *packet, const char **ret_program) {
    char **vectors = mem_calloc(pieces_of(packet), sizeof *vectors);
    char *at = packet->text + strlen(packet->text) + 1;
    *ret_program = at;
    size_t argc = packet->head.argc, envc = packet->head.envc;
    for (size_t i = 0; i < argc + envc; i++) {
        at += strlen(at) + 1;
        vectors[i < argc ? i : i + 1] = at;
    }
    return vectors;
}

static void add_descriptors(posix_spawn_file_actions_t *actions, const struct packet *packet) {
    for (int i = FD_INPUT; i <= FD_ERR; i++) {
        if (packet->fds[i] >= 0)
            posix_spawn_file_actions_adddup2(actions, packet->fds[i], i);
        else
            posix_spawn_file_actions_addopen(actions, i, "/dev/null", O_RDWR, 0);
    }
    if (packet->fds[FD_FOLDER] >= 0)
        posix_spawn_file_actions_addfchdir_np(actions, packet->fds[FD_FOLDER]);
    posix_spawn_file_actions_addclosefrom_np(actions, 3);
}

int begin_command(const struct packet *packet, pid_t *ret) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    add_descriptors(&actions, packet);
    const char *program;
    char **vectors = make_vectors(packet, &program);
    int sys = program_start(program, vectors, vectors + packet->head.argc + 1, &actions,
                            POSIX_SPAWN_SETSID, ret);
    mem_free(vectors);
    return sys;
}
