#include "lang/schema_field.h"

#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "lang/parse.h"

#define NO_TEMPLATE "\\$\\{\\{"

/* ---- JSON --------------------------------------------------------------------------------- */

static void json_begin(struct json *json, const char *key) {
    if (json->has_member)
        buf_putc(json->out, ',');
    if (json->depth > 0)
        buf_printf(json->out, "\n%*s", 2 * json->depth, "");
    json->has_member = true;
    if (!key)
        return;
    AUTO_VALUE text = value_string(key);
    value_dump(json->out, text);
    buf_puts(json->out, ": ");
}

void json_open(struct json *json, const char *key, char bracket) {
    json_begin(json, key);
    buf_putc(json->out, bracket);
    json->depth++;
    json->has_member = false;
}

void json_close(struct json *json, char bracket) {
    json->depth--;
    if (json->has_member)
        buf_printf(json->out, "\n%*s", 2 * json->depth, "");
    buf_putc(json->out, bracket);
    json->has_member = true;
}

void json_raw(struct json *json, const char *key, const char *text) {
    json_begin(json, key);
    buf_puts(json->out, text);
}

void json_string(struct json *json, const char *key, const char *text) {
    AUTO_VALUE string = value_string(text);
    json_begin(json, key);
    value_dump(json->out, string);
}

static void json_integer(struct json *json, const char *key, int64_t number) {
    AUTO_TEXT text = mem_printf("%" PRId64, number);
    json_raw(json, key, text);
}

/* ---- what describes a field --------------------------------------------------------------- */

/* The example is YAML; a schema holds JSON. */
static void write_example(struct json *json, const char *example) {
    struct diag *diag = diag_new();
    struct arena *arena = arena_new();
    struct yaml yaml = {"example", example, strlen(example), arena, arena, diag};
    const struct node *node = yaml_parse(&yaml);
    json_open(json, "examples", '[');
    if (node) {
        AUTO_VALUE parsed = node_to_value(node);
        json_begin(json, NULL);
        value_dump(json->out, parsed);
    }
    json_close(json, ']');
    arena_free(arena);
    diag_free(diag);
}

static void write_default(struct json *json, const struct field *field) {
    if (!field->fallback)
        return;
    AUTO_TEXT duration = NULL;
    switch (field->kind) {
    case FIELD_BOOL:
        json_raw(json, "default", "true");
        break;
    case FIELD_CHOICE:
        json_string(json, "default", field->choices[field->fallback - 1]);
        break;
    case FIELD_DURATION:
        duration = text_format_duration(field->fallback);
        json_string(json, "default", duration);
        break;
    case FIELD_INTEGER:
    case FIELD_NUMBER:
    case FIELD_SIZE:
        /* Below the range it only marks what was not said. */
        if (field->fallback >= field->minimum)
            json_integer(json, "default", field->fallback);
        break;
    default:
        break;
    }
}

/* ---- types -------------------------------------------------------------------------------- */

static void write_types(struct json *json, const char *const *types) {
    json_open(json, "type", '[');
    for (; *types; types++)
        json_string(json, NULL, *types);
    json_close(json, ']');
}
#define WRITE_TYPES(json, ...) write_types((json), (const char *const[]){__VA_ARGS__, NULL})

static void refuse_templates(struct json *json) {
    json_open(json, "not", '{');
    json_string(json, "type", "string");
    json_string(json, "pattern", NO_TEMPLATE);
    json_close(json, '}');
}

static void write_range(struct json *json, const struct field *field) {
    json_string(json, "type", field->kind == FIELD_INTEGER ? "integer" : "number");
    if (field->minimum == 0 && field->maximum == 0)
        return;
    json_integer(json, "minimum", field->minimum);
    if (field->maximum != INT64_MAX)
        json_integer(json, "maximum", field->maximum);
}

static void write_given(struct json *json) {
    json_string(json, "type", "string");
    json_string(json, "pattern", "^" GIVEN_PATTERN "$");
}

static void write_number(struct json *json, const struct field *field) {
    if (!json->has_params) {
        write_range(json, field);
        return;
    }
    json_open(json, "anyOf", '[');
    json_open(json, NULL, '{');
    write_range(json, field);
    json_close(json, '}');
    json_open(json, NULL, '{');
    write_given(json);
    json_close(json, '}');
    json_close(json, ']');
}

/* `true` and `false` are words of a choice, and booleans to a YAML reader. */
static void write_choice(struct json *json, const struct field *field) {
    json_open(json, "enum", '[');
    for (size_t i = 0; field->choices[i]; i++) {
        const char *word = field->choices[i];
        if (strcmp(word, "true") == 0 || strcmp(word, "false") == 0)
            json_raw(json, NULL, word);
        json_string(json, NULL, word);
    }
    json_close(json, ']');
}

static void write_string(struct json *json, const struct field *field) {
    json_string(json, "type", "string");
    if (field->pattern)
        json_string(json, "pattern", field->pattern);
    else
        refuse_templates(json);
}

static void write_list(struct json *json, const struct field *field) {
    bool is_one = field->flags & FIELD_ONE;
    if (is_one) {
        json_open(json, "anyOf", '[');
        schema_field(json, NULL, field->item);
        json_open(json, NULL, '{');
    }
    json_string(json, "type", "array");
    if (field->flags & FIELD_REQUIRED)
        json_raw(json, "minItems", "1");
    schema_field(json, "items", field->item);
    if (is_one) {
        json_close(json, '}');
        json_close(json, ']');
    }
}

static void write_map(struct json *json, const struct field *field) {
    const char *pattern = field->flags & FIELD_ENV_KEY   ? "^[A-Za-z_][A-Za-z0-9_]*$"
                          : field->flags & FIELD_ANY_KEY ? NULL
                                                         : "^[a-z_][a-z0-9_]*$";
    json_string(json, "type", "object");
    if (pattern) {
        json_open(json, "propertyNames", '{');
        json_string(json, "pattern", pattern);
        json_close(json, '}');
    }
    schema_field(json, "additionalProperties", field->item);
}

static void write_object(struct json *json, const struct field *field) {
    if (!field->shorthand) {
        schema_object(json, field->fields);
        return;
    }
    json_open(json, "anyOf", '[');
    schema_field(json, NULL, field_find(field->fields, field->shorthand));
    json_open(json, NULL, '{');
    schema_object(json, field->fields);
    json_close(json, '}');
    json_close(json, ']');
}

static void write_text(struct json *json, const struct field *field) {
    switch (field->kind) {
    case FIELD_CODE:
        WRITE_TYPES(json, "string", "boolean");
        json_raw(json, "minLength", "1");
        refuse_templates(json);
        break;
    case FIELD_EXPR:
        WRITE_TYPES(json, "string", "number", "boolean");
        json_raw(json, "minLength", "1");
        refuse_templates(json);
        break;
    case FIELD_TEXT:
        WRITE_TYPES(json, "string", "number", "boolean");
        break;
    case FIELD_VALUE:
        if (field->flags & FIELD_JQ) {
            WRITE_TYPES(json, "array", "string");
            refuse_templates(json);
        }
        break;
    default:
        if (!field->item)
            break;
        json_string(json, "type", "object");
        schema_field(json, "additionalProperties", field->item);
        break;
    }
}

static void write_type(struct json *json, const struct field *field) {
    static const char *const refs[] = {
        [FIELD_DURATION] = "#/$defs/duration",
        [FIELD_SIZE] = "#/$defs/size",
        [FIELD_NAME] = "#/$defs/identifier",
        [FIELD_STEPS] = "#/$defs/steps",
        [FIELD_STEP] = "#/$defs/handler",
        [FIELD_PROBE] = "#/$defs/probe",
        [FIELD_RUNBOOK] = NULL,
    };
    if (refs[field->kind]) {
        json_string(json, "$ref", refs[field->kind]);
        return;
    }
    switch (field->kind) {
    case FIELD_BOOL:
    case FIELD_TRISTATE:
        json_string(json, "type", "boolean");
        break;
    case FIELD_INTEGER:
    case FIELD_NUMBER:
        write_number(json, field);
        break;
    case FIELD_CHOICE:
        write_choice(json, field);
        break;
    case FIELD_OBJECT:
        write_object(json, field);
        break;
    case FIELD_LIST:
        write_list(json, field);
        break;
    case FIELD_MAP:
        write_map(json, field);
        break;
    case FIELD_REGEX:
        json_string(json, "type", "string");
        break;
    case FIELD_STRING:
    case FIELD_FILE:
    case FIELD_PATH:
    case FIELD_RUNBOOK:
        write_string(json, field);
        break;
    default:
        write_text(json, field);
        break;
    }
}

void schema_field(struct json *json, const char *key, const struct field *field) {
    json_open(json, key, '{');
    if (field->doc)
        json_string(json, "description", field->doc);
    if (field->example)
        write_example(json, field->example);
    write_default(json, field);
    write_type(json, field);
    json_close(json, '}');
}

/* A field that may stand beside the action is not required within its mapping. */
void schema_object(struct json *json, const struct field *fields) {
    json_string(json, "type", "object");
    json_open(json, "properties", '{');
    for (const struct field *f = fields; f->kind != FIELD_NONE; f++)
        schema_field(json, f->key, f);
    json_close(json, '}');
    json_open(json, "required", '[');
    for (const struct field *f = fields; f->kind != FIELD_NONE; f++)
        if (f->flags & FIELD_REQUIRED && !(f->flags & FIELD_BESIDE))
            json_string(json, NULL, f->key);
    json_close(json, ']');
    json_raw(json, "additionalProperties", "false");
}
