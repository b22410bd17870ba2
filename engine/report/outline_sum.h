/* What steps say of the whole plan, gathered while they are told; private to the outline. */
#ifndef REPORT_OUTLINE_SUM_H
#define REPORT_OUTLINE_SUM_H

#include "value/value.h"

struct outline_sums;
struct outline_sums *outline_sums_new(void);
/* From here on it is this step that speaks; `path` is borrowed for as long. One that is left out
 * counts nowhere. */
void outline_sums_step(struct outline_sums *sums, const char *path, bool is_left_out);

void outline_sum_fact(struct outline_sums *sums, value fact);       /* notes what it is made of */
void outline_sum_gate(struct outline_sums *sums, value gate);       /* asks people */
void outline_sum_loss(struct outline_sums *sums, value name);       /* destroys */
void outline_sum_lock(struct outline_sums *sums, const char *what); /* holds */

/* What the step that speaks destroys, as said so far; owned. VALUE_NONE: nothing. */
value outline_sums_losses(const struct outline_sums *sums);
/* Adds gates, losses, locks and unknown to the outline; frees. */
void outline_sums_tell(struct outline_sums *sums, value *outline);

#endif
