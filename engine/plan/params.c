#include "plan/params.h"

#include <errno.h>
#include <math.h>

#include "base/text.h"

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

/* A value as text (--set, a prompt) becomes one of the parameter's type. */
static int param_parse(const char *name, const struct param *param, const char *text, value *ret,
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

static void set_parse(const struct runbook *runbook, const char *pair, value *given,
                      struct diag *diag) {
    AUTO_ERR err = ERR_INIT;
    const char *equals = strchr(pair, '=');
    if (!equals) {
        err_set(&err, ERR_INVALID, "--set takes name=value, not `%s`", pair);
        diag_report(diag, &err);
        return;
    }
    AUTO_TEXT name = mem_strndup(pair, (size_t)(equals - pair));
    const struct param *param = FIELD_FIND(struct param, &runbook->params, name);
    value parsed = value_none();
    if (!param)
        parsed = value_string(equals + 1); /* params_bind reports the name */
    else if (param_parse(name, param, equals + 1, &parsed, &err) < 0) {
        diag_report(diag, &err);
        return;
    }
    *given = value_set(*given, name, parsed);
}

value params_of_profile(const struct profile *profile) {
    value given = value_object();
    for (size_t i = 0; profile && i < profile->params.count; i++) {
        value item;
        if (template_render(FIELD_AT(struct template *, &profile->params, i), NULL, &item, NULL) ==
            0)
            given = value_set(given, profile->params.keys[i], item);
    }
    return given;
}

static void param_prompt(const struct plan_options *options, const char *name,
                         const struct param *param, value *said, struct diag *diag) {
    AUTO_TEXT typed = options->prompt(options->user, name, param);
    AUTO_ERR err = ERR_INIT;
    value parsed = value_none();
    if (!typed || !*typed)
        return;
    if (param_parse(name, param, typed, &parsed, &err) < 0)
        diag_report(diag, &err);
    else
        *said = value_set(*said, name, parsed);
}

value params_said(const struct runbook *runbook, const struct plan_options *options,
                  value of_profile, struct diag *diag) {
    value said = value_object();
    value key, item;
    for (size_t i = 0; value_next(options->params, &i, &key, &item);) {
        bool is_known = FIELD_FIND(struct param, &runbook->params, value_text(key));
        if (is_known && !value_is(item, VALUE_NULL))
            said = value_set(said, value_text(key), value_copy(item));
        value_free(key);
        value_free(item);
    }
    if (options->params_file) {
        value read;
        if (runbook_read_data(options->params_file, &read, diag) == 0)
            said = value_merge(said, read);
    }
    for (const char *const *set = options->set; set && *set; set++)
        set_parse(runbook, *set, &said, diag);
    for (size_t i = 0; options->prompt && i < runbook->params.count; i++) {
        const struct param *param = &FIELD_AT(struct param, &runbook->params, i);
        const char *name = runbook->params.keys[i];
        AUTO_VALUE known = value_get(said, name);
        AUTO_VALUE chosen = value_get(of_profile, name);
        if (param->prompt && value_is(known, VALUE_NONE) && value_is(chosen, VALUE_NONE))
            param_prompt(options, name, param, &said, diag);
    }
    return said;
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
