#include <unistd.h>

#include "cli/commands.h"
#include "cli/help.h"
#include "cli/terminal.h"

static int help_run(const struct invocation *invocation) {
    struct buf out = BUF_INIT(PRODUCT_MAX);
    const size_t columns = terminal_style(STDOUT_FILENO).columns;
    if (invocation->operand_count == 0) {
        help_overview(&out, columns);
        return print_product(&out);
    }
    struct err err = ERR_INIT;
    const struct command *command = NULL;
    if (command_require(invocation->operands[0], &command, &err) < 0) {
        return print_err(&err);
    }
    help_command(&out, command, columns);
    return print_product(&out);
}

const struct command command_help = {
    .name = "help",
    .summary = "tell about all commands, or all about one",
    .operands = "[COMMAND]",
    .most = 1,
    .word = WORD_COMMAND,
    .run = help_run,
};
