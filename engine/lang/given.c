/* Constants that a parameter gives: `${{ .params.NAME }}` where a field takes no expression.
 *
 * What people give is known before a file is read, so that such a value is put in place while it is
 * parsed, and all that looks at it later sees a constant. In a called runbook that holds for what
 * its call writes down, or hands on from its own parameters. */
#include <math.h>
#include <string.h>

#include "base/text.h"
#include "lang/given.h"
#include "lang/param.h"

enum known {
    KNOWN,
    KNOWN_LATER, /* nobody has given it: only `check` comes here */
    KNOWN_IN_RUN /* a call computes it */
};

#define LOADS_MOST 1000 /* of files whose constants differ from call to call */

/* The name in text that is nothing but `${{ .params.NAME }}`; NULL where it is anything else. */
static const char *name_in(const char *text, size_t length, struct arena *arena) {
    static const char blanks[] = " \t";
    const char *at = text + strspn(text, blanks);
    if (strlen(text) != length || !text_starts_with(at, "${{"))
        return NULL;
    at += 3;
    at += strspn(at, blanks);
    if (!text_starts_with(at, ".params."))
        return NULL;
    at += strlen(".params.");
    size_t count = strspn(at, "abcdefghijklmnopqrstuvwxyz0123456789_");
    const char *end = at + count + strspn(at + count, blanks);
    if (!text_is_identifier(at, count) || !text_starts_with(end, "}}"))
        return NULL;
    end += 2;
    if (end[strspn(end, blanks)])
        return NULL;
    char *name = arena_alloc(arena, count + 1);
    memcpy(name, at, count);
    return name;
}

static const char *name_of(struct parse *parse, const struct node *node) {
    return node->kind == NODE_SCALAR && node->type == NODE_TEXT
               ? name_in(node->text, node->count, parse->nodes)
               : NULL;
}

/* What the call that `caller` is at gives for the parameter, or NULL. */
static const struct node *call_argument(const struct parse *caller, const char *name) {
    const struct visit *visit = &caller->visits.items[caller->visit];
    const struct node *map = visit->action && visit->action->kind == NODE_MAP
                                 ? node_find(visit->action, "params", NULL)
                                 : NULL;
    if (!map)
        map = node_find(visit->node, "params", NULL);
    return map && map->kind == NODE_MAP ? node_find(map, name, NULL) : NULL;
}

static bool is_template(const struct node *node) {
    size_t offset;
    return node->kind == NODE_SCALAR && template_find(node->text, node->count, &offset);
}

static enum known given_value(struct parse *parse, const char *name, value *ret);

static enum known called_value(struct parse *caller, const char *name, value *ret) {
    const struct node *argument = call_argument(caller, name);
    *ret = value_none();
    if (!argument)
        return KNOWN;
    if (!is_template(argument)) {
        *ret = node_to_value(argument);
        return KNOWN;
    }
    const char *handed_on = name_of(caller, argument);
    bool is_declared =
        handed_on && FIELD_FIND(struct param, &caller->runbook->params, handed_on) != NULL;
    return is_declared ? given_value(caller, handed_on, ret) : KNOWN_IN_RUN;
}

static enum known given_value(struct parse *parse, const char *name, value *ret) {
    const struct param *param = FIELD_FIND(struct param, &parse->runbook->params, name);
    enum known known = KNOWN;
    *ret = value_none();
    if (parse->caller)
        known = called_value((struct parse *)(uintptr_t)parse->caller, name, ret);
    else if (parse->load->given)
        *ret = parse->load->given->of(parse->load->given->user, parse->runbook, name);
    if (known != KNOWN || !value_is(*ret, VALUE_NONE))
        return known;
    if (!param->fallback || template_render(param->fallback, NULL, ret, NULL) < 0)
        return KNOWN_LATER;
    return KNOWN;
}

/* ---- whether it may stand there ----------------------------------------------------------- */

static bool kind_fits(enum field_kind kind, int type) {
    switch (kind) {
    case FIELD_DURATION:
        return type == PARAM_DURATION;
    case FIELD_INTEGER:
        return type == PARAM_INTEGER;
    case FIELD_NUMBER:
        return type == PARAM_NUMBER || type == PARAM_INTEGER;
    default:
        return type == PARAM_STRING || type == PARAM_PATH;
    }
}

static bool takes_given(const struct parse *parse, const struct field *field) {
    return parse->load->takes_params &&
           (field->kind == FIELD_DURATION || field->kind == FIELD_INTEGER ||
            field->kind == FIELD_NUMBER || field->kind == FIELD_SIZE);
}

static const char *declared_as(enum field_kind kind) {
    return kind == FIELD_DURATION  ? "duration"
           : kind == FIELD_INTEGER ? "integer"
           : kind == FIELD_NUMBER  ? "number"
                                   : "string";
}

static const struct param *param_named(struct parse *parse, const struct field *field,
                                       const struct node *node, const char *name) {
    const struct field_map *params = &parse->runbook->params;
    const struct param *param = FIELD_FIND(struct param, params, name);
    if (!param) {
        check_name(parse, parse_span(parse, node), "parameter", name, params->keys, params->count);
    } else if (param->type && !kind_fits(field->kind, param->type)) {
        AUTO_TEXT hint = mem_printf("declare it `type: %s`", declared_as(field->kind));
        parse_error(parse, parse_span(parse, node), hint,
                    "`%s` must be %s, which parameter `%s` is not", parse->label,
                    field_expected(field), name);
        return NULL;
    }
    return param;
}

/* ---- the node in its place ---------------------------------------------------------------- */

static const struct node *node_of(struct parse *parse, const struct node *node, value given) {
    struct node *made = arena_alloc(parse->nodes, sizeof *made);
    AUTO_TEXT text = value_to_text(given);
    *made = *node;
    made->text = arena_strdup(parse->runbook->arena, text);
    made->count = (uint32_t)strlen(text);
    made->style = NODE_PLAIN;
    made->type = NODE_TEXT;
    if (value_is(given, VALUE_NUMBER)) {
        double number = value_as_number(given);
        made->type = number == floor(number) ? NODE_INTEGER : NODE_NUMBER;
    }
    return made;
}

static void report_computed(struct parse *parse, const struct node *node, const char *name) {
    const struct node *argument = call_argument(parse->caller, name);
    parse_error(parse, parse_span(parse, node),
                "in the call give it a constant, or a parameter of the caller as it is",
                "`%s` must be known before the run, and %s:%u computes `%s` in it", parse->label,
                parse->caller->runbook->path, argument ? argument->line : 0, name);
}

/* What was not given is told when the parameters are bound: here it only keeps the step's own
 * checks from looking at a value that is not there. */
static void leave_open(struct parse *parse) {
    if (parse->visit != VISIT_NONE)
        parse->visits.items[parse->visit].is_broken = true;
}

static const struct node *put_given(struct parse *parse, const struct field *field,
                                    const struct node *node) {
    AUTO_VALUE given = value_none();
    const char *name = name_of(parse, node);
    if (!name) {
        parse_error(parse, parse_span(parse, node),
                    "a parameter alone may give it, as `${{ .params.NAME }}`",
                    "`%s` must be known before the run: no other `${{ … }}` may stand in it",
                    parse->label);
        return NULL;
    }
    parse->runbook->takes_given = true;
    const struct param *param = param_named(parse, field, node, name);
    if (!param) {
        leave_open(parse);
        return NULL;
    }
    switch (given_value(parse, name, &given)) {
    case KNOWN_IN_RUN:
        report_computed(parse, node, name);
        leave_open(parse);
        return NULL;
    case KNOWN_LATER:
        leave_open(parse);
        return NULL;
    default:
        break;
    }
    /* A value that does not fit is told where it was given. */
    AUTO_ERR unfit = ERR_INIT;
    if (param_check(name, param, given, &unfit) < 0) {
        leave_open(parse);
        return NULL;
    }
    return node_of(parse, node, given);
}

const struct node *given_node(struct parse *parse, const struct field *field,
                              const struct node *node) {
    if (!takes_given(parse, field) || !is_template(node))
        return node;
    return put_given(parse, field, node);
}

bool given_loads_left(struct load *load) {
    return ++load->given_loads <= LOADS_MOST;
}

static int turn_of(const char *key) {
    if (text_equal(key, "params") || text_equal(key, "profiles"))
        return 0;
    return text_equal(key, "steps") || text_equal(key, "finally") ? 2 : 1;
}

const struct node *given_first(const struct node *root, struct arena *nodes) {
    struct node *ordered = arena_alloc(nodes, sizeof *ordered);
    struct node *items = arena_alloc(nodes, 2 * root->count * sizeof *items);
    size_t at = 0;
    *ordered = *root;
    for (int turn = 0; turn < 3; turn++)
        for (size_t i = 0; i < root->count; i++) {
            if (turn_of(node_key(root, i)->text) != turn)
                continue;
            items[at++] = *node_key(root, i);
            items[at++] = *node_value(root, i);
        }
    ordered->items = items;
    return ordered;
}
