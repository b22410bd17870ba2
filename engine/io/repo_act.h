/* One act on a git repository, in a thread of its own: libgit2 blocks.
 *
 * What writes comes in two parts. REPO_LOOK finds out all that is to be known, and stores objects
 * that nothing names yet; its facts tell what would move from where to where. REPO_DO moves it, if
 * it still is where it was. The facts are enough to tell afterwards whether that happened
 * (REPO_SETTLE), and to take it back (REPO_UNDO).
 *
 * Hooks are not run: libgit2 has none. */
#ifndef IO_REPO_ACT_H
#define IO_REPO_ACT_H

#include "io/loop.h"
#include "value/value.h"

enum repo_verb {
    REPO_STATUS,
    REPO_LOG,
    REPO_TAG,
    REPO_BRANCH,
    REPO_CHECKOUT,
    REPO_MERGE,
    REPO_COMMIT,
    REPO_REVERT,
    REPO_FETCH,
    REPO_PULL,
    REPO_PUSH,
};

enum repo_stage {
    REPO_LOOK,   /* of `status` and `log` all there is to do */
    REPO_CHECK,  /* as REPO_LOOK, and nothing at all is written */
    REPO_DO,     /* of `fetch` all there is to do */
    REPO_SETTLE, /* whether REPO_DO with these facts happened; what is half done is put back */
    REPO_UNDO,
};

enum repo_forward { REPO_FORWARD_AUTO = 1, REPO_FORWARD_ONLY, REPO_FORWARD_NEVER };

/* All texts may be NULL, and are copied. */
struct repo_act_spec {
    enum repo_verb verb;
    enum repo_stage stage;
    const char *path;    /* NULL: the repository around the folder that the program stands in */
    const char *name;    /* of the tag, the branch or the remote */
    const char *ref;     /* what is merged, checked out, reverted, tagged, logged */
    const char *from;    /* of `log`: commits behind it; of a branch to make: where it starts */
    const char *message; /* of a commit or tag */
    const char *const *items; /* paths to add, or refspecs */
    size_t item_count;
    int64_t limit;    /* of `log`: commits; of `revert`: which parent of a merge stays, or 0 */
    bool clean;       /* `status` fails where it is not */
    bool create;      /* `checkout` makes the branch */
    bool remove;      /* the tag or branch goes */
    bool tags;        /* all of them */
    int fast_forward; /* enum repo_forward */
    const char *user, *password, *ssh_key;
    const char *facts; /* JSON; of all stages behind the first two */
};

enum repo_fate { REPO_UNKNOWN, REPO_HAPPENED, REPO_NOT_HAPPENED };

/* Lives as long as the call that hands it out. */
struct repo_answer {
    value data;          /* the facts; an object also where it failed */
    enum repo_fate fate; /* of REPO_SETTLE */
    /* Where it failed: something may have been changed, here or on the remote. */
    bool touched;
    struct err *err; /* NULL where it went well */
};

struct repo_act;
/* `answered` is called once, from the loop. Nothing of it is called when the act is freed before;
 * what is under way then goes on to its end or to that of the process. */
int repo_act_start(struct loop *loop, const struct repo_act_spec *spec,
                   void (*answered)(void *user, struct repo_answer *answer), void *user,
                   struct repo_act **ret, struct err *err) MUST_USE;
/* Asks it to end soon; `answered` follows. */
void repo_act_cancel(struct repo_act *act);
void repo_act_free(struct repo_act *act);

#endif
