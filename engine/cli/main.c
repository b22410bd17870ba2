/* The command line: finds the command, parses its options, runs it. */
#include <unistd.h>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/help.h"
#include "cli/terminal.h"
#include "run/run.h"

static int print_version(void) {
    struct buf out = BUF_INIT(PRODUCT_MAX);
    buf_puts(&out, "runbook " RUNBOOK_VERSION "\n");
    return print_product(&out);
}

static int print_overview(void) {
    struct buf out = BUF_INIT(PRODUCT_MAX);
    help_overview(&out, terminal_style(STDOUT_FILENO).columns);
    return print_product(&out);
}

static int print_help(const struct command *command) {
    struct buf out = BUF_INIT(PRODUCT_MAX);
    help_command(&out, command, terminal_style(STDOUT_FILENO).columns);
    return print_product(&out);
}

static int run_command(const char *name, size_t argc, char *const *argv) {
    struct err err = ERR_INIT;
    const struct command *command = NULL;
    struct invocation invocation = {0};
    if (command_require(name, &command, &err) < 0 ||
        invocation_parse(command, argc, argv, &invocation, &err) < 0) {
        return print_err(&err);
    }
    const int status = invocation.help ? print_help(command) : command->run(&invocation);
    invocation_release(&invocation);
    return status;
}

int main(int argc, char **argv) {
    terminal_setup();
    const char *first = argc > 1 ? argv[1] : NULL;
    if (text_equal(first, "--version") || text_equal(first, "-V")) {
        return print_version();
    }
    if (text_equal(first, "--help") || text_equal(first, "-h")) {
        return print_overview();
    }
    struct err err = ERR_INIT;
    if (!first) {
        err_set(&err, ERR_INVALID, "a command is missing");
        err_hint(&err, "`runbook help` lists the commands");
        return print_err(&err);
    }
    if (first[0] == '-') {
        err_set(&err, ERR_INVALID, "`runbook` has no option `%s`", first);
        err_hint(&err, "options stand behind the command: `runbook exec --json FILE`");
        return print_err(&err);
    }
    return run_command(first, (size_t)argc - 2, argv + 2);
}
