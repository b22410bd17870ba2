/* Before anything runs: secrets, requirements, locks, the run's directory. */
#ifndef RUN_PREPARE_H
#define RUN_PREPARE_H

#include "run/engine.h"

/* Everything that is missing goes to `diag` at once, or one error that ends it to `err`. */
int prepare_run(struct run *run, struct diag *diag, struct err *err) MUST_USE;

#endif
