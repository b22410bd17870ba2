/* Gates: questions to people, with who may answer and for how long. */
#ifndef RUN_GATE_H
#define RUN_GATE_H

#include "run/engine.h"

struct gate;
/* Opens it: the record is written, the watcher is asked. `answered` is called from the loop. */
struct gate *gate_new(struct step_ctx *act, const struct step_question *question,
                      void (*answered)(struct step_ctx *act, const struct step_answer *answer));
void gate_cancel(struct gate *gate); /* nobody is asked any more; `answered` is not called */
void gate_free(struct gate *gate);

/* An answer that came in from the watcher. */
void gate_answer(struct run *run, const char *step, const struct step_answer *answer);

#endif
