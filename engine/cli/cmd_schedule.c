#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/choices.h"
#include "cli/commands.h"
#include "cli/schedule.h"
#include "cli/terminal.h"

struct schedule_flags {
    struct choices choices;
    const char *output;
    bool systemd, cron, user, yes;
};

/* ---- where it goes --------------------------------------------------------------------------- */

/* Into the folder, or with its name above it to standard output. */
static int part_write(struct buf *out, const struct schedule_flags *flags, const char *name,
                      const char *suffix, const struct buf *part, struct err *err) {
    if (!flags->output) {
        buf_printf(out, "# %s%s\n%s", name, suffix, buf_text(part));
        return 0;
    }
    AUTO_TEXT path = mem_printf("%s/%s%s", flags->output, name, suffix);
    if (file_write_atomic(path, buf_text(part), part->length, 0644, err) < 0)
        return -1;
    text_escape(out, path, strlen(path), false);
    buf_puts(out, " is written\n");
    return 0;
}

static int units_write(struct buf *out, const struct schedule_flags *flags,
                       const struct schedule *schedule, struct err *err) {
    AUTO_TEXT name = schedule_name(schedule);
    AUTO_BUF service = BUF_INIT(PRODUCT_MAX);
    AUTO_BUF timer = BUF_INIT(PRODUCT_MAX);
    if (units_check(schedule, err) < 0)
        return -1;
    unit_service(&service, schedule, flags->user);
    unit_timer(&timer, schedule);
    if (part_write(out, flags, name, ".service", &service, err) < 0)
        return -1;
    if (!flags->output)
        buf_putc(out, '\n');
    if (part_write(out, flags, name, ".timer", &timer, err) < 0)
        return -1;
    if (flags->output)
        buf_printf(out,
                   "From %s they are found: `systemctl%s daemon-reload`, then `systemctl%s enable "
                   "--now %s.timer`\n",
                   flags->user ? "~/.config/systemd/user" : "/etc/systemd/system",
                   flags->user ? " --user" : "", flags->user ? " --user" : "", name);
    return 0;
}

static int crontab_write(struct buf *out, const struct schedule_flags *flags,
                         const struct schedule *schedule, struct err *err) {
    AUTO_TEXT name = schedule_name(schedule);
    AUTO_BUF line = BUF_INIT(PRODUCT_MAX);
    if (crontab_put(&line, schedule, err) < 0)
        return -1;
    if (flags->output)
        return part_write(out, flags, name, ".crontab", &line, err);
    buf_puts(out, buf_text(&line));
    return 0;
}

/* ---- the command ----------------------------------------------------------------------------- */

static int flags_check(const struct schedule_flags *flags, struct err *err) {
    if (flags->systemd && flags->cron)
        return err_set(err, ERR_INVALID, "`--systemd` and `--cron` exclude each other");
    if (flags->user && flags->cron)
        return err_set(err, ERR_INVALID, "`--user` is for units of systemd");
    return 0;
}

static int schedule_write(const struct schedule_flags *flags, const struct schedule *schedule) {
    struct buf out = BUF_INIT(PRODUCT_MAX);
    AUTO_ERR err = ERR_INIT;
    if ((flags->cron ? crontab_write : units_write)(&out, flags, schedule, &err) < 0) {
        buf_release(&out);
        return print_err(&err);
    }
    return print_product(&out);
}

static void source_add(void *user, const struct runbook *file) {
    diag_source(user, file->path, file->bytes, file->length);
}

static int plan_schedule(const struct schedule_flags *flags, const struct plan *plan,
                         struct diag *diag) {
    struct schedule schedule;
    int status = 0;
    runbook_each_file(plan_runbook(plan), source_add, diag);
    if (schedule_init(&schedule, plan, &flags->choices, flags->yes, diag) < 0) {
        status = print_diag(diag);
    } else {
        if (diag_warnings(diag) > 0)
            (void)print_diag(diag);
        status = schedule_write(flags, &schedule);
    }
    schedule_release(&schedule);
    return status;
}

static int schedule_run(const struct invocation *invocation) {
    const struct schedule_flags *flags = invocation->options;
    AUTO_ERR err = ERR_INIT;
    if (flags_check(flags, &err) < 0)
        return print_err(&err);
    const struct plan_options planned = choices_plan(&flags->choices, invocation->operands[0]);
    struct diag *diag = diag_new();
    struct plan *plan = plan_new(&planned, diag);
    const int status = plan ? plan_schedule(flags, plan, diag) : print_diag(diag);
    plan_free(plan);
    diag_free(diag);
    return status;
}

#define AT(member) .offset = offsetof(struct schedule_flags, member)

static const struct option schedule_options[] = {
    {.name = "systemd",
     .kind = OPTION_FLAG,
     AT(systemd),
     .doc = "make a service and a timer, which is what happens if neither is said"},
    {.name = "cron", .kind = OPTION_FLAG, AT(cron), .doc = "make a line of a crontab"},
    {.name = "output",
     .letter = 'o',
     .kind = OPTION_TEXT,
     AT(output),
     .argument = "DIR",
     .word = WORD_FILE,
     .doc = "write the files into a folder instead of showing them"},
    {.name = "user",
     .kind = OPTION_FLAG,
     AT(user),
     .doc = "make units for the manager of a user (systemctl --user), and not of the system"},
    {.name = "yes",
     .letter = 'y',
     .kind = OPTION_FLAG,
     AT(yes),
     .doc = "have gates opened that name nobody"},
    CHOICES_OPTIONS(struct schedule_flags),
    {0},
};

const struct command command_schedule = {
    .name = "schedule",
    .summary = "make systemd units or a crontab line of a runbook's `schedule`",
    .operands = "FILE",
    .about =
        "The command in it is `runbook exec` with the parameters and the profile that are given "
        "here, in the folder that this is called in, with the store of runs that is in use here. "
        "Nothing is installed.\n\n"
        "Nobody is there when it runs: a runbook with a step that asks a person, such as a gate "
        "that names approvers, is refused. A run is not begun while another of the same runbook is "
        "under way (exit status 8), unless it says `overlap: allow`.\n\n"
        "To systemd a run that was stopped (exit status 5) is no failure. One that another run "
        "kept from beginning is: it did not take place.\n\n"
        "Cron knows no seconds, years, time zones and ends of months: what it cannot say is "
        "refused.",
    .least = 1,
    .most = 1,
    .word = WORD_FILE,
    .options = schedule_options,
    .size = sizeof(struct schedule_flags),
    .examples =
        (const struct example[]){{"schedule backup.yaml", "Show a service and its timer."},
                                 {"schedule backup.yaml --profile nightly -o /etc/systemd/system",
                                  "Put them where systemd finds them."},
                                 {"schedule backup.yaml --cron", "Show a line for a crontab."},
                                 {0}},
    .run = schedule_run,
};
