#include "run/objectives.h"

#include "base/text.h"

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

static bool recovery_point(const struct run *run, int64_t *ret_wall_ns) {
    bool found = false;
    value key, step;
    for (size_t i = 0; value_next(run->root->steps, &i, &key, &step);) {
        AUTO_VALUE outputs = value_get(step, "outputs");
        AUTO_VALUE point = value_get(outputs, "recovery_point");
        found |= point_read(point, ret_wall_ns);
        value_free(key);
        value_free(step);
    }
    return found;
}

value objectives_judge(const struct run *run, int64_t duration_ms, bool is_recovered) {
    const struct objectives *objectives = run->runbook->objectives;
    int64_t point = 0;
    value all = value_object();
    if (!objectives || run->options.dry_run || !run->root) {
        value_free(all);
        return value_null();
    }
    if (objectives->rto_ms)
        all = value_set(all, "rto",
                        judged(objectives->rto_ms, duration_ms,
                               is_recovered || duration_ms > objectives->rto_ms));
    if (objectives->rpo_ms) {
        bool known = is_recovered && recovery_point(run, &point);
        all = value_set(all, "rpo",
                        judged(objectives->rpo_ms, (clock_wall_ns() - point) / NS_PER_MS, known));
    }
    return all;
}
