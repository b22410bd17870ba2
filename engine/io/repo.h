/* Git repositories by libgit2, a module loaded where there is a repository to look at. */
#ifndef IO_REPO_H
#define IO_REPO_H

#include "value/value.h"

/* What git knows of the repository around a file: {commit, branch, dirty, remote}, owned; null
 * where the file stands in none. `dirty`: some tracked file differs from the commit, or the file
 * itself is not tracked. The remote's URL is given without user and password. */
int repo_describe(const char *path, value *ret, struct err *err) MUST_USE;

#endif
