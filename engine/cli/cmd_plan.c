#include <unistd.h>

#include "base/text.h"
#include "cli/choices.h"
#include "cli/commands.h"
#include "cli/drawing.h"
#include "cli/planning.h"
#include "cli/terminal.h"
#include "plan/plan.h"
#include "report/locked.h"
#include "report/outline_html.h"

#define DRAWING_MS 20000 /* how long a page waits for its picture */

struct plan_flags {
    struct choices choices;
    const char *output;
    bool json, html, verbose;
};

static void html_put(struct buf *out, struct plan *plan, value outline) {
    AUTO_BUF svg = BUF_INIT(PRODUCT_MAX);
    AUTO_ERR err = ERR_INIT;
    struct outline_picture picture = {NULL, NULL};
    const struct drawing_page page = {.limit_ms = DRAWING_MS};
    if (drawing_make(plan, &page, &svg, &err) < 0)
        picture.svg_lacks = err.message;
    else
        picture.svg = buf_text(&svg);
    outline_html(out, outline, &picture);
}

static int plan_print(struct plan *plan, const struct house_rules *rules,
                      const struct plan_flags *flags) {
    struct buf out = BUF_INIT(PRODUCT_MAX);
    const struct text_style style = terminal_style(STDOUT_FILENO);
    const bool is_whole = flags->json || flags->html || flags->verbose;
    struct outline *outline =
        planning_outline(plan, rules, is_whole ? PLANNING_WHOLE : PLANNING_BRIEF);
    if (!flags->json && !flags->html) {
        outline_text(&out, outline, &style);
        outline_free(outline);
        return print_product(&out);
    }
    AUTO_VALUE told = outline_take(outline);
    if (flags->html) {
        html_put(&out, plan, told);
    } else {
        value_dump(&out, told);
        buf_putc(&out, '\n');
    }
    return print_product(&out);
}

/* What is approved is what is run: the plan with nothing in it that changes by itself. */
static int plan_write(struct plan *plan, const struct house_rules *rules, const char *path) {
    AUTO_ERR err = ERR_INIT;
    char sha256[65];
    if (locked_write(path, plan, planning_decided(plan, rules), sha256, &err) < 0)
        return print_err(&err);
    struct buf out = BUF_INIT(PRODUCT_MAX);
    text_escape(&out, path, strlen(path), false);
    buf_printf(&out, " is written; its SHA-256 is %s\n", sha256);
    return print_product(&out);
}

static int plan_run(const struct invocation *invocation) {
    const struct plan_flags *flags = invocation->options;
    AUTO_ERR err = ERR_INIT;
    if (flags->json + flags->html + (flags->output != NULL) > 1) {
        err_set(&err, ERR_INVALID, "`--json`, `--html` and `--output` exclude each other");
        return print_err(&err);
    }
    const struct plan_options planned = choices_plan(&flags->choices, invocation->operands[0]);
    struct diag *diag = diag_new();
    struct house_rules rules;
    struct plan *plan = house_rules_find(&rules, diag) ? plan_new(&planned, diag) : NULL;
    const int status = !plan           ? print_diag(diag)
                       : flags->output ? plan_write(plan, &rules, flags->output)
                                       : plan_print(plan, &rules, flags);
    plan_free(plan);
    house_rules_release(&rules);
    diag_free(diag);
    return status;
}

#define AT(member) .offset = offsetof(struct plan_flags, member)

static const struct option plan_options[] = {
    CHOICES_OPTIONS(struct plan_flags),
    {.name = "verbose",
     .letter = 'v',
     .kind = OPTION_FLAG,
     AT(verbose),
     .doc = "show all of each step: commands, variables, effects, limits, rollback, undo ledger"},
    {.name = "output",
     .letter = 'o',
     .kind = OPTION_TEXT,
     AT(output),
     .argument = "FILE",
     .word = WORD_FILE,
     .doc = "write the plan to a file, for `exec --plan`, instead of showing it"},
    {.name = "json", .kind = OPTION_FLAG, AT(json), .doc = "print the same as one JSON object"},
    {.name = "html",
     .kind = OPTION_FLAG,
     AT(html),
     .doc = "print the same as one page, with the graph drawn by Graphviz where it is installed"},
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
                                 {"plan --html drill.yaml > plan.html", "The same as a page."},
                                 {"plan drill.yaml -o drill.plan",
                                  "Write it down; `runbook exec --plan drill.plan` runs exactly "
                                  "that."},
                                 {0}},
    .run = plan_run,
};
