/* Files: read with a ceiling, written atomically, locked so that a lock dies with its holder. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

/* Reads a regular file of at most `ceiling` bytes; NUL-terminated behind *ret_length. A
 * directory, a device or a larger file is an error that says so. The caller frees. */
int file_read(const char *path, size_t ceiling, char **ret, size_t *ret_length,
              struct err *err) MUST_USE;
/* Reads to the end what is open, at most `ceiling` bytes; `name` is for messages. */
int file_read_open(int fd, const char *name, size_t ceiling, char **ret, size_t *ret_length,
                   struct err *err) MUST_USE;
/* Writes beside the target, syncs, renames, syncs the folder. */
int file_write_atomic(const char *path, const void *bytes, size_t length, mode_t mode,
                      struct err *err) MUST_USE;
/* Writes all of it, also through EINTR and short writes. */
int file_write_all(int fd, const void *bytes, size_t length, struct err *err) MUST_USE;
/* Makes the folder and its parents (each `mode`); refuses where the last is a symlink, belongs
 * to another user, or is not a folder. */
int file_make_dir(const char *path, mode_t mode, struct err *err) MUST_USE;
/* The same, and what it made is there after a power cut, too. */
int file_make_lasting_dir(const char *path, mode_t mode, struct err *err) MUST_USE;
/* Removes a folder and all below it without following symlinks. */
int file_remove_tree(const char *path, struct err *err) MUST_USE;
int file_sync_dir(const char *path, struct err *err) MUST_USE;
bool file_exists(const char *path);
bool file_dir_is_empty(const char *path); /* so is one that cannot be looked into */
/* `name` relative to the folder of `base_file`; absolute names stay. The caller frees. */
char *file_resolve(const char *base_file, const char *name);
/* The folder part: "a/b.yaml" is "a", "b.yaml" is ".". The caller frees. */
char *file_dirname(const char *path);
const char *file_basename(const char *path); /* borrowed from `path` */
/* Closes and sets to -1; -1 is legal. */
void file_close(int *fd);
#define AUTO_FD __attribute__((cleanup(file_close))) int

/* Takes an exclusive flock without waiting: 0 and *ret_fd, or -1 with ERR_BUSY and in the
 * message what the holder wrote. `owner` (one line) is written for others to read. The lock ends
 * when *ret_fd is closed or its process dies. */
int file_lock(const char *path, const char *owner, int *ret_fd, struct err *err) MUST_USE;
/* Of a lock that is held: another text for others to read. */
int file_lock_tell(int fd, const char *owner, struct err *err) MUST_USE;
void file_unlock(int *fd);

#endif
