/* A step from its mapping: the action, the keys beside it, and its id. */
#include <ctype.h>
#include <string.h>

#include "base/text.h"
#include "lang/parse.h"

#define MAX_VALID 160
#define ID_MAX 40 /* of a title's characters */

static const char *role_name(enum step_role role) {
    static const char *const names[] = {
        [ROLE_STEP] = "a step",         [ROLE_FINALLY] = "a step of `finally`",
        [ROLE_ROLLBACK] = "a rollback", [ROLE_DRY_RUN] = "`dry_run`",
        [ROLE_PROBE] = "a probe",
    };
    return names[role];
}

static const struct field *role_fields(enum step_role role) {
    if (role == ROLE_PROBE)
        return probe_fields;
    return role == ROLE_ROLLBACK || role == ROLE_DRY_RUN ? handler_fields : step_fields;
}

/* ---- keys --------------------------------------------------------------------------------- */

static void report_second_action(struct parse *parse, const struct node *first,
                                 const struct node *second) {
    AUTO_TEXT hint = mem_printf("`%s` at line %u is one already; make two steps of it", first->text,
                                first->line);
    parse_error(parse, parse_span(parse, second), hint,
                "a step has exactly one action, and `%s` is a second", second->text);
}

static void report_unknown_key(struct parse *parse, enum step_role role, const struct step *step,
                               const struct node *key) {
    const char *valid[MAX_VALID];
    size_t count = 0;
    for (const struct field *f = role_fields(role); f->kind != FIELD_NONE; f++)
        valid[count++] = f->key;
    for (const struct step_type *const *type = step_types; *type && !step->type; type++)
        if (count < MAX_VALID)
            valid[count++] = (*type)->key;
    for (const struct field *f = step->type ? step->type->fields : NULL; f && f->kind != FIELD_NONE;
         f++)
        if (f->flags & FIELD_BESIDE && count < MAX_VALID)
            valid[count++] = f->key;
    AUTO_TEXT place = mem_printf(" in %s", role_name(role));
    field_unknown(parse, key, place, valid, count);
}

static void report_no_action(struct parse *parse, enum step_role role, const struct step *step) {
    AUTO_BUF hint = BUF_INIT(1024);
    for (size_t i = 0; step_types[i]; i++)
        if (role != ROLE_PROBE || step_types[i]->is_probe)
            buf_printf(&hint, "%s`%s`", hint.length ? ", " : "one of ", step_types[i]->key);
    parse_error(parse, step->span, buf_text(&hint), "%s needs an action", role_name(role));
}

/* An action that lets the key stand beside itself, or NULL. */
static const struct step_type *find_owner(const char *key) {
    for (size_t i = 0; step_types[i]; i++) {
        const struct field *field = field_find(step_types[i]->fields, key);
        if (field && field->flags & FIELD_BESIDE)
            return step_types[i];
    }
    return NULL;
}

/* A key that is none of the step's own, of its action's, nor an action. */
static void report_stray(struct parse *parse, enum step_role role, const struct step *step,
                         const struct node *key) {
    struct span span = parse_span(parse, key);
    const struct step_type *owner = find_owner(key->text);
    if (role == ROLE_ROLLBACK && strcmp(key->text, "rollback") == 0) {
        parse_error(parse, span, "use `retry` where it may fail",
                    "a rollback has no rollback of its own");
    } else if (field_find(step_fields, key->text)) {
        parse_error(parse, span, "take it out", "`%s` has no meaning in %s", key->text,
                    role_name(role));
    } else if (step->type && field_find(step->type->fields, key->text)) {
        AUTO_TEXT hint = mem_printf("write `%s: {%s: …}`", step->type->key, key->text);
        parse_error(parse, span, hint, "`%s` belongs inside `%s`", key->text, step->type->key);
    } else if (owner && step->type) {
        parse_error(parse, span, NULL, "`%s` is a key of `%s` steps and means nothing to `%s`",
                    key->text, owner->key, step->type->key);
    } else {
        report_unknown_key(parse, role, step, key);
    }
}

/* The index of the action's pair, or the count where there is none. */
static size_t find_action(struct parse *parse, const struct field *fields, const struct node *node,
                          struct visit *visit) {
    size_t action = node->count;
    for (size_t i = 0; i < node->count; i++) {
        const struct node *key = node_key(node, i);
        const struct field *field = field_lookup(parse, fields, key);
        if (field) {
            visit->in_foreach |= (field->flags & FIELD_JQ) != 0;
            continue;
        }
        const struct step_type *type = type_lookup(parse, key);
        if (type && action < node->count) {
            report_second_action(parse, node_key(node, action), key);
        } else if (type) {
            action = i;
            visit->step->type = type;
            visit->action = node_value(node, i);
        }
    }
    return action;
}

/* ---- the action --------------------------------------------------------------------------- */

static uint64_t parse_shorthand(struct parse *parse, const struct step_type *type,
                                const struct node *node, void *spec) {
    const struct field *member = type->shorthand ? field_find(type->fields, type->shorthand) : NULL;
    if (!member) {
        AUTO_TEXT hint =
            type->example ? mem_printf("for example `%s: %s`", type->key, type->example) : NULL;
        parse_wrong_type(parse, node, "a mapping", hint);
        return UINT64_MAX;
    }
    parse->table = type->fields;
    field_parse_item(parse, member, node, type->key, false, (char *)spec + member->offset);
    return UINT64_C(1) << (member - type->fields);
}

static uint64_t parse_spec(struct parse *parse, const struct step_type *type,
                           const struct node *node, void *spec) {
    parse->label = type->key;
    parse->is_item = false;
    if (node->kind == NODE_MAP && !type->bare)
        return fields_fill(parse, type->fields, node, spec);
    return parse_shorthand(parse, type, node, spec);
}

struct span action_span(const struct parse *parse, const struct visit *visit) {
    /* The key stands before its value. */
    return parse_span(parse, visit->action - 1);
}

/* A field of the action that stands beside its key. */
static bool parse_beside(struct parse *parse, const struct step_type *type, size_t pair,
                         const struct node *node, uint64_t *seen, void *spec) {
    const struct node *key = node_key(node, pair);
    const struct field *field = field_find(type->fields, key->text);
    if (!field || !(field->flags & FIELD_BESIDE))
        return false;
    uint64_t bit = UINT64_C(1) << (field - type->fields);
    if (*seen != UINT64_MAX && *seen & bit)
        parse_error(parse, parse_span(parse, key), "keep one of the two",
                    "`%s` stands in `%s` already", key->text, type->key);
    parse->table = type->fields;
    field_parse(parse, field, node_value(node, pair), (char *)spec + field->offset);
    *seen |= bit;
    return true;
}

/* ---- the step ----------------------------------------------------------------------------- */

struct step_more *step_more_own(struct parse *parse, struct step *step) {
    struct step_more *more = (struct step_more *)(uintptr_t)step->more;
    if (more != &step_plain)
        return more;
    more = arena_alloc(parse->runbook->arena, sizeof *more);
    *more = step_plain;
    step->more = more;
    return more;
}

/* Where the field of a step stands, in it or in what few of them say. */
static void *parse_slot(struct parse *parse, struct step *step, const struct field *field) {
    if (field->offset < sizeof *step)
        return (char *)step + field->offset;
    return (char *)step_more_own(parse, step) + (field->offset - sizeof *step);
}

static void parse_pairs(struct parse *parse, enum step_role role, struct step *step,
                        const struct node *node, size_t action) {
    const struct field *fields = role_fields(role);
    uint64_t seen = 0, spec_seen = 0;
    void *spec = step->type ? arena_alloc(parse->runbook->arena, step->type->size) : NULL;
    bool is_stray = false;
    step->spec = spec;
    if (step->type)
        spec_seen = parse_spec(parse, step->type, node_value(node, action), spec);
    for (size_t i = 0; i < node->count; i++) {
        const struct node *key = node_key(node, i);
        const struct field *field = field_lookup(parse, fields, key);
        parse->table = fields;
        if (field) {
            seen |= UINT64_C(1) << (field - fields);
            if (field->kind == FIELD_LIST && strcmp(key->text, "needs") == 0) {
                step->has_needs = true;
                const struct span at = parse_span(parse, node_value(node, i));
                step->needs_at = (struct spot){at.line, at.column, at.length};
            }
            field_parse(parse, field, node_value(node, i), parse_slot(parse, step, field));
        } else if (!type_lookup(parse, key) &&
                   !(spec && parse_beside(parse, step->type, i, node, &spec_seen, spec))) {
            is_stray = true;
            report_stray(parse, role, step, key);
        }
    }
    parse->label = NULL;
    fields_finish(parse, fields, seen, step->span, step);
    parse->label = step->type ? step->type->key : NULL;
    if (spec && step->type && spec_seen != UINT64_MAX)
        fields_finish(parse, step->type->fields, spec_seen,
                      parse_span(parse, node_key(node, action)), spec);
    if (!step->type && !is_stray)
        report_no_action(parse, role, step);
}

static uint32_t visit_add(struct parse *parse, const struct node *node, enum step_role role) {
    uint32_t parent = parse->visit, index = (uint32_t)parse->visits.count;
    struct visit visit = {.node = node, .parent = parent, .role = (uint8_t)role};
    visit.step = arena_alloc(parse->runbook->arena, sizeof *visit.step);
    visit.step->span = parse_span(parse, node);
    visit.step->more = &step_plain;
    visit.in_handler = role == ROLE_ROLLBACK || role == ROLE_DRY_RUN || role == ROLE_PROBE;
    if (parent != VISIT_NONE) {
        visit.in_handler |= parse->visits.items[parent].in_handler;
        visit.in_foreach |= parse->visits.items[parent].in_foreach;
    }
    *vec_add(&parse->visits) = visit;
    return index;
}

/* What holds around the step does not hold in it. */
static struct step *parse_visited(struct parse *parse, const struct node *node, uint32_t index,
                                  enum step_role role) {
    const struct field *table = parse->table;
    const char *label = parse->label;
    uint32_t outer = parse->visit;
    unsigned inherited = parse->inherited;
    struct step *step = parse->visits.items[index].step;
    parse->visit = index;
    parse->inherited = 0;
    size_t action = find_action(parse, role_fields(role), node, &parse->visits.items[index]);
    size_t errors = diag_count(parse->load->diag);
    parse_pairs(parse, role, step, node, action);
    parse->visits.items[index].is_broken |= diag_count(parse->load->diag) > errors;
    parse->lacks_id |= !step->id;
    parse->has_inverse |= step->type && step->type->inverse;
    parse->runbook->may_destroy |= step->type && step->type->destroys;
    parse->inherited = inherited;
    parse->visit = outer;
    parse->label = label;
    parse->table = table;
    return step;
}

struct step *step_parse(struct parse *parse, const struct node *node, enum step_role role) {
    if (node->kind != NODE_MAP || node->count == 0) {
        AUTO_TEXT shown = node->kind == NODE_SCALAR ? node_show(node) : NULL;
        AUTO_TEXT hint = shown && node->type == NODE_TEXT
                             ? mem_printf("write `%s: {shell: %s}`", parse->label, shown)
                             : NULL;
        parse_wrong_type(parse, node,
                         role == ROLE_PROBE ? "a probe, a mapping" : "a step, a mapping", hint);
        return NULL;
    }
    return parse_visited(parse, node, visit_add(parse, node, role), role);
}

void steps_take(struct parse *parse, struct steps_open *open, const struct node *item) {
    size_t first = parse->visits.count;
    uint32_t position = open->position++;
    parse->label = open->label;
    parse->is_item = true;
    if (item->kind != NODE_MAP || item->count == 0) {
        AUTO_TEXT shown = item->kind == NODE_SCALAR ? node_show(item) : NULL;
        AUTO_TEXT hint =
            shown && item->type == NODE_TEXT ? mem_printf("write `- shell: %s`", shown) : NULL;
        parse_wrong_type(parse, item, "a step, a mapping", hint);
        return;
    }
    uint32_t index = visit_add(parse, item, open->role);
    parse->visits.items[index].position = position;
    *vec_add(&open->items) = parse_visited(parse, item, index, open->role);
    if (parse->visit == VISIT_NONE)
        check_steps(parse, first);
}

struct step_list *steps_close(struct parse *parse, struct steps_open *open,
                              const struct node *list) {
    struct arena *arena = parse->runbook->arena;
    struct step_list *steps = arena_alloc(arena, sizeof *steps);
    const struct step **items = arena_alloc(arena, (open->items.count + 1) * sizeof *items);
    if (open->position == 0)
        parse_error(parse, parse_span(parse, list), NULL, "`%s` holds no step", open->label);
    else if (open->items.count)
        memcpy(items, open->items.items, open->items.count * sizeof *items);
    *steps = (struct step_list){items, open->items.count};
    vec_release(&open->items);
    parse->is_item = false;
    return steps;
}

struct step_list *steps_parse(struct parse *parse, const struct node *node, enum step_role role) {
    if (node->kind != NODE_LIST) {
        parse_wrong_type(parse, node, "a list of steps",
                         node->kind == NODE_MAP ? "begin each step with `- `" : NULL);
        return NULL;
    }
    struct steps_open open = {.label = parse->label, .role = role};
    for (uint32_t i = 0; i < node->count; i++)
        steps_take(parse, &open, &node->items[i]);
    return steps_close(parse, &open, node);
}

/* ---- ids ---------------------------------------------------------------------------------- */

/* "Keep what is there now" is keep_what_is_there_now; NULL where no letter is left. */
static char *id_from_title(const char *title) {
    char id[ID_MAX + 2];
    size_t length = 0;
    for (; *title && length < ID_MAX; title++) {
        unsigned char c = (unsigned char)*title;
        if (c < 0x80 && isalnum(c)) {
            if (length == 0 && isdigit(c))
                id[length++] = '_';
            id[length++] = (char)tolower(c);
        } else if (length > 0 && id[length - 1] != '_') {
            id[length++] = '_';
        }
    }
    while (length > 0 && id[length - 1] == '_')
        length--;
    return length > 0 ? mem_strndup(id, length) : NULL;
}

static char *id_from_position(const struct parse *parse, const struct visit *visit) {
    unsigned number = visit->position + 1;
    if (visit->parent != VISIT_NONE)
        return mem_printf("%s_%u", parse->visits.items[visit->parent].step->id, number);
    return mem_printf("%s_%u", visit->role == ROLE_FINALLY ? "finally" : "step", number);
}

static void name_made(struct parse *parse, struct visit *visit) {
    struct map *ids = steps_ids(parse);
    AUTO_TEXT base = visit->step->title ? id_from_title(visit->step->title) : NULL;
    if (!base)
        base = id_from_position(parse, visit);
    AUTO_TEXT id = mem_strdup(base);
    struct visit *first = map_get(ids, base);
    while (map_get(ids, id)) {
        mem_free(id);
        id = mem_printf("%s_%u", base, ++first->namesakes + 1);
    }
    visit->step->id = arena_strdup(parse->runbook->arena, id);
    map_put(ids, visit->step->id, visit);
}

struct map *steps_ids(struct parse *parse) {
    if (parse->ids)
        return parse->ids;
    parse->ids = map_new_borrowing(parse->visits.count);
    for (size_t i = 0; i < parse->visits.count; i++)
        if (parse->visits.items[i].step->id)
            map_put(parse->ids, parse->visits.items[i].step->id, &parse->visits.items[i]);
    return parse->ids;
}

void steps_name(struct parse *parse) {
    for (size_t i = 0; parse->lacks_id && i < parse->visits.count; i++) {
        struct visit *visit = &parse->visits.items[i];
        if (visit->step->id)
            continue;
        /* A handler or probe goes by the name of its step. */
        if (visit->role == ROLE_STEP || visit->role == ROLE_FINALLY)
            name_made(parse, visit);
        else
            visit->step->id = parse->visits.items[visit->parent].step->id;
    }
}

/* ---- handlers that a type makes ---------------------------------------------------------------
 */

static bool has_inverse(const struct visit *visit) {
    const struct step *step = visit->step;
    return visit->role == ROLE_STEP && !visit->in_handler && !visit->is_broken && step->type &&
           !step->more->rollback && step->type->inverse && step->type->inverse(step->spec);
}

void steps_invert(struct parse *parse) {
    for (size_t i = 0; parse->has_inverse && i < parse->visits.count; i++) {
        struct step *step = parse->visits.items[i].step;
        if (!has_inverse(&parse->visits.items[i]))
            continue;
        struct step *handler = arena_alloc(parse->runbook->arena, sizeof *handler);
        *handler = (struct step){
            .type = step->type->inverse(step->spec),
            .spec = step->spec,
            .id = step->id,
            .span = step->span,
            .timeout_ms = step->timeout_ms,
            .more = &step_plain,
        };
        parse->runbook->may_destroy |= handler->type->destroys != NULL;
        struct step_more *more = step_more_own(parse, handler);
        more->grace_ms = step->more->grace_ms;
        more->refs = step->more->refs;
        step_more_own(parse, step)->rollback = handler;
    }
}
