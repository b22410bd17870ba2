/* `--settle STEP=ANSWER`: a person's word about steps in doubt, held against the run. */
#ifndef CLI_SETTLE_H
#define CLI_SETTLE_H

#include "base/err.h"
#include "report/model.h"

/* `settle` ends with NULL, and may be NULL. Each names a step of the run that has begun and has no
 * end, once, and an answer that there is. */
int settle_check(const char *const *settle, const struct model *model, struct err *err) MUST_USE;

#endif
