/* A run as text for a terminal. */
#ifndef REPORT_TEXT_H
#define REPORT_TEXT_H

#include "report/model.h"

struct text_style {
    bool color, unicode;
    size_t columns; /* 0: no limit */
};

/* The summary at the end of a run: each step with status and duration, what was rolled back,
 * objectives met or missed, what is left for a person, where the transcript is. */
void report_summary(struct buf *out, const struct model *model, const char *dir,
                    const struct text_style *style);
/* All that `show` tells: the summary, and for each step its command, result, notes and where its
 * output is. */
void report_show(struct buf *out, const struct model *model, const char *dir,
                 const struct text_style *style);

#endif
