/* Inside lang: JSON as it is written, and the schema of one field. */
#ifndef LANG_SCHEMA_FIELD_H
#define LANG_SCHEMA_FIELD_H

#include <stdbool.h>

#include "base/buf.h"
#include "field.h"

enum schema_role { SCHEMA_STEP, SCHEMA_HANDLER, SCHEMA_PROBE };

/* Indented JSON; `key` is NULL in lists and at the top. */
struct json {
    struct buf *out;
    int depth;
    bool has_member; /* of the innermost list or object */
    bool has_params; /* it is a runbook's: where a constant stands, a parameter may give it */
};
void json_open(struct json *json, const char *key, char bracket);
void json_close(struct json *json, char bracket);
void json_string(struct json *json, const char *key, const char *text);
void json_raw(struct json *json, const char *key, const char *text);

/* "key": {description, examples, default, type …} */
void schema_field(struct json *json, const char *key, const struct field *field);
/* Appends type, properties, required and additionalProperties to the open object. */
void schema_object(struct json *json, const struct field *fields);

/* `${{ .params.NAME }}`, where a parameter may give a constant. */
#define GIVEN_PATTERN "[ \\t]*\\$\\{\\{[ \\t]*\\.params\\.[a-z_][a-z0-9_]*[ \\t]*\\}\\}[ \\t]*"

#endif
