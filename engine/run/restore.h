/* Results out of a transcript: what expressions see of steps that an engine before this one ran. */
#ifndef RUN_RESTORE_H
#define RUN_RESTORE_H

#include "run/result.h"

/* Of the record that ends an attempt, and of the files of the run's directory that it names.
 * Values that were redacted are gone: whoever asks for one finds nothing, never the mark in its
 * place. A file that is not what the record says is an error. */
int result_restore(struct result *ret, const char *dir, const struct step *step,
                   const struct event *event, struct err *err) MUST_USE;
/* The same with the marks of what was redacted in its place; *ret_marked: whether there are any. */
int result_restore_marked(struct result *ret, const char *dir, const struct step *step,
                          const struct event *event, bool *ret_marked, struct err *err) MUST_USE;

#endif
