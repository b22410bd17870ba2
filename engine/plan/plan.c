#include "plan/plan.h"

#include "base/file.h"
#include "base/map.h"
#include "base/text.h"
#include "base/vec.h"
#include "plan/gates.h"
#include "plan/params.h"
#include "secret/digest.h"

struct plan {
    struct runbook *runbook;
    const struct profile *profile;
    const char *profile_name;
    struct graph *graph, *finally;
    VEC(struct graph *) kept; /* of a list, or of one step alone */
    struct map *kept_by;      /* the same, by list or step and whether it is a body's */
    value params, selection;
    value given, files;
    value gathered;       /* what people and the profile gave, before it is bound */
    const char **reasons; /* a node of `graph`: why it is left out, or NULL */
    char hash[DIGEST_TEXT_SIZE];
};

static void report_to_diag(void *user, struct err *err) {
    diag_report(user, err);
}

/* ---- parameters --------------------------------------------------------------------------- */

/* What profile and defaults say, for a plan that is only checked; null is not known. */
static value params_likely(const struct plan *plan) {
    value likely = params_of_profile(plan->profile);
    for (size_t i = 0; i < plan->runbook->params.count; i++) {
        const struct param *param = &FIELD_AT(struct param, &plan->runbook->params, i);
        const char *name = plan->runbook->params.keys[i];
        AUTO_VALUE known = value_get(likely, name);
        value fallback = value_null();
        if (!value_is(known, VALUE_NONE))
            continue;
        if (param->fallback && template_render(param->fallback, NULL, &fallback, NULL) < 0)
            fallback = value_null();
        likely = value_set(likely, name, fallback);
    }
    return likely;
}

/* Gathered once, when a field first looks at one, or behind the load. */
static void params_gather(struct plan *plan, const struct plan_options *options,
                          struct diag *diag) {
    if (value_is(plan->gathered, VALUE_OBJECT))
        return;
    value of_profile = params_of_profile(plan->profile);
    value said = options->shape_only ? value_object()
                                     : params_said(plan->runbook, options, of_profile, diag);
    for (size_t i = 0; i < plan->runbook->params.count; i++) {
        const char *name = plan->runbook->params.keys[i];
        AUTO_VALUE known = value_get(said, name);
        if (!value_is(known, VALUE_NONE))
            plan->given = value_append(plan->given, value_string(name));
    }
    plan->gathered = value_merge(of_profile, said);
}

struct loading {
    struct plan *plan;
    const struct plan_options *options;
    struct diag *diag;
};

static value param_given(void *user, struct runbook *runbook, const char *name) {
    struct loading *loading = user;
    struct plan *plan = loading->plan;
    const char *profile = loading->options->profile;
    plan->runbook = runbook;
    /* Whether there is such a profile is told behind the load. */
    plan->profile = profile ? FIELD_FIND(struct profile, &runbook->profiles, profile) : NULL;
    params_gather(plan, loading->options, loading->diag);
    return value_get(plan->gathered, name);
}

/* ---- selection ---------------------------------------------------------------------------- */

static uint32_t selected_find(const struct plan *plan, const char *flag, const char *id,
                              struct diag *diag) {
    uint32_t node = graph_find(plan->graph, id);
    if (node != GRAPH_NONE)
        return node;
    AUTO_ERR err = ERR_INIT;
    VEC(const char *) ids = {0};
    for (uint32_t i = 0; i < graph_count(plan->graph); i++)
        *vec_add(&ids) = graph_node(plan->graph, i)->step->id;
    const char *near = text_suggest(id, ids.items, ids.count);
    err_set(&err, ERR_INVALID, "%s names `%s`, which is no step of this runbook", flag, id);
    if (near)
        err_hint(&err, "did you mean `%s`?", near);
    vec_release(&ids);
    diag_report(diag, &err);
    return GRAPH_NONE;
}

/* A group stands for all of its nodes, which are contiguous. */
static uint32_t last_of(const struct plan *plan, uint32_t node) {
    const struct graph_node *first = graph_node(plan->graph, node);
    return first->role == GRAPH_BEGIN ? first->peer : node;
}

static void only_apply(struct plan *plan, const char *const *ids, struct diag *diag) {
    size_t count = graph_count(plan->graph);
    bool *wanted = mem_calloc(count + 1, sizeof *wanted);
    for (; *ids; ids++) {
        uint32_t node = selected_find(plan, "--only", *ids, diag);
        if (node == GRAPH_NONE)
            continue;
        for (uint32_t i = node; i <= last_of(plan, node); i++)
            wanted[i] = true;
        for (uint32_t g = graph_node(plan->graph, node)->group; g != GRAPH_NONE;
             g = graph_node(plan->graph, g)->group)
            wanted[g] = wanted[graph_node(plan->graph, g)->peer] = true;
    }
    for (uint32_t i = 0; i < count; i++)
        if (!wanted[i])
            plan->reasons[i] = "left out by --only";
    mem_free(wanted);
}

static void skip_apply(struct plan *plan, const char *flag, const char *id, const char *reason,
                       struct diag *diag) {
    uint32_t node = selected_find(plan, flag, id, diag);
    if (node == GRAPH_NONE)
        return;
    for (uint32_t i = node; i <= last_of(plan, node); i++)
        plan->reasons[i] = reason;
}

/* Everything that the step needs, directly or not, is left out. */
static void from_apply(struct plan *plan, const char *id, struct diag *diag) {
    uint32_t start = selected_find(plan, "--from", id, diag);
    VEC(uint32_t) open = {0};
    if (start == GRAPH_NONE)
        return;
    *vec_add(&open) = start;
    bool *seen = mem_calloc(graph_count(plan->graph), sizeof *seen);
    while (open.count) {
        uint32_t node = open.items[--open.count];
        size_t count;
        const uint32_t *needs = graph_needs(plan->graph, node, &count);
        for (size_t i = 0; i < count; i++) {
            if (seen[needs[i]])
                continue;
            seen[needs[i]] = true;
            *vec_add(&open) = needs[i];
            /* A group that holds the step must be entered. */
            const struct graph_node *need = graph_node(plan->graph, needs[i]);
            bool encloses = need->role == GRAPH_BEGIN && needs[i] < start && need->peer > start;
            if (!encloses)
                plan->reasons[needs[i]] = "left out by --from";
        }
    }
    mem_free(seen);
    vec_release(&open);
}

static void selection_apply(struct plan *plan, const struct plan_options *options,
                            struct diag *diag) {
    mem_free(plan->reasons);
    plan->reasons = mem_calloc(graph_count(plan->graph) + 1, sizeof *plan->reasons);
    if (options->only)
        only_apply(plan, options->only, diag);
    if (options->from)
        from_apply(plan, options->from, diag);
    for (const char *const *id = options->skip; id && *id; id++)
        skip_apply(plan, "--skip", *id, "left out by --skip", diag);
    for (size_t i = 0; plan->profile && i < plan->profile->skip.count; i++)
        skip_apply(plan, "the profile's `skip`", FIELD_AT(const char *, &plan->profile->skip, i),
                   "left out by the profile", diag);
}

static value list_value(const char *const *items) {
    value list = value_array();
    for (; items && *items; items++)
        list = value_append(list, value_string(*items));
    return list;
}

static value selection_value(const struct plan_options *options) {
    if (!options->only && !options->from && !options->skip)
        return value_null();
    value selection = value_set(value_object(), "only", list_value(options->only));
    selection = value_set(selection, "from", value_string(options->from));
    return value_set(selection, "skip", list_value(options->skip));
}

/* ---- graphs ------------------------------------------------------------------------------- */

static void keep(struct plan *plan, const void *key, enum graph_scope scope, struct graph *graph) {
    AUTO_TEXT name = mem_printf("%p %d", key, (int)scope);
    *vec_add(&plan->kept) = graph;
    if (!map_get(plan->kept_by, name))
        map_put(plan->kept_by, name, graph);
}

/* Checks the order of one graph's inner lists; new ones are queued. `ids` are those of a file. */
struct walk {
    struct plan *plan;
    struct diag *diag;
    VEC(const struct graph *) open;
    const struct graph *first; /* of the file: it knows its own ids, and each is unique there */
    struct map *ids;           /* of all others */
};

static const struct step *walk_find(const struct walk *walk, const char *id) {
    uint32_t node = graph_find(walk->first, id);
    return node != GRAPH_NONE ? graph_node(walk->first, node)->step : map_get(walk->ids, id);
}

static void walk_id(struct walk *walk, const struct step *step) {
    const struct step *seen = step->id ? walk_find(walk, step->id) : NULL;
    if (seen && seen != step && seen->more->rollback != step) {
        AUTO_ERR err = ERR_INIT;
        err_at(&err, step->span, "the id `%s` is used twice", step->id);
        err_hint(&err, "ids are unique in a file; the other is in line %u", seen->span.line);
        diag_report(walk->diag, &err);
    } else if (step->id && !seen) {
        map_put(walk->ids, step->id, (void *)(uintptr_t)step);
    }
}

static void walk_body(struct walk *walk, const struct step *step) {
    struct step_expansion inner = {0};
    if (!step->type || !step->type->expand || !step_expand(step, &inner) || !inner.steps)
        return;
    struct graph *graph = graph_new(&(struct step_list){&step, 1}, GRAPH_BODY, walk->diag);
    if (!graph)
        return;
    keep(walk->plan, step, GRAPH_BODY, graph);
    *vec_add(&walk->open) = graph;
}

static void walk_graph(struct walk *walk, const struct graph *graph) {
    if (!walk->first)
        walk->first = graph;
    *vec_add(&walk->open) = graph;
    while (walk->open.count) {
        const struct graph *next = walk->open.items[--walk->open.count];
        for (uint32_t i = 0; i < graph_count(next); i++) {
            const struct graph_node *node = graph_node(next, i);
            if (node->role == GRAPH_END)
                continue;
            if (next != walk->first)
                walk_id(walk, node->step);
            if (node->role == GRAPH_ACT)
                walk_body(walk, node->step);
            if (!node->step->more->rollback)
                continue;
            walk_id(walk, node->step->more->rollback);
            walk_body(walk, node->step->more->rollback);
        }
    }
}

static void file_check(void *user, const struct runbook *file) {
    struct walk *walk = user;
    struct plan *plan = walk->plan;
    walk->ids = map_new_borrowing(0);
    walk->first = NULL;
    bool is_root = file == plan->runbook;
    const struct step_list none = {NULL, 0};
    struct graph *steps = graph_new(file->steps ? file->steps : &none, GRAPH_LIST, walk->diag);
    struct graph *finally = file->finally ? graph_new(file->finally, GRAPH_LIST, walk->diag) : NULL;
    if (steps)
        walk_graph(walk, steps);
    if (finally)
        walk_graph(walk, finally);
    if (is_root) {
        plan->graph = steps;
        plan->finally = finally;
    } else {
        if (steps)
            keep(plan, file->steps, GRAPH_LIST, steps);
        if (finally)
            keep(plan, file->finally, GRAPH_LIST, finally);
    }
    map_free(walk->ids);
}

static void graphs_make(struct plan *plan, struct diag *diag) {
    struct walk walk = {.plan = plan, .diag = diag};
    runbook_each_load(plan->runbook, file_check, &walk);
    vec_release(&walk.open);
}

static const struct graph *kept_find(const struct plan *plan, const void *key,
                                     enum graph_scope scope) {
    AUTO_TEXT name = mem_printf("%p %d", key, (int)scope);
    return map_get(plan->kept_by, name);
}

const struct graph *plan_graph_of(struct plan *plan, const struct step_list *steps) {
    return kept_find(plan, steps, GRAPH_LIST);
}

const struct graph *plan_graph_of_step(struct plan *plan, const struct step *step,
                                       enum graph_scope scope) {
    const struct graph *graph = kept_find(plan, step, scope);
    if (graph)
        return graph;
    struct graph *made = graph_new(&(struct step_list){&step, 1}, scope, NULL);
    keep(plan, step, scope, made);
    return made;
}

const struct graph *plan_group_body(struct plan *plan, const struct graph_node *node) {
    struct step_expansion inner = {0};
    const bool is_group = node->role == GRAPH_ACT && node->step->type && node->step->type->expand &&
                          step_expand(node->step, &inner) && inner.steps;
    return is_group ? plan_graph_of_step(plan, node->step, GRAPH_BODY) : NULL;
}

size_t plan_step_count(struct plan *plan) {
    VEC(const struct graph *) open = {0};
    size_t count = 0;
    *vec_add(&open) = plan->graph;
    while (open.count) {
        const struct graph *graph = open.items[--open.count];
        for (uint32_t i = 0; i < graph_count(graph); i++) {
            const struct graph_node *node = graph_node(graph, i);
            const struct graph *body =
                node->step->more->foreach ? NULL : plan_group_body(plan, node);
            if (body)
                *vec_add(&open) = body;
            else
                count += node->role == GRAPH_ACT;
        }
    }
    vec_release(&open);
    return count;
}

/* ---- hash --------------------------------------------------------------------------------- */

static void hash_field(struct digest *digest, const char *label, const char *bytes, size_t length) {
    AUTO_TEXT head = mem_printf("%s %zu\n", label, length);
    digest_update(digest, head, strlen(head));
    digest_update(digest, bytes, length);
}

struct hashing {
    struct digest *digest;
    struct diag *diag;
    value *files;
};

static void hash_bytes(const struct hashing *hashing, const char *path, const char *bytes,
                       size_t length) {
    char sha256[DIGEST_TEXT_SIZE];
    digest_text(bytes, length, sha256);
    value file = value_set(value_object(), "path", value_string(path));
    file = value_set(file, "sha256", value_string(sha256));
    file = value_set(file, "bytes", value_integer((int64_t)length));
    *hashing->files = value_append(*hashing->files, file);
}

static void hash_named(const struct hashing *hashing, const struct named_file *named) {
    AUTO_TEXT bytes = NULL;
    AUTO_ERR err = ERR_INIT;
    size_t length;
    if (file_read(named->place, NAMED_FILE_MAX, &bytes, &length, &err) < 0) {
        diag_report(hashing->diag, &err);
        return;
    }
    hash_field(hashing->digest, "named path", named->path, strlen(named->path));
    hash_field(hashing->digest, "named file", bytes, length);
    hash_bytes(hashing, named->path, bytes, length);
}

static void hash_file(void *user, const struct runbook *file) {
    const struct hashing *hashing = user;
    hash_field(hashing->digest, "path", file->path, strlen(file->path));
    hash_field(hashing->digest, "file", file->bytes, file->length);
    hash_bytes(hashing, file->path, file->bytes, file->length);
    for (const struct named_file *named = file->named_files; named; named = named->next)
        hash_named(hashing, named);
}

static void hash_value(struct digest *digest, const char *label, value item) {
    AUTO_TEXT text = value_to_json(item);
    hash_field(digest, label, text, strlen(text));
}

static void hash_make(struct plan *plan, struct diag *diag) {
    struct digest *digest = digest_new();
    struct hashing hashing = {digest, diag, &plan->files};
    runbook_each_file(plan->runbook, hash_file, &hashing);
    hash_value(digest, "params", plan->params);
    hash_value(digest, "selection", plan->selection);
    const char *profile = plan->profile_name ? plan->profile_name : "";
    hash_field(digest, "profile", profile, strlen(profile));
    digest_finish(digest, plan->hash);
    digest_free(digest);
}

/* ---- plan --------------------------------------------------------------------------------- */

static void profile_choose(struct plan *plan, const char *name, struct diag *diag) {
    if (!name)
        return;
    const struct field_map *profiles = &plan->runbook->profiles;
    plan->profile = FIELD_FIND(struct profile, profiles, name);
    if (plan->profile) {
        /* The runbook's own: the name that was asked for may not live as long as the plan. */
        plan->profile_name = profiles->keys[plan->profile - (struct profile *)profiles->items];
        return;
    }
    AUTO_ERR err = ERR_INIT;
    const char *near =
        text_suggest(name, plan->runbook->profiles.keys, plan->runbook->profiles.count);
    err_set(&err, ERR_INVALID, "`%s` has no profile `%s`", plan->runbook->name, name);
    if (near)
        err_hint(&err, "did you mean `%s`?", near);
    diag_report(diag, &err);
}

/* As the plan would be with each of the profiles chosen. Of their names the file's own check has
 * told already. */
static void profiles_check(struct plan *plan, const struct plan_options *options,
                           struct diag *diag) {
    struct diag *told = diag_new();
    for (size_t i = 0; i < plan->runbook->profiles.count; i++) {
        const char *name = plan->runbook->profiles.keys[i];
        struct diag *of_profile = diag_new();
        profile_choose(plan, name, told);
        selection_apply(plan, options, told);
        gates_check(plan, of_profile);
        diag_take(diag, of_profile, name);
        diag_free(of_profile);
    }
    plan->profile = NULL;
    plan->profile_name = NULL;
    selection_apply(plan, options, told);
    diag_free(told);
}

struct plan *plan_new(const struct plan_options *options, struct diag *diag) {
    struct plan *plan = mem_zalloc(sizeof *plan);
    plan->params = plan->selection = value_null();
    plan->gathered = value_none();
    plan->given = value_array();
    plan->files = value_array();
    plan->kept_by = map_new();
    struct loading loading = {plan, options, diag};
    struct runbook_given given = {param_given, &loading};
    plan->runbook = runbook_load_with(options->path, options->copies, &given, diag);
    if (plan->runbook)
        graphs_make(plan, diag);
    if (plan->runbook && plan->graph && !diag_count(diag)) {
        profile_choose(plan, options->profile, diag);
        selection_apply(plan, options, diag);
        plan->selection = selection_value(options);
    }
    if (plan->runbook && plan->graph)
        gates_check(plan, diag);
    if (plan->runbook && plan->graph && options->shape_only && !options->profile)
        profiles_check(plan, options, diag);
    if (plan->runbook && !diag_count(diag) && !options->shape_only) {
        value bound;
        params_gather(plan, options, diag);
        if (params_bind(plan->runbook, value_copy(plan->gathered), &bound, report_to_diag, diag) ==
            0)
            plan->params = bound;
    }
    if (plan->runbook && !diag_count(diag) && options->shape_only)
        plan->params = params_likely(plan);
    if (!diag_count(diag) && !options->shape_only)
        hash_make(plan, diag);
    if (diag_count(diag)) {
        plan_free(plan);
        return NULL;
    }
    return plan;
}

void plan_free(struct plan *plan) {
    if (!plan)
        return;
    for (size_t i = 0; i < plan->kept.count; i++)
        graph_free(plan->kept.items[i]);
    vec_release(&plan->kept);
    map_free(plan->kept_by);
    graph_free(plan->graph);
    graph_free(plan->finally);
    mem_free(plan->reasons);
    value_free(plan->params);
    value_free(plan->selection);
    value_free(plan->given);
    value_free(plan->gathered);
    value_free(plan->files);
    runbook_free(plan->runbook);
    mem_free(plan);
}

const struct runbook *plan_runbook(const struct plan *plan) {
    return plan->runbook;
}

const struct graph *plan_graph(const struct plan *plan) {
    return plan->graph;
}

const struct graph *plan_finally(const struct plan *plan) {
    return plan->finally;
}

value plan_params(const struct plan *plan) {
    return value_copy(plan->params);
}

value plan_given(const struct plan *plan) {
    return value_copy(plan->given);
}

value plan_files(const struct plan *plan) {
    return value_copy(plan->files);
}

const char *plan_profile(const struct plan *plan) {
    return plan->profile_name;
}

value plan_selection(const struct plan *plan) {
    return value_copy(plan->selection);
}

const char *plan_skip_reason(const struct plan *plan, uint32_t node) {
    return plan->reasons ? plan->reasons[node] : NULL;
}

const char *plan_hash(const struct plan *plan) {
    return plan->hash;
}

const struct database *plan_database(const struct plan *plan, const struct runbook *file,
                                     const char *name_or_null, const char **ret_name) {
    const char *name = name_or_null ? name_or_null : file->defaults.database;
    if (!name && file->databases.count == 1)
        name = file->databases.keys[0];
    if (!name)
        return NULL;
    if (ret_name)
        *ret_name = name;
    if (plan->profile && file == plan->runbook) {
        const struct database *over = FIELD_FIND(struct database, &plan->profile->databases, name);
        if (over)
            return over;
    }
    return FIELD_FIND(struct database, &file->databases, name);
}

const struct target *plan_target(const struct plan *plan, const struct runbook *file,
                                 const char *name) {
    if (plan->profile && file == plan->runbook) {
        const struct target *over = FIELD_FIND(struct target, &plan->profile->targets, name);
        if (over)
            return over;
    }
    return FIELD_FIND(struct target, &file->targets, name);
}

const struct secret_source *plan_secret(const struct plan *plan, const struct runbook *file,
                                        const char *name) {
    if (plan->profile && file == plan->runbook) {
        const struct secret_source *over =
            FIELD_FIND(struct secret_source, &plan->profile->secrets, name);
        if (over)
            return over;
    }
    return FIELD_FIND(struct secret_source, &file->secrets, name);
}
