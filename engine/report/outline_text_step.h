/* The steps of a plan as text, with all their details; private to the text. */
#ifndef REPORT_OUTLINE_TEXT_STEP_H
#define REPORT_OUTLINE_TEXT_STEP_H

#include "report/text.h"
#include "value/value.h"

struct drawing {
    struct buf *out;
    const struct text_style *style;
};

/* Every line that a step has to say. `depth` is that of what the list stands in. */
void text_steps(const struct drawing *drawing, value steps, size_t depth);
/* The line behind the step with this id, which is a point of no return. */
void text_no_return(const struct drawing *drawing, const char *id);

/* What stands between them has that color, where there are any. */
void color_begin(const struct drawing *drawing, const char *color);
void color_end(const struct drawing *drawing);
void put_color(const struct drawing *drawing, const char *color, const char *text);
void put_escaped(const struct drawing *drawing, value text);
void indent_by(const struct drawing *drawing, size_t columns);
void put_list(const struct drawing *drawing, value items);
/* `label value` on a line of its own, where the owner says it. */
void put_member(const struct drawing *drawing, value owner, const char *key, const char *label,
                size_t indent);
void put_names(const struct drawing *drawing, value owner, const char *key, const char *label,
               const char *color, size_t indent);
void put_span(const struct drawing *drawing, value expected);
void duration_of(const struct drawing *drawing, const char *label, value object, const char *key);

#endif
