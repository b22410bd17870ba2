/* The step type `git`: what may be written. */
#include "git_step.h"

#define GIT_TEXT(name, type, member, more, text, sample)                                           \
    {                                                                                              \
        .key = name, .kind = FIELD_TEXT, .flags = FIELD_ITEM | (more),                             \
        .offset = offsetof(struct type, member), .doc = text, .example = sample,                   \
    }

#define GIT_FLAG(name, type, member, text, sample)                                                 \
    {                                                                                              \
        .key = name, .kind = FIELD_BOOL, .offset = offsetof(struct type, member), .doc = text,     \
        .example = sample,                                                                         \
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
    GIT_FLAG("delete", git_tag, remove, "Takes the tag away.", "true"),
    FIELD_END,
};

static const struct field branch_fields[] = {
    GIT_TEXT("name", git_branch, name, FIELD_REQUIRED, "The new branch.", "release-1.2"),
    GIT_TEXT("at", git_branch, at, 0, "Where it starts; HEAD where unsaid.", "main"),
    GIT_FLAG("delete", git_branch, remove, "Takes the branch away.", "true"),
    FIELD_END,
};

static const struct field checkout_fields[] = {
    GIT_TEXT("ref", git_checkout, ref, FIELD_REQUIRED, "A branch, tag or commit.", "release-1.2"),
    GIT_FLAG("create", git_checkout, create, "Makes the branch first.", "true"),
    GIT_TEXT("at", git_checkout, at, 0, "With `create`: where it starts; HEAD where unsaid.",
             "main"),
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
    {
        .key = "parent",
        .kind = FIELD_INTEGER,
        .offset = offsetof(struct git_revert, parent),
        .doc = "Of a merge: which parent stays; 1 is the branch that was merged into.",
        .example = "1",
        .minimum = 1,
        .maximum = 64,
    },
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
    GIT_FLAG("tags", git_remote, tags, "All tags too.", "true"),
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
    {
        .key = "undo",
        .kind = FIELD_BOOL,
        .offset = offsetof(struct git_spec, undo),
        .doc = "Whether a rollback takes it back, on the remote too, where the step has no "
               "`rollback`; true by default.",
        .example = "false",
        .fallback = 1,
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

const struct git_verb_row git_verb_rows[GIT_VERBS] = {
#define ROW(verb, effect, has_inverse, is_remote)                                                  \
    { #verb, offsetof(struct git_spec, verb), effect, has_inverse, is_remote }
    ROW(status, EFFECT_READ, false, false),
    ROW(log, EFFECT_READ, false, false),
    ROW(tag, EFFECT_ONCE, true, false),
    ROW(branch, EFFECT_ONCE, true, false),
    ROW(checkout, EFFECT_IDEMPOTENT, true, false),
    ROW(merge, EFFECT_IDEMPOTENT, true, false),
    ROW(commit, EFFECT_ONCE, true, false),
    ROW(revert, EFFECT_ONCE, true, false),
    ROW(fetch, EFFECT_IDEMPOTENT, false, true),
    ROW(pull, EFFECT_IDEMPOTENT, true, true),
    ROW(push, EFFECT_IDEMPOTENT, true, true),
#undef ROW
};

bool git_has_verb(const struct git_spec *spec, size_t verb) {
    const char *at = (const char *)spec + git_verb_rows[verb].offset;
    return *(const void *const *)at != NULL;
}

enum repo_verb git_verb_of(const struct git_spec *spec) {
    size_t verb = 0;
    while (verb < GIT_VERBS && !git_has_verb(spec, verb))
        verb++;
    return (enum repo_verb)verb;
}

static enum effect git_effect(const void *spec) {
    const enum repo_verb verb = git_verb_of(spec);
    return verb < GIT_VERBS ? git_verb_rows[verb].effect : EFFECT_ONCE;
}

static enum effect git_undo_effect(const void *spec) {
    (void)spec;
    return EFFECT_IDEMPOTENT;
}

/* Takes back what a step did. Nobody writes it: a step has it where it has no `rollback`. */
static const struct step_type git_undo_type = {
    .key = "git",
    .doc = "Takes back what a `git` step did.",
    .fields = git_fields,
    .size = sizeof(struct git_spec),
    .state_size = sizeof(struct git_state),
    .effect = git_undo_effect,
    .plan = git_undo_plan,
    .demand = git_demand,
    .start = git_undo_start,
    .rehearse = git_undo_rehearse,
    .cancel = git_cancel,
    .release = git_release,
};

static const struct step_type *git_inverse(const void *spec) {
    const struct git_spec *git = spec;
    const enum repo_verb verb = git_verb_of(git);
    return verb < GIT_VERBS && git->undo && git_verb_rows[verb].has_inverse ? &git_undo_type : NULL;
}

const struct step_type step_git_type = {
    .key = "git",
    .doc = "One act on a git repository, by libgit2: hooks are not run. What it did is taken back "
           "in a rollback where its author wrote none.",
    .example = "{repository: /srv/app, status: {clean: true, branch: main}}",
    .fields = git_fields,
    .size = sizeof(struct git_spec),
    .state_size = sizeof(struct git_state),
    .effect = git_effect,
    .check = git_check,
    .plan = git_plan,
    .demand = git_demand,
    .destroys = git_destroys,
    .start = git_start,
    .rehearse = git_rehearse,
    .settle = git_settle,
    .inverse = git_inverse,
    .cancel = git_cancel,
    .release = git_release,
};
