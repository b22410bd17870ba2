/* `fetch` and `pull`. */
#include "base/mem.h"
#include "base/text.h"
#include "base/vec.h"
#include "io/repo_git_remote.h"

#define UPDATES_MOST 1000

struct specs {
    VEC(char *) items;
};

static void specs_release(struct specs *specs) {
    for (size_t i = 0; i < specs->items.count; i++)
        mem_free(specs->items.items[i]);
    vec_release(&specs->items);
}

/* ---- what is to come ------------------------------------------------------------------------- */

/* A branch that is checked out would not be what its files are any more. */
static int target_check(const struct act *act, const char *spec, struct err *err) {
    AUTO_HEAD head = {0};
    const char *to = strchr(spec, ':');
    if (head_read(act, &head, err) < 0)
        return -1;
    if (!to || !head.branch || git_repository_is_bare(act->git) ||
        !(text_equal(to + 1, head.ref) || text_equal(to + 1, head.branch)))
        return 0;
    err_set(err, ERR_REFUSED, "`%s` would move `%s`, which is checked out in %s", spec, head.branch,
            act->place);
    return err_hint(err, "`pull` moves it with its files");
}

/* A name is a branch or a tag of the remote. */
static int name_map(struct peer *peer, const char *name, char **ret, struct err *err) {
    git_oid id;
    AUTO_TEXT branch = mem_printf("refs/heads/%s", name);
    AUTO_TEXT tag = mem_printf("refs/tags/%s", name);
    int found = peer_find(peer, branch, &id, err);
    if (found > 0) {
        AUTO_TEXT here = repo_git_tracked(peer->fetch, branch);
        *ret = here ? mem_printf("+%s:%s", branch, here) : mem_strdup(branch);
        return 0;
    }
    if (found == 0)
        found = peer_find(peer, tag, &id, err);
    if (found > 0)
        *ret = mem_printf("%s:%s", tag, tag);
    if (found == 0)
        return err_set(err, ERR_INVALID, "%s has neither a branch nor a tag `%s`", peer->shown,
                       name);
    return found < 0 ? -1 : 0;
}

static int specs_fill(struct peer *peer, struct specs *specs, struct err *err) {
    const struct act *act = peer->act;
    for (size_t i = 0; i < act->spec->item_count; i++) {
        const char *item = act->spec->items[i];
        char *spec = NULL;
        if (strchr(item, ':') || item[0] == '+' || text_starts_with(item, "refs/"))
            spec = mem_strdup(item);
        else if (name_map(peer, item, &spec, err) < 0)
            return -1;
        *vec_add(&specs->items) = spec;
        if (target_check(act, spec, err) < 0)
            return -1;
    }
    if (specs->items.count == 0 && peer->fetch)
        *vec_add(&specs->items) = mem_strdup(peer->fetch);
    if (specs->items.count == 0)
        *vec_add(&specs->items) = mem_strdup("HEAD");
    return 0;
}

/* ---- fetch ----------------------------------------------------------------------------------- */

static int on_update(const char *ref, const git_oid *before, const git_oid *after, void *user) {
    struct peer *peer = user;
    char old[REPO_COMMIT_SIZE], new[REPO_COMMIT_SIZE];
    AUTO_VALUE updates = value_get(peer->act->job->facts, "updates");
    git_oid_tostr(old, sizeof old, before);
    git_oid_tostr(new, sizeof new, after);
    value update = value_set(value_object(), "ref", value_string(ref));
    update = value_set(update, "before", value_string(git_oid_is_zero(before) ? NULL : old));
    update = value_set(update, "after", value_string(git_oid_is_zero(after) ? NULL : new));
    if (value_count(updates) < UPDATES_MOST)
        fact_set(peer->act, "updates", value_append(value_copy(updates), update));
    else
        value_free(update);
    return 0;
}

static int fetch_run(struct peer *peer, struct specs *specs, struct err *err) {
    git_fetch_options options;
    git_fetch_options_init(&options, GIT_FETCH_OPTIONS_VERSION);
    peer->callbacks.update_tips = on_update;
    options.callbacks = peer->callbacks;
    options.proxy_opts.type = GIT_PROXY_AUTO;
    options.download_tags =
        peer->act->spec->tags ? GIT_REMOTE_DOWNLOAD_TAGS_ALL : GIT_REMOTE_DOWNLOAD_TAGS_AUTO;
    if (peer->act->spec->password)
        options.follow_redirects = GIT_REMOTE_REDIRECT_NONE;
    fact_set(peer->act, "updates", value_array());
    const git_strarray refs = {specs->items.items, specs->items.count};
    if (git_remote_fetch(peer->remote, &refs, &options, "fetch: runbook") < 0)
        return peer_fail(peer, "cannot fetch from", err);
    return 0;
}

static int fetch_carry_out(struct act *act, struct err *err) {
    AUTO_PEER peer = {0};
    struct specs specs = {{0}};
    int status = peer_open(act, false, &peer, err);
    if (status == 0 && act->spec->item_count > 0)
        status = peer_connect(&peer, GIT_DIRECTION_FETCH, err);
    if (status == 0)
        status = specs_fill(&peer, &specs, err);
    if (status == 0)
        status = fetch_run(&peer, &specs, err);
    specs_release(&specs);
    return status;
}

/* For a dry run: is it there, and does it have what is asked for? */
static int fetch_look(struct act *act, struct err *err) {
    AUTO_PEER peer = {0};
    struct specs specs = {{0}};
    int status = peer_open(act, false, &peer, err);
    if (status == 0)
        status = peer_connect(&peer, GIT_DIRECTION_FETCH, err);
    if (status == 0)
        status = specs_fill(&peer, &specs, err);
    specs_release(&specs);
    return status;
}

const struct git_verb repo_git_fetch = {.look = fetch_look, .carry_out = fetch_carry_out};

/* ---- pull ------------------------------------------------------------------------------------ */

static int refuse_apart(struct act *act, const struct head *head, const git_oid *theirs,
                        struct err *err) {
    size_t ahead = 0, behind = 0;
    (void)git_graph_ahead_behind(&ahead, &behind, act->git, &head->id, theirs);
    fact_set(act, "ahead", value_integer((int64_t)ahead));
    fact_set(act, "behind", value_integer((int64_t)behind));
    err_set(err, ERR_REFUSED,
            "`%s` of %s cannot just move on: it is %zu ahead of the remote, and %zu behind",
            head->branch, act->place, ahead, behind);
    return err_hint(err, "`fetch`, and then `merge` the remote's branch, or push first");
}

static int pull_choose(struct act *act, const struct head *head, const git_oid *theirs,
                       struct err *err) {
    const bool is_in = git_oid_equal(&head->id, theirs) ||
                       git_graph_descendant_of(act->git, &head->id, theirs) == 1;
    const git_oid *after = is_in ? &head->id : theirs;
    if (!is_in && git_graph_descendant_of(act->git, theirs, &head->id) != 1)
        return refuse_apart(act, head, theirs, err);
    fact_set_id(act, "oid", after);
    fact_move(act, &head->id, after);
    fact_set_changes(act, &head->id, after);
    return tree_probe(act, &head->id, after, err);
}

/* The branch that is pulled: what `refs` name, the upstream, or the one of the same name. */
static char *branch_of(const struct act *act, const struct head *head) {
    AUTO_TEXT upstream = repo_git_upstream_name(act, head->branch);
    if (act->spec->item_count > 0)
        return mem_strdup(act->spec->items[0]);
    if (upstream && text_starts_with(upstream, "refs/heads/"))
        return mem_strdup(upstream + strlen("refs/heads/"));
    return mem_strdup(head->branch);
}

static int pull_fetch(struct act *act, const struct head *head, const char *branch, git_oid *theirs,
                      struct err *err) {
    AUTO_PEER peer = {0};
    struct specs specs = {{0}};
    AUTO_TEXT ref = mem_printf("refs/heads/%s", branch);
    if (peer_open(act, false, &peer, err) < 0 || peer_connect(&peer, GIT_DIRECTION_FETCH, err) < 0)
        return -1;
    const int found = peer_find(&peer, ref, theirs, err);
    if (found == 0) {
        err_set(err, ERR_INVALID, "%s has no branch `%s`", peer.shown, branch);
        err_hint(err, "`refs` names the branch that is pulled into `%s`", head->branch);
    }
    if (found <= 0 || act_is_check(act))
        return found <= 0 ? -1 : 0;
    AUTO_TEXT here = repo_git_tracked(peer.fetch, ref);
    *vec_add(&specs.items) = here ? mem_printf("+%s:%s", ref, here) : mem_strdup(ref);
    const int status = fetch_run(&peer, &specs, err);
    specs_release(&specs);
    return status;
}

static int pull_look(struct act *act, struct err *err) {
    AUTO_HEAD head = {0};
    git_oid theirs = {{0}};
    git_odb *odb = NULL;
    fact_set_text(act, "log", "pull: runbook");
    if (git_repository_is_bare(act->git))
        return err_set(err, ERR_INVALID, "%s is bare: `fetch` is enough there", act->place);
    if (head_read(act, &head, err) < 0)
        return -1;
    if (!head.branch || head.is_unborn) {
        err_set(err, ERR_REFUSED, head.branch ? "%s has no commit yet" : "HEAD of %s is detached",
                act->place);
        return err_hint(err, "check a branch out before it");
    }
    if (tree_is_clean(act, "the pull", err) < 0)
        return -1;
    fact_set_text(act, "ref", head.ref);
    fact_set_text(act, "branch", head.branch);
    AUTO_TEXT branch = branch_of(act, &head);
    if (pull_fetch(act, &head, branch, &theirs, err) < 0)
        return -1;
    /* What a dry run has not fetched cannot be compared. */
    const bool is_known =
        git_repository_odb(&odb, act->git) == 0 && git_odb_exists(odb, &theirs) == 1;
    git_odb_free(odb);
    return is_known ? pull_choose(act, &head, &theirs, err) : 0;
}

const struct git_verb repo_git_pull = {pull_look, advance_carry_out, advance_settle, advance_undo};
