#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/planning.h"
#include "cli/terminal.h"
#include "plan/plan.h"
#include "run/run.h"

struct check_options {
    const char *policy, *profile;
    bool json;
    bool quiet;
};

struct checker {
    const struct check_options *options;
    struct text_style style;
    struct buf text;
    value files; /* of --json */
    struct house_rules rules;
    size_t files_bad, errors;
};

static void check_add_text(struct checker *checker, const char *path, const struct diag *diag,
                           size_t steps) {
    if (diag_count(diag) + diag_warnings(diag) > 0) {
        const struct diag_style style = {.color = checker->style.color,
                                         .unicode = checker->style.unicode,
                                         .columns = checker->style.columns};
        diag_text(diag, &style, &checker->text);
    }
    if (diag_count(diag) == 0 && !checker->options->quiet) {
        text_escape(&checker->text, path, strlen(path), false);
        buf_printf(&checker->text, ": ok (%zu step%s)\n", steps, steps == 1 ? "" : "s");
    }
}

static void check_add_json(struct checker *checker, const char *path, const struct diag *diag) {
    value file = value_set(value_object(), "file", value_string(path));
    file = value_set(file, "ok", value_bool(diag_count(diag) == 0));
    file = value_set(file, "errors", diag_value(diag));
    checker->files = value_append(checker->files, file);
}

static void rules_check(struct checker *checker, const char *path, struct plan *plan,
                        struct diag *diag) {
    const struct runbook *runbook = plan_runbook(plan);
    house_rules_judge(&checker->rules, plan, diag);
    if (checker->options->profile || !checker->rules.policy)
        return;
    for (size_t i = 0; i < runbook->profiles.count; i++) {
        const char *name = runbook->profiles.keys[i];
        struct diag *of_profile = diag_new();
        const struct plan_options options = {.path = path, .profile = name, .shape_only = true};
        struct plan *other = plan_new(&options, of_profile);
        if (other)
            house_rules_judge(&checker->rules, other, of_profile);
        diag_take(diag, of_profile, name);
        plan_free(other);
        diag_free(of_profile);
    }
}

static void check_file(struct checker *checker, const char *path) {
    struct diag *diag = diag_new();
    const struct plan_options options = {
        .path = path, .profile = checker->options->profile, .shape_only = true};
    struct plan *plan = plan_new(&options, diag);
    if (plan)
        rules_check(checker, path, plan, diag);
    const size_t found = diag_count(diag);
    checker->errors += found;
    checker->files_bad += found > 0;
    if (checker->options->json) {
        check_add_json(checker, path, diag);
    } else {
        check_add_text(checker, path, diag, plan ? plan_step_count(plan) : 0);
    }
    plan_free(plan);
    diag_free(diag);
}

/* {"ok": bool, "errors": number, "files": [{"file": path, "ok": bool, "errors": [diagnostics]}]} */
static void check_end_json(struct checker *checker) {
    value all = value_set(value_object(), "ok", value_bool(checker->errors == 0));
    all = value_set(all, "errors", value_number((double)checker->errors));
    all = value_set(all, "files", checker->files);
    value_dump(&checker->text, all);
    buf_putc(&checker->text, '\n');
    value_free(all);
}

/* --policy, or else what the configuration names. 0, or the exit status after it was told. */
static int check_rules(struct checker *checker) {
    struct diag *diag = diag_new();
    const char *path = checker->options->policy;
    const bool is_well = path ? house_rules_load(&checker->rules, path, diag)
                              : house_rules_find(&checker->rules, diag);
    const int status = is_well ? 0 : print_diag(diag);
    diag_free(diag);
    return status;
}

static int check_run(const struct invocation *invocation) {
    struct checker checker = {
        .options = invocation->options,
        .style = terminal_style(STDOUT_FILENO),
        .text = BUF_INIT(PRODUCT_MAX),
        .files = value_array(),
    };
    const int refused = check_rules(&checker);
    if (refused) {
        value_free(checker.files);
        return refused;
    }
    for (size_t i = 0; i < invocation->operand_count; i++) {
        check_file(&checker, invocation->operands[i]);
    }
    if (checker.options->json) {
        check_end_json(&checker);
    } else {
        value_free(checker.files);
        if (checker.errors > 0) {
            buf_printf(&checker.text, "%zu error%s in %zu file%s\n", checker.errors,
                       checker.errors == 1 ? "" : "s", checker.files_bad,
                       checker.files_bad == 1 ? "" : "s");
        }
    }
    house_rules_release(&checker.rules);
    const int printed = print_product(&checker.text);
    return checker.errors > 0 ? RUN_INVALID : printed;
}

static const struct option check_options[] = {
    {.name = "policy",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct check_options, policy),
     .argument = "FILE",
     .word = WORD_FILE,
     .doc = "hold the runbooks to these house rules; if unsaid, to those of the configuration"},
    {.name = "profile",
     .letter = 'p',
     .kind = OPTION_TEXT,
     .offset = offsetof(struct check_options, profile),
     .argument = "NAME",
     .doc = "check with this profile chosen only; if unsaid, without one and with each in turn"},
    {.name = "json",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct check_options, json),
     .doc = "print what was found as one JSON object"},
    {.name = "quiet",
     .letter = 'q',
     .kind = OPTION_FLAG,
     .offset = offsetof(struct check_options, quiet),
     .doc = "say nothing about files without errors"},
    {0},
};

const struct command command_check = {
    .name = "check",
    .summary = "show every error of every file, with line, column and what would be right",
    .operands = "FILE...",
    .about = "Reads the runbooks and all that they call, compiles their expressions and patterns, "
             "and checks order, names, types and where secrets stand. Nothing is run and nothing "
             "outside the file system is touched. The exit status is 2 where there was an error.",
    .least = 1,
    .most = OPERANDS_ANY,
    .word = WORD_FILE,
    .options = check_options,
    .size = sizeof(struct check_options),
    .examples =
        (const struct example[]){{"check drill.yaml", "Check one runbook."},
                                 {"check --policy policy.yaml -p production drill.yaml",
                                  "Hold it to the house rules, as it would run in production."},
                                 {"check --json runbooks/*.yaml", "The same as data, for a gate "
                                                                  "in continuous integration."},
                                 {0}},
    .run = check_run,
};
