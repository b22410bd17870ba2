#include "report/text.h"

#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "report/text_parts.h"

/* The summary of a larger run leaves out what simply succeeded. */
#define SUMMARY_ROWS ((size_t)200)
#define SHOWN_VALUE_MAX ((size_t)2000)

static bool step_is_quiet(const struct model_step *step) {
    return text_equal(step->status, "succeeded") && step->attempt <= 1 && !step->more->error;
}

static size_t phase_count(const struct model *model, const char *phase) {
    size_t count = 0;
    for (size_t i = 0; i < model->step_count; i++)
        count += text_equal(model->steps[i]->phase, phase);
    return count;
}

static void phase_rows(const struct page *page, const char *phase) {
    const struct model *model = page->model;
    bool all = phase_count(model, phase) <= SUMMARY_ROWS;
    size_t left_out = 0;
    for (size_t i = 0; i < model->step_count; i++) {
        const struct model_step *step = model->steps[i];
        if (!text_equal(step->phase, phase))
            continue;
        if (!all && step_is_quiet(step)) {
            left_out++;
            continue;
        }
        page_row(page, step);
        page_trouble(page, step, 6);
    }
    if (left_out > 0)
        (void)buf_printf(page->out, "  %zu more steps succeeded; `runbook show` tells of each\n",
                         left_out);
}

static void rollback_heading(const struct page *page) {
    const struct model *model = page->model;
    bool undone = text_equal(model->rollback_status, "rolled_back");
    bool failed = text_equal(model->rollback_status, "rollback_failed");
    page_heading(page, undone ? "Rolled back" : failed ? "The rollback failed" : "Rolling back");
    if (model->rollback_reason && *model->rollback_reason)
        page_block(page, 2, "because: ", COLOR_DIM, model->rollback_reason);
    if (phase_count(model, "rollback") == 0)
        (void)buf_puts(page->out, "  nothing had to be undone\n");
}

static void report_phases(const struct page *page,
                          void (*rows)(const struct page *page, const char *phase)) {
    if (phase_count(page->model, "run") > 0)
        (void)buf_putc(page->out, '\n');
    rows(page, "run");
    if (page->model->rollback_status) {
        rollback_heading(page);
        rows(page, "rollback");
    } else if (page->model->dry_run && phase_count(page->model, "rollback") > 0) {
        page_heading(page, "What would undo it");
        rows(page, "rollback");
    }
    if (phase_count(page->model, "finally") > 0) {
        page_heading(page, "Finally");
        rows(page, "finally");
    }
}

void report_summary(struct buf *out, const struct model *model, const char *dir,
                    const struct text_style *style) {
    struct page page = page_new(out, model, style);
    page_title(&page);
    report_phases(&page, phase_rows);
    page_tail(&page, dir);
}

/* ---- all of it ----------------------------------------------------------------------------- */

static void show_field(const struct page *page, const char *label, const char *text) {
    AUTO_TEXT name = mem_printf("%-11s ", label);
    if (text && *text)
        page_block(page, 0, name, COLOR_DIM, text);
}

static void show_head(const struct page *page) {
    const struct model *model = page->model;
    char started[CLOCK_TEXT_SIZE];
    clock_format(model->started_wall_ns, started);
    AUTO_TEXT by = mem_printf("%s%s%s", model->user ? model->user : "", model->host ? " on " : "",
                              model->host ? model->host : "");
    AUTO_TEXT resumes = model->resumes ? mem_printf("%zu times", model->resumes) : NULL;
    AUTO_TEXT params =
        value_count(model->params) > 0 ? value_to_json(model->params) : mem_strdup("");
    (void)buf_putc(page->out, '\n');
    show_field(page, "run", model->run);
    show_field(page, "runbook", model->runbook);
    show_field(page, "started", model->run ? started : NULL);
    show_field(page, "by", by);
    show_field(page, "profile", model->profile);
    show_field(page, "parameters", params);
    show_field(page, "resumed", resumes);
    show_field(page, "engine", model->engine);
}

/* `text` up to a length that a person may read. */
static void show_text(const struct page *page, const char *label, char *text) {
    size_t length = strlen(text);
    if (length > SHOWN_VALUE_MAX) {
        length = SHOWN_VALUE_MAX;
        while (length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80)
            length--;
        text[length] = '\0';
        AUTO_TEXT cut = mem_printf("%s%s", text, page->style->unicode ? "…" : "...");
        page_block(page, 6, label, COLOR_DIM, cut);
        return;
    }
    page_block(page, 6, label, COLOR_DIM, text);
}

static void show_members(const struct page *page, const char *label, value object) {
    value key, item;
    for (size_t i = 0; value_next(object, &i, &key, &item);) {
        AUTO_TEXT text = value_to_text(item);
        bool usual = text_equal(value_text(key), "exit_code") && text_equal(text, "0");
        AUTO_BUF name = BUF_INIT(TRANSCRIPT_LINE_MAX * 8);
        (void)buf_printf(&name, "%s ", label);
        text_escape(&name, value_text(key), value_text_length(key), false);
        (void)buf_puts(&name, ": ");
        if (!usual)
            show_text(page, buf_text(&name), text);
        value_free(key);
        value_free(item);
    }
}

static void show_notes(const struct page *page, value notes) {
    for (size_t i = 0; i < value_count(notes); i++) {
        AUTO_VALUE note = value_at(notes, i);
        AUTO_VALUE what = value_at(note, 0);
        AUTO_VALUE body = value_at(note, 1);
        AUTO_TEXT text = value_to_text(body);
        AUTO_BUF name = BUF_INIT(TRANSCRIPT_LINE_MAX * 8);
        text_escape(&name, value_text(what), value_text_length(what), false);
        (void)buf_puts(&name, ": ");
        show_text(page, buf_text(&name), text);
    }
}

/* The text itself, or where it is. */
static void show_stream(const struct page *page, const char *name, value stream) {
    AUTO_VALUE text = value_get(stream, "text");
    AUTO_VALUE file = value_get(stream, "file");
    AUTO_VALUE bytes = value_get(stream, "bytes");
    int64_t count;
    if (value_is(text, VALUE_STRING)) {
        AUTO_TEXT shown = value_to_text(text);
        for (size_t end = strlen(shown); end > 0 && shown[end - 1] == '\n'; end--)
            shown[end - 1] = '\0';
        show_text(page, name, shown);
        return;
    }
    AUTO_TEXT size = value_as_integer(bytes, &count) ? text_show_size(count) : mem_strdup("?");
    AUTO_TEXT where = mem_printf("%s in %s", size, value_text(file));
    if (value_is(file, VALUE_STRING))
        page_block(page, 6, name, COLOR_DIM, where);
}

static void show_streams(const struct page *page, value output) {
    value key, item;
    for (size_t i = 0; value_next(output, &i, &key, &item);) {
        AUTO_BUF name = BUF_INIT(TRANSCRIPT_LINE_MAX * 8);
        text_escape(&name, value_text(key), value_text_length(key), false);
        (void)buf_puts(&name, ": ");
        show_stream(page, buf_text(&name), item);
        value_free(key);
        value_free(item);
    }
}

static void show_step(const struct page *page, const struct model_step *step) {
    page_row(page, step);
    page_plan(page, step->more->plan, 6);
    if (step->more->message)
        page_block(page, 6, "asked: ", COLOR_DIM, step->more->message);
    if (step->more->comment)
        page_block(page, 6, "comment: ", COLOR_DIM, step->more->comment);
    page_trouble(page, step, 6);
    if (value_is(step->more->result, VALUE_OBJECT))
        show_members(page, "result", step->more->result);
    show_members(page, "output", step->more->outputs);
    show_notes(page, step->more->notes);
    show_streams(page, step->more->output);
}

static void show_phase(const struct page *page, const char *phase) {
    for (size_t i = 0; i < page->model->step_count; i++)
        if (text_equal(page->model->steps[i]->phase, phase))
            show_step(page, page->model->steps[i]);
}

void report_show(struct buf *out, const struct model *model, const char *dir,
                 const struct text_style *style) {
    struct page page = page_new(out, model, style);
    page_title(&page);
    show_head(&page);
    report_phases(&page, show_phase);
    page_tail(&page, dir);
}
