#include "cli/commands.h"
#include "cli/help.h"
#include "cli/terminal.h"

static int man_run(const struct invocation *invocation) {
    (void)invocation;
    struct buf out = BUF_INIT(PRODUCT_MAX);
    help_man(&out);
    return print_product(&out);
}

const struct command command_man = {
    .name = "man",
    .summary = "print the man page in roff",
    .examples = (const struct example[]){{"man | man -l -", "Read it without installing it."}, {0}},
    .run = man_run,
};
