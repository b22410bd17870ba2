/* The step type `notify`: people are told. That they could not be is noted, and the run goes on. */
#include "base/clock.h"
#include "base/mem.h"
#include "io/loop.h"
#include "message.h"

#define LIMIT_MS INT64_C(30000) /* where the step says no `timeout` */

struct notify_state {
    struct message *message;
    int64_t began_ns; /* monotonic */
    bool is_cancelled;
};

static enum effect notify_effect(const void *spec) {
    (void)spec;
    return EFFECT_ONCE;
}

static void notify_check(const void *spec, const struct step_check *check) {
    message_check(spec, false, check);
}

static void notify_plan(const void *spec, const struct step_plan *plan) {
    message_plan(spec, plan);
}

static void notify_demand(const void *spec, const struct step_demand *demand) {
    message_demand(spec, demand);
}

/* One that was sent and not answered may have arrived. That is no doubt to stop a run for. */
static void message_sent(void *user, value data_taken, struct err *err) {
    struct step_ctx *ctx = user;
    const struct notify_state *state = step_state(ctx);
    struct step_result result = {.data = data_taken};
    if (err) {
        result.outcome = state->is_cancelled ? STEP_CANCELLED : STEP_FAILED;
        err_move(&result.err, err);
    }
    step_done(ctx, &result);
}

static int notify_start(struct step_ctx *ctx, struct err *err) {
    struct notify_state *state = step_state(ctx);
    int64_t limit_ms = step_timeout_ms(ctx);
    state->began_ns = clock_mono_ns();
    return message_send(ctx, step_spec(ctx), NULL, limit_ms > 0 ? limit_ms : LIMIT_MS, message_sent,
                        ctx, &state->message, err);
}

static void doubt_report(void *user) {
    struct step_ctx *ctx = user;
    struct step_result result = {.outcome = STEP_FAILED, .data = value_none()};
    err_set(&result.err, ERR_SYSTEM,
            "the engine that sent it is gone: whether the message arrived is not known");
    step_done(ctx, &result);
}

static int notify_settle(struct step_ctx *ctx, const struct step_doubt *doubt, struct err *err) {
    (void)doubt, (void)err;
    loop_defer(step_loop(ctx), doubt_report, ctx);
    return 0;
}

static void notify_cancel(struct step_ctx *ctx) {
    struct notify_state *state = step_state(ctx);
    int64_t limit_ms = step_timeout_ms(ctx);
    int64_t elapsed_ms = (clock_mono_ns() - state->began_ns) / NS_PER_MS;
    state->is_cancelled = true;
    if (state->message)
        message_cancel(state->message, limit_ms > 0 && elapsed_ms >= limit_ms - 1);
}

static void notify_release(struct step_ctx *ctx) {
    struct notify_state *state = step_state(ctx);
    message_free(state->message);
}

const struct step_type step_notify_type = {
    .key = "notify",
    .doc = "Tells people, by webhook or by mail, within 30s where no `timeout` is said. That it "
           "failed is noted, and changes nothing else, in a rollback neither, unless `on_failure` "
           "says so on the very step.",
    .example = "{webhook: \"${{ .secrets.chat_url }}\", text: The drill is over}",
    .fields = message_fields,
    .size = sizeof(struct message_spec),
    .state_size = sizeof(struct notify_state),
    .is_aside = true,
    .effect = notify_effect,
    .check = notify_check,
    .plan = notify_plan,
    .demand = notify_demand,
    .start = notify_start,
    .settle = notify_settle,
    .cancel = notify_cancel,
    .release = notify_release,
};
