/* Plans with all that the engine can say of them: what plan, check and exec share. */
#ifndef CLI_PLANNING_H
#define CLI_PLANNING_H

#include "lang/policy.h"
#include "plan/plan.h"
#include "report/outline.h"

/* The house rules in force. */
struct house_rules {
    struct policy *policy; /* NULL: there are none */
    char sha256[65];       /* of the file */
};
/* Those of a file. False where something is wrong, which `diag` then holds. */
bool house_rules_load(struct house_rules *rules, const char *path, struct diag *diag);
/* Those that the configuration names. */
bool house_rules_find(struct house_rules *rules, struct diag *diag);
void house_rules_release(struct house_rules *rules);
/* Reports what of the plan breaks them. */
void house_rules_judge(const struct house_rules *rules, struct plan *plan, struct diag *diag);

/* The plan's outline with the repository that the runbook stands in; the caller frees or takes. */
enum planning_detail {
    PLANNING_BRIEF, /* for a line of text for each step */
    PLANNING_WHOLE,
    PLANNING_LOCKED, /* without what past runs took: it decides nothing */
};
struct outline *planning_outline(struct plan *plan, const struct house_rules *rules,
                                 enum planning_detail detail);
/* The JSON of a locked one; owned. */
value planning_decided(struct plan *plan, const struct house_rules *rules);

/* The plan that `plan -o` wrote to the file, made anew. NULL where the file is not as it was
 * written, or where anything has changed since: `diag` then names all of it. */
struct plan *planning_locked(const char *path, const struct house_rules *rules, struct diag *diag);

#endif
