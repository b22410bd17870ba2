#include "lang/policy.h"

#include <stddef.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "lang/parse.h"

#define POLICY_MAX ((size_t)1 << 20) /* bytes */
#define OFFENDERS_MOST 100           /* of one rule */

static const char *const severities[] = {"error", "warning", NULL};

static const struct field rule_fields[] = {
    {.key = "name",
     .kind = FIELD_STRING,
     .flags = FIELD_REQUIRED,
     .offset = offsetof(struct policy_rule, name),
     .doc = "How the rule is called where it is broken.",
     .example = "shell-has-timeout"},
    {.key = "message",
     .kind = FIELD_STRING,
     .flags = FIELD_REQUIRED,
     .offset = offsetof(struct policy_rule, message),
     .doc = "What is wrong, for who wrote the runbook.",
     .example = "a shell step without a timeout can hang a night"},
    {.key = "when",
     .kind = FIELD_EXPR,
     .offset = offsetof(struct policy_rule, when),
     .doc = "The rule is for plans on which this holds; all, if unsaid. `.` is the plan, as "
            "`runbook plan --json` prints it.",
     .example = ".profile == \"production\""},
    {.key = "deny",
     .kind = FIELD_EXPR,
     .flags = FIELD_REQUIRED,
     .offset = offsetof(struct policy_rule, deny),
     .doc = "What must not be: true, or the paths of the steps that offend. False, null and an "
            "empty list are well.",
     .example = ".git == null or .git.dirty"},
    {.key = "severity",
     .kind = FIELD_CHOICE,
     .offset = offsetof(struct policy_rule, severity),
     .doc = "An error keeps the runbook from being run, a warning is told.",
     .example = "warning",
     .choices = severities,
     .fallback = POLICY_ERROR},
    FIELD_END,
};

static const struct field rule_item = {
    .key = "rule",
    .kind = FIELD_OBJECT,
    .doc = "One rule.",
    .example = "{name: committed, message: commit the runbook first, deny: .git == null}",
    .fields = rule_fields,
    .size = sizeof(struct policy_rule),
};

const struct field policy_fields[] = {
    {.key = "policy",
     .kind = FIELD_INTEGER,
     .flags = FIELD_REQUIRED,
     .offset = offsetof(struct policy, version),
     .doc = "Version of the format: 1.",
     .example = "1",
     .minimum = 1,
     .maximum = 1},
    {.key = "rules",
     .kind = FIELD_LIST,
     .flags = FIELD_REQUIRED,
     .offset = offsetof(struct policy, rules),
     .doc = "What plans must hold to.",
     .example = "[{name: committed, message: commit the runbook first, deny: .git == null}]",
     .item = &rule_item},
    FIELD_END,
};

/* ---- reading ------------------------------------------------------------------------------- */

static void report_expr(void *user, struct err *err) {
    diag_report(user, err);
}

static void destroy_bytes(void *bytes) {
    mem_free(bytes);
}

static void policy_parse(struct policy *policy, const struct node *root, struct diag *diag) {
    struct load load = {.diag = diag, .arena = policy->arena, .exprs = policy->exprs};
    /* The machinery of fields asks a runbook for the file's name and for memory. */
    struct runbook file = {.path = policy->path, .arena = policy->arena};
    struct parse parse = {
        .load = &load,
        .runbook = &file,
        .real_path = policy->path,
        .nodes = policy->arena,
        .visit = VISIT_NONE,
    };
    fields_parse(&parse, policy_fields, root, policy);
    vec_release(&parse.uses);
    expr_set_compile(policy->exprs, report_expr, diag);
}

static void policy_read(struct policy *policy, struct diag *diag) {
    AUTO_ERR err = ERR_INIT;
    char *bytes = NULL;
    if (file_read(policy->path, POLICY_MAX, &bytes, &policy->length, &err) < 0) {
        err_wrap(&err, "the house rules");
        diag_report(diag, &err);
        return;
    }
    arena_on_free(policy->arena, destroy_bytes, bytes);
    policy->bytes = bytes;
    diag_source(diag, policy->path, bytes, policy->length);
    const size_t before = diag_count(diag);
    const struct yaml yaml = {policy->path,  bytes,         policy->length,
                              policy->arena, policy->arena, diag};
    const struct node *root = yaml_parse(&yaml);
    if (root && root->kind == NODE_MAP) {
        policy_parse(policy, root, diag);
    } else if (diag_count(diag) == before) {
        err_at(&err, (struct span){policy->path, 1, 1, 1},
               "house rules are a mapping with `policy: 1` and `rules:`");
        diag_report(diag, &err);
    }
}

struct policy *policy_load(const char *path, struct diag *diag) {
    struct arena *arena = arena_new();
    struct policy *policy = arena_alloc(arena, sizeof *policy);
    const size_t before = diag_count(diag);
    policy->arena = arena;
    policy->exprs = expr_set_new();
    policy->path = arena_strdup(arena, path);
    policy_read(policy, diag);
    if (diag_count(diag) == before)
        return policy;
    policy_free(policy);
    return NULL;
}

void policy_free(struct policy *policy) {
    if (!policy)
        return;
    struct arena *arena = policy->arena;
    expr_set_free(policy->exprs);
    arena_free(arena);
}

/* ---- judging ------------------------------------------------------------------------------- */

struct judging {
    const struct policy *policy;
    const struct policy_rule *rule;
    value plan;  /* borrowed */
    value steps; /* by path; VALUE_NONE until somebody offends */
    struct diag *diag;
};

/* Lists nest as deep as the language lets steps nest. */
static value steps_index(value index_taken, value steps) {
    for (size_t i = 0; i < value_count(steps); i++) {
        AUTO_VALUE step = value_at(steps, i);
        AUTO_VALUE path = value_get(step, "path");
        AUTO_VALUE nested = value_get(step, "steps");
        index_taken = value_set(index_taken, value_text(path), value_copy(step));
        index_taken = steps_index(index_taken, nested);
    }
    return index_taken;
}

static value step_find(struct judging *judging, const char *path) {
    if (value_is(judging->steps, VALUE_NONE)) {
        AUTO_VALUE steps = value_get(judging->plan, "steps");
        AUTO_VALUE finally = value_get(judging->plan, "finally");
        judging->steps = steps_index(steps_index(value_object(), steps), finally);
    }
    return value_get(judging->steps, path);
}

static void offence_report(const struct judging *judging, struct span span, const char *who) {
    const struct policy_rule *rule = judging->rule;
    const struct span at = expr_span(rule->deny);
    AUTO_ERR err = ERR_INIT;
    err_at(&err, span, "house rule `%s`: %s%s%s%s", rule->name, rule->message, who ? " (`" : "",
           who ? who : "", who ? "`)" : "");
    err_hint(&err, "the rule stands in %s, line %u", at.file, at.line);
    if (rule->severity == POLICY_WARNING)
        err.kind = ERR_WARNING;
    diag_report(judging->diag, &err);
}

static void offender_report(struct judging *judging, value offender) {
    AUTO_TEXT name = value_to_text(offender);
    AUTO_VALUE step = step_find(judging, name);
    AUTO_VALUE file = value_get(step, "file");
    AUTO_VALUE line = value_get(step, "line");
    AUTO_VALUE column = value_get(step, "column");
    AUTO_VALUE runbook = value_get(judging->plan, "runbook");
    struct span span = {.file = value_text(value_is(file, VALUE_STRING) ? file : runbook),
                        .line = (uint32_t)value_as_number(line),
                        .column = (uint32_t)value_as_number(column),
                        .length = 1};
    offence_report(judging, span, name);
}

static void denial_report(struct judging *judging, value denied) {
    AUTO_VALUE runbook = value_get(judging->plan, "runbook");
    if (value_is(denied, VALUE_STRING)) {
        offender_report(judging, denied);
        return;
    }
    if (!value_is(denied, VALUE_ARRAY)) {
        if (value_truth(denied))
            offence_report(judging, (struct span){.file = value_text(runbook)}, NULL);
        return;
    }
    for (size_t i = 0; i < value_count(denied) && i < OFFENDERS_MOST; i++) {
        AUTO_VALUE offender = value_at(denied, i);
        offender_report(judging, offender);
    }
}

static void rule_judge(struct judging *judging) {
    const struct policy_rule *rule = judging->rule;
    struct expr_dot dot = {.dot = judging->plan};
    const struct expr_input input = expr_input_dot(&dot);
    AUTO_VALUE denied = value_none();
    AUTO_ERR err = ERR_INIT;
    bool applies = true;
    if ((rule->when && expr_test(rule->when, &input, &applies, &err) < 0) ||
        (applies && expr_eval(rule->deny, &input, &denied, &err) < 0)) {
        err_wrap(&err, "house rule `%s` cannot be judged", rule->name);
        diag_report(judging->diag, &err);
        return;
    }
    denial_report(judging, denied);
}

void policy_judge(const struct policy *policy, value plan, struct diag *diag) {
    struct judging judging = {policy, NULL, plan, value_none(), diag};
    diag_source(diag, policy->path, policy->bytes, policy->length);
    for (size_t i = 0; i < policy->rules.count; i++) {
        judging.rule = &FIELD_AT(struct policy_rule, &policy->rules, i);
        rule_judge(&judging);
    }
    value_free(judging.steps);
}
