#include "cli/planning.h"

#include "base/mem.h"
#include "io/repo.h"
#include "lang/config.h"
#include "plan/estimate.h"
#include "report/locked.h"
#include "secret/digest.h"

/* Of a repository that cannot be read nothing is known but why: a host without libgit2 can plan,
 * too. What the remote is called decides nothing. */
static value repository_value(const struct plan *plan) {
    AUTO_ERR err = ERR_INIT;
    value git;
    if (repo_describe(plan_runbook(plan)->path, &git, &err) < 0)
        return value_set(value_object(), "error", value_string(err.message));
    return value_is(git, VALUE_OBJECT) ? value_remove(git, "remote") : git;
}

static value rules_value(const struct house_rules *rules) {
    if (!rules->policy)
        return value_null();
    value policy = value_set(value_object(), "path", value_string(rules->policy->path));
    return value_set(policy, "sha256", value_string(rules->sha256));
}

struct outline *planning_outline(struct plan *plan, const struct house_rules *rules,
                                 enum planning_detail detail) {
    AUTO_VALUE git = repository_value(plan);
    AUTO_VALUE selection = plan_selection(plan);
    AUTO_VALUE policy = rules_value(rules);
    struct estimate *estimate =
        detail == PLANNING_LOCKED ? NULL : estimate_read(plan_runbook(plan)->name, selection, NULL);
    const struct outline_facts facts = {
        .git = git,
        .policy = policy,
        .estimate = estimate,
        .is_brief = detail == PLANNING_BRIEF,
    };
    struct outline *outline = outline_new(plan, &facts);
    estimate_free(estimate);
    return outline;
}

value planning_decided(struct plan *plan, const struct house_rules *rules) {
    return outline_take(planning_outline(plan, rules, PLANNING_LOCKED));
}

/* ---- a plan in a file ---------------------------------------------------------------------- */

static void report_to_diag(void *user, struct err *err) {
    diag_report(user, err);
}

/* NULL-terminated, or NULL where it is empty; the texts belong to the list. */
static const char **texts_of(value list) {
    size_t count = value_count(list);
    const char **texts = mem_calloc(count + 1, sizeof *texts);
    for (size_t i = 0; i < count; i++) {
        AUTO_VALUE item = value_at(list, i);
        texts[i] = value_text(item);
    }
    if (count > 0)
        return texts;
    mem_free(texts);
    return NULL;
}

/* Only what a person gave: profile and defaults say the rest, as they are now. */
static value params_given(value locked) {
    AUTO_VALUE names = value_get(locked, "given");
    AUTO_VALUE params = value_get(locked, "params");
    value given = value_object();
    for (size_t i = 0; i < value_count(names); i++) {
        AUTO_VALUE name = value_at(names, i);
        given = value_set(given, value_text(name), value_get(params, value_text(name)));
    }
    return given;
}

static struct plan *plan_anew(value locked, struct diag *diag) {
    AUTO_VALUE path = value_get(locked, "runbook");
    AUTO_VALUE profile = value_get(locked, "profile");
    AUTO_VALUE selection = value_get(locked, "selection");
    AUTO_VALUE only = value_get(selection, "only");
    AUTO_VALUE skip = value_get(selection, "skip");
    AUTO_VALUE from = value_get(selection, "from");
    AUTO_VALUE params = params_given(locked);
    const char **only_texts = texts_of(only), **skip_texts = texts_of(skip);
    const struct plan_options options = {
        .path = value_text(path),
        .profile = value_is(profile, VALUE_STRING) ? value_text(profile) : NULL,
        .params = params,
        .only = only_texts,
        .skip = skip_texts,
        .from = value_is(from, VALUE_STRING) ? value_text(from) : NULL,
    };
    struct plan *plan = plan_new(&options, diag);
    mem_free(only_texts);
    mem_free(skip_texts);
    return plan;
}

struct plan *planning_locked(const char *path, const struct house_rules *rules, struct diag *diag) {
    AUTO_VALUE locked = value_none();
    AUTO_ERR err = ERR_INIT;
    if (locked_read(path, &locked, &err) < 0) {
        diag_report(diag, &err);
        return NULL;
    }
    struct plan *plan = plan_anew(locked, diag);
    AUTO_VALUE now = plan ? planning_decided(plan, rules) : value_none();
    locked_compare_files(locked, now, report_to_diag, diag);
    if (plan)
        locked_compare(locked, plan, now, report_to_diag, diag);
    if (diag_count(diag) == 0)
        return plan;
    plan_free(plan);
    return NULL;
}

/* ---- house rules --------------------------------------------------------------------------- */

bool house_rules_load(struct house_rules *rules, const char *path, struct diag *diag) {
    *rules = (struct house_rules){.policy = policy_load(path, diag)};
    if (rules->policy)
        digest_text(rules->policy->bytes, rules->policy->length, rules->sha256);
    return rules->policy != NULL;
}

bool house_rules_find(struct house_rules *rules, struct diag *diag) {
    *rules = (struct house_rules){0};
    struct config *config = config_load(diag);
    if (!config)
        return false;
    bool is_well = !config->policy || house_rules_load(rules, config->policy, diag);
    config_free(config);
    return is_well;
}

void house_rules_release(struct house_rules *rules) {
    policy_free(rules->policy);
    rules->policy = NULL;
}

void house_rules_judge(const struct house_rules *rules, struct plan *plan, struct diag *diag) {
    if (!rules->policy)
        return;
    AUTO_VALUE outline = planning_decided(plan, rules);
    policy_judge(rules->policy, outline, diag);
}
