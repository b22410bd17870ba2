/* Keeping files: a commit is made from HEAD's tree and the added files alone, so that whatever
 * else lies in the index or the work tree stays as it is. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <git2.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/vec.h"
#include "io/repo_git.h"

#define PIECE ((size_t)65536)

struct addition {
    char *path;
    git_oid id;
};

struct repo {
    git_repository *git;
    char *path;         /* as it was given */
    char *branch;       /* the reference that HEAD names; NULL: HEAD is detached */
    git_commit *parent; /* HEAD's; NULL: there is no commit yet */
    git_tree *base;     /* its tree */
    VEC(struct addition) additions;
};

/* ---- opening ------------------------------------------------------------------------------- */

void repo_git_close(struct repo *repo) {
    if (!repo)
        return;
    for (size_t i = 0; i < repo->additions.count; i++)
        mem_free(repo->additions.items[i].path);
    vec_release(&repo->additions);
    git_tree_free(repo->base);
    git_commit_free(repo->parent);
    git_repository_free(repo->git);
    mem_free(repo->branch);
    mem_free(repo->path);
    mem_free(repo);
    git_libgit2_shutdown();
}

/* Nothing there, or a folder of nothing: a place where a repository may be made. */
static bool is_vacant(const char *path) {
    DIR *dir = opendir(path);
    bool is_empty = true;
    if (!dir)
        return errno == ENOENT;
    for (const struct dirent *entry; is_empty && (entry = readdir(dir));)
        is_empty = text_equal(entry->d_name, ".") || text_equal(entry->d_name, "..");
    closedir(dir);
    return is_empty;
}

/* A repository in another's work tree would be in that one's way. */
static bool is_within(const char *path) {
    git_buf found = {0};
    AUTO_TEXT at = file_dirname(path);
    while (!file_exists(at) && !text_equal(at, "/") && !text_equal(at, ".")) {
        char *above = file_dirname(at);
        mem_free(at);
        at = above;
    }
    const bool is = git_repository_discover(&found, at, 0, NULL) == 0;
    git_buf_dispose(&found);
    return is;
}

static int make_repository(struct repo *repo, struct err *err) {
    git_repository_init_options options;
    if (is_within(repo->path)) {
        err_set(err, ERR_INVALID, "%s would lie within another git repository", repo->path);
        return err_hint(err, "name that one, or run `git init` there if one within it is meant");
    }
    git_repository_init_options_init(&options, GIT_REPOSITORY_INIT_OPTIONS_VERSION);
    options.flags = GIT_REPOSITORY_INIT_MKPATH | GIT_REPOSITORY_INIT_NO_REINIT;
    if (git_repository_init_ext(&repo->git, repo->path, &options) < 0)
        return repo_git_fail(err, "making the git repository %s", repo->path);
    return 0;
}

static int find_repository(struct repo *repo, bool make, struct err *err) {
    struct stat info;
    const int status =
        git_repository_open_ext(&repo->git, repo->path, GIT_REPOSITORY_OPEN_NO_SEARCH, NULL);
    if (status == 0)
        return 0;
    if (status != GIT_ENOTFOUND)
        return repo_git_fail(err, "opening the git repository %s", repo->path);
    if (stat(repo->path, &info) == 0 && !S_ISDIR(info.st_mode))
        return err_set(err, ERR_INVALID, "%s is a file, and no git repository", repo->path);
    if (make && is_vacant(repo->path))
        return make_repository(repo, err);
    err_set(err, ERR_INVALID, "%s is no git repository%s", repo->path,
            make ? ", and not an empty folder" : "");
    return make ? err_hint(err, "run `git init` there if it is to be one") : -1;
}

static int read_head(struct repo *repo, struct err *err) {
    git_reference *head = NULL;
    git_oid id = {{0}};
    if (git_reference_lookup(&head, repo->git, "HEAD") < 0)
        return repo_git_fail(err, "reading HEAD of %s", repo->path);
    if (git_reference_type(head) == GIT_REFERENCE_SYMBOLIC)
        repo->branch = mem_strdup(git_reference_symbolic_target(head));
    git_reference_free(head);
    const int status = git_reference_name_to_id(&id, repo->git, "HEAD");
    if (status == GIT_ENOTFOUND)
        return 0;
    if (status < 0 || git_commit_lookup(&repo->parent, repo->git, &id) < 0 ||
        git_commit_tree(&repo->base, repo->parent) < 0)
        return repo_git_fail(err, "reading HEAD of %s", repo->path);
    return 0;
}

int repo_git_open(const char *path, bool make, struct repo **ret, struct err *err) {
    struct repo *repo = mem_zalloc(sizeof *repo);
    git_libgit2_init();
    repo->path = mem_strdup(path);
    if (find_repository(repo, make, err) < 0 || read_head(repo, err) < 0) {
        repo_git_close(repo);
        return -1;
    }
    *ret = repo;
    return 0;
}

/* ---- reading ------------------------------------------------------------------------------- */

/* The entry at HEAD: 1, 0 where there is none, or -1. */
static int entry_find(const struct repo *repo, const char *path, git_tree_entry **ret,
                      struct err *err) {
    const int status = repo->base ? git_tree_entry_bypath(ret, repo->base, path) : GIT_ENOTFOUND;
    if (status == GIT_ENOTFOUND)
        return 0;
    return status < 0 ? repo_git_fail(err, "looking for %s in %s", path, repo->path) : 1;
}

int repo_git_read(struct repo *repo, const char *path, char **ret, size_t *ret_length,
                  struct err *err) {
    git_tree_entry *entry = NULL;
    git_blob *blob = NULL;
    const int found = entry_find(repo, path, &entry, err);
    if (found <= 0)
        return found;
    const int status = git_blob_lookup(&blob, repo->git, git_tree_entry_id(entry));
    git_tree_entry_free(entry);
    if (status < 0)
        return repo_git_fail(err, "reading %s of %s", path, repo->path);
    *ret_length = (size_t)git_blob_rawsize(blob);
    *ret = mem_alloc(*ret_length + 1);
    memcpy(*ret, git_blob_rawcontent(blob), *ret_length);
    (*ret)[*ret_length] = '\0';
    git_blob_free(blob);
    return 1;
}

value repo_git_list(struct repo *repo, const char *path) {
    git_tree_entry *entry = NULL;
    git_tree *tree = NULL;
    AUTO_ERR ignored = ERR_INIT;
    value list = value_array();
    if (entry_find(repo, path, &entry, &ignored) > 0 &&
        git_tree_lookup(&tree, repo->git, git_tree_entry_id(entry)) == 0)
        for (size_t i = 0; i < git_tree_entrycount(tree); i++)
            list = value_append(list,
                                value_string(git_tree_entry_name(git_tree_entry_byindex(tree, i))));
    git_tree_free(tree);
    git_tree_entry_free(entry);
    return list;
}

value repo_git_head(struct repo *repo) {
    static const char heads[] = "refs/heads/";
    char id[REPO_COMMIT_SIZE] = "";
    const char *branch = repo->branch;
    if (branch && text_starts_with(branch, heads))
        branch += strlen(heads);
    if (repo->parent)
        git_oid_tostr(id, sizeof id, git_commit_id(repo->parent));
    value head = value_set(value_object(), "commit", value_string(*id ? id : NULL));
    return value_set(head, "branch", value_string(branch));
}

/* ---- adding -------------------------------------------------------------------------------- */

static void addition_add(struct repo *repo, const char *path, const git_oid *id) {
    struct addition *addition = vec_add(&repo->additions);
    addition->path = mem_strdup(path);
    addition->id = *id;
}

int repo_git_add_text(struct repo *repo, const char *path, const char *text, struct err *err) {
    git_oid id = {{0}};
    if (git_blob_create_from_buffer(&id, repo->git, text, strlen(text)) < 0)
        return repo_git_fail(err, "storing %s in %s", path, repo->path);
    addition_add(repo, path, &id);
    return 0;
}

/* -1 with errno where the file cannot be read, -2 where git says no. */
static int stream_fill(git_writestream *stream, int fd, uint64_t length) {
    AUTO_TEXT piece = mem_alloc(PIECE);
    while (length > 0) {
        const ssize_t got = read(fd, piece, length < PIECE ? (size_t)length : PIECE);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 ? -1 : 0;
        if (stream->write(stream, piece, (size_t)got) < 0)
            return -2;
        length -= (uint64_t)got;
    }
    return 0;
}

/* Without a hint of its path: git's filters would make other bytes of it. */
int repo_git_add_file(struct repo *repo, const char *path, const char *file, uint64_t length,
                      struct err *err) {
    git_writestream *stream = NULL;
    git_oid id = {{0}};
    AUTO_FD fd = open(file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return err_sys(err, errno, "cannot read %s", file);
    if (git_blob_create_from_stream(&stream, repo->git, NULL) < 0)
        return repo_git_fail(err, "storing %s in %s", path, repo->path);
    const int status = stream_fill(stream, fd, length);
    if (status < 0) {
        const int sys = errno;
        stream->free(stream);
        return status == -1 ? err_sys(err, sys, "cannot read %s", file)
                            : repo_git_fail(err, "storing %s in %s", path, repo->path);
    }
    if (git_blob_create_from_stream_commit(&id, stream) < 0)
        return repo_git_fail(err, "storing %s in %s", path, repo->path);
    addition_add(repo, path, &id);
    return 0;
}

/* ---- what must not be touched -------------------------------------------------------------- */

/* What is at HEAD, or is to be there, is nobody's change. */
static bool is_ours(const git_oid *seen, const git_oid *old, const git_oid *new) {
    return git_oid_equal(seen, new) || (old && git_oid_equal(seen, old));
}

static int refuse(const struct repo *repo, const char *path, const char *why, struct err *err) {
    err_set(err, ERR_REFUSED, "`%s` in %s %s", path, repo->path, why);
    return err_hint(err, "commit or remove it there first");
}

/* Folders on the way to the file: none may be a link or a file, on disk or in the index. */
static int parents_check(const struct repo *repo, git_index *index, const char *path,
                         struct err *err) {
    const char *root = git_repository_workdir(repo->git);
    for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
        struct stat info;
        AUTO_TEXT folder = mem_strndup(path, (size_t)(slash - path));
        AUTO_TEXT place = mem_printf("%s%s", root, folder);
        const bool is_there = lstat(place, &info) == 0;
        if ((is_there && !S_ISDIR(info.st_mode)) || git_index_get_bypath(index, folder, 0))
            return refuse(repo, folder, "is in the way: it is not a folder", err);
    }
    return 0;
}

static int place_check(const struct repo *repo, git_index *index, const struct addition *addition,
                       const git_oid *old, struct err *err) {
    struct stat info;
    git_oid seen;
    AUTO_TEXT place = mem_printf("%s%s", git_repository_workdir(repo->git), addition->path);
    const git_index_entry *entry = git_index_get_bypath(index, addition->path, 0);
    if (parents_check(repo, index, addition->path, err) < 0)
        return -1;
    if (entry && !is_ours(&entry->id, old, &addition->id))
        return refuse(repo, addition->path, "has staged changes", err);
    if (lstat(place, &info) < 0)
        return 0;
    if (!S_ISREG(info.st_mode) || git_odb_hashfile(&seen, place, GIT_OBJECT_BLOB) < 0 ||
        !is_ours(&seen, old, &addition->id))
        return refuse(repo, addition->path, "has changes that are not committed", err);
    return 0;
}

/* Keeps of the additions those that differ from HEAD. */
static int additions_sift(struct repo *repo, git_index *index, struct err *err) {
    size_t kept = 0;
    for (size_t i = 0; i < repo->additions.count; i++) {
        struct addition *addition = &repo->additions.items[i];
        git_tree_entry *entry = NULL;
        int status = entry_find(repo, addition->path, &entry, err);
        const git_oid *old = status > 0 ? git_tree_entry_id(entry) : NULL;
        const bool is_same = old && git_oid_equal(old, &addition->id);
        if (status >= 0 && !is_same && index)
            status = place_check(repo, index, addition, old, err);
        git_tree_entry_free(entry);
        if (status < 0)
            return -1;
        struct addition moved = *addition;
        addition->path = NULL;
        if (is_same)
            mem_free(moved.path);
        else
            repo->additions.items[kept++] = moved;
    }
    repo->additions.count = kept;
    return 0;
}

/* ---- the draft ----------------------------------------------------------------------------- */

static int state_check(const struct repo *repo, struct err *err) {
    if (!repo->branch) {
        err_set(err, ERR_REFUSED, "HEAD of %s is detached: the commit would be on no branch",
                repo->path);
        return err_hint(err, "check a branch out there");
    }
    if (git_repository_state(repo->git) != GIT_REPOSITORY_STATE_NONE) {
        err_set(err, ERR_REFUSED, "a merge, a rebase or the like is under way in %s", repo->path);
        return err_hint(err, "end it first");
    }
    return 0;
}

static int tree_make(const struct repo *repo, git_tree **ret, struct err *err) {
    const size_t count = repo->additions.count;
    git_tree_update *updates = mem_calloc(count, sizeof *updates);
    git_oid id = {{0}};
    for (size_t i = 0; i < count; i++)
        updates[i] = (git_tree_update){.action = GIT_TREE_UPDATE_UPSERT,
                                       .id = repo->additions.items[i].id,
                                       .filemode = GIT_FILEMODE_BLOB,
                                       .path = repo->additions.items[i].path};
    int status = git_tree_create_updated(&id, repo->git, repo->base, count, updates);
    if (status == 0)
        status = git_tree_lookup(ret, repo->git, &id);
    mem_free(updates);
    return status < 0 ? repo_git_fail(err, "making the tree in %s", repo->path) : 0;
}

/* Whoever runs this, where git has no name for them. */
static int identity_make(const struct repo *repo, git_signature **ret, struct err *err) {
    if (git_signature_default(ret, repo->git) == 0)
        return 0;
    const struct passwd *account = getpwuid(geteuid());
    char host[256] = "localhost";
    gethostname(host, sizeof host - 1);
    AUTO_TEXT user = account ? mem_strdup(account->pw_name) : mem_printf("uid%ld", (long)geteuid());
    AUTO_TEXT address = mem_printf("%s@%s", user, host);
    if (git_signature_now(ret, user, address) < 0)
        return repo_git_fail(err, "the committer `%s`", address);
    return 0;
}

static char *setting(git_config *config, const char *name) {
    git_buf text = {0};
    char *copy = NULL;
    if (git_config_get_string_buf(&text, config, name) == 0 && text.size > 0)
        copy = mem_strdup(text.ptr);
    git_buf_dispose(&text);
    return copy;
}

void repo_git_signing(git_repository *git, const char *wanted, struct repo_draft *draft) {
    git_config *config = NULL;
    int is_on = 0;
    if (git_repository_config_snapshot(&config, git) < 0)
        return;
    if (git_config_get_bool(&is_on, config, wanted) == 0 && is_on) {
        draft->format = setting(config, "gpg.format");
        if (!draft->format)
            draft->format = mem_strdup("openpgp");
        AUTO_TEXT name = mem_printf("gpg.%s.program", draft->format);
        draft->program = setting(config, name);
        if (!draft->program && text_equal(draft->format, "openpgp"))
            draft->program = setting(config, "gpg.program");
        draft->key = setting(config, "user.signingkey");
    }
    git_config_free(config);
}

static int draft_write(const struct repo *repo, const char *message, const git_tree *tree,
                       struct repo_draft *draft, struct err *err) {
    git_signature *identity = NULL;
    git_buf text = {0};
    const git_commit *parents[] = {repo->parent};
    if (identity_make(repo, &identity, err) < 0)
        return -1;
    draft->committer = mem_printf("%s <%s>", identity->name, identity->email);
    const int status = git_commit_create_buffer(&text, repo->git, identity, identity, NULL, message,
                                                tree, repo->parent ? 1 : 0, parents);
    git_signature_free(identity);
    if (status == 0)
        buf_append(&draft->text, text.ptr, text.size);
    git_buf_dispose(&text);
    return status < 0 ? repo_git_fail(err, "making the commit in %s", repo->path) : 0;
}

int repo_git_draft(struct repo *repo, const char *message, struct repo_draft *ret,
                   struct err *err) {
    git_index *index = NULL;
    git_tree *tree = NULL;
    if (!git_repository_is_bare(repo->git) && git_repository_index(&index, repo->git) < 0)
        return repo_git_fail(err, "reading the index of %s", repo->path);
    int status = additions_sift(repo, index, err);
    git_index_free(index);
    if (status < 0 || repo->additions.count == 0)
        return status;
    if (state_check(repo, err) < 0 || tree_make(repo, &tree, err) < 0)
        return -1;
    status = draft_write(repo, message, tree, ret, err);
    git_tree_free(tree);
    if (status < 0)
        return -1;
    repo_git_signing(repo->git, "commit.gpgsign", ret);
    return 1;
}

/* ---- the commit ---------------------------------------------------------------------------- */

static int index_fill(const struct repo *repo, git_index *index) {
    for (size_t i = 0; i < repo->additions.count; i++) {
        const struct addition *addition = &repo->additions.items[i];
        const git_index_entry entry = {
            .path = addition->path, .id = addition->id, .mode = GIT_FILEMODE_BLOB};
        if (git_index_add(index, &entry) < 0)
            return -1;
    }
    return git_index_write(index); /* refused where another has it locked */
}

static int files_write(const struct repo *repo, git_index *index) {
    git_checkout_options options;
    const size_t count = repo->additions.count;
    char **paths = mem_calloc(count, sizeof *paths);
    for (size_t i = 0; i < count; i++)
        paths[i] = repo->additions.items[i].path;
    git_checkout_options_init(&options, GIT_CHECKOUT_OPTIONS_VERSION);
    options.checkout_strategy = GIT_CHECKOUT_FORCE | GIT_CHECKOUT_DISABLE_PATHSPEC_MATCH;
    options.disable_filters = 1;
    options.paths = (git_strarray){paths, count};
    const int status = git_checkout_index(repo->git, index, &options);
    mem_free(paths);
    return status;
}

static int work_tree_update(const struct repo *repo, struct err *err) {
    git_index *index = NULL;
    if (git_repository_is_bare(repo->git))
        return 0;
    int status = git_repository_index(&index, repo->git);
    if (status == 0)
        status = index_fill(repo, index);
    if (status == 0)
        status = files_write(repo, index);
    git_index_free(index);
    return status < 0 ? repo_git_fail(err, "updating the work tree of %s", repo->path) : 0;
}

/* Whether the branch, which is locked now, still is where it was read. */
static bool is_unmoved(const struct repo *repo) {
    git_oid id = {{0}};
    const int status = git_reference_name_to_id(&id, repo->git, repo->branch);
    if (!repo->parent)
        return status == GIT_ENOTFOUND;
    return status == 0 && git_oid_equal(&id, git_commit_id(repo->parent));
}

static int branch_move(const struct repo *repo, git_transaction *transaction, const git_oid *id,
                       struct err *err) {
    static const char log[] = "commit: runbook archive";
    if (git_transaction_lock_ref(transaction, repo->branch) < 0)
        return repo_git_fail(err, "locking the branch of %s", repo->path);
    if (!is_unmoved(repo))
        return err_set(err, ERR_BUSY, "somebody else has just committed to %s", repo->path);
    if (work_tree_update(repo, err) < 0)
        return -1;
    if (git_transaction_set_target(transaction, repo->branch, id, NULL, log) < 0 ||
        git_transaction_commit(transaction) < 0)
        return repo_git_fail(err, "moving the branch of %s", repo->path);
    return 0;
}

/* All locks are taken before anything changes: the branch's, then the index's. */
int repo_git_commit(struct repo *repo, const struct repo_draft *draft, const char *signature,
                    char ret[REPO_COMMIT_SIZE], struct err *err) {
    git_oid id = {{0}};
    git_transaction *transaction = NULL;
    if (git_commit_create_with_signature(&id, repo->git, buf_text(&draft->text), signature, NULL) <
            0 ||
        git_transaction_new(&transaction, repo->git) < 0)
        return repo_git_fail(err, "storing the commit in %s", repo->path);
    const int status = branch_move(repo, transaction, &id, err);
    git_transaction_free(transaction);
    git_oid_tostr(ret, REPO_COMMIT_SIZE, &id);
    return status;
}
