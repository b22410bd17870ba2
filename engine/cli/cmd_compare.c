#include "cli/commands.h"
#include "cli/reporting.h"
#include "cli/terminal.h"

struct compare_options {
    int format;
};

static int compare_run(const struct invocation *invocation) {
    const struct compare_options *options = invocation->options;
    const struct report_format *format = report_formats[options->format ? options->format - 1 : 0];
    struct buf out = BUF_INIT(PRODUCT_MAX);
    struct report reports[2];
    int status = reporting_open(invocation, reports);
    if (reports[0].model.run && reports[1].model.run) {
        format->compare(&out, &reports[0], &reports[1]);
        const int printed = print_product(&out);
        status = status ? status : printed;
    }
    report_release(&reports[0]);
    report_release(&reports[1]);
    return status;
}

static const struct option compare_options[] = {
    {.name = "format",
     .letter = 'f',
     .kind = OPTION_CHOICE,
     .offset = offsetof(struct compare_options, format),
     .argument = "FORMAT",
     .choices = reporting_pair_formats,
     .doc = "what to write it as; text if unsaid"},
    {0},
};

const struct command command_compare = {
    .name = "compare",
    .summary = "show two runs side by side: results, objectives, steps and durations",
    .operands = "RUN RUN",
    .about = "The earlier run first. Steps are held against each other by phase and path, whatever "
             "their runbooks look like: one that only the later run has is `new`, one that only "
             "the earlier has is `gone`. RUN is an id as `runs` lists them, a unique beginning of "
             "one, the path of a run's folder, or `last`.\n\n"
             "A transcript that is damaged is told up to the damage, and the exit status is 7; "
             "`replay` says where a run would part from today's runbook.",
    .least = 2,
    .most = 2,
    .word = WORD_RUN,
    .options = compare_options,
    .size = sizeof(struct compare_options),
    .examples =
        (const struct example[]){
            {"compare dr-drill-20260101T020000Z last", "The newest run and an earlier one."},
            {"compare spring summer --format md > drills.md", "For a ticket."},
            {0}},
    .run = compare_run,
};
