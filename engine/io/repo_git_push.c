/* `push`. Each reference moves only from where it was seen: libgit2 tells what it is about to move
 * before it does, and the protocol names the old commit too. Where the remote takes some and not
 * others, the former are put back: it is all or nothing. */
#include "base/mem.h"
#include "base/text.h"
#include "base/vec.h"
#include "io/repo_git_remote.h"

#define SHORT 11 /* digits of a commit for people, and NUL */

struct update {
    char *ref;
    char *source;          /* a reference here that is at `after`; NULL: none is known */
    git_oid before, after; /* all zero: not there */
    bool is_forced;
    char *refused; /* why; NULL: it was taken */
    bool is_answered;
};

struct push {
    struct act *act;
    struct peer peer;
    VEC(struct update) updates;
    bool is_asked; /* the commands may have been sent */
    bool is_moved; /* one is not where it was seen */
};

static void update_drop(struct update *update) {
    mem_free(update->ref);
    mem_free(update->source);
    mem_free(update->refused);
}

static void push_release(struct push *push) {
    for (size_t i = 0; i < push->updates.count; i++)
        update_drop(&push->updates.items[i]);
    vec_release(&push->updates);
    peer_close(&push->peer);
}
#define AUTO_PUSH __attribute__((cleanup(push_release))) struct push

/* ---- facts ----------------------------------------------------------------------------------- */

static value id_value(const git_oid *id) {
    char text[REPO_COMMIT_SIZE];
    git_oid_tostr(text, sizeof text, id);
    return value_string(git_oid_is_zero(id) ? NULL : text);
}

static void updates_tell(struct push *push) {
    value updates = value_array();
    for (size_t i = 0; i < push->updates.count; i++) {
        const struct update *update = &push->updates.items[i];
        value told = value_set(value_object(), "ref", value_string(update->ref));
        told = value_set(told, "before", id_value(&update->before));
        told = value_set(told, "after", id_value(&update->after));
        if (update->source)
            told = value_set(told, "source", value_string(update->source));
        if (update->refused)
            told = value_set(told, "refused", value_string(update->refused));
        updates = value_append(updates, told);
    }
    fact_set(push->act, "unchanged", value_bool(push->updates.count == 0));
    fact_set(push->act, "updates", updates);
}

static void id_read(value update, const char *key, git_oid *ret) {
    AUTO_VALUE text = value_get(update, key);
    *ret = (git_oid){{0}};
    if (value_is(text, VALUE_STRING))
        (void)git_oid_fromstr(ret, value_text(text));
}

static void updates_read(struct push *push) {
    AUTO_VALUE updates = value_get(push->act->job->facts, "updates");
    for (size_t i = 0; i < value_count(updates); i++) {
        AUTO_VALUE told = value_at(updates, i);
        AUTO_VALUE ref = value_get(told, "ref");
        AUTO_VALUE source = value_get(told, "source");
        struct update *update = vec_add(&push->updates);
        update->ref = mem_strdup(value_text(ref));
        update->source = value_is(source, VALUE_STRING) ? mem_strdup(value_text(source)) : NULL;
        id_read(told, "before", &update->before);
        id_read(told, "after", &update->after);
    }
}

/* ---- what is to be pushed -------------------------------------------------------------------- */

/* 1, 0 where the repository has no such name, or -1. */
static int source_find(struct push *push, const char *name, git_oid *ret, char **ret_ref,
                       struct err *err) {
    static const char *const places[] = {"refs/heads/%s", "refs/tags/%s"};
    const struct act *act = push->act;
    git_oid found[2];
    int is[2];
    *ret_ref = NULL;
    if (text_starts_with(name, "refs/")) {
        *ret_ref = mem_strdup(name);
        return ref_read(act, name, ret, err);
    }
    for (size_t i = 0; i < 2; i++) {
        AUTO_BUF ref = BUF_INIT(4096);
        buf_printf(&ref, "%.*s%s", (int)strcspn(places[i], "%"), places[i], name);
        is[i] = ref_is_name(buf_text(&ref)) ? ref_read(act, buf_text(&ref), &found[i], err) : 0;
        if (is[i] < 0)
            return -1;
        if (is[i] && !*ret_ref)
            *ret_ref = mem_strdup(buf_text(&ref));
    }
    if (is[0] && is[1]) {
        mem_free(*ret_ref);
        *ret_ref = NULL;
        err_set(err, ERR_INVALID, "`%s` of %s is a branch and a tag", name, act->place);
        return err_hint(err, "write refs/heads/%s or refs/tags/%s", name, name);
    }
    *ret = is[0] ? found[0] : found[1];
    return is[0] || is[1];
}

/* Any other name of a commit, as in `HEAD:refs/heads/deployed`. */
static int object_find(struct push *push, const char *name, git_oid *ret, struct err *err) {
    git_commit *commit = NULL;
    if (commit_find(push->act, name, &commit, err) < 0)
        return -1;
    *ret = *git_commit_id(commit);
    git_commit_free(commit);
    return 0;
}

static int target_name(struct push *push, const char *name, const char *source_ref, char **ret,
                       struct err *err) {
    git_oid id;
    AUTO_TEXT branch = mem_printf("refs/heads/%s", name);
    AUTO_TEXT tag = mem_printf("refs/tags/%s", name);
    if (text_starts_with(name, "refs/")) {
        *ret = mem_strdup(name);
    } else {
        const int is_branch = peer_find(&push->peer, branch, &id, err);
        const int is_tag = is_branch < 0 ? -1 : peer_find(&push->peer, tag, &id, err);
        if (is_tag < 0)
            return -1;
        const bool as_tag =
            is_tag != is_branch ? is_tag : source_ref && text_starts_with(source_ref, "refs/tags/");
        *ret = mem_strdup(as_tag ? tag : branch);
    }
    if (ref_is_name(*ret))
        return 0;
    return err_set(err, ERR_INVALID, "`%s` cannot be the name of a branch or tag", name);
}

/* "[+][source][:target]" */
static int item_add(struct push *push, const char *item, struct err *err) {
    const bool is_forced = item[0] == '+';
    const char *text = item + is_forced;
    const char *colon = strchr(text, ':');
    AUTO_TEXT source = mem_strndup(text, colon ? (size_t)(colon - text) : strlen(text));
    AUTO_TEXT source_ref = NULL;
    git_oid id = {{0}};
    int found = *source ? source_find(push, source, &id, &source_ref, err) : 0;
    if (found < 0)
        return -1;
    if (*source && !found && !colon) {
        err_set(err, ERR_INVALID, "%s has neither a branch nor a tag `%s` to push",
                push->act->place, source);
        return err_hint(err, "`HEAD:refs/heads/NAME` pushes what is checked out as NAME");
    }
    if (*source && !found && object_find(push, source, &id, err) < 0)
        return -1;
    struct update *update = vec_add(&push->updates);
    update->after = id;
    update->is_forced = is_forced || !*source;
    update->source = source_ref ? mem_strdup(source_ref) : NULL;
    return target_name(push, colon ? colon + 1 : source_ref, source_ref, &update->ref, err);
}

/* The branch that is checked out, to the one of the same name. */
static int head_add(struct push *push, struct err *err) {
    AUTO_HEAD head = {0};
    if (head_read(push->act, &head, err) < 0)
        return -1;
    if (head.branch && !head.is_unborn) {
        AUTO_TEXT item = mem_printf("%s:%s", head.ref, head.ref);
        return item_add(push, item, err);
    }
    err_set(err, ERR_REFUSED, head.branch ? "%s has no commit yet" : "HEAD of %s is detached",
            push->act->place);
    return err_hint(err, "`refs` says what is pushed");
}

static int tags_add(struct push *push, struct err *err) {
    git_strarray names = {0};
    int status = 0;
    if (git_tag_list(&names, push->act->git) < 0)
        return repo_git_fail(err, "listing the tags of %s", push->act->place);
    for (size_t i = 0; i < names.count && status == 0; i++) {
        AUTO_TEXT ref = mem_printf("refs/tags/%s", names.strings[i]);
        status = item_add(push, ref, err);
    }
    git_strarray_dispose(&names);
    return status;
}

/* ---- what the remote has --------------------------------------------------------------------- */

static int refuse_behind(struct push *push, const struct update *update, bool is_known,
                         struct err *err) {
    const char *name = strchr(update->ref + strlen("refs/"), '/');
    name = name ? name + 1 : update->ref;
    if (text_starts_with(update->ref, "refs/tags/")) {
        err_set(err, ERR_REFUSED, "%s has a tag `%s` already, and it is another", push->peer.shown,
                name);
        return err_hint(err, "a tag that others have should not change: choose another name");
    }
    err_set(err, ERR_REFUSED, "`%s` of %s has commits that %s", name, push->peer.shown,
            is_known ? "what is pushed does not have" : "are not here");
    return err_hint(err, "`pull` first; `+%s` would throw them away for everybody", name);
}

static int update_check(struct push *push, struct update *update, struct err *err) {
    const int found = peer_find(&push->peer, update->ref, &update->before, err);
    if (found < 0)
        return -1;
    if (!found && git_oid_is_zero(&update->after))
        return err_set(err, ERR_INVALID, "%s has no %s that could be deleted", push->peer.shown,
                       update->ref);
    if (!found || update->is_forced || git_oid_equal(&update->before, &update->after))
        return 0;
    git_odb *odb = NULL;
    const bool is_known =
        git_repository_odb(&odb, push->act->git) == 0 && git_odb_exists(odb, &update->before) == 1;
    git_odb_free(odb);
    const bool is_tag = text_starts_with(update->ref, "refs/tags/");
    if (!is_tag && is_known &&
        git_graph_descendant_of(push->act->git, &update->after, &update->before) == 1)
        return 0;
    return refuse_behind(push, update, is_known, err);
}

/* Leaves out what is there already. */
static int updates_check(struct push *push, struct err *err) {
    size_t kept = 0;
    for (size_t i = 0; i < push->updates.count; i++)
        if (update_check(push, &push->updates.items[i], err) < 0)
            return -1;
    for (size_t i = 0; i < push->updates.count; i++) {
        struct update update = push->updates.items[i];
        push->updates.items[i] = (struct update){0};
        if (git_oid_equal(&update.before, &update.after))
            update_drop(&update);
        else
            push->updates.items[kept++] = update;
    }
    push->updates.count = kept;
    return 0;
}

static int push_look(struct act *act, struct err *err) {
    AUTO_PUSH push = {.act = act};
    if (peer_open(act, true, &push.peer, err) < 0 ||
        peer_connect(&push.peer, GIT_DIRECTION_PUSH, err) < 0)
        return -1;
    for (size_t i = 0; i < act->spec->item_count; i++)
        if (item_add(&push, act->spec->items[i], err) < 0)
            return -1;
    if (act->spec->tags && tags_add(&push, err) < 0)
        return -1;
    if (act->spec->item_count == 0 && !act->spec->tags && head_add(&push, err) < 0)
        return -1;
    if (updates_check(&push, err) < 0)
        return -1;
    updates_tell(&push);
    return 0;
}

/* ---- pushing --------------------------------------------------------------------------------- */

static struct update *update_of(struct push *push, const char *ref) {
    for (size_t i = 0; i < push->updates.count; i++)
        if (text_equal(push->updates.items[i].ref, ref))
            return &push->updates.items[i];
    return NULL;
}

static int on_negotiation(const git_push_update **updates, size_t count, void *user) {
    struct peer *peer = user;
    struct push *push = (struct push *)((char *)peer - offsetof(struct push, peer));
    for (size_t i = 0; i < count; i++) {
        const struct update *ours = update_of(push, updates[i]->dst_refname);
        push->is_moved |= !ours || !git_oid_equal(&ours->before, &updates[i]->src);
    }
    if (push->is_moved || act_is_cancelled(push->act))
        return GIT_EUSER;
    push->is_asked = true;
    return 0;
}

static int on_answer(const char *ref, const char *why, void *user) {
    struct peer *peer = user;
    struct push *push = (struct push *)((char *)peer - offsetof(struct push, peer));
    struct update *update = update_of(push, ref);
    if (!update)
        return 0;
    update->is_answered = true;
    mem_free(update->refused);
    update->refused = why ? mem_strdup(why) : NULL;
    return 0;
}

static int refuse_moved(const struct push *push, struct err *err) {
    err_set(err, ERR_BUSY, "somebody else has just pushed to %s", push->peer.shown);
    return err_hint(err, "nothing was pushed; look at what came, and try again");
}

/* libgit2 pushes references only: what has none here gets one for as long as it is pushed. */
static char *own_name(const git_oid *id) {
    char text[REPO_COMMIT_SIZE];
    git_oid_tostr(text, sizeof text, id);
    return mem_printf("refs/runbook/%s", text);
}

static int source_name(const struct push *push, const struct update *update, char **ret,
                       struct err *err) {
    git_oid now = {{0}};
    git_reference *made = NULL;
    if (git_oid_is_zero(&update->after))
        return 0;
    if (update->source && ref_read(push->act, update->source, &now, err) > 0 &&
        git_oid_equal(&now, &update->after)) {
        *ret = mem_strdup(update->source);
        return 0;
    }
    *ret = own_name(&update->after);
    if (git_reference_create(&made, push->act->git, *ret, &update->after, 1, NULL) < 0)
        return repo_git_fail(err, "preparing the push in %s", push->act->place);
    git_reference_free(made);
    return 0;
}

/* Also those that an engine left behind. */
static void names_clear(const struct push *push) {
    for (size_t i = 0; i < push->updates.count; i++) {
        AUTO_TEXT name = own_name(&push->updates.items[i].after);
        (void)git_reference_remove(push->act->git, name);
    }
}

static int push_send(struct push *push, struct err *err) {
    git_push_options options;
    struct peer *peer = &push->peer;
    VEC(char *) specs = {0};
    int status = 0;
    git_push_options_init(&options, GIT_PUSH_OPTIONS_VERSION);
    peer->callbacks.push_negotiation = on_negotiation;
    peer->callbacks.push_update_reference = on_answer;
    options.callbacks = peer->callbacks;
    options.proxy_opts.type = GIT_PROXY_AUTO;
    if (push->act->spec->password)
        options.follow_redirects = GIT_REMOTE_REDIRECT_NONE;
    for (size_t i = 0; i < push->updates.count; i++) {
        const struct update *update = &push->updates.items[i];
        AUTO_TEXT name = NULL;
        status = status < 0 ? -1 : source_name(push, update, &name, err);
        *vec_add(&specs) =
            name ? mem_printf("+%s:%s", name, update->ref) : mem_printf(":%s", update->ref);
    }
    const git_strarray refs = {specs.items, specs.count};
    const bool is_ready = status == 0;
    if (is_ready)
        status = git_remote_push(peer->remote, &refs, &options);
    names_clear(push);
    for (size_t i = 0; i < specs.count; i++)
        mem_free(specs.items[i]);
    vec_release(&specs);
    if (status == 0 || !is_ready)
        return status;
    return push->is_moved ? refuse_moved(push, err) : peer_fail(peer, "cannot push to", err);
}

/* Updates the other way, of those that were taken; each has to be where the push left it. */
static int push_reverse(struct push *push, bool only_taken, struct err *err) {
    AUTO_PUSH back = {.act = push->act};
    for (size_t i = 0; i < push->updates.count; i++) {
        const struct update *update = &push->updates.items[i];
        if (only_taken && (update->refused || !update->is_answered))
            continue;
        struct update *reverse = vec_add(&back.updates);
        reverse->ref = mem_strdup(update->ref);
        reverse->before = update->after;
        reverse->after = update->before;
    }
    if (back.updates.count == 0)
        return 0;
    if (peer_open(push->act, true, &back.peer, err) < 0 || push_send(&back, err) < 0)
        return -1;
    for (size_t i = 0; i < back.updates.count; i++)
        if (back.updates.items[i].refused)
            return err_set(err, ERR_REFUSED, "%s does not take %s back: %s", back.peer.shown,
                           back.updates.items[i].ref, back.updates.items[i].refused);
    return 0;
}

/* What hooks and servers say when they refuse. */
static void said_add(const struct peer *peer, struct err *err) {
    const char *said = buf_text(&peer->said);
    size_t end = strlen(said);
    while (end > 0 && strchr(" \r\n", said[end - 1]))
        end--;
    const size_t start = end > 400 ? end - 400 : 0;
    if (end > 0)
        err_hint(err, "it says: %.*s", (int)(end - start), said + start);
    else
        err_hint(err, "a rule or a hook of the remote refuses it: protected branches and "
                      "`receive.deny…` are such");
}

static int refused_tell(struct push *push, const struct update *update, struct err *err) {
    AUTO_ERR failed = ERR_INIT;
    err_set(err, ERR_REFUSED, "%s refuses %s: %s", push->peer.shown, update->ref, update->refused);
    said_add(&push->peer, err);
    push->act->job->touched = push_reverse(push, true, &failed) < 0;
    if (push->act->job->touched)
        err_hint(err, "and what it had taken could not be put back: %s", failed.message);
    return -1;
}

static int push_carry_out(struct act *act, struct err *err) {
    AUTO_PUSH push = {.act = act};
    updates_read(&push);
    if (peer_open(act, true, &push.peer, err) < 0)
        return -1;
    if (push_send(&push, err) < 0) {
        act->job->touched = push.is_asked;
        return -1;
    }
    for (size_t i = 0; i < push.updates.count; i++)
        if (push.updates.items[i].refused) {
            updates_tell(&push);
            return refused_tell(&push, &push.updates.items[i], err);
        }
    if (push.peer.said.length)
        fact_set(act, "said", value_string_n(push.peer.said.data, push.peer.said.length));
    return 0;
}

/* ---- afterwards ------------------------------------------------------------------------------ */

enum place { AT_BEFORE, AT_AFTER, ELSEWHERE };

static int place_find(struct push *push, const struct update *update, enum place *ret,
                      struct err *err) {
    git_oid now = {{0}};
    const int found = peer_find(&push->peer, update->ref, &now, err);
    if (found < 0)
        return -1;
    *ret = git_oid_equal(&now, &update->after)    ? AT_AFTER
           : git_oid_equal(&now, &update->before) ? AT_BEFORE
                                                  : ELSEWHERE;
    /* Somebody else went on from there. */
    if (*ret == ELSEWHERE && found && !git_oid_is_zero(&update->after) &&
        git_graph_descendant_of(push->act->git, &now, &update->after) == 1)
        *ret = AT_AFTER;
    return 0;
}

static int push_settle(struct act *act, struct err *err) {
    AUTO_PUSH push = {.act = act};
    size_t counts[3] = {0};
    updates_read(&push);
    names_clear(&push);
    if (peer_open(act, true, &push.peer, err) < 0 ||
        peer_connect(&push.peer, GIT_DIRECTION_PUSH, err) < 0)
        return -1;
    for (size_t i = 0; i < push.updates.count; i++) {
        enum place place;
        if (place_find(&push, &push.updates.items[i], &place, err) < 0)
            return -1;
        counts[place]++;
    }
    if (counts[AT_AFTER] == push.updates.count)
        act->job->fate = REPO_HAPPENED;
    else if (counts[AT_BEFORE] == push.updates.count)
        act->job->fate = REPO_NOT_HAPPENED;
    else
        err_set(err, ERR_REFUSED, "%zu of %zu references of %s are where the push would have them",
                counts[AT_AFTER], push.updates.count, push.peer.shown);
    return act->job->fate == REPO_UNKNOWN ? -1 : 0;
}

static int refuse_gone_on(const struct push *push, const struct update *update, const git_oid *now,
                          struct err *err) {
    char id[SHORT];
    git_oid_tostr(id, sizeof id, now);
    err_set(err, ERR_REFUSED, "%s of %s has moved on since, to %s", update->ref, push->peer.shown,
            git_oid_is_zero(now) ? "nothing" : id);
    return err_hint(err, "others may build on it: undo it with a new commit (`revert`)");
}

static int push_undo(struct act *act, struct err *err) {
    AUTO_PUSH push = {.act = act};
    size_t kept = 0;
    updates_read(&push);
    if (peer_open(act, true, &push.peer, err) < 0 ||
        peer_connect(&push.peer, GIT_DIRECTION_PUSH, err) < 0)
        return -1;
    for (size_t i = 0; i < push.updates.count; i++) {
        struct update update = push.updates.items[i];
        git_oid now = {{0}};
        if (peer_find(&push.peer, update.ref, &now, err) < 0)
            return -1;
        if (!git_oid_equal(&now, &update.before) && !git_oid_equal(&now, &update.after))
            return refuse_gone_on(&push, &update, &now, err);
        push.updates.items[i] = (struct update){0};
        if (git_oid_equal(&now, &update.after))
            push.updates.items[kept++] = update;
        else
            update_drop(&update);
    }
    push.updates.count = kept;
    act->job->touched = kept > 0;
    return push_reverse(&push, false, err);
}

const struct git_verb repo_git_push = {push_look, push_carry_out, push_settle, push_undo};
