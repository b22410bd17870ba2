/* An attempt of a watch: its clock, its probes and its verdict.
 *
 * Probes are due at `every`, counted from the beginning, so that nothing drifts; one at a time. A
 * probe that takes longer lets those that were due meanwhile go by: they are missed. None begins
 * when `for` is over, and the one that is under way then is still heard. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "io/loop.h"
#include "watch_step.h"

#define PROBE_LEAST_MS INT64_C(1000)
#define PROBE_MOST_MS INT64_C(30000)
#define NEWS_SHARE 10 /* a log is told this often while nothing changes, */
#define NEWS_LEAST_NS (10 * NS_PER_S)
#define TURNS_TOLD 20 /* from good to bad and back that are written down */
#define DRAWN_MOST 200

/* ---- what is told -------------------------------------------------------------------------- */

static void put_figure(struct buf *out, double figure) {
    double size = fabs(figure);
    if (size != 0 && size < 1)
        buf_printf(out, "%.3g", figure);
    else
        buf_printf(out, "%.*f",
                   size == floor(size) || size >= 100 ? 0
                   : size >= 10                       ? 1
                                                      : 2,
                   figure);
}

static void put_stat(struct buf *out, value stats, const char *key, const char *unit) {
    AUTO_VALUE stat = value_get(stats, key);
    if (!value_is(stat, VALUE_NUMBER))
        return;
    buf_printf(out, ", %s ", key);
    put_figure(out, value_as_number(stat));
    buf_puts(out, unit);
}

/* "12 of 30 probes, 1 error, p50 11.2 ms, p95 14 ms, max 15 ms, last 12.1 ms". */
static void put_stats(struct buf *out, struct step_ctx *ctx, value stats) {
    static const char *const keys[] = {"p50", "p95", "max", "last"};
    const struct watch_spec *watch = step_spec(ctx);
    struct watch_state *state = step_state(ctx);
    AUTO_VALUE errors = value_get(stats, "errors");
    AUTO_VALUE missed = value_get(stats, "missed");
    const char *unit = watch->value ? "" : " ms";
    double failed = value_as_number(errors);
    buf_printf(out, "%" PRId64 " of %" PRId64 " probes, %.0f error%s", state->asked,
               state->is_rehearsal ? 1 : watch_ticks(watch), failed, failed == 1 ? "" : "s");
    if (value_as_number(missed) > 0)
        buf_printf(out, ", %.0f missed", value_as_number(missed));
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        put_stat(out, stats, keys[i], unit);
    if (value_is(state->baseline, VALUE_NUMBER)) {
        buf_puts(out, ", baseline ");
        put_figure(out, value_as_number(state->baseline));
        buf_puts(out, unit);
    }
}

static void tell(struct step_ctx *ctx, value stats, enum step_gauge_weight weight) {
    struct watch_state *state = step_state(ctx);
    AUTO_BUF text = BUF_INIT(LINE_CEILING);
    double figures[DRAWN_MOST];
    put_stats(&text, ctx, stats);
    if (state->has_failed && state->why)
        buf_printf(&text, "; the last one: %s", state->why);
    size_t count = watch_window_figures(state->window, figures, DRAWN_MOST);
    step_gauge(ctx, &(struct step_gauge){weight, figures, count, buf_text(&text)});
}

/* Sparse in a log: at first, where something changes, and now and then. */
static void tell_sample(struct step_ctx *ctx, value stats, bool has_turned) {
    const struct watch_spec *watch = step_spec(ctx);
    struct watch_state *state = step_state(ctx);
    int64_t now_ns = clock_mono_ns(), pause_ns = watch->for_ms / NEWS_SHARE * NS_PER_MS;
    pause_ns = pause_ns > NEWS_LEAST_NS ? pause_ns : NEWS_LEAST_NS;
    bool is_news = !state->news_ns || now_ns - state->news_ns >= pause_ns ||
                   (has_turned && state->turns <= TURNS_TOLD);
    if (is_news)
        state->news_ns = now_ns;
    tell(ctx, stats, is_news ? STEP_GAUGE_NEWS : STEP_GAUGE_DRAWN);
}

static void note_turn(struct step_ctx *ctx) {
    struct watch_state *state = step_state(ctx);
    if (state->turns > TURNS_TOLD)
        return;
    AUTO_TEXT after = text_format_duration((clock_mono_ns() - state->began_ns) / NS_PER_MS);
    AUTO_TEXT note = state->has_failed ? mem_printf("after %s: %s", after, state->why)
                                       : mem_printf("after %s", after);
    step_note(ctx, state->has_failed ? "the probe fails" : "the probe answers again",
              value_string(note));
}

/* ---- the end ------------------------------------------------------------------------------- */

static value stats_of(const struct watch_state *state) {
    value stats = watch_window_stats(state->window);
    return value_set(stats, "baseline", value_copy(state->baseline));
}

static void watch_end(struct step_ctx *ctx, enum step_outcome outcome, struct err *err) {
    struct watch_state *state = step_state(ctx);
    struct step_result result = {.outcome = outcome, .data = stats_of(state)};
    tell(ctx, result.data, STEP_GAUGE_LAST);
    result.data = value_set(result.data, "probes", value_integer(state->asked));
    result.data = value_set(result.data, "samples", watch_window_samples(state->window));
    if (err)
        err_move(&result.err, err);
    step_done(ctx, &result);
}

/* Ends it as failed, with what the window says behind the reason. */
static void watch_fail(struct step_ctx *ctx, const char *reason, const char *hint) {
    struct watch_state *state = step_state(ctx);
    AUTO_VALUE stats = stats_of(state);
    AUTO_BUF text = BUF_INIT(LINE_CEILING);
    AUTO_ERR err = ERR_INIT;
    put_stats(&text, ctx, stats);
    err_set(&err, ERR_INVALID, "%s (%s)%s%s", reason, buf_text(&text),
            state->why ? "; the last error: " : "", state->why ? state->why : "");
    if (hint)
        err_hint(&err, "%s", hint);
    watch_end(ctx, STEP_FAILED, &err);
}

static void fail_late(struct step_ctx *ctx) {
    const struct watch_spec *watch = step_spec(ctx);
    AUTO_TEXT limit = text_format_duration(watch->for_ms);
    AUTO_TEXT reason =
        mem_printf("`until` did not hold within %s: %s", limit, expr_text(watch->until));
    watch_fail(ctx, reason, NULL);
}

/* ---- the verdict --------------------------------------------------------------------------- */

/* Whether it ended. */
static bool judge_failure(struct step_ctx *ctx, value stats) {
    const struct watch_spec *watch = step_spec(ctx);
    struct watch_state *state = step_state(ctx);
    AUTO_ERR err = ERR_INIT;
    AUTO_VALUE errors = value_get(stats, "errors");
    bool holds = !watch->until && value_as_number(errors) > 0;
    if (watch->fail_when && step_test_on(ctx, watch->fail_when, stats, &holds, &err) < 0) {
        /* Before there is any figure nothing can be computed with one. */
        if (!watch_window_has_figure(state->window))
            return false;
        err_wrap(&err, "`fail_when` cannot be told");
        watch_end(ctx, STEP_FAILED, &err);
        return true;
    }
    if (!holds)
        return false;
    AUTO_TEXT reason = mem_printf("`fail_when` holds: %s",
                                  watch->fail_when ? expr_text(watch->fail_when) : WATCH_FAIL_WHEN);
    watch_fail(ctx, reason, NULL);
    return true;
}

/* A condition of recovery cannot hold by what is old, or by nothing. */
static bool judge_success(struct step_ctx *ctx, value stats) {
    const struct watch_spec *watch = step_spec(ctx);
    const struct watch_state *state = step_state(ctx);
    AUTO_ERR err = ERR_INIT;
    bool holds = false;
    if (!watch->until || state->has_failed)
        return false;
    if (step_test_on(ctx, watch->until, stats, &holds, &err) < 0) {
        err_wrap(&err, "`until` cannot be told");
        watch_end(ctx, STEP_FAILED, &err);
        return true;
    }
    if (holds)
        watch_end(ctx, STEP_SUCCEEDED, NULL);
    return holds;
}

static void window_slide(struct step_ctx *ctx) {
    const struct watch_spec *watch = step_spec(ctx);
    struct watch_state *state = step_state(ctx);
    int64_t passed_ms = (clock_mono_ns() - state->began_ns) / NS_PER_MS;
    int64_t since_ms = passed_ms - watch->window_ms;
    if (watch->window_ms > 0 && since_ms > 0)
        watch_window_expire(state->window, (since_ms + watch->every_ms - 1) / watch->every_ms);
}

/* `for` is over. */
static void watch_conclude(struct step_ctx *ctx) {
    const struct watch_spec *watch = step_spec(ctx);
    struct watch_state *state = step_state(ctx);
    watch_window_pass(state->window, watch_ticks(watch));
    window_slide(ctx);
    AUTO_VALUE stats = stats_of(state);
    if (watch_window_count(state->window) == 0)
        watch_fail(ctx, "the window is empty: no probe of it ended",
                   "give the probe a `timeout` that is shorter than the `window`");
    else if (!watch_window_has_figure(state->window))
        watch_fail(ctx, "no probe of the window gave a figure", NULL);
    else if (judge_failure(ctx, stats))
        return;
    else if (watch->until)
        fail_late(ctx);
    else
        watch_end(ctx, STEP_SUCCEEDED, NULL);
}

/* ---- probes -------------------------------------------------------------------------------- */

/* SQL's numerics travel as digits, and what a command prints is text. */
static bool text_as_number(const char *text, double *ret) {
    char *end;
    if (!*text || text[strspn(text, "+-.0123456789eE")])
        return false;
    *ret = strtod(text, &end);
    return !*end && isfinite(*ret);
}

static value duration_of(value data) {
    value own = value_get(data, "time_ms");
    if (value_is(own, VALUE_NUMBER))
        return own;
    value_free(own);
    return value_get(data, "duration_ms");
}

/* NULL: there is a figure; else why there is none, which the caller frees. */
static char *figure_take(struct step_ctx *ctx, const struct step_sample *sample, double *ret) {
    const struct watch_spec *watch = step_spec(ctx);
    AUTO_VALUE figure = value_none();
    AUTO_ERR err = ERR_INIT;
    if (!sample->holds)
        return mem_strdup(sample->why);
    if (!watch->value)
        figure = duration_of(sample->data);
    else if (step_eval_on(ctx, watch->value, sample->data, &figure, &err) < 0)
        return mem_strdup(err.message);
    *ret = value_as_number(figure);
    if (value_is(figure, VALUE_NUMBER) && isfinite(*ret))
        return NULL;
    if (value_is(figure, VALUE_STRING) && text_as_number(value_text(figure), ret))
        return NULL;
    AUTO_TEXT json = value_to_json(figure);
    return mem_printf("`value` is no number but %.60s: %s",
                      value_is(figure, VALUE_NONE) ? "nothing" : json, expr_text(watch->value));
}

static void sample_take(struct step_ctx *ctx, const struct step_sample *sample) {
    struct watch_state *state = step_state(ctx);
    double figure = 0;
    char *why = figure_take(ctx, sample, &figure);
    bool has_turned = state->has_failed != (why != NULL);
    watch_window_add(state->window, state->tick, why ? WATCH_FAILED : WATCH_ANSWERED, figure);
    state->asked++;
    state->has_failed = why != NULL;
    if (why) {
        mem_free(state->why);
        state->why = why;
    }
    window_slide(ctx);
    if (has_turned) {
        state->turns++;
        note_turn(ctx);
    }
    AUTO_VALUE stats = stats_of(state);
    if (!state->is_rehearsal)
        tell_sample(ctx, stats, has_turned);
}

static void tick_await(struct step_ctx *ctx);

/* One sample tells whether the probe answers, and no more. It need not where the watch waits for
 * just that, or for what was not done. */
static void rehearsal_conclude(struct step_ctx *ctx, bool is_unknown) {
    const struct watch_spec *watch = step_spec(ctx);
    const struct watch_state *state = step_state(ctx);
    struct step_result result = {.data = stats_of(state), .rehearsal = STEP_CHECKED};
    AUTO_BUF remark = BUF_INIT(LINE_CEILING);
    buf_puts(&remark, "one sample: ");
    put_stats(&remark, ctx, result.data);
    if (state->has_failed)
        buf_printf(&remark, "; %s", state->why);
    if (is_unknown)
        result.rehearsal = STEP_SHOWN;
    else if (state->has_failed && !watch->until) {
        result.outcome = STEP_FAILED;
        result.stale = step_miss_find(ctx, STEP_MISS_SERVICE);
        if (!result.stale)
            result.stale = step_miss_find(ctx, STEP_MISS_FILES);
        err_set(&result.err, ERR_INVALID, "%s", buf_text(&remark));
    }
    result.remark = buf_detach(&remark);
    step_done(ctx, &result);
}

static void probe_answered(struct step_ctx *ctx, const struct step_sample *sample) {
    const struct watch_spec *watch = step_spec(ctx);
    struct watch_state *state = step_state(ctx);
    bool is_unknown = sample->is_unknown;
    sample_take(ctx, sample);
    step_probe_free(state->probe);
    state->probe = NULL;
    if (state->is_rehearsal) {
        rehearsal_conclude(ctx, is_unknown);
        return;
    }
    AUTO_VALUE stats = stats_of(state);
    if (judge_failure(ctx, stats) || judge_success(ctx, stats))
        return;
    int64_t passed_ms = (clock_mono_ns() - state->began_ns) / NS_PER_MS;
    int64_t due = passed_ms / watch->every_ms + 1;
    state->tick = due > state->tick ? due : state->tick + 1;
    tick_await(ctx);
}

/* ---- the clock ----------------------------------------------------------------------------- */

static void cancelled_end(struct step_ctx *ctx) {
    AUTO_ERR err = ERR_INIT;
    err_set(&err, ERR_SYSTEM, "cancelled while watching");
    watch_end(ctx, STEP_CANCELLED, &err);
}

static void tick_due(void *user) {
    struct step_ctx *ctx = user;
    const struct watch_spec *watch = step_spec(ctx);
    struct watch_state *state = step_state(ctx);
    loop_timer_free(state->timer);
    state->timer = NULL;
    if (state->is_cancelled) {
        cancelled_end(ctx);
        return;
    }
    if (state->tick >= watch_ticks(watch)) {
        watch_conclude(ctx);
        return;
    }
    int64_t limit = watch->every_ms;
    limit = limit < PROBE_LEAST_MS ? PROBE_LEAST_MS : limit > PROBE_MOST_MS ? PROBE_MOST_MS : limit;
    state->probe = step_probe_new(ctx, watch->probe, limit, probe_answered);
}

static void tick_await(struct step_ctx *ctx) {
    const struct watch_spec *watch = step_spec(ctx);
    struct watch_state *state = step_state(ctx);
    bool is_over = state->tick >= watch_ticks(watch);
    int64_t at_ms = is_over ? watch->for_ms : state->tick * watch->every_ms;
    int64_t left_ns = state->began_ns + at_ms * NS_PER_MS - clock_mono_ns();
    int64_t left_ms = left_ns <= 0 ? 0 : (left_ns + NS_PER_MS - 1) / NS_PER_MS;
    state->timer = loop_timer_new(step_loop(ctx), left_ms, tick_due, ctx);
}

static int baseline_take(struct step_ctx *ctx, struct err *err) {
    const struct watch_spec *watch = step_spec(ctx);
    struct watch_state *state = step_state(ctx);
    if (!watch->baseline)
        return 0;
    value_free(state->baseline);
    state->baseline = value_none();
    if (step_render(ctx, watch->baseline, &state->baseline, err) < 0)
        return err_wrap(err, "the baseline");
    if (!value_is(state->baseline, VALUE_NULL) && !value_is(state->baseline, VALUE_NONE))
        return 0;
    err_set(err, ERR_INVALID, "the baseline is null");
    return err_hint(err, "every figure is more than null; name what an earlier step measured");
}

int watch_start(struct step_ctx *ctx, struct err *err) {
    struct watch_state *state = step_state(ctx);
    state->baseline = value_null();
    if (baseline_take(ctx, err) < 0)
        return -1;
    state->window = watch_window_new(watch_window_ticks(step_spec(ctx)));
    state->began_ns = clock_mono_ns();
    if (step_elapsed_ms(ctx) > 0) {
        AUTO_TEXT before = text_format_duration(step_elapsed_ms(ctx));
        AUTO_TEXT note = mem_printf("an engine before this one began it %s ago, and what it saw is "
                                    "gone: the watch begins anew",
                                    before);
        step_note(ctx, "the window is new", value_string(note));
        step_gauge(ctx, &(struct step_gauge){.weight = STEP_GAUGE_NEWS, .text = note});
    }
    tick_await(ctx);
    return 0;
}

int watch_rehearse(struct step_ctx *ctx, struct err *err) {
    struct watch_state *state = step_state(ctx);
    state->is_rehearsal = true;
    return watch_start(ctx, err);
}

void watch_cancel(struct step_ctx *ctx) {
    struct watch_state *state = step_state(ctx);
    if (state->is_cancelled)
        return;
    state->is_cancelled = true;
    step_probe_free(state->probe);
    state->probe = NULL;
    loop_timer_free(state->timer);
    state->timer = loop_timer_new(step_loop(ctx), 0, tick_due, ctx);
}

void watch_release(struct step_ctx *ctx) {
    struct watch_state *state = step_state(ctx);
    step_probe_free(state->probe);
    loop_timer_free(state->timer);
    watch_window_free(state->window);
    value_free(state->baseline);
    mem_free(state->why);
}
