/* The step type `watch`: what may be written, and what a plan says of it. */
#include <inttypes.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "watch_step.h"

static const struct field watch_fields[] = {
    {
        .key = "probe",
        .kind = FIELD_PROBE,
        .flags = FIELD_REQUIRED,
        .offset = offsetof(struct watch_spec, probe),
        .doc =
            "What is repeated: a probe that only reads, with `expect`. One that says no `timeout` "
            "may take as long as `every`, but 1s at least and 30s at most.",
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
        .doc =
            "How long it goes on where nothing ends it earlier. With `until` that is a limit: the "
            "step fails where it has not held by then.",
        .example = "15m",
        .minimum = 1,
        .maximum = INT64_MAX,
    },
    {
        .key = "window",
        .kind = FIELD_DURATION,
        .offset = offsetof(struct watch_spec, window_ms),
        .doc = "The time that the statistics look back; all of it where unsaid. It may hold 100000 "
               "probes.",
        .example = "2m",
        .minimum = 1,
        .maximum = INT64_MAX,
    },
    {
        .key = "value",
        .kind = FIELD_EXPR,
        .flags = FIELD_RESULT | FIELD_ITEM,
        .offset = offsetof(struct watch_spec, value),
        .doc =
            "The figure taken from each probe's result; its duration in ms where unsaid. One that "
            "is no number counts as an error.",
        .example = ".json.queue_length",
    },
    {
        .key = "fail_when",
        .kind = FIELD_EXPR,
        .flags = FIELD_RESULT | FIELD_ITEM,
        .offset = offsetof(struct watch_spec, fail_when),
        .doc =
            "The step fails as soon as this holds behind a probe; `.` has count, errors, "
            "error_rate, missed, min, p50, p95, p99, max, last and baseline of the window. Where "
            "neither this nor `until` is said: `.errors > 0`.",
        .example = ".error_rate > 0.01 or .p95 > 1.5 * .baseline",
    },
    {
        .key = "until",
        .kind = FIELD_EXPR,
        .flags = FIELD_RESULT | FIELD_ITEM,
        .offset = offsetof(struct watch_spec, until),
        .doc = "The step succeeds as soon as this holds behind a probe that answered; `.` as in "
               "fail_when.",
        .example = ".count >= 10 and .errors == 0",
    },
    {
        .key = "baseline",
        .kind = FIELD_VALUE,
        .flags = FIELD_ITEM,
        .offset = offsetof(struct watch_spec, baseline),
        .doc =
            "What the window is compared with: a figure of an earlier step, or all that an earlier "
            "watch measured. null is an error.",
        .example = "\"${{ .steps.before.p95 }}\"",
    },
    FIELD_END,
};

static enum effect watch_effect(const void *spec) {
    (void)spec;
    return EFFECT_READ;
}

int64_t watch_ticks(const struct watch_spec *watch) {
    return (watch->for_ms + watch->every_ms - 1) / watch->every_ms;
}

int64_t watch_window_ticks(const struct watch_spec *watch) {
    int64_t ticks = watch->window_ms > 0 ? watch->window_ms / watch->every_ms + 1 : INT64_MAX;
    return ticks < watch_ticks(watch) ? ticks : watch_ticks(watch);
}

/* ---- check --------------------------------------------------------------------------------- */

static void refuse(const struct step_check *check, const char *hint, const char *message) {
    AUTO_ERR err = ERR_INIT;
    err_at(&err, check->span, "%s", message);
    if (hint)
        err_hint(&err, "%s", hint);
    check->report(check->user, &err);
}

static void check_size(const struct watch_spec *watch, const struct step_check *check) {
    int64_t ticks = watch_window_ticks(watch);
    if (ticks <= WATCH_TICKS_MAX)
        return;
    AUTO_TEXT message =
        mem_printf("the window would hold %" PRId64 " probes, and %" PRId64 " are the most", ticks,
                   WATCH_TICKS_MAX);
    refuse(check, "give a `window:`, a shorter one, or probe less often", message);
}

static void watch_check(const void *spec, const struct step_check *check) {
    const struct watch_spec *watch = spec;
    if (watch->every_ms <= 0 || watch->for_ms <= 0)
        return;
    if (watch->every_ms > watch->for_ms)
        refuse(check, NULL, "`every` is longer than `for`: there would be one probe only");
    if (watch->window_ms > 0 && watch->window_ms < watch->every_ms)
        refuse(check, NULL, "`window` is shorter than `every`: it would often be empty");
    if (watch->window_ms > watch->for_ms)
        refuse(check, NULL, "`window` is longer than `for`: it would never be full");
    check_size(watch, check);
}

/* ---- plan ---------------------------------------------------------------------------------- */

static void plan_expr(const struct step_plan *plan, const char *label, const struct expr *expr) {
    if (expr)
        plan->line(plan->user, label, expr_text(expr), strlen(expr_text(expr)));
}

static void watch_plan(const void *spec, const struct step_plan *plan) {
    const struct watch_spec *watch = spec;
    AUTO_TEXT every = text_format_duration(watch->every_ms);
    AUTO_TEXT whole = text_format_duration(watch->for_ms);
    AUTO_TEXT window = watch->window_ms > 0 ? text_format_duration(watch->window_ms) : NULL;
    AUTO_TEXT line = mem_printf("every %s for %s%s%s%s", every, whole, window ? ", the last " : "",
                                window ? window : "", window ? " counting" : "");
    plan->line(plan->user, "watch", line, strlen(line));
    plan_expr(plan, "figure", watch->value);
    plan_expr(plan, "fails when", watch->fail_when);
    if (!watch->fail_when && !watch->until)
        plan->line(plan->user, "fails when", WATCH_FAIL_WHEN, strlen(WATCH_FAIL_WHEN));
    plan_expr(plan, "until", watch->until);
    if (watch->baseline) {
        AUTO_BUF baseline = BUF_INIT(LINE_CEILING);
        template_show(&baseline, watch->baseline);
        plan->line(plan->user, "baseline", buf_text(&baseline), baseline.length);
    }
}

static int64_t watch_lasts(const void *spec) {
    return ((const struct watch_spec *)spec)->for_ms;
}

static const struct step *watch_probe(const void *spec) {
    return ((const struct watch_spec *)spec)->probe;
}

const struct step_type step_watch_type = {
    .key = "watch",
    .doc = "Repeats a probe, and fails when a condition holds over a window of its results. One "
           "whose window has no figure at the end fails, too. The result holds the statistics of "
           "the window and its samples: a figure for each probe that was due, null where it "
           "failed, false where the one before it still ran.",
    .example = "{probe: {http: {url: \"https://app.example.org/api/health\"}}, every: 10s, "
               "for: 15m, fail_when: .error_rate > 0.01}",
    .fields = watch_fields,
    .size = sizeof(struct watch_spec),
    .state_size = sizeof(struct watch_state),
    .is_passive = true,
    .is_anew = true,
    .effect = watch_effect,
    .check = watch_check,
    .plan = watch_plan,
    .lasts = watch_lasts,
    .probe = watch_probe,
    .start = watch_start,
    .rehearse = watch_rehearse,
    .cancel = watch_cancel,
    .release = watch_release,
};
