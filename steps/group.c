#include "step.h"

struct group_spec {
    const struct step_list *members;
};

static const struct field steps_fields[] = {
    {
        .key = "members",
        .kind = FIELD_STEPS,
        .flags = FIELD_REQUIRED,
        .offset = offsetof(struct group_spec, members),
        .doc = "Steps that run in order; each needs the one above it unless it says otherwise.",
        .example = "[{shell: systemctl stop app}, {shell: systemctl start app}]",
    },
    FIELD_END,
};

static const struct field parallel_fields[] = {
    {
        .key = "members",
        .kind = FIELD_STEPS,
        .flags = FIELD_REQUIRED,
        .offset = offsetof(struct group_spec, members),
        .doc = "Steps that all start at once; `needs` orders them.",
        .example = "[{shell: ./warm-cache}, {shell: ./warm-search}]",
    },
    FIELD_END,
};

/* The members decide: step_effect looks into what `expand` yields. */
static enum effect group_effect(const void *spec) {
    (void)spec;
    return EFFECT_UNSAID;
}

/* Its members are planned as the steps they are. */
static void group_plan(const void *spec, const struct step_plan *plan) {
    (void)spec;
    (void)plan;
}

static void steps_expand(const void *spec, struct step_expansion *ret) {
    const struct group_spec *group = spec;
    *ret = (struct step_expansion){.steps = group->members};
}

static void parallel_expand(const void *spec, struct step_expansion *ret) {
    const struct group_spec *group = spec;
    *ret = (struct step_expansion){.steps = group->members, .parallel = true};
}

const struct step_type step_steps_type = {
    .key = "steps",
    .doc = "A group of steps that run in order.",
    .example = "[{shell: systemctl stop app}, {shell: systemctl start app}]",
    .fields = steps_fields,
    .shorthand = "members",
    .bare = true,
    .size = sizeof(struct group_spec),
    .effect = group_effect,
    .plan = group_plan,
    .expand = steps_expand,
};

const struct step_type step_parallel_type = {
    .key = "parallel",
    .doc = "A group of steps that all start at once.",
    .example = "[{shell: ./warm-cache}, {shell: ./warm-search}]",
    .fields = parallel_fields,
    .shorthand = "members",
    .bare = true,
    .size = sizeof(struct group_spec),
    .effect = group_effect,
    .plan = group_plan,
    .expand = parallel_expand,
};
