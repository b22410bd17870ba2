/* One diagnostic as text: its place, the line, a caret and the hint. */
#ifndef LANG_DIAG_SHOW_H
#define LANG_DIAG_SHOW_H

#include "base/shared.h"
#include "lang/diag.h"

struct diag_source {
    char *path;
    const char *bytes; /* of `kept` */
    size_t length;
    struct shared *kept;
};

/* Where the last line was found: errors come in order, so that each file is read once. */
struct diag_cursor {
    const struct diag_source *source;
    uint32_t line;
    const char *at;
};

/* `source` may be NULL: then no line is shown. */
void diag_show(struct buf *out, const struct diag_style *style, const struct err *err,
               const struct diag_source *source, struct diag_cursor *cursor);

#endif
