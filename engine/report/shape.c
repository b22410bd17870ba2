#include "report/shape.h"

/* Appends type, properties and required to the object that is open. */
static void members_write(struct buf *out, const struct member *members, const char *indent) {
    buf_printf(out, "%s\"type\": \"object\",\n%s\"additionalProperties\": false,\n", indent,
               indent);
    buf_printf(out, "%s\"properties\": {\n", indent);
    for (const struct member *member = members; member->key; member++)
        buf_printf(out, "%s  \"%s\": {%s, \"description\": \"%s\"}%s\n", indent, member->key,
                   member->schema, member->doc, member[1].key ? "," : "");
    buf_printf(out, "%s},\n%s\"required\": [", indent, indent);
    const char *comma = "";
    for (const struct member *member = members; member->key; member++) {
        if (!member->is_required)
            continue;
        buf_printf(out, "%s\"%s\"", comma, member->key);
        comma = ", ";
    }
    buf_puts(out, "]");
}

void shape_schema(struct buf *out, const struct shape *root, const struct shape *shapes,
                  size_t count) {
    buf_printf(out,
               "{\n  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n"
               "  \"title\": \"%s\",\n  \"description\": \"%s\",\n",
               root->name, root->doc);
    members_write(out, root->members, "  ");
    buf_puts(out, ",\n  \"$defs\": {\n");
    for (size_t i = 0; i < count; i++) {
        buf_printf(out, "    \"%s\": {\n      \"description\": \"%s\",\n", shapes[i].name,
                   shapes[i].doc);
        members_write(out, shapes[i].members, "      ");
        buf_printf(out, "\n    }%s\n", i + 1 < count ? "," : "");
    }
    buf_puts(out, "  }\n}\n");
}
