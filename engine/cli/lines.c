#include "cli/lines.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/ledger.h"
#include "cli/screen.h"
#include "step.h"

/* How a line begins. Words where the locale lacks the signs, and always off the terminal, where
 * people search logs. */
struct mark {
    const char *name, *sign, *word, *color;
    bool bad; /* shown by --quiet, too */
};

static const struct mark marks[] = {
    {"succeeded", "✓", "ok", "32", false},       {"started", "▸", "start", "36", false},
    {"skipped", "–", "skip", "2", false},        {"waiting", "…", "wait", "33", false},
    {"retrying", "↻", "retry", "33", false},     {"failed", "✗", "failed", "1;31", true},
    {"cancelled", "■", "cancel", "33", true},    {"in_doubt", "?", "doubt", "1;35", true},
    {"resolved", "!", "settled", "35", false},   {"undoing", "↶", "undo", "36", false},
    {"rolled_back", "↶", "undone", "33", false}, {"rollback_failed", "✗", "failed", "1;31", true},
    {"gate", "●", "gate", "1;36", false},        {"run", "▶", "run", "1", false},
    {"resume", "▶", "resume", "1", false},       {"expected", "…", "expect", "2", false},
    {"open", "…", "open", "33", false},          {"rollback", "↶", "back", "1;33", true},
    {"signal", "!", "signal", "1;33", true},     {"clock", "!", "clock", "33", true},
    {"unsealed", "!", "seal", "1;33", true},     {"ran", "✓", "ran", "32", false},
    {"tried", "✓", "tried", "32", false},        {"checked", "✓", "checked", "36", false},
    {"shown", "–", "shown", "2", false},
};

static const struct mark *mark_find(const char *name) {
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        if (text_equal(marks[i].name, name)) {
            return &marks[i];
        }
    }
    return mark_find("failed");
}

void line_color(struct buf *out, const struct text_style *style, const char *color,
                const char *text) {
    if (style->color) {
        buf_printf(out, "\x1b[%sm%s\x1b[0m", color, text);
    } else {
        buf_puts(out, text);
    }
}

/* One line of text, broken at spaces where it is wider than the window. A word that is wider is
 * left to the terminal, so that it can be copied whole. */
static void fill_line(struct buf *out, const char *text, const char *indent, size_t columns) {
    size_t used = strlen(indent);
    buf_puts(out, indent);
    while (*text) {
        const size_t spaces = strspn(text, " ");
        const size_t word = strcspn(text + spaces, " ");
        const size_t width = text_width(text + spaces, word);
        if (columns > 0 && used > strlen(indent) && used + spaces + width >= columns) {
            buf_printf(out, "\n%s", indent);
            used = strlen(indent);
        } else {
            buf_append(out, text, spaces);
            used += spaces;
        }
        buf_append(out, text + spaces, word);
        used += width;
        text += spaces + word;
    }
    buf_putc(out, '\n');
}

void line_block(struct buf *out, const char *text, const char *indent, size_t columns) {
    while (*text) {
        const size_t length = strcspn(text, "\n");
        AUTO_BUF line = BUF_INIT(1 << 20);
        text_escape(&line, text, length, false);
        fill_line(out, buf_text(&line), indent, columns);
        text += length + (text[length] == '\n');
    }
}

void line_elapsed(struct buf *out, int64_t ms) {
    const int64_t seconds = ms / 1000;
    if (seconds < 60) {
        buf_printf(out, "%" PRId64 "s", seconds);
    } else if (seconds < 3600) {
        buf_printf(out, "%" PRId64 "m %02" PRId64 "s", seconds / 60, seconds % 60);
    } else {
        buf_printf(out, "%" PRId64 "h %02" PRId64 "m", seconds / 3600, seconds / 60 % 60);
    }
}

bool line_is_container(const char *action) {
    const struct step_type *type = action ? step_type_find(action) : NULL;
    return type && type->expand;
}

/* One line being made. */
struct line {
    struct buf *out;
    const struct event *event;
    const struct model *model;
    const struct line_style *style;
};

static void put_mark(struct line *line, const struct mark *mark) {
    const struct text_style *text = &line->style->text;
    if (line->style->live && text->unicode) {
        line_color(line->out, text, mark->color, mark->sign);
        buf_putc(line->out, ' ');
        return;
    }
    line_color(line->out, text, mark->color, mark->word);
    for (size_t width = strlen(mark->word); width < 8; width++) {
        buf_putc(line->out, ' ');
    }
}

static void put_text(struct line *line, const char *text) {
    text_escape(line->out, text, strlen(text), false);
}

static void put_duration(struct line *line, const char *before, int64_t ms) {
    AUTO_TEXT shown = text_show_duration(ms);
    buf_printf(line->out, "%s%s", before, shown);
}

/* What a step's line belongs to, where neither its mark nor its place says so. */
static const char *phase_told(const struct event *event, const char *mark_name) {
    const bool is_undo = text_equal(mark_name, "undoing") || text_equal(mark_name, "rolled_back");
    if (text_equal(event->phase, "rollback") && !is_undo) {
        return " (rollback)";
    }
    return text_equal(event->phase, "finally") ? " (finally)" : "";
}

/* `✓ restore`, and in the rollback and at the end what it belongs to. */
static void put_step(struct line *line, const char *mark_name) {
    put_mark(line, mark_find(mark_name));
    const char *step = line->event->step ? line->event->step : "";
    const char *phase = phase_told(line->event, mark_name);
    const size_t columns = line->style->text.columns;
    const size_t beside = 10 + strlen(phase);
    if (columns > beside + 2 && text_width(step, strlen(step)) > columns - beside) {
        text_fit(line->out, step, strlen(step), columns - beside, line->style->text.unicode);
    } else {
        put_text(line, step);
    }
    if (*phase) {
        line_color(line->out, &line->style->text, "2", phase);
    }
}

static void put_error(struct line *line) {
    const struct event *event = line->event;
    if (EVENT_HAS(event, error) && event->error) {
        line_block(line->out, event->error, "    ", line->style->text.columns);
    }
    if (EVENT_HAS(event, hint) && event->hint) {
        line_color(line->out, &line->style->text, "36", "    hint:");
        buf_putc(line->out, ' ');
        put_text(line, event->hint);
        buf_putc(line->out, '\n');
    }
}

/* ---- the events --------------------------------------------------------------------------- */

static void say_run_started(struct line *line) {
    const struct event *event = line->event;
    put_mark(line, mark_find("run"));
    AUTO_BUF name = BUF_INIT(65536);
    text_escape(&name, event->name, strlen(event->name), false);
    line_color(line->out, &line->style->text, "1", buf_text(&name));
    if (EVENT_HAS(event, steps)) {
        buf_printf(line->out, ", %" PRId64 " step%s", event->steps, event->steps == 1 ? "" : "s");
    }
    if (EVENT_HAS(event, dry_run) && event->dry_run) {
        buf_puts(line->out, ", dry run");
    }
    buf_printf(line->out, ", run %s\n", event->run);
}

/* Of attempts that an engine before this one began. Groups end when their members do. */
static bool is_left(const struct model_step *step) {
    const bool is_group = line_is_container(step->action) || text_equal(step->action, "foreach");
    return model_step_is_open(step) && step->attempt > 0 && !is_group &&
           !(text_equal(step->status, "rolling_back") && text_equal(step->phase, "run"));
}

static void say_left(struct line *line, const struct model_step *step) {
    const bool is_asked = text_equal(step->status, "waiting") && step->more->message;
    const bool is_paused = text_equal(step->status, "waiting") && !step->more->message;
    put_mark(line, mark_find("open"));
    put_text(line, step->step);
    if (text_equal(step->phase, "rollback")) {
        line_color(line->out, &line->style->text, "2", " (rollback)");
    }
    put_duration(line, is_asked ? "  asked " : "  began ",
                 (line->model->last_mono_ns - step->started_mono_ns) / NS_PER_MS);
    buf_puts(line->out, is_asked    ? " ago, not answered\n"
                        : is_paused ? " ago, between two attempts\n"
                                    : " ago, its end is not recorded\n");
}

static void say_run_resumed(struct line *line) {
    const struct model *model = line->model;
    size_t left = 0, doubts = 0, done = model->steps_done;
    for (size_t i = 0; i < model->step_count; i++) {
        const bool is_doubt = text_equal(model->steps[i]->status, "in_doubt");
        left += is_left(model->steps[i]);
        doubts += is_doubt;
        done -= is_doubt && model->steps[i]->settled;
    }
    put_mark(line, mark_find(text_equal(line->event->reason, "rollback") ? "rollback" : "resume"));
    AUTO_BUF name = BUF_INIT(65536);
    text_escape(&name, model->name, strlen(model->name), false);
    line_color(line->out, &line->style->text, "1", buf_text(&name));
    buf_puts(line->out, ", run ");
    put_text(line, model->run);
    buf_printf(line->out, ": %zu of %" PRId64 " steps %s done", done, model->steps_total,
               done == 1 ? "is" : "are");
    if (doubts > 0) {
        buf_printf(line->out, ", %zu in doubt", doubts);
    }
    if (left > 0) {
        buf_printf(line->out, ", %zu ran when the engine was lost", left);
    }
    buf_putc(line->out, '\n');
    for (size_t i = 0; i < model->step_count; i++) {
        if (is_left(model->steps[i])) {
            say_left(line, model->steps[i]);
        }
    }
}

static void say_with_reason(struct line *line, const char *mark, const char *between) {
    put_step(line, mark);
    buf_puts(line->out, between);
    put_text(line, line->event->reason ? line->event->reason : "");
    buf_putc(line->out, '\n');
}

static void say_skipped(struct line *line) {
    const bool is_shown = model_dry_word(line->event) != NULL;
    say_with_reason(line, is_shown ? "shown" : "skipped", is_shown ? "  " : "  skipped: ");
}

/* What a dry run did about a step, and what it saw. */
static void say_dry(struct line *line, const char *word) {
    const struct event *event = line->event;
    const bool is_good = text_equal(event->status, "succeeded");
    put_step(line, is_good ? word : event->status);
    if (!is_good) {
        buf_printf(line->out, "  %s", word);
    }
    put_duration(line, "  ", event->duration_ms);
    if (is_good && EVENT_HAS(event, reason) && event->reason && *event->reason) {
        buf_puts(line->out, "  ");
        put_text(line, event->reason);
    }
    buf_putc(line->out, '\n');
    put_error(line);
}

static void say_waiting(struct line *line) {
    if (!line->style->live) {
        say_with_reason(line, "waiting", "  waits: ");
    }
}

static void say_started(struct line *line) {
    const struct event *event = line->event;
    /* A handler is told at both ends, whatever it consists of. */
    const bool is_undo = text_equal(event->phase, "rollback");
    /* A dry run begins nothing: it tells what came of looking. */
    if (line->style->live || line->model->dry_run ||
        (line_is_container(event->action) && !is_undo)) {
        return;
    }
    put_step(line, is_undo ? "undoing" : "started");
    if (event->attempt > 1) {
        buf_printf(line->out, "  attempt %" PRId64, event->attempt);
        if (EVENT_HAS(event, attempts) && event->attempts >= event->attempt) {
            buf_printf(line->out, " of %" PRId64, event->attempts);
        }
    }
    buf_putc(line->out, '\n');
}

static void say_retrying(struct line *line) {
    const struct event *event = line->event;
    put_step(line, "retrying");
    buf_printf(line->out, "  attempt %" PRId64, event->attempt);
    if (EVENT_HAS(event, attempts)) {
        buf_printf(line->out, " of %" PRId64, event->attempts);
    }
    put_duration(line, " failed, the next in ", event->delay_ms);
    buf_putc(line->out, '\n');
    put_error(line);
}

/* The title, as far as the line that begins at `begin` has room for it. */
static void put_title(struct line *line, const struct model_step *step, size_t begin) {
    const char *title = step ? step->title : NULL;
    const size_t columns = line->style->text.columns;
    const size_t used = screen_width(line->out->data + begin, line->out->length - begin);
    if (!title || (columns > 0 && used + 16 > columns)) {
        return;
    }
    AUTO_BUF text = BUF_INIT(65536);
    if (columns > 0) {
        text_fit(&text, title, strlen(title), columns - used - 2, line->style->text.unicode);
    } else {
        text_escape(&text, title, strlen(title), false);
    }
    buf_puts(line->out, "  ");
    line_color(line->out, &line->style->text, "2", buf_text(&text));
}

static const char *finished_mark(const struct event *event) {
    const bool undoing = text_equal(event->phase, "rollback");
    if (undoing && text_equal(event->status, "succeeded")) {
        return "rolled_back";
    }
    if (undoing && text_equal(event->status, "failed")) {
        return "rollback_failed";
    }
    return event->status;
}

static void say_finished(struct line *line) {
    const struct event *event = line->event;
    const char *dry = model_dry_word(event);
    if (dry) {
        say_dry(line, dry);
        return;
    }
    const char *mark = line->model->dry_run ? event->status : finished_mark(event);
    const struct model_step *step = model_find(line->model, event->phase, event->step);
    if (text_equal(mark, "succeeded") && step && line_is_container(step->action)) {
        return;
    }
    const size_t begin = line->out->length;
    put_step(line, mark);
    if (text_equal(mark, "rolled_back")) {
        buf_puts(line->out, "  rolled back");
    } else if (text_equal(mark, "rollback_failed")) {
        buf_puts(line->out, "  could not be rolled back");
    } else if (text_equal(mark, "cancelled")) {
        buf_puts(line->out, "  cancelled");
    }
    put_duration(line, "  ", event->duration_ms);
    put_title(line, step, begin);
    buf_putc(line->out, '\n');
    put_error(line);
}

static void say_in_doubt(struct line *line) {
    say_with_reason(line, "in_doubt", "  is in doubt: ");
}

static void say_resolved(struct line *line) {
    put_step(line, "resolved");
    buf_puts(line->out, "  counts as ");
    put_text(line, line->event->status);
    buf_puts(line->out, ": ");
    put_text(line, line->event->reason);
    buf_putc(line->out, '\n');
}

static void put_ledger(struct line *line, enum ledger_how how) {
    if (line->style->quiet || !EVENT_HAS(line->event, notes)) {
        return;
    }
    AUTO_VALUE ledger = ledger_of_notes(line->event->notes);
    ledger_show(line->out, ledger, how, &line->style->text);
}

static void say_gate_opened(struct line *line) {
    if (line->style->asks) {
        return;
    }
    put_step(line, "gate");
    buf_puts(line->out, "  asks: ");
    put_text(line, line->event->message);
    buf_putc(line->out, '\n');
    put_ledger(line, LEDGER_BRIEF);
}

static void say_gate_answered(struct line *line) {
    const struct event *event = line->event;
    put_step(line, "gate");
    buf_puts(line->out, *event->step ? "  " : "(interrupt)  ");
    put_text(line, event->answer);
    buf_puts(line->out, " by ");
    put_text(line, event->by);
    if (EVENT_HAS(event, comment) && event->comment && *event->comment) {
        buf_puts(line->out, ": ");
        put_text(line, event->comment);
    }
    buf_putc(line->out, '\n');
}

static void say_gate_escalated(struct line *line) {
    put_step(line, "gate");
    buf_puts(line->out, "  ");
    if (EVENT_HAS(line->event, reason)) {
        put_text(line, line->event->reason);
        buf_puts(line->out, "; ");
    }
    buf_puts(line->out, "more people are told");
    AUTO_VALUE approvers =
        EVENT_HAS(line->event, approvers) ? value_copy(line->event->approvers) : value_null();
    for (size_t i = 0; i < value_count(approvers); i++) {
        AUTO_VALUE name = value_at(approvers, i);
        buf_puts(line->out, i == 0 ? ", and may answer: " : ", ");
        put_text(line, value_text(name));
    }
    buf_putc(line->out, '\n');
}

static void say_gate_closed(struct line *line) {
    if (text_equal(line->event->answer, "expired")) {
        put_step(line, "failed");
        buf_puts(line->out, "  nobody answered in time\n");
    }
}

static void say_rollback_begun(struct line *line) {
    put_mark(line, mark_find("rollback"));
    buf_puts(line->out, "rolling back: ");
    put_text(line, line->event->reason);
    buf_putc(line->out, '\n');
    if (!line->style->undo_told) {
        put_ledger(line, LEDGER_BEGUN);
    }
}

static void say_signal(struct line *line) {
    put_mark(line, mark_find("signal"));
    const size_t columns = line->style->text.columns;
    put_text(line, line->event->signal);
    if (!EVENT_HAS(line->event, reason)) {
        buf_putc(line->out, '\n');
        return;
    }
    buf_puts(line->out, columns > 0 ? "\n" : ": ");
    line_block(line->out, line->event->reason, columns > 0 ? "    " : "", columns);
}

static void say_clock_jumped(struct line *line) {
    put_mark(line, mark_find("clock"));
    put_duration(line, "the clock was set by ", line->event->duration_ms);
    buf_putc(line->out, '\n');
}

/* A seal that was made needs no words. */
static void say_checkpoint(struct line *line) {
    if (!EVENT_HAS(line->event, error)) {
        return;
    }
    put_mark(line, mark_find("unsealed"));
    buf_puts(line->out, "not sealed: ");
    put_text(line, line->event->error);
    buf_putc(line->out, '\n');
}

static void (*const sayers[EVENT_TYPE_COUNT])(struct line *line) = {
    [EVENT_RUN_STARTED] = say_run_started,     [EVENT_RUN_RESUMED] = say_run_resumed,
    [EVENT_STEP_SKIPPED] = say_skipped,        [EVENT_STEP_WAITING] = say_waiting,
    [EVENT_STEP_STARTED] = say_started,        [EVENT_STEP_RETRYING] = say_retrying,
    [EVENT_STEP_FINISHED] = say_finished,      [EVENT_STEP_IN_DOUBT] = say_in_doubt,
    [EVENT_STEP_RESOLVED] = say_resolved,      [EVENT_GATE_OPENED] = say_gate_opened,
    [EVENT_GATE_ANSWERED] = say_gate_answered, [EVENT_GATE_ESCALATED] = say_gate_escalated,
    [EVENT_GATE_CLOSED] = say_gate_closed,     [EVENT_ROLLBACK_BEGUN] = say_rollback_begun,
    [EVENT_SIGNAL_RECEIVED] = say_signal,      [EVENT_CLOCK_JUMPED] = say_clock_jumped,
    [EVENT_CHECKPOINT] = say_checkpoint,
};

/* What --quiet still says. */
static bool is_bad(const struct event *event) {
    switch (event->type) {
    case EVENT_STEP_FINISHED:
        return mark_find(finished_mark(event))->bad;
    case EVENT_STEP_IN_DOUBT:
    case EVENT_ROLLBACK_BEGUN:
    case EVENT_SIGNAL_RECEIVED:
    case EVENT_CHECKPOINT:
        return true;
    case EVENT_GATE_CLOSED:
        return text_equal(event->answer, "expired");
    default:
        return false;
    }
}

void line_event(struct buf *out, const struct event *event, const struct model *model,
                const struct line_style *style) {
    if (!sayers[event->type] || (style->quiet && !is_bad(event))) {
        return;
    }
    struct line line = {.out = out, .event = event, .model = model, .style = style};
    sayers[event->type](&line);
}

void line_expected(struct buf *out, const struct estimate_span *whole,
                   const struct line_style *style) {
    struct line line = {.out = out, .style = style};
    AUTO_TEXT half = text_show_duration(whole->p50_ms);
    AUTO_TEXT most = text_show_duration(whole->p90_ms);
    put_mark(&line, mark_find("expected"));
    buf_printf(out, "%s (p50), %s (p90), from %" PRId64 " earlier run%s\n", half, most,
               whole->count, whole->count == 1 ? "" : "s");
}
