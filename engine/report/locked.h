/* A plan in a file: its outline, with a mark for each line of the files that decide what is
 * executed, and the SHA-256 of it all. The same input gives the same bytes. */
#ifndef REPORT_LOCKED_H
#define REPORT_LOCKED_H

#include "plan/plan.h"

#define LOCKED_MAX ((size_t)256 << 20) /* bytes of the file */

/* Writes the outline, which it takes; `ret_sha256` is the plan's. */
int locked_write(const char *path, const struct plan *plan, value outline_taken,
                 char ret_sha256[65], struct err *err) MUST_USE;
/* Reads it back; a file that is not as it was written is refused. The caller frees. */
int locked_read(const char *path, value *ret, struct err *err) MUST_USE;

/* Reports each file that is not what it was, at the first line that differs; `outline` names the
 * step that stands there, or is VALUE_NONE. */
void locked_compare_files(value locked, value outline, void (*report)(void *user, struct err *err),
                          void *user);
/* Reports what else is not what it was: parameters (hidden where the runbook's `redact` says so),
 * commit, house rules, engine. */
void locked_compare(value locked, const struct plan *plan, value outline,
                    void (*report)(void *user, struct err *err), void *user);

#endif
