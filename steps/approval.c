#include <inttypes.h>

#include "ask.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "io/loop.h"
#include "message.h"

#define LINE_CEILING ((size_t)64 << 10)
#define ESCALATION_LIMIT_MS INT64_C(30000)
#define UNDER_WAY_MS INT64_C(3000) /* for a message that is on its way when the answer comes */

struct escalation {
    int64_t after_ms;
    struct message_spec *notify;
    struct field_list approvers; /* const char * each */
};

struct approval_spec {
    struct template *message;
    struct field_list approvers; /* const char * each */
    int64_t quorum;
    bool not_requester;
    int64_t expires_ms;
    struct field_list escalate; /* struct escalation each */
};

/* A message on its way, or that was sent. */
struct escalating {
    struct step_ctx *ctx;
    struct message *message;
    int64_t after_ms;
    bool is_under_way;
};

struct approval_state {
    struct ask_state ask; /* first: the helpers of questions find it there */
    struct step_escalation *escalations;
    struct escalating *escalating; /* as many */
    size_t count;
    struct loop_timer *patience; /* of an answer that waits for messages under way */
};

static const struct field approver = {
    .key = "approver",
    .kind = FIELD_STRING,
    .doc = "A person or a role.",
    .example = "dba",
};

static const struct field escalation_fields[] = {
    {
        .key = "after",
        .kind = FIELD_DURATION,
        .flags = FIELD_REQUIRED,
        .offset = offsetof(struct escalation, after_ms),
        .doc = "How long after the gate opened.",
        .example = "10m",
    },
    {
        .key = "notify",
        .kind = FIELD_OBJECT,
        .offset = offsetof(struct escalation, notify),
        .doc =
            "Who is told, and how, as in the action `notify`; the gate's message where it has no "
            "text.",
        .example = "{webhook: \"${{ .secrets.pager_url }}\"}",
        .fields = message_fields,
        .size = sizeof(struct message_spec),
    },
    {
        .key = "approvers",
        .kind = FIELD_LIST,
        .flags = FIELD_ONE,
        .offset = offsetof(struct escalation, approvers),
        .doc = "Who may answer from then on, besides those before.",
        .example = "[cto]",
        .item = &approver,
    },
    FIELD_END,
};

static const struct field escalation_item = {
    .key = "escalation",
    .kind = FIELD_OBJECT,
    .doc = "What happens when nobody has answered.",
    .example = "{after: 10m, approvers: [cto]}",
    .fields = escalation_fields,
    .size = sizeof(struct escalation),
};

static const struct field approval_fields[] = {
    {
        .key = "message",
        .kind = FIELD_TEXT,
        .flags = FIELD_REQUIRED | FIELD_ITEM,
        .offset = offsetof(struct approval_spec, message),
        .doc = "The question that people answer.",
        .example = "\"Replace ${{ .params.env }}?\"",
    },
    {
        .key = "approvers",
        .kind = FIELD_LIST,
        .flags = FIELD_ONE,
        .offset = offsetof(struct approval_spec, approvers),
        .doc = "Who may open it; anybody where unsaid.",
        .example = "[dba, platform-lead]",
        .item = &approver,
    },
    {
        .key = "quorum",
        .kind = FIELD_INTEGER,
        .offset = offsetof(struct approval_spec, quorum),
        .doc = "How many of them must agree.",
        .example = "2",
        .minimum = 1,
        .maximum = 100,
        .fallback = 1,
    },
    {
        .key = "not_requester",
        .kind = FIELD_BOOL,
        .offset = offsetof(struct approval_spec, not_requester),
        .doc = "Whoever started the run may not open it.",
        .example = "true",
    },
    {
        .key = "expires",
        .kind = FIELD_DURATION,
        .offset = offsetof(struct approval_spec, expires_ms),
        .doc = "How long it stays open; then the run fails as if it was rejected.",
        .example = "30m",
        .minimum = 1,
        .maximum = INT64_MAX,
    },
    {
        .key = "escalate",
        .kind = FIELD_LIST,
        .flags = FIELD_ONE,
        .offset = offsetof(struct approval_spec, escalate),
        .doc = "Who is told, and who may answer too, when nobody has answered.",
        .example = "[{after: 10m, approvers: [cto]}]",
        .item = &escalation_item,
    },
    FIELD_END,
};

static enum effect approval_effect(const void *spec) {
    (void)spec;
    return EFFECT_READ;
}

static enum step_asks approval_asks(const void *spec) {
    const struct approval_spec *approval = spec;
    return approval->approvers.count ? STEP_ASKS_PERSON : STEP_ASKS_ANYBODY;
}

static const struct template *approval_gate(const void *spec) {
    return ((const struct approval_spec *)spec)->message;
}

static size_t count_approvers(const struct approval_spec *approval) {
    size_t count = approval->approvers.count;
    for (size_t i = 0; i < approval->escalate.count; i++)
        count += FIELD_AT(struct escalation, &approval->escalate, i).approvers.count;
    return count;
}

static void check_quorum(const struct approval_spec *approval, const struct step_check *check) {
    size_t count = count_approvers(approval);
    AUTO_ERR err = ERR_INIT;
    if (approval->approvers.count == 0 || approval->quorum <= (int64_t)count)
        return;
    err_at(&err, check->span, "the quorum of %" PRId64 " can never be reached by %zu approver%s",
           approval->quorum, count, count == 1 ? "" : "s");
    err_hint(&err, "name more approvers, or lower `quorum`");
    check->report(check->user, &err);
}

static void check_twice(const struct approval_spec *approval, const struct step_check *check) {
    for (size_t i = 1; i < approval->approvers.count; i++)
        for (size_t j = 0; j < i; j++) {
            const char *name = FIELD_AT(const char *, &approval->approvers, i);
            if (!text_equal(name, FIELD_AT(const char *, &approval->approvers, j)))
                continue;
            AUTO_ERR err = ERR_INIT;
            err_at(&err, check->span, "approver `%s` is named twice", name);
            check->report(check->user, &err);
        }
}

static void check_expiry(const struct approval_spec *approval, const struct step_check *check) {
    for (size_t i = 0; i < approval->escalate.count; i++) {
        const struct escalation *step = &FIELD_AT(struct escalation, &approval->escalate, i);
        if (approval->expires_ms <= 0 || step->after_ms < approval->expires_ms)
            continue;
        AUTO_ERR err = ERR_INIT;
        AUTO_TEXT after = text_format_duration(step->after_ms);
        AUTO_TEXT expires = text_format_duration(approval->expires_ms);
        err_at(&err, check->span,
               "the escalation after %s comes too late: the gate expires "
               "after %s",
               after, expires);
        check->report(check->user, &err);
    }
}

static void check_order(const struct approval_spec *approval, const struct step_check *check) {
    for (size_t i = 0; i < approval->escalate.count; i++) {
        const struct escalation *step = &FIELD_AT(struct escalation, &approval->escalate, i);
        if (step->notify)
            message_check(step->notify, true, check);
        if (i == 0 ||
            FIELD_AT(struct escalation, &approval->escalate, i - 1).after_ms <= step->after_ms)
            continue;
        AUTO_ERR err = ERR_INIT;
        AUTO_TEXT after = text_format_duration(step->after_ms);
        err_at(&err, check->span, "the escalation after %s stands behind a later one", after);
        check->report(check->user, &err);
    }
}

static void approval_check(const void *spec, const struct step_check *check) {
    check_quorum(spec, check);
    check_twice(spec, check);
    check_expiry(spec, check);
    check_order(spec, check);
}

static void plan_approvers(const struct approval_spec *approval, const struct step_plan *plan) {
    AUTO_BUF line = BUF_INIT(LINE_CEILING);
    buf_printf(&line, "%" PRId64 " of ", approval->quorum);
    for (size_t i = 0; i < approval->approvers.count; i++)
        buf_printf(&line, "%s%s", i > 0 ? ", " : "",
                   FIELD_AT(const char *, &approval->approvers, i));
    if (approval->approvers.count == 0)
        buf_puts(&line, "anybody");
    if (approval->not_requester)
        buf_puts(&line, ", not who started the run");
    plan->line(plan->user, "approvers", buf_text(&line), line.length);
}

static void plan_escalation(const struct escalation *escalation, const struct step_plan *plan) {
    AUTO_BUF line = BUF_INIT(LINE_CEILING);
    AUTO_TEXT after = text_format_duration(escalation->after_ms);
    buf_printf(&line, "after %s", after);
    for (size_t i = 0; i < escalation->approvers.count; i++)
        buf_printf(&line, "%s%s", i > 0 ? ", " : ": may be opened by ",
                   FIELD_AT(const char *, &escalation->approvers, i));
    plan->line(plan->user, "escalates", buf_text(&line), line.length);
    if (escalation->notify)
        message_plan(escalation->notify, plan);
}

static void approval_plan(const void *spec, const struct step_plan *plan) {
    const struct approval_spec *approval = spec;
    AUTO_BUF message = BUF_INIT(LINE_CEILING);
    template_show(&message, approval->message);
    plan->line(plan->user, "gate", buf_text(&message), message.length);
    plan_approvers(approval, plan);
    if (approval->expires_ms > 0) {
        AUTO_TEXT expires = text_format_duration(approval->expires_ms);
        plan->line(plan->user, "expires", expires, strlen(expires));
    }
    for (size_t i = 0; i < approval->escalate.count; i++)
        plan_escalation(&FIELD_AT(struct escalation, &approval->escalate, i), plan);
}

static void approval_demand(const void *spec, const struct step_demand *demand) {
    const struct approval_spec *approval = spec;
    const size_t count = approval->approvers.count;
    AUTO_BUF message = BUF_INIT(LINE_CEILING);
    template_show(&message, approval->message);
    const char **names = mem_calloc(count + 1, sizeof *names);
    for (size_t i = 0; i < count; i++)
        names[i] = FIELD_AT(const char *, &approval->approvers, i);
    const struct step_question question = {
        .kind = STEP_ASK_GATE,
        .message = buf_text(&message),
        .approvers = count > 0 ? names : NULL,
        .quorum = approval->quorum,
        .not_requester = approval->not_requester,
        .expires_ms = approval->expires_ms > 0 ? approval->expires_ms : 0,
    };
    demand->question(demand->user, &question);
    mem_free(names);
    for (size_t i = 0; i < approval->escalate.count; i++)
        if (FIELD_AT(struct escalation, &approval->escalate, i).notify)
            message_demand(FIELD_AT(struct escalation, &approval->escalate, i).notify, demand);
}

static bool is_telling(const struct approval_state *state) {
    for (size_t i = 0; i < state->count; i++)
        if (state->escalating[i].is_under_way)
            return true;
    return false;
}

static void patience_over(void *user) {
    struct step_ctx *ctx = user;
    struct approval_state *state = step_state(ctx);
    loop_timer_free(state->patience);
    state->patience = NULL;
    if (!state->ask.is_reported)
        ask_report(ctx);
}

/* Who was to be told has been said to be told: a message on its way gets a moment to arrive. */
static void report_or_wait(struct step_ctx *ctx) {
    struct approval_state *state = step_state(ctx);
    if (is_telling(state))
        state->patience = loop_timer_new(step_loop(ctx), UNDER_WAY_MS, patience_over, ctx);
    else
        ask_report(ctx);
}

static void approval_answered(struct step_ctx *ctx, const struct step_answer *answer) {
    struct ask_state *state = step_state(ctx);
    struct step_result *result = &state->result;
    result->data = ask_data(answer);
    result->without_effect = true;
    if (!answer->accepted) {
        result->outcome = STEP_REJECTED;
        const char *comment = answer->comment ? answer->comment : "";
        if (answer->by)
            err_set(&result->err, ERR_REFUSED, "rejected by %s%s%s", answer->by,
                    *comment ? ": " : "", comment);
        else
            err_set(&result->err, ERR_TIMEOUT, "%s",
                    *comment ? comment : "the gate expired before it was answered");
    }
    report_or_wait(ctx);
}

/* ---- escalations --------------------------------------------------------------------------- */

/* That nobody could be told is noted: the gate goes on waiting for those who know of it. */
static void escalation_note(struct step_ctx *ctx, int64_t after_ms, const char *what) {
    AUTO_TEXT after = text_format_duration(after_ms);
    AUTO_TEXT text = mem_printf("after %s: %s", after, what);
    step_note(ctx, "escalation", value_string(text));
}

static void escalation_sent(void *user, value data_taken, struct err *err) {
    struct escalating *escalating = user;
    struct approval_state *state = step_state(escalating->ctx);
    escalating->is_under_way = false;
    AUTO_TEXT failed = err ? mem_printf("not told: %s", err->message) : NULL;
    escalation_note(escalating->ctx, escalating->after_ms, failed ? failed : "told");
    value_free(data_taken);
    if (state->patience && !is_telling(state))
        patience_over(escalating->ctx);
}

static void approval_escalated(struct step_ctx *ctx, size_t index) {
    const struct approval_spec *approval = step_spec(ctx);
    struct approval_state *state = step_state(ctx);
    const struct escalation *step = &FIELD_AT(struct escalation, &approval->escalate, index);
    struct escalating *escalating = &state->escalating[index];
    AUTO_ERR err = ERR_INIT;
    *escalating = (struct escalating){.ctx = ctx, .after_ms = step->after_ms};
    if (!step->notify)
        return;
    escalating->is_under_way = true;
    if (message_send(ctx, step->notify, state->ask.question.message, ESCALATION_LIMIT_MS,
                     escalation_sent, escalating, &escalating->message, &err) < 0) {
        escalating->is_under_way = false;
        err_wrap(&err, "not told");
        escalation_note(ctx, step->after_ms, err.message);
    }
}

static const char **approvers_of(const struct field_list *list) {
    const char **names = mem_calloc(list->count + 1, sizeof *names);
    for (size_t i = 0; i < list->count; i++)
        names[i] = FIELD_AT(const char *, list, i);
    return names;
}

static void escalations_init(struct step_ctx *ctx) {
    const struct approval_spec *approval = step_spec(ctx);
    struct approval_state *state = step_state(ctx);
    state->count = approval->escalate.count;
    state->escalations = mem_calloc(state->count + 1, sizeof *state->escalations);
    state->escalating = mem_calloc(state->count + 1, sizeof *state->escalating);
    for (size_t i = 0; i < state->count; i++) {
        const struct escalation *step = &FIELD_AT(struct escalation, &approval->escalate, i);
        state->escalations[i] =
            (struct step_escalation){step->after_ms, approvers_of(&step->approvers)};
    }
    state->ask.question.escalations = state->escalations;
    state->ask.question.escalation_count = state->count;
    state->ask.question.escalated = approval_escalated;
}

static int approval_start(struct step_ctx *ctx, struct err *err) {
    const struct approval_spec *approval = step_spec(ctx);
    struct ask_state *state = step_state(ctx);
    if (ask_message(ctx, approval->message, err) < 0)
        return -1;
    if (approval->approvers.count > 0)
        state->approvers = approvers_of(&approval->approvers);
    state->question.kind = STEP_ASK_GATE;
    state->question.approvers = state->approvers;
    state->question.quorum = approval->quorum;
    state->question.not_requester = approval->not_requester;
    state->question.expires_ms = approval->expires_ms > 0 ? approval->expires_ms : 0;
    escalations_init(ctx);
    ask_start(ctx, approval_answered);
    return 0;
}

/* The answer is there: it is not waited with any longer. */
static void approval_cancel(struct step_ctx *ctx) {
    const struct approval_state *state = step_state(ctx);
    if (state->patience)
        patience_over(ctx);
    else
        ask_cancel(ctx);
}

static void approval_release(struct step_ctx *ctx) {
    struct approval_state *state = step_state(ctx);
    loop_timer_free(state->patience);
    for (size_t i = 0; i < state->count; i++) {
        message_free(state->escalating[i].message);
        mem_free((void *)(uintptr_t)state->escalations[i].approvers);
    }
    mem_free(state->escalations);
    mem_free(state->escalating);
    ask_release(ctx);
}

const struct step_type step_approval_type = {
    .key = "approval",
    .doc = "A gate that named people open.",
    .example = "{message: \"Replace ${{ .params.env }}?\", approvers: [dba], quorum: 1}",
    .fields = approval_fields,
    .shorthand = "message",
    .size = sizeof(struct approval_spec),
    .state_size = sizeof(struct approval_state),
    .effect = approval_effect,
    .check = approval_check,
    .plan = approval_plan,
    .demand = approval_demand,
    .is_passive = true,
    .asks = approval_asks,
    .gate = approval_gate,
    .start = approval_start,
    .cancel = approval_cancel,
    .release = approval_release,
};
