#include "base/text.h"
#include "cli/commands.h"
#include "cli/terminal.h"
#include "journal/event.h"
#include "lang/reference.h"
#include "lang/schema.h"
#include "report/outline.h"

static const char *const schemas[] = {"runbook", "config",    "transcript", "plan",
                                      "policy",  "reference", NULL};

static int schema_run(const struct invocation *invocation) {
    const char *which = invocation->operands[0];
    struct buf out = BUF_INIT(PRODUCT_MAX);
    if (text_equal(which, "runbook")) {
        schema_runbook(&out);
    } else if (text_equal(which, "config")) {
        schema_config(&out);
    } else if (text_equal(which, "transcript")) {
        event_schema(&out);
    } else if (text_equal(which, "policy")) {
        schema_policy(&out);
    } else if (text_equal(which, "plan")) {
        outline_schema(&out);
    } else if (text_equal(which, "reference")) {
        reference_markdown(&out);
    } else {
        struct err err = ERR_INIT;
        err_set(&err, ERR_INVALID, "there is no schema of `%s`", which);
        err_hint(&err, "there is one of a `runbook`, of the `config`, of a `transcript` and of a "
                       "`plan`, and the language's `reference`");
        return print_err(&err);
    }
    return print_product(&out);
}

const struct command command_schema = {
    .name = "schema",
    .summary = "print the JSON schema of runbooks, configuration, transcripts or plans, or the "
               "language's reference",
    .operands = "runbook|config|transcript|plan|policy|reference",
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
