#include "cli/commands.h"
#include "cli/reporting.h"
#include "cli/terminal.h"

struct report_options {
    int format;
};

static int report_run(const struct invocation *invocation) {
    const struct report_options *options = invocation->options;
    const struct report_format *format = report_formats[options->format ? options->format - 1 : 0];
    struct buf out = BUF_INIT(PRODUCT_MAX);
    struct report report;
    int status = reporting_open(invocation, &report);
    if (report.model.run) {
        format->write(&out, &report);
        const int printed = print_product(&out);
        status = status ? status : printed;
    }
    report_release(&report);
    return status;
}

static const struct option report_options[] = {
    {.name = "format",
     .letter = 'f',
     .kind = OPTION_CHOICE,
     .offset = offsetof(struct report_options, format),
     .argument = "FORMAT",
     .choices = reporting_formats,
     .doc = "what to write it as; text if unsaid"},
    {0},
};

const struct command command_report = {
    .name = "report",
    .summary = "write a report of a run for people or programs that were not there",
    .operands = "RUN",
    .about =
        "Result, objectives, what happened when, each step with its duration, who answered what, "
        "failures with what was run and what it printed last, values, what is left to do by hand, "
        "and what the transcript proves. RUN is an id as `runs` lists them, a unique beginning of "
        "one, the path of a run's folder, or `last`.\n\n"
        "`md` is for a ticket or a repository; `html` is one page that looks at nothing outside; "
        "`junit` makes each step and each objective a test case, for CI; `json` has all of it, for "
        "programs. Times are UTC. Nothing of what commands printed can become markup.\n\n"
        "A transcript that is damaged is told up to the damage, and the exit status is 7.",
    .least = 1,
    .most = 1,
    .word = WORD_RUN,
    .options = report_options,
    .size = sizeof(struct report_options),
    .examples =
        (const struct example[]){{"report last", "The newest run."},
                                 {"report last --format html > drill.html", "For the auditor."},
                                 {"report last --format junit > junit.xml", "For CI."},
                                 {0}},
    .run = report_run,
};
