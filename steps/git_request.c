/* The act that a `git` step asks of its repository, with its values rendered. */
#include "base/text.h"
#include "git_step.h"

struct rendering {
    struct step_ctx *ctx;
    struct git_request *request;
    struct err *err;
};

static int text_of(const struct rendering *at, const struct template *tmpl, const char **ret,
                   const char *what) {
    struct git_request *request = at->request;
    char *text = NULL;
    *ret = NULL;
    if (!tmpl)
        return 0;
    if (step_render_text(at->ctx, tmpl, &text, at->err) < 0)
        return err_wrap(at->err, "`%s`", what);
    request->texts[request->text_count++] = text;
    *ret = text;
    if (*text)
        return 0;
    return err_set(at->err, ERR_INVALID, "`%s` is empty", what);
}

/* What a push destroys stands in the runbook, where `check` sees it, and in no value. */
static int forced_check(const struct rendering *at, const struct template *tmpl, const char *ref) {
    AUTO_BUF written = BUF_INIT(GIT_LINE_CEILING);
    template_show(&written, tmpl);
    if (at->request->spec.verb != REPO_PUSH || !git_is_forced(ref) ||
        git_is_forced(buf_text(&written)))
        return 0;
    err_set(at->err, ERR_INVALID, "`%s` in `refs` would overwrite or delete on the remote", ref);
    return err_hint(at->err, "where that is meant, the `+` or `:` stands in the runbook itself, "
                             "before the `${{`");
}

static int list_of(const struct rendering *at, const struct field_list *list, const char *what) {
    struct git_request *request = at->request;
    request->items = mem_calloc(list->count + 1, sizeof *request->items);
    request->spec.items = request->items;
    for (size_t i = 0; i < list->count; i++) {
        char *text = NULL;
        if (step_render_text(at->ctx, FIELD_AT(struct template *, list, i), &text, at->err) < 0)
            return err_wrap(at->err, "`%s`", what);
        request->items[request->spec.item_count++] = text;
        if (!*text || (text_equal(what, "refs") && *text == '-'))
            return err_set(at->err, ERR_INVALID, "`%s` in `%s` is no refspec", text, what);
        if (forced_check(at, FIELD_AT(struct template *, list, i), text) < 0)
            return -1;
    }
    return 0;
}

static int credentials_of(const struct rendering *at, const struct git_credentials *credentials) {
    struct git_request *request = at->request;
    if (!credentials)
        return 0;
    if (text_of(at, credentials->user, &request->spec.user, "user") < 0 ||
        text_of(at, credentials->ssh_key, &request->spec.ssh_key, "ssh_key") < 0)
        return -1;
    if (!credentials->password)
        return 0;
    if (step_render_text(at->ctx, credentials->password, &request->password, at->err) < 0)
        return err_wrap(at->err, "`password`");
    request->spec.password = request->password;
    return *request->password ? 0 : err_set(at->err, ERR_INVALID, "`password` is empty");
}

static int remote_of(const struct rendering *at, const struct git_remote *remote) {
    struct repo_act_spec *spec = &at->request->spec;
    spec->tags = remote->tags;
    if (text_of(at, remote->remote, &spec->name, "remote") < 0)
        return -1;
    if (spec->name && spec->name[0] == '-')
        return err_set(at->err, ERR_INVALID, "`%s` is no remote", spec->name);
    return list_of(at, &remote->refs, "refs");
}

static int tag_of(const struct rendering *at, const struct git_tag *tag) {
    struct repo_act_spec *spec = &at->request->spec;
    spec->remove = tag->remove;
    if (text_of(at, tag->name, &spec->name, "name") < 0 ||
        text_of(at, tag->message, &spec->message, "message") < 0)
        return -1;
    return text_of(at, tag->at, &spec->ref, "at");
}

static int branch_of(const struct rendering *at, const struct git_branch *branch) {
    struct repo_act_spec *spec = &at->request->spec;
    spec->remove = branch->remove;
    if (text_of(at, branch->name, &spec->name, "name") < 0)
        return -1;
    return text_of(at, branch->at, &spec->ref, "at");
}

static int checkout_of(const struct rendering *at, const struct git_checkout *checkout) {
    struct repo_act_spec *spec = &at->request->spec;
    spec->create = checkout->create;
    if (text_of(at, checkout->ref, &spec->ref, "ref") < 0)
        return -1;
    return text_of(at, checkout->at, &spec->from, "at");
}

static int log_of(const struct rendering *at, const struct git_log *log) {
    struct repo_act_spec *spec = &at->request->spec;
    spec->limit = log->limit;
    if (text_of(at, log->from, &spec->from, "from") < 0)
        return -1;
    return text_of(at, log->to, &spec->ref, "to");
}

static int merge_of(const struct rendering *at, const struct git_merge *merge) {
    struct repo_act_spec *spec = &at->request->spec;
    spec->fast_forward = merge->fast_forward;
    if (text_of(at, merge->ref, &spec->ref, "ref") < 0)
        return -1;
    return text_of(at, merge->message, &spec->message, "message");
}

static int verb_of(const struct rendering *at, const struct git_spec *git) {
    struct repo_act_spec *spec = &at->request->spec;
    switch (spec->verb) {
    case REPO_STATUS:
        spec->clean = git->status->clean > 0;
        return text_of(at, git->status->branch, &spec->name, "branch");
    case REPO_LOG:
        return log_of(at, git->log);
    case REPO_TAG:
        return tag_of(at, git->tag);
    case REPO_BRANCH:
        return branch_of(at, git->branch);
    case REPO_CHECKOUT:
        return checkout_of(at, git->checkout);
    case REPO_MERGE:
        return merge_of(at, git->merge);
    case REPO_COMMIT:
        if (text_of(at, git->commit->message, &spec->message, "message") < 0)
            return -1;
        return list_of(at, &git->commit->paths, "paths");
    case REPO_REVERT:
        spec->limit = git->revert->parent;
        return text_of(at, git->revert->ref, &spec->ref, "ref");
    case REPO_FETCH:
        return remote_of(at, git->fetch);
    case REPO_PULL:
        return remote_of(at, git->pull);
    case REPO_PUSH:
        return remote_of(at, git->push);
    }
    return 0;
}

int git_request_init(struct step_ctx *ctx, enum repo_stage stage, const char *facts,
                     struct git_request *ret, struct err *err) {
    const struct git_spec *git = step_spec(ctx);
    const struct rendering at = {ctx, ret, err};
    *ret = (struct git_request){.spec = {.verb = git_verb_of(git), .stage = stage, .facts = facts}};
    if (text_of(&at, git->repository, &ret->spec.path, "repository") == 0 &&
        credentials_of(&at, git->credentials) == 0 && verb_of(&at, git) == 0)
        return 0;
    git_request_release(ret);
    return -1;
}

void git_request_release(struct git_request *request) {
    for (size_t i = 0; i < request->text_count; i++)
        mem_free(request->texts[i]);
    for (size_t i = 0; i < request->spec.item_count; i++)
        mem_free((void *)(uintptr_t)request->items[i]);
    mem_free(request->items);
    if (request->password)
        mem_wipe_free(request->password, strlen(request->password));
}
