/* Units of systemd: its quoting, and what its manager must know of a run. */
#include "base/text.h"
#include "cli/schedule.h"

/* ---- quoting: systemd.syntax(7), systemd.service(5) ------------------------------------------ */

#define PLAIN "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._-+=:,@"

/* `dollar` stands for a `$`: one in a program's path and in Environment=, two in arguments. */
static void word_put(struct buf *out, const char *prefix, const char *word, const char *dollar) {
    const bool is_plain = *word && !word[strspn(word, PLAIN)];
    buf_puts(out, is_plain ? "" : "\"");
    buf_puts(out, prefix);
    for (const char *c = word; *c; c++) {
        if (*c == '%')
            buf_puts(out, "%%");
        else if (*c == '$')
            buf_puts(out, dollar);
        else if (*c == '"' || *c == '\\')
            buf_printf(out, "\\%c", *c);
        else
            buf_putc(out, *c);
    }
    buf_puts(out, is_plain ? "" : "\"");
}

/* The rest of a line: no quoting is known there, but specifiers are. */
static void rest_put(struct buf *out, const char *text) {
    for (const char *c = text; *c; c++)
        buf_puts(out, *c == '%' ? "%%" : (const char[]){*c, '\0'});
    /* At its end a backslash would draw the next line in; a space there is not read. */
    if (text_ends_with(text, "\\"))
        buf_putc(out, ' ');
    buf_putc(out, '\n');
}

static int text_check(const char *what, const char *text, struct err *err) {
    const size_t length = strlen(text);
    bool is_bad = !text_is_utf8(text, length);
    for (const char *c = text; *c; c++)
        is_bad |= (unsigned char)*c < 0x20 || *c == 0x7f;
    if (!is_bad)
        return 0;
    AUTO_BUF shown = BUF_INIT(1 << 20);
    text_escape(&shown, text, length, false);
    return err_set(err, ERR_INVALID,
                   "%s `%s` cannot stand in a unit: it has control characters or is not UTF-8",
                   what, buf_text(&shown));
}

int units_check(const struct schedule *schedule, struct err *err) {
    const char *folder = schedule->folder;
    if (text_check("the program", schedule->program, err) < 0 ||
        text_check("the folder", folder, err) < 0 ||
        text_check("the store of runs", schedule->store, err) < 0 ||
        (schedule->config && text_check("the configuration", schedule->config, err) < 0))
        return -1;
    for (size_t i = 0; i < schedule->words.count; i++)
        if (text_check("the argument", schedule->words.items[i], err) < 0)
            return -1;
    if (text_ends_with(folder, " ") || text_ends_with(folder, "\\"))
        return err_set(err, ERR_INVALID,
                       "the folder `%s` cannot stand in a unit: systemd would not read how it ends",
                       folder);
    return 0;
}

/* ---- the service ----------------------------------------------------------------------------- */

static void made_put(struct buf *out, const struct schedule *schedule) {
    AUTO_BUF shown = BUF_INIT(1 << 20);
    text_escape(&shown, schedule->file, strlen(schedule->file), false);
    buf_printf(out, "# Made by `runbook schedule` from %s, which says when.\n", buf_text(&shown));
}

static void description_put(struct buf *out, const char *before, const struct schedule *schedule) {
    AUTO_TEXT title = schedule_title(schedule);
    buf_printf(out, "Description=%s", before);
    rest_put(out, title);
}

static void environment_put(struct buf *out, const struct schedule *schedule) {
    AUTO_TEXT variables = schedule_variables(schedule);
    buf_puts(out, "Environment=");
    word_put(out, "RUNBOOK_HOME=", schedule->store, "$");
    if (schedule->config) {
        buf_putc(out, ' ');
        word_put(out, "RUNBOOK_CONFIG=", schedule->config, "$");
    }
    buf_putc(out, '\n');
    if (schedule->variables.count == 0)
        return;
    buf_printf(out,
               "# The run needs %s in its environment: as NAME=value lines in a file\n"
               "# that only its owner can read (chmod 600).\n"
               "EnvironmentFile=-%%E/runbook/%s.env\n",
               variables, schedule->runbook->name);
}

static void command_put(struct buf *out, const struct schedule *schedule) {
    buf_puts(out, "ExecStart=");
    word_put(out, "", schedule->program, "$");
    for (size_t i = 0; i < schedule->words.count; i++) {
        buf_putc(out, ' ');
        word_put(out, "", schedule->words.items[i], "$$");
    }
    buf_putc(out, '\n');
}

static void stop_put(struct buf *out, const struct schedule *schedule) {
    buf_puts(out,
             "# To stop it is to interrupt it: what runs is ended, and what was done is rolled "
             "back.\n"
             "KillMode=mixed\n");
    if (schedule->stop_ms > 0)
        buf_printf(out, "TimeoutStopSec=%llds\n", (long long)(schedule->stop_ms + 999) / 1000);
    else
        buf_puts(out, "# A rollback, or `finally`, is not cut off: its steps have limits of their "
                      "own.\n"
                      "TimeoutStopSec=infinity\n");
    buf_puts(out, "# 5 is a run that somebody stopped. 8, another run held the lock, stays a "
                  "failure: this\n"
                  "# one did not take place.\n"
                  "SuccessExitStatus=5\n");
}

void unit_service(struct buf *out, const struct schedule *schedule, bool is_users) {
    made_put(out, schedule);
    buf_puts(out, "[Unit]\n");
    description_put(out, "", schedule);
    if (!is_users)
        buf_puts(out, "Wants=network-online.target\nAfter=network-online.target\n");
    buf_puts(out, "\n[Service]\nType=oneshot\n");
    if (!is_users)
        buf_printf(out, "User=%s\n", schedule->user);
    buf_puts(out, "WorkingDirectory=");
    rest_put(out, schedule->folder);
    environment_put(out, schedule);
    command_put(out, schedule);
    stop_put(out, schedule);
}

/* ---- the timer ------------------------------------------------------------------------------- */

void unit_timer(struct buf *out, const struct schedule *schedule) {
    made_put(out, schedule);
    buf_puts(out, "[Unit]\n");
    description_put(out, "Schedule: ", schedule);
    buf_printf(out,
               "\n[Timer]\nOnCalendar=%s\n"
               "# What the machine slept through is run once, as soon as it is up.\n"
               "Persistent=true\n"
               "AccuracySec=1s\nRandomizedDelaySec=0\n"
               "\n[Install]\nWantedBy=timers.target\n",
               schedule->runbook->schedule);
}
