/* Where two ways of the same run part: what the transcript tells, and what a replay came to. */
#ifndef REPORT_DIVERGENCE_H
#define REPORT_DIVERGENCE_H

#include "report/model.h"
#include "report/text.h"

/* Appends to `list`, a value array, one object for each step that was taken differently: {kind:
 * "different", phase, step, then, now}, and likewise without a step for the run itself, which
 * counts where `now` came to its end. Steps that `list` names already are left out. */
value divergence_add(value list_taken, const struct model *then, const struct model *now,
                     bool is_over);
/* A member of such a list; NULL is left out. */
value divergence_new(const char *kind, const char *phase, const char *step, const char *then,
                     const char *now);
/* A line each. */
void divergence_text(struct buf *out, value list, const struct text_style *style);

#endif
