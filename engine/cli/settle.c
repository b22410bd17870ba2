#include "cli/settle.h"

#include "base/mem.h"
#include "base/text.h"
#include "run/doubt.h"

static bool is_answer(const char *text) {
    for (size_t i = 0; doubt_answers[i]; i++)
        if (text_equal(doubt_answers[i], text))
            return true;
    return false;
}

static bool is_same_step(const char *a, const char *b) {
    const size_t length = (size_t)(strrchr(a, '=') - a);
    return length == (size_t)(strrchr(b, '=') - b) && strncmp(a, b, length) == 0;
}

static int form_check(const char *const *settle, size_t at, struct err *err) {
    const char *equals = strrchr(settle[at], '=');
    if (!equals || equals == settle[at] || !is_answer(equals + 1)) {
        err_set(err, ERR_INVALID, "`--settle %s` is not an answer", settle[at]);
        return err_hint(err, "say STEP=done, STEP=not-done or STEP=rerun");
    }
    for (size_t i = 0; i < at; i++)
        if (is_same_step(settle[i], settle[at])) {
            err_set(err, ERR_INVALID, "`--settle %s` and `--settle %s` are about the same step",
                    settle[i], settle[at]);
            return err_hint(err, "choose one");
        }
    return 0;
}

static bool may_be_in_doubt(const struct model_step *step) {
    return model_step_is_open(step) || text_equal(step->status, "in_doubt") ||
           text_equal(step->status, "incomplete");
}

static int unknown_step(const char *name, const struct model *model, struct err *err) {
    const char **open = mem_calloc(model->step_count + 1, sizeof *open);
    size_t count = 0;
    for (size_t i = 0; i < model->step_count; i++)
        if (may_be_in_doubt(model->steps[i]))
            open[count++] = model->steps[i]->step;
    const char *near = text_suggest(name, open, count);
    err_set(err, ERR_INVALID, "no step `%s` has begun in run `%s`", name, model->run);
    if (near)
        err_hint(err, "did you mean `%s`?", near);
    else
        err_hint(err, "`runbook show %s` lists its steps", model->run);
    mem_free(open);
    return -1;
}

/* A step and its rollback have the same path: either may be meant. */
static int step_check(const char *name, const struct model *model, struct err *err) {
    static const char *const phases[] = {"run", "rollback", "finally"};
    const struct model_step *found = NULL;
    for (size_t i = 0; i < sizeof phases / sizeof *phases; i++) {
        const struct model_step *step = model_find(model, phases[i], name);
        if (step && may_be_in_doubt(step))
            return 0;
        found = step ? step : found;
    }
    if (!found)
        return unknown_step(name, model, err);
    err_set(err, ERR_INVALID, "step `%s` is not in doubt: it is recorded as %s", name,
            found->status);
    return err_hint(err, "leave out its --settle");
}

int settle_check(const char *const *settle, const struct model *model, struct err *err) {
    for (size_t i = 0; settle && settle[i]; i++) {
        if (form_check(settle, i, err) < 0)
            return -1;
        AUTO_TEXT name = mem_strndup(settle[i], (size_t)(strrchr(settle[i], '=') - settle[i]));
        if (step_check(name, model, err) < 0)
            return -1;
    }
    return 0;
}
