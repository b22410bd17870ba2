/* Secrets of a run: read from their sources once, known to the redactor before anything runs. */
#ifndef RUN_SECRETS_H
#define RUN_SECRETS_H

#include "run/engine.h"

/* Fills run->secrets, run->redactor, run->secrets_value; what cannot be had goes to `diag`. */
void secrets_load(struct run *run, struct diag *diag);
/* Whether some secret comes from this environment variable. */
bool secrets_has_variable(const struct plan *plan, const char *name);

#endif
