#include <git2.h>
#include <limits.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/text.h"
#include "io/module.h"
#include "io/repo_git.h"

#define REMOTE_URL "remote.origin.url"

int repo_git_fail(struct err *err, const char *format, ...) {
    const git_error *last = git_error_last();
    va_list args;
    va_start(args, format);
    AUTO_TEXT what = mem_vprintf(format, args);
    va_end(args);
    const char *why = last ? last->message : "unknown reason";
    size_t length = strlen(why);
    while (length > 0 && strchr(": ", why[length - 1])) /* there is no more to say */
        length--;
    return err_set(err, ERR_SYSTEM, "%s: %.*s", what, (int)length, why);
}

/* "https://user:token@host/x" tells "https://host/x". */
char *repo_git_url_shown(const char *url) {
    const char *scheme = strstr(url, "://");
    const char *host = scheme ? scheme + 3 : url;
    size_t authority = strcspn(host, "/");
    const char *at = scheme ? memrchr(host, '@', authority) : NULL;
    if (!at)
        return mem_strdup(url);
    return mem_printf("%.*s%s", (int)(host - url), url, at + 1);
}

/* As it is configured: git_remote_lookup of libgit2 1.5 loses 20 KB for each line of the
 * configuration, which it matches against url.*.insteadOf. */
static value remote_value(git_repository *repository) {
    git_config *config = NULL;
    git_buf text = GIT_BUF_INIT;
    value found = value_null();
    if (git_repository_config(&config, repository) == 0 &&
        git_config_get_string_buf(&text, config, REMOTE_URL) == 0) {
        AUTO_TEXT url = repo_git_url_shown(text.ptr);
        found = value_string(url);
    }
    git_buf_dispose(&text);
    git_config_free(config);
    return found;
}

static int changed(const char *path, unsigned int flags, void *user) {
    (void)path;
    (void)flags;
    *(bool *)user = true;
    return 1; /* one is enough */
}

static bool is_dirty(git_repository *repository, const char *file) {
    git_status_options options;
    bool dirty = false;
    unsigned int flags = 0;
    git_status_options_init(&options, GIT_STATUS_OPTIONS_VERSION);
    options.flags = GIT_STATUS_OPT_EXCLUDE_SUBMODULES;
    git_status_foreach_ext(repository, &options, changed, &dirty);
    const char *root = git_repository_workdir(repository);
    if (!dirty && root && text_starts_with(file, root) &&
        git_status_file(&flags, repository, file + strlen(root)) == 0)
        dirty = flags != GIT_STATUS_CURRENT;
    return dirty;
}

static value head_value(git_repository *repository) {
    git_reference *head = NULL;
    char commit[GIT_OID_HEXSZ + 1] = "";
    value found = value_object();
    if (git_repository_head(&head, repository) == 0 && git_reference_target(head)) {
        git_oid_tostr(commit, sizeof commit, git_reference_target(head));
        found = value_set(found, "branch", value_string(git_reference_shorthand(head)));
    }
    git_reference_free(head);
    return value_set(found, "commit", *commit ? value_string(commit) : value_null());
}

static int describe(const char *path, value *ret, struct err *err) {
    git_repository *repository = NULL;
    char *file = realpath(path, NULL);
    git_libgit2_init();
    if (!file || git_repository_open_ext(&repository, file, 0, NULL) < 0) {
        free(file);
        return repo_git_fail(err, "opening the git repository of the runbook");
    }
    *ret = head_value(repository);
    *ret = value_set(*ret, "dirty", value_bool(is_dirty(repository, file)));
    *ret = value_set(*ret, "remote", remote_value(repository));
    git_repository_free(repository);
    git_libgit2_shutdown();
    free(file);
    return 0;
}

static const struct repo_module module = {
    .act = repo_git_act,
    .describe = describe,
    .open = repo_git_open,
    .close = repo_git_close,
    .read = repo_git_read,
    .list = repo_git_list,
    .head = repo_git_head,
    .add_file = repo_git_add_file,
    .add_text = repo_git_add_text,
    .draft = repo_git_draft,
    .commit = repo_git_commit,
};

MODULE_EXPORT(git, &module)
