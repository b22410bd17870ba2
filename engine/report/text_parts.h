/* Pieces of text that the summary, `show` and the list of runs share. */
#ifndef REPORT_TEXT_PARTS_H
#define REPORT_TEXT_PARTS_H

#include "report/text.h"

#define COLOR_GOOD "32"
#define COLOR_BAD "1;31"
#define COLOR_WARN "33"
#define COLOR_HINT "36"
#define COLOR_DIM "2"
#define COLOR_HEAD "1"

/* How a status looks, of a step, a run or an objective. */
struct status_look {
    const char *status;
    const char *word; /* for people */
    const char *sign; /* one column */
    const char *ascii;
    const char *color;
};
/* A status that it does not know is shown as it is. */
struct status_look status_look(const char *status);
/* Of a step: in a dry run, what was done about it. */
struct status_look step_look(const struct model *model, const struct model_step *step);

/* The common frame of what follows: where it goes and how. */
struct page {
    struct buf *out;
    const struct text_style *style;
    const struct model *model;
    size_t name_width, word_width; /* of the table of steps */
};
struct page page_new(struct buf *out, const struct model *model, const struct text_style *style);

/* `color` may be NULL. */
void page_color(const struct page *page, const char *color, const char *text);
void page_spaces(const struct page *page, size_t count);
/* Foreign text on one line, cut where the window ends; `used` columns stand before it. */
void page_fit(const struct page *page, const char *text, size_t used);
/* Foreign text, each of its lines behind `indent` spaces and, where set, a label in colour. */
void page_block(const struct page *page, size_t indent, const char *label, const char *color,
                const char *text);
/* A bold line with an empty one before it. */
void page_heading(const struct page *page, const char *text);

/* A step's row of the table. */
void page_row(const struct page *page, const struct model_step *step);
/* What went wrong with it: error, hint, and the last lines it wrote. */
void page_trouble(const struct page *page, const struct model_step *step, size_t indent);
/* What a plan's lines say: [[label, text]]. */
void page_plan(const struct page *page, value plan, size_t indent);
/* How the run stands, in one line. */
void page_title(const struct page *page);
/* Objectives, what is left for a person, and where things are. */
void page_tail(const struct page *page, const char *dir);

#endif
