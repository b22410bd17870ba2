/* Git repositories by libgit2, a module loaded where there is a repository to look at. */
#ifndef IO_REPO_H
#define IO_REPO_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "value/value.h"

#define REPO_COMMIT_SIZE 41 /* hex and NUL */

/* What git knows of the repository around a file: {commit, branch, dirty, remote}, owned; null
 * where the file stands in none. `dirty`: some tracked file differs from the commit, or the file
 * itself is not tracked. The remote's URL is given without user and password. */
int repo_describe(const char *path, value *ret, struct err *err) MUST_USE;

/* ---- a repository that keeps files --------------------------------------------------------- */

/* The repository at `path`: its top folder, or the folder of a bare one; it is not looked for
 * above. With `make`, one with a work tree is made where there is nothing, or an empty folder. */
struct repo;
int repo_open(const char *path, bool make, struct repo **ret, struct err *err) MUST_USE;
void repo_close(struct repo *repo);

/* The bytes of a file at HEAD: 1 and *ret, which the caller frees, or 0 where it has none. */
int repo_read(struct repo *repo, const char *path, char **ret, size_t *ret_length,
              struct err *err) MUST_USE;
/* Names in a folder at HEAD, as an array, owned; empty where there is none. */
value repo_list(struct repo *repo, const char *path);
/* The commit and the branch that HEAD is, as far as there are any: {commit, branch}, owned. */
value repo_head(struct repo *repo);

/* The next commit has the first `length` bytes of `file` at `path`. They are stored as they are,
 * without git's filters. */
int repo_add_file(struct repo *repo, const char *path, const char *file, uint64_t length,
                  struct err *err) MUST_USE;
int repo_add_text(struct repo *repo, const char *path, const char *text, struct err *err) MUST_USE;
/* Commits what was added and is not the same at HEAD: 1, or 0 where nothing differs. It touches
 * no other path, neither in the index nor in the work tree, and refuses where one of these has
 * changes that are not committed. Who commits, and with which key, git's configuration says; a
 * program that asks for a passphrase may use the terminal with `interactive`. */
struct repo_commit {
    char id[REPO_COMMIT_SIZE]; /* empty where nothing was committed */
    bool is_signed;
};
int repo_commit(struct repo *repo, const char *message, bool interactive, struct repo_commit *ret,
                struct err *err) MUST_USE;

#endif
