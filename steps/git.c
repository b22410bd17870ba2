#include <stdbool.h>

#include "base/buf.h"
#include "base/text.h"
#include "step.h"

#define LINE_CEILING ((size_t)4 << 10)

struct git_status {
    int8_t clean;
    struct template *branch;
};

struct git_log {
    struct template *from, *to;
    int64_t limit;
};

struct git_tag {
    struct template *name, *message, *at;
};

struct git_branch {
    struct template *name, *at;
};

struct git_checkout {
    struct template *ref;
    bool create;
};

struct git_merge {
    struct template *ref, *message;
    int fast_forward;
};

struct git_commit {
    struct template *message;
    struct field_list paths; /* struct template * each */
};

struct git_revert {
    struct template *ref;
};

struct git_remote {
    struct template *remote;
    struct field_list refs; /* struct template * each */
    bool tags;
};

struct git_credentials {
    struct template *user, *password, *ssh_key;
};

struct git_spec {
    struct template *repository;
    struct git_credentials *credentials;
    /* Exactly one of these, in the order of git_verbs. */
    struct git_status *status;
    struct git_log *log;
    struct git_tag *tag;
    struct git_branch *branch;
    struct git_checkout *checkout;
    struct git_merge *merge;
    struct git_commit *commit;
    struct git_revert *revert;
    struct git_remote *fetch, *pull, *push;
};

#define GIT_TEXT(name, type, member, more, text, sample)                                           \
    {                                                                                              \
        .key = name, .kind = FIELD_TEXT, .flags = FIELD_ITEM | (more),                             \
        .offset = offsetof(struct type, member), .doc = text, .example = sample,                   \
    }

#define GIT_VERB(name, table, type, short_for, text, sample)                                       \
    {                                                                                              \
        .key = #name, .kind = FIELD_OBJECT, .offset = offsetof(struct git_spec, name),             \
        .doc = text, .example = sample, .fields = table, .size = sizeof(struct type),              \
        .shorthand = short_for,                                                                    \
    }

static const char *const fast_forward_choices[] = {"auto", "only", "never", NULL};

static const struct field git_path =
    GIT_TEXT("path", git_spec, repository, 0, "A path in the repository.", "config/app.yaml");
static const struct field git_ref =
    GIT_TEXT("ref", git_spec, repository, 0, "A branch, a tag or a refspec.", "main");

static const struct field status_fields[] = {
    {
        .key = "clean",
        .kind = FIELD_TRISTATE,
        .offset = offsetof(struct git_status, clean),
        .doc = "Fails where something is changed and not committed.",
        .example = "true",
    },
    GIT_TEXT("branch", git_status, branch, 0, "Fails where another branch is checked out.", "main"),
    FIELD_END,
};

static const struct field log_fields[] = {
    GIT_TEXT("from", git_log, from, 0, "Commits behind this one.", "v1.2.0"),
    GIT_TEXT("to", git_log, to, 0, "Commits up to this one; HEAD where unsaid.", "main"),
    {
        .key = "limit",
        .kind = FIELD_INTEGER,
        .offset = offsetof(struct git_log, limit),
        .doc = "At most so many.",
        .example = "20",
        .minimum = 1,
        .maximum = 10000,
        .fallback = 100,
    },
    FIELD_END,
};

static const struct field tag_fields[] = {
    GIT_TEXT("name", git_tag, name, FIELD_REQUIRED, "The new tag.", "v1.2.0"),
    GIT_TEXT("message", git_tag, message, 0, "Makes it an annotated tag.", "Release 1.2.0"),
    GIT_TEXT("at", git_tag, at, 0, "What it names; HEAD where unsaid.", "main"),
    FIELD_END,
};

static const struct field branch_fields[] = {
    GIT_TEXT("name", git_branch, name, FIELD_REQUIRED, "The new branch.", "release-1.2"),
    GIT_TEXT("at", git_branch, at, 0, "Where it starts; HEAD where unsaid.", "main"),
    FIELD_END,
};

static const struct field checkout_fields[] = {
    GIT_TEXT("ref", git_checkout, ref, FIELD_REQUIRED, "A branch, tag or commit.", "release-1.2"),
    {
        .key = "create",
        .kind = FIELD_BOOL,
        .offset = offsetof(struct git_checkout, create),
        .doc = "Makes the branch first.",
        .example = "true",
    },
    FIELD_END,
};

static const struct field merge_fields[] = {
    GIT_TEXT("ref", git_merge, ref, FIELD_REQUIRED, "What is merged into HEAD.", "release-1.2"),
    GIT_TEXT("message", git_merge, message, 0, "The merge commit's message.", "Merge release 1.2"),
    {
        .key = "fast_forward",
        .kind = FIELD_CHOICE,
        .offset = offsetof(struct git_merge, fast_forward),
        .doc = "Whether HEAD may just move, must, or must not.",
        .example = "only",
        .choices = fast_forward_choices,
    },
    FIELD_END,
};

static const struct field commit_fields[] = {
    GIT_TEXT("message", git_commit, message, FIELD_REQUIRED, "The commit's message.",
             "Raise the pool size"),
    {
        .key = "paths",
        .kind = FIELD_LIST,
        .flags = FIELD_ONE,
        .offset = offsetof(struct git_commit, paths),
        .doc = "What is added first; what is staged already where unsaid.",
        .example = "[config/app.yaml]",
        .item = &git_path,
    },
    FIELD_END,
};

static const struct field revert_fields[] = {
    GIT_TEXT("ref", git_revert, ref, FIELD_REQUIRED, "The commit that is undone by a new one.",
             "HEAD"),
    FIELD_END,
};

static const struct field remote_fields[] = {
    GIT_TEXT("remote", git_remote, remote, 0, "The remote's name or URL; origin where unsaid.",
             "origin"),
    {
        .key = "refs",
        .kind = FIELD_LIST,
        .flags = FIELD_ONE,
        .offset = offsetof(struct git_remote, refs),
        .doc = "Branches, tags or refspecs; as the remote is configured where unsaid.",
        .example = "[main, v1.2.0]",
        .item = &git_ref,
    },
    {
        .key = "tags",
        .kind = FIELD_BOOL,
        .offset = offsetof(struct git_remote, tags),
        .doc = "All tags too.",
        .example = "true",
    },
    FIELD_END,
};

static const struct field credentials_fields[] = {
    GIT_TEXT("user", git_credentials, user, FIELD_SECRETS, "The user for https or ssh.", "deploy"),
    GIT_TEXT("password", git_credentials, password, FIELD_SECRETS, "A password or token for https.",
             "\"${{ .secrets.git_token }}\""),
    GIT_TEXT("ssh_key", git_credentials, ssh_key, FIELD_SECRETS,
             "A private key's file; the agent's keys where unsaid.", "/etc/deploy/id_ed25519"),
    FIELD_END,
};

static const struct field git_fields[] = {
    GIT_TEXT("repository", git_spec, repository, 0,
             "The repository's folder; the one the run stands in where unsaid.", "/srv/app"),
    {
        .key = "credentials",
        .kind = FIELD_OBJECT,
        .offset = offsetof(struct git_spec, credentials),
        .doc = "For a remote that asks.",
        .example = "{user: deploy, password: \"${{ .secrets.git_token }}\"}",
        .fields = credentials_fields,
        .size = sizeof(struct git_credentials),
    },
    GIT_VERB(status, status_fields, git_status, "branch", "What is changed, and on which branch.",
             "{clean: true, branch: main}"),
    GIT_VERB(log, log_fields, git_log, "from", "Commits, as outputs.", "{from: v1.2.0}"),
    GIT_VERB(tag, tag_fields, git_tag, "name", "Makes a tag.", "{name: v1.2.0, message: Release}"),
    GIT_VERB(branch, branch_fields, git_branch, "name", "Makes a branch.", "release-1.2"),
    GIT_VERB(checkout, checkout_fields, git_checkout, "ref", "Checks out a branch, tag or commit.",
             "release-1.2"),
    GIT_VERB(merge, merge_fields, git_merge, "ref", "Merges into HEAD; conflicts are reported.",
             "{ref: release-1.2, fast_forward: only}"),
    GIT_VERB(commit, commit_fields, git_commit, "message", "Commits.",
             "{message: Raise the pool size, paths: [config/app.yaml]}"),
    GIT_VERB(revert, revert_fields, git_revert, "ref", "Undoes a commit by a new one.", "HEAD"),
    GIT_VERB(fetch, remote_fields, git_remote, "remote", "Fetches.", "origin"),
    GIT_VERB(pull, remote_fields, git_remote, "remote", "Fetches and fast-forwards.", "origin"),
    GIT_VERB(push, remote_fields, git_remote, "remote", "Pushes.", "{refs: [main, v1.2.0]}"),
    FIELD_END,
};

static const struct {
    const char *key;
    size_t offset;
    enum effect effect;
} git_verbs[] = {
    {"status", offsetof(struct git_spec, status), EFFECT_READ},
    {"log", offsetof(struct git_spec, log), EFFECT_READ},
    {"tag", offsetof(struct git_spec, tag), EFFECT_ONCE},
    {"branch", offsetof(struct git_spec, branch), EFFECT_ONCE},
    {"checkout", offsetof(struct git_spec, checkout), EFFECT_IDEMPOTENT},
    {"merge", offsetof(struct git_spec, merge), EFFECT_IDEMPOTENT},
    {"commit", offsetof(struct git_spec, commit), EFFECT_ONCE},
    {"revert", offsetof(struct git_spec, revert), EFFECT_ONCE},
    {"fetch", offsetof(struct git_spec, fetch), EFFECT_IDEMPOTENT},
    {"pull", offsetof(struct git_spec, pull), EFFECT_IDEMPOTENT},
    {"push", offsetof(struct git_spec, push), EFFECT_IDEMPOTENT},
};
#define GIT_VERBS (sizeof git_verbs / sizeof git_verbs[0])

static bool has_verb(const void *spec, size_t i) {
    const void *const *verb = (const void *const *)((const char *)spec + git_verbs[i].offset);
    return *verb != NULL;
}

static enum effect git_effect(const void *spec) {
    for (size_t i = 0; i < GIT_VERBS; i++)
        if (has_verb(spec, i))
            return git_verbs[i].effect;
    return EFFECT_ONCE;
}

static void git_check(const void *spec, const struct step_check *check) {
    AUTO_BUF found = BUF_INIT(LINE_CEILING);
    size_t count = 0;
    for (size_t i = 0; i < GIT_VERBS; i++)
        if (has_verb(spec, i))
            buf_printf(&found, "%s`%s`", count++ > 0 ? ", " : "", git_verbs[i].key);
    if (count == 1)
        return;
    AUTO_ERR err = ERR_INIT;
    if (count == 0)
        err_at(&err, check->span, "`git` does not say what to do");
    else
        err_at(&err, check->span, "`git` does one thing a step, and here are %zu: %s", count,
               buf_text(&found));
    err_hint(&err,
             "status, log, tag, branch, checkout, merge, commit, revert, fetch, pull or push");
    check->report(check->user, &err);
}

static void git_plan(const void *spec, const struct step_plan *plan) {
    const struct git_spec *git = spec;
    AUTO_BUF line = BUF_INIT(LINE_CEILING);
    for (size_t i = 0; i < GIT_VERBS; i++)
        if (has_verb(spec, i))
            buf_puts(&line, git_verbs[i].key);
    if (git->repository) {
        buf_puts(&line, " in ");
        template_show(&line, git->repository);
    }
    plan->line(plan->user, "git", buf_text(&line), line.length);
}

static void git_demand(const void *spec, const struct step_demand *demand) {
    const struct git_spec *git = spec;
    AUTO_BUF path = BUF_INIT(LINE_CEILING);
    if (!git->repository)
        return;
    template_show(&path, git->repository);
    demand->need(demand->user, STEP_NEEDS_FILE, buf_text(&path), path.length);
}

const struct step_type step_git_type = {
    .key = "git",
    .doc = "One act on a git repository.",
    .example = "{repository: /srv/app, status: {clean: true, branch: main}}",
    .fields = git_fields,
    .size = sizeof(struct git_spec),
    .effect = git_effect,
    .check = git_check,
    .plan = git_plan,
    .demand = git_demand,
};
