#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"

#define READ_PIECE ((size_t)65536)
#define OWNER_MAX ((size_t)512)

static const char *file_kind(mode_t mode) {
    switch (mode & S_IFMT) {
    case S_IFDIR:
        return "a directory";
    case S_IFCHR:
    case S_IFBLK:
        return "a device";
    case S_IFIFO:
        return "a pipe";
    case S_IFSOCK:
        return "a socket";
    default:
        return "not a regular file";
    }
}

static int file_read_all(int fd, const char *path, struct buf *out, struct err *err) {
    char *piece = mem_alloc(READ_PIECE);
    int result = 0;
    for (;;) {
        ssize_t got = read(fd, piece, READ_PIECE);
        if (got == 0)
            break;
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            result = err_sys(err, errno, "cannot read %s", path);
            break;
        }
        if (buf_append(out, piece, (size_t)got) < 0) {
            AUTO_TEXT limit = text_show_size((int64_t)out->ceiling);
            result = err_set(err, ERR_LIMIT, "%s is larger than %s", path, limit);
            break;
        }
    }
    mem_free(piece);
    return result;
}

int file_read_open(int fd, const char *name, size_t ceiling, char **ret, size_t *ret_length,
                   struct err *err) {
    AUTO_BUF out = BUF_INIT(ceiling);
    if (file_read_all(fd, name, &out, err) < 0)
        return -1;
    if (ret_length)
        *ret_length = out.length;
    *ret = buf_detach(&out);
    return 0;
}

int file_read(const char *path, size_t ceiling, char **ret, size_t *ret_length, struct err *err) {
    /* O_NONBLOCK: opening a pipe that nobody writes to must not wait. */
    AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return err_sys(err, errno, "cannot read %s", path);
    struct stat info;
    if (fstat(fd, &info) < 0)
        return err_sys(err, errno, "cannot read %s", path);
    if (!S_ISREG(info.st_mode))
        return err_set(err, ERR_INVALID, "cannot read %s: it is %s", path, file_kind(info.st_mode));
    if ((uint64_t)info.st_size > ceiling) {
        AUTO_TEXT limit = text_show_size((int64_t)ceiling);
        return err_set(err, ERR_LIMIT, "%s is larger than %s", path, limit);
    }
    return file_read_open(fd, path, ceiling, ret, ret_length, err);
}

int file_write_all(int fd, const void *bytes, size_t length, struct err *err) {
    const char *at = bytes;
    while (length > 0) {
        ssize_t done = write(fd, at, length);
        if (done >= 0) {
            at += done;
            length -= (size_t)done;
        } else if (errno == EAGAIN) {
            struct pollfd wait = {.fd = fd, .events = POLLOUT};
            if (poll(&wait, 1, -1) < 0 && errno != EINTR)
                return err_sys(err, errno, "cannot write");
        } else if (errno != EINTR) {
            return err_sys(err, errno, "cannot write");
        }
    }
    return 0;
}

static int file_fill(int fd, const void *bytes, size_t length, mode_t mode, struct err *err) {
    if (fchmod(fd, mode) < 0)
        return err_sys(err, errno, "cannot set its mode");
    if (file_write_all(fd, bytes, length, err) < 0)
        return -1;
    if (fsync(fd) < 0)
        return err_sys(err, errno, "cannot sync");
    return 0;
}

int file_write_atomic(const char *path, const void *bytes, size_t length, mode_t mode,
                      struct err *err) {
    AUTO_TEXT beside = mem_printf("%s.XXXXXX", path);
    AUTO_FD fd = mkostemp(beside, O_CLOEXEC);
    if (fd < 0)
        return err_sys(err, errno, "cannot write %s", path);
    if (file_fill(fd, bytes, length, mode, err) < 0) {
        unlink(beside);
        return err_wrap(err, "cannot write %s", path);
    }
    if (rename(beside, path) < 0) {
        int sys = errno;
        unlink(beside);
        return err_sys(err, sys, "cannot write %s", path);
    }
    AUTO_TEXT folder = file_dirname(path);
    return file_sync_dir(folder, err);
}

/* The last part is opened without following a symlink and looked at through the descriptor, so
 * that nobody can exchange it in between. */
static int file_check_dir(const char *path, struct err *err) {
    AUTO_FD fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == ELOOP)
        return err_set(err, ERR_REFUSED, "%s is a symbolic link", path);
    if (fd < 0 && errno == ENOTDIR) {
        struct stat info;
        bool link = lstat(path, &info) == 0 && S_ISLNK(info.st_mode);
        return err_set(err, ERR_REFUSED, "%s is %s", path,
                       link ? "a symbolic link" : "not a folder");
    }
    if (fd < 0)
        return err_sys(err, errno, "cannot open %s", path);
    struct stat info;
    if (fstat(fd, &info) < 0)
        return err_sys(err, errno, "cannot open %s", path);
    if (info.st_uid != geteuid())
        return err_set(err, ERR_REFUSED, "%s belongs to another user (uid %u)", path,
                       (unsigned)info.st_uid);
    return 0;
}

/* With `lasting` its name is on disk, too, where it was made here. */
static int dir_make(const char *folder, mode_t mode, bool lasting, struct err *err) {
    if (mkdir(folder, mode) < 0)
        return errno == EEXIST ? 0 : err_sys(err, errno, "cannot make the folder %s", folder);
    AUTO_TEXT above = lasting ? file_dirname(folder) : NULL;
    return lasting ? file_sync_dir(above, err) : 0;
}

static int dirs_make(const char *path, mode_t mode, bool lasting, struct err *err) {
    AUTO_TEXT folder = mem_strdup(path);
    /* Behind a trailing slash the kernel would follow a symlink. */
    for (size_t end = strlen(folder); end > 1 && folder[end - 1] == '/'; end--)
        folder[end - 1] = '\0';
    for (char *at = folder + 1; *folder && *at; at++) {
        if (*at != '/')
            continue;
        *at = '\0';
        if (dir_make(folder, mode, lasting, err) < 0)
            return -1;
        *at = '/';
    }
    if (dir_make(folder, mode, lasting, err) < 0)
        return -1;
    return file_check_dir(folder, err);
}

int file_make_dir(const char *path, mode_t mode, struct err *err) {
    return dirs_make(path, mode, false, err);
}

int file_make_lasting_dir(const char *path, mode_t mode, struct err *err) {
    return dirs_make(path, mode, true, err);
}

int file_sync_dir(const char *path, struct err *err) {
    AUTO_FD fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) < 0)
        return err_sys(err, errno, "cannot sync the folder %s", path);
    return 0;
}

bool file_exists(const char *path) {
    return access(path, F_OK) == 0;
}

bool file_dir_is_empty(const char *path) {
    size_t entries = 0;
    DIR *dir = opendir(path);
    /* Two of them are the folder itself and the one above. */
    while (dir && entries < 3 && readdir(dir))
        entries++;
    if (dir)
        closedir(dir);
    return entries < 3;
}

char *file_resolve(const char *base_file, const char *name) {
    if (name[0] == '/' || !base_file)
        return mem_strdup(name);
    AUTO_TEXT folder = file_dirname(base_file);
    if (text_equal(folder, "."))
        return mem_strdup(name);
    return mem_printf("%s%s%s", folder, text_equal(folder, "/") ? "" : "/", name);
}

char *file_dirname(const char *path) {
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    while (length > 0 && path[length - 1] != '/')
        length--;
    while (length > 1 && path[length - 1] == '/')
        length--;
    return length ? mem_strndup(path, length) : mem_strdup(".");
}

const char *file_basename(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

void file_close(int *fd) {
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* What the holder wrote, shown safely; "another process" where it has not written yet. */
static char *lock_owner(int fd) {
    char text[OWNER_MAX];
    ssize_t got = pread(fd, text, sizeof text, 0);
    size_t length = got > 0 ? (size_t)got : 0;
    const char *end = memchr(text, '\n', length);
    if (end)
        length = (size_t)(end - text);
    if (length == 0)
        return mem_strdup("another process");
    AUTO_BUF shown = BUF_INIT(OWNER_MAX * 8);
    text_escape(&shown, text, length, false);
    return buf_detach(&shown);
}

/* Whether the locked file is still the one that others would open. */
static bool lock_is_current(int fd, const char *path) {
    struct stat held, there;
    return fstat(fd, &held) == 0 && stat(path, &there) == 0 && held.st_dev == there.st_dev &&
           held.st_ino == there.st_ino;
}

static int lock_take(const char *path, int *ret_fd, struct err *err) {
    AUTO_FD fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
    if (fd < 0)
        return err_sys(err, errno, "cannot open the lock %s", path);
    int done;
    do
        done = flock(fd, LOCK_EX | LOCK_NB);
    while (done < 0 && errno == EINTR);
    if (done < 0 && errno == EWOULDBLOCK) {
        AUTO_TEXT owner = lock_owner(fd);
        return err_set(err, ERR_BUSY, "%s is held by %s", path, owner);
    }
    if (done < 0)
        return err_sys(err, errno, "cannot lock %s", path);
    if (!lock_is_current(fd, path))
        return 0;
    *ret_fd = fd;
    fd = -1;
    return 0;
}

/* Whoever reads it meanwhile finds one line or the other. */
int file_lock_tell(int fd, const char *owner, struct err *err) {
    AUTO_TEXT line = mem_printf("%.*s\n", (int)(OWNER_MAX - 1), owner);
    const size_t length = strlen(line);
    if (pwrite(fd, line, length, 0) != (ssize_t)length || ftruncate(fd, (off_t)length) < 0)
        return err_sys(err, errno, "cannot write who holds it");
    return 0;
}

int file_lock(const char *path, const char *owner, int *ret_fd, struct err *err) {
    AUTO_FD fd = -1;
    /* Somebody may remove the file between open and flock: then the lock would be on a file that
     * nobody sees. */
    while (fd < 0)
        if (lock_take(path, &fd, err) < 0)
            return -1;
    if (file_lock_tell(fd, owner, err) < 0)
        return err_wrap(err, "the lock %s", path);
    *ret_fd = fd;
    fd = -1;
    return 0;
}

void file_unlock(int *fd) {
    if (*fd < 0)
        return;
    /* LOCK_UN also frees it for a child that still has a copy of the descriptor. */
    flock(*fd, LOCK_UN);
    file_close(fd);
}
