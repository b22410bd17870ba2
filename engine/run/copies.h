/* The files that a run began with, as its directory keeps them. */
#ifndef RUN_COPIES_H
#define RUN_COPIES_H

#include "run/past.h"

struct copies;
/* An error where a copy is not what the transcript says. */
int copies_open(const struct past *past, struct copies **ret, struct err *err) MUST_USE;
void copies_free(struct copies *copies);
/* For plan_options; lives as long as the copies. */
const struct runbook_copies *copies_files(const struct copies *copies);

#endif
