#include <unistd.h>

#include "cli/commands.h"
#include "cli/terminal.h"
#include "plan/plan.h"
#include "report/outline.h"

struct plan_flags {
    const char *const *set;
    const char *params_file;
    const char *profile;
    const char *const *only, *const *skip;
    const char *from;
    bool json, verbose;
};

static int plan_print(struct plan *plan, const struct plan_flags *flags) {
    struct buf out = BUF_INIT(PRODUCT_MAX);
    const struct text_style style = terminal_style(STDOUT_FILENO);
    AUTO_VALUE outline = outline_new(plan);
    if (flags->json) {
        value_dump(&out, outline);
        buf_putc(&out, '\n');
    } else {
        outline_text(&out, outline, flags->verbose, &style);
    }
    return print_product(&out);
}

static int plan_run(const struct invocation *invocation) {
    const struct plan_flags *flags = invocation->options;
    const struct plan_options planned = {
        .path = invocation->operands[0],
        .profile = flags->profile,
        .params_file = flags->params_file,
        .set = flags->set,
        .only = flags->only,
        .skip = flags->skip,
        .from = flags->from,
    };
    struct diag *diag = diag_new();
    struct plan *plan = plan_new(&planned, diag);
    const int status = plan ? plan_print(plan, flags) : print_diag(diag);
    plan_free(plan);
    diag_free(diag);
    return status;
}

#define AT(member) .offset = offsetof(struct plan_flags, member)

static const struct option plan_options[] = {
    {.name = "set",
     .letter = 's',
     .kind = OPTION_LIST,
     AT(set),
     .argument = "NAME=VALUE",
     .doc = "give a parameter its value"},
    {.name = "params",
     .kind = OPTION_TEXT,
     AT(params_file),
     .argument = "FILE",
     .word = WORD_FILE,
     .doc = "take parameters from a YAML or JSON file; --set goes before it"},
    {.name = "profile",
     .letter = 'p',
     .kind = OPTION_TEXT,
     AT(profile),
     .argument = "NAME",
     .doc = "use a named set of parameters, databases, targets and secrets of the runbook"},
    {.name = "only",
     .kind = OPTION_LIST,
     AT(only),
     .argument = "STEP",
     .doc = "show what --only of exec would skip"},
    {.name = "from",
     .kind = OPTION_TEXT,
     AT(from),
     .argument = "STEP",
     .doc = "show what --from of exec would skip"},
    {.name = "skip",
     .kind = OPTION_LIST,
     AT(skip),
     .argument = "STEP",
     .doc = "show what --skip of exec would skip"},
    {.name = "verbose",
     .letter = 'v',
     .kind = OPTION_FLAG,
     AT(verbose),
     .doc = "show whole commands instead of their first lines"},
    {.name = "json", .kind = OPTION_FLAG, AT(json), .doc = "print the same as one JSON object"},
    {0},
};

const struct command command_plan = {
    .name = "plan",
    .summary = "show what would run: order, commands, gates, rollbacks, point of no return",
    .operands = "FILE",
    .about = "Touches nothing outside the file system and works offline. Secrets appear by name "
             "only.",
    .least = 1,
    .most = 1,
    .word = WORD_FILE,
    .options = plan_options,
    .size = sizeof(struct plan_flags),
    .examples =
        (const struct example[]){{"plan drill.yaml --set backup=/var/backups/db.dump",
                                  "Show the plan with a parameter."},
                                 {"plan --json drill.yaml | jq '.steps[].id'", "The same as data."},
                                 {0}},
    .run = plan_run,
};
