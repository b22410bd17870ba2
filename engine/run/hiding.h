/* Outputs that are marked as secret: nobody is told of them from the moment they are known, and the
 * engine that goes on after this one's death knows them, too. The transcript has only a mark in
 * their place, so the guard of the run remembers them. */
#ifndef RUN_HIDING_H
#define RUN_HIDING_H

#include "run/engine.h"

/* The redactor learns those of `outputs` that the step marks. *ret_any: there is one. */
int hiding_learn(struct run *run, const struct step *step, value outputs, bool *ret_any,
                 struct err *err) MUST_USE;
/* Has them remembered, of the step with this path. */
void hiding_keep(struct run *run, const struct step *step, const char *phase, const char *path,
                 value outputs);
/* Puts those that are remembered into the outputs, which it takes, and learns them. */
value hiding_recall(struct run *run, const struct step *step, const char *phase, const char *path,
                    value outputs_taken);
/* Says so where a value is null that went with the guard, when the machine did. */
void hiding_explain(const struct run *run, struct err *err);

#endif
