/* JSON schemas as tables: the members of each object, one a line, so that a committed schema shows
 * each change as one changed line. */
#ifndef REPORT_SHAPE_H
#define REPORT_SHAPE_H

#include <stddef.h>

#include "base/buf.h"

struct member {
    const char *key;    /* NULL ends a list of them */
    const char *schema; /* JSON without the braces */
    const char *doc;
    bool is_required;
};

struct shape {
    const char *name; /* under $defs */
    const char *doc;
    const struct member *members;
};

#define TEXT "\"type\": \"string\""
#define COUNT "\"type\": \"integer\", \"minimum\": 0"
#define FLAG "\"type\": \"boolean\""
#define TEXTS "\"type\": \"array\", \"items\": {\"type\": \"string\"}"
#define HASH "\"type\": \"string\", \"pattern\": \"^[0-9a-f]{64}$\""
#define A(name) "\"$ref\": \"#/$defs/" name "\""
#define LIST(name) "\"type\": \"array\", \"items\": {\"$ref\": \"#/$defs/" name "\"}"

/* The whole schema of `root`, a product whose parts are `shapes`. */
void shape_schema(struct buf *out, const struct shape *root, const struct shape *shapes,
                  size_t count);

#endif
