/* Text as JSON strings: ASCII, so that no reader and no terminal can take a byte for anything
 * else. Bytes that are no UTF-8 become U+FFFD. */
#ifndef VALUE_JSON_H
#define VALUE_JSON_H

#include <stddef.h>

#include "base/buf.h"

#define JSON_ESCAPE_MAX 12 /* bytes of one character: two \uXXXX */

/* How many bytes from the first stand for themselves. */
size_t json_bare_length(const char *text, size_t length);
/* Escapes the first character; returns how many bytes of the text it took. */
size_t json_escape_one(const char *text, size_t length, char ret[JSON_ESCAPE_MAX],
                       size_t *ret_length);
/* The escaped text, without quotes; and how long that is. */
void json_escape(struct buf *out, const char *text, size_t length);
size_t json_escaped_length(const char *text, size_t length);

#endif
