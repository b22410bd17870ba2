#include "run/objectives.h"

#include "base/text.h"
#include "run/recall.h"

static value judged(int64_t limit_ms, int64_t measured_ms, bool is_known) {
    value one = value_set(value_object(), "limit_ms", value_integer(limit_ms));
    one = value_set(one, "measured_ms", is_known ? value_integer(measured_ms) : value_null());
    return value_set(one, "met", is_known ? value_bool(measured_ms <= limit_ms) : value_null());
}

static bool point_read(value point, int64_t *ret_wall_ns) {
    if (value_is(point, VALUE_NUMBER)) {
        *ret_wall_ns = (int64_t)(value_as_number(point) * 1e9);
        return true;
    }
    return value_is(point, VALUE_STRING) && clock_parse(value_text(point), ret_wall_ns, NULL) == 0;
}

/* The newest point that one of the steps named. */
static bool recovery_point(value steps, int64_t *ret_wall_ns) {
    bool found = false;
    value key, step;
    for (size_t i = 0; value_next(steps, &i, &key, &step);) {
        AUTO_VALUE outputs = value_get(step, "outputs");
        AUTO_VALUE point = value_get(outputs, "recovery_point");
        found |= point_read(point, ret_wall_ns);
        value_free(key);
        value_free(step);
    }
    return found;
}

static value all_judged(const struct phase_measured *measured) {
    const struct objectives *objectives = measured->objectives;
    const int64_t took_ms = measured->duration_ms;
    value all = value_object();
    if (objectives->rto_ms)
        all = value_set(all, "rto",
                        judged(objectives->rto_ms, took_ms,
                               measured->is_recovered || took_ms > objectives->rto_ms));
    if (objectives->rpo_ms)
        all = value_set(all, "rpo",
                        judged(objectives->rpo_ms,
                               (clock_wall_ns() - measured->point_wall_ns) / NS_PER_MS,
                               measured->is_recovered && measured->has_point));
    return all;
}

static value phases_judged(const struct run *run) {
    value phases = value_array();
    for (size_t i = 0; i < run->measured.count; i++) {
        const struct phase_measured *measured = &run->measured.items[i];
        phases = value_append(
            phases, value_set(all_judged(measured), "step", value_string(measured->step)));
    }
    return phases;
}

value objectives_judge(const struct run *run, int64_t duration_ms, bool is_recovered) {
    const struct objectives *objectives = run->runbook->objectives;
    if ((!objectives && run->measured.count == 0) || run->options.dry_run || !run->root)
        return value_null();
    struct phase_measured whole = {
        .objectives = objectives, .duration_ms = duration_ms, .is_recovered = is_recovered};
    if (objectives && objectives->rpo_ms)
        whole.has_point = recovery_point(run->root->steps, &whole.point_wall_ns);
    value all = objectives ? all_judged(&whole) : value_object();
    return run->measured.count > 0 ? value_set(all, "steps", phases_judged(run)) : all;
}

static const struct objectives *promised(const struct step *step) {
    struct step_expansion inner = {0};
    if (step->more->objectives)
        return step->more->objectives;
    return step_expand(step, &inner) && inner.runbook ? inner.runbook->objectives : NULL;
}

void objectives_note(struct node *node, bool is_recovered, value result) {
    struct run *run = node->frame->run;
    const struct objectives *objectives = promised(node_step(node));
    if (!objectives || node->frame->phase == PHASE_ROLLBACK || run->options.dry_run)
        return;
    struct phase_measured measured = {.step = node_path(node),
                                      .objectives = objectives,
                                      .duration_ms = node->duration_ms,
                                      .is_recovered = is_recovered};
    AUTO_VALUE steps = value_get(result, "steps");
    if (run->recall)
        recall_duration(run->recall, node, &measured.duration_ms);
    if (objectives->rpo_ms)
        measured.has_point = recovery_point(steps, &measured.point_wall_ns);
    *vec_add(&run->measured) = measured;
}

void objectives_release(struct run *run) {
    for (size_t i = 0; i < run->measured.count; i++)
        mem_free(run->measured.items[i].step);
    vec_release(&run->measured);
}
