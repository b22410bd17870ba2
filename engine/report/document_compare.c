#include "report/document.h"

#include "base/mem.h"
#include "base/text.h"
#include "report/text_parts.h"

/* Two runs side by side. */
struct pair {
    const struct model *before, *after;
};

/* ---- the runs ------------------------------------------------------------------------------ */

static void pair_row(struct table *table, const char *label, char *before, char *after) {
    const bool is_empty = (!before || !*before) && (!after || !*after);
    if (!is_empty) {
        table_row(table, mem_strdup(label), before, after);
        return;
    }
    mem_free(before);
    mem_free(after);
}

static char *params_text(const struct model *model) {
    return value_count(model->params) > 0 ? value_to_json(model->params) : NULL;
}

static void put_runs(struct buf *out, const struct pair *pair, const struct pen *pen) {
    const struct model *before = pair->before, *after = pair->after;
    struct table table = {.names = {"", "before", "after"}, .columns = 3};
    pair_row(&table, "run", cell_text(before->run), cell_text(after->run));
    pair_row(&table, "runbook", cell_text(before->runbook), cell_text(after->runbook));
    pair_row(&table, "result", cell_standing(before), cell_standing(after));
    pair_row(&table, "began (UTC)", cell_time(before->started_wall_ns),
             cell_time(after->started_wall_ns));
    pair_row(&table, "by", cell_text(before->user), cell_text(after->user));
    pair_row(&table, "profile", cell_text(before->profile), cell_text(after->profile));
    pair_row(&table, "parameters", params_text(before), params_text(after));
    pair_row(&table, "steps", cell_counts(before), cell_counts(after));
    pair_row(&table, "engine", cell_text(before->engine), cell_text(after->engine));
    table_put(&table, out, pen, NULL);
}

/* ---- objectives ---------------------------------------------------------------------------- */

static bool is_missed(value objective) {
    AUTO_VALUE met = value_get(objective, "met");
    return value_is(met, VALUE_BOOL) && !value_truth(met);
}

/* `owner`: whose it is; NULL: the run's. */
static void objective_row(struct table *table, value before, value after, const char *owner,
                          const char *key) {
    AUTO_VALUE was = value_get(before, key);
    AUTO_VALUE is = value_get(after, key);
    if (value_count(was) == 0 && value_count(is) == 0)
        return;
    const bool missed = is_missed(is), missed_before = is_missed(was);
    table_row(table, mem_printf("%s%s%s", owner ? owner : "", owner ? ": " : "", key),
              cell_duration(is, "limit_ms"), cell_duration(was, "measured_ms"),
              cell_duration(is, "measured_ms"),
              mem_strdup(missed && missed_before ? "missed again"
                         : missed                ? "missed now"
                         : missed_before         ? "met again"
                                                 : ""));
    table_alarm(table, missed);
}

/* Those of groups and called runbooks, by the step that has them. */
static value phases_of(value objectives) {
    AUTO_VALUE list = value_get(objectives, "steps");
    value phases = value_object();
    for (size_t i = 0; i < value_count(list); i++) {
        AUTO_VALUE phase = value_at(list, i);
        AUTO_VALUE step = value_get(phase, "step");
        phases = value_set(phases, value_text(step), value_copy(phase));
    }
    return phases;
}

static void put_objectives(struct buf *out, const struct pair *pair, const struct pen *pen) {
    struct table table = {.names = {"objective", "limit", "before", "after", ""}, .columns = 5};
    const value before = pair->before->objectives, after = pair->after->objectives;
    AUTO_VALUE was = phases_of(before);
    AUTO_VALUE is = phases_of(after);
    value key, phase;
    objective_row(&table, before, after, NULL, "rto");
    objective_row(&table, before, after, NULL, "rpo");
    for (size_t i = 0; value_next(is, &i, &key, &phase);) {
        AUTO_VALUE earlier = value_get(was, value_text(key));
        objective_row(&table, earlier, phase, value_text(key), "rto");
        objective_row(&table, earlier, phase, value_text(key), "rpo");
        value_free(key);
        value_free(phase);
    }
    table_put(&table, out, pen, "Objectives");
}

/* ---- steps --------------------------------------------------------------------------------- */

static bool is_timed(const struct model_step *step) {
    return step && (step->attempt > 0 || step->duration_ms > 0);
}

static char *word_cell(const struct model *model, const struct model_step *step) {
    return step ? mem_strdup(step_look(model, step).word) : NULL;
}

static char *took_cell(const struct model_step *step) {
    return is_timed(step) ? text_show_duration(step->duration_ms) : NULL;
}

/* By how much it took longer; and how often as long, where that can be said. */
static char *change_text(const struct model_step *before, const struct model_step *after) {
    if (!before || !after)
        return mem_strdup(before ? "gone" : "new");
    if (!is_timed(before) || !is_timed(after))
        return NULL;
    const int64_t change = after->duration_ms - before->duration_ms;
    AUTO_TEXT shown = text_show_duration(change < 0 ? -change : change);
    if (change == 0)
        return mem_strdup("±0");
    if (before->duration_ms < 1)
        return mem_printf("%s%s", change < 0 ? "−" : "+", shown);
    return mem_printf("%s%s (×%.2f)", change < 0 ? "−" : "+", shown,
                      (double)after->duration_ms / (double)before->duration_ms);
}

/* A phase has a table of its own. */
enum phase { PHASE_RUN, PHASE_ROLLBACK, PHASE_FINALLY, PHASES };
static const char *const phases[PHASES] = {"run", "rollback", "finally"};

struct tables {
    const struct pair *pair;
    struct table of[PHASES];
};

static void step_row(void *user, const struct model_step *before, const struct model_step *after) {
    struct tables *tables = user;
    const struct model_step *step = after ? after : before;
    enum phase phase = PHASE_RUN;
    while (phase + 1 < PHASES && !text_equal(phases[phase], step->phase))
        phase++;
    table_row(&tables->of[phase], mem_strdup(step->step), word_cell(tables->pair->before, before),
              took_cell(before), word_cell(tables->pair->after, after), took_cell(after),
              change_text(before, after));
    table_alarm(&tables->of[phase], after && report_status_is_bad(after->status));
}

static void put_steps(struct buf *out, const struct pair *pair, const struct pen *pen) {
    static const char *const headings[PHASES] = {"Steps", "Rollback", "Finally"};
    struct tables tables = {.pair = pair};
    for (size_t i = 0; i < PHASES; i++)
        tables.of[i] = (struct table){
            .names = {"step", "before", "took", "after", "took", "change"}, .columns = 6};
    report_pairs(pair->before, pair->after, step_row, &tables);
    for (size_t i = 0; i < PHASES; i++)
        table_put(&tables.of[i], out, pen, headings[i]);
}

void document_compare(struct buf *out, const struct report *before, const struct report *after,
                      const struct pen *pen) {
    const struct pair pair = {&before->model, &after->model};
    AUTO_TEXT title = mem_printf("%s: two runs", after->model.name ? after->model.name : "run");
    pen->begin(out, title);
    document_damage(out, before, "The transcript of the earlier run", pen);
    document_damage(out, after, "The transcript of the later run", pen);
    put_runs(out, &pair, pen);
    put_objectives(out, &pair, pen);
    put_steps(out, &pair, pen);
    pen->end(out);
}
