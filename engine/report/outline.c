#include "report/outline.h"

#include "base/mem.h"
#include "base/text.h"
#include "plan/lines.h"

#define OUTLINE_TEXT_MAX (1 << 20)
/* Runbooks may call each other and nest so deep; lang refuses more. */
#define OUTLINE_DEPTH_MAX RUNBOOK_MAX_DEPTH

static void set_text(value *object, const char *key, const char *text) {
    if (text) {
        *object = value_set(*object, key, value_string(text));
    }
}

static void set_integer(value *object, const char *key, int64_t number) {
    if (number > 0) {
        *object = value_set(*object, key, value_integer(number));
    }
}

static void set_flag(value *object, const char *key, bool flag) {
    if (flag) {
        *object = value_set(*object, key, value_bool(true));
    }
}

static void set_template(value *object, const char *key, const struct template *tmpl) {
    if (tmpl) {
        AUTO_BUF text = BUF_INIT(OUTLINE_TEXT_MAX);
        template_show(&text, tmpl);
        set_text(object, key, buf_text(&text));
    }
}

static void set_names(value *object, const char *key, const struct field_list *names) {
    if (names->count == 0) {
        return;
    }
    value list = value_array();
    for (size_t i = 0; i < names->count; i++) {
        list = value_append(list, value_string(FIELD_AT(const char *, names, i)));
    }
    *object = value_set(*object, key, list);
}

/* ---- steps -------------------------------------------------------------------------------- */

static void take_line(void *user, const char *label, const char *text, size_t length) {
    value *lines = user;
    value line = value_append(value_array(), value_string(label));
    *lines = value_append(*lines, value_append(line, value_string_n(text, length)));
}

static value step_lines(const struct step *step) {
    value lines = value_array();
    if (step->type && step->type->plan) {
        const struct step_plan plan = {.user = &lines, .line = take_line};
        step->type->plan(step->spec, &plan);
    }
    return lines;
}

static value handler_value(const struct step *handler) {
    value object = value_object();
    set_text(&object, "title", handler->title);
    set_text(&object, "action", handler->type ? handler->type->key : NULL);
    return value_set(object, "lines", plan_lines(handler, 0));
}

static const char *effect_text(enum effect effect) {
    static const char *const names[] = {
        [EFFECT_UNSAID] = NULL,
        [EFFECT_READ] = "read",
        [EFFECT_IDEMPOTENT] = "idempotent",
        [EFFECT_ONCE] = "once",
    };
    return names[effect];
}

static const char *on_failure_text(enum on_failure rule) {
    static const char *const names[] = {
        [ON_FAILURE_UNSAID] = NULL,
        [ON_FAILURE_ROLLBACK] = "rollback",
        [ON_FAILURE_STOP] = "stop",
        [ON_FAILURE_CONTINUE] = "continue",
    };
    return names[rule];
}

static void set_limits(value *object, const struct step *step) {
    set_integer(object, "timeout_ms", step->timeout_ms);
    set_integer(object, "deadline_ms", step->deadline_ms);
    if (step->retry) {
        value retry = value_object();
        set_integer(&retry, "attempts", step->retry->attempts);
        set_integer(&retry, "delay_ms", step->retry->delay_ms);
        *object = value_set(*object, "retry", retry);
    }
    set_text(object, "lock", step->lock);
    set_text(object, "on_failure", on_failure_text(step->on_failure));
}

static value step_value(const struct step *step) {
    value object = value_object();
    set_text(&object, "id", step->id);
    set_text(&object, "title", step->title);
    set_text(&object, "action", step->type ? step->type->key : NULL);
    set_text(&object, "effect", effect_text(step_effect(step)));
    set_text(&object, "effect_reason", step->effect_reason);
    object = value_set(object, "lines", step_lines(step));
    set_text(&object, "when", step->when ? expr_text(step->when) : NULL);
    set_template(&object, "foreach", step->foreach);
    set_integer(&object, "concurrency", step->foreach ? step->concurrency : 0);
    set_text(&object, "target", step->target);
    set_text(&object, "database", step->database);
    set_limits(&object, step);
    set_names(&object, "destroys", &step->destroys);
    set_flag(&object, "background", step->background);
    set_flag(&object, "sensitive", step->sensitive);
    set_flag(&object, "point_of_no_return", step->point_of_no_return);
    if (step->done_when) {
        object = value_set(object, "done_when", handler_value(step->done_when));
    }
    if (step->rollback) {
        object = value_set(object, "rollback", handler_value(step->rollback));
    }
    return object;
}

/* ---- lists -------------------------------------------------------------------------------- */

/* A graph being told. What is nested tells neither the group that is its frame nor skips. */
struct listing {
    struct plan *plan;
    const struct graph *graph;
    size_t nesting;
    bool is_body; /* of foreach: the graph of the step itself */
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

/* The members of what has a graph of its own: a foreach over a group, a called runbook. */
static value nested_value(const struct listing *listing, const struct graph_node *node) {
    struct step_expansion members = {0};
    if (node->role != GRAPH_ACT || listing->nesting >= OUTLINE_DEPTH_MAX ||
        !step_expand(node->step, &members)) {
        return value_none();
    }
    const struct listing nested = {
        .plan = listing->plan,
        .graph = members.runbook ? plan_graph_of(listing->plan, members.runbook->steps)
                                 : plan_graph_of_step(listing->plan, node->step, GRAPH_BODY),
        .nesting = listing->nesting + 1,
        .is_body = !members.runbook,
    };
    return nested.graph ? listing_value(&nested) : value_none();
}

static value node_value(const struct listing *listing, uint32_t index, size_t depth) {
    const struct graph_node *node = graph_node(listing->graph, index);
    value object = step_value(node->step);
    object = value_set(object, "wave", value_number(node->wave));
    object = value_set(object, "depth", value_number((double)depth));
    object = value_set(object, "needs", needs_value(listing->graph, index));
    if (listing->graph == plan_graph(listing->plan)) {
        set_text(&object, "skipped", plan_skip_reason(listing->plan, index));
    }
    value nested = nested_value(listing, node);
    return value_kind(nested) == VALUE_NONE ? object : value_set(object, "steps", nested);
}

/* Recursion is as deep as containers nest, which OUTLINE_DEPTH_MAX bounds. */
static value listing_value(const struct listing *listing) {
    const struct graph *graph = listing->graph;
    const size_t count = graph_count(graph);
    const uint32_t *order = graph_order(graph);
    const size_t frame = listing->is_body ? 1 : 0;
    size_t *depth = mem_calloc(count + 1, sizeof *depth);
    value steps = value_array();
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t group = graph_node(graph, i)->group;
        depth[i] = group == GRAPH_NONE ? 0 : depth[group] + 1;
    }
    for (size_t i = 0; i < count; i++) {
        const uint32_t at = order[i];
        if (graph_node(graph, at)->role != GRAPH_END && depth[at] >= frame) {
            steps = value_append(steps, node_value(listing, at, depth[at] - frame));
        }
    }
    mem_free(depth);
    return steps;
}

/* ---- the runbook -------------------------------------------------------------------------- */

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
        set_text(&object, "from", from);
        set_template(&object, "file", source->file);
        set_names(&object, "command", &source->command);
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
            set_template(&object, "url", database->url);
            set_flag(&object, "protected", database->is_protected);
        }
        list = value_append(list, object);
    }
    return list;
}

static value requires_value(const struct requires *requires) {
    value object = value_object();
    set_names(&object, "commands", &requires->commands);
    set_names(&object, "env", &requires->env);
    return object;
}

static void set_head(value *outline, const struct plan *plan) {
    const struct runbook *runbook = plan_runbook(plan);
    set_text(outline, "runbook", runbook->path);
    set_text(outline, "name", runbook->name);
    set_text(outline, "title", runbook->title);
    set_text(outline, "description", runbook->description);
    set_text(outline, "owner", runbook->owner);
    set_text(outline, "lock", runbook->lock);
    set_text(outline, "profile", plan_profile(plan));
    set_text(outline, "plan_sha256", plan_hash(plan));
    set_integer(outline, "language", runbook->language);
    if (runbook->objectives) {
        value objectives = value_object();
        set_integer(&objectives, "rto_ms", runbook->objectives->rto_ms);
        set_integer(&objectives, "rpo_ms", runbook->objectives->rpo_ms);
        *outline = value_set(*outline, "objectives", objectives);
    }
    if (runbook->requires) {
        *outline = value_set(*outline, "requires", requires_value(runbook->requires));
    }
}

value outline_new(struct plan *plan) {
    value outline = value_object();
    set_head(&outline, plan);
    outline = value_set(outline, "params", plan_params(plan));
    outline = value_set(outline, "secrets", secrets_value(plan));
    outline = value_set(outline, "databases", databases_value(plan));
    const struct listing steps = {.plan = plan, .graph = plan_graph(plan)};
    outline = value_set(outline, "waves", value_number((double)graph_waves(steps.graph)));
    outline = value_set(outline, "steps", listing_value(&steps));
    const struct listing finally = {.plan = plan, .graph = plan_finally(plan)};
    if (finally.graph) {
        outline = value_set(outline, "finally", listing_value(&finally));
    }
    return outline;
}
