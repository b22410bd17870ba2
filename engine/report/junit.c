#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "report/html.h"
#include "report/report.h"
#include "report/text_parts.h"

/* The format that CI systems read: a step is a test case, and so is an objective. XML's entities
 * are those of html_text. */

static void attribute_put(struct buf *out, const char *name, const char *text) {
    buf_printf(out, " %s=\"", name);
    html_puts(out, text ? text : "");
    buf_putc(out, '"');
}

static void seconds_put(struct buf *out, int64_t ms) {
    buf_printf(out, " time=\"%" PRId64 ".%03d\"", ms / 1000, (int)(ms % 1000));
}

static void property_put(struct buf *out, const char *name, const char *text) {
    if (!text || !*text)
        return;
    buf_puts(out, "    <property");
    attribute_put(out, "name", name);
    attribute_put(out, "value", text);
    buf_puts(out, "/>\n");
}

/* ---- a step -------------------------------------------------------------------------------- */

enum verdict { VERDICT_PASSED, VERDICT_FAILURE, VERDICT_ERROR, VERDICT_SKIPPED, VERDICTS };

/* What is not known to have failed, and is not known to have passed either, is an error. */
static enum verdict step_verdict(const struct model_step *step) {
    static const char *const passed[] = {"succeeded", "rolled_back"};
    static const char *const skipped[] = {"skipped", "pending"};
    if (text_is_among(step->status, passed, sizeof passed / sizeof *passed))
        return VERDICT_PASSED;
    if (text_is_among(step->status, skipped, sizeof skipped / sizeof *skipped))
        return VERDICT_SKIPPED;
    return text_equal(step->status, "failed") ? VERDICT_FAILURE : VERDICT_ERROR;
}

static void verdict_put(struct buf *out, const struct model_step *step, const char *word,
                        enum verdict verdict) {
    static const char *const tags[] = {NULL, "failure", "error", "skipped"};
    const bool is_skipped = verdict == VERDICT_SKIPPED;
    const char *message = step->more->error && !is_skipped ? step->more->error
                          : is_skipped                     ? step->more->reason
                                                           : word;
    buf_printf(out, "      <%s", tags[verdict]);
    attribute_put(out, "message", message ? message : word);
    if (is_skipped || !step->more->reason) {
        buf_puts(out, "/>\n");
        return;
    }
    buf_putc(out, '>');
    html_puts(out, step->more->reason);
    buf_printf(out, "</%s>\n", tags[verdict]);
}

static void case_put(struct buf *out, const struct model *model, const struct model_step *step) {
    const enum verdict verdict = step_verdict(step);
    AUTO_TEXT class = mem_printf("%s.%s", model->name ? model->name : "run", step->phase);
    buf_puts(out, "    <testcase");
    attribute_put(out, "classname", class);
    attribute_put(out, "name", step->step);
    seconds_put(out, step->duration_ms);
    if (verdict == VERDICT_PASSED) {
        buf_puts(out, "/>\n");
        return;
    }
    buf_puts(out, ">\n");
    verdict_put(out, step, step_look(model, step).word, verdict);
    buf_puts(out, "    </testcase>\n");
}

/* ---- objectives ---------------------------------------------------------------------------- */

/* Whether it was judged, and missed. */
static bool objective_is(value objectives, const char *key, bool *ret_missed) {
    AUTO_VALUE objective = value_get(objectives, key);
    AUTO_VALUE met = value_get(objective, "met");
    *ret_missed = value_is(met, VALUE_BOOL) && !value_truth(met);
    return value_is(met, VALUE_BOOL);
}

static void objective_put(struct buf *out, const struct model *model, const char *key) {
    AUTO_VALUE objective = value_get(model->objectives, key);
    AUTO_VALUE measured = value_get(objective, "measured_ms");
    AUTO_VALUE limit = value_get(objective, "limit_ms");
    AUTO_TEXT class = mem_printf("%s.objectives", model->name ? model->name : "run");
    bool is_missed;
    int64_t took = 0, most = 0;
    if (!objective_is(model->objectives, key, &is_missed))
        return;
    (void)value_as_integer(measured, &took);
    (void)value_as_integer(limit, &most);
    AUTO_TEXT shown = text_show_duration(took);
    AUTO_TEXT allowed = text_show_duration(most);
    buf_puts(out, "    <testcase");
    attribute_put(out, "classname", class);
    attribute_put(out, "name", key);
    seconds_put(out, took);
    if (is_missed)
        buf_printf(out, ">\n      <failure message=\"%s, the limit is %s\"/>\n    </testcase>\n",
                   shown, allowed);
    else
        buf_puts(out, "/>\n");
}

/* ---- the run ------------------------------------------------------------------------------- */

static void suite_begin(struct buf *out, const struct model *model) {
    size_t counts[VERDICTS] = {0};
    bool rto = false, rpo = false;
    const size_t judged = (size_t)objective_is(model->objectives, "rto", &rto) +
                          objective_is(model->objectives, "rpo", &rpo);
    char began[CLOCK_TEXT_SIZE];
    for (size_t i = 0; i < model->step_count; i++)
        counts[step_verdict(model->steps[i])]++;
    clock_format(model->started_wall_ns, began);
    buf_puts(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite");
    attribute_put(out, "name", model->name);
    buf_printf(out, " tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"%zu\"",
               model->step_count + judged, counts[VERDICT_FAILURE] + rto + rpo,
               counts[VERDICT_ERROR], counts[VERDICT_SKIPPED]);
    seconds_put(out, model->duration_ms);
    buf_printf(out, " timestamp=\"%.19s\"", began);
    attribute_put(out, "hostname", model->host);
    buf_puts(out, ">\n");
}

static void properties_put(struct buf *out, const struct model *model) {
    AUTO_TEXT params = value_count(model->params) > 0 ? value_to_json(model->params) : NULL;
    buf_puts(out, "    <properties>\n");
    property_put(out, "run", model->run);
    property_put(out, "runbook", model->runbook);
    property_put(out, "status", model->status);
    property_put(out, "user", model->user);
    property_put(out, "profile", model->profile);
    property_put(out, "parameters", params);
    property_put(out, "engine", model->engine);
    buf_puts(out, "    </properties>\n");
}

static void write_junit(struct buf *out, const struct report *report) {
    const struct model *model = &report->model;
    suite_begin(out, model);
    properties_put(out, model);
    for (size_t i = 0; i < model->step_count; i++)
        case_put(out, model, model->steps[i]);
    objective_put(out, model, "rto");
    objective_put(out, model, "rpo");
    buf_puts(out, "  </testsuite>\n</testsuites>\n");
}

const struct report_format report_format_junit = {.write = write_junit};
