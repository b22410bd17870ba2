#include "io/process_link.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/program.h"
#include "base/text.h"
#include "guard/token.h"
#include "io/module.h"

#define GUARD_NAME "runbook-guard"
#define SOCKET_NAME "socket"

/* ---- begin -------------------------------------------------------------------------------- */

static char *variable(const char *name) {
    const char *text = getenv(name);
    return text ? mem_printf("%s=%s", name, text) : NULL;
}

/* Of our environment it gets what tells whose it is: another runbook may have begun us, and people
 * look for what is left of a store. It outlives us, and secrets may be in the rest. */
static void make_environment(char *ret[3]) {
    static const char *const names[] = {PROCESS_TOKEN, "RUNBOOK_HOME"};
    size_t count = 0;
    for (size_t i = 0; i < 2; i++)
        if ((ret[count] = variable(names[i])))
            count++;
    ret[count] = NULL;
}

/* In a session of its own from its first moment, so that no terminal reaches it. */
static int spawn_guard(const char *path, const char *dir, int socket, pid_t *ret) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, socket, PACKET_SOCKET);
    for (int i = 0; i < 3; i++)
        posix_spawn_file_actions_addopen(&actions, i, "/dev/null", O_RDWR, 0);
    posix_spawn_file_actions_addclosefrom_np(&actions, PACKET_SOCKET + 1);
    char *environment[3];
    make_environment(environment);
    const char *words[] = {GUARD_NAME, dir, NULL};
    int sys =
        program_start(path, (char *const *)words, environment, &actions, POSIX_SPAWN_SETSID, ret);
    for (size_t i = 0; environment[i]; i++)
        mem_free(environment[i]);
    return sys;
}

int link_start(struct link *link, const char *dir, struct err *err) {
    AUTO_TEXT path = module_find(GUARD_NAME, "engine/guard");
    int sockets[2];
    if (!path) {
        err_set(err, ERR_SYSTEM, "the program `" GUARD_NAME "` is not there: it runs all commands");
        return err_hint(err, "it is installed with the engine's modules; $RUNBOOK_MODULES names "
                             "another folder");
    }
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
        return err_sys(err, errno, "cannot make a socket");
    int sys = spawn_guard(path, dir, sockets[1], &link->pid);
    file_close(&sockets[1]);
    if (sys != 0) {
        file_close(&sockets[0]);
        return err_sys(err, sys, "cannot start `%s`", path);
    }
    link->socket = sockets[0];
    link->is_child = true;
    return 0;
}

/* ---- talk --------------------------------------------------------------------------------- */

int link_ask(struct link *link, const struct packet *packet, struct packet *ret_answer,
             void (*beside)(void *user, const struct packet *packet), void *user) {
    int status = packet_send(link->socket, packet, 0);
    if (status != 0)
        return status;
    while ((status = packet_receive(link->socket, 0, ret_answer)) == 0) {
        if (!PACKET_IS_NEWS(ret_answer->head.type))
            return 0;
        beside(user, ret_answer);
        packet_release(ret_answer);
    }
    return status == EPIPE ? EIO : status;
}

static void ignore(void *user, const struct packet *packet) {
    (void)user, (void)packet;
}

int link_move_in(struct link *link, int house, struct err *err) {
    struct packet packet = packet_make(PACKET_HOUSE); /* the descriptor stays the caller's */
    AUTO_PACKET answer = packet_make(PACKET_NONE);
    packet.fds[FD_HOUSE] = house;
    int status = link_ask(link, &packet, &answer, ignore, NULL);
    if (status == 0)
        status = (int)answer.head.number;
    if (status == EBUSY)
        return err_set(err, ERR_BUSY, "another guard holds this run");
    return status == 0 ? 0 : err_sys(err, status, "cannot use the run's folder for its guard");
}

/* Through the descriptor, as the path may be longer than an address. */
static int dial(int house) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/" SOCKET_NAME, house);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) < 0)
        file_close(&fd);
    return fd;
}

static int explain(const struct packet *answer, int status, struct err *err) {
    if (status != 0) {
        err_sys(err, status, "cannot talk to the guard of this run");
        return err_hint(err, "it may be of another version of runbook");
    }
    if (answer->head.number == EBUSY)
        return err_set(err, ERR_BUSY, "another engine has this run");
    return err_sys(err, (int)answer->head.number, "the guard of this run refuses us");
}

int link_find(struct link *link, int house, bool *ret_found, struct err *err) {
    AUTO_PACKET packet = packet_make(PACKET_HELLO);
    AUTO_PACKET answer = packet_make(PACKET_NONE);
    struct link found = {.socket = dial(house)};
    *ret_found = false;
    if (found.socket < 0)
        return 0;
    int status = link_ask(&found, &packet, &answer, ignore, NULL);
    if (status == 0 && answer.head.type == PACKET_WELCOME) {
        *ret_found = true;
        found.pid = (pid_t)answer.head.number;
        found.largest_id = answer.head.id;
        *link = found;
        return 0;
    }
    file_close(&found.socket);
    /* It was just leaving. */
    return status == EPIPE || status == EIO ? 0 : explain(&answer, status, err);
}

/* ---- end ---------------------------------------------------------------------------------- */

void link_close(struct link *link) {
    file_close(&link->socket);
    if (link->is_child) {
        kill(link->pid, SIGKILL); /* one that only hung up would keep us waiting */
        waitpid(link->pid, NULL, 0);
    }
    *link = (struct link){.socket = -1};
}

void link_let_go(struct link *link) {
    file_close(&link->socket);
    *link = (struct link){.socket = -1};
}

void link_leave(struct link *link) {
    AUTO_PACKET packet = packet_make(PACKET_LEAVE);
    AUTO_PACKET answer = packet_make(PACKET_NONE);
    if (link->socket < 0)
        return;
    (void)link_ask(link, &packet, &answer, ignore, NULL);
    if (link->is_child)
        waitpid(link->pid, NULL, 0);
    link->is_child = false;
    link_close(link);
}
