#include "base/buf.h"
#include "step.h"

#define LINE_CEILING ((size_t)64 << 10)

struct call_spec {
    const struct runbook *runbook;
    struct field_map params; /* struct template * each */
};

static const struct field call_param = {
    .key = "value",
    .kind = FIELD_VALUE,
    .flags = FIELD_ITEM,
    .doc = "The parameter's value.",
    .example = "drill",
};

static const struct field call_fields[] = {
    {
        .key = "file",
        .kind = FIELD_RUNBOOK,
        .flags = FIELD_REQUIRED,
        .offset = offsetof(struct call_spec, runbook),
        .doc = "The other runbook's file, beside this one.",
        .example = "restart-service.yaml",
    },
    {
        .key = "params",
        .kind = FIELD_MAP,
        .flags = FIELD_BESIDE,
        .offset = offsetof(struct call_spec, params),
        .doc = "Values for the parameters that it declares.",
        .example = "{service: nginx}",
        .item = &call_param,
    },
    FIELD_END,
};

/* Its steps decide: step_effect looks into what `expand` yields. */
static enum effect call_effect(const void *spec) {
    (void)spec;
    return EFFECT_UNSAID;
}

static void call_plan(const void *spec, const struct step_plan *plan) {
    const struct call_spec *call = spec;
    for (size_t i = 0; i < call->params.count; i++) {
        AUTO_BUF line = BUF_INIT(LINE_CEILING);
        buf_printf(&line, "%s = ", call->params.keys[i]);
        template_show(&line, FIELD_AT(struct template *, &call->params, i));
        plan->line(plan->user, "param", buf_text(&line), line.length);
    }
}

static void call_expand(const void *spec, struct step_expansion *ret) {
    const struct call_spec *call = spec;
    *ret = (struct step_expansion){.runbook = call->runbook, .params = &call->params};
}

const struct step_type step_call_type = {
    .key = "call",
    .doc = "Another runbook; its steps, rollbacks and objectives nest in this run.",
    .example = "{file: restart-service.yaml, params: {service: nginx}}",
    .fields = call_fields,
    .shorthand = "file",
    .size = sizeof(struct call_spec),
    .effect = call_effect,
    .plan = call_plan,
    .expand = call_expand,
};
