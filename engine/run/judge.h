/* What a result is worth: does it meet `expect`, and which outputs does it yield. */
#ifndef RUN_JUDGE_H
#define RUN_JUDGE_H

#include "lang/step.h"

/* 0 where everything holds that the step expects, or that its type expects where it is silent;
 * else every broken expectation in one message. `run` is `$run`. */
int judge_expect(const struct step *step, value result, const struct expr_input *run,
                 struct err *err) MUST_USE;

/* What a command wrote to the file so far as it can be read; an object, owned. */
value judge_written(const char *output_file);

/* Outputs declared by the step and written to `output_file`. In place of files `known` tells what
 * was in them, where it is an object. */
int judge_outputs(const struct step *step, value result, const struct expr_input *run,
                  const char *output_file, value known, value *ret, struct err *err) MUST_USE;

#endif
