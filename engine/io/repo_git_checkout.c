/* `checkout`: HEAD and the work tree go to a branch, a tag or a commit. */
#include "base/mem.h"
#include "base/text.h"
#include "io/repo_git_act.h"

static const char heads[] = "refs/heads/";

struct switch_to {
    char *head_before, *head_after; /* a branch's reference, or "HEAD" where it is detached */
    git_oid before, after;
    bool creates;
};

static void switch_release(struct switch_to *at) {
    mem_free(at->head_before);
    mem_free(at->head_after);
}

static int switch_read(const struct act *act, struct switch_to *ret, struct err *err) {
    *ret = (struct switch_to){.head_before = fact_text(act, "head_before"),
                              .head_after = fact_text(act, "head_after"),
                              .creates = fact_flag(act, "created")};
    if (ret->head_before && ret->head_after && fact_id(act, "before", &ret->before) &&
        fact_id(act, "after", &ret->after))
        return 0;
    return err_set(err, ERR_INVALID, "what it did to %s was not recorded", act->place);
}

/* ---- look ------------------------------------------------------------------------------------ */

static int refuse_taken(const struct act *act, struct err *err) {
    err_set(err, ERR_REFUSED, "%s has a branch `%s` already", act->place, act->spec->ref);
    return err_hint(err, "leave `create` out to check that one out");
}

static int create_look(struct act *act, const char *ref, git_commit **ret, struct err *err) {
    git_oid now = {{0}};
    const char *name = act->spec->ref;
    if (name[0] == '-' || !ref_is_name(ref))
        return err_set(err, ERR_INVALID, "`%s` cannot be the name of a branch", name);
    const int found = ref_read(act, ref, &now, err);
    if (found != 0)
        return found < 0 ? -1 : refuse_taken(act, err);
    return commit_find(act, act->spec->from ? act->spec->from : "HEAD", ret, err);
}

static int target_find(struct act *act, git_commit **ret, struct err *err) {
    git_oid now = {{0}};
    AUTO_TEXT ref = mem_printf("%s%s", heads, act->spec->ref);
    if (act->spec->create) {
        fact_set_text(act, "head_after", ref);
        return create_look(act, ref, ret, err);
    }
    const int found = ref_read(act, ref, &now, err);
    if (found < 0)
        return -1;
    fact_set_text(act, "head_after", found ? ref : "HEAD");
    return commit_find(act, found ? ref : act->spec->ref, ret, err);
}

static int checkout_look(struct act *act, struct err *err) {
    AUTO_HEAD head = {0};
    git_commit *target = NULL;
    if (git_repository_is_bare(act->git))
        return err_set(err, ERR_INVALID, "%s is bare: nothing can be checked out", act->place);
    if (head_read(act, &head, err) < 0)
        return -1;
    if (head.is_unborn)
        return err_set(err, ERR_REFUSED, "%s has no commit yet", act->place);
    if (tree_is_clean(act, "the checkout", err) < 0 || target_find(act, &target, err) < 0)
        return -1;
    const git_oid after = *git_commit_id(target);
    git_commit_free(target);
    AUTO_TEXT head_after = fact_text(act, "head_after");
    const bool is_branch = text_starts_with(head_after, heads);
    fact_set_text(act, "head_before", head.ref);
    fact_set_text(act, "branch", is_branch ? head_after + strlen(heads) : NULL);
    fact_set_id(act, "oid", &after);
    fact_set(act, "created", value_bool(act->spec->create));
    fact_move(act, &head.id, &after);
    const bool is_same = git_oid_equal(&head.id, &after) && text_equal(head.ref, head_after);
    fact_set(act, "unchanged", value_bool(is_same));
    fact_set_changes(act, &head.id, &after);
    return tree_probe(act, &head.id, &after, err);
}

/* ---- there and back -------------------------------------------------------------------------- */

static int head_set(const struct act *act, const char *ref, const git_oid *id, struct err *err) {
    const int status = text_equal(ref, "HEAD") ? git_repository_set_head_detached(act->git, id)
                                               : git_repository_set_head(act->git, ref);
    return status < 0 ? repo_git_fail(err, "moving HEAD of %s", act->place) : 0;
}

static bool is_at(const struct head *head, const char *ref, const git_oid *id) {
    return text_equal(head->ref, ref) && git_oid_equal(&head->id, id);
}

static int files_and_head(struct act *act, const git_oid *from, const git_oid *to, const char *ref,
                          struct err *err) {
    AUTO_ERR ignored = ERR_INIT;
    act->job->touched = true;
    if (tree_move(act, from, to, err) == 0 && head_set(act, ref, to, err) == 0)
        return 0;
    act->job->touched = tree_put_back(act, to, from, &ignored) < 0;
    return -1;
}

static int checkout_carry_out(struct act *act, struct err *err) {
    __attribute__((cleanup(switch_release))) struct switch_to at = {0};
    AUTO_HEAD head = {0};
    AUTO_ERR ignored = ERR_INIT;
    if (switch_read(act, &at, err) < 0 || head_read(act, &head, err) < 0 ||
        tree_is_clean(act, "the checkout", err) < 0)
        return -1;
    if (!is_at(&head, at.head_before, &at.before))
        return err_set(err, ERR_BUSY, "somebody else has just moved HEAD of %s", act->place);
    if (at.creates && ref_swap(act, at.head_after, NULL, &at.after, "branch: runbook", err) < 0)
        return -1;
    if (files_and_head(act, &at.before, &at.after, at.head_after, err) == 0)
        return 0;
    if (at.creates && ref_swap(act, at.head_after, &at.after, NULL, NULL, &ignored) < 0)
        act->job->touched = true;
    return -1;
}

static int checkout_settle(struct act *act, struct err *err) {
    __attribute__((cleanup(switch_release))) struct switch_to at = {0};
    AUTO_HEAD head = {0};
    AUTO_ERR ignored = ERR_INIT;
    if (switch_read(act, &at, err) < 0 || head_read(act, &head, err) < 0)
        return -1;
    if (is_at(&head, at.head_after, &at.after)) {
        act->job->fate = REPO_HAPPENED;
        return 0;
    }
    if (!is_at(&head, at.head_before, &at.before))
        return 0;
    if (tree_put_back(act, &at.after, &at.before, err) < 0)
        return -1;
    if (at.creates && ref_swap(act, at.head_after, &at.after, NULL, NULL, &ignored) < 0)
        err_release(&ignored); /* it had not come so far */
    act->job->fate = REPO_NOT_HAPPENED;
    return 0;
}

static int checkout_undo(struct act *act, struct err *err) {
    __attribute__((cleanup(switch_release))) struct switch_to at = {0};
    AUTO_HEAD head = {0};
    git_oid back = {{0}};
    if (switch_read(act, &at, err) < 0 || head_read(act, &head, err) < 0)
        return -1;
    const bool is_back = text_equal(head.ref, at.head_before) &&
                         (head.branch || git_oid_equal(&head.id, &at.before));
    if (!is_back) {
        if (!text_equal(head.ref, at.head_after)) {
            err_set(err, ERR_REFUSED, "something else has been checked out in %s since",
                    act->place);
            return err_hint(err, "git -C %s checkout %s", act->place,
                            text_starts_with(at.head_before, heads) ? at.head_before + strlen(heads)
                                                                    : "the commit that was there");
        }
        back = at.before;
        if (!text_equal(at.head_before, "HEAD") && ref_read(act, at.head_before, &back, err) <= 0)
            return err_set(err, ERR_REFUSED, "%s of %s is gone", at.head_before, act->place);
        if (state_is_free(act, err) < 0 ||
            files_and_head(act, &head.id, &back, at.head_before, err) < 0)
            return -1;
    }
    const int found = at.creates ? ref_read(act, at.head_after, &back, err) : 0;
    if (found <= 0)
        return found;
    if (git_oid_equal(&back, &at.after))
        return ref_swap(act, at.head_after, &at.after, NULL, NULL, err);
    err_set(err, ERR_REFUSED, "the branch `%s` of %s has moved on since",
            at.head_after + strlen(heads), act->place);
    return err_hint(err, "it holds commits that were not there: look before it is deleted");
}

const struct git_verb repo_git_checkout = {checkout_look, checkout_carry_out, checkout_settle,
                                           checkout_undo};
