/* Inside lang: a sheet of documentation, as Markdown or as the roff of a man page. Text is
 * Markdown's least: words, `code`, and paragraphs. */
#ifndef LANG_SHEET_H
#define LANG_SHEET_H

#include "base/buf.h"

struct sheet {
    struct buf *out;
    bool is_roff;
};

/* Level 1 to 3, below the title of the whole. */
void sheet_heading(struct sheet *sheet, int level, const char *text);
void sheet_text(struct sheet *sheet, const char *text);
void sheet_bullet(struct sheet *sheet, const char *text);
void sheet_code(struct sheet *sheet, const char *text);

/* A list of keys: what each takes, and what it is for. */
void sheet_keys_begin(struct sheet *sheet);
void sheet_key(struct sheet *sheet, const char *key, const char *takes, const char *doc);
void sheet_keys_end(struct sheet *sheet);

/* Paragraphs behind each other: `# ` begins a heading, `- ` a bullet, four blanks code. NULL ends
 * the list. */
void sheet_prose(struct sheet *sheet, const char *const *paragraphs);

#endif
