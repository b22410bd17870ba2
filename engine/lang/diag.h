/* Diagnostics: every error of a file, collected, sorted and shown with the line and a caret. */
#ifndef LANG_DIAG_H
#define LANG_DIAG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/shared.h"
#include "value/value.h"

struct diag;
struct diag *diag_new(void);
void diag_free(struct diag *diag);

/* Keeps the text of a file so that its lines can be shown; `bytes` are copied. */
void diag_source(struct diag *diag, const char *path, const char *bytes, size_t length);
/* The same without a copy. */
void diag_source_shared(struct diag *diag, const char *path, struct shared *bytes);
/* Takes what `err` holds and empties it. The same error at the same place is kept once. */
void diag_report(struct diag *diag, struct err *err);
/* What `other` has and `diag` has not: errors that hold only where this profile is chosen, or where
 * one of several is. `other` is emptied. */
void diag_take(struct diag *diag, struct diag *other, const char *profile);
/* All that `other` has, and frees it. */
void diag_merge(struct diag *diag, struct diag *other);
/* Of errors; those of ERR_WARNING are counted apart and shown with them. */
size_t diag_count(const struct diag *diag);
size_t diag_warnings(const struct diag *diag);

struct diag_style {
    bool color, unicode;
    size_t columns; /* 0: no limit */
};
/* `file:line:column: error: message`, the line, a caret, `hint: …`; sorted by file and place. */
void diag_text(const struct diag *diag, const struct diag_style *style, struct buf *out);
/* [{file, line, column, length, message, hint, profiles, kind}] */
value diag_value(const struct diag *diag);

#endif
