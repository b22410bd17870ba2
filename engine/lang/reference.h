/* The reference of the language, made from the same tables that parse it. */
#ifndef LANG_REFERENCE_H
#define LANG_REFERENCE_H

#include "base/buf.h"

/* Markdown, or the roff of runbook(5). */
void reference_markdown(struct buf *out);
void reference_man(struct buf *out);

#endif
