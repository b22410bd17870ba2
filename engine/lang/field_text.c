/* Kinds whose value holds text for another language: jq, templates, patterns, shell, SQL. */
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "lang/parse.h"

static void use_add(struct parse *parse, const struct expr *expr, const struct template *tmpl) {
    bool in_foreach = parse->visit != VISIT_NONE && parse->visits.items[parse->visit].in_foreach;
    *vec_add(&parse->uses) =
        (struct use){expr, tmpl, parse->label, parse->inherited, in_foreach, parse->visit};
}

/* ---- code: shell and SQL ------------------------------------------------------------------ */

/* A name for the value: the last word of the expression, such as `x` of `.params.x`. */
static char *name_from_expr(const char *text, size_t length) {
    size_t end = length;
    while (end > 0 && !isalnum((unsigned char)text[end - 1]) && text[end - 1] != '_')
        end--;
    size_t start = end;
    while (start > 0 && (isalnum((unsigned char)text[start - 1]) || text[start - 1] == '_'))
        start--;
    if (start == end || isdigit((unsigned char)text[start]))
        return mem_strdup("value");
    return mem_strndup(text + start, end - start);
}

struct span parse_place(const struct parse *parse, const struct node *node, size_t offset,
                        size_t characters) {
    struct span span = node_text_span(node, parse->runbook->path);
    uint32_t column = span.column;
    for (size_t i = 0; i < offset; i++) {
        if (node->text[i] == '\n') {
            span.line++;
            span.column = column;
        } else if (((unsigned char)node->text[i] & 0xc0) != 0x80) {
            span.column++;
        }
    }
    span.length = (uint32_t)characters;
    return span;
}

/* From `{{` or `${{` at `offset` to its `}}`, or the opening alone where that is not in the line.
 */
static size_t braces_length(const struct node *node, size_t offset) {
    const char *start = node->text + offset;
    const char *end = strstr(start, "}}"), *line_end = strchr(start, '\n');
    const bool is_whole = end && (!line_end || end < line_end);
    return is_whole ? (size_t)(end + 2 - start) : *start == '$' ? 3 : 2;
}

/* Shows the fix with the very expression. SQL is told by its `args`. */
static void report_code(struct parse *parse, const struct node *node, size_t offset) {
    const char *start = node->text + offset;
    const bool is_bare = *start == '{';
    const size_t length = braces_length(node, offset);
    AUTO_TEXT expr = length > 5 ? mem_printf("%s%.*s", is_bare ? "$" : "", (int)length, start)
                                : mem_strdup("${{ … }}");
    AUTO_TEXT name = name_from_expr(expr, strlen(expr));
    AUTO_TEXT hint = NULL;
    bool is_sql = parse->table && field_find(parse->table, "args");
    if (is_sql) {
        for (char *c = name; *c; c++)
            *c = (char)tolower((unsigned char)*c);
        hint = mem_printf("set `args: {%s: \"%s\"}` and write :%s; the server binds it", name, expr,
                          name);
    } else {
        for (char *c = name; *c; c++)
            *c = (char)toupper((unsigned char)*c);
        hint = mem_printf("set `env: {%s: \"%s\"}` and write \"$%s\"", name, expr, name);
    }
    struct span at = parse_place(parse, node, offset, text_characters(start, length));
    const char *where = is_sql ? "SQL" : "a command";
    if (is_bare)
        parse_error(parse, at, hint, "`{{` inside %s: it stays as it stands, and is no value",
                    where);
    else
        parse_error(parse, at, hint,
                    is_sql ? "`${{` inside SQL: a value pasted there is an injection"
                           : "`${{` inside a command: a value pasted there is run as code");
}

static void parse_code(struct parse *parse, const struct field *field, const struct node *node,
                       struct code *ret) {
    size_t offset = 0;
    /* `shell: true` is a command. */
    if (node->type != NODE_TEXT && node->type != NODE_BOOL) {
        parse_wrong_type(parse, node, field_expected(field), NULL);
        return;
    }
    if (node->count == 0)
        parse_error(parse, parse_span(parse, node), NULL, "`%s` is empty", parse->label);
    else if (template_find(node->text, node->count, &offset) ||
             template_find_bare(node->text, node->count, &offset))
        report_code(parse, node, offset);
    *ret = (struct code){node->text, node->count, node_text_span(node, parse->runbook->path)};
}

/* ---- expressions -------------------------------------------------------------------------- */

static bool refuse_braces(struct parse *parse, const struct node *node) {
    size_t offset = 0;
    if (!template_find(node->text, node->count, &offset))
        return false;
    const char *start = node->text + offset + 3, *end = strstr(start, "}}");
    AUTO_TEXT hint = NULL;
    if (end && offset == 0) {
        while (*start == ' ')
            start++;
        while (end > start && end[-1] == ' ')
            end--;
        hint = mem_printf("write `%s: '%.*s'`", parse->label, (int)(end - start), start);
    }
    parse_error(parse, parse_place(parse, node, offset, 3), hint,
                "`%s` is a jq expression already; it takes no `${{ }}`", parse->label);
    return true;
}

static struct expr *parse_jq(struct parse *parse, const struct field *field,
                             const struct node *node) {
    if (node->kind != NODE_SCALAR || node->type == NODE_NULL) {
        parse_wrong_type(parse, node, field_expected(field), NULL);
        return NULL;
    }
    if (refuse_braces(parse, node))
        return NULL;
    AUTO_ERR err = ERR_INIT;
    struct expr *expr = NULL;
    struct span at = node_text_span(node, parse->runbook->path);
    at.length = node->width;
    if (expr_add(parse->load->exprs, node->text, node->count, at, &expr, &err) < 0) {
        parse_report(parse, &err);
        return NULL;
    }
    return expr;
}

static void destroy_match(void *match) {
    match_free(match);
}

static void parse_regex(struct parse *parse, const struct field *field, const struct node *node,
                        struct match **ret) {
    if (node->type != NODE_TEXT) {
        parse_wrong_type(parse, node, field_expected(field), "put it in single quotes");
        return;
    }
    AUTO_ERR err = ERR_INIT;
    struct match *match = NULL;
    if (match_new(node->text, node_text_span(node, parse->runbook->path), &match, &err) < 0) {
        err_wrap(&err, "`%s`", parse->label);
        parse_report(parse, &err);
        return;
    }
    arena_on_free(parse->runbook->arena, destroy_match, match);
    *ret = match;
}

/* ---- templates ---------------------------------------------------------------------------- */

/* What other tools write for a template would be handed on as it stands, to `rm -rf` for one. */
static void refuse_bare(struct parse *parse, const struct node *node) {
    size_t offset = 0;
    if (node->type != NODE_TEXT || !template_find_bare(node->text, node->count, &offset))
        return;
    const char *start = node->text + offset;
    const size_t length = braces_length(node, offset);
    AUTO_TEXT hint = mem_printf("write `$%.*s`; where the braces are meant, `${{ \"{{\" }}%.*s`",
                                (int)length, start, (int)length - 2, start + 2);
    parse_error(parse, parse_place(parse, node, offset, text_characters(start, length)), hint,
                "`{{` begins no template, `${{` does");
}

static struct template *parse_template(struct parse *parse, const struct node *node) {
    AUTO_ERR err = ERR_INIT;
    struct template *tmpl = NULL;
    refuse_bare(parse, node);
    if (template_parse(parse->runbook->arena, parse->load->exprs, node->text, node->count,
                       node_text_span(node, parse->runbook->path), &tmpl, &err) < 0) {
        parse_report(parse, &err);
        return NULL;
    }
    if (!template_is_constant(tmpl))
        use_add(parse, NULL, tmpl);
    return tmpl;
}

static value scalar_to_value(const struct node *node) {
    switch ((enum node_type)node->type) {
    case NODE_NULL:
        return value_null();
    case NODE_BOOL:
        return value_bool(node->text[0] == 't' || node->text[0] == 'T');
    case NODE_INTEGER: {
        const char *digits = node->text + (node->text[0] == '+');
        /* What 64 bits cannot hold stays the text that it is. */
        return node->count > 18 ? value_string(digits) : value_integer(strtoll(digits, NULL, 10));
    }
    case NODE_NUMBER:
        return value_number(strtod(node->text, NULL));
    default:
        return value_string_n(node->text, node->count);
    }
}

value node_to_value(const struct node *node) {
    if (node->kind == NODE_SCALAR)
        return scalar_to_value(node);
    value container = node->kind == NODE_LIST ? value_array() : value_object();
    for (size_t i = 0; i < node->count; i++)
        container =
            node->kind == NODE_LIST
                ? value_append(container, node_to_value(&node->items[i]))
                : value_set(container, node_key(node, i)->text, node_to_value(node_value(node, i)));
    return container;
}

/* Or what was meant as one. */
static bool has_templates(const struct node *node) {
    size_t offset;
    if (node->kind == NODE_SCALAR)
        return template_find(node->text, node->count, &offset) ||
               template_find_bare(node->text, node->count, &offset);
    size_t children = node->kind == NODE_MAP ? 2 * (size_t)node->count : node->count;
    for (size_t i = 0; i < children; i++)
        if (has_templates(&node->items[i]))
            return true;
    return false;
}

static struct template *parse_value(struct parse *parse, const struct node *node) {
    if (!has_templates(node))
        return template_constant(parse->runbook->arena, node_to_value(node));
    if (node->kind == NODE_SCALAR)
        return parse_template(parse, node);
    bool is_list = node->kind == NODE_LIST;
    struct template *container =
        is_list ? template_array(parse->runbook->arena) : template_object(parse->runbook->arena);
    for (size_t i = 0; i < node->count; i++) {
        const struct node *child = is_list ? &node->items[i] : node_value(node, i);
        struct template *item = parse_value(parse, child);
        if (!is_list && has_templates(node_key(node, i)))
            parse_error(parse, parse_span(parse, node_key(node, i)), NULL,
                        "`${{ … }}` may stand in values, not in keys");
        if (item)
            template_add(container, is_list ? NULL : node_key(node, i)->text, item);
    }
    return container;
}

/* `foreach: .params.hosts`: as if `${{ … }}` stood around it, at the same place. */
static struct template *parse_jq_value(struct parse *parse, const struct node *node) {
    if (refuse_braces(parse, node))
        return NULL;
    AUTO_ERR err = ERR_INIT;
    AUTO_TEXT text = mem_printf("${{ %s }}", node->text);
    struct span at = node_text_span(node, parse->runbook->path);
    struct template *tmpl = NULL;
    at.column -= 4;
    if (template_parse(parse->runbook->arena, parse->load->exprs, text, strlen(text), at, &tmpl,
                       &err) < 0) {
        parse_report(parse, &err);
        return NULL;
    }
    use_add(parse, NULL, tmpl);
    /* `.item` of the loop itself does not exist yet, that of a loop around it does. */
    uint32_t around =
        parse->visit == VISIT_NONE ? VISIT_NONE : parse->visits.items[parse->visit].parent;
    vec_last(&parse->uses)->in_foreach =
        around != VISIT_NONE && parse->visits.items[around].in_foreach;
    return tmpl;
}

static struct template *parse_value_field(struct parse *parse, const struct field *field,
                                          const struct node *node) {
    if (!(field->flags & FIELD_JQ))
        return parse_value(parse, node);
    if (node->kind == NODE_LIST)
        return parse_value(parse, node);
    if (node->kind == NODE_SCALAR && node->type == NODE_TEXT)
        return parse_jq_value(parse, node);
    parse_wrong_type(parse, node, "a list or a jq expression that yields one", NULL);
    return NULL;
}

/* Constants. With an item the value is a mapping of free keys to such scalars. */
static struct template *parse_data(struct parse *parse, const struct field *field,
                                   const struct node *node) {
    if (has_templates(node)) {
        parse_error(parse, parse_span(parse, node), "write the value itself",
                    "`${{ … }}` has no meaning in `%s`", parse->label);
        return NULL;
    }
    if (field->item && node->kind != NODE_MAP) {
        parse_wrong_type(parse, node, "a mapping of names to text", NULL);
        return NULL;
    }
    for (size_t i = 0; field->item && i < node->count; i++) {
        const char *ignored = NULL;
        field_parse_item(parse, field->item, node_value(node, i), node_key(node, i)->text, false,
                         &ignored);
    }
    return template_constant(parse->runbook->arena, node_to_value(node));
}

static struct template *parse_text(struct parse *parse, const struct field *field,
                                   const struct node *node) {
    if (node->kind != NODE_SCALAR || node->type == NODE_NULL) {
        parse_wrong_type(parse, node, field_expected(field),
                         node->kind == NODE_SCALAR ? "empty text is written \"\"" : NULL);
        return NULL;
    }
    return parse_template(parse, node);
}

void field_parse_text(struct parse *parse, const struct field *field, const struct node *node,
                      void *slot) {
    bool is_any = field->kind == FIELD_VALUE || field->kind == FIELD_DATA;
    if (!is_any && node->kind != NODE_SCALAR) {
        parse_wrong_type(parse, node, field_expected(field), NULL);
        return;
    }
    switch (field->kind) {
    case FIELD_CODE:
        parse_code(parse, field, node, slot);
        break;
    case FIELD_EXPR: {
        struct expr *expr = parse_jq(parse, field, node);
        if (expr)
            use_add(parse, expr, NULL);
        *(struct expr **)slot = expr;
        break;
    }
    case FIELD_REGEX:
        parse_regex(parse, field, node, slot);
        break;
    case FIELD_TEXT:
        *(struct template **)slot = parse_text(parse, field, node);
        break;
    case FIELD_DATA:
        *(struct template **)slot = parse_data(parse, field, node);
        break;
    default:
        *(struct template **)slot = parse_value_field(parse, field, node);
        break;
    }
}
