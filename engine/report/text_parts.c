#include "report/text_parts.h"

#include <inttypes.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"

/* A table of steps gives names at most so many columns. */
#define NAME_WIDTH_MAX ((size_t)40)
#define DURATION_WIDTH ((size_t)8)
#define LEAST_TITLE ((size_t)8)

static const struct status_look looks[] = {
    {"pending", "pending", "·", ".", COLOR_DIM},
    {"skipped", "skipped", "⊘", "-", COLOR_DIM},
    {"waiting", "waiting", "…", ".", COLOR_WARN},
    {"running", "running", "▸", ">", COLOR_HINT},
    {"succeeded", "succeeded", "✓", "+", COLOR_GOOD},
    {"failed", "failed", "✗", "x", COLOR_BAD},
    {"cancelled", "cancelled", "■", "!", COLOR_WARN},
    {"in_doubt", "in doubt", "?", "?", "1;35"},
    {"rolling_back", "rolling back", "↺", "<", COLOR_WARN},
    {"rolled_back", "rolled back", "↺", "<", COLOR_WARN},
    {"rollback_failed", "rollback failed", "✗", "x", COLOR_BAD},
    {"rejected", "rejected", "✗", "x", COLOR_BAD},
    {"expired", "expired", "✗", "x", COLOR_BAD},
    {"interrupted", "interrupted", "■", "!", COLOR_WARN},
    {"stopped", "stopped", "■", "!", COLOR_WARN},
    {"incomplete", "incomplete", "?", "?", COLOR_WARN},
    {"crashed", "crashed", "!", "!", COLOR_BAD},
};

struct status_look status_look(const char *status) {
    for (size_t i = 0; i < sizeof looks / sizeof *looks; i++)
        if (text_equal(looks[i].status, status))
            return looks[i];
    return (struct status_look){status, status, "•", "*", COLOR_HEAD};
}

/* Of a dry run what was done about it, and that it would fail; of a loop, a group or a call that is
 * told by its steps. */
struct status_look step_look(const struct model *model, const struct model_step *step) {
    static const char *const failed[][2] = {
        {"ran", "ran, failed"}, {"tried", "tried, failed"}, {"checked", "checked, failed"}};
    bool is_failed = text_equal(step->status, "failed");
    bool is_shown = text_equal(step->more->dry, "shown") && !is_failed;
    struct status_look look = status_look(is_shown ? "skipped" : step->status);
    if (step->more->dry && !is_failed)
        look.word = step->more->dry;
    else if (model->dry_run && text_equal(step->status, "succeeded"))
        look.word = "its steps:";
    for (size_t i = 0; is_failed && i < sizeof failed / sizeof *failed; i++)
        if (text_equal(step->more->dry, failed[i][0]))
            look.word = failed[i][1];
    return look;
}

/* ---- a page -------------------------------------------------------------------------------- */

/* Foreign text as it will be shown, on one line. */
static char *shown_text(const char *text) {
    AUTO_BUF out = BUF_INIT(TRANSCRIPT_LINE_MAX * 8);
    text_escape(&out, text, strlen(text), false);
    return buf_detach(&out);
}

static size_t shown_width(const char *text) {
    AUTO_TEXT shown = shown_text(text);
    return text_width(shown, strlen(shown));
}

struct page page_new(struct buf *out, const struct model *model, const struct text_style *style) {
    struct page page = {.out = out, .style = style, .model = model};
    size_t most =
        style->columns && style->columns / 3 < NAME_WIDTH_MAX ? style->columns / 3 : NAME_WIDTH_MAX;
    for (size_t i = 0; i < model->step_count; i++) {
        size_t name = shown_width(model->steps[i]->step);
        size_t word = strlen(step_look(model, model->steps[i]).word);
        if (name > page.name_width)
            page.name_width = name;
        if (word > page.word_width)
            page.word_width = word;
    }
    if (page.name_width > most)
        page.name_width = most;
    return page;
}

void page_color(const struct page *page, const char *color, const char *text) {
    if (page->style->color && color)
        (void)buf_printf(page->out, "\x1b[%sm%s\x1b[0m", color, text);
    else
        (void)buf_puts(page->out, text);
}

void page_spaces(const struct page *page, size_t count) {
    while (count-- > 0)
        (void)buf_putc(page->out, ' ');
}

void page_fit(const struct page *page, const char *text, size_t used) {
    size_t columns = page->style->columns;
    if (columns == 0)
        text_escape(page->out, text, strlen(text), false);
    else if (columns > used)
        text_fit(page->out, text, strlen(text), columns - used, page->style->unicode);
}

void page_block(const struct page *page, size_t indent, const char *label, const char *color,
                const char *text) {
    bool first = true;
    do {
        size_t length = strcspn(text, "\n");
        page_spaces(page, indent);
        if (label && first)
            page_color(page, color, label);
        else if (label)
            page_spaces(page, strlen(label));
        text_escape(page->out, text, length, false);
        (void)buf_putc(page->out, '\n');
        text += length + (text[length] == '\n');
        first = false;
    } while (*text);
}

void page_heading(const struct page *page, const char *text) {
    (void)buf_putc(page->out, '\n');
    page_color(page, COLOR_HEAD, text);
    (void)buf_putc(page->out, '\n');
}

/* ---- steps --------------------------------------------------------------------------------- */

static int64_t step_duration(const struct model *model, const struct model_step *step) {
    if (text_equal(step->status, "running") || text_equal(step->status, "waiting"))
        return (model->last_mono_ns - step->started_mono_ns) / NS_PER_MS;
    return step->duration_ms;
}

static void row_duration(const struct page *page, const struct model_step *step) {
    bool is_unknown =
        text_equal(step->status, "incomplete") || text_equal(step->status, "in_doubt");
    bool never = step->duration_ms == 0 && (step->attempt == 0 || is_unknown);
    AUTO_TEXT text = never ? mem_strdup("") : text_show_duration(step_duration(page->model, step));
    size_t width = text_width(text, strlen(text));
    page_spaces(page, width < DURATION_WIDTH ? DURATION_WIDTH - width : 0);
    page_color(page, COLOR_DIM, text);
}

/* Title, how often it was tried, who let it pass, why it was skipped. */
static void row_remarks(struct buf *out, const struct model_step *step) {
    const char *between = "";
    if (step->title) {
        (void)buf_puts(out, step->title);
        between = ", ";
    }
    if (step->attempt > 1) {
        (void)buf_printf(out, "%s%" PRId64 " attempts", between, step->attempt);
        between = ", ";
    }
    if (step->more->answer && step->more->by) {
        (void)buf_printf(out, "%s%s by %s", between, step->more->answer, step->more->by);
        between = ", ";
    }
    bool is_remark = text_equal(step->status, "skipped") ||
                     (step->more->dry && text_equal(step->status, "succeeded"));
    if (is_remark && step->more->reason)
        (void)buf_printf(out, "%s%s", between, step->more->reason);
}

/* The name in its column, dropped lines below where it does not fit would tear the table. */
static void row_name(const struct page *page, const char *name) {
    AUTO_BUF shown = BUF_INIT(TRANSCRIPT_LINE_MAX * 8);
    text_fit(&shown, name, strlen(name), page->name_width, page->style->unicode);
    (void)buf_append(page->out, buf_text(&shown), shown.length);
    size_t width = text_width(buf_text(&shown), shown.length);
    page_spaces(page, width < page->name_width ? page->name_width - width : 0);
}

/* Ends the line without the blanks of columns that held nothing. */
static void page_end_row(const struct page *page) {
    struct buf *out = page->out;
    while (out->length > 0 && out->data[out->length - 1] == ' ')
        out->data[--out->length] = '\0';
    (void)buf_putc(out, '\n');
}

void page_row(const struct page *page, const struct model_step *step) {
    struct status_look look = step_look(page->model, step);
    AUTO_BUF remarks = BUF_INIT(TRANSCRIPT_LINE_MAX * 4);
    row_remarks(&remarks, step);
    page_spaces(page, 2);
    page_color(page, look.color, page->style->unicode ? look.sign : look.ascii);
    (void)buf_putc(page->out, ' ');
    row_name(page, step->step);
    page_spaces(page, 2);
    page_color(page, look.color, look.word);
    size_t word = strlen(look.word);
    page_spaces(page, word < page->word_width ? page->word_width - word : 0);
    row_duration(page, step);
    size_t used = 2 + 2 + page->name_width + 2 + page->word_width + DURATION_WIDTH + 2;
    size_t columns = page->style->columns;
    if (remarks.length > 0 && (columns == 0 || columns > used + LEAST_TITLE)) {
        page_spaces(page, 2);
        page_fit(page, buf_text(&remarks), used);
    }
    page_end_row(page);
}

/* Each line behind a bar: foreign words, not the engine's. */
static void page_quote(const struct page *page, size_t indent, const char *text) {
    const char *bar = page->style->unicode ? "│ " : "| ";
    do {
        size_t length = strcspn(text, "\n");
        page_spaces(page, indent);
        page_color(page, COLOR_DIM, bar);
        text_escape(page->out, text, length, false);
        (void)buf_putc(page->out, '\n');
        text += length + (text[length] == '\n');
    } while (*text);
}

void page_trouble(const struct page *page, const struct model_step *step, size_t indent) {
    bool over = text_equal(step->status, "failed") || text_equal(step->status, "cancelled") ||
                text_equal(step->status, "in_doubt") || step->more->error;
    if (!over)
        return;
    if (step->more->error)
        page_block(page, indent, NULL, NULL, step->more->error);
    if (step->more->reason && *step->more->reason)
        page_quote(page, indent, step->more->reason);
    if (step->more->hint)
        page_block(page, indent, "hint: ", COLOR_HINT, step->more->hint);
}

void page_plan(const struct page *page, value plan, size_t indent) {
    for (size_t i = 0; i < value_count(plan); i++) {
        AUTO_VALUE line = value_at(plan, i);
        AUTO_VALUE label = value_at(line, 0);
        AUTO_VALUE text = value_at(line, 1);
        AUTO_TEXT shown_label = shown_text(value_text(label));
        AUTO_TEXT name = mem_printf("%s: ", shown_label);
        AUTO_TEXT body = value_to_text(text);
        page_block(page, indent, name, COLOR_DIM, body);
    }
}

/* ---- the run ------------------------------------------------------------------------------- */

/* What a dry run did about the steps: "3 ran, 1 tried, 2 shown". */
static void page_counts(const struct page *page) {
    value key, item;
    const char *between = "  ";
    for (size_t i = 0; value_next(page->model->counts, &i, &key, &item);) {
        int64_t count;
        AUTO_TEXT word = shown_text(value_text(key));
        if (value_as_integer(item, &count))
            (void)buf_printf(page->out, "%s%" PRId64 " %s", between, count, word);
        between = ", ";
        value_free(key);
        value_free(item);
    }
    if (value_count(page->model->counts) > 0)
        (void)buf_putc(page->out, '\n');
}

void page_title(const struct page *page) {
    const struct model *model = page->model;
    struct status_look look = status_look(model->status);
    AUTO_TEXT name = shown_text(model->name ? model->name : "run");
    AUTO_TEXT duration = text_show_duration(model->duration_ms);
    AUTO_TEXT word = shown_text(look.word);
    page_color(page, look.color, page->style->unicode ? look.sign : look.ascii);
    (void)buf_putc(page->out, ' ');
    page_color(page, COLOR_HEAD, name);
    (void)buf_putc(page->out, ' ');
    page_color(page, look.color, word);
    bool is_running = text_equal(model->status, "running");
    (void)buf_printf(page->out, "%s%s", is_running ? ", so far " : " after ", duration);
    if (model->exit != 0)
        (void)buf_printf(page->out, ", exit status %" PRId64, model->exit);
    if (model->dry_run)
        (void)buf_puts(page->out, " (dry run)");
    (void)buf_putc(page->out, '\n');
    if (model->error && *model->error) {
        AUTO_TEXT why = mem_printf("%s%s%s", model->reason ? model->reason : "",
                                   model->reason ? ": " : "", model->error);
        page_block(page, 2, NULL, NULL, why);
    }
    if (model->dry_run && model->finished)
        page_counts(page);
}

static char *objective_duration(value objective, const char *key) {
    AUTO_VALUE number = value_get(objective, key);
    int64_t ms;
    return value_as_integer(number, &ms) ? text_show_duration(ms) : NULL;
}

/* `owner`: whose it is, before its name; empty where it is the run's. */
static void objective_line(const struct page *page, value objectives, const char *owner,
                           const char *key, const char *name) {
    AUTO_VALUE objective = value_get(objectives, key);
    AUTO_VALUE met = value_get(objective, "met");
    AUTO_TEXT limit = objective_duration(objective, "limit_ms");
    AUTO_TEXT measured = objective_duration(objective, "measured_ms");
    if (!limit)
        return;
    bool known = value_is(met, VALUE_BOOL) && measured;
    struct status_look look = status_look(!known             ? "pending"
                                          : value_truth(met) ? "succeeded"
                                                             : "failed");
    page_spaces(page, 2);
    page_color(page, look.color, page->style->unicode ? look.sign : look.ascii);
    (void)buf_putc(page->out, ' ');
    text_escape(page->out, owner, strlen(owner), false);
    (void)buf_printf(page->out, "%s%s ", *owner ? ": " : "", name);
    page_color(page, look.color, !known ? "not known" : value_truth(met) ? "met" : "missed");
    (void)buf_printf(page->out, "%s%s, the limit is %s\n", known ? ": " : "", known ? measured : "",
                     limit);
}

static void page_objectives(const struct page *page) {
    if (!page->model->finished || value_count(page->model->objectives) == 0)
        return;
    page_heading(page, "Objectives");
    objective_line(page, page->model->objectives, "", "rto", "RTO");
    objective_line(page, page->model->objectives, "", "rpo", "RPO");
    AUTO_VALUE phases = value_get(page->model->objectives, "steps");
    for (size_t i = 0; i < value_count(phases); i++) {
        AUTO_VALUE phase = value_at(phases, i);
        AUTO_VALUE step = value_get(phase, "step");
        objective_line(page, phase, value_text(step), "rto", "RTO");
        objective_line(page, phase, value_text(step), "rpo", "RPO");
    }
}

static void hand_text(const struct page *page, value hand, const char *key, const char *label,
                      const char *color) {
    AUTO_VALUE text = value_get(hand, key);
    if (value_text_length(text) > 0)
        page_block(page, 5, label, color, value_text(text));
}

static void page_hands(const struct page *page) {
    value hands = page->model->hands;
    if (value_count(hands) == 0)
        return;
    page_heading(page, "Left for you to do, in order");
    for (size_t i = 0; i < value_count(hands); i++) {
        AUTO_VALUE hand = value_at(hands, i);
        AUTO_VALUE step = value_get(hand, "step");
        AUTO_VALUE plan = value_get(hand, "plan");
        AUTO_TEXT name = shown_text(value_text(step));
        (void)buf_printf(page->out, "%3zu. ", i + 1);
        page_color(page, COLOR_HEAD, name);
        (void)buf_putc(page->out, '\n');
        hand_text(page, hand, "title", NULL, NULL);
        page_plan(page, plan, 5);
        hand_text(page, hand, "error", "why: ", COLOR_BAD);
    }
}

static void page_place(const struct page *page, const char *label, const char *dir,
                       const char *name) {
    AUTO_TEXT path = mem_printf("%s/%s", dir, name);
    page_color(page, COLOR_DIM, label);
    /* Never cut: a path is there to be copied. */
    text_escape(page->out, path, strlen(path), false);
    (void)buf_putc(page->out, '\n');
}

static bool is_in_doubt(const struct model_step *step) {
    return text_equal(step->status, "in_doubt");
}

static void page_doubts(const struct page *page) {
    const struct model *model = page->model;
    size_t count = 0;
    page_heading(page, "In doubt: look whether these took effect");
    for (size_t i = 0; i < model->step_count; i++)
        if (is_in_doubt(model->steps[i])) {
            AUTO_TEXT name = shown_text(model->steps[i]->step);
            (void)buf_printf(page->out, "%3zu. ", ++count);
            page_color(page, COLOR_HEAD, name);
            (void)buf_putc(page->out, '\n');
            page_plan(page, model->steps[i]->more->plan, 5);
        }
}

/* A command to be copied: quoted for a shell and never cut. */
static void page_settle(const struct page *page) {
    const struct model *model = page->model;
    AUTO_BUF command = BUF_INIT(TRANSCRIPT_LINE_MAX * 64);
    (void)buf_puts(&command, "runbook resume ");
    text_shell_quote(&command, model->run);
    for (size_t i = 0; i < model->step_count; i++)
        if (is_in_doubt(model->steps[i])) {
            (void)buf_puts(&command, " --settle ");
            text_shell_quote(&command, model->steps[i]->step);
            (void)buf_puts(&command, "=done");
        }
    page_heading(
        page,
        "Then say so: done; not-done, which runs it; rerun, which runs it again all the same");
    page_block(page, 2, NULL, NULL, buf_text(&command));
}

/* How a run that was abandoned, or that ended in doubt, goes on. */
static void page_next(const struct page *page) {
    const struct model *model = page->model;
    bool is_undone = model->finished && model->rollback_status;
    if (model->run && text_equal(model->status, "in_doubt") && !is_undone) {
        page_doubts(page);
        page_settle(page);
    } else if (model->run && text_equal(model->status, "crashed")) {
        AUTO_TEXT command = mem_printf("runbook resume %s", model->run);
        page_heading(page, "Its engine is gone: the run can go on where it was");
        page_block(page, 2, NULL, NULL, command);
    }
}

void page_tail(const struct page *page, const char *dir) {
    page_objectives(page);
    if (dir) {
        (void)buf_putc(page->out, '\n');
        page_place(page, "transcript  ", dir, "transcript.jsonl");
        AUTO_TEXT output = mem_printf("%s/output", dir);
        if (!file_dir_is_empty(output))
            page_place(page, "outputs     ", dir, "output/");
    }
    page_hands(page);
    page_next(page);
}
