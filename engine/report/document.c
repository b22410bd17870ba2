#include "report/document.h"

#include <inttypes.h>
#include <stdarg.h>

#include "base/mem.h"
#include "base/text.h"
#include "report/text_parts.h"

/* A value that is shown whole has at most so many bytes. */
#define SHOWN_VALUE_MAX ((size_t)500)

/* ---- tables -------------------------------------------------------------------------------- */

void table_row(struct table *table, ...) {
    va_list cells;
    va_start(cells, table);
    for (size_t i = 0; i < table->columns; i++)
        *vec_add(&table->cells) = va_arg(cells, char *);
    va_end(cells);
    *vec_add(&table->alarms) = false;
}

void table_alarm(struct table *table, bool is_so) {
    *vec_last(&table->alarms) = is_so;
}

void table_field(struct table *table, const char *label, const char *text) {
    if (text && *text)
        table_row(table, mem_strdup(label), mem_strdup(text));
}

const char *const *table_cells(const struct table *table, size_t row) {
    return (const char *const *)&table->cells.items[row * table->columns];
}

void table_put(struct table *table, struct buf *out, const struct pen *pen, const char *heading) {
    if (table->cells.count > 0) {
        if (heading)
            pen->heading(out, heading);
        pen->table(out, table);
    }
    for (size_t i = 0; i < table->cells.count; i++)
        mem_free(table->cells.items[i]);
    vec_release(&table->cells);
    vec_release(&table->alarms);
}

/* ---- cells --------------------------------------------------------------------------------- */

char *cell_text(const char *text) {
    return text ? mem_strdup(text) : NULL;
}

char *cell_time(int64_t wall_ns) {
    char text[CLOCK_TEXT_SIZE];
    if (wall_ns == 0)
        return NULL;
    clock_format(wall_ns, text);
    return mem_printf("%.10s %.8s", text, text + strlen("2026-01-02T"));
}

/* Of a value what a person reads; where it is long, its beginning. */
static char *value_text_short(value item) {
    char *text = value_to_text(item);
    size_t length = strlen(text);
    if (length <= SHOWN_VALUE_MAX)
        return text;
    for (length = SHOWN_VALUE_MAX; length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80;)
        length--;
    char *cut = mem_printf("%.*s…", (int)length, text);
    mem_free(text);
    return cut;
}

static char *member_text(value owner, const char *key) {
    AUTO_VALUE item = value_get(owner, key);
    return value_is(item, VALUE_STRING) ? value_to_text(item) : NULL;
}

char *cell_duration(value owner, const char *key) {
    AUTO_VALUE item = value_get(owner, key);
    int64_t ms;
    return value_as_integer(item, &ms) ? text_show_duration(ms) : NULL;
}

/* ---- the run ------------------------------------------------------------------------------- */

static const char *name_of(const struct model *model) {
    return model->name ? model->name : "run";
}

char *cell_counts(const struct model *model) {
    AUTO_VALUE counts = report_counts(model);
    AUTO_BUF out = BUF_INIT(TRANSCRIPT_LINE_MAX);
    const char *between = "";
    value key, item;
    for (size_t i = 0; value_next(counts, &i, &key, &item);) {
        (void)buf_printf(&out, "%s%.0f %s", between, value_as_number(item),
                         status_look(value_text(key)).word);
        between = ", ";
        value_free(key);
        value_free(item);
    }
    return buf_detach(&out);
}

char *cell_standing(const struct model *model) {
    AUTO_TEXT duration = text_show_duration(model->duration_ms);
    const bool is_running = text_equal(model->status, "running");
    AUTO_TEXT exit =
        model->exit != 0 ? mem_printf(", exit status %" PRId64, model->exit) : mem_strdup("");
    return mem_printf("%s%s%s%s%s", status_look(model->status).word,
                      is_running ? ", so far " : " after ", duration, exit,
                      model->dry_run ? " (dry run)" : "");
}

static char *why_text(const struct model *model) {
    if (!model->error || !*model->error)
        return NULL;
    return mem_printf("%s%s%s", model->reason ? model->reason : "", model->reason ? ": " : "",
                      model->error);
}

static void put_head(struct buf *out, const struct report *report, const struct pen *pen) {
    const struct model *model = &report->model;
    struct table fields = {.columns = 2};
    AUTO_TEXT standing = cell_standing(model);
    AUTO_TEXT why = why_text(model);
    AUTO_TEXT began = cell_time(model->started_wall_ns);
    AUTO_TEXT ended = model->finished ? cell_time(model->last_wall_ns) : NULL;
    AUTO_TEXT by = model->user ? mem_printf("%s%s%s", model->user, model->host ? " on " : "",
                                            model->host ? model->host : "")
                               : NULL;
    AUTO_TEXT params = value_count(model->params) > 0 ? value_to_json(model->params) : NULL;
    AUTO_TEXT resumes = model->resumes > 0 ? mem_printf("%zu time%s", model->resumes,
                                                        model->resumes == 1 ? "" : "s")
                                           : NULL;
    AUTO_TEXT counts = cell_counts(model);
    table_field(&fields, "result", standing);
    table_field(&fields, "because", why);
    table_field(&fields, "run", model->run);
    table_field(&fields, "runbook", model->runbook);
    table_field(&fields, "began (UTC)", began);
    table_field(&fields, "ended (UTC)", ended);
    table_field(&fields, "by", by);
    table_field(&fields, "profile", model->profile);
    table_field(&fields, "parameters", params);
    table_field(&fields, "resumed", resumes);
    table_field(&fields, "steps", counts);
    table_field(&fields, "engine", model->engine);
    table_put(&fields, out, pen, NULL);
}

/* ---- objectives ---------------------------------------------------------------------------- */

/* `owner`: whose it is; NULL: the run's. */
static void objective_row(struct table *table, value objectives, const char *owner,
                          const char *key) {
    AUTO_VALUE objective = value_get(objectives, key);
    AUTO_VALUE met = value_get(objective, "met");
    char *limit = cell_duration(objective, "limit_ms");
    const bool is_known = value_is(met, VALUE_BOOL);
    const bool is_missed = is_known && !value_truth(met);
    if (!limit)
        return;
    table_row(table, mem_printf("%s%s%s", owner ? owner : "", owner ? ": " : "", key), limit,
              cell_duration(objective, "measured_ms"),
              mem_strdup(!is_known   ? "not known"
                         : is_missed ? "missed"
                                     : "met"));
    table_alarm(table, is_missed);
}

/* Of the run, of its groups and of the runbooks that it called. */
static void objectives_each(struct table *table, value objectives) {
    objective_row(table, objectives, NULL, "rto");
    objective_row(table, objectives, NULL, "rpo");
    AUTO_VALUE phases = value_get(objectives, "steps");
    for (size_t i = 0; i < value_count(phases); i++) {
        AUTO_VALUE phase = value_at(phases, i);
        AUTO_TEXT owner = member_text(phase, "step");
        objective_row(table, phase, owner, "rto");
        objective_row(table, phase, owner, "rpo");
    }
}

static void put_objectives(struct buf *out, const struct report *report, const struct pen *pen) {
    struct table table = {.names = {"objective", "limit", "measured", ""}, .columns = 4};
    objectives_each(&table, report->model.objectives);
    table_put(&table, out, pen, "Objectives");
}

/* ---- what happened ------------------------------------------------------------------------- */

static void put_timeline(struct buf *out, const struct report *report, const struct pen *pen) {
    const struct timeline *timeline = &report->timeline;
    struct table table = {.names = {"time (UTC)", "step", "what happened"}, .columns = 3};
    for (size_t i = 0; i < timeline->items.count; i++) {
        const struct timeline_item *item = &timeline->items.items[i];
        table_row(&table, cell_time(item->wall_ns), cell_text(item->step), cell_text(item->text));
    }
    if (timeline->dropped > 0)
        table_row(&table, (char *)NULL, (char *)NULL,
                  mem_printf("and %zu more that are not told here", timeline->dropped));
    table_put(&table, out, pen, "What happened");
}

/* Title, who let it pass, why it was skipped. */
static char *remark_text(const struct model_step *step) {
    const bool is_answered = step->more->answer && step->more->by;
    AUTO_TEXT answer =
        is_answered ? mem_printf("%s by %s", step->more->answer, step->more->by) : NULL;
    AUTO_TEXT tries = step->attempt > 1 ? mem_printf("%" PRId64 " attempts", step->attempt) : NULL;
    const bool is_skipped = text_equal(step->status, "skipped") || step->more->dry;
    const char *parts[] = {step->title, tries, answer, is_skipped ? step->more->reason : NULL};
    AUTO_BUF out = BUF_INIT(TRANSCRIPT_LINE_MAX * 4);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (parts[i] && *parts[i])
            (void)buf_printf(&out, "%s%s", out.length > 0 ? ", " : "", parts[i]);
    return buf_detach(&out);
}

static void step_row(struct table *table, const struct model *model,
                     const struct model_step *step) {
    const bool is_told = step->attempt > 0 || step->duration_ms > 0;
    table_row(table, cell_text(step->step), cell_text(step_look(model, step).word),
              cell_time(report_step_began(model, step)),
              is_told ? text_show_duration(step->duration_ms) : NULL, remark_text(step));
    table_alarm(table, report_status_is_bad(step->status));
}

static void put_steps(struct buf *out, const struct report *report, const struct pen *pen) {
    static const char *const phases[][2] = {
        {"run", "Steps"}, {"rollback", "Rollback"}, {"finally", "Finally"}};
    const struct model *model = &report->model;
    for (size_t p = 0; p < sizeof phases / sizeof *phases; p++) {
        struct table table = {.names = {"step", "", "began (UTC)", "took", "remarks"},
                              .columns = 5};
        for (size_t i = 0; i < model->step_count; i++)
            if (text_equal(model->steps[i]->phase, phases[p][0]))
                step_row(&table, model, model->steps[i]);
        table_put(&table, out, pen, phases[p][1]);
    }
}

/* ---- failures ------------------------------------------------------------------------------ */

/* What was to be done, a line a member: the exact commands. */
static char *plan_text(value plan) {
    AUTO_BUF out = BUF_INIT(TRANSCRIPT_LINE_MAX);
    for (size_t i = 0; i < value_count(plan); i++) {
        AUTO_VALUE line = value_at(plan, i);
        AUTO_VALUE label = value_at(line, 0);
        AUTO_VALUE text = value_at(line, 1);
        AUTO_TEXT shown = value_to_text(text);
        for (size_t end = strlen(shown); end > 0 && shown[end - 1] == '\n'; end--)
            shown[end - 1] = '\0';
        (void)buf_printf(&out, "%s%s: %s", out.length > 0 ? "\n" : "",
                         value_is(label, VALUE_STRING) ? value_text(label) : "", shown);
    }
    return buf_detach(&out);
}

static void put_quote(struct buf *out, const char *label, const char *text, const struct pen *pen) {
    if (text && *text)
        pen->quote(out, label, text);
}

/* The reason of a failure is what the step wrote last; that of a doubt is a sentence. */
static void put_failure(struct buf *out, const struct model *model, const struct model_step *step,
                        const struct pen *pen) {
    const bool is_undo = text_equal(step->phase, "rollback");
    const bool is_failed = text_equal(step->status, "failed");
    struct table fields = {.columns = 2};
    AUTO_TEXT heading = mem_printf("%s%s: %s", is_undo ? "Rollback of " : "", step->step,
                                   step_look(model, step).word);
    AUTO_TEXT plan = plan_text(step->more->plan);
    table_field(&fields, "why", step->more->error);
    table_field(&fields, "doubt", is_failed ? NULL : step->more->reason);
    table_field(&fields, "hint", step->more->hint);
    pen->heading(out, heading);
    table_put(&fields, out, pen, NULL);
    put_quote(out, "what was to be done", plan, pen);
    put_quote(out, "what it wrote last", is_failed ? step->more->reason : NULL, pen);
}

/* A step whose rollback failed is told by its rollback. */
static void put_failures(struct buf *out, const struct report *report, const struct pen *pen) {
    const struct model *model = &report->model;
    for (size_t i = 0; i < model->step_count; i++) {
        const struct model_step *step = model->steps[i];
        const bool is_mirrored = text_equal(step->status, "rollback_failed");
        if (step->more->error || (report_status_is_bad(step->status) && !is_mirrored))
            put_failure(out, model, step, pen);
    }
}

/* ---- the rest ------------------------------------------------------------------------------ */

static void put_values(struct buf *out, const struct report *report, const struct pen *pen) {
    struct table table = {.names = {"step", "value", ""}, .columns = 3};
    const struct model *model = &report->model;
    for (size_t i = 0; i < model->step_count; i++) {
        value key, item;
        for (size_t j = 0; value_next(model->steps[i]->more->outputs, &j, &key, &item);) {
            table_row(&table, cell_text(model->steps[i]->step), value_to_text(key),
                      value_text_short(item));
            value_free(key);
            value_free(item);
        }
    }
    table_put(&table, out, pen, "Values");
}

/* The exact commands: whoever does it by hand copies them. */
static void put_hand(struct buf *out, value hand, size_t number, const struct pen *pen) {
    AUTO_VALUE plan = value_get(hand, "plan");
    AUTO_TEXT step = member_text(hand, "step");
    AUTO_TEXT title = member_text(hand, "title");
    AUTO_TEXT why = member_text(hand, "error");
    AUTO_TEXT commands = plan_text(plan);
    AUTO_TEXT label = mem_printf("%zu. %s%s%s%s%s", number, step ? step : "", title ? ", " : "",
                                 title ? title : "", why ? ": " : "", why ? why : "");
    pen->quote(out, label, commands);
}

static void put_hands(struct buf *out, const struct report *report, const struct pen *pen) {
    const value hands = report->model.hands;
    if (value_count(hands) > 0)
        pen->heading(out, "Left to be done by hand, in order");
    for (size_t i = 0; i < value_count(hands); i++) {
        AUTO_VALUE hand = value_at(hands, i);
        put_hand(out, hand, i + 1, pen);
    }
}

static void put_proof(struct buf *out, const struct report *report, const struct pen *pen) {
    if (!report->proof)
        return;
    pen->heading(out, "Transcript");
    pen->quote(out, NULL, report->proof);
}

void document_damage(struct buf *out, const struct report *report, const char *which,
                     const struct pen *pen) {
    AUTO_TEXT label =
        mem_printf("%s is damaged, and this is only what stands before the damage", which);
    put_quote(out, label, report->damage, pen);
}

void document_write(struct buf *out, const struct report *report, const struct pen *pen) {
    AUTO_TEXT title =
        mem_printf("%s: %s", name_of(&report->model), status_look(report->model.status).word);
    pen->begin(out, title);
    put_head(out, report, pen);
    put_hands(out, report, pen);
    put_objectives(out, report, pen);
    put_timeline(out, report, pen);
    put_steps(out, report, pen);
    put_failures(out, report, pen);
    put_values(out, report, pen);
    put_proof(out, report, pen);
    pen->end(out);
}
