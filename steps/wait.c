#include <inttypes.h>
#include <stdbool.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "io/loop.h"
#include "step.h"

#define TEXT_CEILING ((size_t)4 << 10)
/* Timers do not count while the machine sleeps, and wall time may be set: look again so often. */
#define LOOK_AGAIN_MS INT64_C(30000)

struct wait_spec {
    struct template *what;
};

struct wait_state {
    struct loop_timer *timer;
    bool is_point; /* `until_ns` is wall time, else monotonic */
    int64_t until_ns;
    bool is_cancelled;
};

static const struct field wait_fields[] = {
    {
        .key = "what",
        .kind = FIELD_TEXT,
        .flags = FIELD_REQUIRED | FIELD_ITEM,
        .offset = offsetof(struct wait_spec, what),
        .doc = "A duration such as `90s`, or a point in time such as `2026-01-02T03:04:05Z`.",
        .example = "90s",
    },
    FIELD_END,
};

static enum effect wait_effect(const void *spec) {
    (void)spec;
    return EFFECT_READ;
}

static int parse_what(const char *text, struct wait_state *ret, struct err *err) {
    int64_t duration_ms = 0;
    ret->is_point = clock_parse(text, &ret->until_ns, NULL) == 0;
    if (ret->is_point)
        return 0;
    if (text_parse_duration(text, &duration_ms, NULL) < 0) {
        err_set(err, ERR_INVALID, "`%s` is neither a duration nor a point in time", text);
        return err_hint(err, "write `90s`, `1h30m` or `2026-01-02T03:04:05Z`");
    }
    ret->until_ns = clock_mono_ns() + duration_ms * NS_PER_MS;
    return 0;
}

static void wait_check(const void *spec, const struct step_check *check) {
    const struct wait_spec *wait = spec;
    if (!wait->what || !template_is_constant(wait->what))
        return;
    AUTO_BUF text = BUF_INIT(TEXT_CEILING);
    AUTO_ERR err = ERR_INIT;
    struct wait_state ignored = {0};
    template_show(&text, wait->what);
    if (parse_what(buf_text(&text), &ignored, &err) < 0) {
        err.span = check->span;
        check->report(check->user, &err);
    }
}

static void wait_plan(const void *spec, const struct step_plan *plan) {
    const struct wait_spec *wait = spec;
    AUTO_BUF text = BUF_INIT(TEXT_CEILING);
    template_show(&text, wait->what);
    plan->line(plan->user, "wait", buf_text(&text), text.length);
}

static void arm(struct step_ctx *ctx);

static void fired(void *user) {
    struct step_ctx *ctx = user;
    struct wait_state *state = step_state(ctx);
    loop_timer_free(state->timer);
    state->timer = NULL;
    arm(ctx);
}

static int64_t left_ms(const struct wait_state *state) {
    int64_t left = state->until_ns - (state->is_point ? clock_wall_ns() : clock_mono_ns());
    return left <= 0 ? 0 : (left + NS_PER_MS - 1) / NS_PER_MS;
}

static void arm(struct step_ctx *ctx) {
    struct wait_state *state = step_state(ctx);
    int64_t left = left_ms(state);
    if (left > 0 && !state->is_cancelled) {
        int64_t delay = left < LOOK_AGAIN_MS ? left : LOOK_AGAIN_MS;
        state->timer = loop_timer_new(step_loop(ctx), delay, fired, ctx);
        return;
    }
    struct step_result result = {.data = value_none()};
    if (state->is_cancelled) {
        result.outcome = STEP_CANCELLED;
        result.without_effect = true;
        err_set(&result.err, ERR_SYSTEM, "cancelled while waiting");
    }
    step_done(ctx, &result);
}

static int wait_start(struct step_ctx *ctx, struct err *err) {
    const struct wait_spec *wait = step_spec(ctx);
    struct wait_state *state = step_state(ctx);
    AUTO_TEXT text = NULL;
    if (step_render_text(ctx, wait->what, &text, err) < 0 || parse_what(text, state, err) < 0)
        return -1;
    /* Through the timer even where nothing is left: step_done must not be called from here. */
    if (!state->is_point)
        state->until_ns -= step_elapsed_ms(ctx) * NS_PER_MS;
    int64_t left = left_ms(state);
    state->timer =
        loop_timer_new(step_loop(ctx), left < LOOK_AGAIN_MS ? left : LOOK_AGAIN_MS, fired, ctx);
    return 0;
}

static void wait_cancel(struct step_ctx *ctx) {
    struct wait_state *state = step_state(ctx);
    if (state->is_cancelled)
        return;
    state->is_cancelled = true;
    loop_timer_free(state->timer);
    state->timer = loop_timer_new(step_loop(ctx), 0, fired, ctx);
}

static void wait_release(struct step_ctx *ctx) {
    struct wait_state *state = step_state(ctx);
    loop_timer_free(state->timer);
}

const struct step_type step_wait_type = {
    .key = "wait",
    .doc = "Waits for a duration, or until a point in time.",
    .example = "90s",
    .fields = wait_fields,
    .shorthand = "what",
    .bare = true,
    .size = sizeof(struct wait_spec),
    .state_size = sizeof(struct wait_state),
    .effect = wait_effect,
    .check = wait_check,
    .plan = wait_plan,
    .is_pure = true,
    .is_passive = true,
    .start = wait_start,
    .cancel = wait_cancel,
    .release = wait_release,
};
