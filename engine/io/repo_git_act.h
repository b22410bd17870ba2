/* What the verbs of the module "git" share. Each is a row of `struct git_verb`. */
#ifndef IO_REPO_GIT_ACT_H
#define IO_REPO_GIT_ACT_H

#include <git2.h>

#include "io/repo_git.h"

struct act {
    struct repo_job *job;
    const struct repo_act_spec *spec;
    git_repository *git;
    char *place; /* of the repository, for messages */
};

struct git_verb {
    int (*look)(struct act *act, struct err *err);
    int (*carry_out)(struct act *act, struct err *err);
    int (*settle)(struct act *act, struct err *err); /* sets job->fate */
    int (*undo)(struct act *act, struct err *err);
};

extern const struct git_verb repo_git_status, repo_git_log;   /* _read */
extern const struct git_verb repo_git_tag, repo_git_branch;   /* _refs */
extern const struct git_verb repo_git_checkout;               /* _checkout */
extern const struct git_verb repo_git_merge, repo_git_revert; /* _merge */
extern const struct git_verb repo_git_commit_verb;            /* _record */
extern const struct git_verb repo_git_fetch, repo_git_pull;   /* _fetch */
extern const struct git_verb repo_git_push;                   /* _push */

/* ---- facts (repo_git_act.c) ------------------------------------------------------------------ */

void fact_set(struct act *act, const char *key, value taken);
void fact_set_text(struct act *act, const char *key, const char *text); /* NULL: null */
void fact_set_id(struct act *act, const char *key, const git_oid *id);  /* NULL: null */
char *fact_text(const struct act *act, const char *key); /* NULL where none; the caller frees */
bool fact_id(const struct act *act, const char *key, git_oid *ret);
bool fact_flag(const struct act *act, const char *key);
/* `before`, `after`, and `unchanged` where these are the same. */
void fact_move(struct act *act, const git_oid *before, const git_oid *after);
bool act_is_cancelled(const struct act *act);
bool act_is_check(const struct act *act);
/* Names for an error: "a, b and 3 more"; the caller frees. */
char *names_show(value names);

/* ---- what is where (repo_git_act.c) ------------------------------------------------------------
 */

struct head {
    char *ref;          /* "refs/heads/main", or "HEAD" where it is detached */
    const char *branch; /* within `ref`; NULL: detached */
    bool is_unborn;     /* there is no commit yet */
    git_oid id;
};
int head_read(const struct act *act, struct head *ret, struct err *err) MUST_USE;
void head_release(struct head *head);
#define AUTO_HEAD __attribute__((cleanup(head_release))) struct head
/* A commit by the name of a branch, a tag, a remote's branch or anything else that git knows. */
int commit_find(const struct act *act, const char *name, git_commit **ret,
                struct err *err) MUST_USE;
bool ref_is_name(const char *ref);
/* 1, or 0 where there is none. */
int ref_read(const struct act *act, const char *ref, git_oid *ret, struct err *err) MUST_USE;
/* Refuses where it is not at `expected`; NULL: not there. */
int ref_expect(const struct act *act, const char *ref, const git_oid *expected,
               struct err *err) MUST_USE;
/* Moves it if it is at `from`; NULL: where it is not there. */
int ref_swap(const struct act *act, const char *ref, const git_oid *from, const git_oid *to,
             const char *log, struct err *err) MUST_USE;
/* Where the upstream of a branch is kept here ("refs/remotes/origin/main"), and what the remote
 * calls it ("refs/heads/main"); NULL where it has none. The caller frees (repo_git_remote.c). */
char *repo_git_upstream(const struct act *act, const char *branch);
char *repo_git_upstream_name(const struct act *act, const char *branch);
/* Where a refspec of `fetch`, which may be NULL, keeps a remote's reference. */
char *repo_git_tracked(const char *fetch, const char *ref);
int state_is_free(const struct act *act, struct err *err) MUST_USE;

/* ---- the work tree (repo_git_tree.c) -----------------------------------------------------------
 */

/* What differs from HEAD: {staged, changed, untracked, conflicted}, names; owned. */
int tree_status(const struct act *act, value *ret, struct err *err) MUST_USE;
/* Refuses where tracked files have changes. */
int tree_is_clean(const struct act *act, const char *what, struct err *err) MUST_USE;
/* Moves HEAD's branch, or a detached HEAD, with the index and the work tree. */
int tree_advance(const struct act *act, const char *ref, const git_oid *from, const git_oid *to,
                 const char *log, struct err *err) MUST_USE;
/* The files alone. Nothing is written where one of them is in the way. */
int tree_move(const struct act *act, const git_oid *from, const git_oid *to,
              struct err *err) MUST_USE;
/* Would tree_move find something in the way? */
int tree_probe(const struct act *act, const git_oid *from, const git_oid *to,
               struct err *err) MUST_USE;
/* Ends what tree_move left half done between two commits. */
int tree_put_back(const struct act *act, const git_oid *half, const git_oid *to,
                  struct err *err) MUST_USE;
/* {files, insertions, deletions} and the names of at most 1,000 files. */
void fact_set_changes(struct act *act, const git_oid *from, const git_oid *to);
/* settle and undo of what moves HEAD's branch by tree_advance. */
int advance_carry_out(struct act *act, struct err *err) MUST_USE;
int advance_settle(struct act *act, struct err *err) MUST_USE;
int advance_undo(struct act *act, struct err *err) MUST_USE;

/* ---- commits (repo_git_record.c) ---------------------------------------------------------------
 */

int identity_find(const struct act *act, const char *role, git_signature **ret,
                  struct err *err) MUST_USE;
/* Stores a commit, signed as git is set up to; nothing names it yet. */
int commit_store(struct act *act, const char *message, const git_tree *tree, size_t parent_count,
                 const git_commit *parents[], git_oid *ret, struct err *err) MUST_USE;
/* As git keeps it: without blank lines around; refused where nothing is left. The caller frees. */
int message_clean(const char *message, char **ret, struct err *err) MUST_USE;

#endif
