/* What the files of the module "git" share. */
#ifndef IO_REPO_GIT_H
#define IO_REPO_GIT_H

#include "io/repo_module.h"

/* "<what>: <libgit2's reason>" */
int repo_git_fail(struct err *err, const char *format, ...) PRINTF_LIKE(2, 3);

int repo_git_open(const char *path, bool make, struct repo **ret, struct err *err) MUST_USE;
void repo_git_close(struct repo *repo);
int repo_git_read(struct repo *repo, const char *path, char **ret, size_t *ret_length,
                  struct err *err) MUST_USE;
value repo_git_list(struct repo *repo, const char *path);
value repo_git_head(struct repo *repo);
int repo_git_add_file(struct repo *repo, const char *path, const char *file, uint64_t length,
                      struct err *err) MUST_USE;
int repo_git_add_text(struct repo *repo, const char *path, const char *text,
                      struct err *err) MUST_USE;
int repo_git_draft(struct repo *repo, const char *message, struct repo_draft *ret,
                   struct err *err) MUST_USE;
int repo_git_commit(struct repo *repo, const struct repo_draft *draft, const char *signature,
                    char ret[REPO_COMMIT_SIZE], struct err *err) MUST_USE;

#endif
