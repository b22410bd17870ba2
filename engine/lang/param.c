#include "lang/param.h"

#include "base/text.h"

static const char *const type_names[] = {
    [PARAM_STRING] = "a string",       [PARAM_INTEGER] = "an integer",  [PARAM_NUMBER] = "a number",
    [PARAM_BOOLEAN] = "true or false", [PARAM_DURATION] = "a duration", [PARAM_PATH] = "a path",
    [PARAM_LIST] = "a list",
};

int param_wrong(const char *name, const struct param *param, const char *text, struct err *err) {
    err_set(err, ERR_INVALID, "parameter `%s` must be %s, not `%s`", name, type_names[param->type],
            text);
    if (param->type == PARAM_DURATION)
        err_hint(err, "durations look like 30s, 5m, 1h30m");
    return -1;
}

static bool type_fits(const struct param *param, value given) {
    int64_t ignored;
    switch (param->type) {
    case PARAM_INTEGER:
        return value_as_integer(given, &ignored);
    case PARAM_NUMBER:
        return value_is(given, VALUE_NUMBER);
    case PARAM_BOOLEAN:
        return value_is(given, VALUE_BOOL);
    case PARAM_LIST:
        return value_is(given, VALUE_ARRAY);
    case PARAM_DURATION:
        return value_is(given, VALUE_STRING) &&
               text_parse_duration(value_text(given), &ignored, NULL) == 0;
    default:
        return value_is(given, VALUE_STRING);
    }
}

static bool measure(value given, double *ret) {
    int64_t ms;
    if (value_is(given, VALUE_NUMBER)) {
        *ret = value_as_number(given);
        return true;
    }
    if (value_is(given, VALUE_STRING) && text_parse_duration(value_text(given), &ms, NULL) == 0) {
        *ret = (double)ms;
        return true;
    }
    return false;
}

/* `min` or `max`; sign is 1 or -1. */
static int bound_check(const char *name, const struct template *bound, value given, double sign,
                       struct err *err) {
    AUTO_VALUE limit = value_none();
    double number, edge;
    if (!bound || template_render(bound, NULL, &limit, err) < 0)
        return bound ? -1 : 0;
    if (!measure(given, &number) || !measure(limit, &edge) || sign * number >= sign * edge)
        return 0;
    AUTO_TEXT shown = value_to_text(given);
    AUTO_TEXT wanted = value_to_text(limit);
    return err_set(err, ERR_INVALID, "parameter `%s` is %s, which is %s than %s", name, shown,
                   sign > 0 ? "less" : "more", wanted);
}

static int choice_check(const char *name, const struct param *param, value given, struct err *err) {
    AUTO_VALUE choices = value_none();
    if (!param->choices)
        return 0;
    if (template_render(param->choices, NULL, &choices, err) < 0)
        return -1;
    for (size_t i = 0; i < value_count(choices); i++) {
        AUTO_VALUE choice = value_at(choices, i);
        if (value_equal(choice, given))
            return 0;
    }
    AUTO_TEXT shown = value_to_text(given);
    AUTO_TEXT wanted = value_to_text(choices);
    err_set(err, ERR_INVALID, "parameter `%s` is `%s`, which is none of its values", name, shown);
    return err_hint(err, "one of %s", wanted);
}

static int pattern_check(const char *name, const struct param *param, value given,
                         struct err *err) {
    struct match_found found;
    if (!param->pattern || !value_is(given, VALUE_STRING))
        return 0;
    int matched =
        match_find(param->pattern, value_text(given), value_text_length(given), 0, &found, err);
    if (matched != 0)
        return matched < 0 ? -1 : 0;
    return err_set(err, ERR_INVALID, "parameter `%s` is `%s`, which does not match /%s/", name,
                   value_text(given), match_pattern(param->pattern));
}

int param_check(const char *name, const struct param *param, value given, struct err *err) {
    if (!type_fits(param, given)) {
        AUTO_TEXT shown = value_to_text(given);
        return param_wrong(name, param, shown, err);
    }
    if (choice_check(name, param, given, err) < 0 || pattern_check(name, param, given, err) < 0)
        return -1;
    if (bound_check(name, param->min, given, 1, err) < 0)
        return -1;
    return bound_check(name, param->max, given, -1, err);
}
