/* The work tree and the index: what differs from HEAD, and moving them from commit to commit. All
 * that moves them begins where no tracked file is changed, so that what a crash left half done can
 * be told from what people did. */
#include <sys/stat.h>

#include "base/mem.h"
#include "base/text.h"
#include "io/repo_git_act.h"

#define NAMES_MOST 1000

/* ---- what differs ---------------------------------------------------------------------------- */

static const struct {
    const char *key;
    unsigned flags;
} kinds[] = {
    {"staged", GIT_STATUS_INDEX_NEW | GIT_STATUS_INDEX_MODIFIED | GIT_STATUS_INDEX_DELETED |
                   GIT_STATUS_INDEX_RENAMED | GIT_STATUS_INDEX_TYPECHANGE},
    {"changed", GIT_STATUS_WT_MODIFIED | GIT_STATUS_WT_DELETED | GIT_STATUS_WT_TYPECHANGE |
                    GIT_STATUS_WT_RENAMED | GIT_STATUS_WT_UNREADABLE},
    {"untracked", GIT_STATUS_WT_NEW},
    {"conflicted", GIT_STATUS_CONFLICTED},
};
#define KINDS (sizeof kinds / sizeof *kinds)

static int status_take(const char *path, unsigned int flags, void *user) {
    value *status = user;
    for (size_t i = 0; i < KINDS; i++) {
        if (!(flags & kinds[i].flags))
            continue;
        value names = value_get(*status, kinds[i].key);
        if (value_count(names) < NAMES_MOST)
            names = value_append(names, value_string(path));
        *status = value_set(*status, kinds[i].key, names);
    }
    return 0;
}

int tree_status(const struct act *act, value *ret, struct err *err) {
    git_status_options options;
    value status = value_object();
    for (size_t i = 0; i < KINDS; i++)
        status = value_set(status, kinds[i].key, value_array());
    git_status_options_init(&options, GIT_STATUS_OPTIONS_VERSION);
    options.flags = GIT_STATUS_OPT_INCLUDE_UNTRACKED | GIT_STATUS_OPT_EXCLUDE_SUBMODULES;
    /* The index on disk is left alone also where only its times are old. */
    if (!git_repository_is_bare(act->git) &&
        git_status_foreach_ext(act->git, &options, status_take, &status) < 0) {
        value_free(status);
        return repo_git_fail(err, "looking at the work tree of %s", act->place);
    }
    *ret = status;
    return 0;
}

int tree_is_clean(const struct act *act, const char *what, struct err *err) {
    value status = value_none();
    if (state_is_free(act, err) < 0 || tree_status(act, &status, err) < 0)
        return -1;
    value found = value_object();
    for (size_t i = 0; i < KINDS; i++) {
        AUTO_VALUE names = value_get(status, kinds[i].key);
        for (size_t n = 0; kinds[i].flags != GIT_STATUS_WT_NEW && n < value_count(names); n++) {
            AUTO_VALUE name = value_at(names, n);
            found = value_set(found, value_text(name), value_bool(true));
        }
    }
    AUTO_VALUE dirty = value_keys(found);
    value_free(found);
    value_free(status);
    if (value_count(dirty) == 0)
        return 0;
    AUTO_TEXT shown = names_show(dirty);
    err_set(err, ERR_REFUSED, "%s has changes that are not committed, and %s would touch them: %s",
            act->place, what, shown);
    return err_hint(err, "commit, stash or undo them first; `git status` there shows them");
}

/* ---- changes between commits ------------------------------------------------------------------
 */

static int tree_of(const struct act *act, const git_oid *id, git_tree **ret, struct err *err) {
    git_commit *commit = NULL;
    int status = git_commit_lookup(&commit, act->git, id);
    if (status == 0)
        status = git_commit_tree(ret, commit);
    git_commit_free(commit);
    return status < 0 ? repo_git_fail(err, "reading a commit of %s", act->place) : 0;
}

static int diff_of(const struct act *act, const git_oid *from, const git_oid *to, git_diff **ret,
                   struct err *err) {
    git_tree *old = NULL, *new = NULL;
    int status = from ? tree_of(act, from, &old, err) : 0;
    if (status == 0)
        status = tree_of(act, to, &new, err);
    if (status == 0 && git_diff_tree_to_tree(ret, act->git, old, new, NULL) < 0)
        status = repo_git_fail(err, "comparing commits of %s", act->place);
    git_tree_free(old);
    git_tree_free(new);
    return status;
}

void fact_set_changes(struct act *act, const git_oid *from, const git_oid *to) {
    git_diff *diff = NULL;
    git_diff_stats *stats = NULL;
    AUTO_ERR ignored = ERR_INIT;
    value names = value_array(), changes = value_object();
    if (diff_of(act, from, to, &diff, &ignored) == 0 && git_diff_get_stats(&stats, diff) == 0) {
        const size_t count = git_diff_num_deltas(diff);
        for (size_t i = 0; i < count && i < NAMES_MOST; i++)
            names = value_append(names, value_string(git_diff_get_delta(diff, i)->new_file.path));
        changes = value_set(changes, "files", value_integer((int64_t)count));
        changes = value_set(changes, "insertions",
                            value_integer((int64_t)git_diff_stats_insertions(stats)));
        changes = value_set(changes, "deletions",
                            value_integer((int64_t)git_diff_stats_deletions(stats)));
    }
    git_diff_stats_free(stats);
    git_diff_free(diff);
    fact_set(act, "files", names);
    fact_set(act, "changes", changes);
}

/* ---- moving ---------------------------------------------------------------------------------- */

static int in_the_way(git_checkout_notify_t why, const char *path, const git_diff_file *baseline,
                      const git_diff_file *target, const git_diff_file *workdir, void *user) {
    value *names = user;
    (void)why, (void)baseline, (void)target, (void)workdir;
    if (value_count(*names) < NAMES_MOST)
        *names = value_append(*names, value_string(path));
    return 0;
}

static int checkout_refused(const struct act *act, value names, struct err *err) {
    AUTO_TEXT shown = names_show(names);
    if (value_count(names) == 0)
        return repo_git_fail(err, "updating the work tree of %s", act->place);
    err_set(err, ERR_REFUSED, "files of %s are in the way: %s", act->place, shown);
    return err_hint(err, "they would be overwritten: move them away, or commit them");
}

static int checkout(const struct act *act, const git_oid *from, const git_oid *to,
                    unsigned strategy, git_strarray paths, struct err *err) {
    git_checkout_options options;
    git_tree *old = NULL, *new = NULL;
    value names = value_array();
    git_checkout_options_init(&options, GIT_CHECKOUT_OPTIONS_VERSION);
    options.checkout_strategy = strategy;
    options.notify_flags = GIT_CHECKOUT_NOTIFY_CONFLICT;
    options.notify_cb = in_the_way;
    options.notify_payload = &names;
    options.paths = paths;
    int status = tree_of(act, from, &old, err) < 0 || tree_of(act, to, &new, err) < 0 ? -1 : 0;
    options.baseline = old;
    if (status == 0 && git_checkout_tree(act->git, (const git_object *)new, &options) < 0)
        status = checkout_refused(act, names, err);
    git_tree_free(old);
    git_tree_free(new);
    value_free(names);
    return status;
}

int tree_move(const struct act *act, const git_oid *from, const git_oid *to, struct err *err) {
    if (git_repository_is_bare(act->git))
        return 0;
    return checkout(act, from, to, GIT_CHECKOUT_SAFE, (git_strarray){0}, err);
}

int tree_probe(const struct act *act, const git_oid *from, const git_oid *to, struct err *err) {
    if (git_repository_is_bare(act->git))
        return 0;
    return checkout(act, from, to, GIT_CHECKOUT_SAFE | GIT_CHECKOUT_DRY_RUN, (git_strarray){0},
                    err);
}

/* The file is as one of the two commits has it, or is gone: nobody has written to it since. */
static bool is_ours(const struct act *act, const git_diff_delta *delta) {
    struct stat info;
    git_oid id;
    AUTO_TEXT place = mem_printf("%s%s", git_repository_workdir(act->git), delta->new_file.path);
    if (lstat(place, &info) < 0 || !S_ISREG(info.st_mode))
        return true;
    return git_repository_hashfile(&id, act->git, place, GIT_OBJECT_BLOB, delta->new_file.path) ==
               0 &&
           (git_oid_equal(&id, &delta->old_file.id) || git_oid_equal(&id, &delta->new_file.id));
}

int tree_put_back(const struct act *act, const git_oid *half, const git_oid *to, struct err *err) {
    git_diff *diff = NULL;
    if (git_repository_is_bare(act->git) || git_oid_equal(half, to))
        return 0;
    if (diff_of(act, half, to, &diff, err) < 0)
        return -1;
    const size_t count = git_diff_num_deltas(diff);
    char **paths = mem_calloc(count + 1, sizeof *paths);
    int status = 0;
    for (size_t i = 0; i < count && status == 0; i++) {
        const git_diff_delta *delta = git_diff_get_delta(diff, i);
        paths[i] = (char *)(uintptr_t)delta->new_file.path;
        if (!is_ours(act, delta))
            status =
                err_set(err, ERR_REFUSED, "`%s` of %s was changed since", paths[i], act->place);
    }
    if (status == 0 && count > 0)
        status = checkout(act, half, to, GIT_CHECKOUT_FORCE | GIT_CHECKOUT_DISABLE_PATHSPEC_MATCH,
                          (git_strarray){paths, count}, err);
    mem_free(paths);
    git_diff_free(diff);
    return status;
}

int tree_advance(const struct act *act, const char *ref, const git_oid *from, const git_oid *to,
                 const char *log, struct err *err) {
    AUTO_ERR ignored = ERR_INIT;
    if (ref_expect(act, ref, from, err) < 0)
        return -1;
    act->job->touched = true;
    if (tree_move(act, from, to, err) < 0 || ref_swap(act, ref, from, to, log, err) < 0) {
        act->job->touched = tree_put_back(act, to, from, &ignored) < 0;
        return -1;
    }
    return 0;
}

/* ---- of all that moves HEAD's branch ----------------------------------------------------------
 */

struct advance {
    char *ref;
    git_oid before, after;
    struct head head;
    bool has_before;
};

static void advance_release(struct advance *advance) {
    mem_free(advance->ref);
    head_release(&advance->head);
}

static int advance_read(const struct act *act, struct advance *ret, struct err *err) {
    *ret = (struct advance){.ref = fact_text(act, "ref")};
    ret->has_before = fact_id(act, "before", &ret->before);
    if (!ret->ref || !fact_id(act, "after", &ret->after))
        return err_set(err, ERR_INVALID, "what it did to %s was not recorded", act->place);
    return head_read(act, &ret->head, err);
}

int advance_carry_out(struct act *act, struct err *err) {
    __attribute__((cleanup(advance_release))) struct advance at = {0};
    AUTO_TEXT log = fact_text(act, "log");
    if (advance_read(act, &at, err) < 0)
        return -1;
    if (tree_is_clean(act, "it", err) < 0)
        return -1;
    return tree_advance(act, at.ref, &at.before, &at.after, log ? log : "runbook", err);
}

/* Whether `id` is `tip`, or one of the commits below it. */
static bool holds(const struct act *act, const git_oid *tip, const git_oid *id) {
    return git_oid_equal(tip, id) || git_graph_descendant_of(act->git, tip, id) == 1;
}

int advance_settle(struct act *act, struct err *err) {
    __attribute__((cleanup(advance_release))) struct advance at = {0};
    git_oid now = {{0}};
    if (advance_read(act, &at, err) < 0)
        return -1;
    const int found = ref_read(act, at.ref, &now, err);
    if (found < 0)
        return -1;
    if (found && holds(act, &now, &at.after)) {
        act->job->fate = REPO_HAPPENED;
        return 0;
    }
    const bool is_head = text_equal(at.head.ref, at.ref);
    if (found && at.has_before && git_oid_equal(&now, &at.before) && is_head &&
        tree_put_back(act, &at.after, &at.before, err) < 0)
        return -1;
    act->job->fate = REPO_NOT_HAPPENED;
    return 0;
}

int advance_undo(struct act *act, struct err *err) {
    __attribute__((cleanup(advance_release))) struct advance at = {0};
    git_oid now = {{0}};
    if (advance_read(act, &at, err) < 0)
        return -1;
    const int found = ref_read(act, at.ref, &now, err);
    if (found < 0 || (found && at.has_before && git_oid_equal(&now, &at.before)))
        return found < 0 ? -1 : 0;
    if (!found || !git_oid_equal(&now, &at.after)) {
        err_set(err, ERR_REFUSED, "%s of %s has moved on since", at.ref, act->place);
        return err_hint(err, "what came later is not ours to undo: look at it with `git log`");
    }
    if (!text_equal(at.head.ref, at.ref))
        return ref_swap(act, at.ref, &at.after, &at.before, "runbook: rollback", err);
    /* What people changed meanwhile stays, where it is not in the way. */
    if (state_is_free(act, err) < 0)
        return -1;
    return tree_advance(act, at.ref, &at.after, &at.before, "runbook: rollback", err);
}
