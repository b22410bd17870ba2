#include "io/repo.h"

#include <stdlib.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "io/module.h"
#include "io/repo_module.h"
#include "io/repo_sign.h"

/* A look at the folders above costs nothing; loading libgit2 costs some milliseconds. */
static bool is_in_repository(const char *path) {
    char *resolved = realpath(path, NULL);
    bool found = false;
    for (char *slash = resolved ? strrchr(resolved, '/') : NULL; slash && !found;
         slash = strrchr(resolved, '/')) {
        *slash = '\0';
        AUTO_TEXT git = mem_printf("%s/.git", resolved);
        found = file_exists(git);
    }
    free(resolved);
    return found;
}

int repo_describe(const char *path, value *ret, struct err *err) {
    *ret = value_null();
    if (!is_in_repository(path))
        return 0;
    const struct repo_module *module = MODULE_LOAD(git, err);
    return module ? module->describe(path, ret, err) : -1;
}

/* ---- a repository that keeps files --------------------------------------------------------- */

/* Behind repo_open the module is loaded, and stays. */
static const struct repo_module *opened(void) {
    return MODULE_LOAD(git, NULL);
}

int repo_open(const char *path, bool make, struct repo **ret, struct err *err) {
    const struct repo_module *module = MODULE_LOAD(git, err);
    return module ? module->open(path, make, ret, err) : -1;
}

void repo_close(struct repo *repo) {
    if (repo)
        opened()->close(repo);
}

int repo_read(struct repo *repo, const char *path, char **ret, size_t *ret_length,
              struct err *err) {
    return opened()->read(repo, path, ret, ret_length, err);
}

value repo_list(struct repo *repo, const char *path) {
    return opened()->list(repo, path);
}

value repo_head(struct repo *repo) {
    return opened()->head(repo);
}

int repo_add_file(struct repo *repo, const char *path, const char *file, uint64_t length,
                  struct err *err) {
    return opened()->add_file(repo, path, file, length, err);
}

int repo_add_text(struct repo *repo, const char *path, const char *text, struct err *err) {
    return opened()->add_text(repo, path, text, err);
}

void repo_draft_release(struct repo_draft *draft) {
    buf_release(&draft->text);
    mem_free(draft->format);
    mem_free(draft->program);
    mem_free(draft->key);
    mem_free(draft->committer);
}

int repo_commit(struct repo *repo, const char *message, bool interactive, struct repo_commit *ret,
                struct err *err) {
    struct repo_draft draft = {.text = BUF_INIT(REPO_DRAFT_MAX)};
    AUTO_TEXT signature = NULL;
    int status = opened()->draft(repo, message, &draft, err);
    if (status > 0 && draft.format && repo_sign(&draft, interactive, &signature, err) < 0)
        status = -1;
    if (status > 0 && opened()->commit(repo, &draft, signature, ret->id, err) < 0)
        status = -1;
    if (status <= 0)
        ret->id[0] = '\0';
    ret->is_signed = signature != NULL;
    repo_draft_release(&draft);
    return status;
}
