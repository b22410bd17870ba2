#include "ask.h"
#include "base/buf.h"
#include "base/mem.h"

#define LINE_CEILING ((size_t)64 << 10)

struct manual_spec {
    struct template *instructions;
    struct field_list checklist; /* struct template * each */
    struct template *evidence;
};

static const struct field manual_item = {
    .key = "item",
    .kind = FIELD_TEXT,
    .flags = FIELD_ITEM,
    .doc = "One thing to confirm.",
    .example = "The status page says maintenance",
};

static const struct field manual_fields[] = {
    {
        .key = "instructions",
        .kind = FIELD_TEXT,
        .flags = FIELD_REQUIRED | FIELD_ITEM,
        .offset = offsetof(struct manual_spec, instructions),
        .doc = "What a person has to do.",
        .example = "Switch the load balancer to the standby",
    },
    {
        .key = "checklist",
        .kind = FIELD_LIST,
        .offset = offsetof(struct manual_spec, checklist),
        .doc = "What is confirmed, one by one.",
        .example = "[The status page says maintenance, Nobody is logged in]",
        .item = &manual_item,
    },
    {
        .key = "evidence",
        .kind = FIELD_TEXT,
        .flags = FIELD_ITEM,
        .offset = offsetof(struct manual_spec, evidence),
        .doc = "What is to be typed in as proof; the transcript keeps it.",
        .example = "Ticket number",
    },
    FIELD_END,
};

static enum effect manual_effect(const void *spec) {
    (void)spec;
    return EFFECT_ONCE;
}

/* `--yes` cannot say that a person's hands did something. */
static enum step_asks manual_asks(const void *spec) {
    (void)spec;
    return STEP_ASKS_PERSON;
}

static void plan_line(const struct step_plan *plan, const char *label,
                      const struct template *text) {
    AUTO_BUF line = BUF_INIT(LINE_CEILING);
    template_show(&line, text);
    plan->line(plan->user, label, buf_text(&line), line.length);
}

static void manual_plan(const void *spec, const struct step_plan *plan) {
    const struct manual_spec *manual = spec;
    plan_line(plan, "by hand", manual->instructions);
    for (size_t i = 0; i < manual->checklist.count; i++)
        plan_line(plan, "confirm", FIELD_AT(struct template *, &manual->checklist, i));
    if (manual->evidence)
        plan_line(plan, "evidence", manual->evidence);
}

static void manual_demand(const void *spec, const struct step_demand *demand) {
    const struct manual_spec *manual = spec;
    AUTO_BUF message = BUF_INIT(LINE_CEILING);
    template_show(&message, manual->instructions);
    const struct step_question question = {
        .kind = STEP_ASK_MANUAL, .message = buf_text(&message), .quorum = 1};
    demand->question(demand->user, &question);
}

static void manual_answered(struct step_ctx *ctx, const struct step_answer *answer) {
    struct ask_state *state = step_state(ctx);
    struct step_result *result = &state->result;
    result->data = ask_data(answer);
    if (answer->evidence)
        result->data = value_set(result->data, "evidence", value_string(answer->evidence));
    if (!answer->accepted) {
        result->outcome = STEP_FAILED;
        const char *comment = answer->comment ? answer->comment : "";
        err_set(&result->err, ERR_REFUSED, "%s said that it could not be done%s%s",
                answer->by ? answer->by : "nobody", *comment ? ": " : "", comment);
        if (!answer->by && *comment) {
            err_release(&result->err);
            err_set(&result->err, ERR_REFUSED, "%s", comment);
        }
    }
    ask_report(ctx);
}

static int render_items(struct step_ctx *ctx, const struct field_list *items, struct err *err) {
    struct ask_state *state = step_state(ctx);
    if (items->count == 0)
        return 0;
    state->items = mem_calloc(items->count + 1, sizeof *state->items);
    for (size_t i = 0; i < items->count; i++)
        if (step_render_text(ctx, FIELD_AT(struct template *, items, i), &state->items[i], err) < 0)
            return -1;
    return 0;
}

static int manual_start(struct step_ctx *ctx, struct err *err) {
    const struct manual_spec *manual = step_spec(ctx);
    struct ask_state *state = step_state(ctx);
    if (ask_message(ctx, manual->instructions, err) < 0 ||
        render_items(ctx, &manual->checklist, err) < 0)
        return -1;
    if (manual->evidence && step_render_text(ctx, manual->evidence, &state->evidence, err) < 0)
        return -1;
    state->question.kind = STEP_ASK_MANUAL;
    state->question.items = (const char *const *)state->items;
    state->question.evidence = state->evidence;
    state->question.quorum = 1;
    ask_start(ctx, manual_answered);
    return 0;
}

const struct step_type step_manual_type = {
    .key = "manual",
    .doc = "What a person does by hand, confirmed item by item.",
    .example = "{instructions: Switch the load balancer, checklist: [Traffic has moved]}",
    .fields = manual_fields,
    .shorthand = "instructions",
    .size = sizeof(struct manual_spec),
    .state_size = sizeof(struct ask_state),
    .effect = manual_effect,
    .plan = manual_plan,
    .demand = manual_demand,
    .is_passive = true,
    .asks = manual_asks,
    .start = manual_start,
    .cancel = ask_cancel,
    .release = ask_release,
};
