/* Declarations of parameters, and constants that are given to them. */
#include <string.h>

#include "lang/param.h"
#include "lang/parse.h"

static struct span member_span(const struct parse *parse, const struct node *map, const char *key) {
    const struct node *member = map->kind == NODE_MAP ? node_find(map, key, NULL) : NULL;
    return parse_span(parse, member ? member : map);
}

void check_param_value(struct parse *parse, struct span span, const char *name,
                       const struct param *param, const struct template *constant) {
    AUTO_ERR err = ERR_INIT;
    AUTO_VALUE given = value_none();
    if (!param->type || template_render(constant, NULL, &given, &err) < 0)
        return;
    if (param_check(name, param, given, &err) < 0) {
        err.span = span;
        parse_report(parse, &err);
    }
}

static bool has_range(const struct param *param) {
    return param->type == PARAM_INTEGER || param->type == PARAM_NUMBER ||
           param->type == PARAM_DURATION;
}

/* Whether `bound` is of the parameter's type, apart from its own limits. */
static void check_bound(struct parse *parse, const struct node *map, const char *key,
                        const char *name, const struct param *param, const struct template *bound) {
    struct param bare = {.type = param->type};
    if (!bound || !has_range(param))
        return;
    check_param_value(parse, member_span(parse, map, key), name, &bare, bound);
}

/* `min` above `max` leaves no value: then `min` fails against `max`. */
static void check_bounds(struct parse *parse, const struct node *map, const char *name,
                         const struct param *param) {
    struct param limited = {.type = param->type, .max = param->max};
    check_bound(parse, map, "min", name, param, param->min);
    check_bound(parse, map, "max", name, param, param->max);
    if (param->min && param->max && has_range(param))
        check_param_value(parse, member_span(parse, map, "min"), name, &limited, param->min);
}

static void check_choices(struct parse *parse, const struct node *map, const char *name,
                          const struct param *param) {
    AUTO_VALUE choices = value_none();
    struct param bare = *param;
    bare.choices = NULL;
    if (!param->choices || template_render(param->choices, NULL, &choices, NULL) < 0)
        return;
    struct span span = member_span(parse, map, "enum");
    if (!value_is(choices, VALUE_ARRAY) || value_count(choices) == 0) {
        parse_error(parse, span, "for example `enum: [drill, production]`",
                    "`enum` of parameter `%s` must be a list with at least one value", name);
        return;
    }
    for (size_t i = 0; i < value_count(choices); i++) {
        AUTO_VALUE choice = value_at(choices, i);
        AUTO_ERR err = ERR_INIT;
        if (param_check(name, &bare, choice, &err) == 0)
            continue;
        err_wrap(&err, "`enum`");
        err.span = span;
        parse_report(parse, &err);
    }
}

static void check_fit(struct parse *parse, const struct node *map, const char *name,
                      const struct param *param) {
    bool is_text = param->type == PARAM_STRING || param->type == PARAM_PATH;
    if (param->pattern && !is_text)
        parse_error(parse, member_span(parse, map, "pattern"), NULL,
                    "`pattern` is for strings and paths, and `%s` is neither", name);
    for (int i = 0; i < 2; i++)
        if ((i ? param->max : param->min) && !has_range(param))
            parse_error(parse, member_span(parse, map, i ? "max" : "min"), NULL,
                        "`%s` is for numbers and durations, and `%s` is neither", i ? "max" : "min",
                        name);
    if (param->required && param->fallback)
        parse_error(parse, member_span(parse, map, "required"), "take one of the two out",
                    "parameter `%s` is required and has a default", name);
}

void check_params(struct parse *parse, const struct node *root) {
    const struct field_map *params = &parse->runbook->params;
    const struct node *declared = node_find(root, "params", NULL);
    for (size_t i = 0; i < params->count; i++) {
        const struct param *param = &FIELD_AT(struct param, params, i);
        const char *name = params->keys[i];
        const struct node *map = node_find(declared, name, NULL);
        if (!map || !param->type)
            continue;
        check_fit(parse, map, name, param);
        check_bounds(parse, map, name, param);
        check_choices(parse, map, name, param);
        if (param->fallback)
            check_param_value(parse, member_span(parse, map, "default"), name, param,
                              param->fallback);
    }
}
