#include "plan/params.h"

#include <errno.h>
#include <math.h>

#include "base/text.h"

static const char *const type_names[] = {
    [PARAM_STRING] = "a string",       [PARAM_INTEGER] = "an integer",  [PARAM_NUMBER] = "a number",
    [PARAM_BOOLEAN] = "true or false", [PARAM_DURATION] = "a duration", [PARAM_PATH] = "a path",
    [PARAM_LIST] = "a list",
};

static int param_wrong(const char *name, const struct param *param, const char *text,
                       struct err *err) {
    err_set(err, ERR_INVALID, "parameter `%s` must be %s, not `%s`", name, type_names[param->type],
            text);
    if (param->type == PARAM_DURATION)
        err_hint(err, "durations look like 30s, 5m, 1h30m");
    return -1;
}

static value number_parse(const char *text, bool whole) {
    char *end;
    errno = 0;
    double number = strtod(text, &end);
    if (end == text || *end || errno || !isfinite(number) || (whole && number != floor(number)))
        return value_none();
    if (whole && fabs(number) > 9007199254740992.0)
        return value_none();
    return value_number(number);
}

/* A JSON array, or words between commas. */
static value list_parse(const char *text) {
    value list;
    if (*text == '[')
        return value_parse(text, strlen(text), &list, NULL) == 0 && value_is(list, VALUE_ARRAY)
                   ? list
                   : value_none();
    list = value_array();
    while (*text) {
        size_t length = strcspn(text, ",");
        list = value_append(list, value_string_n(text, length));
        text += length + (text[length] == ',');
    }
    return list;
}

int param_parse(const char *name, const struct param *param, const char *text, value *ret,
                struct err *err) {
    value parsed;
    switch (param->type) {
    case PARAM_INTEGER:
    case PARAM_NUMBER:
        parsed = number_parse(text, param->type == PARAM_INTEGER);
        break;
    case PARAM_BOOLEAN:
        parsed = text_equal(text, "true")    ? value_bool(true)
                 : text_equal(text, "false") ? value_bool(false)
                                             : value_none();
        break;
    case PARAM_LIST:
        parsed = list_parse(text);
        break;
    default:
        parsed = value_string(text);
    }
    if (value_is(parsed, VALUE_NONE))
        return param_wrong(name, param, text, err);
    *ret = parsed;
    return 0;
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

static size_t unknown_report(const struct runbook *runbook, value given,
                             void (*report)(void *user, struct err *err), void *user) {
    size_t bad = 0;
    value key, item;
    for (size_t i = 0; value_next(given, &i, &key, &item);) {
        if (!FIELD_FIND(struct param, &runbook->params, value_text(key))) {
            AUTO_ERR err = ERR_INIT;
            const char *near =
                text_suggest(value_text(key), runbook->params.keys, runbook->params.count);
            err_set(&err, ERR_INVALID, "`%s` has no parameter `%s`", runbook->name,
                    value_text(key));
            if (near)
                err_hint(&err, "did you mean `%s`?", near);
            report(user, &err);
            bad++;
        }
        value_free(key);
        value_free(item);
    }
    return bad;
}

int params_bind(const struct runbook *runbook, value given_taken, value *ret,
                void (*report)(void *user, struct err *err), void *user) {
    AUTO_VALUE given = given_taken;
    value bound = value_object();
    size_t bad = unknown_report(runbook, given, report, user);
    for (size_t i = 0; i < runbook->params.count; i++) {
        const struct param *param = &FIELD_AT(struct param, &runbook->params, i);
        const char *name = runbook->params.keys[i];
        value item = value_get(given, name);
        AUTO_ERR err = ERR_INIT;
        if (value_is(item, VALUE_NONE) && param->fallback) {
            if (template_render(param->fallback, NULL, &item, &err) < 0)
                item = value_null();
        } else if (value_is(item, VALUE_NONE) && param->required) {
            err_set(&err, ERR_INVALID, "parameter `%s` is required%s%s", name,
                    param->description ? ": " : "", param->description ? param->description : "");
            err_hint(&err, "give it with --set %s=…", name);
        } else if (value_is(item, VALUE_NONE)) {
            item = value_null();
        } else if (param_check(name, param, item, &err) < 0) {
            value_free(item);
            item = value_null();
        }
        if (err.kind != ERR_NONE) {
            bad++;
            report(user, &err);
        }
        bound = value_set(bound, name, item);
    }
    if (!bad) {
        *ret = bound;
        return 0;
    }
    value_free(bound);
    return -1;
}
