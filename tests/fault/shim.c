/* Preloaded into an engine under test: tells its calls to the system, and kills or fails one.
 *
 *   FAULT_LOG=FILE                    a line for each call: its number, kind, path, and bytes
 *   FAULT_KILL=N:before|after         SIGKILL before or after the call with that number
 *   FAULT_FAIL=KIND:N:ERRNO:once|forever   the N-th call of that kind fails, or all from it on
 *   FAULT_TRACE=FILE                  every change of a file in order, with the bytes written
 *
 * Only the process that it was loaded into is concerned: its children find neither LD_PRELOAD nor
 * FAULT_… in their environment, and a child before its execve is told by its number. Calls go
 * straight to the kernel, so that nothing has to be looked up while something fails. */
#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const struct {
    const char *name;
    bool is_point;
} kinds[] = {
#define X(name, is_point) {#name, is_point},
    KINDS(X)
#undef X
};

static struct {
    pid_t pid; /* 0 until we are ready */
    int log_fd, trace_fd;
    long kill_at;
    bool kill_after;
    int fail_kind; /* -1: none */
    long fail_at;
    int fail_errno;
    bool fail_forever;
    pthread_mutex_t mutex; /* while tracing: one change at a time */
} fault = {.log_fd = -1, .trace_fd = -1, .fail_kind = -1, .mutex = PTHREAD_MUTEX_INITIALIZER};

static atomic_long points, failings;

/* ---- the beginning -------------------------------------------------------------------------- */

static int open_high(const char *name, int flags) {
    const char *path = getenv(name);
    if (!path)
        return -1;
    int low =
        (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0600);
    int high = fcntl(low, F_DUPFD_CLOEXEC, 500);
    syscall(SYS_close, low);
    return high;
}

static void parse_kill(char *text) {
    fault.kill_at = strtol(text, &text, 10);
    fault.kill_after = strcmp(text, ":after") == 0;
}

static void parse_fail(char *text) {
    char *at = strchr(text, ':');
    for (int kind = 0; kind < KIND_COUNT; kind++)
        if (strncmp(text, kinds[kind].name, (size_t)(at - text)) == 0 &&
            kinds[kind].name[at - text] == '\0')
            fault.fail_kind = kind;
    if (fault.fail_kind < 0)
        abort();
    fault.fail_at = strtol(at + 1, &at, 10);
    fault.fail_errno = (int)strtol(at + 1, &at, 10);
    fault.fail_forever = strcmp(at, ":forever") == 0;
}

__attribute__((constructor)) static void fault_init(void) {
    char *kill_text = getenv("FAULT_KILL");
    char *fail_text = getenv("FAULT_FAIL");
    fault.log_fd = open_high("FAULT_LOG", O_APPEND);
    fault.trace_fd = open_high("FAULT_TRACE", O_TRUNC);
    if (kill_text)
        parse_kill(kill_text);
    if (fail_text)
        parse_fail(fail_text);
    unsetenv("LD_PRELOAD");
    unsetenv("FAULT_KILL");
    unsetenv("FAULT_FAIL");
    unsetenv("FAULT_LOG");
    unsetenv("FAULT_TRACE");
    fault.pid = getpid();
}

/* ---- a call --------------------------------------------------------------------------------- */

static void put(int fd, const void *bytes, size_t length) {
    if (fd >= 0 && length > 0 && syscall(SYS_write, fd, bytes, length) != (long)length)
        abort();
}

void path_of(int fd, char ret[PATH_MAX]) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = syscall(SYS_readlink, link, ret, PATH_MAX - 1);
    ret[length < 0 ? 0 : length] = '\0';
}

static void die(void) {
    syscall(SYS_kill, getpid(), SIGKILL);
    for (;;)
        pause();
}

static void call_log(const struct call *call, const char *path, size_t length) {
    char line[PATH_MAX + 128];
    if (fault.log_fd < 0 || call->kind == KIND_memory)
        return;
    int size = snprintf(line, sizeof line, "%ld %s %zu %s\n", call->number, kinds[call->kind].name,
                        length, path);
    put(fault.log_fd, line, (size_t)size);
}

/* Whether the call is to fail, with errno set. */
bool call_begin(struct call *call, enum kind kind, const char *path, size_t length) {
    *call = (struct call){.kind = kind};
    if (getpid() != fault.pid)
        return false;
    if (kinds[kind].is_point)
        call->number = atomic_fetch_add(&points, 1) + 1;
    call_log(call, path, length);
    if (call->number && call->number == fault.kill_at && !fault.kill_after)
        die();
    if ((int)kind != fault.fail_kind)
        return false;
    long turn = atomic_fetch_add(&failings, 1) + 1;
    if (turn != fault.fail_at && !(fault.fail_forever && turn > fault.fail_at))
        return false;
    errno = fault.fail_errno;
    return true;
}

/* As call_begin; a connection that fails is broken for both sides and for good. */
bool talk_begin(struct call *call, int fd, enum kind kind, const char *path, size_t length) {
    if (!call_begin(call, kind, path, length))
        return false;
    syscall(SYS_shutdown, fd, SHUT_RDWR);
    errno = fault.fail_errno;
    return true;
}

void call_end(const struct call *call) {
    if (call->number && call->number == fault.kill_at && fault.kill_after)
        die();
}

/* ---- the trace ------------------------------------------------------------------------------ */

bool trace_begin(void) {
    if (fault.trace_fd < 0 || getpid() != fault.pid)
        return false;
    pthread_mutex_lock(&fault.mutex);
    return true;
}

/* `op wall-clock-ns offset length path NUL other-path NUL`, a newline, and the bytes. */
void trace_put(const char *op, const char *path, const char *other, off_t offset, const void *bytes,
               size_t length) {
    char head[2 * PATH_MAX + 128];
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    int size = snprintf(head, sizeof head, "%s %lld %lld %zu %s%c%s%c\n", op,
                        (long long)now.tv_sec * 1000000000 + now.tv_nsec, (long long)offset, length,
                        path, 0, other ? other : "", 0);
    put(fault.trace_fd, head, (size_t)size);
    if (bytes)
        put(fault.trace_fd, bytes, length);
}

void trace_end(bool is_traced) {
    if (is_traced)
        pthread_mutex_unlock(&fault.mutex);
}

bool is_tracing(void) {
    return fault.trace_fd >= 0;
}

bool is_file(int fd, off_t *ret_size) {
    struct stat info;
    if (fstat(fd, &info) < 0 || !S_ISREG(info.st_mode))
        return false;
    *ret_size = info.st_size;
    return true;
}

void trace_one(const char *op, const char *path, const char *other, long result) {
    bool is_traced = result >= 0 && trace_begin();
    if (is_traced)
        trace_put(op, path, other, 0, NULL, 0);
    trace_end(is_traced);
}

static bool ends_in(const char *text, const char *end) {
    size_t length = strlen(text), tail = strlen(end);
    return length >= tail && strcmp(text + length - tail, end) == 0;
}

enum kind kind_of(int fd, const char *path) {
    if (fd == STDOUT_FILENO || fd == STDERR_FILENO)
        return KIND_print;
    if (ends_in(path, "/transcript.jsonl"))
        return KIND_transcript;
    if (strncmp(path, "socket:", 7) == 0)
        return KIND_socket;
    if (strncmp(path, "pipe:", 5) == 0 || strncmp(path, "anon_inode:", 11) == 0)
        return KIND_wake;
    return strstr(path, "/output/") ? KIND_output : KIND_file;
}

/* ---- memory ---- */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);

static atomic_long allocations;

static bool memory_is_out(void) {
    struct call call;
    if (fault.log_fd >= 0)
        atomic_fetch_add(&allocations, 1);
    return fault.fail_kind == KIND_memory && call_begin(&call, KIND_memory, "", 0);
}

/* As many lines for memory as for the rest would be too much of it. */
__attribute__((destructor)) static void allocations_log(void) {
    char line[64];
    int size = snprintf(line, sizeof line, "0 memory %ld \n", atomic_load(&allocations));
    if (getpid() == fault.pid)
        put(fault.log_fd, line, (size_t)size);
}

void *malloc(size_t size) {
    return memory_is_out() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
    return memory_is_out() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *block, size_t size) {
    return memory_is_out() ? NULL : __libc_realloc(block, size);
}
