#include <stdlib.h>

#include "base/text.h"
#include "lang/runbook.h"

bool step_expand(const struct step *step, struct step_expansion *ret) {
    *ret = (struct step_expansion){0};
    if (!step->type || !step->type->expand)
        return false;
    step->type->expand(step->spec, ret);
    return true;
}

/* A container is as strong as the strongest of its members. Nesting is capped by the language. */
static enum effect expanded_effect(const struct step_expansion *expansion) {
    enum effect strongest = EFFECT_READ;
    if (expansion->runbook)
        strongest = expansion->runbook->effect;
    for (size_t i = 0; expansion->steps && i < expansion->steps->count; i++) {
        enum effect effect = step_effect(expansion->steps->items[i]);
        if (effect > strongest)
            strongest = effect;
    }
    return strongest;
}

enum effect step_effect(const struct step *step) {
    struct step_expansion expansion;
    if (step->effect_override != EFFECT_UNSAID)
        return step->effect_override;
    if (step_expand(step, &expansion))
        return expanded_effect(&expansion);
    if (!step->type || !step->type->effect)
        return EFFECT_ONCE;
    return step->type->effect(step->spec);
}

int step_max_fail_read(const char *text, size_t count, size_t *ret, struct err *err) {
    size_t digits = strspn(text, "0123456789");
    unsigned long number = digits && digits < 10 ? strtoul(text, NULL, 10) : 0;
    bool is_share = text_equal(text + digits, "%") && number <= 100;
    if (!digits || digits > 9 || (!is_share && text[digits])) {
        err_set(err, ERR_INVALID, "`max_fail` is a number of items or a share of them, not `%s`",
                text);
        return err_hint(err, "for example `max_fail: 2` or `max_fail: 25%%`");
    }
    *ret = is_share ? count * number / 100 : number;
    return 0;
}

enum on_failure step_on_failure(const struct step *step) {
    bool is_aside = step->on_failure == ON_FAILURE_UNSAID && step->type && step->type->is_aside;
    return is_aside ? ON_FAILURE_CONTINUE : step->on_failure;
}
