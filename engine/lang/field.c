#include "field.h"

#include <string.h>

#include "base/text.h"
#include "lang/parse.h"

#define MAX_KEYS 160

size_t field_size(const struct field *item) {
    static const size_t sizes[] = {
        [FIELD_BOOL] = sizeof(bool),
        [FIELD_TRISTATE] = sizeof(int8_t),
        [FIELD_INTEGER] = sizeof(int64_t),
        [FIELD_NUMBER] = sizeof(double),
        [FIELD_DURATION] = sizeof(int64_t),
        [FIELD_SIZE] = sizeof(int64_t),
        [FIELD_CODE] = sizeof(struct code),
        [FIELD_CHOICE] = sizeof(int),
        [FIELD_LIST] = sizeof(struct field_list),
        [FIELD_MAP] = sizeof(struct field_map),
        [FIELD_RUNBOOK] = sizeof(void *),
    };
    /* An object in a list or map stands there itself; in a struct it is a pointer. */
    if (item->kind == FIELD_OBJECT)
        return item->size;
    return sizes[item->kind] ? sizes[item->kind] : sizeof(void *);
}

const struct field *field_find(const struct field *fields, const char *key) {
    for (; fields->kind != FIELD_NONE; fields++)
        if (fields->key[0] == key[0] && strcmp(fields->key, key) == 0)
            return fields;
    return NULL;
}

static struct lookup *lookup_slot(struct parse *parse, const void *table, const char *key) {
    uint64_t mixed = ((uintptr_t)table ^ (uintptr_t)key) * UINT64_C(0x9e3779b97f4a7c15);
    return &parse->lookups[mixed >> 32 & (LOOKUPS - 1)];
}

const struct field *field_lookup(struct parse *parse, const struct field *fields,
                                 const struct node *key) {
    struct lookup *slot = lookup_slot(parse, fields, key->text);
    if (slot->table != fields || slot->key != key->text)
        *slot = (struct lookup){fields, key->text, field_find(fields, key->text)};
    return slot->found;
}

const struct step_type *type_lookup(struct parse *parse, const struct node *key) {
    struct lookup *slot = lookup_slot(parse, step_types, key->text);
    if (slot->table != step_types || slot->key != key->text)
        *slot = (struct lookup){step_types, key->text, step_type_find(key->text)};
    return slot->found;
}

size_t field_count(const struct field *fields) {
    size_t count = 0;
    while (fields[count].kind != FIELD_NONE)
        count++;
    return count;
}

void *field_map_find(const struct field_map *map, size_t size, const char *name) {
    for (size_t i = 0; i < map->count; i++)
        if (strcmp(map->keys[i], name) == 0)
            return (char *)map->items + i * size;
    return NULL;
}

const char *field_expected(const struct field *field) {
    static const char *const names[] = {
        [FIELD_BOOL] = "true or false",
        [FIELD_TRISTATE] = "true or false",
        [FIELD_INTEGER] = "a whole number",
        [FIELD_NUMBER] = "a number",
        [FIELD_DURATION] = "a duration such as `30s`",
        [FIELD_SIZE] = "a size such as `5GiB`",
        [FIELD_NAME] = "a name",
        [FIELD_STRING] = "text",
        [FIELD_CODE] = "text",
        [FIELD_CHOICE] = "a word",
        [FIELD_EXPR] = "a jq expression",
        [FIELD_REGEX] = "a regular expression",
        [FIELD_TEXT] = "text",
        [FIELD_VALUE] = "a value",
        [FIELD_DATA] = "a value",
        [FIELD_FILE] = "the name of a file",
        [FIELD_PATH] = "a path",
        [FIELD_OBJECT] = "a mapping",
        [FIELD_LIST] = "a list",
        [FIELD_MAP] = "a mapping",
        [FIELD_STEPS] = "a list of steps",
        [FIELD_STEP] = "a step",
        [FIELD_PROBE] = "a probe (`shell`, `exec`, `sql` or `http`)",
        [FIELD_RUNBOOK] = "the file of a runbook",
    };
    return names[field->kind];
}

/* ---- reporting --------------------------------------------------------------------------- */

void parse_error(struct parse *parse, struct span span, const char *hint, const char *format, ...) {
    va_list args;
    va_start(args, format);
    AUTO_TEXT message = mem_vprintf(format, args);
    va_end(args);
    AUTO_ERR err = ERR_INIT;
    err_at(&err, span, "%s", message);
    if (hint)
        err_hint(&err, "%s", hint);
    diag_report(parse->load->diag, &err);
}

void parse_report(struct parse *parse, struct err *err) {
    diag_report(parse->load->diag, err);
}

struct span parse_span(const struct parse *parse, const struct node *node) {
    return node_span(node, parse->runbook->path);
}

char *node_show(const struct node *node) {
    struct buf shown = BUF_INIT(4096);
    text_fit(&shown, node->text, node->count, 60, true);
    return shown.length ? buf_detach(&shown) : mem_strdup("");
}

void parse_wrong_type(struct parse *parse, const struct node *node, const char *expected,
                      const char *hint) {
    const char *of = parse->is_item ? "an item of " : "";
    AUTO_TEXT shown = node->kind == NODE_SCALAR ? node_show(node) : NULL;
    if (node->kind == NODE_SCALAR && node->type != NODE_NULL && node->type != NODE_BOOL)
        parse_error(parse, parse_span(parse, node), hint, "%s`%s` must be %s, not %s (`%s`)", of,
                    parse->label, expected, node_describe(node), shown);
    else if (node->kind == NODE_SCALAR && node->type == NODE_BOOL)
        parse_error(parse, parse_span(parse, node), hint, "%s`%s` must be %s, not `%s`", of,
                    parse->label, expected, shown);
    else
        parse_error(parse, parse_span(parse, node), hint, "%s`%s` must be %s, not %s", of,
                    parse->label, expected, node_describe(node));
}

/* `stdout.matches:` is written as nested YAML: shows how, where the fields know both words. */
static char *nested_hint(const struct parse *parse, const char *key) {
    const char *dot = strchr(key, '.');
    if (!dot || !parse->table)
        return NULL;
    AUTO_TEXT outer = mem_strndup(key, (size_t)(dot - key));
    const struct field *field = field_find(parse->table, outer);
    if (!field || !field->fields || !field_find(field->fields, dot + 1))
        return NULL;
    return mem_printf("write it nested: `%s: {%s: …}`", outer, dot + 1);
}

void field_unknown(struct parse *parse, const struct node *key, const char *place,
                   const char *const *valid, size_t count) {
    AUTO_TEXT shown = node_show(key);
    AUTO_TEXT nested = nested_hint(parse, key->text);
    const char *near = nested ? NULL : text_suggest(key->text, valid, count);
    AUTO_BUF hint = BUF_INIT(8192);
    if (nested) {
        buf_puts(&hint, nested);
    } else if (!near) {
        buf_puts(&hint, "valid here: ");
        for (size_t i = 0; i < count; i++)
            buf_printf(&hint, "%s%s", i ? ", " : "", valid[i]);
    }
    struct span span = parse_span(parse, key);
    if (near)
        parse_error(parse, span, NULL, "unknown key `%s`%s; did you mean `%s`?", shown, place,
                    near);
    else
        parse_error(parse, span, buf_text(&hint), "unknown key `%s`%s", shown, place);
}

/* A key of the step stands inside the action's mapping: the commonest misplacement. */
static bool is_misplaced(struct parse *parse, const struct node *key) {
    if (parse->visit == VISIT_NONE || !field_find(step_fields, key->text))
        return false;
    const struct step *step = parse->visits.items[parse->visit].step;
    if (!step->type || parse->table != step->type->fields)
        return false;
    AUTO_TEXT hint = mem_printf("write it beside `%s:`, not inside it", step->type->key);
    parse_error(parse, parse_span(parse, key), hint, "`%s` is a key of the step, not of `%s`",
                key->text, step->type->key);
    return true;
}

static void report_unknown(struct parse *parse, const struct field *fields,
                           const struct node *key) {
    const char *valid[MAX_KEYS];
    size_t count = 0;
    if (is_misplaced(parse, key))
        return;
    for (; count < MAX_KEYS && fields[count].kind != FIELD_NONE; count++)
        valid[count] = fields[count].key;
    AUTO_TEXT place = parse->label ? mem_printf(" in `%s`", parse->label) : mem_strdup("");
    field_unknown(parse, key, place, valid, count);
}

/* ---- mappings into structs ---------------------------------------------------------------- */

static void set_fallback(const struct field *field, void *slot) {
    switch (field->kind) {
    case FIELD_BOOL:
        *(bool *)slot = field->fallback != 0;
        break;
    case FIELD_CHOICE:
        *(int *)slot = (int)field->fallback;
        break;
    case FIELD_NUMBER:
        *(double *)slot = (double)field->fallback;
        break;
    case FIELD_INTEGER:
    case FIELD_DURATION:
    case FIELD_SIZE:
        *(int64_t *)slot = field->fallback;
        break;
    default:
        break;
    }
}

/* Which of the fields ask for something where they are absent: few, of the 38 of a step none but
 * one, so that not all are looked at for each step. */
static uint64_t fields_due(struct parse *parse, const struct field *fields) {
    struct due *due = &parse->dues[(uintptr_t)fields / sizeof *fields % DUES];
    if (due->fields == fields)
        return due->bits;
    *due = (struct due){.fields = fields};
    for (size_t i = 0; fields[i].kind != FIELD_NONE; i++)
        if ((fields[i].fallback && !(fields[i].flags & FIELD_PRESET)) ||
            fields[i].flags & FIELD_REQUIRED)
            due->bits |= UINT64_C(1) << i;
    return due->bits;
}

static void report_lack(struct parse *parse, const struct field *field, struct span span) {
    AUTO_TEXT hint = field->example ? mem_printf("add `%s`, for example `%s: %s`", field->key,
                                                 field->key, field->example)
                                    : NULL;
    if (parse->label)
        parse_error(parse, span, hint, "`%s` lacks the key `%s`", parse->label, field->key);
    else
        parse_error(parse, span, hint, "the required key `%s` is missing", field->key);
}

void fields_finish(struct parse *parse, const struct field *fields, uint64_t seen, struct span span,
                   void *object) {
    uint64_t left = fields_due(parse, fields) & ~seen;
    for (; left; left &= left - 1) {
        const struct field *field = &fields[__builtin_ctzll(left)];
        if (field->fallback)
            set_fallback(field, (char *)object + field->offset);
        if (field->flags & FIELD_REQUIRED)
            report_lack(parse, field, span);
    }
}

uint64_t fields_fill(struct parse *parse, const struct field *fields, const struct node *map,
                     void *object) {
    const struct field *outer = parse->table;
    const char *label = parse->label;
    uint64_t seen = 0;
    parse->table = fields;
    for (size_t i = 0; i < map->count; i++) {
        const struct node *key = node_key(map, i);
        const struct field *field = field_lookup(parse, fields, key);
        if (!field) {
            report_unknown(parse, fields, key);
            continue;
        }
        seen |= UINT64_C(1) << (field - fields);
        field_parse(parse, field, node_value(map, i), (char *)object + field->offset);
        parse->label = label;
    }
    parse->is_item = false;
    parse->table = outer;
    return seen;
}

void fields_parse(struct parse *parse, const struct field *fields, const struct node *map,
                  void *object) {
    uint64_t seen = fields_fill(parse, fields, map, object);
    fields_finish(parse, fields, seen, parse_span(parse, map), object);
}

/* ---- one value ---------------------------------------------------------------------------- */

void field_parse_item(struct parse *parse, const struct field *field, const struct node *node,
                      const char *label, bool is_item, void *slot) {
    unsigned inherited = parse->inherited;
    parse->inherited |= field->flags & (FIELD_SECRETS | FIELD_ITEM | FIELD_RESULT);
    parse->label = label;
    parse->is_item = is_item;
    switch (field->kind) {
    case FIELD_NONE:
        break;
    case FIELD_OBJECT:
    case FIELD_LIST:
    case FIELD_MAP:
    case FIELD_STEPS:
    case FIELD_STEP:
    case FIELD_PROBE:
    case FIELD_RUNBOOK:
        field_parse_container(parse, field, node, slot);
        break;
    case FIELD_CODE:
    case FIELD_EXPR:
    case FIELD_REGEX:
    case FIELD_TEXT:
    case FIELD_VALUE:
    case FIELD_DATA:
        field_parse_text(parse, field, node, slot);
        break;
    default:
        field_parse_scalar(parse, field, node, slot);
        break;
    }
    parse->inherited = inherited;
}

void field_parse(struct parse *parse, const struct field *field, const struct node *node,
                 void *slot) {
    field_parse_item(parse, field, node, field->key, false, slot);
}
