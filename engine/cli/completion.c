/* Completion scripts. What they offer is fixed when they are made, but for run ids and files,
 * which the shell itself looks up: completing a word never starts the engine. */
#include "cli/help.h"

#include "base/mem.h"
#include "base/text.h"

#define RUNS_FOLDER "${RUNBOOK_HOME:-${XDG_STATE_HOME:-$HOME/.local/state}/runbook}/runs"

static void put_choices(struct buf *out, const char *const *choices) {
    for (size_t i = 0; choices && choices[i]; i++) {
        buf_printf(out, "%s%s", i == 0 ? "" : " ", choices[i]);
    }
}

static void put_commands(struct buf *out) {
    for (size_t i = 0; commands[i]; i++) {
        buf_printf(out, "%s%s", i == 0 ? "" : " ", commands[i]->name);
    }
}

/* ---- bash --------------------------------------------------------------------------------- */

static void bash_word(struct buf *out, enum word_kind word, const char *const *choices) {
    switch (word) {
    case WORD_ANY:
        buf_puts(out, ":");
        return;
    case WORD_FILE:
        buf_puts(out, "compopt -o filenames; COMPREPLY=($(compgen -f -- \"$cur\"))");
        return;
    case WORD_RUN:
        buf_puts(out, "COMPREPLY=($(compgen -W \"last $(ls \"" RUNS_FOLDER
                      "\" 2>/dev/null)\" -- \"$cur\"))");
        return;
    case WORD_COMMAND:
        buf_puts(out, "COMPREPLY=($(compgen -W \"$commands\" -- \"$cur\"))");
        return;
    case WORD_CHOICE:
        buf_puts(out, "COMPREPLY=($(compgen -W \"");
        put_choices(out, choices);
        buf_puts(out, "\" -- \"$cur\"))");
        return;
    }
    abort();
}

static void bash_values(struct buf *out, const struct command *command) {
    buf_puts(out, "        case \"$prev\" in\n");
    for (const struct option *option = command->options; option && option->kind; option++) {
        if (option->kind == OPTION_FLAG) {
            continue;
        }
        buf_printf(out, "        --%s", option->name);
        if (option->letter) {
            buf_printf(out, "|-%c", option->letter);
        }
        buf_puts(out, ") ");
        bash_word(out, option->kind == OPTION_CHOICE ? WORD_CHOICE : option->word, option->choices);
        buf_puts(out, "; return;;\n");
    }
    buf_puts(out, "        esac\n");
}

static void bash_command(struct buf *out, const struct command *command) {
    buf_printf(out, "    %s)\n", command->name);
    bash_values(out, command);
    buf_puts(out, "        if [[ $cur == -* ]]; then\n"
                  "            COMPREPLY=($(compgen -W \"--help");
    for (const struct option *option = command->options; option && option->kind; option++) {
        buf_printf(out, " --%s", option->name);
    }
    buf_puts(out, "\" -- \"$cur\")); return\n        fi\n        ");
    bash_word(out, command->word, command->choices);
    buf_puts(out, ";;\n");
}

void completion_bash(struct buf *out) {
    buf_puts(out, "# bash completion for runbook; made by `runbook completion bash`\n"
                  "_runbook() {\n"
                  "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
                  "    local before=${COMP_WORDS[COMP_CWORD-2]:-}\n"
                  "    COMPREPLY=()\n"
                  "    if [[ $cur == '=' ]]; then cur=; elif [[ $prev == '=' ]]; then "
                  "prev=$before; fi\n"
                  "    local commands=\"");
    put_commands(out);
    buf_puts(out, "\"\n    if (( COMP_CWORD == 1 )); then\n"
                  "        COMPREPLY=($(compgen -W \"$commands --help --version\" -- \"$cur\")); "
                  "return\n    fi\n    case \"${COMP_WORDS[1]}\" in\n");
    for (size_t i = 0; commands[i]; i++) {
        bash_command(out, commands[i]);
    }
    buf_puts(out, "    esac\n}\ncomplete -F _runbook runbook\n");
}

/* ---- zsh ---------------------------------------------------------------------------------- */

/* Text inside '…[…]' and '…:…' of _arguments: brackets, colons and quotes are its syntax. */
static void zsh_text(struct buf *out, const char *text) {
    for (; *text; text++) {
        if (*text == '\'') {
            buf_puts(out, "'\\''");
        } else {
            if (strchr("[]:\\", *text)) {
                buf_putc(out, '\\');
            }
            buf_putc(out, *text);
        }
    }
}

static void zsh_word(struct buf *out, enum word_kind word, const char *const *choices) {
    switch (word) {
    case WORD_ANY:
        return;
    case WORD_FILE:
        buf_puts(out, "_files");
        return;
    case WORD_RUN:
        buf_puts(out, "_runbook_runs");
        return;
    case WORD_COMMAND:
        buf_puts(out, "(");
        put_commands(out);
        buf_puts(out, ")");
        return;
    case WORD_CHOICE:
        buf_puts(out, "(");
        put_choices(out, choices);
        buf_puts(out, ")");
        return;
    }
    abort();
}

static void zsh_option(struct buf *out, const struct option *option) {
    buf_printf(out, " \\\n            '%s--%s%s[", option->kind == OPTION_LIST ? "*" : "",
               option->name, option->kind == OPTION_FLAG ? "" : "=");
    zsh_text(out, option->doc);
    buf_puts(out, "]");
    if (option->kind != OPTION_FLAG) {
        buf_puts(out, ":");
        zsh_text(out, option->argument);
        buf_puts(out, ":");
        zsh_word(out, option->kind == OPTION_CHOICE ? WORD_CHOICE : option->word, option->choices);
    }
    buf_puts(out, "'");
}

static void zsh_command(struct buf *out, const struct command *command) {
    buf_printf(out, "    %s)\n        _arguments '--help[show help]'", command->name);
    for (const struct option *option = command->options; option && option->kind; option++) {
        zsh_option(out, option);
    }
    if (command->operands) {
        buf_printf(out, " \\\n            '%s", command->most > 1 ? "*:" : "1:");
        zsh_text(out, command->operands);
        buf_puts(out, ":");
        zsh_word(out, command->word, command->choices);
        buf_puts(out, "'");
    }
    buf_puts(out, ";;\n");
}

void completion_zsh(struct buf *out) {
    buf_puts(out, "#compdef runbook\n# zsh completion for runbook; made by `runbook completion "
                  "zsh`\n\n_runbook_runs() {\n    local -a runs\n    runs=(last " RUNS_FOLDER
                  "/*(N:t))\n    compadd -a runs\n}\n\n_runbook() {\n    local -a commands\n"
                  "    commands=(\n");
    for (size_t i = 0; commands[i]; i++) {
        buf_printf(out, "        '%s:", commands[i]->name);
        zsh_text(out, commands[i]->summary);
        buf_puts(out, "'\n");
    }
    buf_puts(out, "    )\n    if (( CURRENT == 2 )); then\n        _describe command commands\n"
                  "        return\n    fi\n    local command=$words[2]\n    shift words\n"
                  "    (( CURRENT-- ))\n    case $command in\n");
    for (size_t i = 0; commands[i]; i++) {
        zsh_command(out, commands[i]);
    }
    buf_puts(out, "    esac\n}\n\n_runbook \"$@\"\n");
}
