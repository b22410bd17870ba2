/* A parameter's declaration against values. */
#ifndef LANG_PARAM_H
#define LANG_PARAM_H

#include "lang/runbook.h"

/* Holds a value against type, enum, pattern, min and max. */
int param_check(const char *name, const struct param *param, value given, struct err *err) MUST_USE;
/* Says that `text` is not of the parameter's type; returns -1. */
int param_wrong(const char *name, const struct param *param, const char *text, struct err *err);

#endif
