/* A Markdown document as sections that hold blocks, by md4c. */
#ifndef CLI_IMPORT_DOC_H
#define CLI_IMPORT_DOC_H

#include "cli/import_source.h"

enum block_kind {
    BLOCK_TEXT,
    BLOCK_CODE,
    BLOCK_LIST,
    BLOCK_ITEM,
    BLOCK_TABLE,
    BLOCK_ROW,
    BLOCK_HTML
};

/* Text has marks of secrets, and backticks around code, but no other marks of Markdown. */
struct block {
    enum block_kind kind;
    uint32_t line, end_line; /* of the source, from 1 */
    const char *text;        /* of text, code and HTML */
    const char *label;       /* of text: what stood in bold in front of a colon, or NULL */
    const char *language;    /* of code: the first word behind the fence in lower case, or "" */
    const char *info;        /* of code: all that stands behind the fence, or "" */
    bool ordered;            /* of a list */
    bool task, done;         /* of an item: it has a checkbox */
    bool head;               /* of a row */
    bool open;               /* of code: its fence is never closed */
    struct block *parent, *first, *last, *next;
};

struct section {
    const char *title; /* "" of the document's own, where it has no heading */
    unsigned level;    /* 0 to 6 */
    unsigned number;   /* as --list counts, from 1 */
    uint32_t line, end_line;
    const char *rto, *rpo; /* as durations, said in it or below it; see times_find */
    struct block *blocks;  /* what stands below its heading, in front of the next one */
    struct section *parent, *first, *last, *next;
};

struct document {
    const struct source *source;
    struct arena *arena; /* the source's */
    struct section *root;
    struct section **sections; /* all, in their order, the root first */
    size_t section_count;
};

/* Lives as long as the source. */
int document_read(struct source *source, struct document *ret, struct err *err) MUST_USE;
void document_release(struct document *document);
/* The section behind `section` in the document's order, within `top`; NULL at its end. */
struct section *section_next(const struct section *section, const struct section *top);

#endif
