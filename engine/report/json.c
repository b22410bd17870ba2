#include "base/text.h"
#include "report/report.h"

/* `object` with `text` under `key`, where there is one. */
static value set_text(value object, const char *key, const char *text) {
    return text ? value_set(object, key, value_string(text)) : object;
}

static value set_time(value object, const char *key, int64_t wall_ns) {
    char text[CLOCK_TEXT_SIZE];
    if (wall_ns == 0)
        return object;
    clock_format(wall_ns, text);
    return value_set(object, key, value_string(text));
}

static value set_value(value object, const char *key, value item) {
    const bool is_empty = !value_is(item, VALUE_OBJECT) && !value_is(item, VALUE_ARRAY);
    return is_empty || value_count(item) == 0 ? object : value_set(object, key, value_copy(item));
}

/* ---- a run --------------------------------------------------------------------------------- */

static value head_value(const struct report *report) {
    const struct model *model = &report->model;
    value head = value_set(value_object(), "version", value_integer(1));
    head = set_text(head, "run", model->run);
    head = set_text(head, "name", model->name);
    head = set_text(head, "runbook", model->runbook);
    head = set_text(head, "status", model->status);
    head = set_text(head, "damage", report->damage);
    head = value_set(head, "exit", value_integer(model->exit));
    head = set_text(head, "reason", model->reason);
    head = set_text(head, "error", model->error);
    head = value_set(head, "dry_run", value_bool(model->dry_run));
    head = set_time(head, "began", model->started_wall_ns);
    head = set_time(head, "ended", model->finished ? model->last_wall_ns : 0);
    head = value_set(head, "duration_ms", value_integer(model->duration_ms));
    head = set_text(head, "user", model->user);
    head = set_text(head, "host", model->host);
    head = set_text(head, "profile", model->profile);
    head = set_value(head, "params", model->params);
    head = set_text(head, "engine", model->engine);
    head = value_set(head, "resumes", value_integer((int64_t)model->resumes));
    head = set_text(head, "rollback", model->rollback_status);
    head = set_value(head, "objectives", model->objectives);
    head = set_value(head, "hands", model->hands);
    head = value_set(head, "counts", report_counts(model));
    return set_value(head, "transcript", report->proof_value);
}

static value step_value(const struct model *model, const struct model_step *step) {
    value object = set_text(value_object(), "phase", step->phase);
    object = set_text(object, "step", step->step);
    object = set_text(object, "title", step->title);
    object = set_text(object, "action", step->action);
    object = set_text(object, "effect", step->more->effect);
    object = set_text(object, "status", step->status);
    object = set_text(object, "dry_run", step->more->dry);
    object = set_time(object, "began", report_step_began(model, step));
    object = value_set(object, "duration_ms", value_integer(step->duration_ms));
    object = value_set(object, "attempts", value_integer(step->attempt));
    object = set_text(object, "reason", step->more->reason);
    object = set_text(object, "error", step->more->error);
    object = set_text(object, "hint", step->more->hint);
    object = set_text(object, "message", step->more->message);
    object = set_text(object, "answer", step->more->answer);
    object = set_text(object, "by", step->more->by);
    object = set_text(object, "comment", step->more->comment);
    object = set_value(object, "plan", step->more->plan);
    object = set_value(object, "result", step->more->result);
    object = set_value(object, "outputs", step->more->outputs);
    return set_value(object, "output", step->more->output);
}

static value item_value(const struct timeline_item *item) {
    value object = set_time(value_object(), "time", item->wall_ns);
    object = value_set(object, "type", value_word(item->type));
    object = set_text(object, "step", item->step);
    return set_text(object, "text", item->text);
}

/* One item after the other: a report of a million steps is never a million values. */
static void list_put(struct buf *out, const char *key, size_t count,
                     value (*make)(const struct report *report, size_t index),
                     const struct report *report) {
    buf_printf(out, ",\"%s\":[", key);
    for (size_t i = 0; i < count; i++) {
        AUTO_VALUE item = make(report, i);
        buf_puts(out, i > 0 ? "," : "");
        value_dump(out, item);
    }
    buf_puts(out, "]");
}

static value make_step(const struct report *report, size_t index) {
    return step_value(&report->model, report->model.steps[index]);
}

static value make_item(const struct report *report, size_t index) {
    return item_value(&report->timeline.items.items[index]);
}

static void write_json(struct buf *out, const struct report *report) {
    AUTO_VALUE head = head_value(report);
    AUTO_TEXT text = value_to_json(head);
    buf_append(out, text, strlen(text) - 1); /* its brace stays open */
    list_put(out, "steps", report->model.step_count, make_step, report);
    list_put(out, "timeline", report->timeline.items.count, make_item, report);
    buf_printf(out, ",\"timeline_left_out\":%zu}\n", report->timeline.dropped);
}

/* ---- two runs ------------------------------------------------------------------------------ */

static value standing_value(const struct model_step *step) {
    if (!step)
        return value_null();
    value object = set_text(value_object(), "status", step->status);
    return value_set(object, "duration_ms", value_integer(step->duration_ms));
}

struct pairs {
    struct buf *out;
    const char *between;
};

static void pair_put(void *user, const struct model_step *before, const struct model_step *after) {
    struct pairs *pairs = user;
    const struct model_step *step = after ? after : before;
    value object = set_text(value_object(), "phase", step->phase);
    object = set_text(object, "step", step->step);
    object = value_set(object, "before", standing_value(before));
    AUTO_VALUE whole = value_set(object, "after", standing_value(after));
    buf_puts(pairs->out, pairs->between);
    value_dump(pairs->out, whole);
    pairs->between = ",";
}

static void compare_json(struct buf *out, const struct report *before, const struct report *after) {
    AUTO_VALUE first = head_value(before);
    AUTO_VALUE second = head_value(after);
    struct pairs pairs = {out, ""};
    buf_puts(out, "{\"version\":1,\"before\":");
    value_dump(out, first);
    buf_puts(out, ",\"after\":");
    value_dump(out, second);
    buf_puts(out, ",\"steps\":[");
    report_pairs(&before->model, &after->model, pair_put, &pairs);
    buf_puts(out, "]}\n");
}

const struct report_format report_format_json = {.write = write_json, .compare = compare_json};
