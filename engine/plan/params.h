/* Parameters: values from the command line, a file or a caller, held against their declaration. */
#ifndef PLAN_PARAMS_H
#define PLAN_PARAMS_H

#include "lang/param.h"

/* A value as text (--set, a prompt) becomes one of the parameter's type. */
int param_parse(const char *name, const struct param *param, const char *text, value *ret,
                struct err *err) MUST_USE;
/* Adds defaults to what was given; every unknown, missing or wrong one is reported. Takes
 * `given`; 0 and *ret, or -1. */
int params_bind(const struct runbook *runbook, value given_taken, value *ret,
                void (*report)(void *user, struct err *err), void *user) MUST_USE;

#endif
