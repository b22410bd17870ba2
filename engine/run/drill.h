/* A drill: a run with the profile that `drill` names. What must hold at its end is asked once all
 * of its steps have succeeded, before `finally`. */
#ifndef RUN_DRILL_H
#define RUN_DRILL_H

#include "run/engine.h"

/* Whether it holds, or this is no drill. Where it does not, the run fails as it does by a step;
 * its error names each condition. */
bool drill_judge(struct run *run);

#endif
