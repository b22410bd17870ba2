/* An act in its thread: the repository is opened, and the verb's part of the stage is called. */
#include "io/repo_git_act.h"

#include "base/mem.h"
#include "base/text.h"

#define NAMES_SHOWN 5

/* ---- facts ----------------------------------------------------------------------------------- */

void fact_set(struct act *act, const char *key, value taken) {
    act->job->facts = value_set(act->job->facts, key, taken);
}

void fact_set_text(struct act *act, const char *key, const char *text) {
    fact_set(act, key, value_string(text));
}

void fact_set_id(struct act *act, const char *key, const git_oid *id) {
    char text[REPO_COMMIT_SIZE] = "";
    if (id)
        git_oid_tostr(text, sizeof text, id);
    fact_set_text(act, key, id ? text : NULL);
}

char *fact_text(const struct act *act, const char *key) {
    AUTO_VALUE text = value_get(act->job->facts, key);
    return value_is(text, VALUE_STRING) ? mem_strdup(value_text(text)) : NULL;
}

bool fact_id(const struct act *act, const char *key, git_oid *ret) {
    AUTO_TEXT text = fact_text(act, key);
    return text && git_oid_fromstr(ret, text) == 0;
}

bool fact_flag(const struct act *act, const char *key) {
    AUTO_VALUE flag = value_get(act->job->facts, key);
    return value_truth(flag);
}

void fact_move(struct act *act, const git_oid *before, const git_oid *after) {
    fact_set_id(act, "before", before);
    fact_set_id(act, "after", after);
    const bool is_same = before && after ? git_oid_equal(before, after) : before == after;
    fact_set(act, "unchanged", value_bool(is_same));
}

bool act_is_cancelled(const struct act *act) {
    return act->job->is_cancelled(act->job->user);
}

bool act_is_check(const struct act *act) {
    return act->spec->stage == REPO_CHECK;
}

char *names_show(value names) {
    AUTO_BUF shown = BUF_INIT(SIZE_MAX);
    const size_t count = value_count(names);
    for (size_t i = 0; i < count && i < NAMES_SHOWN; i++) {
        AUTO_VALUE name = value_at(names, i);
        const char *before = i == 0 ? "" : i + 1 == count ? " and " : ", ";
        (void)buf_printf(&shown, "%s%s", before, value_text(name));
    }
    if (count > NAMES_SHOWN)
        (void)buf_printf(&shown, " and %zu more", count - NAMES_SHOWN);
    return mem_strdup(buf_text(&shown));
}

/* ---- HEAD, commits, references --------------------------------------------------------------- */

static const char heads[] = "refs/heads/";

void head_release(struct head *head) {
    mem_free(head->ref);
    head->ref = NULL;
}

int head_read(const struct act *act, struct head *ret, struct err *err) {
    git_reference *head = NULL;
    *ret = (struct head){0};
    if (git_reference_lookup(&head, act->git, "HEAD") < 0)
        return repo_git_fail(err, "reading HEAD of %s", act->place);
    const bool is_branch = git_reference_type(head) == GIT_REFERENCE_SYMBOLIC;
    ret->ref = mem_strdup(is_branch ? git_reference_symbolic_target(head) : "HEAD");
    git_reference_free(head);
    if (is_branch)
        ret->branch = text_starts_with(ret->ref, heads) ? ret->ref + strlen(heads) : ret->ref;
    const int status = git_reference_name_to_id(&ret->id, act->git, "HEAD");
    ret->is_unborn = status == GIT_ENOTFOUND;
    if (status < 0 && !ret->is_unborn)
        return repo_git_fail(err, "reading HEAD of %s", act->place);
    return 0;
}

/* A hint for a name that a remote has. */
static int hint_remote(const struct act *act, const char *name, struct err *err) {
    git_object *found = NULL;
    AUTO_TEXT remote = mem_printf("refs/remotes/origin/%s", name);
    const int status = git_revparse_single(&found, act->git, remote);
    git_object_free(found);
    if (status == 0)
        return err_hint(err,
                        "`origin/%s` is there: `checkout: {ref: %s, create: true, at: "
                        "origin/%s}` makes a branch of it",
                        name, name, name);
    return err_hint(err, "a branch, a tag or a commit; `git fetch` brings what a remote has");
}

int commit_find(const struct act *act, const char *name, git_commit **ret, struct err *err) {
    git_object *found = NULL, *commit = NULL;
    const int status = git_revparse_single(&found, act->git, name);
    if (status == GIT_ENOTFOUND) {
        err_set(err, ERR_INVALID, "%s has no `%s`", act->place, name);
        return hint_remote(act, name, err);
    }
    if (status == GIT_EAMBIGUOUS)
        return err_set(err, ERR_INVALID, "`%s` is the beginning of more than one commit of %s",
                       name, act->place);
    if (status < 0)
        return repo_git_fail(err, "looking for `%s` in %s", name, act->place);
    const int peeled = git_object_peel(&commit, found, GIT_OBJECT_COMMIT);
    git_object_free(found);
    if (peeled < 0)
        return err_set(err, ERR_INVALID, "`%s` of %s is no commit", name, act->place);
    *ret = (git_commit *)commit;
    return 0;
}

bool ref_is_name(const char *ref) {
    int is_valid = 0;
    return git_reference_name_is_valid(&is_valid, ref) == 0 && is_valid;
}

int ref_read(const struct act *act, const char *ref, git_oid *ret, struct err *err) {
    const int status = git_reference_name_to_id(ret, act->git, ref);
    if (status == GIT_ENOTFOUND)
        return 0;
    return status < 0 ? repo_git_fail(err, "reading %s of %s", ref, act->place) : 1;
}

static int ref_is_at(const struct act *act, const char *ref, const git_oid *expected,
                     struct err *err) {
    git_oid id = {{0}};
    const int found = ref_read(act, ref, &id, err);
    if (found < 0)
        return -1;
    return expected ? found && git_oid_equal(&id, expected) : !found;
}

int ref_expect(const struct act *act, const char *ref, const git_oid *expected, struct err *err) {
    const int is = ref_is_at(act, ref, expected, err);
    if (is < 0)
        return -1;
    return is ? 0
              : err_set(err, ERR_BUSY, "somebody else has just moved %s of %s", ref, act->place);
}

static int swap_locked(const struct act *act, git_transaction *transaction, const char *ref,
                       const git_oid *from, const git_oid *to, const char *log, struct err *err) {
    if (git_transaction_lock_ref(transaction, ref) < 0)
        return repo_git_fail(err, "locking %s of %s", ref, act->place);
    if (ref_expect(act, ref, from, err) < 0)
        return -1;
    const int status = to ? git_transaction_set_target(transaction, ref, to, NULL, log)
                          : git_transaction_remove(transaction, ref);
    if (status < 0 || git_transaction_commit(transaction) < 0)
        return repo_git_fail(err, "moving %s of %s", ref, act->place);
    return 0;
}

int ref_swap(const struct act *act, const char *ref, const git_oid *from, const git_oid *to,
             const char *log, struct err *err) {
    git_transaction *transaction = NULL;
    if (git_transaction_new(&transaction, act->git) < 0)
        return repo_git_fail(err, "locking %s of %s", ref, act->place);
    const int status = swap_locked(act, transaction, ref, from, to, log, err);
    git_transaction_free(transaction);
    return status;
}

int state_is_free(const struct act *act, struct err *err) {
    static const char *const names[] = {
        [GIT_REPOSITORY_STATE_MERGE] = "a merge",
        [GIT_REPOSITORY_STATE_REVERT] = "a revert",
        [GIT_REPOSITORY_STATE_REVERT_SEQUENCE] = "a revert",
        [GIT_REPOSITORY_STATE_CHERRYPICK] = "a cherry-pick",
        [GIT_REPOSITORY_STATE_CHERRYPICK_SEQUENCE] = "a cherry-pick",
        [GIT_REPOSITORY_STATE_BISECT] = "a bisection",
        [GIT_REPOSITORY_STATE_REBASE] = "a rebase",
        [GIT_REPOSITORY_STATE_REBASE_INTERACTIVE] = "a rebase",
        [GIT_REPOSITORY_STATE_REBASE_MERGE] = "a rebase",
        [GIT_REPOSITORY_STATE_APPLY_MAILBOX] = "`git am`",
        [GIT_REPOSITORY_STATE_APPLY_MAILBOX_OR_REBASE] = "a rebase",
    };
    const int state = git_repository_state(act->git);
    if (state <= 0)
        return 0;
    err_set(err, ERR_REFUSED, "%s is under way in %s",
            (size_t)state < sizeof names / sizeof *names ? names[state] : "something", act->place);
    return err_hint(err, "`git status` there tells how to end it");
}

/* ---- opening --------------------------------------------------------------------------------- */

static int refuse_owner(const struct act *act, struct err *err) {
    err_set(err, ERR_REFUSED, "the repository %s belongs to another user", act->place);
    return err_hint(err,
                    "whoever owns it could have git run programs; if it is to be trusted: git "
                    "config --global --add safe.directory %s",
                    act->place);
}

/* libgit2 1.5 says that this setting is not there in place of GIT_EOWNER. */
static bool is_owner_unsafe(void) {
    const git_error *last = git_error_last();
    return last && last->message && strstr(last->message, "safe.directory");
}

/* A folder within a repository is probably a mistake: the act is on all of it. */
static int refuse_path(const struct act *act, struct err *err) {
    git_buf around = GIT_BUF_INIT;
    err_set(err, ERR_INVALID, "%s is no git repository", act->place);
    if (git_repository_discover(&around, act->place, 0, NULL) == 0) {
        size_t length = around.size - (text_ends_with(around.ptr, "/.git/") ? 6 : 0);
        err_hint(err, "it lies within one: %.*s", (int)length, around.ptr);
    }
    git_buf_dispose(&around);
    return -1;
}

static int act_open(struct act *act, struct err *err) {
    const bool is_given = act->spec->path && *act->spec->path;
    AUTO_TEXT recorded = fact_text(act, "repository");
    const char *path = recorded ? recorded : is_given ? act->spec->path : ".";
    const unsigned flags = recorded || is_given ? GIT_REPOSITORY_OPEN_NO_SEARCH : 0;
    act->place = mem_strdup(path);
    const int status = git_repository_open_ext(&act->git, path, flags, NULL);
    if (status == GIT_EOWNER || (status == GIT_ENOTFOUND && is_owner_unsafe()))
        return refuse_owner(act, err);
    if (status == GIT_ENOTFOUND)
        return refuse_path(act, err);
    if (status < 0)
        return repo_git_fail(err, "opening the git repository %s", path);
    const char *root = git_repository_workdir(act->git);
    root = root ? root : git_repository_path(act->git);
    const size_t length = strlen(root);
    mem_free(act->place);
    act->place = mem_strndup(root, length > 1 && root[length - 1] == '/' ? length - 1 : length);
    fact_set_text(act, "repository", act->place);
    return 0;
}

static int facts_read(struct act *act, struct err *err) {
    const char *facts = act->spec->facts;
    if (!facts)
        return 0;
    value read = value_none();
    if (value_parse(facts, strlen(facts), &read, err) < 0)
        return -1;
    value_free(act->job->facts);
    act->job->facts = read;
    return 0;
}

static int stage_run(struct act *act, const struct git_verb *verb, struct err *err) {
    switch (act->spec->stage) {
    case REPO_LOOK:
    case REPO_CHECK:
        return verb->look(act, err);
    case REPO_DO:
        return verb->carry_out(act, err);
    case REPO_SETTLE:
        return verb->settle(act, err);
    case REPO_UNDO:
        return verb->undo(act, err);
    }
    return 0;
}

int repo_git_act(struct repo_job *job, struct err *err) {
    static const struct git_verb *const verbs[] = {
        [REPO_STATUS] = &repo_git_status,
        [REPO_LOG] = &repo_git_log,
        [REPO_TAG] = &repo_git_tag,
        [REPO_BRANCH] = &repo_git_branch,
        [REPO_CHECKOUT] = &repo_git_checkout,
        [REPO_MERGE] = &repo_git_merge,
        [REPO_COMMIT] = &repo_git_commit_verb,
        [REPO_REVERT] = &repo_git_revert,
        [REPO_FETCH] = &repo_git_fetch,
        [REPO_PULL] = &repo_git_pull,
        [REPO_PUSH] = &repo_git_push,
    };
    struct act act = {.job = job, .spec = job->spec};
    git_libgit2_init();
    int status = facts_read(&act, err);
    if (status == 0)
        status = act_open(&act, err);
    if (status == 0)
        status = stage_run(&act, verbs[job->spec->verb], err);
    git_repository_free(act.git);
    mem_free(act.place);
    git_libgit2_shutdown();
    return status;
}
