/* A line of a crontab. Cron has five fields: minute, hour, day of the month, month, weekday. Where
 * both days are restricted, either is enough for it, so that the weekday is asked by the command
 * itself then. */
#include "base/text.h"
#include "cli/schedule.h"
#include "cli/terminal.h"

#define LINE_MAX_BYTES ((size_t)998) /* more of a command cron does not read */

/* ---- fields ---------------------------------------------------------------------------------- */

static bool set_has(uint64_t set, int member) {
    return (set >> member & 1) != 0;
}

/* The step of a set that counts from its least member to its end in equal steps, or 0. */
static int set_step(uint64_t set, int first, int last) {
    int step = 0, previous = first;
    for (int i = first + 1; i <= last; i++) {
        if (!set_has(set, i))
            continue;
        if (step == 0)
            step = i - previous;
        if (i - previous != step)
            return 0;
        previous = i;
    }
    return step;
}

static void runs_put(struct buf *out, uint64_t set, int most) {
    const char *comma = "";
    for (int i = 0; i <= most; i++) {
        int last = i;
        if (!set_has(set, i))
            continue;
        while (last < most && set_has(set, last + 1))
            last++;
        buf_printf(out, last > i + 1 ? "%s%d-%d" : last > i ? "%s%d,%d" : "%s%d", comma, i, last);
        i = last;
        comma = ",";
    }
}

static void field_put(struct buf *out, uint64_t set, int least, int most) {
    int first = least, last = most, members = 0;
    while (!set_has(set, first))
        first++;
    while (!set_has(set, last))
        last--;
    for (int i = first; i <= last; i++)
        members += set_has(set, i);
    const int step = set_step(set, first, last);
    if (members == most - least + 1)
        buf_putc(out, '*');
    else if (step > 1 && members > 2)
        buf_printf(out, "%d-%d/%d", first, last, step);
    else
        runs_put(out, set, most);
    buf_putc(out, ' ');
}

/* Cron's Monday is 1, too. */
static uint64_t weekday_set(const struct calendar *calendar) {
    return (uint64_t)calendar->weekdays << 1;
}

static bool needs_guard(const struct calendar *calendar) {
    return calendar->weekdays != CALENDAR_WEEK && !calendar->is_any_day;
}

static void when_put(struct buf *out, const struct calendar *calendar) {
    field_put(out, calendar->minutes, 0, 59);
    field_put(out, calendar->hours, 0, 23);
    if (calendar->is_any_day)
        buf_puts(out, "* ");
    else
        field_put(out, calendar->days, 1, 31);
    field_put(out, calendar->months, 1, 12);
    if (calendar->weekdays == CALENDAR_WEEK || needs_guard(calendar))
        buf_puts(out, "* ");
    else
        field_put(out, weekday_set(calendar), 1, 7);
}

/* ---- the command ----------------------------------------------------------------------------- */

/* A `%` would be a newline. */
static void word_put(struct buf *out, const char *word) {
    AUTO_BUF quoted = BUF_INIT(1 << 20);
    text_shell_quote(&quoted, word);
    for (const char *c = buf_text(&quoted); *c; c++)
        buf_puts(out, *c == '%' ? "\\%" : (const char[]){*c, '\0'});
}

static void command_put(struct buf *out, const struct schedule *schedule) {
    buf_puts(out, "cd ");
    word_put(out, schedule->folder);
    buf_puts(out, " && RUNBOOK_HOME=");
    word_put(out, schedule->store);
    if (schedule->config) {
        buf_puts(out, " RUNBOOK_CONFIG=");
        word_put(out, schedule->config);
    }
    buf_putc(out, ' ');
    word_put(out, schedule->program);
    for (size_t i = 0; i < schedule->words.count; i++) {
        buf_putc(out, ' ');
        word_put(out, schedule->words.items[i]);
        if (i == 0)
            buf_puts(out, " --quiet");
    }
}

static void guarded_put(struct buf *out, const struct schedule *schedule) {
    const uint64_t days = weekday_set(&schedule->calendar);
    const char *bar = "";
    if (!needs_guard(&schedule->calendar)) {
        command_put(out, schedule);
        return;
    }
    buf_puts(out, "case $(date +\\%u) in ");
    for (int i = 1; i <= 7; i++)
        if (set_has(days, i)) {
            buf_printf(out, "%s%d", bar, i);
            bar = "|";
        }
    buf_puts(out, ") ");
    command_put(out, schedule);
    buf_puts(out, " ;; esac");
}

/* ---- the whole ------------------------------------------------------------------------------- */

static const char *lacking(const struct calendar *calendar) {
    if (calendar->zone)
        return "it knows no time zone but the machine's own";
    if (!calendar->is_on_the_minute)
        return "it knows no seconds";
    if (!calendar->is_any_year)
        return "it knows no years";
    return calendar->is_from_end ? "it does not count days from the end of a month" : NULL;
}

/* Crons differ in what becomes of a backslash in front of another and of a `%`. */
static int text_check(const char *text, struct err *err) {
    if (!strchr(text, '\n') && !strstr(text, "\\\\") && !strstr(text, "\\%"))
        return 0;
    AUTO_BUF shown = BUF_INIT(1 << 20);
    text_escape(&shown, text, strlen(text), false);
    return err_set(err, ERR_INVALID, "`%s` cannot stand in a line of cron", buf_text(&shown));
}

static int crontab_check(const struct schedule *schedule, struct err *err) {
    const char *lacks = lacking(&schedule->calendar);
    if (lacks) {
        err_set(err, ERR_INVALID, "cron cannot say `%s`: %s", schedule->runbook->schedule, lacks);
        return err_hint(err, "--systemd makes a timer, which can");
    }
    if (text_check(schedule->program, err) < 0 || text_check(schedule->folder, err) < 0 ||
        text_check(schedule->store, err) < 0 ||
        (schedule->config && text_check(schedule->config, err) < 0))
        return -1;
    for (size_t i = 0; i < schedule->words.count; i++)
        if (text_check(schedule->words.items[i], err) < 0)
            return -1;
    return 0;
}

int crontab_put(struct buf *out, const struct schedule *schedule, struct err *err) {
    if (crontab_check(schedule, err) < 0)
        return -1;
    AUTO_TEXT title = schedule_title(schedule);
    AUTO_TEXT variables = schedule_variables(schedule);
    AUTO_BUF command = BUF_INIT(PRODUCT_MAX);
    guarded_put(&command, schedule);
    if (command.length > LINE_MAX_BYTES)
        return err_set(err, ERR_INVALID,
                       "the command has %zu characters, and cron takes %zu: give parameters by "
                       "--params, or use --systemd",
                       command.length, LINE_MAX_BYTES);
    buf_printf(out, "# %s\n", title);
    if (schedule->variables.count > 0)
        buf_printf(out,
                   "# The run needs %s in its environment: as NAME=value lines above, or\n"
                   "# better, since a crontab is not kept secret, as `file:` in `secrets`.\n",
                   variables);
    when_put(out, &schedule->calendar);
    buf_printf(out, "%s\n", buf_text(&command));
    return 0;
}
