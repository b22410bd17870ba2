#include "base/text.h"
#include "cli/commands.h"
#include "cli/help.h"
#include "cli/terminal.h"

static const char *const shells[] = {"bash", "zsh", NULL};

static int completion_run(const struct invocation *invocation) {
    const char *shell = invocation->operands[0];
    struct buf out = BUF_INIT(PRODUCT_MAX);
    if (text_equal(shell, "bash")) {
        completion_bash(&out);
    } else if (text_equal(shell, "zsh")) {
        completion_zsh(&out);
    } else {
        struct err err = ERR_INIT;
        err_set(&err, ERR_INVALID, "there is no completion for `%s`", shell);
        err_hint(&err, "there is one for bash and one for zsh");
        return print_err(&err);
    }
    return print_product(&out);
}

const struct command command_completion = {
    .name = "completion",
    .summary = "print the completion script of a shell",
    .operands = "bash|zsh",
    .least = 1,
    .most = 1,
    .word = WORD_CHOICE,
    .choices = shells,
    .examples = (const struct example[]){{"completion bash > ~/.local/share/bash-completion/"
                                          "completions/runbook",
                                          "Complete commands, options, files and runs in bash."},
                                         {0}},
    .run = completion_run,
};
