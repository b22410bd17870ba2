/* Random runbooks, the same for the same seed: groups, loops, locks, gates, retries, handlers,
 * failures. Each command may be repeated, so that a resumed run settles it by itself. */
#ifndef SUPPORT_RUN_RANDOM_H
#define SUPPORT_RUN_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

void random_seed(uint64_t seed);
unsigned random_below(unsigned most);
bool random_chance(unsigned percent);
char *random_runbook(void); /* the caller frees */

#endif
