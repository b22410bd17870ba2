/* HTML of what comes from outside: nothing of it is ever markup. */
#ifndef REPORT_HTML_H
#define REPORT_HTML_H

#include "value/value.h"

/* What would be markup, also within an attribute, becomes an entity. */
void html_byte(struct buf *out, char byte);
/* Appends text: control characters and bidi marks as text_escape has them, and what would be
 * markup, also within an attribute, as entities. Newlines stay. */
void html_text(struct buf *out, const char *text, size_t length);
void html_value(struct buf *out, value text); /* of a string */
void html_puts(struct buf *out, const char *text);

/* The items of a list of strings between `open` and `close`, with `between` in between. */
void html_list(struct buf *out, value texts, const char *open, const char *between,
               const char *close);

/* Begins a page that looks at nothing outside of itself, up to its body. */
void html_page_begin(struct buf *out, const char *title);

#endif
