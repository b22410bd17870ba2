/* The copies that a git repository keeps of finished runs: where they stand in it, and what they
 * say about the runs that the store has now. */
#ifndef CLI_WITNESS_H
#define CLI_WITNESS_H

#include "io/repo.h"
#include "journal/verify.h"

#define WITNESS_FOLDER "runs"

/* Where a file of a run stands in it; the caller frees. */
char *witness_path(const char *run, const char *file);

/* Holds the run against its copy. */
int witness_check(struct repo *repo, struct verify *verify, struct err *err) MUST_USE;

#endif
