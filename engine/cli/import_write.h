/* A draft as YAML, with what was left out of it as comments behind it. */
#ifndef CLI_IMPORT_WRITE_H
#define CLI_IMPORT_WRITE_H

#include "cli/import_draft.h"
#include "lang/emit.h"

struct left_out {
    uint32_t line;
    const char *text;
};
typedef VEC(struct left_out) left_list;

/* Appends it to `out`; notes in each step the lines that it came to. `ret_left` gets each line of
 * the document of which something is not in the text. */
void draft_write(struct draft *draft, struct buf *out, left_list *ret_left);

/* In import_left.c: the words of what was written. */
struct words;
struct words *words_new(void);
void words_free(struct words *words);
void words_add(void *words, const char *text);
/* Lines first_line to last_line of the draft's document that have a word which is not there. */
void words_missing(const struct words *words, const struct draft *draft, left_list *ret_left);

#endif
