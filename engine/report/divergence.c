#include "report/divergence.h"

#include "base/map.h"
#include "base/mem.h"
#include "base/text.h"
#include "report/text_parts.h"

/* ---- what became of a step ------------------------------------------------------------------ */

/* It waits for people or pauses on one side where the other tells only that it has begun. */
static bool is_under_way(const struct model_step *step) {
    static const char *const states[] = {"pending", "running", "waiting", "rolling_back"};
    return text_is_among(step->status, states, sizeof states / sizeof *states);
}

static bool is_same(const struct model_step *then, const struct model_step *now) {
    if (!then || !now)
        return then == now;
    if (is_under_way(then) != is_under_way(now) || then->attempt != now->attempt)
        return false;
    if (is_under_way(then))
        return true;
    bool is_skipped = text_equal(then->status, "skipped");
    return text_equal(then->status, now->status) &&
           (!is_skipped || text_equal(then->more->reason, now->more->reason));
}

/* The caller frees. */
static char *outcome_say(const struct model_step *step) {
    if (!step)
        return mem_strdup("not reached");
    if (is_under_way(step))
        return mem_strdup("under way");
    const char *why = text_equal(step->status, "skipped") ? step->more->reason : step->more->error;
    AUTO_TEXT status = mem_strdup(step->status);
    for (char *c = status; *c; c++)
        *c = (char)(*c == '_' ? ' ' : *c);
    AUTO_TEXT attempts = step->attempt > 1
                             ? mem_printf(" in attempt %lld", (long long)step->attempt)
                             : mem_strdup("");
    return mem_printf("%s%s%s%s%s", status, attempts, why && *why ? " (" : "", why ? why : "",
                      why && *why ? ")" : "");
}

value divergence_new(const char *kind, const char *phase, const char *step, const char *then,
                     const char *now) {
    const char *const members[][2] = {
        {"kind", kind}, {"phase", phase}, {"step", step}, {"then", then}, {"now", now}};
    value one = value_object();
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        if (members[i][1])
            one = value_set(one, members[i][0], value_string(members[i][1]));
    return one;
}

/* ---- all of them ---------------------------------------------------------------------------- */

struct comparison {
    const struct model *then, *now;
    struct map *named; /* "phase step" of those that are in the list */
    value list;
};

static char *key_of(const char *phase, const char *step) {
    return mem_printf("%s %s", phase, step);
}

static void step_compare(struct comparison *comparison, const struct model_step *any) {
    const struct model_step *then = model_find(comparison->then, any->phase, any->step);
    const struct model_step *now = model_find(comparison->now, any->phase, any->step);
    AUTO_TEXT key = key_of(any->phase, any->step);
    if (is_same(then, now) || map_get(comparison->named, key))
        return;
    AUTO_TEXT said_then = outcome_say(then);
    AUTO_TEXT said_now = outcome_say(now);
    comparison->list = value_append(
        comparison->list, divergence_new("different", any->phase, any->step, said_then, said_now));
}

static char *run_say(const struct model *model) {
    return mem_printf("%s, exit status %lld", model->status, (long long)model->exit);
}

static const char *undo_say(const struct model *model) {
    return model->rollback_status ? model->rollback_status : "no rollback";
}

static void run_compare(struct comparison *comparison) {
    const struct model *then = comparison->then, *now = comparison->now;
    if (!text_equal(undo_say(then), undo_say(now)))
        comparison->list =
            value_append(comparison->list, divergence_new("different", "rollback", NULL,
                                                          undo_say(then), undo_say(now)));
    if (then->finished == now->finished && text_equal(then->status, now->status) &&
        then->exit == now->exit)
        return;
    AUTO_TEXT said_then = then->finished ? run_say(then) : mem_strdup("the record ends");
    AUTO_TEXT said_now = now->finished ? run_say(now) : mem_strdup("it does not come to its end");
    comparison->list = value_append(comparison->list,
                                    divergence_new("different", NULL, NULL, said_then, said_now));
}

static struct map *named_in(value list) {
    struct map *named = map_new();
    for (size_t i = 0; i < value_count(list); i++) {
        AUTO_VALUE one = value_at(list, i);
        AUTO_VALUE kind = value_get(one, "kind");
        AUTO_VALUE phase = value_get(one, "phase");
        AUTO_VALUE step = value_get(one, "step");
        AUTO_TEXT key = key_of(value_text(phase), value_text(step));
        if (!text_equal(value_text(kind), "changed"))
            (void)map_put(named, key, (void *)(uintptr_t)named);
    }
    return named;
}

value divergence_add(value list_taken, const struct model *then, const struct model *now,
                     bool is_over) {
    struct comparison comparison = {then, now, named_in(list_taken), list_taken};
    for (size_t i = 0; i < then->step_count; i++)
        step_compare(&comparison, then->steps[i]);
    for (size_t i = 0; i < now->step_count; i++)
        if (!model_find(then, now->steps[i]->phase, now->steps[i]->step))
            step_compare(&comparison, now->steps[i]);
    if (is_over)
        run_compare(&comparison);
    map_free(comparison.named);
    return comparison.list;
}

/* ---- for people ----------------------------------------------------------------------------- */

static void text_add(struct buf *out, value one, const char *before, const char *key) {
    AUTO_VALUE text = value_get(one, key);
    if (!value_is(text, VALUE_STRING))
        return;
    (void)buf_puts(out, before);
    text_escape(out, value_text(text), value_text_length(text), false);
}

static void line_add(struct buf *out, value one) {
    AUTO_VALUE step = value_get(one, "step");
    AUTO_VALUE phase = value_get(one, "phase");
    AUTO_VALUE then = value_get(one, "then");
    text_add(out, one, "", "kind");
    if (value_is(step, VALUE_STRING))
        text_add(out, one, "  ", "step");
    else
        (void)buf_puts(out, value_is(phase, VALUE_STRING) ? "  the rollback" : "  the run");
    if (value_is(step, VALUE_STRING) && value_is(phase, VALUE_STRING) &&
        !text_equal(value_text(phase), "run"))
        text_add(out, one, " in ", "phase");
    text_add(out, one, ": then ", "then");
    text_add(out, one, value_is(then, VALUE_STRING) ? ", now " : ": ", "now");
    (void)buf_putc(out, '\n');
}

void divergence_text(struct buf *out, value list, const struct text_style *style) {
    (void)style;
    for (size_t i = 0; i < value_count(list); i++) {
        AUTO_VALUE one = value_at(list, i);
        line_add(out, one);
    }
}
