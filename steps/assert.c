#include "base/buf.h"
#include "base/mem.h"
#include "io/loop.h"
#include "step.h"

#define TEXT_CEILING ((size_t)64 << 10)

struct condition {
    struct expr *that;
    struct template *message;
};

struct assert_spec {
    struct field_list conditions; /* struct condition each */
};

struct assert_state {
    value failed; /* messages of those that do not hold */
    size_t total;
};

static const struct field condition_fields[] = {
    {
        .key = "that",
        .kind = FIELD_EXPR,
        .flags = FIELD_REQUIRED | FIELD_ITEM,
        .offset = offsetof(struct condition, that),
        .doc = "What must hold, in jq; `.` is the run.",
        .example = ".steps.counts.outputs.leads > 0",
    },
    {
        .key = "message",
        .kind = FIELD_TEXT,
        .flags = FIELD_ITEM,
        .offset = offsetof(struct condition, message),
        .doc = "What to say where it does not hold.",
        .example = "The restored database has no leads",
    },
    FIELD_END,
};

static const struct field assert_item = {
    .key = "condition",
    .kind = FIELD_OBJECT,
    .doc = "A condition, alone or with a message.",
    .example = "{that: .steps.counts.outputs.leads > 0, message: No leads}",
    .fields = condition_fields,
    .size = sizeof(struct condition),
    .shorthand = "that",
};

static const struct field assert_fields[] = {
    {
        .key = "conditions",
        .kind = FIELD_LIST,
        .flags = FIELD_REQUIRED | FIELD_ONE,
        .offset = offsetof(struct assert_spec, conditions),
        .doc = "Conditions that must all hold.",
        .example = "[{that: .steps.counts.outputs.leads > 0, message: No leads}]",
        .item = &assert_item,
    },
    FIELD_END,
};

static enum effect assert_effect(const void *spec) {
    (void)spec;
    return EFFECT_READ;
}

static void assert_plan(const void *spec, const struct step_plan *plan) {
    const struct assert_spec *assertion = spec;
    for (size_t i = 0; i < assertion->conditions.count; i++) {
        const struct condition *condition = &FIELD_AT(struct condition, &assertion->conditions, i);
        const char *text = expr_text(condition->that);
        plan->line(plan->user, "condition", text, strlen(text));
    }
}

static int describe(struct step_ctx *ctx, const struct condition *condition, char **ret,
                    struct err *err) {
    if (condition->message)
        return step_render_text(ctx, condition->message, ret, err);
    *ret = mem_printf("`%s` does not hold", expr_text(condition->that));
    return 0;
}

static int examine(struct step_ctx *ctx, const struct condition *condition, struct err *err) {
    struct assert_state *state = step_state(ctx);
    bool holds = false;
    if (step_test(ctx, condition->that, &holds, err) < 0)
        return -1;
    if (holds)
        return 0;
    AUTO_TEXT message = NULL;
    if (describe(ctx, condition, &message, err) < 0)
        return err_wrap(err, "`%s` does not hold, and its message", expr_text(condition->that));
    state->failed = value_append(state->failed, value_string(message));
    return 0;
}

static void set_error(struct err *err, const struct assert_state *state) {
    AUTO_BUF text = BUF_INIT(TEXT_CEILING);
    size_t failed = value_count(state->failed);
    if (failed > 1)
        buf_printf(&text, "%zu of %zu conditions do not hold: ", failed, state->total);
    for (size_t i = 0; i < failed; i++) {
        AUTO_VALUE message = value_at(state->failed, i);
        buf_printf(&text, "%s%s", i > 0 ? "; " : "", value_text(message));
    }
    err_set(err, ERR_REFUSED, "%s", buf_text(&text));
}

static void assert_report(void *user) {
    struct step_ctx *ctx = user;
    struct assert_state *state = step_state(ctx);
    struct step_result result = {.without_effect = true};
    if (value_count(state->failed) > 0) {
        result.outcome = STEP_FAILED;
        set_error(&result.err, state);
    }
    result.data = value_set(value_object(), "failed", value_copy(state->failed));
    step_done(ctx, &result);
}

static int assert_start(struct step_ctx *ctx, struct err *err) {
    const struct assert_spec *assertion = step_spec(ctx);
    struct assert_state *state = step_state(ctx);
    state->failed = value_array();
    state->total = assertion->conditions.count;
    for (size_t i = 0; i < assertion->conditions.count; i++)
        if (examine(ctx, &FIELD_AT(struct condition, &assertion->conditions, i), err) < 0)
            return -1;
    loop_defer(step_loop(ctx), assert_report, ctx);
    return 0;
}

/* The report is already on its way. */
static void assert_cancel(struct step_ctx *ctx) {
    (void)ctx;
}

static void assert_release(struct step_ctx *ctx) {
    struct assert_state *state = step_state(ctx);
    value_free(state->failed);
}

const struct step_type step_assert_type = {
    .key = "assert",
    .doc = "Conditions that must hold for the run to go on.",
    .example = "[{that: .steps.counts.outputs.leads > 0, message: No leads}]",
    .fields = assert_fields,
    .shorthand = "conditions",
    .bare = true,
    .size = sizeof(struct assert_spec),
    .state_size = sizeof(struct assert_state),
    .effect = assert_effect,
    .plan = assert_plan,
    .is_pure = true,
    .start = assert_start,
    .cancel = assert_cancel,
    .release = assert_release,
};
