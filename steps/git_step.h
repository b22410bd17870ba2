/* What the files of the step type `git` share. */
#ifndef STEPS_GIT_STEP_H
#define STEPS_GIT_STEP_H

#include "io/repo_act.h"
#include "step.h"

#define GIT_LINE_CEILING ((size_t)64 << 10)

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
    bool remove;
};

struct git_branch {
    struct template *name, *at;
    bool remove;
};

struct git_checkout {
    struct template *ref, *at;
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
    int64_t parent;
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
    bool undo;
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

/* In the order of enum repo_verb. */
struct git_verb_row {
    const char *key;
    size_t offset; /* of its member in struct git_spec */
    enum effect effect;
    bool has_inverse;
    bool is_remote;
};
extern const struct git_verb_row git_verb_rows[];
#define GIT_VERBS 11

/* The first that stands there, or GIT_VERBS. */
enum repo_verb git_verb_of(const struct git_spec *spec);
bool git_has_verb(const struct git_spec *spec, size_t verb);

/* git_check.c, git_plan.c */
void git_check(const void *spec, const struct step_check *check);
void git_plan(const void *spec, const struct step_plan *plan);
void git_undo_plan(const void *spec, const struct step_plan *plan);
void git_demand(const void *spec, const struct step_demand *demand);

/* git_losses.c */
bool git_destroys(const void *spec, const struct step_losses *losses);
void git_losses_plan(const struct git_spec *git, const struct step_plan *plan);
/* Whether a push would overwrite or delete what it names. */
bool git_is_forced(const char *refspec);

/* git_request.c: the act as the step's values have it. `facts` are recorded ones, or NULL. */
struct git_request {
    struct repo_act_spec spec;
    char *texts[12];
    size_t text_count;
    const char **items;
    char *password;
};
int git_request_init(struct step_ctx *ctx, enum repo_stage stage, const char *facts,
                     struct git_request *ret, struct err *err) MUST_USE;
void git_request_release(struct git_request *request);

/* git_run.c */
struct git_state {
    struct repo_act *act; /* NULL: none is under way */
    bool is_cancelled;
    value facts; /* of what is about to be done */
    bool has_facts;
};
int git_start(struct step_ctx *ctx, struct err *err);
int git_rehearse(struct step_ctx *ctx, struct err *err);
int git_settle(struct step_ctx *ctx, const struct step_doubt *doubt, struct err *err);
int git_undo_start(struct step_ctx *ctx, struct err *err);
int git_undo_rehearse(struct step_ctx *ctx, struct err *err);
void git_cancel(struct step_ctx *ctx);
void git_release(struct step_ctx *ctx);

#endif
