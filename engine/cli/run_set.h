/* The runs that a command is to look at: those that are named, or all of the store. */
#ifndef CLI_RUN_SET_H
#define CLI_RUN_SET_H

#include "cli/opts.h"
#include "journal/verify.h"

struct run_set;
/* `all`: oldest first, and then none may be named. `allowed_signers` as seal_check_new. */
int run_set_open(const struct invocation *invocation, bool all, const char *allowed_signers,
                 struct run_set **ret, struct err *err) MUST_USE;
void run_set_free(struct run_set *set);

size_t run_set_count(const struct run_set *set);
const char *run_set_dir(const struct run_set *set, size_t index);
/* The id that a run of the store must have; NULL where it lies elsewhere. */
const char *run_set_id(const struct run_set *set, size_t index);
/* Whether the store has a run of that id. */
bool run_set_has(const struct run_set *set, const char *id);
/* Verifies one, its seals included; the caller frees. */
struct verify *run_set_verify(const struct run_set *set, size_t index);
/* As anchors_missing. */
bool run_set_missing(const struct run_set *set, size_t *cursor, const char **ret_run,
                     const char **ret_by);

#endif
