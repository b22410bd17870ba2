#include "base/text.h"
#include "journal/event.h"

/* Written by hand, one key a line, so that the committed file shows each change of the
 * vocabulary as one changed line. The texts are this folder's own and need no escaping. */

static void schema_key(struct buf *out, const struct event_column *column, bool last) {
    static const char *const shapes[] = {
        [EVENT_KIND_TEXT] = "\"type\": [\"string\", \"null\"], ",
        [EVENT_KIND_INTEGER] = ("\"type\": \"integer\", \"minimum\": -9007199254740991, "
                                "\"maximum\": 9007199254740991, "),
        [EVENT_KIND_BOOLEAN] = "\"type\": \"boolean\", ",
        [EVENT_KIND_JSON] = "",
    };
    (void)buf_printf(out, "    \"%s\": {%s\"description\": \"%s\"}%s\n", column->name,
                     shapes[column->kind], column->doc, last ? "" : ",");
}

static void schema_head(struct buf *out) {
    (void)buf_puts(out,
                   "{\n"
                   "  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n"
                   "  \"title\": \"A record of a runbook transcript\",\n"
                   "  \"description\": \"One line of transcript.jsonl. Generated from the engine's "
                   "event tables.\",\n"
                   "  \"type\": \"object\",\n"
                   "  \"required\": [\"v\", \"seq\", \"prev\", \"time\", \"mono_ns\", \"type\"],\n"
                   "  \"additionalProperties\": false,\n"
                   "  \"properties\": {\n"
                   "    \"v\": {\"const\": 1, \"description\": \"version of the format\"},\n"
                   "    \"seq\": {\"type\": \"integer\", \"minimum\": 1, \"maximum\": "
                   "9007199254740991, \"description\": \"number of the record, from 1\"},\n"
                   "    \"prev\": {\"type\": \"string\", \"pattern\": \"^[0-9a-f]{64}$\", "
                   "\"description\": \"SHA-256 of the previous line with its newline; zeros in the "
                   "first\"},\n"
                   "    \"time\": {\"type\": \"string\", \"pattern\": "
                   "\"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[.][0-9]{6}Z$\", "
                   "\"description\": \"wall clock, UTC\"},\n"
                   "    \"mono_ns\": {\"type\": \"integer\", \"minimum\": 0, \"maximum\": "
                   "9007199254740991, \"description\": \"a clock that only goes forward, for "
                   "differences within one engine's records\"},\n"
                   "    \"type\": {\"type\": \"string\", \"description\": \"what happened\"},\n");
}

/* What must be there, and of the texts that they are not null. */
static void schema_type(struct buf *out, enum event_type type) {
    uint64_t required = event_type_required(type);
    (void)buf_printf(out,
                     "    {\n      \"description\": \"%s\",\n      \"properties\": {\n"
                     "        \"type\": {\"const\": \"%s\"}",
                     event_type_doc(type), event_type_name(type));
    for (uint64_t left = required; left; left &= left - 1) {
        const struct event_column *column = &event_columns[__builtin_ctzll(left)];
        if (column->kind == EVENT_KIND_TEXT)
            (void)buf_printf(out, ",\n        \"%s\": {\"type\": \"string\"}", column->name);
    }
    (void)buf_puts(out, "\n      },\n      \"required\": [\"type\"");
    for (uint64_t left = required; left; left &= left - 1)
        (void)buf_printf(out, ", \"%s\"", event_columns[__builtin_ctzll(left)].name);
    (void)buf_printf(out, "]\n    }%s\n", type + 1 == EVENT_TYPE_COUNT ? "" : ",");
}

void event_schema(struct buf *out) {
    schema_head(out);
    for (size_t i = 0; i < EVENT_FIELD_COUNT; i++)
        schema_key(out, &event_columns[i], i + 1 == EVENT_FIELD_COUNT);
    (void)buf_puts(out, "  },\n  \"oneOf\": [\n");
    for (enum event_type type = EVENT_NONE + 1; type < EVENT_TYPE_COUNT; type++)
        schema_type(out, type);
    (void)buf_puts(out, "  ]\n}\n");
}
