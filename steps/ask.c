#include "ask.h"

#include "base/mem.h"
#include "io/loop.h"

int ask_message(struct step_ctx *ctx, const struct template *message, struct err *err) {
    struct ask_state *state = step_state(ctx);
    if (step_render_text(ctx, message, &state->message, err) < 0)
        return -1;
    state->question.message = state->message;
    return 0;
}

void ask_start(struct step_ctx *ctx,
               void (*answered)(struct step_ctx *ctx, const struct step_answer *answer)) {
    struct ask_state *state = step_state(ctx);
    step_ask(ctx, &state->question, answered);
}

static void report(void *user) {
    struct step_ctx *ctx = user;
    struct ask_state *state = step_state(ctx);
    struct step_result result = state->result;
    state->result = (struct step_result){0};
    step_done(ctx, &result);
}

void ask_report(struct step_ctx *ctx) {
    struct ask_state *state = step_state(ctx);
    state->is_reported = true;
    loop_defer(step_loop(ctx), report, ctx);
}

value ask_data(const struct step_answer *answer) {
    value data = value_object();
    if (answer->by)
        data = value_set(data, "by", value_string(answer->by));
    if (answer->comment)
        data = value_set(data, "comment", value_string(answer->comment));
    return data;
}

void ask_cancel(struct step_ctx *ctx) {
    struct ask_state *state = step_state(ctx);
    if (state->is_reported)
        return;
    state->result.outcome = STEP_CANCELLED;
    state->result.data = value_none();
    err_set(&state->result.err, ERR_SYSTEM, "cancelled while waiting for an answer");
    ask_report(ctx);
}

void ask_release(struct step_ctx *ctx) {
    struct ask_state *state = step_state(ctx);
    mem_free(state->message);
    mem_free(state->evidence);
    for (size_t i = 0; state->items && state->items[i]; i++)
        mem_free(state->items[i]);
    mem_free(state->items);
    mem_free(state->approvers);
}
