#include <inttypes.h>

#include "ask.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"

#define LINE_CEILING ((size_t)64 << 10)

struct escalation_notify {
    struct template *webhook;
    struct field_list email; /* struct template * each */
    struct template *text;
};

struct escalation {
    int64_t after_ms;
    struct escalation_notify *notify;
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

static const struct field approver = {
    .key = "approver",
    .kind = FIELD_STRING,
    .doc = "A person or a role.",
    .example = "dba",
};

static const struct field address = {
    .key = "address",
    .kind = FIELD_TEXT,
    .flags = FIELD_SECRETS,
    .doc = "A mail address.",
    .example = "oncall@example.org",
};

static const struct field notify_fields[] = {
    {
        .key = "webhook",
        .kind = FIELD_TEXT,
        .flags = FIELD_SECRETS,
        .offset = offsetof(struct escalation_notify, webhook),
        .doc = "A URL that gets the message as JSON.",
        .example = "\"${{ .secrets.pager_url }}\"",
    },
    {
        .key = "email",
        .kind = FIELD_LIST,
        .flags = FIELD_ONE,
        .offset = offsetof(struct escalation_notify, email),
        .doc = "Who gets the message by mail.",
        .example = "[oncall@example.org]",
        .item = &address,
    },
    {
        .key = "text",
        .kind = FIELD_TEXT,
        .offset = offsetof(struct escalation_notify, text),
        .doc = "The message, where it should not be the gate's.",
        .example = "The gate is still waiting",
    },
    FIELD_END,
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
        .doc = "Who is told, and how.",
        .example = "{webhook: \"${{ .secrets.pager_url }}\"}",
        .fields = notify_fields,
        .size = sizeof(struct escalation_notify),
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

static void approval_check(const void *spec, const struct step_check *check) {
    check_quorum(spec, check);
    check_twice(spec, check);
    check_expiry(spec, check);
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
    ask_report(ctx);
}

static int approval_start(struct step_ctx *ctx, struct err *err) {
    const struct approval_spec *approval = step_spec(ctx);
    struct ask_state *state = step_state(ctx);
    if (ask_message(ctx, approval->message, err) < 0)
        return -1;
    size_t count = approval->approvers.count;
    if (count > 0) {
        state->approvers = mem_calloc(count + 1, sizeof *state->approvers);
        for (size_t i = 0; i < count; i++)
            state->approvers[i] = FIELD_AT(const char *, &approval->approvers, i);
    }
    state->question.kind = STEP_ASK_GATE;
    state->question.approvers = state->approvers;
    state->question.quorum = approval->quorum;
    state->question.not_requester = approval->not_requester;
    state->question.expires_ms = approval->expires_ms > 0 ? approval->expires_ms : 0;
    ask_start(ctx, approval_answered);
    return 0;
}

const struct step_type step_approval_type = {
    .key = "approval",
    .doc = "A gate that named people open.",
    .example = "{message: \"Replace ${{ .params.env }}?\", approvers: [dba], quorum: 1}",
    .fields = approval_fields,
    .shorthand = "message",
    .size = sizeof(struct approval_spec),
    .state_size = sizeof(struct ask_state),
    .effect = approval_effect,
    .check = approval_check,
    .plan = approval_plan,
    .demand = approval_demand,
    .is_passive = true,
    .asks = approval_asks,
    .gate = approval_gate,
    .start = approval_start,
    .cancel = ask_cancel,
    .release = ask_release,
};
