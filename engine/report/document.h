/* A report as headings, tables and quotations, written by a pen: as text, Markdown or HTML. All
 * texts are foreign: a pen never lets them be markup. */
#ifndef REPORT_DOCUMENT_H
#define REPORT_DOCUMENT_H

#include "report/report.h"

#define TABLE_COLUMNS_MAX 6

/* Without names it is a list of labels and what belongs to them. A cell that is NULL is empty. */
struct table {
    const char *names[TABLE_COLUMNS_MAX];
    size_t columns;
    VEC(char *) cells; /* row by row */
    VEC(bool) alarms;  /* by row: whether people should look at it */
};

struct pen {
    void (*begin)(struct buf *out, const char *title);
    void (*heading)(struct buf *out, const char *text);
    void (*table)(struct buf *out, const struct table *table);
    /* Lines as they are, below a word that says what they are; NULL: none. */
    void (*quote)(struct buf *out, const char *label, const char *text);
    void (*end)(struct buf *out);
};

void document_write(struct buf *out, const struct report *report, const struct pen *pen);
void document_compare(struct buf *out, const struct report *before, const struct report *after,
                      const struct pen *pen);

/* The cells of a row; there are as many rows as `alarms`. */
const char *const *table_cells(const struct table *table, size_t row);

/* Says it where the transcript is damaged; `which` transcript. */
void document_damage(struct buf *out, const struct report *report, const char *which,
                     const struct pen *pen);

/* Adds a row of `table->columns` cells, which the table takes. */
void table_row(struct table *table, ...);
/* People should look at the last one, if so. */
void table_alarm(struct table *table, bool is_so);
/* The same of two columns, left out where `text` is empty. */
void table_field(struct table *table, const char *label, const char *text);
/* Writes it where it has a row, below a heading where one is given, and empties it. */
void table_put(struct table *table, struct buf *out, const struct pen *pen, const char *heading);

/* ---- what stands in cells, for the caller to free ------------------------------------------ */

char *cell_text(const char *text); /* NULL of NULL */
/* To the second: what is finer is in the transcript. NULL of 0. */
char *cell_time(int64_t wall_ns);
/* Of a member that holds milliseconds; NULL where there is none. */
char *cell_duration(value owner, const char *key);
/* "succeeded after 4m 05s" */
char *cell_standing(const struct model *model);
/* "10 succeeded, 1 failed" */
char *cell_counts(const struct model *model);

#endif
