#include "base/text.h"
#include "cli/commands.h"
#include "cli/terminal.h"
#include "journal/event.h"
#include "lang/reference.h"
#include "lang/schema.h"
#include "report/outline.h"
#include "report/report.h"

/* What is printed of which name. */
static const struct {
    const char *name;
    void (*write)(struct buf *out);
} products[] = {
    {"runbook", schema_runbook},       {"config", schema_config}, {"transcript", event_schema},
    {"plan", outline_schema},          {"report", report_schema}, {"policy", schema_policy},
    {"reference", reference_markdown},
};
static const char *const schemas[] = {"runbook", "config", "transcript", "plan",
                                      "report",  "policy", "reference",  NULL};

static int schema_run(const struct invocation *invocation) {
    const char *which = invocation->operands[0];
    struct buf out = BUF_INIT(PRODUCT_MAX);
    for (size_t i = 0; i < sizeof products / sizeof *products; i++) {
        if (text_equal(which, products[i].name)) {
            products[i].write(&out);
            return print_product(&out);
        }
    }
    struct err err = ERR_INIT;
    err_set(&err, ERR_INVALID, "there is no schema of `%s`", which);
    err_hint(&err, "there is one of a `runbook`, of the `config`, of a `transcript`, of a `plan` "
                   "and of a `report`, and the language's `reference`");
    return print_err(&err);
}

const struct command command_schema = {
    .name = "schema",
    .summary =
        "print the JSON schema of runbooks, configuration, transcripts, plans or reports, or "
        "the language's reference",
    .operands = "runbook|config|transcript|plan|report|policy|reference",
    .least = 1,
    .most = 1,
    .word = WORD_CHOICE,
    .choices = schemas,
    .examples = (const struct example[]){{"schema runbook > runbook.schema.json",
                                          "Give it to an editor, which then completes and "
                                          "explains as you type."},
                                         {"schema reference > LANGUAGE.md",
                                          "Every key and action in Markdown."},
                                         {0}},
    .run = schema_run,
};
