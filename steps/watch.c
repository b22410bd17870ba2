#include <inttypes.h>
#include <stdbool.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "step.h"

#define LINE_CEILING ((size_t)64 << 10)

struct watch_spec {
    struct step *probe;
    int64_t every_ms;
    int64_t for_ms;
    int64_t window_ms;
    struct expr *value;
    struct expr *fail_when;
    struct expr *until;
    struct template *baseline;
};

static const struct field watch_fields[] = {
    {
        .key = "probe",
        .kind = FIELD_PROBE,
        .flags = FIELD_REQUIRED,
        .offset = offsetof(struct watch_spec, probe),
        .doc = "What is repeated: `http`, `sql` or `shell`, with `expect`.",
        .example = "{http: {url: \"https://app.example.org/api/health\"}}",
    },
    {
        .key = "every",
        .kind = FIELD_DURATION,
        .flags = FIELD_REQUIRED,
        .offset = offsetof(struct watch_spec, every_ms),
        .doc = "From the start of one probe to the start of the next.",
        .example = "10s",
        .minimum = 10,
        .maximum = INT64_MAX,
    },
    {
        .key = "for",
        .kind = FIELD_DURATION,
        .flags = FIELD_REQUIRED,
        .offset = offsetof(struct watch_spec, for_ms),
        .doc = "How long it goes on where nothing ends it earlier.",
        .example = "15m",
        .minimum = 1,
        .maximum = INT64_MAX,
    },
    {
        .key = "window",
        .kind = FIELD_DURATION,
        .offset = offsetof(struct watch_spec, window_ms),
        .doc = "The time that the statistics look back; all of it where unsaid.",
        .example = "2m",
        .minimum = 1,
        .maximum = INT64_MAX,
    },
    {
        .key = "value",
        .kind = FIELD_EXPR,
        .flags = FIELD_RESULT | FIELD_ITEM,
        .offset = offsetof(struct watch_spec, value),
        .doc = "The figure taken from each probe's result; its duration in ms where unsaid.",
        .example = ".json.queue_length",
    },
    {
        .key = "fail_when",
        .kind = FIELD_EXPR,
        .flags = FIELD_RESULT | FIELD_ITEM,
        .offset = offsetof(struct watch_spec, fail_when),
        .doc = "The step fails when this holds; `.` has count, errors, error_rate, min, p50, p95, "
               "p99, max, last and baseline of the window.",
        .example = ".error_rate > 0.01 or .p95 > 1.5 * .baseline",
    },
    {
        .key = "until",
        .kind = FIELD_EXPR,
        .flags = FIELD_RESULT | FIELD_ITEM,
        .offset = offsetof(struct watch_spec, until),
        .doc = "The step succeeds when this holds, before `for` is over; `.` as in fail_when.",
        .example = ".count >= 10 and .errors == 0",
    },
    {
        .key = "baseline",
        .kind = FIELD_VALUE,
        .flags = FIELD_ITEM,
        .offset = offsetof(struct watch_spec, baseline),
        .doc = "What the window is compared with, from an earlier step.",
        .example = "\"${{ .steps.before.outputs.p95 }}\"",
    },
    FIELD_END,
};

static enum effect watch_effect(const void *spec) {
    (void)spec;
    return EFFECT_READ;
}

static void watch_check(const void *spec, const struct step_check *check) {
    const struct watch_spec *watch = spec;
    AUTO_ERR err = ERR_INIT;
    if (watch->for_ms > 0 && watch->every_ms > watch->for_ms) {
        err_at(&err, check->span, "`every` is longer than `for`: there would be one probe only");
        check->report(check->user, &err);
    }
    if (watch->window_ms > 0 && watch->window_ms < watch->every_ms) {
        err_at(&err, check->span, "`window` is shorter than `every`: it would often be empty");
        check->report(check->user, &err);
    }
}

static void watch_plan(const void *spec, const struct step_plan *plan) {
    const struct watch_spec *watch = spec;
    AUTO_TEXT every = text_format_duration(watch->every_ms);
    AUTO_TEXT whole = text_format_duration(watch->for_ms);
    AUTO_TEXT line = mem_printf("every %s for %s", every, whole);
    plan->line(plan->user, "watch", line, strlen(line));
    if (watch->fail_when) {
        const char *text = expr_text(watch->fail_when);
        plan->line(plan->user, "fails when", text, strlen(text));
    }
    if (watch->until) {
        const char *text = expr_text(watch->until);
        plan->line(plan->user, "until", text, strlen(text));
    }
}

const struct step_type step_watch_type = {
    .key = "watch",
    .doc = "Repeats a probe, and fails when a condition holds over a window of its results.",
    .example = "{probe: {http: {url: \"https://app.example.org/api/health\"}}, every: 10s, "
               "for: 15m, fail_when: .error_rate > 0.01}",
    .fields = watch_fields,
    .size = sizeof(struct watch_spec),
    .effect = watch_effect,
    .check = watch_check,
    .plan = watch_plan,
};
