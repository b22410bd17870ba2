/* Files: what is written, what lasts, and names. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "shim.h"

/* Where write() is about to write. */
static off_t offset_of(int fd, off_t size) {
    if (fcntl(fd, F_GETFL) & O_APPEND)
        return size;
    return (off_t)syscall(SYS_lseek, fd, 0L, SEEK_CUR);
}

/* ---- writing -------------------------------------------------------------------------------- */

/* offset < 0: where the file stands. */
static ssize_t write_at(int fd, const void *bytes, size_t length, off_t offset) {
    char path[PATH_MAX];
    struct call call;
    off_t size;
    path_of(fd, path);
    enum kind kind = kind_of(fd, path);
    if (kind == KIND_socket ? talk_begin(&call, fd, kind, path, length)
                            : call_begin(&call, kind, path, length))
        return -1;
    bool is_traced = is_file(fd, &size) && trace_begin();
    off_t at = offset >= 0 ? offset : is_traced ? offset_of(fd, size) : 0;
    ssize_t done = offset >= 0 ? syscall(SYS_pwrite64, fd, bytes, length, offset)
                               : syscall(SYS_write, fd, bytes, length);
    if (is_traced && done > 0)
        trace_put("write", path, NULL, at, bytes, (size_t)done);
    trace_end(is_traced);
    call_end(&call);
    return done;
}

ssize_t write(int fd, const void *bytes, size_t length) {
    return write_at(fd, bytes, length, -1);
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) {
    return write_at(fd, bytes, length, offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off_t offset);
ssize_t pwrite64(int fd, const void *bytes, size_t length, off_t offset) {
    return write_at(fd, bytes, length, offset);
}

/* Only for sockets and pipes: a file that is written so would be missing in the trace. */
ssize_t writev(int fd, const struct iovec *pieces, int count) {
    char path[PATH_MAX];
    struct call call;
    off_t size;
    path_of(fd, path);
    if (call_begin(&call, kind_of(fd, path), path, 0))
        return -1;
    if (is_tracing() && is_file(fd, &size))
        abort();
    ssize_t done = syscall(SYS_writev, fd, pieces, count);
    call_end(&call);
    return done;
}

/* ---- what lasts ----------------------------------------------------------------------------- */

static int sync_with(long number, int fd) {
    char path[PATH_MAX];
    struct call call;
    path_of(fd, path);
    if (call_begin(&call, KIND_sync, path, 0))
        return -1;
    trace_one("syncing", path, NULL, 0);
    long done = syscall(number, fd);
    trace_one("synced", path, NULL, done);
    call_end(&call);
    return (int)done;
}

int fdatasync(int fd) {
    return sync_with(SYS_fdatasync, fd);
}

int fsync(int fd) {
    return sync_with(SYS_fsync, fd);
}

static void trace_size(int fd, const char *op, const char *path) {
    off_t size;
    bool is_traced = is_file(fd, &size) && trace_begin();
    if (is_traced)
        trace_put(op, path, NULL, size, NULL, 0);
    trace_end(is_traced);
}

int ftruncate(int fd, off_t size) {
    char path[PATH_MAX];
    struct call call;
    path_of(fd, path);
    if (call_begin(&call, KIND_truncate, path, (size_t)size))
        return -1;
    long done = syscall(SYS_ftruncate, fd, size);
    trace_size(fd, "size", path);
    call_end(&call);
    return (int)done;
}

int ftruncate64(int fd, off64_t size) {
    return ftruncate(fd, size);
}

int posix_fallocate(int fd, off_t offset, off_t length) {
    char path[PATH_MAX];
    struct call call;
    path_of(fd, path);
    if (call_begin(&call, KIND_reserve, path, (size_t)length))
        return errno;
    long done = syscall(SYS_fallocate, fd, 0, offset, length);
    trace_size(fd, "size", path);
    call_end(&call);
    return done < 0 ? errno : 0;
}

int posix_fallocate64(int fd, off64_t offset, off64_t length) {
    return posix_fallocate(fd, offset, length);
}

/* ---- names ---------------------------------------------------------------------------------- */

static const char *absolute_at(int folder, const char *path, char full[PATH_MAX]) {
    char here[PATH_MAX] = "";
    if (path[0] == '/')
        return path;
    if (folder != AT_FDCWD)
        path_of(folder, here);
    else if (syscall(SYS_getcwd, here, sizeof here) < 0)
        return path;
    snprintf(full, PATH_MAX, "%.2000s/%.2000s", here, path);
    return full;
}

static const char *absolute(const char *path, char full[PATH_MAX]) {
    return absolute_at(AT_FDCWD, path, full);
}

static int open_at(int folder, const char *path, int flags, mode_t mode) {
    char full[PATH_MAX];
    struct call call;
    bool creates = (flags & O_CREAT) != 0;
    const char *name = absolute_at(folder, path, full);
    if (call_begin(&call, creates ? KIND_create : KIND_open, name, 0))
        return -1;
    bool is_new = creates && access(name, F_OK) < 0;
    int fd = (int)syscall(SYS_openat, folder, path, flags, mode);
    if (fd >= 0 && is_new)
        trace_one("create", name, NULL, 0);
    if (fd >= 0 && !is_new && (flags & O_TRUNC))
        trace_size(fd, "size", name);
    call_end(&call);
    return fd;
}

static mode_t mode_of(int flags, va_list list) {
    return (flags & (O_CREAT | __O_TMPFILE)) ? (mode_t)va_arg(list, unsigned) : 0;
}

#define OPEN(NAME)                                                                                 \
    int NAME(const char *path, int flags, ...) {                                                   \
        va_list list;                                                                              \
        va_start(list, flags);                                                                     \
        mode_t mode = mode_of(flags, list);                                                        \
        va_end(list);                                                                              \
        return open_at(AT_FDCWD, path, flags, mode);                                               \
    }
#define OPENAT(NAME)                                                                               \
    int NAME(int folder, const char *path, int flags, ...) {                                       \
        va_list list;                                                                              \
        va_start(list, flags);                                                                     \
        mode_t mode = mode_of(flags, list);                                                        \
        va_end(list);                                                                              \
        return open_at(folder, path, flags, mode);                                                 \
    }
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

int mkdir(const char *path, mode_t mode) {
    char full[PATH_MAX];
    struct call call;
    if (call_begin(&call, KIND_mkdir, absolute(path, full), 0))
        return -1;
    long done = syscall(SYS_mkdir, path, mode);
    trace_one("mkdir", absolute(path, full), NULL, done);
    call_end(&call);
    return (int)done;
}

/* Fills in the six X at the end, until nothing has that name. */
static void name_free(char *template) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz";
    char *end = template + strlen(template) - 6;
    do
        for (int i = 0; i < 6; i++)
            end[i] = letters[arc4random_uniform(26)];
    while (access(template, F_OK) == 0);
}

char *mkdtemp(char *template) {
    name_free(template);
    return mkdir(template, 0700) < 0 ? NULL : template;
}

int mkostemp(char *template, int flags) {
    name_free(template);
    return open_at(AT_FDCWD, template, O_RDWR | O_CREAT | O_EXCL | flags, 0600);
}

int mkostemp64(char *template, int flags) {
    return mkostemp(template, flags);
}

int rename(const char *from, const char *to) {
    char full[PATH_MAX], other[PATH_MAX];
    struct call call;
    if (call_begin(&call, KIND_rename, absolute(from, full), 0))
        return -1;
    long done = syscall(SYS_rename, from, to);
    trace_one("rename", absolute(from, full), absolute(to, other), done);
    call_end(&call);
    return (int)done;
}

static int unlink_at(int folder, const char *path, int flags) {
    char full[PATH_MAX];
    struct call call;
    const char *name = absolute_at(folder, path, full);
    if (call_begin(&call, KIND_unlink, name, 0))
        return -1;
    long done = syscall(SYS_unlinkat, folder, path, flags);
    trace_one("unlink", name, NULL, done);
    call_end(&call);
    return (int)done;
}

int unlink(const char *path) {
    return unlink_at(AT_FDCWD, path, 0);
}

int unlinkat(int folder, const char *path, int flags) {
    return unlink_at(folder, path, flags);
}

int rmdir(const char *path) {
    return unlink_at(AT_FDCWD, path, AT_REMOVEDIR);
}

int remove(const char *path) {
    int done = unlink_at(AT_FDCWD, path, 0);
    return done < 0 && errno == EISDIR ? rmdir(path) : done;
}
