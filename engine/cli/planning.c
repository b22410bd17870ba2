#include "cli/planning.h"

#include "io/repo.h"
#include "plan/estimate.h"
#include "report/outline.h"

/* Of a repository that cannot be read nothing is known but why: a host without libgit2 can plan,
 * too. What the remote is called decides nothing. */
static value repository_value(const struct plan *plan) {
    AUTO_ERR err = ERR_INIT;
    value git;
    if (repo_describe(plan_runbook(plan)->path, &git, &err) < 0)
        return value_set(value_object(), "error", value_string(err.message));
    return value_is(git, VALUE_OBJECT) ? value_remove(git, "remote") : git;
}

value planning_outline(struct plan *plan, enum planning_detail detail) {
    AUTO_VALUE git = repository_value(plan);
    AUTO_VALUE selection = plan_selection(plan);
    struct estimate *estimate =
        detail == PLANNING_LOCKED ? NULL : estimate_read(plan_runbook(plan)->name, selection);
    const struct outline_facts facts = {
        .git = git,
        .policy = value_null(),
        .estimate = estimate,
        .without_undo = detail == PLANNING_BRIEF,
    };
    value outline = outline_new(plan, &facts);
    estimate_free(estimate);
    return outline;
}
