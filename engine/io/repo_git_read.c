/* `status` and `log`: what is there. */
#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "io/repo_git_act.h"

#define LOG_SHORT 10 /* digits of a commit for people */

/* ---- status ---------------------------------------------------------------------------------- */

static void upstream_set(struct act *act, const struct head *head) {
    git_oid upstream = {{0}};
    size_t ahead = 0, behind = 0;
    AUTO_ERR ignored = ERR_INIT;
    AUTO_TEXT ref = head->branch ? repo_git_upstream(act, head->branch) : NULL;
    const bool is_there = ref && ref_read(act, ref, &upstream, &ignored) > 0 && !head->is_unborn;
    fact_set_text(act, "upstream", is_there ? ref + strlen("refs/remotes/") : NULL);
    if (is_there && git_graph_ahead_behind(&ahead, &behind, act->git, &head->id, &upstream) == 0) {
        fact_set(act, "ahead", value_integer((int64_t)ahead));
        fact_set(act, "behind", value_integer((int64_t)behind));
    }
}

static bool status_set(struct act *act, value status) {
    bool clean = true;
    value key, names;
    for (size_t i = 0; value_next(status, &i, &key, &names);) {
        clean &= value_count(names) == 0;
        fact_set(act, value_text(key), names);
        value_free(key);
    }
    fact_set(act, "clean", value_bool(clean));
    return clean;
}

static int refuse_dirty(struct act *act, value status, struct err *err) {
    value all = value_object(), key, names;
    for (size_t i = 0; value_next(status, &i, &key, &names);) {
        for (size_t n = 0; n < value_count(names); n++) {
            AUTO_VALUE name = value_at(names, n);
            all = value_set(all, value_text(name), value_bool(true));
        }
        value_free(key);
        value_free(names);
    }
    AUTO_VALUE dirty = value_keys(all);
    AUTO_TEXT shown = names_show(dirty);
    value_free(all);
    err_set(err, ERR_REFUSED, "%s is not clean: %s", act->place, shown);
    return err_hint(err, "commit, stash or remove it there; what .gitignore names does not count");
}

static int refuse_branch(struct act *act, const struct head *head, struct err *err) {
    if (head->branch)
        err_set(err, ERR_REFUSED, "`%s` is checked out in %s, not `%s`", head->branch, act->place,
                act->spec->name);
    else
        err_set(err, ERR_REFUSED, "no branch is checked out in %s (HEAD is detached), not `%s`",
                act->place, act->spec->name);
    return err_hint(err, "git -C %s checkout %s", act->place, act->spec->name);
}

static int status_look(struct act *act, struct err *err) {
    AUTO_HEAD head = {0};
    AUTO_VALUE status = value_none();
    const char *branch = act->spec->name;
    if (head_read(act, &head, err) < 0 || tree_status(act, &status, err) < 0)
        return -1;
    fact_set_text(act, "branch", head.branch);
    fact_set_id(act, "oid", head.is_unborn ? NULL : &head.id);
    upstream_set(act, &head);
    const bool is_clean = status_set(act, status);
    if (branch && !text_equal(branch, head.branch))
        return refuse_branch(act, &head, err);
    if (act->spec->clean && !is_clean)
        return refuse_dirty(act, status, err);
    return act->spec->clean ? state_is_free(act, err) : 0;
}

const struct git_verb repo_git_status = {.look = status_look};

/* ---- log ------------------------------------------------------------------------------------- */

static value person(const git_signature *signature) {
    char time[CLOCK_TEXT_SIZE];
    clock_format((int64_t)signature->when.time * NS_PER_S, time);
    value who = value_set(value_object(), "name", value_string(signature->name));
    who = value_set(who, "email", value_string(signature->email));
    return value_set(who, "time", value_string(time));
}

static value parents_of(const git_commit *commit) {
    value parents = value_array();
    for (unsigned i = 0; i < git_commit_parentcount(commit); i++) {
        char id[REPO_COMMIT_SIZE];
        git_oid_tostr(id, sizeof id, git_commit_parent_id(commit, i));
        parents = value_append(parents, value_string(id));
    }
    return parents;
}

/* {commit: [tag, …]} */
static value tags_read(const struct act *act) {
    value tags = value_object();
    git_reference_iterator *iterator = NULL;
    git_reference *ref = NULL;
    if (git_reference_iterator_glob_new(&iterator, act->git, "refs/tags/*") < 0)
        return tags;
    while (git_reference_next(&ref, iterator) == 0) {
        git_object *commit = NULL;
        char id[REPO_COMMIT_SIZE];
        if (git_reference_peel(&commit, ref, GIT_OBJECT_COMMIT) == 0) {
            git_oid_tostr(id, sizeof id, git_object_id(commit));
            value names = value_get(tags, id);
            if (!value_is(names, VALUE_ARRAY))
                names = value_array();
            names = value_append(names, value_string(git_reference_shorthand(ref)));
            tags = value_set(tags, id, names);
        }
        git_object_free(commit);
        git_reference_free(ref);
    }
    git_reference_iterator_free(iterator);
    return tags;
}

static value entry(git_commit *commit, value tags) {
    char id[REPO_COMMIT_SIZE];
    git_oid_tostr(id, sizeof id, git_commit_id(commit));
    value names = value_get(tags, id);
    value object = value_set(value_object(), "oid", value_string(id));
    id[LOG_SHORT] = '\0';
    object = value_set(object, "short", value_string(id));
    object = value_set(object, "subject", value_string(git_commit_summary(commit)));
    object = value_set(object, "message", value_string(git_commit_message(commit)));
    object = value_set(object, "author", person(git_commit_author(commit)));
    object = value_set(object, "committer", person(git_commit_committer(commit)));
    object = value_set(object, "parents", parents_of(commit));
    return value_set(object, "tags", value_is(names, VALUE_ARRAY) ? names : value_array());
}

static int ends_find(struct act *act, git_revwalk *walk, struct err *err) {
    const struct repo_act_spec *spec = act->spec;
    git_commit *to = NULL, *from = NULL;
    int status = commit_find(act, spec->ref ? spec->ref : "HEAD", &to, err);
    if (status == 0 && spec->from)
        status = commit_find(act, spec->from, &from, err);
    if (status == 0 && (git_revwalk_push(walk, git_commit_id(to)) < 0 ||
                        (from && git_revwalk_hide(walk, git_commit_id(from)) < 0)))
        status = repo_git_fail(err, "reading the log of %s", act->place);
    git_commit_free(to);
    git_commit_free(from);
    return status;
}

static int walk_all(struct act *act, git_revwalk *walk, struct err *err) {
    AUTO_VALUE tags = tags_read(act);
    value commits = value_array();
    bool more = false;
    git_oid id;
    git_revwalk_sorting(walk, GIT_SORT_TOPOLOGICAL | GIT_SORT_TIME);
    while (git_revwalk_next(&id, walk) == 0 && !act_is_cancelled(act)) {
        git_commit *commit = NULL;
        more = (int64_t)value_count(commits) >= act->spec->limit;
        if (more || git_commit_lookup(&commit, act->git, &id) < 0)
            break;
        commits = value_append(commits, entry(commit, tags));
        git_commit_free(commit);
    }
    fact_set(act, "count", value_integer((int64_t)value_count(commits)));
    fact_set(act, "more", value_bool(more));
    fact_set(act, "commits", commits);
    return act_is_cancelled(act) ? err_set(err, ERR_REFUSED, "cancelled") : 0;
}

static int log_look(struct act *act, struct err *err) {
    git_revwalk *walk = NULL;
    if (git_revwalk_new(&walk, act->git) < 0)
        return repo_git_fail(err, "reading the log of %s", act->place);
    int status = ends_find(act, walk, err);
    if (status == 0)
        status = walk_all(act, walk, err);
    git_revwalk_free(walk);
    return status;
}

const struct git_verb repo_git_log = {.look = log_look};
