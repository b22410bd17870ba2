/* The steps of a page; private to the page. */
#ifndef REPORT_OUTLINE_HTML_STEP_H
#define REPORT_OUTLINE_HTML_STEP_H

#include "value/value.h"

/* A list, wave by wave; `phase` is "run" or "finally". */
void page_waves(struct buf *out, value steps, const char *phase);
/* A link to what the page says of a step, by its path; what is no step is plain text. */
void page_link(struct buf *out, value path, const char *phase);
/* "half of them 1.2 s, nine of ten at most 3.0 s (of 7)", or "not known". */
void page_span(struct buf *out, value expected);
/* "4h", of milliseconds that are above 0. */
void page_duration(struct buf *out, const char *label, value object, const char *key);

#endif
