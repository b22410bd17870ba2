#include "report/outline.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/vec.h"
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
    struct arena *arena; /* of the rows' texts */
    value no_return;     /* paths of points of no return */
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
    uint32_t *depths;
    const char **reasons; /* why a node is left out, or NULL */
    value *whens;         /* facts, VALUE_NONE where there is no condition */
    const char **paths;
    struct undo *undo;
    value *names; /* paths as values, but for a brief outline; VALUE_NONE: not made yet */
};

static value listing_tell(const struct listing *listing, struct outline_rows *rows);

/* ---- rows ---------------------------------------------------------------------------------- */

static void rows_release(struct outline_rows *rows);

static void row_release(struct outline_row *row) {
    value_free(row->gate);
    value_free(row->losses);
    value_free(row->details);
    mem_free(row->gist);
    if (row->steps.count > 0)
        rows_release(&row->steps);
}

/* Recursion is as deep as containers nest. */
static void rows_release(struct outline_rows *rows) {
    for (size_t i = 0; i < rows->count; i++)
        row_release(&rows->items[i]);
    vec_release(rows);
}

/* Its JSON; releases it. */
static value row_take(struct outline_row *row) {
    const struct step *step = row->step;
    value object = row->details;
    row->details = value_none();
    outline_text_set(&object, "id", step->id);
    outline_text_set(&object, "title", step->title);
    object = value_set(object, "effect", value_word(row->effect));
    object = value_set(object, "wave", value_number(row->wave));
    object = value_set(object, "depth", value_number(row->depth));
    outline_text_set(&object, "skipped", row->skipped);
    outline_objectives_set(&object, row->objectives);
    outline_set(&object, "losses", value_copy(row->losses));
    outline_flag_set(&object, "background", step->background);
    outline_flag_set(&object, "point_of_no_return", step->point_of_no_return);
    row_release(row);
    return object;
}

/* ---- what a row says ----------------------------------------------------------------------- */

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
static void nested_tell(const struct pages *pages, uint32_t index, value undo,
                        struct outline_row *row) {
    const struct listing *listing = pages->listing;
    const struct graph_node *node = graph_node(listing->graph, index);
    struct step_expansion members = {0};
    if (node->role != GRAPH_ACT || listing->nesting >= OUTLINE_DEPTH_MAX ||
        !step_expand(node->step, &members)) {
        return;
    }
    struct plan *plan = listing->telling->plan;
    AUTO_TEXT prefix = mem_printf("%s/", row->path);
    AUTO_VALUE path = value_string(row->path);
    /* What stands in it tells its own handlers one by one. */
    AUTO_VALUE outer = node->step->more->rollback ? value_copy(undo) : names_without(undo, path);
    const struct listing nested = {
        .telling = listing->telling,
        .file = members.runbook ? members.runbook : listing->file,
        .graph = members.runbook ? plan_graph_of(plan, members.runbook->steps)
                                 : plan_graph_of_step(plan, node->step, GRAPH_BODY),
        .prefix = prefix,
        .phase = listing->phase,
        .outer = outer,
        .skipped = row->skipped,
        .nesting = listing->nesting + 1,
        .is_body = !members.runbook,
    };
    if (!nested.graph)
        return;
    value steps = listing_tell(&nested, &row->steps);
    if (!listing->telling->facts->is_brief)
        row->details = value_set(row->details, "steps", steps);
}

/* The path as a value, made when it is first asked for. */
static value name_of(const struct pages *pages, uint32_t node) {
    if (value_is(pages->names[node], VALUE_NONE))
        pages->names[node] = value_string(pages->paths[node]);
    return value_copy(pages->names[node]);
}

static value undo_names(const struct pages *pages, struct undo_list list) {
    value names = value_array();
    for (size_t i = 0; i < list.count; i++)
        names = value_append(names, name_of(pages, list.nodes[i]));
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

static void expected_tell(const struct listing *listing, struct outline_row *row) {
    const struct estimate *estimate = listing->telling->facts->estimate;
    struct estimate_span span;
    if (!estimate)
        return;
    row->is_expected =
        estimate_expect(estimate, row->step, listing->phase, row->path, &row->expected);
    if (listing->telling->facts->is_brief)
        return;
    row->details =
        value_set(row->details, "expected", span_value(row->is_expected, &row->expected));
    value handler = value_get(row->details, "rollback");
    if (value_is(handler, VALUE_OBJECT)) {
        bool is_known = estimate_step(estimate, "rollback", row->path, &span);
        handler = value_set(handler, "expected", span_value(is_known, &span));
        row->details = value_set(row->details, "rollback", handler);
    }
}

/* What stands around it. */
static void details_tell(const struct pages *pages, uint32_t index, value *details) {
    outline_set(details, "path", name_of(pages, index));
    outline_set(details, "needs", needs_value(pages->listing->graph, index));
    outline_set(details, "when", value_copy(pages->whens[index]));
}

static void node_tell(const struct pages *pages, uint32_t index, struct outline_row *row) {
    const struct listing *listing = pages->listing;
    const struct graph_node *node = graph_node(listing->graph, index);
    struct telling *telling = listing->telling;
    const struct outline_file in = {.at = {telling->plan, listing->file},
                                    .needs = &telling->needs,
                                    .sums = telling->sums,
                                    .arena = telling->arena,
                                    .is_brief = telling->facts->is_brief};
    *row = (struct outline_row){
        .step = node->step,
        .path = pages->paths[index],
        .skipped = pages->reasons[index],
        .wave = node->wave,
        .depth = pages->depths[index] - (listing->is_body ? 1 : 0),
        .gate = value_none(),
        .details = in.is_brief ? value_none() : value_object(),
    };
    outline_sums_step(telling->sums, row->path, row->skipped != NULL);
    outline_sum_fact(telling->sums, pages->whens[index]);
    outline_step(&in, row);
    row->losses = outline_sums_losses(telling->sums);
    if (!in.is_brief)
        details_tell(pages, index, &row->details);
    expected_tell(listing, row);
    if (node->step->point_of_no_return && !row->skipped)
        telling->no_return = value_append(telling->no_return, value_string(row->path));
    AUTO_VALUE undo =
        pages->undo && !row->skipped ? undo_tell(pages, index, &row->details) : value_array();
    nested_tell(pages, index, undo, row);
}

/* ---- a list -------------------------------------------------------------------------------- */

/* A condition that is known not to hold leaves the step out, and all that stands in it. */
static void page_prepare(struct pages *pages, uint32_t index) {
    const struct listing *listing = pages->listing;
    const struct plan *plan = listing->telling->plan;
    const struct fact_scope at = {plan, listing->file};
    const struct graph_node *node = graph_node(listing->graph, index);
    pages->paths[index] = *listing->prefix ? arena_printf(listing->telling->arena, "%s%s",
                                                          listing->prefix, node->step->id)
                                           : node->step->id;
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
    pages->whens[index] = fact_of_expr(&at, node->step->more->when);
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
        if (pages->names)
            value_free(pages->names[i]);
    }
    undo_free(pages->undo);
    mem_free(pages->depths);
    mem_free(pages->reasons);
    mem_free(pages->whens);
    mem_free(pages->paths);
    mem_free(pages->names);
}

static void names_prepare(struct pages *pages) {
    const size_t count = graph_count(pages->listing->graph);
    pages->names = mem_calloc(count + 1, sizeof *pages->names);
    for (size_t i = 0; i < count; i++)
        pages->names[i] = value_none();
}

/* The JSON of the steps, or of a brief outline VALUE_NONE, and the rows are added. Recursion is as
 * deep as containers nest, which OUTLINE_DEPTH_MAX bounds. */
static value listing_tell(const struct listing *listing, struct outline_rows *rows) {
    const struct graph *graph = listing->graph;
    const bool is_brief = listing->telling->facts->is_brief;
    const size_t count = graph_count(graph);
    const uint32_t frame = listing->is_body ? 1 : 0, *order = graph_order(graph);
    struct pages pages = {
        .listing = listing,
        .depths = mem_calloc(count + 1, sizeof *pages.depths),
        .reasons = mem_calloc(count + 1, sizeof *pages.reasons),
        .whens = mem_calloc(count + 1, sizeof *pages.whens),
        .paths = mem_calloc(count + 1, sizeof *pages.paths),
    };
    for (uint32_t i = 0; i < count; i++)
        page_prepare(&pages, i);
    if (!is_brief)
        names_prepare(&pages);
    if (!is_brief && text_equal(listing->phase, "run"))
        pages.undo = undo_new(graph, listing->is_body, is_left_out, &pages);
    value steps = is_brief ? value_none() : value_array();
    for (size_t i = 0; i < count; i++) {
        struct outline_row row;
        if (graph_node(graph, order[i])->role == GRAPH_END || pages.depths[order[i]] < frame)
            continue;
        node_tell(&pages, order[i], &row);
        if (is_brief)
            *vec_add(rows) = row;
        else
            steps = value_append(steps, row_take(&row));
    }
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

static value steps_tell(struct telling *telling, const struct graph *graph, const char *phase,
                        struct outline_rows *rows) {
    AUTO_VALUE nothing = value_array();
    const struct listing listing = {
        .telling = telling,
        .file = plan_runbook(telling->plan),
        .graph = graph,
        .prefix = "",
        .phase = phase,
        .outer = nothing,
    };
    return listing_tell(&listing, rows);
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

/* What the runbook says as a whole. */
static value frame_tell(struct telling *telling) {
    const struct outline_facts *facts = telling->facts;
    const struct plan *plan = telling->plan;
    value told = value_object();
    head_tell(&told, plan);
    whole_tell(telling, &told);
    if (plan_runbook(plan)->drill)
        told = value_set(told, "drill", drill_value(telling));
    told = value_set(told, "params", plan_params(plan));
    told = value_set(told, "given", plan_given(plan));
    told = value_set(told, "selection", plan_selection(plan));
    told = value_set(told, "files", plan_files(plan));
    told = value_set(told, "git", value_copy(facts->git));
    told = value_set(told, "policy", value_copy(facts->policy));
    told = value_set(told, "secrets", secrets_value(plan));
    told = value_set(told, "databases", databases_value(plan));
    return value_set(told, "waves", value_number((double)graph_waves(plan_graph(plan))));
}

struct outline *outline_new(struct plan *plan, const struct outline_facts *facts) {
    struct outline *outline = mem_zalloc(sizeof *outline);
    outline->arena = arena_new();
    outline->is_brief = facts->is_brief;
    struct telling telling = {.plan = plan,
                              .facts = facts,
                              .sums = outline_sums_new(),
                              .arena = outline->arena,
                              .no_return = value_array()};
    value told = frame_tell(&telling);
    outline_needs_init(&telling.needs);
    runbook_each_file(plan_runbook(plan), file_needs, &telling);
    outline_set(&told, "steps", steps_tell(&telling, plan_graph(plan), "run", &outline->steps));
    if (plan_finally(plan))
        outline_set(&told, "finally",
                    steps_tell(&telling, plan_finally(plan), "finally", &outline->finally));
    outline_sums_tell(telling.sums, &told);
    told = value_set(told, "point_of_no_return", telling.no_return);
    outline->told = value_set(told, "resources", outline_needs_take(&telling.needs));
    return outline;
}

value outline_take(struct outline *outline) {
    value told = outline->told;
    outline->told = value_none();
    outline_free(outline);
    return told;
}

void outline_free(struct outline *outline) {
    if (!outline)
        return;
    rows_release(&outline->steps);
    rows_release(&outline->finally);
    value_free(outline->told);
    arena_free(outline->arena);
    mem_free(outline);
}
