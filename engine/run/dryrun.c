#include "run/dryrun.h"

#include "base/text.h"

/* A search for a step that was only shown, among those that frames of the same file know. */
struct search {
    const struct frame *frame;
    bool found;
};

static void search_step(struct search *search, const char *id) {
    for (const struct frame *at = search->frame; at && !search->found; at = at->parent) {
        AUTO_VALUE step = value_get(at->steps, id);
        AUTO_VALUE shown = value_get(step, "shown");
        search->found = value_truth(shown);
        if (at->parent && at->parent->file != at->file)
            break;
    }
}

static void search_member(void *user, const char *name, size_t length) {
    AUTO_TEXT id = mem_strndup(name, length);
    search_step(user, id);
}

static void search_expr(void *user, const struct expr *expr) {
    expr_each_member(expr, "steps", search_member, user);
}

static void search_refs(struct search *search, const struct step *step) {
    for (const struct step_ref *ref = step ? step->refs : NULL; ref; ref = ref->next)
        search_step(search, ref->id);
}

bool dryrun_is_unknown(struct node *node) {
    const struct frame *frame = node->frame;
    const struct step *step = node_step(node);
    struct search search = {.frame = frame};
    search_refs(&search, step->dry_run ? step->dry_run : step);
    search_refs(&search, step->done_when);
    const char *name = NULL;
    const struct database *database =
        step->type->results & STEP_HAS_ROWS
            ? plan_database(frame->run->plan, frame->file, step->database, &name)
            : NULL;
    if (database)
        template_each_expr(database->url, search_expr, &search);
    return search.found;
}

bool dryrun_runs(struct node *node, bool *ret_tried) {
    const struct step *step = node_step(node);
    *ret_tried = step->dry_run != NULL;
    if (step->dry_run)
        return true;
    /* A gate or a checklist would ask people about something that does not happen. */
    return step_effect(step) == EFFECT_READ && !step->type->is_passive && !step->background;
}

void dryrun_show(struct node *node) {
    value shown = value_set(value_object(), "status", value_string("skipped"));
    dryrun_count(node->frame->run, DRYRUN_SHOWN);
    node_skip_as(node, "dry run: shown, not run", value_set(shown, "shown", value_bool(true)));
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
