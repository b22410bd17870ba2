/* Removing a folder with everything below it, at any depth and without following symlinks. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/vec.h"

/* A folder being emptied: its name in the one above, and which one that was. Only the current
 * folder is open, so that depth costs no descriptors; the way up is `..`, believed only when it
 * leads to the same folder again. */
struct remove_level {
    char *name;
    dev_t parent_device;
    ino_t parent_inode;
};

struct removal {
    int fd; /* the current folder */
    VEC(struct remove_level) levels;
    const char *path; /* borrowed, for errors */
};

static int remove_failed(const struct removal *removal, const char *name, struct err *err) {
    return err_sys(err, errno, "cannot remove %s in %s", name, removal->path);
}

static int remove_enter(struct removal *removal, const char *name, struct err *err) {
    struct stat here;
    if (fstat(removal->fd, &here) < 0)
        return remove_failed(removal, name, err);
    int below = openat(removal->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (below < 0)
        return remove_failed(removal, name, err);
    *vec_add(&removal->levels) = (struct remove_level){
        .name = mem_strdup(name), .parent_device = here.st_dev, .parent_inode = here.st_ino};
    file_close(&removal->fd);
    removal->fd = below;
    return 0;
}

/* Goes up one level and removes the folder that is empty now. */
static int remove_leave(struct removal *removal, struct err *err) {
    struct remove_level *level = vec_last(&removal->levels);
    struct stat above;
    int fd = openat(removal->fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return remove_failed(removal, level->name, err);
    file_close(&removal->fd);
    removal->fd = fd;
    if (fstat(fd, &above) < 0)
        return remove_failed(removal, level->name, err);
    if (above.st_dev != level->parent_device || above.st_ino != level->parent_inode)
        return err_set(err, ERR_REFUSED, "cannot remove %s: %s was moved meanwhile", removal->path,
                       level->name);
    if (unlinkat(fd, level->name, AT_REMOVEDIR) < 0)
        return remove_failed(removal, level->name, err);
    mem_free(level->name);
    removal->levels.count--;
    return 0;
}

/* Removes what is not a folder; at the first folder enters it: *ret_entered. */
static int remove_files(struct removal *removal, DIR *dir, bool *ret_entered, struct err *err) {
    for (;;) {
        errno = 0;
        struct dirent *entry = readdir(dir);
        if (!entry)
            return errno ? remove_failed(removal, "an entry", err) : 0;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        /* On Linux EISDIR says that it is a folder, whatever d_type said. */
        if (unlinkat(removal->fd, entry->d_name, 0) == 0 || errno == ENOENT)
            continue;
        if (errno != EISDIR)
            return remove_failed(removal, entry->d_name, err);
        *ret_entered = true;
        return remove_enter(removal, entry->d_name, err);
    }
}

static int remove_pass(struct removal *removal, bool *ret_entered, struct err *err) {
    int copy = openat(removal->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = copy < 0 ? NULL : fdopendir(copy);
    if (!dir) {
        int failed = remove_failed(removal, "an entry", err);
        file_close(&copy);
        return failed;
    }
    int result = remove_files(removal, dir, ret_entered, err);
    closedir(dir);
    return result;
}

static int remove_all(struct removal *removal, struct err *err) {
    for (;;) {
        bool entered = false;
        if (remove_pass(removal, &entered, err) < 0)
            return -1;
        if (entered)
            continue;
        if (removal->levels.count == 0)
            return 0;
        if (remove_leave(removal, err) < 0)
            return -1;
    }
}

int file_remove_tree(const char *path, struct err *err) {
    struct removal removal = {.path = path};
    removal.fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (removal.fd < 0)
        return errno == ENOENT ? 0 : err_sys(err, errno, "cannot remove %s", path);
    int result = remove_all(&removal, err);
    while (removal.levels.count > 0)
        mem_free(removal.levels.items[--removal.levels.count].name);
    vec_release(&removal.levels);
    file_close(&removal.fd);
    if (result == 0 && rmdir(path) < 0)
        result = err_sys(err, errno, "cannot remove %s", path);
    return result;
}
