/* What the files of the module "git" share. */
#ifndef IO_REPO_GIT_H
#define IO_REPO_GIT_H

#include <git2.h>

#include "io/repo_module.h"

/* "<what>: <libgit2's reason>" */
int repo_git_fail(struct err *err, const char *format, ...) PRINTF_LIKE(2, 3);

/* A remote's address without user and password; the caller frees. */
char *repo_git_url_shown(const char *url);
/* How git is set up to sign, where the setting `wanted` is on. */
void repo_git_signing(git_repository *git, const char *wanted, struct repo_draft *draft);
int repo_git_act(struct repo_job *job, struct err *err) MUST_USE;

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
