/* An attempt of a `git` step: look, tell the transcript what is about to move, move it. */
#include "base/text.h"
#include "git_step.h"

#define MISS "git" /* in a dry run: what a repository would hold */

typedef void answered(void *user, struct repo_answer *answer);

static int act_begin(struct step_ctx *ctx, enum repo_stage stage, value facts, answered *then,
                     struct err *err) {
    struct git_state *state = step_state(ctx);
    struct git_request request;
    AUTO_TEXT json = value_is(facts, VALUE_OBJECT) ? value_to_json(facts) : NULL;
    if (git_request_init(ctx, stage, json, &request, err) < 0)
        return -1;
    const int status = repo_act_start(step_loop(ctx), &request.spec, then, ctx, &state->act, err);
    git_request_release(&request);
    return status;
}

static void act_over(struct git_state *state) {
    repo_act_free(state->act);
    state->act = NULL;
}

static enum repo_verb verb_of(const struct step_ctx *ctx) {
    return git_verb_of(step_spec(ctx));
}

/* ---- what people see ------------------------------------------------------------------------- */

static char *short_id(value data, const char *key) {
    AUTO_VALUE id = value_get(data, key);
    return mem_printf("%.10s", value_text(id));
}

static void say(struct step_ctx *ctx, const char *format, ...) PRINTF_LIKE(2, 3);

static void say(struct step_ctx *ctx, const char *format, ...) {
    va_list args;
    va_start(args, format);
    AUTO_TEXT text = mem_vprintf(format, args);
    va_end(args);
    step_output(ctx, STEP_STDOUT, text, strlen(text));
}

static void say_log(struct step_ctx *ctx, value data) {
    AUTO_VALUE commits = value_get(data, "commits");
    for (size_t i = 0; i < value_count(commits); i++) {
        AUTO_VALUE commit = value_at(commits, i);
        AUTO_VALUE subject = value_get(commit, "subject");
        AUTO_TEXT id = short_id(commit, "oid");
        say(ctx, "%s %s\n", id, value_text(subject));
    }
}

static void say_updates(struct step_ctx *ctx, value data) {
    AUTO_VALUE updates = value_get(data, "updates");
    for (size_t i = 0; i < value_count(updates); i++) {
        AUTO_VALUE update = value_at(updates, i);
        AUTO_VALUE ref = value_get(update, "ref");
        AUTO_TEXT before = short_id(update, "before");
        AUTO_TEXT after = short_id(update, "after");
        say(ctx, "%s %s -> %s\n", value_text(ref), *before ? before : "(none)",
            *after ? after : "(none)");
    }
}

static void say_result(struct step_ctx *ctx, value data) {
    const enum repo_verb verb = verb_of(ctx);
    AUTO_VALUE ref = value_get(data, "ref");
    AUTO_VALUE branch = value_get(data, "branch");
    AUTO_VALUE said = value_get(data, "said");
    if (verb == REPO_LOG) {
        say_log(ctx, data);
    } else if (verb == REPO_FETCH || verb == REPO_PUSH) {
        say_updates(ctx, data);
        if (value_text_length(said))
            step_output(ctx, STEP_STDERR, value_text(said), value_text_length(said));
    } else {
        AUTO_TEXT id = short_id(data, "oid");
        const char *name = value_is(ref, VALUE_STRING)      ? value_text(ref)
                           : value_is(branch, VALUE_STRING) ? value_text(branch)
                                                            : "HEAD";
        say(ctx, "%s %s\n", name, *id ? id : "(none)");
    }
}

/* ---- ends ------------------------------------------------------------------------------------ */

static void succeed(struct step_ctx *ctx, value data) {
    struct step_result result = {.outcome = STEP_SUCCEEDED, .data = value_copy(data)};
    say_result(ctx, data);
    step_done(ctx, &result);
}

/* Nothing was done yet: looking is not an effect. */
static void look_failed(struct step_ctx *ctx, struct repo_answer *answer, bool is_rehearsal) {
    const struct git_state *state = step_state(ctx);
    struct step_result result = {.outcome = state->is_cancelled ? STEP_CANCELLED : STEP_FAILED,
                                 .without_effect = true,
                                 .rehearsal = is_rehearsal ? STEP_CHECKED : STEP_SHOWN,
                                 .data = value_copy(answer->data)};
    result.stale = step_miss_find(ctx, MISS);
    if (!result.stale)
        result.stale = step_miss_find(ctx, STEP_MISS_FILES);
    if (is_rehearsal)
        step_miss_note(ctx, MISS);
    err_move(&result.err, answer->err);
    step_done(ctx, &result);
}

static void do_failed(struct step_ctx *ctx, struct repo_answer *answer) {
    const struct git_state *state = step_state(ctx);
    const bool is_push = verb_of(ctx) == REPO_PUSH;
    const bool is_unheard = is_push && answer->touched && answer->err->kind == ERR_UNREACHABLE;
    struct step_result result = {.outcome = is_unheard            ? STEP_IN_DOUBT
                                            : state->is_cancelled ? STEP_CANCELLED
                                                                  : STEP_FAILED,
                                 .without_effect = !answer->touched,
                                 .data = value_copy(answer->data)};
    err_move(&result.err, answer->err);
    step_done(ctx, &result);
}

static void not_begun(struct step_ctx *ctx, struct err *err) {
    const struct git_state *state = step_state(ctx);
    struct step_result result = {.outcome = state->is_cancelled ? STEP_CANCELLED : STEP_FAILED,
                                 .without_effect = true,
                                 .data = value_none()};
    err_move(&result.err, err);
    step_done(ctx, &result);
}

/* ---- look, commit, do ------------------------------------------------------------------------ */

static void did(void *user, struct repo_answer *answer) {
    struct step_ctx *ctx = user;
    act_over(step_state(ctx));
    if (answer->err)
        do_failed(ctx, answer);
    else
        succeed(ctx, answer->data);
}

static void go(struct step_ctx *ctx) {
    struct git_state *state = step_state(ctx);
    AUTO_ERR err = ERR_INIT;
    if (state->is_cancelled)
        err_set(&err, ERR_REFUSED, "it was cancelled before anything was changed");
    if (err.kind == ERR_NONE && act_begin(ctx, REPO_DO, state->facts, did, &err) == 0)
        return;
    not_begun(ctx, &err);
}

/* What a person who reads the transcript calls it. */
static char *name_of(const struct step_ctx *ctx, value facts) {
    AUTO_VALUE ref = value_get(facts, "ref");
    AUTO_VALUE remote = value_get(facts, "remote");
    AUTO_VALUE head = value_get(facts, "head_after");
    const char *what = value_is(head, VALUE_STRING)     ? value_text(head)
                       : value_is(remote, VALUE_STRING) ? value_text(remote)
                                                        : value_text(ref);
    return mem_printf("git %s %s", git_verb_rows[verb_of(ctx)].key, what);
}

static void looked(void *user, struct repo_answer *answer) {
    struct step_ctx *ctx = user;
    struct git_state *state = step_state(ctx);
    AUTO_VALUE unchanged = value_get(answer->data, "unchanged");
    act_over(state);
    if (answer->err) {
        look_failed(ctx, answer, false);
        return;
    }
    if (verb_of(ctx) <= REPO_LOG || value_truth(unchanged)) {
        succeed(ctx, answer->data);
        return;
    }
    AUTO_TEXT name = name_of(ctx, answer->data);
    state->facts = value_copy(answer->data);
    state->has_facts = true;
    step_commit(ctx, name, value_copy(answer->data), go);
}

int git_start(struct step_ctx *ctx, struct err *err) {
    if (verb_of(ctx) == REPO_FETCH)
        return act_begin(ctx, REPO_DO, value_none(), did, err);
    return act_begin(ctx, REPO_LOOK, value_none(), looked, err);
}

/* ---- a dry run ------------------------------------------------------------------------------- */

static void rehearsed(void *user, struct repo_answer *answer) {
    struct step_ctx *ctx = user;
    act_over(step_state(ctx));
    if (answer->err) {
        look_failed(ctx, answer, true);
        return;
    }
    AUTO_VALUE url = value_get(answer->data, "url");
    AUTO_VALUE place = value_get(answer->data, "repository");
    struct step_result result = {
        .outcome = STEP_SUCCEEDED, .rehearsal = STEP_CHECKED, .data = value_copy(answer->data)};
    result.remark =
        value_is(url, VALUE_STRING)
            ? mem_printf("%s is there, and %s answers", value_text(place), value_text(url))
            : mem_printf("%s is there, and nothing is in the way", value_text(place));
    step_miss_note(ctx, MISS);
    step_done(ctx, &result);
}

int git_rehearse(struct step_ctx *ctx, struct err *err) {
    return act_begin(ctx, REPO_CHECK, value_none(), rehearsed, err);
}

/* ---- an attempt in doubt --------------------------------------------------------------------- */

static void settled(void *user, struct repo_answer *answer) {
    struct step_ctx *ctx = user;
    act_over(step_state(ctx));
    struct step_result result = {.outcome = STEP_IN_DOUBT, .data = value_copy(answer->data)};
    if (answer->err) {
        err_move(&result.err, answer->err);
    } else if (answer->fate == REPO_HAPPENED) {
        result.outcome = STEP_SUCCEEDED;
        say_result(ctx, answer->data);
    } else if (answer->fate == REPO_NOT_HAPPENED) {
        result.outcome = STEP_FAILED;
        result.without_effect = true;
        err_set(&result.err, ERR_REFUSED, "the repository is as it was before");
    } else {
        err_set(&result.err, ERR_REFUSED,
                "the repository is neither as it was before nor as it would be after");
    }
    step_done(ctx, &result);
}

static void never_began(void *user) {
    struct step_ctx *ctx = user;
    struct step_result result = {
        .outcome = STEP_FAILED, .without_effect = true, .data = value_none()};
    err_set(&result.err, ERR_REFUSED, "it had only looked, and changed nothing");
    step_done(ctx, &result);
}

int git_settle(struct step_ctx *ctx, const struct step_doubt *doubt, struct err *err) {
    if (doubt->transaction_id)
        return act_begin(ctx, REPO_SETTLE, doubt->data, settled, err);
    if (verb_of(ctx) == REPO_FETCH)
        return err_set(err, ERR_REFUSED, "whether it had fetched is not known");
    loop_defer(step_loop(ctx), never_began, ctx);
    return 0;
}

/* ---- taking it back -------------------------------------------------------------------------- */

static void undone(void *user, struct repo_answer *answer) {
    struct step_ctx *ctx = user;
    const struct git_state *state = step_state(ctx);
    act_over(step_state(ctx));
    struct step_result result = {.outcome = STEP_SUCCEEDED, .data = value_copy(answer->data)};
    if (answer->err) {
        result.outcome = state->is_cancelled ? STEP_CANCELLED : STEP_FAILED;
        err_move(&result.err, answer->err);
    }
    step_done(ctx, &result);
}

static void nothing_to_undo(void *user) {
    struct step_ctx *ctx = user;
    struct step_result result = {.outcome = STEP_SUCCEEDED, .data = value_object()};
    step_done(ctx, &result);
}

int git_undo_start(struct step_ctx *ctx, struct err *err) {
    AUTO_VALUE done = step_undone(ctx);
    AUTO_VALUE unchanged = value_get(done, "unchanged");
    if (!value_is(done, VALUE_OBJECT)) {
        err_set(err, ERR_INVALID, "what the step did was not recorded");
        return err_hint(err, "`git reflog` tells where the branch was");
    }
    if (value_truth(unchanged)) {
        loop_defer(step_loop(ctx), nothing_to_undo, ctx);
        return 0;
    }
    return act_begin(ctx, REPO_UNDO, done, undone, err);
}

static void undo_shown(void *user) {
    struct step_ctx *ctx = user;
    struct step_result result = {.outcome = STEP_SUCCEEDED, .data = value_none()};
    result.remark = mem_strdup("what it takes back is known when the step has run");
    step_done(ctx, &result);
}

int git_undo_rehearse(struct step_ctx *ctx, struct err *err) {
    (void)err;
    loop_defer(step_loop(ctx), undo_shown, ctx);
    return 0;
}

/* ---- life ------------------------------------------------------------------------------------ */

void git_cancel(struct step_ctx *ctx) {
    struct git_state *state = step_state(ctx);
    state->is_cancelled = true;
    if (state->act)
        repo_act_cancel(state->act);
}

void git_release(struct step_ctx *ctx) {
    struct git_state *state = step_state(ctx);
    act_over(state);
    if (state->has_facts)
        value_free(state->facts);
    state->has_facts = false;
}
