#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/progress.h"
#include "cli/run_view.h"
#include "cli/terminal.h"
#include "io/loop.h"
#include "io/loop_virtual.h"
#include "plan/drift.h"
#include "report/divergence.h"
#include "run/copies.h"
#include "run/replay.h"

enum speed { SPEED_1X = 1, SPEED_10X, SPEED_MAX };
static const char *const speeds[] = {"1x", "10x", "max", NULL};
static const int64_t factors[] = {[SPEED_1X] = 1, [SPEED_10X] = 10};

struct replay_flags {
    int speed; /* enum speed; 0: SPEED_MAX */
    bool json, verbose;
    const char *const *set;
    const char *const *fail, *const *timeout, *const *reject;
};

/* One replay from its beginning to what is printed of it. */
struct rehearsal {
    const struct replay_flags *flags;
    struct run_view view;
    struct past *past;
    struct copies *copies;
    struct plan *plan, *plan_then; /* the latter where a file is given */
    struct drift *drift;
    struct diag *diag;
    struct model then, now;
    value list;                /* of divergences */
    struct loop *pauses;       /* in real time */
    struct progress *progress; /* NULL: nobody watches */
    enum replay_end end;
};

/* ---- who watches ---------------------------------------------------------------------------- */

static void watch_write(void *user, const char *bytes, size_t length) {
    struct err err = ERR_INIT;
    (void)user;
    if (file_write_all(STDOUT_FILENO, bytes, length, &err) < 0)
        err_release(&err);
}

static void watch_size(void *user, size_t *ret_columns, size_t *ret_rows) {
    (void)user;
    terminal_size(STDOUT_FILENO, ret_columns, ret_rows);
}

static bool is_slow(const struct replay_flags *flags) {
    return flags->speed == SPEED_1X || flags->speed == SPEED_10X;
}

static int watch_begin(struct rehearsal *rehearsal, struct err *err) {
    const struct replay_flags *flags = rehearsal->flags;
    const struct objectives *objectives = plan_runbook(rehearsal->plan)->objectives;
    rehearsal->pauses = loop_new(err);
    if (!rehearsal->pauses)
        return -1;
    if (flags->json || (!flags->verbose && !is_slow(flags)))
        return 0;
    bool is_live = is_slow(flags) && terminal_is_smart(STDOUT_FILENO);
    rehearsal->progress = progress_new(&(struct progress_options){
        .mode = is_live ? PROGRESS_LIVE : PROGRESS_PLAIN,
        .style = terminal_style(STDOUT_FILENO),
        .rto_ms = objectives ? objectives->rto_ms : 0,
        .loop = rehearsal->pauses,
        .write = watch_write,
        .size = watch_size,
    });
    return 0;
}

static void pause_over(void *user) {
    const struct rehearsal *rehearsal = user;
    loop_stop(rehearsal->pauses);
}

static void watch_pause(void *user, int64_t real_ns) {
    struct rehearsal *rehearsal = user;
    struct loop_timer *timer =
        loop_timer_new(rehearsal->pauses, real_ns / NS_PER_MS, pause_over, rehearsal);
    loop_run(rehearsal->pauses);
    loop_timer_free(timer);
}

static void watch_end(struct rehearsal *rehearsal) {
    progress_free(rehearsal->progress);
    loop_free(rehearsal->pauses);
}

/* ---- what happens --------------------------------------------------------------------------- */

static void told(void *user, const struct event *event, const char *line, size_t length) {
    struct rehearsal *rehearsal = user;
    model_apply(&rehearsal->now, event);
    if (!rehearsal->progress)
        return;
    const struct run_ui *ui = progress_ui(rehearsal->progress);
    ui->event(ui->user, event, line, length);
}

static void list_add(struct rehearsal *rehearsal, const char *kind, const char *phase,
                     const char *step, const char *now) {
    rehearsal->list = value_append(rehearsal->list, divergence_new(kind, phase, step, NULL, now));
}

/* Of a new step it goes without saying. */
static void unanswerable(void *user, const char *phase, const char *step, const char *why) {
    struct rehearsal *rehearsal = user;
    if (!drift_is_new(rehearsal->drift, phase, step))
        list_add(rehearsal, "unanswerable", phase, step, why);
}

static void drifted(void *user, enum drift_kind kind, const char *phase, const char *path,
                    const char *what) {
    static const char *const kinds[] = {
        [DRIFT_NEW] = "new", [DRIFT_GONE] = "gone", [DRIFT_CHANGED] = "changed"};
    list_add(user, kinds[kind], phase, path, what);
}

static int replay_through(struct rehearsal *rehearsal, struct err *err) {
    const struct event *started = past_started(rehearsal->past);
    const struct replay_flags *flags = rehearsal->flags;
    const struct run_ui ui = {.user = rehearsal, .event = told};
    const struct replay_options options = {
        .past = rehearsal->past,
        .plan = rehearsal->plan,
        .ui = &ui,
        .drift = rehearsal->drift,
        .fail = flags->fail,
        .timeout = flags->timeout,
        .reject = flags->reject,
        .unanswerable = unanswerable,
        .user = rehearsal,
    };
    int64_t mono_ns = started->mono_ns > 0 ? started->mono_ns : 1;
    if (rehearsal->drift)
        drift_each(rehearsal->drift, drifted, rehearsal);
    if (watch_begin(rehearsal, err) < 0)
        return -1;
    struct loop *loop = loop_new_virtual(
        is_slow(flags) ? virtual_time_new(started->wall_ns, mono_ns, watch_pause, rehearsal,
                                          factors[flags->speed])
                       : virtual_time_new(started->wall_ns, mono_ns, NULL, NULL, 1),
        err);
    if (!loop)
        return -1;
    int status = replay_run(loop, &options, &rehearsal->end, rehearsal->diag, err);
    if (rehearsal->progress)
        progress_finish(rehearsal->progress, NULL, (int)rehearsal->now.exit);
    loop_free(loop);
    return status;
}

/* ---- what is printed ------------------------------------------------------------------------ */

static const char *const ends[] = {
    [REPLAY_OVER] = "over",
    [REPLAY_LEFT] = "record ends",
    [REPLAY_DEAD_END] = "dead end",
};

static int print_json(const struct rehearsal *rehearsal) {
    struct buf out = BUF_INIT(PRODUCT_MAX);
    value all = value_set(value_object(), "run", value_string(rehearsal->then.run));
    all = value_set(all, "same", value_bool(value_count(rehearsal->list) == 0));
    all = value_set(all, "end", value_string(ends[rehearsal->end]));
    all = value_set(all, "divergences", value_copy(rehearsal->list));
    value_dump(&out, all);
    (void)buf_putc(&out, '\n');
    value_free(all);
    return print_product(&out);
}

static int print_text(const struct rehearsal *rehearsal) {
    struct buf out = BUF_INIT(PRODUCT_MAX);
    const struct text_style style = terminal_style(STDOUT_FILENO);
    size_t count = value_count(rehearsal->list);
    if (!rehearsal->progress)
        report_summary(&out, &rehearsal->now, NULL, &style);
    (void)buf_putc(&out, '\n');
    divergence_text(&out, rehearsal->list, &style);
    if (rehearsal->end == REPLAY_LEFT)
        (void)buf_puts(&out, "the record ends here: no engine came to the end of this run\n");
    if (count == 0)
        (void)buf_printf(&out, "the same way: %zu steps\n", rehearsal->now.step_count);
    else
        (void)buf_printf(&out, "%zu difference%s\n", count, count == 1 ? "" : "s");
    return print_product(&out);
}

/* ---- the whole ------------------------------------------------------------------------------ */

/* With the files of then, or with `file`; NULL, and the reasons in `diag`, where there is none. */
static struct plan *plan_make(const struct rehearsal *rehearsal, const char *file) {
    struct past_choices choices;
    past_choices_init(rehearsal->past, &choices);
    choices.options.copies = file ? NULL : copies_files(rehearsal->copies);
    if (file) {
        choices.options.path = file;
        choices.options.set = rehearsal->flags->set;
    }
    struct plan *plan = plan_new(&choices.options, rehearsal->diag);
    past_choices_release(&choices);
    return plan;
}

/* A file of which nothing differs is that of then. */
static void plans_make(struct rehearsal *rehearsal, const char *file) {
    rehearsal->plan = plan_make(rehearsal, NULL);
    if (!file || !rehearsal->plan)
        return;
    rehearsal->plan_then = rehearsal->plan;
    rehearsal->plan = plan_make(rehearsal, file);
    if (rehearsal->plan)
        rehearsal->drift = drift_new(rehearsal->plan_then, rehearsal->plan, rehearsal->diag);
}

/* The files of the run's directory, and what it was given, make the plan that was executed. */
static int plan_check(const struct rehearsal *rehearsal, struct err *err) {
    const struct plan *plan = rehearsal->plan_then ? rehearsal->plan_then : rehearsal->plan;
    AUTO_VALUE params = value_copy(past_started(rehearsal->past)->params);
    AUTO_TEXT json = value_to_json(params);
    if (!plan || text_equal(plan_hash(plan), past_started(rehearsal->past)->plan_sha256) ||
        strstr(json, "[redacted:"))
        return 0;
    err_set(err, ERR_TRANSCRIPT, "the files in %s do not make the plan that was executed",
            rehearsal->view.dir);
    return err_hint(err, "`runbook verify` tells what was changed");
}

static void then_apply(void *user, const struct event *event) {
    model_apply(user, event);
}

static int rehearsal_open(struct rehearsal *rehearsal, const char *name, const char *file,
                          struct err *err) {
    const struct past_watcher watcher = {
        .each = then_apply, .user = &rehearsal->then, .wanted = model_wants(&rehearsal->then)};
    if (run_view_init(&rehearsal->view, name, err) < 0 ||
        past_open(rehearsal->view.dir, &watcher, &rehearsal->past, err) < 0 ||
        copies_open(rehearsal->past, &rehearsal->copies, err) < 0)
        return -1;
    plans_make(rehearsal, file);
    return plan_check(rehearsal, err);
}

static int rehearsed_check(const struct rehearsal *rehearsal, const char *flag,
                           const char *const *steps, struct err *err) {
    for (; steps && *steps; steps++) {
        if (past_trail(rehearsal->past, "run", *steps) ||
            graph_find(plan_graph(rehearsal->plan), *steps) != GRAPH_NONE)
            continue;
        err_set(err, ERR_INVALID, "%s names `%s`, which is no step of this run", flag, *steps);
        return err_hint(err, "`runbook show %s` names them", rehearsal->then.run);
    }
    return 0;
}

static int flags_check(const struct rehearsal *rehearsal, struct err *err) {
    const struct replay_flags *flags = rehearsal->flags;
    if (rehearsed_check(rehearsal, "--fail", flags->fail, err) < 0 ||
        rehearsed_check(rehearsal, "--timeout", flags->timeout, err) < 0)
        return -1;
    return rehearsed_check(rehearsal, "--reject", flags->reject, err);
}

static int rehearsal_run(struct rehearsal *rehearsal, const char *name, const char *file) {
    struct err err = ERR_INIT;
    int status = rehearsal_open(rehearsal, name, file, &err);
    if (status == 0 && (!rehearsal->plan || diag_count(rehearsal->diag)))
        return print_diag(rehearsal->diag);
    if (status == 0)
        status = flags_check(rehearsal, &err);
    if (status == 0)
        status = replay_through(rehearsal, &err);
    if (status < 0) {
        status = (int)run_exit_of(&err);
        (void)print_err(&err);
        return status;
    }
    rehearsal->list = divergence_add(rehearsal->list, &rehearsal->then, &rehearsal->now,
                                     rehearsal->end != REPLAY_LEFT);
    status = rehearsal->flags->json ? print_json(rehearsal) : print_text(rehearsal);
    return status == 0 && value_count(rehearsal->list) > 0 ? RUN_FAILED : status;
}

static int replay_command(const struct invocation *invocation) {
    struct rehearsal rehearsal = {
        .flags = invocation->options, .diag = diag_new(), .list = value_array()};
    model_init(&rehearsal.then);
    model_init(&rehearsal.now);
    rehearsal.then.brief = rehearsal.now.brief = true;
    const char *file = invocation->operand_count > 1 ? invocation->operands[1] : NULL;
    int status = rehearsal_run(&rehearsal, invocation->operands[0], file);
    watch_end(&rehearsal);
    drift_free(rehearsal.drift);
    plan_free(rehearsal.plan_then);
    model_release(&rehearsal.then);
    model_release(&rehearsal.now);
    value_free(rehearsal.list);
    plan_free(rehearsal.plan);
    copies_free(rehearsal.copies);
    past_free(rehearsal.past);
    run_view_release(&rehearsal.view);
    diag_free(rehearsal.diag);
    return status;
}

#define AT(member) .offset = offsetof(struct replay_flags, member)

static const struct option replay_option_table[] = {
    {.name = "set",
     .letter = 's',
     .kind = OPTION_LIST,
     AT(set),
     .argument = "NAME=VALUE",
     .doc = "give a parameter of FILE its value; the others are those of the run"},
    {.name = "fail",
     .kind = OPTION_LIST,
     AT(fail),
     .argument = "STEP",
     .doc = "rehearse what would follow if this step failed"},
    {.name = "timeout",
     .kind = OPTION_LIST,
     AT(timeout),
     .argument = "STEP",
     .doc = "rehearse what would follow if this step did not end in time"},
    {.name = "reject",
     .kind = OPTION_LIST,
     AT(reject),
     .argument = "STEP",
     .doc = "rehearse what would follow if this gate was rejected"},
    {.name = "speed",
     .kind = OPTION_CHOICE,
     AT(speed),
     .argument = "SPEED",
     .choices = speeds,
     .doc = "watch it as fast as it went, ten times as fast, or without any pause; max if unsaid"},
    {.name = "verbose",
     .letter = 'v',
     .kind = OPTION_FLAG,
     AT(verbose),
     .doc = "print a line for each event"},
    {.name = "json", .kind = OPTION_FLAG, AT(json), .doc = "print what differs as one JSON object"},
    {0},
};

const struct command command_replay = {
    .name = "replay",
    .summary = "run a recorded run again with every effect taken from its transcript",
    .operands = "RUN [FILE]",
    .about =
        "The same interpreter decides everything anew: conditions, expectations, retries, order, "
        "rollback. Results, durations, locks, signals and what people answered come from the "
        "transcript, in time that passes by itself: no command is started, no server asked, "
        "nothing written. Without FILE the files of the run's own folder are used, and the run "
        "must go the way it went. With FILE it is told which steps are new, gone or changed, which "
        "are taken differently, and which the record cannot answer: those count as if they had "
        "succeeded without a result, and so does what depends on them.\n\n"
        "The environment is not recorded: a condition that looks at `.env` holds where it held "
        "then. Exit status 0: the same way; 1: another way; 2: the command line or FILE is wrong; "
        "7: the transcript is damaged.\n\n"
        "RUN is an id as `runs` lists them, a unique beginning of one, the path of a run's "
        "folder, or `last`.",
    .least = 1,
    .most = 2,
    .word = WORD_RUN,
    .options = replay_option_table,
    .size = sizeof(struct replay_flags),
    .examples =
        (const struct example[]){
            {"replay last", "Would the newest run be decided so again?"},
            {"replay last restore.yaml", "Where would today's file part from what happened?"},
            {"replay last --fail restore", "What would have followed if `restore` had failed?"},
            {0}},
    .run = replay_command,
};
