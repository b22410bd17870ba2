/* The watcher of a run, driven by events as the interpreter makes them, drawing on a terminal
 * that the test holds. */
#include "tests/support/unit.h"
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/outlook.h"
#include "cli/progress.h"
#include "io/process.h"
#include "vt.h"

/* ---- what the interpreter and the loop would be ------------------------------------------- */

static struct {
    char *step, *comment, *evidence;
    bool accepted;
    int answers;
    enum run_choice choice;
    int choices;
} told;

void run_answer(struct run *run, const char *step, const struct step_answer *answer) {
    (void)run;
    mem_free(told.step);
    mem_free(told.comment);
    mem_free(told.evidence);
    told.step = mem_strdup(step);
    told.comment = answer->comment ? mem_strdup(answer->comment) : NULL;
    told.evidence = answer->evidence ? mem_strdup(answer->evidence) : NULL;
    told.accepted = answer->accepted;
    told.answers++;
}

void run_choose(struct run *run, enum run_choice choice, const char *by) {
    (void)run;
    assert_string_equal(by, "me");
    told.choice = choice;
    told.choices++;
}

const char *run_dir(const struct run *run) {
    (void)run;
    return "/nowhere";
}

value run_undo(struct run *run) {
    (void)run;
    return value_none();
}

/* What earlier runs took, and when this one ends. */
static struct {
    int64_t runs;
    const char *outlook;
    int learned;
} past;

const struct estimate *run_estimate(struct run *run) {
    return (const struct estimate *)run;
}

void outlook_begun(const struct event *started, const struct line_style *style, struct buf *out) {
    const struct estimate_span whole = {125000, 242000, past.runs};
    assert_string_equal(started->name, "drill");
    line_expected(out, &whole, style);
}

struct outlook *outlook_new(const struct plan *plan, int64_t jobs) {
    assert_non_null(plan);
    assert_int_equal(jobs, 3);
    return (struct outlook *)&past;
}

void outlook_free(struct outlook *outlook) {
    (void)outlook;
}

void outlook_learn(struct outlook *outlook, const struct estimate *estimate) {
    (void)outlook;
    assert_non_null(estimate);
    past.learned++;
}

bool outlook_has_learned(const struct outlook *outlook) {
    (void)outlook;
    return past.learned > 0;
}

void outlook_event(struct outlook *outlook, const struct event *event) {
    assert_non_null(outlook);
    assert_int_not_equal(event->type, EVENT_RUN_RESUMED);
}

void outlook_move(struct outlook *outlook, int64_t moved_ns) {
    (void)outlook;
    (void)moved_ns;
}

void outlook_tell(struct outlook *outlook, int64_t now_mono_ns, struct buf *out) {
    (void)outlook;
    assert_int_equal(now_mono_ns, clock_mono_ns());
    buf_puts(out, past.outlook);
}

void loop_defer(struct loop *loop, void (*call)(void *user), void *user) {
    (void)loop;
    call(user);
}

struct loop_timer *loop_timer_new(struct loop *loop, int64_t delay_ms, void (*fired)(void *user),
                                  void *user) {
    (void)loop;
    (void)delay_ms;
    (void)fired;
    (void)user;
    return NULL;
}

void loop_timer_free(struct loop_timer *timer) {
    assert_null(timer);
}

struct loop_watch *loop_watch_new(struct loop *loop, int fd, int events,
                                  void (*ready)(void *user, int events), void *user) {
    (void)loop;
    (void)fd;
    (void)events;
    (void)ready;
    (void)user;
    return NULL;
}

void loop_watch_free(struct loop_watch *watch) {
    assert_null(watch);
}

struct loop_signal *loop_signal_new(struct loop *loop, int signum,
                                    void (*caught)(void *user, int signum), void *user) {
    (void)loop;
    (void)signum;
    (void)caught;
    (void)user;
    return NULL;
}

void loop_signal_background(struct loop_signal *signal) {
    (void)signal;
}

void loop_signal_free(struct loop_signal *signal) {
    assert_null(signal);
}

int process_spawn(struct loop *loop, const struct process_spec *spec, struct process **ret,
                  struct err *err) {
    (void)loop;
    (void)spec;
    (void)ret;
    return err_set(err, ERR_SYSTEM, "no processes here");
}

void process_free(struct process *process) {
    (void)process;
}

static void expand_nothing(const void *spec, struct step_expansion *ret) {
    (void)spec;
    (void)ret;
}

const struct step_type *step_type_find(const char *key) {
    static const struct step_type group = {.key = "steps", .expand = expand_nothing};
    return text_equal(key, "steps") ? &group : NULL;
}

/* ---- a run -------------------------------------------------------------------------------- */

static struct vt screen;
static struct buf written = BUF_INIT(1 << 20);
static size_t window_columns, window_rows;

static void take(void *user, const char *bytes, size_t length) {
    (void)user;
    vt_write(&screen, bytes, length);
    (void)buf_append(&written, bytes, length);
}

static void size(void *user, size_t *ret_columns, size_t *ret_rows) {
    (void)user;
    *ret_columns = window_columns;
    *ret_rows = window_rows;
}

static const struct plan *plan; /* of the next run */

static struct progress *begin(enum progress_mode mode, size_t columns, bool color, bool unicode) {
    vt_init(&screen, columns == 0 ? VT_COLUMNS_MAX : columns);
    buf_clear(&written);
    window_columns = columns;
    window_rows = 24;
    clock_fake(0, INT64_C(1000) * NS_PER_S);
    const struct progress_options options = {
        .mode = mode,
        .style = {.color = color, .unicode = unicode, .columns = columns},
        .rto_ms = 3600 * 1000,
        .plan = plan,
        .jobs = 3,
        .write = take,
        .size = size,
        .interactive = true,
        .ask_on_failure = true,
        .choice = RUN_CONTINUE,
        .by = "me",
        .write_prompt = take,
    };
    return progress_new(&options);
}

static void tell(struct progress *progress, struct event *event) {
    const struct run_ui *ui = progress_ui(progress);
    event->mono_ns = clock_mono_ns();
    ui->event(ui->user, event, "{\"line\":1}\n", 11);
}

static void tell_started(struct progress *progress) {
    struct event event = {.type = EVENT_RUN_STARTED};
    EVENT_SET(&event, run, "drill-20260102T030405Z");
    EVENT_SET(&event, runbook, "drill.yaml");
    EVENT_SET(&event, name, "drill");
    EVENT_SET(&event, steps, 4);
    EVENT_SET(&event, user, "me");
    EVENT_SET(&event, host, "here");
    EVENT_SET(&event, engine, "0");
    tell(progress, &event);
}

static void tell_step(struct progress *progress, enum event_type type, const char *step,
                      const char *status, const char *error) {
    struct event event = {.type = type};
    EVENT_SET(&event, phase, "run");
    EVENT_SET(&event, step, step);
    EVENT_SET(&event, attempt, 1);
    if (type == EVENT_STEP_STARTED) {
        EVENT_SET(&event, action, "shell");
    }
    if (status) {
        EVENT_SET(&event, status, status);
        EVENT_SET(&event, duration_ms, 2500);
    }
    if (error) {
        EVENT_SET(&event, error, error);
    }
    tell(progress, &event);
}

static void output(struct progress *progress, const char *step, const char *text) {
    const struct run_ui *ui = progress_ui(progress);
    ui->output(ui->user, step, STEP_STDOUT, text, strlen(text));
}

static void assert_shows(const char *text) {
    if (!strstr(vt_text(&screen), text)) {
        print_message("screen:\n%s\n", vt_text(&screen));
        fail_msg("not shown: %s", text);
    }
}

static void assert_shows_not(const char *text) {
    if (strstr(vt_text(&screen), text)) {
        print_message("screen:\n%s\n", vt_text(&screen));
        fail_msg("shown: %s", text);
    }
}

/* ---- tests -------------------------------------------------------------------------------- */

static void live_region_shows_what_runs(void **state) {
    (void)state;
    struct progress *progress = begin(PROGRESS_LIVE, 80, true, true);
    tell_started(progress);
    tell_step(progress, EVENT_STEP_STARTED, "restore", NULL, NULL);
    output(progress, "restore", "first\nprocessing leads\n");
    clock_advance(72 * NS_PER_S);
    progress_redraw(progress);
    assert_shows("⠋ restore  1m 12s  processing leads");
    assert_shows("0/4 done · 1m 12s · RTO 58m 48s left");
    tell_step(progress, EVENT_STEP_FINISHED, "restore", "succeeded", NULL);
    progress_redraw(progress);
    assert_shows("✓ restore  2.5 s\n");
    assert_shows_not("⠋");
    assert_true(screen.colors > 0);
    progress_free(progress);
}

static void narrow_windows_are_never_overrun(void **state) {
    (void)state;
    for (size_t columns = 8; columns <= 80; columns += 3) {
        struct progress *progress = begin(PROGRESS_LIVE, columns, true, true);
        tell_started(progress);
        progress_redraw(progress);
        const size_t above = screen.row;
        tell_step(progress, EVENT_STEP_STARTED, "a_step_with_a_long_name", NULL, NULL);
        tell_step(progress, EVENT_STEP_STARTED, "b", NULL, NULL);
        output(progress, "b", "a line that is much longer than the window 日本語 has columns\n");
        clock_advance(72 * NS_PER_S);
        progress_redraw(progress);
        assert_int_equal(screen.row, above + 2);
        progress_free(progress);
    }
}

static void many_steps_share_a_short_window(void **state) {
    (void)state;
    struct progress *progress = begin(PROGRESS_LIVE, 40, false, true);
    window_rows = 6;
    progress_redraw(progress);
    tell_started(progress);
    progress_redraw(progress);
    const size_t above = screen.row;
    for (int i = 0; i < 30; i++) {
        AUTO_TEXT step = mem_printf("step_%d", i);
        tell_step(progress, EVENT_STEP_STARTED, step, NULL, NULL);
    }
    progress_redraw(progress);
    assert_shows(" more\n");
    assert_true(screen.row - above <= 12);
    progress_free(progress);
}

#define SOME_PLAN ((const struct plan *)&past)
#define SOME_RUN ((struct run *)&past)

static void expected_end_stands_beside_the_rest_or_below(void **state) {
    (void)state;
    plan = SOME_PLAN;
    past.learned = 0;
    past.outlook = "ends in ~2m (p50), 4m (p90)";
    struct progress *progress = begin(PROGRESS_LIVE, 80, false, true);
    tell_started(progress);
    tell_step(progress, EVENT_STEP_STARTED, "a", NULL, NULL);
    progress_redraw(progress);
    assert_shows_not("ends"); /* nothing is known before the run has begun */
    progress_set_run(progress, SOME_RUN);
    progress_redraw(progress);
    progress_redraw(progress);
    assert_shows("0/4 done · 0s · RTO 1h 00m left · ends in ~2m (p50), 4m (p90)");
    assert_int_equal(past.learned, 1);
    past.outlook = "";
    progress_redraw(progress);
    assert_shows_not("ends");
    assert_shows_not("left ·");
    progress_free(progress);
    past.outlook = "ends in ~2m (p50), 4m (p90)";
    progress = begin(PROGRESS_LIVE, 40, false, true);
    progress_set_run(progress, SOME_RUN);
    tell_started(progress);
    tell_step(progress, EVENT_STEP_STARTED, "a", NULL, NULL);
    progress_redraw(progress);
    assert_shows("0/4 done · 0s · RTO 1h 00m left\nends in ~2m (p50), 4m (p90)");
    progress_free(progress);
    plan = NULL;
}

static char *printed(enum progress_mode mode) {
    struct progress *progress = begin(mode, 0, false, false);
    tell_started(progress);
    progress_finish(progress, "/runs/x", 0);
    progress_free(progress);
    return mem_strdup(vt_text(&screen));
}

static void plain_lines_tell_what_earlier_runs_took(void **state) {
    (void)state;
    plan = SOME_PLAN;
    past.runs = 5;
    AUTO_TEXT five = printed(PROGRESS_PLAIN);
    const char wanted[] = "expect  2m 05s (p50), 4m 02s (p90), from 5 earlier runs\n";
    assert_non_null(strstr(five, wanted));
    past.runs = 1;
    AUTO_TEXT one = printed(PROGRESS_PLAIN);
    assert_non_null(strstr(one, "from 1 earlier run\n"));
    AUTO_TEXT quiet = printed(PROGRESS_QUIET);
    assert_null(strstr(quiet, "expect"));
    AUTO_TEXT live = printed(PROGRESS_LIVE);
    assert_null(strstr(live, "expect"));
    plan = NULL;
    AUTO_TEXT untold = printed(PROGRESS_PLAIN);
    assert_null(strstr(untold, "expect"));
}

static void foreign_text_cannot_move_the_cursor(void **state) {
    (void)state;
    struct progress *progress = begin(PROGRESS_LIVE, 80, false, true);
    tell_started(progress);
    tell_step(progress, EVENT_STEP_STARTED, "evil", NULL, NULL);
    output(progress, "evil", "\x1b[2J\x1b]0;title\x07\u202e gone");
    progress_redraw(progress);
    assert_shows("\\e[2J");
    tell_step(progress, EVENT_STEP_FINISHED, "evil", "failed", "bad \x1b[2J\x1b[1A news");
    progress_redraw(progress);
    assert_shows("bad \\e[2J");
    assert_null(strstr(buf_text(&written), "\x1b[2J"));
    progress_free(progress);
}

static void failures_show_error_and_last_output(void **state) {
    (void)state;
    struct progress *progress = begin(PROGRESS_PLAIN, 0, false, false);
    tell_started(progress);
    tell_step(progress, EVENT_STEP_STARTED, "restore", NULL, NULL);
    for (int i = 0; i < 100; i++) {
        AUTO_TEXT line = mem_printf("line %d\n", i);
        output(progress, "restore", line);
    }
    output(progress, "restore", "no newline");
    tell_step(progress, EVENT_STEP_FINISHED, "restore", "failed", "exit status 3");
    progress_finish(progress, "/runs/x", 0);
    assert_shows("start   restore\n");
    assert_shows("failed  restore  2.5 s\n    exit status 3\n    | line 95\n");
    assert_shows("    | line 99\n    | no newline\n");
    assert_shows_not("line 94");
    assert_null(strchr(buf_text(&written), '\x1b'));
    progress_free(progress);
}

static void records_are_passed_on_as_they_are(void **state) {
    (void)state;
    struct progress *progress = begin(PROGRESS_JSON, 0, false, false);
    tell_started(progress);
    tell_step(progress, EVENT_STEP_STARTED, "a", NULL, NULL);
    progress_finish(progress, "/runs/x", 0);
    assert_string_equal(buf_text(&written), "{\"line\":1}\n{\"line\":1}\n");
    progress_free(progress);
}

static void quiet_says_only_what_went_wrong(void **state) {
    (void)state;
    struct progress *progress = begin(PROGRESS_QUIET, 0, false, false);
    tell_started(progress);
    tell_step(progress, EVENT_STEP_STARTED, "a", NULL, NULL);
    tell_step(progress, EVENT_STEP_FINISHED, "a", "succeeded", NULL);
    struct event end = {.type = EVENT_RUN_FINISHED};
    EVENT_SET(&end, status, "succeeded");
    EVENT_SET(&end, exit, 0);
    tell(progress, &end);
    progress_finish(progress, "/runs/x", 0);
    assert_string_equal(buf_text(&written), "");
    progress_free(progress);
    progress = begin(PROGRESS_QUIET, 0, false, false);
    tell_started(progress);
    tell_step(progress, EVENT_STEP_FINISHED, "a", "failed", "no");
    progress_finish(progress, "/runs/x", 0);
    assert_shows("failed  a  2.5 s\n    no\n");
    progress_free(progress);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(live_region_shows_what_runs),
        cmocka_unit_test(narrow_windows_are_never_overrun),
        cmocka_unit_test(many_steps_share_a_short_window),
        cmocka_unit_test(expected_end_stands_beside_the_rest_or_below),
        cmocka_unit_test(plain_lines_tell_what_earlier_runs_took),
        cmocka_unit_test(foreign_text_cannot_move_the_cursor),
        cmocka_unit_test(failures_show_error_and_last_output),
        cmocka_unit_test(records_are_passed_on_as_they_are),
        cmocka_unit_test(quiet_says_only_what_went_wrong),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    buf_release(&written);
    return failed;
}
