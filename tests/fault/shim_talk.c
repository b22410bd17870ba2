/* Sockets and processes, and what is no point but fails. */
#include <dlfcn.h>
#include <errno.h>
#include <spawn.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shim.h"

/* ---- sending -------------------------------------------------------------------------------- */

/* What is sent is traced, too: when a COMMIT left is a question of order. */
static ssize_t send_done(const struct call *call, const char *path, const void *bytes,
                         ssize_t done) {
    bool is_traced = done > 0 && trace_begin();
    if (is_traced)
        trace_put("send", path, NULL, 0, bytes, (size_t)done);
    trace_end(is_traced);
    call_end(call);
    return done;
}

ssize_t send(int fd, const void *bytes, size_t length, int flags) {
    char path[PATH_MAX];
    struct call call;
    path_of(fd, path);
    if (talk_begin(&call, fd, KIND_send, path, length))
        return -1;
    bool is_told = is_tracing();
    /* The moment before, so that what the other side does is never older than it. */
    if (is_told && trace_begin()) {
        trace_put("sending", path, NULL, 0, bytes, length);
        trace_end(true);
    }
    return send_done(&call, path, bytes, syscall(SYS_sendto, fd, bytes, length, flags, NULL, 0));
}

ssize_t sendto(int fd, const void *bytes, size_t length, int flags, __CONST_SOCKADDR_ARG to,
               socklen_t to_length) {
    char path[PATH_MAX];
    struct call call;
    path_of(fd, path);
    if (talk_begin(&call, fd, KIND_send, path, length))
        return -1;
    ssize_t done = syscall(SYS_sendto, fd, bytes, length, flags, to.__sockaddr__, to_length);
    return send_done(&call, path, bytes, done);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
    char path[PATH_MAX];
    struct call call;
    path_of(fd, path);
    if (talk_begin(&call, fd, KIND_send, path, message->msg_iovlen ? message->msg_iov->iov_len : 0))
        return -1;
    ssize_t done = syscall(SYS_sendmsg, fd, message, flags);
    call_end(&call);
    return done;
}

int connect(int fd, __CONST_SOCKADDR_ARG to, socklen_t length) {
    struct call call;
    if (call_begin(&call, KIND_connect, "", length))
        return -1;
    int done = (int)syscall(SYS_connect, fd, to.__sockaddr__, length);
    call_end(&call);
    return done;
}

/* ---- processes ------------------------------------------------------------------------------ */

typedef int spawner(pid_t *ret, const char *path, const posix_spawn_file_actions_t *actions,
                    const posix_spawnattr_t *attributes, char *const argv[], char *const env[]);

int posix_spawn(pid_t *ret, const char *path, const posix_spawn_file_actions_t *actions,
                const posix_spawnattr_t *attributes, char *const argv[], char *const env[]) {
    spawner *real = (spawner *)(uintptr_t)dlsym(RTLD_NEXT, "posix_spawn");
    struct call call;
    if (call_begin(&call, KIND_spawn, path, 0))
        return errno;
    int sys = real(ret, path, actions, attributes, argv, env);
    call_end(&call);
    return sys;
}

/* ---- what only fails ------------------------------------------------------------------------ */

ssize_t read(int fd, void *bytes, size_t length) {
    struct call call;
    if (call_begin(&call, KIND_read, "", length))
        return -1;
    return syscall(SYS_read, fd, bytes, length);
}

ssize_t recv(int fd, void *bytes, size_t length, int flags) {
    struct call call;
    if (talk_begin(&call, fd, KIND_receive, "", length))
        return -1;
    return syscall(SYS_recvfrom, fd, bytes, length, flags, NULL, NULL);
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags) {
    struct call call;
    if (talk_begin(&call, fd, KIND_receive, "", 0))
        return -1;
    return syscall(SYS_recvmsg, fd, message, flags);
}

int pipe2(int fds[2], int flags) {
    struct call call;
    return call_begin(&call, KIND_pipe, "", 0) ? -1 : (int)syscall(SYS_pipe2, fds, flags);
}

int socket(int domain, int type, int protocol) {
    struct call call;
    if (call_begin(&call, KIND_endpoint, "", 0))
        return -1;
    return (int)syscall(SYS_socket, domain, type, protocol);
}

int socketpair(int domain, int type, int protocol, int fds[2]) {
    struct call call;
    if (call_begin(&call, KIND_endpoint, "", 0))
        return -1;
    return (int)syscall(SYS_socketpair, domain, type, protocol, fds);
}

int flock(int fd, int operation);
int flock(int fd, int operation) {
    struct call call;
    return call_begin(&call, KIND_lock, "", 0) ? -1 : (int)syscall(SYS_flock, fd, operation);
}
