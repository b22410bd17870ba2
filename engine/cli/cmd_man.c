#include "base/text.h"
#include "cli/commands.h"
#include "cli/help.h"
#include "cli/terminal.h"
#include "lang/reference.h"

static const char *const pages[] = {"1", "5", NULL};

static int man_run(const struct invocation *invocation) {
    const char *which = invocation->operand_count ? invocation->operands[0] : "1";
    struct buf out = BUF_INIT(PRODUCT_MAX);
    if (text_equal(which, "1")) {
        help_man(&out);
    } else if (text_equal(which, "5")) {
        reference_man(&out);
    } else {
        struct err err = ERR_INIT;
        err_set(&err, ERR_INVALID, "there is no man page in section `%s`", which);
        err_hint(&err, "1 is about the commands, 5 about the language");
        return print_err(&err);
    }
    return print_product(&out);
}

const struct command command_man = {
    .name = "man",
    .summary = "print the man pages in roff: 1 is about the commands, 5 about the language",
    .operands = "[1|5]",
    .most = 1,
    .word = WORD_CHOICE,
    .choices = pages,
    .examples = (const struct example[]){{"man | man -l -", "Read it without installing it."},
                                         {"man 5 | man -l -", "The same for the language."},
                                         {0}},
    .run = man_run,
};
