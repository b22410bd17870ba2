/* What `check` refuses of a `git` step: what is nonsense however the run goes. */
#include <string.h>

#include "base/text.h"
#include "git_step.h"

struct git_checking {
    const struct step_check *check;
    const struct git_spec *git;
};

static void refuse(const struct git_checking *at, const char *hint, const char *format, ...)
    PRINTF_LIKE(3, 4);

static void refuse(const struct git_checking *at, const char *hint, const char *format, ...) {
    AUTO_ERR err = ERR_INIT;
    va_list args;
    va_start(args, format);
    AUTO_TEXT text = mem_vprintf(format, args);
    va_end(args);
    err_at(&err, at->check->span, "%s", text);
    if (hint)
        err_hint(&err, "%s", hint);
    at->check->report(at->check->user, &err);
}

/* As written, or NULL where it is not known before the run; the caller frees. */
static char *constant(const struct template *tmpl) {
    AUTO_BUF shown = BUF_INIT(GIT_LINE_CEILING);
    if (!tmpl || !template_is_constant(tmpl))
        return NULL;
    template_show(&shown, tmpl);
    return mem_strdup(buf_text(&shown));
}

/* ---- names ----------------------------------------------------------------------------------- */

/* What git-check-ref-format(1) refuses. */
static bool is_name(const char *name) {
    const size_t length = strlen(name);
    if (length == 0 || name[0] == '-' || name[length - 1] == '/' || name[length - 1] == '.' ||
        strstr(name, "..") || strstr(name, "@{") || strstr(name, "//") ||
        name[strcspn(name, " ~^:?*[\\\x7f")])
        return false;
    for (const char *part = name; part; part = strchr(part, '/')) {
        part += *part == '/';
        AUTO_TEXT word = mem_strndup(part, strcspn(part, "/"));
        if (word[0] == '.' || word[0] == '\0' || text_ends_with(word, ".lock"))
            return false;
    }
    for (const char *c = name; *c; c++)
        if ((unsigned char)*c < 0x20)
            return false;
    return true;
}

static void check_name(const struct git_checking *at, const struct template *tmpl,
                       const char *what) {
    AUTO_TEXT name = constant(tmpl);
    if (name && !is_name(name))
        refuse(at,
               "git takes no spaces, `..`, `~^:?*[\\`, `@{`, no dot or dash at the beginning, and "
               "no `.lock` at the end",
               "`%s` cannot be the name of a %s", name, what);
}

/* Anything that names a commit, or a refspec; but no option, and nothing that is empty. */
static void check_ref(const struct git_checking *at, const struct template *tmpl,
                      const char *what) {
    AUTO_TEXT ref = constant(tmpl);
    if (ref && (*ref == '\0' || *ref == '-' || ref[strcspn(ref, " \t\r\n")]))
        refuse(at, "a branch, a tag or a commit", "`%s` is no %s", ref, what);
}

static void check_message(const struct git_checking *at, const struct template *tmpl) {
    AUTO_TEXT message = constant(tmpl);
    if (message && message[strspn(message, " \t\r\n")] == '\0')
        refuse(at, "say what changes, and why", "the message is empty");
}

/* ---- verbs ----------------------------------------------------------------------------------- */

static void check_tag(const struct git_checking *at) {
    const struct git_tag *tag = at->git->tag;
    check_name(at, tag->name, "tag");
    check_ref(at, tag->at, "commit");
    check_message(at, tag->message);
    if (tag->remove && (tag->message || tag->at))
        refuse(at, "take them out", "`delete` takes neither `message` nor `at`");
}

static void check_branch(const struct git_checking *at) {
    const struct git_branch *branch = at->git->branch;
    check_name(at, branch->name, "branch");
    check_ref(at, branch->at, "commit");
    if (branch->remove && branch->at)
        refuse(at, "take it out", "`delete` takes no `at`");
}

static void check_checkout(const struct git_checking *at) {
    const struct git_checkout *checkout = at->git->checkout;
    if (checkout->create)
        check_name(at, checkout->ref, "branch");
    else
        check_ref(at, checkout->ref, "commit");
    check_ref(at, checkout->at, "commit");
    if (checkout->at && !checkout->create)
        refuse(at, "add `create: true`, or take it out",
               "`at` is where a new branch starts, and none is made");
}

static void check_commit(const struct git_checking *at) {
    const struct git_commit *commit = at->git->commit;
    check_message(at, commit->message);
    for (size_t i = 0; i < commit->paths.count; i++) {
        AUTO_TEXT path = constant(FIELD_AT(struct template *, &commit->paths, i));
        if (path && (*path == '\0' || *path == '/' || text_equal(path, "..") ||
                     text_starts_with(path, "../") || strstr(path, "/../")))
            refuse(at, "paths are relative to the top of the repository",
                   "`%s` is no path in the repository", path);
    }
}

static void check_remote(const struct git_checking *at, const struct git_remote *remote) {
    AUTO_TEXT name = constant(remote->remote);
    const char *scheme = name ? strstr(name, "://") : NULL;
    const char *user = scheme ? memchr(scheme + 3, '@', strcspn(scheme + 3, "/")) : NULL;
    if (user && memchr(scheme + 3, ':', (size_t)(user - scheme - 3)))
        refuse(at, "write `credentials: {user: …, password: \"${{ .secrets.NAME }}\"}`",
               "an address must not hold a password");
    check_ref(at, remote->remote, "remote");
    for (size_t i = 0; i < remote->refs.count; i++)
        check_ref(at, FIELD_AT(struct template *, &remote->refs, i), "refspec");
}

static void check_pull(const struct git_checking *at) {
    const struct git_remote *pull = at->git->pull;
    AUTO_TEXT branch =
        pull->refs.count ? constant(FIELD_AT(struct template *, &pull->refs, 0)) : NULL;
    if (pull->refs.count > 1)
        refuse(at, "use `fetch` for the others", "`pull` takes one branch");
    if (branch && strpbrk(branch, ":+"))
        refuse(at, "name the remote's branch", "`%s` is a refspec, and `pull` takes a branch",
               branch);
}

static void check_verb(const struct git_checking *at, enum repo_verb verb) {
    const struct git_spec *git = at->git;
    if (verb == REPO_STATUS)
        check_name(at, git->status->branch, "branch");
    else if (verb == REPO_LOG)
        check_ref(at, git->log->from, "commit"), check_ref(at, git->log->to, "commit");
    else if (verb == REPO_TAG)
        check_tag(at);
    else if (verb == REPO_BRANCH)
        check_branch(at);
    else if (verb == REPO_CHECKOUT)
        check_checkout(at);
    else if (verb == REPO_MERGE)
        check_ref(at, git->merge->ref, "commit"), check_message(at, git->merge->message);
    else if (verb == REPO_COMMIT)
        check_commit(at);
    else if (verb == REPO_REVERT)
        check_ref(at, git->revert->ref, "commit");
    else if (verb == REPO_PULL)
        check_pull(at), check_remote(at, git->pull);
    else
        check_remote(at, verb == REPO_FETCH ? git->fetch : git->push);
}

/* ---- the step -------------------------------------------------------------------------------- */

static void check_count(const struct git_checking *at, size_t count, const char *found) {
    static const char hint[] =
        "status, log, tag, branch, checkout, merge, commit, revert, fetch, pull or push";
    if (count == 0)
        refuse(at, hint, "`git` does not say what to do");
    else
        refuse(at, hint, "`git` does one thing a step, and here are %zu: %s", count, found);
}

static void check_credentials(const struct git_checking *at, const struct git_verb_row *row) {
    const struct git_credentials *credentials = at->git->credentials;
    if (!credentials)
        return;
    if (!row->is_remote)
        refuse(at, "take them out", "`%s` asks no remote, and needs no credentials", row->key);
    if (credentials->password && credentials->ssh_key)
        refuse(at, "keep the one that the remote's address is for",
               "`password` is for https, and `ssh_key` for ssh");
    if (!credentials->password && !credentials->ssh_key && !credentials->user)
        refuse(at, "add `user` and `password`, or `ssh_key`", "the credentials are empty");
}

void git_check(const void *spec, const struct step_check *check) {
    const struct git_checking at = {check, spec};
    AUTO_BUF found = BUF_INIT(GIT_LINE_CEILING);
    size_t count = 0;
    for (size_t i = 0; i < GIT_VERBS; i++)
        if (git_has_verb(spec, i))
            buf_printf(&found, "%s`%s`", count++ > 0 ? ", " : "", git_verb_rows[i].key);
    if (count != 1) {
        check_count(&at, count, buf_text(&found));
        return;
    }
    const enum repo_verb verb = git_verb_of(spec);
    const struct git_verb_row *row = &git_verb_rows[verb];
    check_verb(&at, verb);
    check_credentials(&at, row);
    if (!at.git->undo && !row->has_inverse)
        refuse(&at, "take it out", "`%s` has nothing that could be undone", row->key);
}
