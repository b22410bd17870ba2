/* `merge` and `revert`. Both make their commit in memory first: where there are conflicts nothing
 * was touched, and there is nothing to put back. */
#include "base/mem.h"
#include "base/text.h"
#include "io/repo_git_act.h"

/* ---- what both do ---------------------------------------------------------------------------- */

static int ours_read(struct act *act, struct head *head, git_commit **ret, const char *what,
                     struct err *err) {
    if (git_repository_is_bare(act->git))
        return err_set(err, ERR_INVALID, "%s is bare: it has no files for %s", act->place, what);
    if (head_read(act, head, err) < 0)
        return -1;
    if (head->is_unborn)
        return err_set(err, ERR_REFUSED, "%s has no commit yet", act->place);
    if (!head->branch) {
        err_set(err, ERR_REFUSED, "HEAD of %s is detached: %s would be on no branch", act->place,
                what);
        return err_hint(err, "check a branch out before it");
    }
    if (tree_is_clean(act, what, err) < 0)
        return -1;
    fact_set_text(act, "ref", head->ref);
    fact_set_text(act, "branch", head->branch);
    if (git_commit_lookup(ret, act->git, &head->id) < 0)
        return repo_git_fail(err, "reading HEAD of %s", act->place);
    return 0;
}

static int conflicts_tell(struct act *act, git_index *index, const char *what, struct err *err) {
    git_index_conflict_iterator *iterator = NULL;
    const git_index_entry *base, *ours, *theirs;
    value names = value_array();
    if (git_index_conflict_iterator_new(&iterator, index) == 0)
        while (git_index_conflict_next(&base, &ours, &theirs, iterator) == 0) {
            const git_index_entry *any = ours ? ours : theirs ? theirs : base;
            names = value_append(names, value_string(any->path));
        }
    git_index_conflict_iterator_free(iterator);
    AUTO_TEXT shown = names_show(names);
    err_set(err, ERR_REFUSED, "%s has conflicts in %s", what, shown);
    fact_set(act, "conflicts", names);
    return err_hint(err,
                    "nothing was changed in %s; resolve them there by hand, or on a branch of "
                    "their own",
                    act->place);
}

/* From the tree that is in the index, in memory. */
static int outcome_store(struct act *act, git_index *index, const char *message,
                         size_t parent_count, const git_commit *parents[], git_oid *ret,
                         struct err *err) {
    git_oid id = {{0}};
    git_tree *tree = NULL;
    if (git_index_write_tree_to(&id, index, act->git) < 0 ||
        git_tree_lookup(&tree, act->git, &id) < 0)
        return repo_git_fail(err, "making the tree in %s", act->place);
    const int status = commit_store(act, message, tree, parent_count, parents, ret, err);
    git_tree_free(tree);
    return status;
}

static int outcome_tell(struct act *act, const git_oid *before, const git_oid *after,
                        struct err *err) {
    fact_set_id(act, "oid", after);
    fact_move(act, before, after);
    fact_set_changes(act, before, after);
    return tree_probe(act, before, after, err);
}

/* ---- merge ----------------------------------------------------------------------------------- */

static char *merge_message(const struct act *act) {
    git_oid id = {{0}};
    AUTO_ERR ignored = ERR_INIT;
    const char *name = act->spec->ref;
    AUTO_TEXT branch = mem_printf("refs/heads/%s", name);
    AUTO_TEXT tag = mem_printf("refs/tags/%s", name);
    AUTO_TEXT remote = mem_printf("refs/remotes/%s", name);
    if (act->spec->message)
        return mem_strdup(act->spec->message);
    const char *kind = ref_read(act, branch, &id, &ignored) > 0   ? "branch"
                       : ref_read(act, tag, &id, &ignored) > 0    ? "tag"
                       : ref_read(act, remote, &id, &ignored) > 0 ? "remote-tracking branch"
                                                                  : "commit";
    return mem_printf("Merge %s '%s'", kind, name);
}

static int merge_in_memory(struct act *act, const git_commit *ours, const git_commit *theirs,
                           struct err *err) {
    git_index *index = NULL;
    git_oid id = {{0}};
    const git_commit *parents[] = {ours, theirs};
    AUTO_TEXT message = merge_message(act);
    AUTO_TEXT what = mem_printf("merging `%s`", act->spec->ref);
    if (git_merge_commits(&index, act->git, ours, theirs, NULL) < 0)
        return repo_git_fail(err, "%s in %s", what, act->place);
    int status = git_index_has_conflicts(index) ? conflicts_tell(act, index, what, err) : 0;
    if (status == 0 && !act_is_check(act))
        status = outcome_store(act, index, message, 2, parents, &id, err);
    if (status == 0 && !act_is_check(act))
        status = outcome_tell(act, git_commit_id(ours), &id, err);
    git_index_free(index);
    return status;
}

static int refuse_apart(struct act *act, const struct head *head, struct err *err) {
    err_set(err, ERR_REFUSED, "`%s` of %s cannot just move to `%s`: both have commits of their own",
            head->branch, act->place, act->spec->ref);
    return err_hint(err, "`fast_forward: auto` would make a merge commit");
}

static int merge_choose(struct act *act, const struct head *head, const git_commit *ours,
                        const git_commit *theirs, struct err *err) {
    const git_oid *id = git_commit_id(theirs);
    const bool is_in =
        git_oid_equal(&head->id, id) || git_graph_descendant_of(act->git, &head->id, id) == 1;
    const bool is_ahead = !is_in && git_graph_descendant_of(act->git, id, &head->id) == 1;
    fact_set_id(act, "merged", id);
    fact_set(act, "fast_forward", value_bool(false));
    if (is_in)
        return outcome_tell(act, &head->id, &head->id, err);
    if (is_ahead && act->spec->fast_forward != REPO_FORWARD_NEVER) {
        fact_set(act, "fast_forward", value_bool(true));
        return outcome_tell(act, &head->id, id, err);
    }
    if (act->spec->fast_forward == REPO_FORWARD_ONLY)
        return refuse_apart(act, head, err);
    return merge_in_memory(act, ours, theirs, err);
}

static int merge_look(struct act *act, struct err *err) {
    AUTO_HEAD head = {0};
    git_commit *ours = NULL, *theirs = NULL;
    fact_set_text(act, "log", "merge: runbook");
    int status = ours_read(act, &head, &ours, "the merge", err);
    if (status == 0)
        status = commit_find(act, act->spec->ref, &theirs, err);
    if (status == 0)
        status = merge_choose(act, &head, ours, theirs, err);
    git_commit_free(ours);
    git_commit_free(theirs);
    return status;
}

const struct git_verb repo_git_merge = {merge_look, advance_carry_out, advance_settle,
                                        advance_undo};

/* ---- revert ---------------------------------------------------------------------------------- */

static int parent_check(const struct act *act, const git_commit *undone, struct err *err) {
    const int64_t count = git_commit_parentcount(undone);
    const int64_t mainline = act->spec->limit;
    if (count > 1 && mainline == 0) {
        err_set(err, ERR_INVALID, "`%s` of %s is a merge: which of its parents is to stay?",
                act->spec->ref, act->place);
        return err_hint(err, "`parent: 1` is the branch that was merged into");
    }
    if (mainline > 0 && (count < 2 || mainline > count))
        return err_set(err, ERR_INVALID, "`%s` of %s has no parent %lld to choose", act->spec->ref,
                       act->place, (long long)mainline);
    return 0;
}

static char *revert_message(git_commit *undone) {
    char id[REPO_COMMIT_SIZE];
    git_oid_tostr(id, sizeof id, git_commit_id(undone));
    return mem_printf("Revert \"%s\"\n\nThis reverts commit %s.\n", git_commit_summary(undone), id);
}

static int revert_in_memory(struct act *act, const git_commit *ours, git_commit *undone,
                            struct err *err) {
    git_index *index = NULL;
    git_oid id = {{0}};
    git_oid tree = {{0}};
    const git_commit *parents[] = {ours};
    AUTO_TEXT message = revert_message(undone);
    AUTO_TEXT what = mem_printf("reverting `%s`", act->spec->ref);
    if (git_revert_commit(&index, act->git, undone, (git_commit *)(uintptr_t)ours,
                          (unsigned)act->spec->limit, NULL) < 0)
        return repo_git_fail(err, "%s in %s", what, act->place);
    int status = git_index_has_conflicts(index) ? conflicts_tell(act, index, what, err) : 0;
    if (status == 0 && !act_is_check(act) && git_index_write_tree_to(&tree, index, act->git) == 0 &&
        git_oid_equal(&tree, git_commit_tree_id(ours))) {
        status = err_set(err, ERR_REFUSED, "%s would change nothing in %s", what, act->place);
        err_hint(err, "it has been undone already");
    }
    if (status == 0 && !act_is_check(act))
        status = outcome_store(act, index, message, 1, parents, &id, err);
    if (status == 0 && !act_is_check(act))
        status = outcome_tell(act, git_commit_id(ours), &id, err);
    git_index_free(index);
    return status;
}

static int revert_look(struct act *act, struct err *err) {
    AUTO_HEAD head = {0};
    git_commit *ours = NULL, *undone = NULL;
    fact_set_text(act, "log", "revert: runbook");
    int status = ours_read(act, &head, &ours, "the revert", err);
    if (status == 0)
        status = commit_find(act, act->spec->ref, &undone, err);
    if (status == 0) {
        fact_set_id(act, "reverted", git_commit_id(undone));
        status = parent_check(act, undone, err);
    }
    if (status == 0)
        status = revert_in_memory(act, ours, undone, err);
    git_commit_free(ours);
    git_commit_free(undone);
    return status;
}

const struct git_verb repo_git_revert = {revert_look, advance_carry_out, advance_settle,
                                         advance_undo};
