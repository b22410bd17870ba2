/* A run, or two side by side, for people and programs that were not there: in one of several
 * formats. A format is a const descriptor at the end of its file and one pointer in report.c. */
#ifndef REPORT_REPORT_H
#define REPORT_REPORT_H

#include "report/model.h"
#include "report/timeline.h"

/* All that is known of one run. */
struct report {
    struct model model;
    struct timeline timeline;
    char *damage;      /* why the transcript could not be read to its end; NULL: it could */
    char *proof;       /* what `verify` says of its transcript, as text; NULL: it was not asked */
    value proof_value; /* the same as data; VALUE_NONE */
};

void report_init(struct report *report);
void report_release(struct report *report);
/* Reads a whole transcript. A damaged one yields -1 after what came before is known, one without a
 * record when nothing is. */
int report_read(struct report *report, const char *path, struct err *err) MUST_USE;

struct report_format {
    void (*write)(struct buf *out, const struct report *report);
    /* `before` and `after` are runs of the same runbook, or nearly; NULL: it cannot. */
    void (*compare)(struct buf *out, const struct report *before, const struct report *after);
};

/* X(name), in the order of report_formats; the first is meant where nobody says. */
#define REPORT_PAIR_FORMATS(X) X(text) X(md) X(html) X(json) /* also of two runs */
#define REPORT_FORMATS(X) REPORT_PAIR_FORMATS(X) X(junit)

#define X(name) extern const struct report_format report_format_##name;
REPORT_FORMATS(X)
#undef X
extern const struct report_format *const report_formats[];

/* schemas/report.schema.json: what the format `json` writes of one run. */
void report_schema(struct buf *out);

/* ---- what formats share -------------------------------------------------------------------- */

/* When it was begun first, by the wall clock; 0 where it never was. */
int64_t report_step_began(const struct model *model, const struct model_step *step);
/* Whether people should look at it: not one of succeeded, skipped, pending, rolled back … */
bool report_status_is_bad(const char *status);
/* How many steps of all phases stand how: {status: count}. */
value report_counts(const struct model *model);

/* Each step of two runs, one of both NULL where the other has it alone: in the order of the later
 * run, and behind them what only the earlier one had. */
typedef void report_pair_fn(void *user, const struct model_step *before,
                            const struct model_step *after);
void report_pairs(const struct model *before, const struct model *after, report_pair_fn *each,
                  void *user);

#endif
