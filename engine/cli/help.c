#include "cli/help.h"

#include <ctype.h>

#include "base/mem.h"
#include "base/text.h"

static const struct example exit_statuses[] = {
    {"0", "succeeded"},
    {"1", "failed; what was done has been rolled back, or `on_failure: stop` said to leave it"},
    {"2", "the command line or the runbook is wrong; nothing ran"},
    {"3", "a rollback failed: hands are needed"},
    {"4", "a gate was rejected or expired"},
    {"5", "interrupted"},
    {"6", "a step is in doubt: whether its effect happened is not known"},
    {"7", "the transcript could not be written or does not verify"},
    {"8", "another run holds the lock"},
    {0},
};

static const struct example environment[] = {
    {"RUNBOOK_HOME", "where runs are kept; else $XDG_STATE_HOME/runbook, else "
                     "~/.local/state/runbook"},
    {"RUNBOOK_MODULES", "folder of the engine's modules, where they are not beside it"},
    {"NO_COLOR", "set and not empty: no colour"},
    {0},
};

#define HELP_COLUMNS 80
#define HELP_COLUMNS_MOST 100

static size_t page_width(size_t columns) {
    if (columns == 0) {
        return HELP_COLUMNS;
    }
    return columns > HELP_COLUMNS_MOST ? HELP_COLUMNS_MOST : columns;
}

static void pad(struct buf *out, size_t count) {
    for (size_t i = 0; i < count; i++) {
        buf_putc(out, ' ');
    }
}

/* Fills words into lines that begin at `indent`; the cursor stands at `column`. An empty line in
 * the text stays one. */
static void wrap(struct buf *out, const char *text, size_t indent, size_t column, size_t width) {
    bool first = true;
    while (*text) {
        const size_t length = strcspn(text, " \n");
        const size_t columns = text_width(text, length);
        if (length > 0) {
            if (!first && column + 1 + columns > width) {
                buf_putc(out, '\n');
                pad(out, indent);
                column = indent;
            } else if (!first) {
                buf_putc(out, ' ');
                column++;
            }
            buf_append(out, text, length);
            column += columns;
            first = false;
        }
        text += length;
        if (text[0] == '\n' && text[1] == '\n') {
            buf_puts(out, "\n\n");
            pad(out, indent);
            column = indent;
            first = true;
            text++;
        }
        text += *text != '\0';
    }
    buf_putc(out, '\n');
}

/* A term and what it means, in two columns where the page is wide enough. */
static void entry(struct buf *out, const char *term, const char *doc, size_t at, size_t width) {
    const size_t term_width = 2 + text_width(term, strlen(term));
    buf_printf(out, "  %s", term);
    if (width < 50) {
        buf_puts(out, "\n      ");
        wrap(out, doc, 6, 6, width);
        return;
    }
    if (term_width + 2 > at) {
        buf_putc(out, '\n');
        pad(out, at);
    } else {
        pad(out, at - term_width);
    }
    wrap(out, doc, at, at, width);
}

static char *option_term(const struct option *option) {
    AUTO_TEXT letter = option->letter ? mem_printf("-%c, ", option->letter) : mem_strdup("    ");
    return option->argument ? mem_printf("%s--%s %s", letter, option->name, option->argument)
                            : mem_printf("%s--%s", letter, option->name);
}

static char *option_doc(const struct option *option) {
    struct buf out = BUF_INIT(16384);
    buf_puts(&out, option->doc);
    for (size_t i = 0; option->kind == OPTION_CHOICE && option->choices[i]; i++) {
        buf_printf(&out, "%s%s", i == 0 ? " (" : ", ", option->choices[i]);
    }
    if (option->kind == OPTION_CHOICE) {
        buf_putc(&out, ')');
    }
    if (option->kind == OPTION_LIST) {
        buf_puts(&out, "; may be given again");
    }
    return buf_detach(&out);
}

static void usage_line(struct buf *out, const struct command *command) {
    buf_printf(out, "runbook %s", command->name);
    if (command->options) {
        buf_puts(out, " [OPTION...]");
    }
    if (command->operands) {
        buf_printf(out, " %s", command->operands);
    }
}

/* Summaries stand in lists without capital and full stop. */
static char *sentence(const char *summary) {
    char *text = mem_printf("%s.", summary);
    text[0] = (char)toupper((unsigned char)text[0]);
    return text;
}

void help_command(struct buf *out, const struct command *command, size_t columns) {
    const size_t width = page_width(columns);
    buf_puts(out, "Usage: ");
    usage_line(out, command);
    buf_puts(out, "\n\n");
    AUTO_TEXT summary = sentence(command->summary);
    wrap(out, summary, 0, 0, width);
    if (command->about) {
        buf_putc(out, '\n');
        wrap(out, command->about, 0, 0, width);
    }
    buf_puts(out, "\nOptions:\n");
    for (const struct option *option = command->options; option && option->kind; option++) {
        AUTO_TEXT term = option_term(option);
        AUTO_TEXT doc = option_doc(option);
        entry(out, term, doc, 30, width);
    }
    entry(out, "-h, --help", "show this", 30, width);
    if (command->examples) {
        buf_puts(out, "\nExamples:\n");
    }
    for (const struct example *example = command->examples; example && example->line; example++) {
        buf_printf(out, "  runbook %s\n      ", example->line);
        wrap(out, example->doc, 6, 6, width);
    }
}

void help_overview(struct buf *out, size_t columns) {
    const size_t width = page_width(columns);
    buf_puts(out, "Usage: runbook COMMAND [OPTION...] [OPERAND...]\n\n");
    wrap(out,
         "Runs operational procedures that are written as YAML: with gates, proofs, rollback, and "
         "a transcript of every act.",
         0, 0, width);
    buf_puts(out, "\nCommands:\n");
    for (const struct command *const *command = commands; *command; command++) {
        entry(out, (*command)->name, (*command)->summary, 16, width);
    }
    buf_puts(out, "\nExit status:\n");
    for (const struct example *status = exit_statuses; status->line; status++) {
        entry(out, status->line, status->doc, 16, width);
    }
    buf_puts(out, "\nEnvironment:\n");
    for (const struct example *variable = environment; variable->line; variable++) {
        entry(out, variable->line, variable->doc, 20, width);
    }
    buf_putc(out, '\n');
    wrap(out, "`runbook help COMMAND` or `runbook COMMAND --help` tells all about one.", 0, 0,
         width);
}

/* ---- the man page ------------------------------------------------------------------------- */

/* In roff a backslash, a hyphen that must stay one, and a dot or quote that begins a line mean
 * something else. */
static void roff(struct buf *out, const char *text) {
    bool line_begins = true;
    for (; *text; text++) {
        if (line_begins && (*text == '.' || *text == '\'')) {
            buf_puts(out, "\\&");
        }
        line_begins = *text == '\n';
        if (*text == '\\') {
            buf_puts(out, "\\e");
        } else if (*text == '-') {
            buf_puts(out, "\\-");
        } else if (*text == '\n' && text[1] == '\n') {
            buf_puts(out, "\n.PP\n");
            text++;
        } else {
            buf_putc(out, *text);
        }
    }
}

static void roff_entry(struct buf *out, const char *term, const char *doc) {
    buf_puts(out, ".TP\n.B ");
    roff(out, term);
    buf_putc(out, '\n');
    roff(out, doc);
    buf_putc(out, '\n');
}

static void roff_command(struct buf *out, const struct command *command) {
    buf_puts(out, ".SS ");
    struct buf line = BUF_INIT(4096);
    usage_line(&line, command);
    roff(out, buf_text(&line));
    buf_release(&line);
    buf_putc(out, '\n');
    AUTO_TEXT summary = sentence(command->summary);
    roff(out, summary);
    buf_putc(out, '\n');
    if (command->about) {
        buf_puts(out, ".PP\n");
        roff(out, command->about);
        buf_putc(out, '\n');
    }
    for (const struct option *option = command->options; option && option->kind; option++) {
        AUTO_TEXT term = option_term(option);
        AUTO_TEXT doc = option_doc(option);
        roff_entry(out, option->letter ? term : term + 4, doc);
    }
    for (const struct example *example = command->examples; example && example->line; example++) {
        buf_puts(out, ".PP\nExample: ");
        roff(out, example->doc);
        buf_puts(out, "\n.PP\n.nf\n.RS\nrunbook ");
        roff(out, example->line);
        buf_puts(out, "\n.RE\n.fi\n");
    }
}

void help_man(struct buf *out) {
    buf_puts(out, ".TH RUNBOOK 1 \"\" \"runbook " RUNBOOK_VERSION "\" \"User Commands\"\n"
                  ".SH NAME\nrunbook \\- run operational procedures with gates, rollback and a "
                  "transcript\n.SH SYNOPSIS\n.B runbook\n.I COMMAND\n[\\fIOPTION\\fR...] "
                  "[\\fIOPERAND\\fR...]\n.SH DESCRIPTION\n"
                  "Runs operational procedures that are written as YAML: with gates, proofs, "
                  "rollback, and a transcript of every act.\n.SH COMMANDS\n");
    for (const struct command *const *command = commands; *command; command++) {
        roff_command(out, *command);
    }
    buf_puts(out, ".SH EXIT STATUS\n");
    for (const struct example *status = exit_statuses; status->line; status++) {
        roff_entry(out, status->line, status->doc);
    }
    buf_puts(out, ".SH ENVIRONMENT\n");
    for (const struct example *variable = environment; variable->line; variable++) {
        roff_entry(out, variable->line, variable->doc);
    }
}
