/* Whether the records of a run tell a story that the language allows. */
#ifndef SUPPORT_RUN_STORY_H
#define SUPPORT_RUN_STORY_H

#include "tests/support/run_world.h"

/* Fails the test, with the seed, where they do not. `left`: the engine left at once. */
void story_check(const struct world *world, uint64_t seed, bool left);

#endif
