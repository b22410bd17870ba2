/* One step of an outline; private to the outline. */
#ifndef REPORT_OUTLINE_STEP_H
#define REPORT_OUTLINE_STEP_H

#include "base/map.h"
#include "plan/fact.h"
#include "report/outline_row.h"
#include "report/outline_sum.h"

/* What the steps need of the world, each name once, in the order of the plan: names to anything. */
struct outline_needs {
    struct map *commands, *hosts, *databases, *targets, *files;
    struct map *reads; /* of the files those that steps read, by paths that are known */
};
void outline_needs_init(struct outline_needs *needs);
/* {commands, hosts, databases, targets, files, reads}; empties it. */
value outline_needs_take(struct outline_needs *needs);
void outline_need_file(struct outline_needs *needs, const char *path);
void outline_need_command(struct outline_needs *needs, const char *name);

struct outline_file {
    struct fact_scope at; /* where the step stands */
    struct outline_needs *needs;
    struct outline_sums *sums;
    struct arena *arena; /* of the rows' texts */
    bool is_brief;       /* only what a line of text shows, but all that is gathered in `sums` */
    const char *place;   /* the target that the step runs on; NULL: here */
};
/* All that the step says by itself: no wave, no needs, no members. `row` has its step. */
void outline_step(const struct outline_file *in, struct outline_row *row);

/* Members of an object; where that is NULL, as in a brief outline, nobody is told. */
void outline_text_set(value *object, const char *key, const char *text);
void outline_integer_set(value *object, const char *key, int64_t number); /* where above 0 */
void outline_objectives_set(value *object, const struct objectives *objectives_or_null);
void outline_flag_set(value *object, const char *key, bool flag); /* where true */
void outline_names_set(value *object, const char *key, const struct field_list *names);
/* Not where it is VALUE_NONE; takes it. */
void outline_set(value *object, const char *key, value item_taken);

#endif
