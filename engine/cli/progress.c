#include "cli/progress.h"

#include <inttypes.h>
#include <signal.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/dialog.h"
#include "cli/gauge.h"
#include "cli/outlook.h"
#include "cli/running.h"
#include "cli/screen.h"
#include "cli/shell.h"
#include "cli/tty.h"
#include "io/loop.h"

#define FRAME_MS 100            /* ten drawings a second, at most */
#define REGION_ROWS 12          /* the live region never takes more */
#define PENDING_MAX (64 * 1024) /* bytes after which lines are written without waiting */
#define SUMMARY_MAX (64UL << 20)

struct progress {
    struct progress_options options;
    struct line_style lines;
    struct run_ui ui;
    struct run *run;
    struct model model;
    struct running *running;
    struct outlook *outlook; /* NULL: the end is not told */
    struct screen *screen;   /* live */
    struct dialog *dialog;   /* interactive */
    struct tty *tty;
    struct shell *shell; /* a person's, which has the terminal now */
    struct buf pending;  /* of the other modes: lines that wait for the end of this turn */
    bool flush_due;
    struct loop_timer *frame_timer;
    struct loop_signal *resized, *continued;
    unsigned frame;
    bool dirty; /* something changed since the last drawing */
    bool over;
    size_t columns, rows;
    bool choice_due; /* the next turn answers a failure or an interrupt by itself */
    enum run_choice choice;
    bool prompt_open; /* a prompt of prompt_apart waits behind the lines */
};

/* ---- writing ------------------------------------------------------------------------------ */

static void progress_write(struct progress *progress, const struct buf *bytes) {
    if (bytes->length > 0) {
        progress->options.write(progress->options.user, bytes->data, bytes->length);
    }
}

/* A prompt that waits on the same terminal is left where it is. */
static bool prompt_leave(struct progress *progress) {
    const bool is_left =
        progress->prompt_open && progress->options.write_prompt == progress->options.write;
    if (is_left) {
        progress->options.write(progress->options.user, "\n", 1);
    }
    progress->prompt_open = false;
    return is_left;
}

static void lines_flush(struct progress *progress) {
    progress_write(progress, &progress->pending);
    buf_clear(&progress->pending);
}

static void prompt_write(struct progress *progress) {
    const char *prompt = progress->dialog ? dialog_prompt(progress->dialog) : NULL;
    progress->prompt_open = prompt != NULL;
    if (prompt && progress->options.write_prompt) {
        progress->options.write_prompt(progress->options.user, prompt, strlen(prompt));
    }
}

static void progress_flush(struct progress *progress) {
    const bool is_left = progress->pending.length > 0 && prompt_leave(progress);
    lines_flush(progress);
    if (is_left) {
        prompt_write(progress);
    }
}

static void flush_deferred(void *user) {
    struct progress *progress = user;
    progress->flush_due = false;
    progress_flush(progress);
}

/* Lines of one turn of the loop go out with one write. */
static void progress_append(struct progress *progress, const char *bytes, size_t length) {
    if (progress->pending.length + length > PENDING_MAX) {
        progress_flush(progress);
    }
    if (length > PENDING_MAX) {
        progress->options.write(progress->options.user, bytes, length);
        return;
    }
    (void)buf_append(&progress->pending, bytes, length);
    if (!progress->flush_due && progress->options.loop) {
        progress->flush_due = true;
        loop_defer(progress->options.loop, flush_deferred, progress);
    }
}

/* ---- the live region ---------------------------------------------------------------------- */

/* What earlier runs took is read once the first steps are on their way. */
static void region_outlook(struct progress *progress, struct buf *out) {
    if (!progress->outlook || !progress->run)
        return;
    if (!outlook_has_learned(progress->outlook))
        outlook_learn(progress->outlook, run_estimate(progress->run));
    outlook_tell(progress->outlook, clock_mono_ns(), out);
}

static void status_line(const struct progress *progress, const struct buf *line, bool is_late,
                        struct buf *out) {
    AUTO_BUF fit = BUF_INIT(65536);
    text_fit(&fit, buf_text(line), line->length, progress->columns - 1,
             progress->lines.text.unicode);
    line_color(out, &progress->lines.text, is_late ? "1;31" : "2", buf_text(&fit));
}

static void status_make(const struct progress *progress, struct buf *line, bool *ret_late) {
    const struct model *model = &progress->model;
    const char *dot = progress->lines.text.unicode ? " · " : ", ";
    const int64_t elapsed = (clock_mono_ns() - model->started_mono_ns) / NS_PER_MS;
    const int64_t left = progress->options.rto_ms - elapsed;
    *ret_late = progress->options.rto_ms > 0 && left < 0;
    buf_printf(line, "%zu/%" PRId64 " done%s", model->steps_done, model->steps_total, dot);
    line_elapsed(line, elapsed);
    if (progress->options.rto_ms > 0) {
        buf_printf(line, "%sRTO ", dot);
        line_elapsed(line, *ret_late ? -left : left);
        buf_puts(line, *ret_late ? " over" : " left");
    }
}

/* When it ends goes to a row of its own where it has no room beside the rest; whether it did. */
static bool region_status(struct progress *progress, size_t rows, struct buf *out) {
    const char *dot = progress->lines.text.unicode ? " · " : ", ";
    AUTO_BUF line = BUF_INIT(65536);
    AUTO_BUF outlook = BUF_INIT(65536);
    bool is_late;
    status_make(progress, &line, &is_late);
    region_outlook(progress, &outlook);
    const size_t width = text_width(buf_text(&line), line.length) + text_width(dot, strlen(dot)) +
                         text_width(buf_text(&outlook), outlook.length);
    const bool is_apart = outlook.length > 0 && width >= progress->columns && rows > 1;
    if (outlook.length > 0 && !is_apart)
        buf_printf(&line, "%s%s", dot, buf_text(&outlook));
    status_line(progress, &line, is_late, out);
    if (is_apart) {
        buf_putc(out, '\n');
        status_line(progress, &outlook, false, out);
    }
    return is_apart;
}

/* A column stays free at the right, since terminals differ in what they do behind the last. */
static void region_make(struct progress *progress, struct buf *out) {
    if (progress->over || progress->model.started_mono_ns == 0) {
        return;
    }
    size_t rows = progress->rows > REGION_ROWS + 1 ? REGION_ROWS : progress->rows - 1;
    AUTO_BUF status = BUF_INIT(65536);
    rows -= region_status(progress, rows, &status) ? 2 : 1;
    if (rows > 1) {
        running_draw(progress->running, &progress->lines.text, progress->columns - 1, rows,
                     clock_mono_ns(), progress->frame, out);
    }
    buf_append(out, status.data, status.length);
}

static void progress_measure(struct progress *progress) {
    progress->columns = progress->options.style.columns;
    progress->rows = 24;
    if (progress->options.size) {
        progress->options.size(progress->options.user, &progress->columns, &progress->rows);
    }
    progress->columns = progress->columns < 8 ? 8 : progress->columns;
    progress->rows = progress->rows < 2 ? 2 : progress->rows;
    progress->lines.text.columns = progress->columns;
}

void progress_redraw(struct progress *progress) {
    progress->dirty = false;
    if (!progress->screen || progress->shell) {
        return;
    }
    const char *prompt = progress->dialog ? dialog_prompt(progress->dialog) : NULL;
    AUTO_BUF region = BUF_INIT(1 << 20);
    if (!prompt) {
        region_make(progress, &region);
    }
    AUTO_BUF bytes = BUF_INIT(SUMMARY_MAX * 2);
    screen_draw(progress->screen, prompt ? prompt : buf_text(&region), prompt != NULL,
                progress->columns, &bytes);
    progress_write(progress, &bytes);
}

static void progress_kick(struct progress *progress);

static void frame_over(void *user) {
    struct progress *progress = user;
    loop_timer_free(progress->frame_timer);
    progress->frame_timer = NULL;
    progress->frame++;
    if (progress->dirty || running_count(progress->running) > 0) {
        progress_kick(progress);
    }
}

/* Draws, and again after a frame while something runs, since the clocks tick. While a question
 * stands there nothing is drawn but what scrolls by. */
static void progress_kick(struct progress *progress) {
    progress->dirty = true;
    if (!progress->screen || progress->frame_timer || progress->over) {
        return;
    }
    progress_redraw(progress);
    const bool asking = progress->dialog && dialog_prompt(progress->dialog);
    if (progress->options.loop && !asking) {
        progress->frame_timer =
            loop_timer_new(progress->options.loop, FRAME_MS, frame_over, progress);
    }
}

static void progress_resized(void *user, int signum) {
    (void)signum;
    struct progress *progress = user;
    progress_measure(progress);
    progress_kick(progress);
}

/* The shell had the terminal while the engine was stopped. */
static void progress_continued(void *user, int signum) {
    struct progress *progress = user;
    screen_forget(progress->screen);
    progress_resized(user, signum);
}

static void progress_print(struct progress *progress, const char *lines, size_t length) {
    if (!progress->screen) {
        progress_append(progress, lines, length);
        return;
    }
    screen_print(progress->screen, lines, length);
    if (screen_waiting(progress->screen) > PENDING_MAX) {
        progress_redraw(progress);
    }
    progress_kick(progress);
}

/* ---- what the run tells ------------------------------------------------------------------- */

static bool shows_tail(const struct event *event) {
    return event->type == EVENT_STEP_FINISHED && text_equal(event->status, "failed");
}

/* Whoever resumes a run counts on another clock, maybe of another start of the machine. */
static void progress_apply(struct progress *progress, const struct event *event) {
    const int64_t before = progress->model.started_mono_ns;
    model_apply(&progress->model, event);
    const int64_t moved = progress->model.started_mono_ns - before;
    if (event->type == EVENT_RUN_RESUMED) {
        running_move(progress->running, moved);
    }
    if (progress->outlook && event->type == EVENT_RUN_RESUMED)
        outlook_move(progress->outlook, moved);
    else if (progress->outlook)
        outlook_event(progress->outlook, event);
}

static void ui_event(void *user, const struct event *event, const char *line, size_t length) {
    struct progress *progress = user;
    progress_apply(progress, event);
    if (event->type == EVENT_STEP_STARTED) {
        progress->lines.undo_told = false;
    }
    if (progress->options.mode == PROGRESS_JSON) {
        progress_append(progress, line, length);
    } else {
        AUTO_BUF text = BUF_INIT(1 << 20);
        line_event(&text, event, &progress->model, &progress->lines);
        if (shows_tail(event)) {
            running_tail(progress->running, event->phase, event->step, &progress->lines.text,
                         &text);
        }
        if (event->type == EVENT_RUN_STARTED && progress->options.plan &&
            progress->options.mode == PROGRESS_PLAIN)
            outlook_begun(event, &progress->lines, &text);
        /* Who is quiet shows neither what runs nor the last lines of what failed. */
        if (progress->options.mode != PROGRESS_QUIET)
            running_event(progress->running, event);
        progress_print(progress, buf_text(&text), text.length);
    }
    /* A signal, or the run's own decision, overtakes a menu that is still open. */
    if (progress->dialog &&
        (event->type == EVENT_SIGNAL_RECEIVED || event->type == EVENT_ROLLBACK_BEGUN ||
         event->type == EVENT_RUN_FINISHED)) {
        dialog_unchoose(progress->dialog);
        progress_kick(progress);
    }
}

static void ui_output(void *user, const char *step, enum step_stream stream, const char *bytes,
                      size_t length) {
    (void)stream;
    struct progress *progress = user;
    running_output(progress->running, step, bytes, length);
    progress->dirty = true;
}

static void ui_gauge(void *user, const char *step, const struct step_gauge *gauge) {
    struct progress *progress = user;
    const bool is_live = progress->options.mode == PROGRESS_LIVE;
    running_gauge(progress->running, step, gauge);
    progress->dirty = true;
    if (gauge->weight >= (is_live ? STEP_GAUGE_LAST : STEP_GAUGE_NEWS)) {
        AUTO_BUF line = BUF_INIT(1 << 20);
        gauge_line(&line, step, gauge, &progress->lines);
        progress_print(progress, buf_text(&line), line.length);
    }
}

/* ---- questions ---------------------------------------------------------------------------- */

/* Prompts that do not go where the lines go are plain text, one below the other. */
static void prompt_apart(struct progress *progress) {
    (void)prompt_leave(progress);
    lines_flush(progress);
    prompt_write(progress);
}

static void progress_listen(struct progress *progress) {
    const bool asking = dialog_prompt(progress->dialog) != NULL && !progress->shell;
    if (progress->tty) {
        tty_listen(progress->tty, asking);
    }
    if (!progress->screen) {
        prompt_apart(progress);
    }
    progress_kick(progress);
}

/* Before a question comes to be seen: what was typed until then is no answer, and what is typed as
 * soon as it stands there is one. */
static void progress_hear(struct progress *progress) {
    if (progress->tty && !progress->shell) {
        tty_listen(progress->tty, true);
    }
}

static void tty_line(void *user, const char *text) {
    struct progress *progress = user;
    if (!text) {
        return;
    }
    progress->prompt_open = false;
    if (progress->screen) {
        screen_forget(progress->screen);
    }
    dialog_line(progress->dialog, text);
    progress_listen(progress);
}

static void sink_print(void *user, const char *lines, size_t length) {
    struct progress *progress = user;
    if (!progress->screen && progress->options.write_prompt) {
        progress_flush(progress);
        progress->options.write_prompt(progress->options.user, lines, length);
        return;
    }
    progress_print(progress, lines, length);
}

static void sink_answer(void *user, const char *step, const struct step_answer *answer) {
    struct progress *progress = user;
    run_answer(progress->run, step, answer);
}

static void sink_choose(void *user, enum run_choice choice) {
    struct progress *progress = user;
    run_choose(progress->run, choice, progress->options.by);
}

static value sink_undo(void *user) {
    struct progress *progress = user;
    return progress->run ? run_undo(progress->run) : value_none();
}

static void shell_over(void *user) {
    struct progress *progress = user;
    shell_free(progress->shell);
    progress->shell = NULL;
    progress_hear(progress);
    dialog_again(progress->dialog);
    progress_listen(progress);
}

static void sink_shell(void *user) {
    struct progress *progress = user;
    struct err err = ERR_INIT;
    tty_listen(progress->tty, false);
    progress_redraw(progress);
    if (progress->screen) {
        screen_forget(progress->screen);
    }
    progress->shell =
        shell_new(progress->options.loop, run_dir(progress->run), shell_over, progress, &err);
    if (!progress->shell) {
        AUTO_TEXT line = mem_printf("no shell: %s\n", err.message);
        err_release(&err);
        sink_print(progress, line, strlen(line));
        dialog_again(progress->dialog);
    }
}

static void ui_ask(void *user, const char *step, const struct step_question *question) {
    struct progress *progress = user;
    progress_hear(progress);
    dialog_ask(progress->dialog, step, question);
    progress_listen(progress);
}

static void ui_unask(void *user, const char *step) {
    struct progress *progress = user;
    dialog_unask(progress->dialog, step);
    progress_listen(progress);
}

static void choose_deferred(void *user) {
    struct progress *progress = user;
    if (progress->choice_due) {
        progress->choice_due = false;
        run_choose(progress->run, progress->choice, progress->options.by);
    }
}

static void ui_choose(void *user, const char *step_or_null, const char *error) {
    struct progress *progress = user;
    const bool decided = step_or_null && !progress->options.ask_on_failure;
    if (decided || !progress->dialog) {
        progress->choice_due = true;
        progress->choice = step_or_null ? progress->options.choice : RUN_ROLLBACK;
        loop_defer(progress->options.loop, choose_deferred, progress);
        return;
    }
    progress->lines.undo_told = true;
    progress_hear(progress);
    dialog_choose(progress->dialog, step_or_null, error);
    progress_listen(progress);
}

/* ---- beginning and end -------------------------------------------------------------------- */

static void progress_set_ui(struct progress *progress) {
    const struct progress_options *options = &progress->options;
    progress->ui = (struct run_ui){.user = progress, .event = ui_event};
    if (options->mode == PROGRESS_LIVE || options->mode == PROGRESS_PLAIN) {
        progress->ui.output = ui_output;
        progress->ui.gauge = ui_gauge;
    }
    if (progress->dialog) {
        progress->ui.ask = ui_ask;
        progress->ui.unask = ui_unask;
    }
    const bool decides = !options->ask_on_failure && options->choice != RUN_CONTINUE;
    if (progress->dialog || decides) {
        progress->ui.choose = ui_choose;
    }
}

static void progress_set_dialog(struct progress *progress) {
    const struct dialog_sink sink = {
        .user = progress,
        .print = sink_print,
        .answer = sink_answer,
        .choose = sink_choose,
        .shell = sink_shell,
        .undo = sink_undo,
    };
    if (progress->options.loop) {
        progress->tty = tty_new(progress->options.loop, tty_line, progress);
    }
    if (progress->tty || !progress->options.loop) {
        progress->dialog = dialog_new(&sink, &progress->lines.text, progress->options.by);
    }
}

struct progress *progress_new(const struct progress_options *options) {
    struct progress *progress = mem_zalloc(sizeof *progress);
    progress->options = *options;
    progress->lines = (struct line_style){.text = options->style,
                                          .live = options->mode == PROGRESS_LIVE,
                                          .quiet = options->mode == PROGRESS_QUIET};
    progress->pending = (struct buf)BUF_INIT(SUMMARY_MAX);
    model_init(&progress->model);
    progress->model.brief = true;
    progress->running = running_new();
    if (options->plan && options->mode == PROGRESS_LIVE)
        progress->outlook = outlook_new(options->plan, options->jobs);
    if (options->mode == PROGRESS_LIVE) {
        progress->screen = screen_new();
        progress_measure(progress);
        if (options->loop) {
            progress->resized =
                loop_signal_new(options->loop, SIGWINCH, progress_resized, progress);
            loop_signal_background(progress->resized);
            progress->continued =
                loop_signal_new(options->loop, SIGCONT, progress_continued, progress);
            loop_signal_background(progress->continued);
        }
    }
    if (options->interactive) {
        progress_set_dialog(progress);
    }
    progress->lines.asks = progress->dialog != NULL;
    progress_set_ui(progress);
    return progress;
}

const struct run_ui *progress_ui(struct progress *progress) {
    return &progress->ui;
}

void progress_set_run(struct progress *progress, struct run *run) {
    progress->run = run;
}

static void progress_end_live(struct progress *progress) {
    progress->over = true;
    loop_timer_free(progress->frame_timer);
    progress->frame_timer = NULL;
    if (progress->dialog) {
        tty_free(progress->tty);
        progress->tty = NULL;
        dialog_free(progress->dialog);
        progress->dialog = NULL;
    }
    progress_redraw(progress);
}

void progress_past(struct progress *progress, const struct event *event) {
    progress_apply(progress, event);
    running_event(progress->running, event);
}

void progress_finish(struct progress *progress, const char *dir, int status) {
    progress_end_live(progress);
    progress_flush(progress);
    if (!progress->model.finished) {
        model_abandon(&progress->model, status);
    }
    const bool quiet = progress->options.mode == PROGRESS_QUIET && progress->model.exit == 0;
    if (progress->options.mode == PROGRESS_JSON || quiet) {
        return;
    }
    AUTO_BUF text = BUF_INIT(SUMMARY_MAX);
    report_summary(&text, &progress->model, dir, &progress->lines.text);
    progress_write(progress, &text);
}

void progress_free(struct progress *progress) {
    if (!progress) {
        return;
    }
    loop_timer_free(progress->frame_timer);
    loop_signal_free(progress->resized);
    loop_signal_free(progress->continued);
    shell_free(progress->shell);
    tty_free(progress->tty);
    dialog_free(progress->dialog);
    screen_free(progress->screen);
    running_free(progress->running);
    outlook_free(progress->outlook);
    model_release(&progress->model);
    buf_release(&progress->pending);
    mem_free(progress);
}
