/* Runs of the store as reports tell of them. */
#ifndef CLI_REPORTING_H
#define CLI_REPORTING_H

#include "cli/opts.h"
#include "report/report.h"

/* NULL-terminated, in the order of report_formats. */
extern const char *const reporting_formats[], *const reporting_pair_formats[];

/* Reads and verifies a run for each operand; `reports` has room for them, and the caller releases
 * each. Returns 0, or has said what is wrong and returns the exit status: RUN_TRANSCRIPT where one
 * is damaged, and then all of them are known up to the damage. */
int reporting_open(const struct invocation *invocation, struct report *reports);

#endif
