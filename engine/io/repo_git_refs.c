/* `tag` and `branch`: one reference that comes or goes. */
#include <time.h>

#include "base/mem.h"
#include "base/text.h"
#include "io/repo_git_act.h"
#include "io/repo_sign.h"

/* ---- what both do ---------------------------------------------------------------------------- */

static int name_check(const struct act *act, const char *ref, const char *what, struct err *err) {
    if (act->spec->name[0] != '-' && ref_is_name(ref))
        return 0;
    err_set(err, ERR_INVALID, "`%s` cannot be the name of a %s", act->spec->name, what);
    return err_hint(err, "git does not take spaces, `..`, `~^:?*[\\`, `@{`, a dot or dash at the "
                         "beginning, or `.lock` at the end");
}

static int refuse_taken(struct act *act, const char *what, const git_oid *at, struct err *err) {
    char id[REPO_COMMIT_SIZE];
    git_oid_tostr(id, 11, at);
    err_set(err, ERR_REFUSED, "%s has a %s `%s` already, at %s", act->place, what, act->spec->name,
            id);
    return err_hint(err,
                    "choose another name, or take that one away: `%s: {name: %s, delete: "
                    "true}`",
                    what, act->spec->name);
}

/* 1 where there is nothing more to find out. */
static int ref_look(struct act *act, const char *ref, const char *what, struct err *err) {
    git_oid now = {{0}};
    if (name_check(act, ref, what, err) < 0)
        return -1;
    const int found = ref_read(act, ref, &now, err);
    if (found < 0)
        return -1;
    fact_set_text(act, what, act->spec->name);
    fact_set_text(act, "ref", ref);
    if (found && !act->spec->remove)
        return refuse_taken(act, what, &now, err);
    if (act->spec->remove && !found)
        return err_set(err, ERR_INVALID, "%s has no %s `%s`", act->place, what, act->spec->name);
    if (!act->spec->remove)
        return 0;
    fact_set_id(act, "oid", &now);
    fact_move(act, &now, NULL);
    return 1;
}

struct change {
    char *ref;
    git_oid before, after;
    const git_oid *from, *to; /* NULL: not there */
};

static int change_read(const struct act *act, struct change *ret, struct err *err) {
    ret->ref = fact_text(act, "ref");
    ret->from = fact_id(act, "before", &ret->before) ? &ret->before : NULL;
    ret->to = fact_id(act, "after", &ret->after) ? &ret->after : NULL;
    if (!ret->ref || (!ret->from && !ret->to))
        return err_set(err, ERR_INVALID, "what it did to %s was not recorded", act->place);
    return 0;
}

static bool is_at(const git_oid *now, const git_oid *id) {
    return now && id ? git_oid_equal(now, id) : now == id;
}

static int ref_carry_out(struct act *act, struct err *err) {
    struct change change;
    const int status = change_read(act, &change, err) < 0
                           ? -1
                           : ref_swap(act, change.ref, change.from, change.to, "runbook", err);
    mem_free(change.ref);
    return status;
}

static int ref_settle(struct act *act, struct err *err) {
    struct change change;
    git_oid now = {{0}};
    const int found =
        change_read(act, &change, err) < 0 ? -1 : ref_read(act, change.ref, &now, err);
    mem_free(change.ref);
    if (found < 0)
        return -1;
    if (is_at(found ? &now : NULL, change.to))
        act->job->fate = REPO_HAPPENED;
    else if (is_at(found ? &now : NULL, change.from))
        act->job->fate = REPO_NOT_HAPPENED;
    return 0;
}

static int ref_undo(struct act *act, struct err *err) {
    struct change change;
    git_oid now = {{0}};
    int status = change_read(act, &change, err) < 0 ? -1 : ref_read(act, change.ref, &now, err);
    const git_oid *at = status > 0 ? &now : NULL;
    if (status >= 0 && is_at(at, change.from)) {
        status = 0;
    } else if (status >= 0 && !is_at(at, change.to)) {
        status = err_set(err, ERR_REFUSED, "%s of %s has moved on since", change.ref, act->place);
        err_hint(err, "what came later is not ours to undo: look at it with `git log`");
    } else if (status >= 0) {
        status = ref_swap(act, change.ref, change.to, change.from, "runbook: rollback", err);
    }
    mem_free(change.ref);
    return status;
}

/* ---- branch ---------------------------------------------------------------------------------- */

static int branch_look(struct act *act, struct err *err) {
    git_commit *at = NULL;
    AUTO_HEAD head = {0};
    AUTO_TEXT ref = mem_printf("refs/heads/%s", act->spec->name);
    const int status = ref_look(act, ref, "branch", err);
    if (status < 0 || head_read(act, &head, err) < 0)
        return -1;
    if (status > 0 && text_equal(head.ref, ref)) {
        err_set(err, ERR_REFUSED, "`%s` is checked out in %s", act->spec->name, act->place);
        return err_hint(err, "check out another branch before this one is deleted");
    }
    if (status > 0)
        return 0;
    if (commit_find(act, act->spec->ref ? act->spec->ref : "HEAD", &at, err) < 0)
        return -1;
    fact_set_id(act, "oid", git_commit_id(at));
    fact_move(act, NULL, git_commit_id(at));
    git_commit_free(at);
    return 0;
}

const struct git_verb repo_git_branch = {branch_look, ref_carry_out, ref_settle, ref_undo};

/* ---- tag ------------------------------------------------------------------------------------- */

static int tag_text(struct act *act, const git_commit *at, struct buf *out, struct err *err) {
    git_signature *tagger = NULL;
    AUTO_TEXT message = NULL;
    char id[REPO_COMMIT_SIZE];
    if (message_clean(act->spec->message, &message, err) < 0 ||
        identity_find(act, "COMMITTER", &tagger, err) < 0)
        return -1;
    const int offset = tagger->when.offset < 0 ? -tagger->when.offset : tagger->when.offset;
    git_oid_tostr(id, sizeof id, git_commit_id(at));
    buf_printf(out, "object %s\ntype commit\ntag %s\ntagger %s <%s> %lld %c%02d%02d\n\n%s", id,
               act->spec->name, tagger->name, tagger->email, (long long)tagger->when.time,
               tagger->when.offset < 0 ? '-' : '+', offset / 60, offset % 60, message);
    git_signature_free(tagger);
    return 0;
}

static int tag_sign(struct act *act, struct repo_draft *draft, struct err *err) {
    git_signature *tagger = NULL;
    AUTO_TEXT signature = NULL;
    repo_git_signing(act->git, "tag.gpgsign", draft);
    if (!draft->format)
        return 0;
    if (identity_find(act, "COMMITTER", &tagger, err) < 0)
        return -1;
    draft->what = "tag";
    draft->committer = mem_printf("%s <%s>", tagger->name, tagger->email);
    git_signature_free(tagger);
    if (repo_sign(draft, false, &signature, err) < 0)
        return -1;
    fact_set(act, "signed", value_bool(true));
    return buf_printf(&draft->text, "%s\n", signature);
}

static int tag_write(struct act *act, const git_commit *at, git_oid *ret, struct err *err) {
    struct repo_draft draft = {.text = BUF_INIT(REPO_DRAFT_MAX)};
    git_odb *odb = NULL;
    int status = tag_text(act, at, &draft.text, err);
    if (status == 0)
        status = tag_sign(act, &draft, err);
    if (status == 0 &&
        (git_repository_odb(&odb, act->git) < 0 ||
         git_odb_write(ret, odb, buf_text(&draft.text), draft.text.length, GIT_OBJECT_TAG) < 0))
        status = repo_git_fail(err, "storing the tag in %s", act->place);
    git_odb_free(odb);
    repo_draft_release(&draft);
    return status;
}

static int tag_look(struct act *act, struct err *err) {
    git_commit *at = NULL;
    git_oid id = {{0}};
    AUTO_TEXT ref = mem_printf("refs/tags/%s", act->spec->name);
    int status = ref_look(act, ref, "tag", err);
    if (status != 0)
        return status < 0 ? -1 : 0;
    if (commit_find(act, act->spec->ref ? act->spec->ref : "HEAD", &at, err) < 0)
        return -1;
    fact_set_id(act, "oid", git_commit_id(at));
    id = *git_commit_id(at);
    /* In a dry run nothing is stored, and no agent is asked for a signature. */
    if (act->spec->message && !act_is_check(act))
        status = tag_write(act, at, &id, err);
    git_commit_free(at);
    if (status == 0)
        fact_move(act, NULL, &id);
    return status;
}

const struct git_verb repo_git_tag = {tag_look, ref_carry_out, ref_settle, ref_undo};
