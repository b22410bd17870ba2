/* Whether the records of a run tell a story that the language allows. */
#ifndef SUPPORT_RUN_STORY_H
#define SUPPORT_RUN_STORY_H

#include "tests/support/run_world.h"

/* Fails the test, with the seed, where they do not. `left`: the engine left at once. */
void story_check(const struct world *world, uint64_t seed, bool left);
/* Whether the undo ledger, told when there were `from` records, is what was undone behind them: all
 * of it, in its order, and nothing else but where a handler failed. */
void story_check_ledger(const struct world *world, uint64_t seed, value ledger, size_t from);

#endif
