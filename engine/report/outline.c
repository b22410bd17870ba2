#include "report/outline.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "plan/drill.h"
#include "plan/estimate.h"
#include "plan/undo.h"
#include "report/outline_step.h"

/* Runbooks may call each other and nest so deep; lang refuses more. */
#define OUTLINE_DEPTH_MAX RUNBOOK_MAX_DEPTH

/* ---- lists -------------------------------------------------------------------------------- */

/* What holds for the whole outline. */
struct telling {
    struct plan *plan;
    const struct outline_facts *facts;
    struct outline_needs needs;
    struct outline_sums *sums;
    value no_return; /* paths of points of no return */
};

/* A graph being told. What is nested tells neither the group that is its frame nor skips. */
struct listing {
    struct telling *telling;
    const struct runbook *file;
    const struct graph *graph;
    const char *prefix; /* of paths: "", or "outer/" */
    const char *phase;
    value outer;         /* what would be undone behind it: the ledger of what it stands in */
    const char *skipped; /* why what it stands in is left out, or NULL */
    size_t nesting;
    bool is_body; /* of foreach: the graph of the step itself */
};

/* What the nodes of one graph share while they are told. */
struct pages {
    const struct listing *listing;
    size_t *depths;
    const char **reasons; /* why a node is left out, or NULL */
    value *whens;         /* facts, VALUE_NONE where there is no condition */
    value *paths;
    struct undo *undo;
};

static value listing_value(const struct listing *listing);

/* Needs by name: a group is needed by its END and stands for it. */
static value needs_value(const struct graph *graph, uint32_t node) {
    size_t count = 0;
    const uint32_t *needs = graph_needs(graph, node, &count);
    value names = value_array();
    for (size_t i = 0; i < count; i++) {
        const struct graph_node *need = graph_node(graph, needs[i]);
        if (need->role != GRAPH_BEGIN) {
            names = value_append(names, value_string(need->step->id));
        }
    }
    return names;
}

static value names_without(value names, value name) {
    value kept = value_array();
    for (size_t i = 0; i < value_count(names); i++) {
        AUTO_VALUE item = value_at(names, i);
        if (!value_equal(item, name))
            kept = value_append(kept, value_copy(item));
    }
    return kept;
}

/* The members of what has a graph of its own: a foreach over a group, a called runbook. */
static value nested_value(const struct pages *pages, uint32_t index, value undo) {
    const struct listing *listing = pages->listing;
    const struct graph_node *node = graph_node(listing->graph, index);
    value path = pages->paths[index];
    struct step_expansion members = {0};
    if (node->role != GRAPH_ACT || listing->nesting >= OUTLINE_DEPTH_MAX ||
        !step_expand(node->step, &members)) {
        return value_none();
    }
    struct plan *plan = listing->telling->plan;
    AUTO_TEXT prefix = mem_printf("%s/", value_text(path));
    /* What stands in it tells its own handlers one by one. */
    AUTO_VALUE outer = node->step->rollback ? value_copy(undo) : names_without(undo, path);
    const struct listing nested = {
        .telling = listing->telling,
        .file = members.runbook ? members.runbook : listing->file,
        .graph = members.runbook ? plan_graph_of(plan, members.runbook->steps)
                                 : plan_graph_of_step(plan, node->step, GRAPH_BODY),
        .prefix = prefix,
        .phase = listing->phase,
        .outer = outer,
        .skipped = pages->reasons[index],
        .nesting = listing->nesting + 1,
        .is_body = !members.runbook,
    };
    return nested.graph ? listing_value(&nested) : value_none();
}

static value undo_names(const struct pages *pages, struct undo_list list) {
    value names = value_array();
    for (size_t i = 0; i < list.count; i++)
        names = value_append(names, value_copy(pages->paths[list.nodes[i]]));
    return names;
}

/* What would be undone if the step failed: of its own graph, then of what that stands in. */
static value undo_tell(const struct pages *pages, uint32_t index, value *object) {
    struct undo_list certain = undo_certain(pages->undo, index);
    struct undo_list beside = undo_beside(pages->undo, index);
    value names = undo_names(pages, certain);
    size_t total = certain.total + value_count(pages->listing->outer);
    for (size_t i = 0; i < value_count(pages->listing->outer); i++)
        if (value_count(names) < UNDO_MOST)
            names = value_append(names, value_at(pages->listing->outer, i));
    *object = value_set(*object, "undo", value_copy(names));
    outline_integer_set(object, "undo_more", (int64_t)(total - value_count(names)));
    if (beside.count > 0)
        *object = value_set(*object, "undo_beside", undo_names(pages, beside));
    return names;
}

static value span_value(bool is_known, const struct estimate_span *span) {
    if (!is_known)
        return value_null();
    value expected = value_set(value_object(), "p50_ms", value_integer(span->p50_ms));
    expected = value_set(expected, "p90_ms", value_integer(span->p90_ms));
    return value_set(expected, "runs", value_integer(span->count));
}

static void expected_tell(const struct listing *listing, const struct step *step, value path,
                          value *object) {
    const struct estimate *estimate = listing->telling->facts->estimate;
    struct estimate_span span;
    if (!estimate)
        return;
    bool is_known = estimate_expect(estimate, step, listing->phase, value_text(path), &span);
    if (is_known || !listing->telling->facts->is_brief)
        *object = value_set(*object, "expected", span_value(is_known, &span));
    if (listing->telling->facts->is_brief)
        return;
    value handler = value_get(*object, "rollback");
    if (value_is(handler, VALUE_OBJECT)) {
        is_known = estimate_step(estimate, "rollback", value_text(path), &span);
        handler = value_set(handler, "expected", span_value(is_known, &span));
        *object = value_set(*object, "rollback", handler);
    }
}

static value node_value(const struct pages *pages, uint32_t index) {
    const struct listing *listing = pages->listing;
    const struct graph_node *node = graph_node(listing->graph, index);
    struct telling *telling = listing->telling;
    const struct outline_file in = {{telling->plan, listing->file},
                                    &telling->needs,
                                    telling->sums,
                                    telling->facts->is_brief,
                                    NULL};
    const size_t frame = listing->is_body ? 1 : 0;
    outline_sums_step(telling->sums, pages->paths[index], pages->reasons[index] != NULL);
    outline_sum_fact(telling->sums, pages->whens[index]);
    value object = outline_step(&in, node->step);
    outline_set(&object, "losses", outline_sums_losses(telling->sums));
    object = value_set(object, "wave", value_number(node->wave));
    if (!in.is_brief || pages->depths[index] > frame)
        object = value_set(object, "depth", value_number((double)(pages->depths[index] - frame)));
    if (!in.is_brief) {
        object = value_set(object, "path", value_copy(pages->paths[index]));
        object = value_set(object, "needs", needs_value(listing->graph, index));
    }
    outline_set(&object, "when", value_copy(pages->whens[index]));
    outline_text_set(&object, "skipped", pages->reasons[index]);
    expected_tell(listing, node->step, pages->paths[index], &object);
    if (node->step->point_of_no_return && !pages->reasons[index])
        telling->no_return = value_append(telling->no_return, value_copy(pages->paths[index]));
    AUTO_VALUE undo =
        pages->undo && !pages->reasons[index] ? undo_tell(pages, index, &object) : value_array();
    outline_set(&object, "steps", nested_value(pages, index, undo));
    return object;
}

/* A condition that is known not to hold leaves the step out, and all that stands in it. */
static void page_prepare(struct pages *pages, uint32_t index) {
    const struct listing *listing = pages->listing;
    const struct plan *plan = listing->telling->plan;
    const struct fact_scope at = {plan, listing->file};
    const struct graph_node *node = graph_node(listing->graph, index);
    if (*listing->prefix) {
        AUTO_TEXT path = mem_printf("%s%s", listing->prefix, node->step->id);
        pages->paths[index] = value_string(path);
    } else {
        pages->paths[index] = value_string(node->step->id);
    }
    pages->whens[index] = value_none();
    pages->depths[index] = 0;
    pages->reasons[index] = listing->skipped;
    if (node->group != GRAPH_NONE) {
        pages->depths[index] = pages->depths[node->group] + 1;
        pages->reasons[index] = pages->reasons[node->group];
    }
    if (node->role == GRAPH_END) {
        pages->reasons[index] = pages->reasons[node->peer];
        return;
    }
    pages->whens[index] = fact_of_expr(&at, node->step->when);
    const char *reason = fact_skip_reason(&at, listing->graph, index, pages->whens[index]);
    if (!pages->reasons[index])
        pages->reasons[index] = reason;
}

static bool is_left_out(void *user, uint32_t node) {
    const struct pages *pages = user;
    return pages->reasons[node] != NULL;
}

static void pages_release(struct pages *pages) {
    for (size_t i = 0; i < graph_count(pages->listing->graph); i++) {
        value_free(pages->whens[i]);
        value_free(pages->paths[i]);
    }
    undo_free(pages->undo);
    mem_free(pages->depths);
    mem_free(pages->reasons);
    mem_free(pages->whens);
    mem_free(pages->paths);
}

/* Recursion is as deep as containers nest, which OUTLINE_DEPTH_MAX bounds. */
static value listing_value(const struct listing *listing) {
    const struct graph *graph = listing->graph;
    const size_t count = graph_count(graph), frame = listing->is_body ? 1 : 0;
    const uint32_t *order = graph_order(graph);
    struct pages pages = {
        .listing = listing,
        .depths = mem_calloc(count + 1, sizeof *pages.depths),
        .reasons = mem_calloc(count + 1, sizeof *pages.reasons),
        .whens = mem_calloc(count + 1, sizeof *pages.whens),
        .paths = mem_calloc(count + 1, sizeof *pages.paths),
    };
    value steps = value_array();
    for (uint32_t i = 0; i < count; i++)
        page_prepare(&pages, i);
    if (text_equal(listing->phase, "run") && !listing->telling->facts->is_brief)
        pages.undo = undo_new(graph, listing->is_body, is_left_out, &pages);
    for (size_t i = 0; i < count; i++)
        if (graph_node(graph, order[i])->role != GRAPH_END && pages.depths[order[i]] >= frame)
            steps = value_append(steps, node_value(&pages, order[i]));
    pages_release(&pages);
    return steps;
}

/* ---- the runbook -------------------------------------------------------------------------- */

/* The text alone: where a secret stands in it, its name. */
static value text_of(const struct plan *plan, const struct runbook *file,
                     const struct template *tmpl) {
    const struct fact_scope at = {plan, file};
    AUTO_VALUE fact = fact_of_template(&at, tmpl);
    return value_get(fact, "text");
}

static value secrets_value(const struct plan *plan) {
    value list = value_array();
    const struct runbook *runbook = plan_runbook(plan);
    for (size_t i = 0; i < runbook->secrets.count; i++) {
        const char *name = runbook->secrets.keys[i];
        value object = value_set(value_object(), "name", value_string(name));
        const struct secret_source *source = plan_secret(plan, runbook, name);
        if (!source) {
            list = value_append(list, object);
            continue;
        }
        AUTO_TEXT from = source->env ? mem_printf("environment variable %s", source->env) : NULL;
        outline_text_set(&object, "from", from);
        outline_set(&object, "file", text_of(plan, runbook, source->file));
        outline_names_set(&object, "command", &source->command);
        list = value_append(list, object);
    }
    return list;
}

static value databases_value(const struct plan *plan) {
    const struct runbook *runbook = plan_runbook(plan);
    value list = value_array();
    for (size_t i = 0; i < runbook->databases.count; i++) {
        const char *name = runbook->databases.keys[i];
        const struct database *database = plan_database(plan, runbook, name, NULL);
        value object = value_set(value_object(), "name", value_string(name));
        if (database) {
            outline_set(&object, "url", text_of(plan, runbook, database->url));
            outline_text_set(&object, "target", database->target);
            outline_flag_set(&object, "protected", database->is_protected);
        }
        list = value_append(list, object);
    }
    return list;
}

static value texts_of(const struct plan *plan, const struct field_list *templates) {
    value list = value_array();
    for (size_t i = 0; i < templates->count; i++)
        list = value_append(
            list, text_of(plan, plan_runbook(plan), FIELD_AT(struct template *, templates, i)));
    return list;
}

static value requires_value(const struct plan *plan, const struct requires *requires) {
    value object = value_set(value_object(), "is", value_word("live"));
    outline_names_set(&object, "commands", &requires->commands);
    outline_names_set(&object, "env", &requires->env);
    if (requires->files.count > 0)
        object = value_set(object, "files", texts_of(plan, &requires->files));
    value disks = value_array();
    for (size_t i = 0; i < requires->disk_free.count; i++) {
        const struct requires_disk *disk = &FIELD_AT(struct requires_disk, &requires->disk_free, i);
        value room =
            value_set(value_object(), "path", text_of(plan, plan_runbook(plan), disk->path));
        disks = value_append(disks, value_set(room, "at_least", value_integer(disk->at_least)));
    }
    if (value_count(disks) > 0)
        return value_set(object, "disk_free", disks);
    value_free(disks);
    return object;
}

static void head_tell(value *outline, const struct plan *plan) {
    const struct runbook *runbook = plan_runbook(plan);
    outline_text_set(outline, "runbook", runbook->path);
    outline_text_set(outline, "name", runbook->name);
    outline_text_set(outline, "title", runbook->title);
    outline_text_set(outline, "description", runbook->description);
    outline_text_set(outline, "owner", runbook->owner);
    outline_text_set(outline, "lock", runbook_lock(runbook));
    outline_text_set(outline, "schedule", runbook->schedule);
    outline_text_set(outline, "profile", plan_profile(plan));
    outline_text_set(outline, "plan_sha256", plan_hash(plan));
    outline_integer_set(outline, "language", runbook->language);
    outline_text_set(outline, "engine", RUNBOOK_VERSION);
    outline_objectives_set(outline, runbook->objectives);
    if (runbook->requires) {
        *outline = value_set(*outline, "requires", requires_value(plan, runbook->requires));
    }
}

/* ---- what it needs ------------------------------------------------------------------------- */

static void file_needs(void *user, const struct runbook *file) {
    struct telling *telling = user;
    for (const struct named_file *named = file->named_files; named; named = named->next)
        outline_need_file(&telling->needs, named->path);
    for (size_t i = 0; file->requires && i < file->requires->commands.count; i++)
        outline_need_command(&telling->needs, FIELD_AT(const char *, &file->requires->commands, i));
    for (size_t i = 0; file->requires && i < file->requires->files.count; i++) {
        AUTO_VALUE path =
            text_of(telling->plan, file, FIELD_AT(struct template *, &file->requires->files, i));
        outline_need_file(&telling->needs, value_text(path));
    }
    for (size_t i = 0; i < file->secrets.count; i++) {
        const struct secret_source *source =
            plan_secret(telling->plan, file, file->secrets.keys[i]);
        AUTO_VALUE path = source ? text_of(telling->plan, file, source->file) : value_none();
        if (value_is(path, VALUE_STRING))
            outline_need_file(&telling->needs, value_text(path));
        if (source && source->command.count > 0)
            outline_need_command(&telling->needs, FIELD_AT(const char *, &source->command, 0));
    }
}

/* ---- the whole ----------------------------------------------------------------------------- */

static value steps_value(struct telling *telling, const struct graph *graph, const char *phase) {
    AUTO_VALUE nothing = value_array();
    const struct listing listing = {
        .telling = telling,
        .file = plan_runbook(telling->plan),
        .graph = graph,
        .prefix = "",
        .phase = phase,
        .outer = nothing,
    };
    return listing_value(&listing);
}

/* How long it all takes, and whether that is what was promised. */
static void whole_tell(const struct telling *telling, value *outline) {
    const struct objectives *objectives = plan_runbook(telling->plan)->objectives;
    struct estimate_span span;
    if (!telling->facts->estimate)
        return;
    bool is_known = estimate_whole(telling->facts->estimate, &span);
    *outline = value_set(*outline, "expected", span_value(is_known, &span));
    if (!objectives || objectives->rto_ms <= 0)
        return;
    value told = value_get(*outline, "objectives");
    told = value_set(told, "rto_expected",
                     is_known ? value_bool(span.p90_ms <= objectives->rto_ms) : value_null());
    *outline = value_set(*outline, "objectives", told);
}

/* How the runbook is rehearsed, and whether that is due by the runs in the store. */
static value drill_value(const struct telling *telling) {
    const struct runbook *runbook = plan_runbook(telling->plan);
    const struct drill *drill = runbook->drill;
    char last[CLOCK_TEXT_SIZE];
    int64_t last_ns = 0;
    value object = value_object();
    outline_text_set(&object, "profile", drill->profile);
    outline_integer_set(&object, "every_ms", drill->every_ms);
    if (!telling->facts->estimate)
        return object;
    const bool found = drill_last(runbook->name, drill->profile, &last_ns);
    if (found)
        clock_format(last_ns, last);
    object = value_set(object, "last", found ? value_string(last) : value_null());
    if (drill->every_ms <= 0)
        return object;
    const bool is_due = !found || clock_wall_ns() - last_ns >= drill->every_ms * NS_PER_MS;
    return value_set(object, "due", value_bool(is_due));
}

value outline_new(struct plan *plan, const struct outline_facts *facts) {
    struct telling telling = {
        .plan = plan, .facts = facts, .sums = outline_sums_new(), .no_return = value_array()};
    const struct graph *graph = plan_graph(plan), *finally = plan_finally(plan);
    value outline = value_object();
    head_tell(&outline, plan);
    whole_tell(&telling, &outline);
    if (plan_runbook(plan)->drill)
        outline = value_set(outline, "drill", drill_value(&telling));
    outline_needs_init(&telling.needs);
    runbook_each_file(plan_runbook(plan), file_needs, &telling);
    outline = value_set(outline, "params", plan_params(plan));
    outline = value_set(outline, "given", plan_given(plan));
    outline = value_set(outline, "selection", plan_selection(plan));
    outline = value_set(outline, "files", plan_files(plan));
    outline = value_set(outline, "git", value_copy(facts->git));
    outline = value_set(outline, "policy", value_copy(facts->policy));
    outline = value_set(outline, "secrets", secrets_value(plan));
    outline = value_set(outline, "databases", databases_value(plan));
    outline = value_set(outline, "waves", value_number((double)graph_waves(graph)));
    outline = value_set(outline, "steps", steps_value(&telling, graph, "run"));
    if (finally)
        outline = value_set(outline, "finally", steps_value(&telling, finally, "finally"));
    outline_sums_tell(telling.sums, &outline);
    outline = value_set(outline, "point_of_no_return", telling.no_return);
    return value_set(outline, "resources", outline_needs_take(&telling.needs));
}
