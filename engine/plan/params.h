/* Parameters: values from the command line, a file or a caller, held against their declaration. */
#ifndef PLAN_PARAMS_H
#define PLAN_PARAMS_H

#include "lang/param.h"
#include "plan/plan.h"

/* What a profile gives, NULL for none: an object. */
value params_of_profile(const struct profile *profile);
/* Whatever a person gave, less what the profile says: --params, --set, and answers to prompts for
 * what is still missing. Later sources win. */
value params_said(const struct runbook *runbook, const struct plan_options *options,
                  value of_profile, struct diag *diag);
/* Adds defaults to what was given; every unknown, missing or wrong one is reported. Takes
 * `given`; 0 and *ret, or -1. */
int params_bind(const struct runbook *runbook, value given_taken, value *ret,
                void (*report)(void *user, struct err *err), void *user) MUST_USE;

#endif
