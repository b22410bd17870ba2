/* A `git` step in a plan: as the command that people know. */
#include "base/text.h"
#include "git_step.h"

static void word(struct buf *line, const char *text) {
    (void)buf_printf(line, "%s%s", line->length ? " " : "", text);
}

static void shown(struct buf *line, const char *before, const struct template *tmpl) {
    AUTO_BUF text = BUF_INIT(GIT_LINE_CEILING);
    if (!tmpl)
        return;
    template_show(&text, tmpl);
    (void)buf_printf(line, " %s%s", before, buf_text(&text));
}

static void quoted(struct buf *line, const char *before, const struct template *tmpl) {
    AUTO_BUF text = BUF_INIT(GIT_LINE_CEILING);
    if (!tmpl)
        return;
    template_show(&text, tmpl);
    (void)buf_printf(line, " %s\"%.*s\"", before, (int)strcspn(buf_text(&text), "\n"),
                     buf_text(&text));
}

static void list_shown(struct buf *line, const struct field_list *list) {
    for (size_t i = 0; i < list->count; i++)
        shown(line, "", FIELD_AT(struct template *, list, i));
}

static void remote_shown(struct buf *line, const struct git_remote *remote) {
    if (remote->tags)
        word(line, "--tags");
    if (remote->remote)
        shown(line, "", remote->remote);
    else if (remote->refs.count)
        word(line, "origin");
    list_shown(line, &remote->refs);
}

static void name_shown(struct buf *line, const struct template *name, const struct template *at,
                       bool remove) {
    if (remove)
        word(line, "-d");
    shown(line, "", name);
    shown(line, "", at);
}

static void merge_shown(struct buf *line, const struct git_merge *merge) {
    static const char *const ways[] = {"", "", "--ff-only", "--no-ff"};
    if (*ways[merge->fast_forward])
        word(line, ways[merge->fast_forward]);
    quoted(line, "-m ", merge->message);
    shown(line, "", merge->ref);
}

static void log_shown(struct buf *line, const struct git_log *log) {
    (void)buf_printf(line, " -%lld", (long long)log->limit);
    shown(line, "^", log->from);
    shown(line, "", log->to);
}

static void verb_shown(struct buf *line, const struct git_spec *git, enum repo_verb verb) {
    if (verb == REPO_STATUS && git->status->branch)
        shown(line, "on ", git->status->branch);
    if (verb == REPO_STATUS && git->status->clean > 0)
        word(line, "must be clean");
    if (verb == REPO_LOG)
        log_shown(line, git->log);
    if (verb == REPO_TAG)
        quoted(line, "-m ", git->tag->message);
    if (verb == REPO_TAG)
        name_shown(line, git->tag->name, git->tag->at, git->tag->remove);
    if (verb == REPO_BRANCH)
        name_shown(line, git->branch->name, git->branch->at, git->branch->remove);
    if (verb == REPO_CHECKOUT) {
        shown(line, git->checkout->create ? "-b " : "", git->checkout->ref);
        shown(line, "", git->checkout->at);
    }
    if (verb == REPO_MERGE)
        merge_shown(line, git->merge);
    if (verb == REPO_COMMIT) {
        quoted(line, "-m ", git->commit->message);
        list_shown(line, &git->commit->paths);
    }
    if (verb == REPO_REVERT)
        shown(line, "", git->revert->ref);
    if (git_verb_rows[verb].is_remote)
        remote_shown(line, verb == REPO_FETCH  ? git->fetch
                           : verb == REPO_PULL ? git->pull
                                               : git->push);
}

static void place_shown(struct buf *line, const struct git_spec *git) {
    if (git->repository)
        shown(line, "in ", git->repository);
}

void git_plan(const void *spec, const struct step_plan *plan) {
    AUTO_BUF line = BUF_INIT(GIT_LINE_CEILING);
    const enum repo_verb verb = git_verb_of(spec);
    if (verb == GIT_VERBS)
        return;
    word(&line, git_verb_rows[verb].key);
    verb_shown(&line, spec, verb);
    place_shown(&line, spec);
    plan->line(plan->user, "git", buf_text(&line), line.length);
    git_losses_plan(spec, plan);
}

/* What a person would have to do by hand. */
void git_undo_plan(const void *spec, const struct step_plan *plan) {
    static const char *const what[GIT_VERBS] = {
        [REPO_CHECKOUT] = "check out what was there before:",
        [REPO_MERGE] = "put the branch back to before:",
        [REPO_COMMIT] = "uncommit, and keep the changes:",
        [REPO_REVERT] = "put the branch back to before:",
        [REPO_PULL] = "put the branch back to before:",
        [REPO_PUSH] = "put the remote back to before:",
    };
    AUTO_BUF line = BUF_INIT(GIT_LINE_CEILING);
    const struct git_spec *git = spec;
    const enum repo_verb verb = git_verb_of(git);
    const bool removes =
        (verb == REPO_TAG && git->tag->remove) || (verb == REPO_BRANCH && git->branch->remove);
    if (verb == GIT_VERBS)
        return;
    if (verb == REPO_TAG || verb == REPO_BRANCH) {
        word(&line, removes ? "put back the" : "delete the");
        word(&line, git_verb_rows[verb].key);
        shown(&line, "", verb == REPO_TAG ? git->tag->name : git->branch->name);
    } else {
        word(&line, what[verb]);
        word(&line, git_verb_rows[verb].key);
        verb_shown(&line, git, verb);
    }
    place_shown(&line, git);
    plan->line(plan->user, "git", buf_text(&line), line.length);
}

void git_demand(const void *spec, const struct step_demand *demand) {
    const struct git_spec *git = spec;
    AUTO_BUF path = BUF_INIT(GIT_LINE_CEILING);
    if (!git->repository)
        return;
    template_show(&path, git->repository);
    demand->need(demand->user, STEP_NEEDS_FILE, buf_text(&path), path.length);
}
