/* Kinds that hold others: objects, lists, maps, steps, runbooks. */
#include <string.h>

#include "base/text.h"
#include "lang/parse.h"

/* The mapping of an object, or the value of its shorthand. */
static void parse_object_into(struct parse *parse, const struct field *field,
                              const struct node *node, void *object) {
    if (node->kind == NODE_MAP) {
        fields_parse(parse, field->fields, node, object);
        return;
    }
    const struct field *member =
        field->shorthand ? field_find(field->fields, field->shorthand) : NULL;
    if (!member) {
        AUTO_TEXT hint = field->example
                             ? mem_printf("for example `%s: %s`", parse->label, field->example)
                             : NULL;
        parse_wrong_type(parse, node, field_expected(field), hint);
        return;
    }
    uint64_t seen = UINT64_C(1) << (member - field->fields);
    const char *label = parse->label;
    field_parse_item(parse, member, node, label, parse->is_item, (char *)object + member->offset);
    parse->label = label;
    fields_finish(parse, field->fields, seen, parse_span(parse, node), object);
}

static void parse_into(struct parse *parse, const struct field *item, const struct node *node,
                       const char *label, bool is_item, void *slot) {
    if (item->kind != FIELD_OBJECT) {
        field_parse_item(parse, item, node, label, is_item, slot);
        return;
    }
    unsigned inherited = parse->inherited;
    parse->inherited |= item->flags & (FIELD_SECRETS | FIELD_ITEM | FIELD_RESULT);
    parse->label = label;
    parse->is_item = is_item;
    parse_object_into(parse, item, node, slot);
    parse->inherited = inherited;
}

static void parse_list(struct parse *parse, const struct field *field, const struct node *node,
                       struct field_list *ret) {
    const char *label = parse->label;
    bool is_one = node->kind != NODE_LIST;
    if (is_one && !(field->flags & FIELD_ONE)) {
        AUTO_TEXT shown = node->kind == NODE_SCALAR ? node_show(node) : NULL;
        AUTO_TEXT hint =
            shown && node->type != NODE_NULL ? mem_printf("write `[%s]`", shown) : NULL;
        parse_wrong_type(parse, node, field_expected(field), hint);
        return;
    }
    size_t size = field_size(field->item);
    size_t count = is_one ? 1 : node->count;
    if (count == 0 && field->flags & FIELD_REQUIRED) {
        parse_error(parse, parse_span(parse, node), NULL, "`%s` must not be empty", label);
        return;
    }
    ret->items = arena_alloc(parse->runbook->arena, (count ? count : 1) * size);
    ret->count = count;
    for (size_t i = 0; i < count; i++)
        parse_into(parse, field->item, is_one ? node : &node->items[i], label, !is_one,
                   (char *)ret->items + i * size);
    parse->is_item = false;
    parse->label = label;
}

static bool is_env_name(const char *text) {
    if (!*text || strspn(text, "0123456789") > 0)
        return false;
    return text[strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_")] ==
           '\0';
}

static void check_key(struct parse *parse, const struct field *field, const struct node *key,
                      const char *label) {
    AUTO_TEXT shown = NULL;
    if (field->flags & FIELD_ENV_KEY) {
        if (is_env_name(key->text))
            return;
        shown = node_show(key);
        parse_error(parse, parse_span(parse, key), "letters, digits and `_`, no digit first",
                    "`%s` is no name of an environment variable", shown);
        return;
    }
    if (field->flags & FIELD_ANY_KEY || text_is_identifier(key->text, key->count))
        return;
    shown = node_show(key);
    AUTO_TEXT hint = name_hint(key);
    parse_error(parse, parse_span(parse, key), hint,
                strchr(key->text, '-') ? "the name `%s` in `%s` has a hyphen"
                                       : "`%s` in `%s` is no name",
                shown, label);
}

static void parse_map(struct parse *parse, const struct field *field, const struct node *node,
                      struct field_map *ret) {
    const char *label = parse->label;
    if (node->kind != NODE_MAP) {
        parse_wrong_type(parse, node, field_expected(field), NULL);
        return;
    }
    struct arena *arena = parse->runbook->arena;
    size_t size = field_size(field->item);
    size_t count = node->count ? node->count : 1;
    ret->keys = arena_alloc(arena, count * sizeof *ret->keys);
    ret->spans = arena_alloc(arena, count * sizeof *ret->spans);
    ret->items = arena_alloc(arena, count * size);
    ret->count = node->count;
    for (size_t i = 0; i < node->count; i++) {
        const struct node *key = node_key(node, i);
        check_key(parse, field, key, label);
        ret->keys[i] = key->text;
        ret->spans[i] = parse_span(parse, key);
        parse_into(parse, field->item, node_value(node, i), key->text, false,
                   (char *)ret->items + i * size);
    }
    parse->label = label;
}

void field_parse_container(struct parse *parse, const struct field *field, const struct node *node,
                           void *slot) {
    switch (field->kind) {
    case FIELD_OBJECT:
        if (!(field->flags & FIELD_INLINE))
            slot = *(void **)slot = arena_alloc(parse->runbook->arena, field->size);
        parse_object_into(parse, field, node, slot);
        break;
    case FIELD_LIST:
        parse_list(parse, field, node, slot);
        break;
    case FIELD_MAP:
        parse_map(parse, field, node, slot);
        break;
    case FIELD_STEPS:
        *(struct step_list **)slot = steps_parse(
            parse, node, strcmp(parse->label, "finally") == 0 ? ROLE_FINALLY : ROLE_STEP);
        break;
    case FIELD_STEP:
        *(struct step **)slot = step_parse(
            parse, node, strcmp(parse->label, "dry_run") == 0 ? ROLE_DRY_RUN : ROLE_ROLLBACK);
        break;
    case FIELD_PROBE:
        *(struct step **)slot = step_parse(parse, node, ROLE_PROBE);
        break;
    default:
        *(struct runbook **)slot = runbook_load_called(parse, node);
        break;
    }
}
