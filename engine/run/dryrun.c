#include "run/dryrun.h"

bool dryrun_runs(const struct step *step, bool *ret_tried) {
    *ret_tried = step->dry_run != NULL;
    if (step->dry_run)
        return true;
    /* A gate or a checklist would ask people about something that does not happen. */
    return step_effect(step) == EFFECT_READ && !step->type->is_passive && !step->background;
}

void dryrun_count(struct run *run, enum dryrun_word word) {
    run->dry_counts[word]++;
}

value dryrun_counts(const struct run *run) {
    static const char *const words[DRYRUN_WORDS] = {"ran", "tried", "shown"};
    value counts = value_object();
    for (size_t i = 0; i < DRYRUN_WORDS; i++)
        counts = value_set(counts, words[i], value_integer((int64_t)run->dry_counts[i]));
    return counts;
}
