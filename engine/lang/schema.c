#include "lang/schema.h"

#include "lang/config.h"
#include "lang/parse.h"
#include "lang/policy.h"
#include "lang/schema_field.h"

/* ---- what the keys of a step depend on ---------------------------------------------------- */

static bool is_built(const struct step_type *type) {
    return type->start || type->expand;
}

static bool is_allowed(const struct step_type *type, enum schema_role role) {
    return is_built(type) && (role != SCHEMA_PROBE || type->is_probe);
}

typedef bool type_test(const struct step_type *type, const char *key);

static bool runs_elsewhere(const struct step_type *type, const char *key) {
    (void)key;
    return type->is_command || type->is_tunnelled;
}

static bool runs_command(const struct step_type *type, const char *key) {
    (void)key;
    return type->is_command;
}

static bool runs_sql(const struct step_type *type, const char *key) {
    (void)key;
    return (type->results & STEP_HAS_ROWS) != 0;
}

static bool takes_beside(const struct step_type *type, const char *key) {
    const struct field *field = field_find(type->fields, key);
    return field && field->flags & FIELD_BESIDE;
}

/* `key` only beside an action that passes the test. */
static void write_dependent(struct json *json, const char *key, enum schema_role role,
                            type_test *test) {
    json_open(json, key, '{');
    json_open(json, "anyOf", '[');
    for (const struct step_type *const *type = step_types; *type; type++) {
        if (!is_allowed(*type, role) || !test(*type, key))
            continue;
        json_open(json, NULL, '{');
        json_open(json, "required", '[');
        json_string(json, NULL, (*type)->key);
        json_close(json, ']');
        json_close(json, '}');
    }
    json_close(json, ']');
    json_close(json, '}');
}

static bool is_first_with(const struct step_type *const *at, const char *key,
                          enum schema_role role) {
    for (const struct step_type *const *type = step_types; type < at; type++)
        if (is_allowed(*type, role) && takes_beside(*type, key))
            return false;
    return true;
}

/* Calls `each` once for every key that an action lets stand beside itself. */
static void each_beside(struct json *json, enum schema_role role,
                        void (*each)(struct json *json, const char *key, enum schema_role role)) {
    for (const struct step_type *const *type = step_types; *type; type++)
        for (const struct field *f = (*type)->fields; f->kind != FIELD_NONE; f++)
            if (is_allowed(*type, role) && f->flags & FIELD_BESIDE &&
                is_first_with(type, f->key, role))
                each(json, f->key, role);
}

static void beside_dependent(struct json *json, const char *key, enum schema_role role) {
    write_dependent(json, key, role, takes_beside);
}

/* Types may give one key different meanings: any of them. */
static void beside_property(struct json *json, const char *key, enum schema_role role) {
    const struct field *fields[16];
    size_t count = 0;
    for (const struct step_type *const *type = step_types; *type && count < 16; type++)
        if (is_allowed(*type, role) && takes_beside(*type, key))
            fields[count++] = field_find((*type)->fields, key);
    if (count == 1) {
        schema_field(json, key, fields[0]);
        return;
    }
    json_open(json, key, '{');
    json_open(json, "anyOf", '[');
    for (size_t i = 0; i < count; i++)
        schema_field(json, NULL, fields[i]);
    json_close(json, ']');
    json_close(json, '}');
}

static void write_dependencies(struct json *json, const struct field *fields,
                               enum schema_role role) {
    static const char *const of_commands[] = {"env", "cwd", "stdin", "background"};
    static const char *const of_sql[] = {"database", "destroys"};
    json_open(json, "dependentSchemas", '{');
    for (size_t i = 0; i < sizeof of_commands / sizeof *of_commands; i++)
        if (field_find(fields, of_commands[i]))
            write_dependent(json, of_commands[i], role, runs_command);
    if (field_find(fields, "target"))
        write_dependent(json, "target", role, runs_elsewhere);
    for (size_t i = 0; i < sizeof of_sql / sizeof *of_sql; i++)
        if (field_find(fields, of_sql[i]))
            write_dependent(json, of_sql[i], role, runs_sql);
    each_beside(json, role, beside_dependent);
    json_close(json, '}');
}

static void write_required_with(struct json *json, const struct field *fields) {
    static const char *const pairs[][2] = {{"ready", "background"},
                                           {"concurrency", "foreach"},
                                           {"max_fail", "foreach"},
                                           {"effect_reason", "effect"}};
    json_open(json, "dependentRequired", '{');
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        if (!field_find(fields, pairs[i][0]) || !field_find(fields, pairs[i][1]))
            continue;
        json_open(json, pairs[i][0], '[');
        json_string(json, NULL, pairs[i][1]);
        json_close(json, ']');
    }
    json_close(json, '}');
}

/* ---- a step, a handler, a probe ----------------------------------------------------------- */

static void write_action(struct json *json, const struct step_type *type) {
    struct field object = {
        .kind = FIELD_OBJECT,
        .doc = type->doc,
        .example = type->example,
        .fields = type->fields,
        .shorthand = type->shorthand,
    };
    if (!type->bare) {
        schema_field(json, type->key, &object);
        return;
    }
    struct field bare = *field_find(type->fields, type->shorthand);
    bare.doc = type->doc;
    bare.example = type->example;
    schema_field(json, type->key, &bare);
}

static void write_one_action(struct json *json, enum schema_role role) {
    json_open(json, "oneOf", '[');
    for (const struct step_type *const *type = step_types; *type; type++) {
        if (!is_allowed(*type, role))
            continue;
        json_open(json, NULL, '{');
        json_open(json, "required", '[');
        json_string(json, NULL, (*type)->key);
        json_close(json, ']');
        json_close(json, '}');
    }
    json_close(json, ']');
}

static void write_step(struct json *json, const char *name, const char *doc,
                       const struct field *fields, enum schema_role role) {
    json_open(json, name, '{');
    json_string(json, "description", doc);
    json_string(json, "type", "object");
    json_open(json, "properties", '{');
    for (const struct field *f = fields; f->kind != FIELD_NONE; f++)
        schema_field(json, f->key, f);
    for (const struct step_type *const *type = step_types; *type; type++)
        if (is_allowed(*type, role))
            write_action(json, *type);
    each_beside(json, role, beside_property);
    json_close(json, '}');
    json_raw(json, "additionalProperties", "false");
    write_one_action(json, role);
    write_dependencies(json, fields, role);
    write_required_with(json, fields);
    json_close(json, '}');
}

/* ---- the whole ---------------------------------------------------------------------------- */

static void write_text_def(struct json *json, const char *name, const char *doc,
                           const char *pattern, const char *example) {
    json_open(json, name, '{');
    json_string(json, "description", doc);
    json_string(json, "type", "string");
    json_string(json, "pattern", pattern);
    json_open(json, "examples", '[');
    json_string(json, NULL, example);
    json_close(json, ']');
    json_close(json, '}');
}

#define SIZE_UNITS "([kKMGTP]?B|[KMGTP]iB)?"

static void write_size_def(struct json *json) {
    json_open(json, "size", '{');
    json_string(json, "description", "A size: bytes, or a number and a unit.");
    json_open(json, "anyOf", '[');
    json_open(json, NULL, '{');
    json_string(json, "type", "integer");
    json_raw(json, "minimum", "0");
    json_close(json, '}');
    json_open(json, NULL, '{');
    json_string(json, "type", "string");
    json_string(json, "pattern",
                json->has_params ? "^([0-9]+" SIZE_UNITS "|" GIVEN_PATTERN ")$"
                                 : "^[0-9]+" SIZE_UNITS "$");
    json_close(json, '}');
    json_close(json, ']');
    json_close(json, '}');
}

static void write_steps_def(struct json *json) {
    json_open(json, "steps", '{');
    json_string(json, "type", "array");
    json_raw(json, "minItems", "1");
    json_open(json, "items", '{');
    json_string(json, "$ref", "#/$defs/step");
    json_close(json, '}');
    json_close(json, '}');
}

static void write_value_defs(struct json *json) {
    write_text_def(json, "identifier", "A name: lower-case letters, digits and `_`.",
                   "^[a-z_][a-z0-9_]*$", "safety_copy");
    write_text_def(json, "duration", "A duration: 500ms, 10s, 5m, 4h, 30d, or a sum such as 1h30m.",
                   json->has_params ? "^(([0-9]+(ms|s|m|h|d))+|" GIVEN_PATTERN ")$"
                                    : "^([0-9]+(ms|s|m|h|d))+$",
                   "1h30m");
    write_size_def(json);
}

static void write_step_defs(struct json *json) {
    write_steps_def(json);
    write_step(json, "step", "A step: exactly one action and what surrounds it.", step_fields,
               SCHEMA_STEP);
    write_step(json, "handler", "What takes a step back, or stands in for it in a dry run.",
               handler_fields, SCHEMA_HANDLER);
    write_step(json, "probe", "A question that changes nothing.", probe_fields, SCHEMA_PROBE);
}

static void schema_write(struct buf *out, const char *title, const struct field *fields,
                         bool has_steps) {
    struct json json = {.out = out, .has_params = has_steps};
    json_open(&json, NULL, '{');
    json_string(&json, "$schema", "https://json-schema.org/draft/2020-12/schema");
    json_string(&json, "title", title);
    schema_object(&json, fields);
    json_open(&json, "$defs", '{');
    write_value_defs(&json);
    if (has_steps)
        write_step_defs(&json);
    json_close(&json, '}');
    json_close(&json, '}');
    buf_putc(out, '\n');
}

void schema_runbook(struct buf *out) {
    schema_write(out, "Runbook, language version 1", runbook_fields, true);
}

void schema_policy(struct buf *out) {
    schema_write(out, "House rules of runbook", policy_fields, false);
}

void schema_config(struct buf *out) {
    schema_write(out, "Configuration of runbook", config_fields, false);
}
