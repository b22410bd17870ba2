/* `commit`, and commits in general: who makes them, and how they are signed. */
#include <stdlib.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/text.h"
#include "io/repo_git_act.h"
#include "io/repo_sign.h"

/* ---- who ------------------------------------------------------------------------------------- */

/* $GIT_COMMITTER_NAME, user.name. */
static char *identity_part(const struct act *act, const char *role, const char *part,
                           const char *setting) {
    AUTO_TEXT variable = mem_printf("GIT_%s_%s", role, part);
    const char *said = getenv(variable);
    git_config *config = NULL;
    git_buf text = GIT_BUF_INIT;
    char *found = said && *said ? mem_strdup(said) : NULL;
    if (!found && git_repository_config(&config, act->git) == 0 &&
        git_config_get_string_buf(&text, config, setting) == 0 && text.size > 0)
        found = mem_strdup(text.ptr);
    git_buf_dispose(&text);
    git_config_free(config);
    return found;
}

int identity_find(const struct act *act, const char *role, git_signature **ret, struct err *err) {
    AUTO_TEXT name = identity_part(act, role, "NAME", "user.name");
    AUTO_TEXT email = identity_part(act, role, "EMAIL", "user.email");
    if (!name || !email) {
        err_set(err, ERR_INVALID, "git does not know who you are: `%s` is not set",
                name ? "user.email" : "user.name");
        return err_hint(err, "git config --global user.name \"Your Name\"; git config --global "
                             "user.email you@example.org");
    }
    if (git_signature_now(ret, name, email) < 0)
        return repo_git_fail(err, "`%s <%s>` cannot sign a commit", name, email);
    return 0;
}

/* ---- commits --------------------------------------------------------------------------------- */

int message_clean(const char *message, char **ret, struct err *err) {
    git_buf clean = GIT_BUF_INIT;
    if (git_message_prettify(&clean, message, 0, '#') < 0)
        return repo_git_fail(err, "the message");
    if (clean.size > 0)
        *ret = mem_strdup(clean.ptr);
    const bool is_empty = clean.size == 0;
    git_buf_dispose(&clean);
    return is_empty ? err_set(err, ERR_INVALID, "the message is empty") : 0;
}

static int draft_write(struct act *act, const char *message, const git_tree *tree,
                       size_t parent_count, const git_commit *parents[], struct repo_draft *draft,
                       struct err *err) {
    git_signature *author = NULL, *committer = NULL;
    git_buf text = GIT_BUF_INIT;
    int status = identity_find(act, "AUTHOR", &author, err);
    if (status == 0)
        status = identity_find(act, "COMMITTER", &committer, err);
    if (status == 0 && git_commit_create_buffer(&text, act->git, author, committer, NULL, message,
                                                tree, parent_count, parents) < 0)
        status = repo_git_fail(err, "making the commit in %s", act->place);
    if (status == 0 && committer) {
        draft->committer = mem_printf("%s <%s>", committer->name, committer->email);
        status = buf_append(&draft->text, text.ptr, text.size);
    }
    git_buf_dispose(&text);
    git_signature_free(author);
    git_signature_free(committer);
    return status;
}

int commit_store(struct act *act, const char *message, const git_tree *tree, size_t parent_count,
                 const git_commit *parents[], git_oid *ret, struct err *err) {
    struct repo_draft draft = {.text = BUF_INIT(REPO_DRAFT_MAX)};
    AUTO_TEXT signature = NULL;
    AUTO_TEXT clean = NULL;
    int status = message_clean(message, &clean, err);
    if (status == 0)
        status = draft_write(act, clean, tree, parent_count, parents, &draft, err);
    if (status == 0) {
        repo_git_signing(act->git, "commit.gpgsign", &draft);
        if (draft.format)
            status = repo_sign(&draft, false, &signature, err);
    }
    if (status == 0 &&
        git_commit_create_with_signature(ret, act->git, buf_text(&draft.text), signature, NULL) < 0)
        status = repo_git_fail(err, "storing the commit in %s", act->place);
    if (status == 0)
        fact_set(act, "signed", value_bool(signature != NULL));
    repo_draft_release(&draft);
    return status;
}

/* ---- the index ------------------------------------------------------------------------------- */

static int path_check(const struct act *act, const char *path, struct err *err) {
    for (const char *part = path; part; part = strchr(part, '/')) {
        part += *part == '/';
        const size_t length = strcspn(part, "/");
        const bool is_up = length == 2 && strncmp(part, "..", 2) == 0;
        if (is_up || (length == 4 && strncasecmp(part, ".git", 4) == 0) || path[0] == '/') {
            err_set(err, ERR_INVALID, "`%s` is no path in %s", path, act->place);
            return err_hint(err, "paths are relative to the top of the repository");
        }
    }
    return 0;
}

static int match_note(const char *path, const char *pathspec, void *user) {
    (void)path, (void)pathspec;
    *(bool *)user = true;
    return 0;
}

static bool is_known(git_index *index, const char *path) {
    size_t at = 0;
    AUTO_TEXT folder = mem_printf("%s/", path);
    return git_index_get_bypath(index, path, 0) || git_index_find_prefix(&at, index, folder) == 0;
}

/* New files, changed ones, and those that are gone; folders with all below them. */
static int path_add(const struct act *act, git_index *index, const char *path, struct err *err) {
    char *one[] = {(char *)(uintptr_t)path};
    const git_strarray paths = {one, 1};
    bool matched = false;
    struct stat info;
    AUTO_TEXT place = mem_printf("%s%s", git_repository_workdir(act->git), path);
    if (path_check(act, path, err) < 0)
        return -1;
    if (lstat(place, &info) < 0 && !is_known(index, path))
        return err_set(err, ERR_INVALID, "there is no `%s` in %s", path, act->place);
    const bool is_all = text_equal(path, ".");
    const git_strarray everything = {NULL, 0};
    if (git_index_add_all(index, is_all ? &everything : &paths,
                          GIT_INDEX_ADD_DISABLE_PATHSPEC_MATCH, match_note, &matched) < 0)
        return repo_git_fail(err, "adding `%s` in %s", path, act->place);
    return 0;
}

static int index_tree(const struct act *act, git_index *index, git_oid *ret, struct err *err) {
    if (git_index_has_conflicts(index)) {
        err_set(err, ERR_REFUSED, "the index of %s has conflicts that are not resolved",
                act->place);
        return err_hint(err, "`git status` there shows them");
    }
    if (git_index_write_tree_to(ret, index, act->git) < 0)
        return repo_git_fail(err, "making the tree in %s", act->place);
    return 0;
}

/* The index becomes exactly the tree `to`, if it still is the tree `from`. */
static int index_swap(struct act *act, const git_oid *from, const git_oid *to, struct err *err) {
    git_index *index = NULL;
    git_tree *tree = NULL;
    git_oid now = {{0}};
    int status = 0;
    if (git_repository_index(&index, act->git) < 0)
        return repo_git_fail(err, "reading the index of %s", act->place);
    status = index_tree(act, index, &now, err);
    if (status == 0 && !git_oid_equal(&now, from))
        status =
            err_set(err, ERR_BUSY, "somebody else has just staged something in %s", act->place);
    if (status == 0 && (git_tree_lookup(&tree, act->git, to) < 0 ||
                        git_index_read_tree(index, tree) < 0 || git_index_write(index) < 0))
        status = repo_git_fail(err, "writing the index of %s", act->place);
    git_tree_free(tree);
    git_index_free(index);
    return status;
}

/* ---- look ------------------------------------------------------------------------------------ */

static int nothing_to_commit(struct act *act, struct err *err) {
    err_set(err, ERR_REFUSED, "there is nothing to commit in %s", act->place);
    if (act->spec->item_count > 0)
        return err_hint(err, "`paths` are as the last commit has them; `when:` on a `status` step "
                             "leaves a commit out that is not needed");
    return err_hint(err, "nothing is staged: name what to add with `paths`, `.` is everything");
}

static int parent_read(struct act *act, const struct head *head, git_commit **ret, git_tree **tree,
                       struct err *err) {
    if (head->is_unborn)
        return 0;
    if (git_commit_lookup(ret, act->git, &head->id) < 0 || git_commit_tree(tree, *ret) < 0)
        return repo_git_fail(err, "reading HEAD of %s", act->place);
    return 0;
}

struct drafting {
    struct head head;
    git_commit *parent;
    git_tree *base, *tree;
    git_index *index;
};

static void drafting_release(struct drafting *drafting) {
    head_release(&drafting->head);
    git_commit_free(drafting->parent);
    git_tree_free(drafting->base);
    git_tree_free(drafting->tree);
    git_index_free(drafting->index);
}

static int drafting_begin(struct act *act, struct drafting *drafting, struct err *err) {
    if (git_repository_is_bare(act->git))
        return err_set(err, ERR_INVALID, "%s is bare: it has no files to commit", act->place);
    if (state_is_free(act, err) < 0 || head_read(act, &drafting->head, err) < 0)
        return -1;
    if (!drafting->head.branch) {
        err_set(err, ERR_REFUSED, "HEAD of %s is detached: the commit would be on no branch",
                act->place);
        return err_hint(err, "check a branch out before it");
    }
    if (git_repository_index(&drafting->index, act->git) < 0)
        return repo_git_fail(err, "reading the index of %s", act->place);
    return parent_read(act, &drafting->head, &drafting->parent, &drafting->base, err);
}

static int commit_draft(struct act *act, struct drafting *drafting, struct err *err) {
    git_oid staged = {{0}}, tree = {{0}}, id = {{0}};
    if (index_tree(act, drafting->index, &staged, err) < 0)
        return -1;
    for (size_t i = 0; i < act->spec->item_count; i++)
        if (path_add(act, drafting->index, act->spec->items[i], err) < 0)
            return -1;
    if (index_tree(act, drafting->index, &tree, err) < 0)
        return -1;
    const bool is_empty = !drafting->base && git_index_entrycount(drafting->index) == 0;
    if (is_empty || (drafting->base && git_oid_equal(git_tree_id(drafting->base), &tree)))
        return nothing_to_commit(act, err);
    if (git_tree_lookup(&drafting->tree, act->git, &tree) < 0)
        return repo_git_fail(err, "making the tree in %s", act->place);
    const git_commit *parents[] = {drafting->parent};
    if (commit_store(act, act->spec->message, drafting->tree, drafting->parent ? 1 : 0, parents,
                     &id, err) < 0)
        return -1;
    fact_set_id(act, "index", &staged);
    fact_set_id(act, "oid", &id);
    fact_move(act, drafting->parent ? &drafting->head.id : NULL, &id);
    fact_set_changes(act, drafting->parent ? &drafting->head.id : NULL, &id);
    return 0;
}

/* In a dry run objects would be a trace: only whether something differs is looked at. */
static int commit_probe(struct act *act, struct drafting *drafting, struct err *err) {
    git_signature *identity = NULL;
    AUTO_TEXT message = NULL;
    AUTO_VALUE status = value_none();
    size_t found = 0;
    if (message_clean(act->spec->message, &message, err) < 0 ||
        identity_find(act, "COMMITTER", &identity, err) < 0)
        return -1;
    git_signature_free(identity);
    for (size_t i = 0; i < act->spec->item_count; i++) {
        struct stat info;
        const char *path = act->spec->items[i];
        AUTO_TEXT place = mem_printf("%s%s", git_repository_workdir(act->git), path);
        if (path_check(act, path, err) < 0)
            return -1;
        if (lstat(place, &info) < 0 && !is_known(drafting->index, path))
            return err_set(err, ERR_INVALID, "there is no `%s` in %s", path, act->place);
    }
    if (tree_status(act, &status, err) < 0)
        return -1;
    AUTO_VALUE staged = value_get(status, "staged");
    AUTO_VALUE changed = value_get(status, "changed");
    AUTO_VALUE untracked = value_get(status, "untracked");
    found = value_count(staged);
    if (act->spec->item_count > 0)
        found += value_count(changed) + value_count(untracked);
    return found ? 0 : nothing_to_commit(act, err);
}

static int commit_look(struct act *act, struct err *err) {
    __attribute__((cleanup(drafting_release))) struct drafting drafting = {0};
    if (drafting_begin(act, &drafting, err) < 0)
        return -1;
    fact_set_text(act, "ref", drafting.head.ref);
    fact_set_text(act, "branch", drafting.head.branch);
    return act_is_check(act) ? commit_probe(act, &drafting, err)
                             : commit_draft(act, &drafting, err);
}

/* ---- and what comes of it -------------------------------------------------------------------- */

struct record {
    char *ref;
    git_oid before, after, index, tree;
    const git_oid *parent; /* NULL: the first commit */
};

static void record_release(struct record *record) {
    mem_free(record->ref);
}

static int record_read(const struct act *act, struct record *ret, struct err *err) {
    git_commit *commit = NULL;
    *ret = (struct record){.ref = fact_text(act, "ref")};
    ret->parent = fact_id(act, "before", &ret->before) ? &ret->before : NULL;
    if (!ret->ref || !fact_id(act, "after", &ret->after) || !fact_id(act, "index", &ret->index))
        return err_set(err, ERR_INVALID, "what it did to %s was not recorded", act->place);
    if (git_commit_lookup(&commit, act->git, &ret->after) < 0)
        return repo_git_fail(err, "reading the commit in %s", act->place);
    ret->tree = *git_commit_tree_id(commit);
    git_commit_free(commit);
    return 0;
}

static int commit_carry_out(struct act *act, struct err *err) {
    __attribute__((cleanup(record_release))) struct record at = {0};
    if (record_read(act, &at, err) < 0 ||
        ref_swap(act, at.ref, at.parent, &at.after, "commit: runbook", err) < 0)
        return -1;
    act->job->touched = true;
    if (index_swap(act, &at.index, &at.tree, err) == 0)
        return 0;
    AUTO_ERR ignored = ERR_INIT;
    act->job->touched =
        ref_swap(act, at.ref, &at.after, at.parent, "commit: runbook gave up", &ignored) < 0;
    return -1;
}

static int commit_settle(struct act *act, struct err *err) {
    __attribute__((cleanup(record_release))) struct record at = {0};
    git_oid now = {{0}};
    AUTO_ERR ignored = ERR_INIT;
    if (record_read(act, &at, err) < 0)
        return -1;
    const int found = ref_read(act, at.ref, &now, err);
    if (found < 0)
        return -1;
    const bool is_there = found && (git_oid_equal(&now, &at.after) ||
                                    git_graph_descendant_of(act->git, &now, &at.after) == 1);
    /* The index may be the one before: then it comes after. */
    if (found && git_oid_equal(&now, &at.after) &&
        index_swap(act, &at.index, &at.tree, &ignored) < 0)
        err_release(&ignored);
    act->job->fate = is_there ? REPO_HAPPENED : REPO_NOT_HAPPENED;
    return 0;
}

/* What was committed is uncommitted again, and staged as it was. */
static int commit_undo(struct act *act, struct err *err) {
    __attribute__((cleanup(record_release))) struct record at = {0};
    git_oid now = {{0}};
    AUTO_ERR ignored = ERR_INIT;
    if (record_read(act, &at, err) < 0)
        return -1;
    const int found = ref_read(act, at.ref, &now, err);
    if (found < 0)
        return -1;
    if (found ? at.parent && git_oid_equal(&now, at.parent) : !at.parent)
        return 0;
    if (!found || !git_oid_equal(&now, &at.after)) {
        err_set(err, ERR_REFUSED, "%s of %s has moved on since", at.ref, act->place);
        return err_hint(err, "what came later is not ours to undo: look at it with `git log`");
    }
    if (ref_swap(act, at.ref, &at.after, at.parent, "runbook: rollback", err) < 0)
        return -1;
    /* What somebody staged since stays. */
    if (index_swap(act, &at.tree, &at.index, &ignored) < 0)
        err_release(&ignored);
    return 0;
}

const struct git_verb repo_git_commit_verb = {commit_look, commit_carry_out, commit_settle,
                                              commit_undo};
