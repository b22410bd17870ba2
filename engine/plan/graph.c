#include "plan/graph.h"

#include "base/index.h"
#include "base/map.h"
#include "base/text.h"
#include "base/vec.h"

#define SUGGESTED_MAX 1000000

struct edge {
    uint32_t need, dependent;
};

struct graph {
    struct graph_node *nodes;
    size_t count;
    uint32_t *needs, *dependents, *order;
    size_t waves;
    struct index *ids;
};

/* One list of steps while its nodes are being made: the walk keeps these on its own stack, so
 * that nesting never recurses. */
struct level {
    const struct step_list *steps;
    bool parallel;
    size_t next;
    uint32_t begin;    /* the group's BEGIN, or GRAPH_NONE */
    uint32_t previous; /* last node of the step above, or GRAPH_NONE */
};

struct builder {
    VEC(struct graph_node) nodes;
    VEC(struct edge) edges;
    VEC(struct level) levels;
    VEC(uint32_t) declared; /* nodes whose steps say `needs:` */
    struct map **locals;    /* of lists with such nodes: ids to 1 + node */
    struct index *ids;
    struct diag *diag;
    size_t suggested; /* names that were looked at for suggestions */
    enum graph_scope scope;
    bool failed;
};

/* Maps hold pointers; a node is kept as its index plus 1. */
static void *marker_of(uint32_t node) {
    return (void *)((uintptr_t)node + 1);
}

static uint32_t marker_node(const void *marker) {
    return (uint32_t)((uintptr_t)marker - 1);
}

static void builder_error(struct builder *builder, struct err *err) {
    builder->failed = true;
    diag_report(builder->diag, err);
}

static void edge_add(struct builder *builder, uint32_t need, uint32_t dependent) {
    *vec_add(&builder->edges) = (struct edge){need, dependent};
}

/* Where something that follows the step must hang on: its END, or the node itself. */
static uint32_t node_exit(const struct builder *builder, uint32_t node) {
    const struct graph_node *entry = &builder->nodes.items[node];
    return entry->role == GRAPH_BEGIN ? entry->peer : node;
}

static uint32_t node_add(struct builder *builder, const struct step *step, enum graph_role role,
                         uint32_t group) {
    *vec_add(&builder->nodes) =
        (struct graph_node){.step = step, .role = role, .group = group, .peer = GRAPH_NONE};
    return (uint32_t)builder->nodes.count - 1;
}

static const char *node_id(const void *nodes, uint32_t node) {
    return ((const struct graph_node *)nodes)[node].step->id;
}

/* Once all nodes are there, so that their number is known. */
static void ids_add(struct builder *builder) {
    const struct graph_node *nodes = builder->nodes.items;
    builder->ids = index_new(builder->nodes.count, node_id);
    for (uint32_t i = 0; i < builder->nodes.count; i++) {
        const struct step *step = nodes[i].step;
        if (nodes[i].role == GRAPH_END || !step->id ||
            index_add(builder->ids, nodes, i) == INDEX_NONE)
            continue;
        AUTO_ERR err = ERR_INIT;
        err_at(&err, step->span, "the id `%s` is used twice", step->id);
        err_hint(&err, "ids are unique in a file, so that `.steps.%s` is one step", step->id);
        builder_error(builder, &err);
    }
}

static void level_push(struct builder *builder, const struct step_list *steps, bool parallel,
                       uint32_t begin) {
    *vec_add(&builder->levels) = (struct level){steps, parallel, 0, begin, GRAPH_NONE};
}

/* Whether the step is the only one of its graph. */
static bool is_root(const struct builder *builder) {
    return builder->scope != GRAPH_LIST && builder->levels.count == 1;
}

/* A step without `needs:` needs the step above it, or the group's begin. */
static void order_add(struct builder *builder, struct level *level, const struct step *step,
                      uint32_t node) {
    if (is_root(builder))
        return; /* its needs were met where its body stands */
    if (level->begin != GRAPH_NONE)
        edge_add(builder, level->begin, node);
    if (step->has_needs) {
        *vec_add(&builder->declared) = node;
        return;
    }
    if (!level->parallel && level->previous != GRAPH_NONE)
        edge_add(builder, level->previous, node);
}

static void level_close(struct builder *builder) {
    struct level *level = vec_last(&builder->levels);
    if (level->begin != GRAPH_NONE) {
        uint32_t begin = level->begin;
        const struct graph_node *opened = &builder->nodes.items[begin];
        uint32_t end = node_add(builder, opened->step, GRAPH_END, opened->group);
        builder->nodes.items[end].peer = begin;
        builder->nodes.items[begin].peer = end;
        edge_add(builder, begin, end);
    }
    builder->levels.count--;
    if (builder->levels.count && level->begin != GRAPH_NONE)
        vec_last(&builder->levels)->previous = builder->nodes.items[level->begin].peer;
}

/* A group that is timed, locked or judged as a whole is one node, and has a graph of its own. */
static bool has_own_life(const struct step *step) {
    return step->timeout_ms || step->more->deadline_ms || step->more->lock ||
           step->more->done_when || step->more->expect || step->more->outputs.count ||
           step->more->objectives;
}

static bool is_flattened(const struct builder *builder, const struct step *step,
                         struct step_expansion *ret) {
    if (!step->type || !step->type->expand || !step_expand(step, ret) || !ret->steps)
        return false;
    if (is_root(builder))
        return builder->scope == GRAPH_BODY;
    return !step->more->foreach && !has_own_life(step);
}

static void step_add(struct builder *builder) {
    struct level *level = vec_last(&builder->levels);
    const struct step *step = level->steps->items[level->next++];
    struct step_expansion inner = {0};
    bool is_group = is_flattened(builder, step, &inner);
    uint32_t node = node_add(builder, step, is_group ? GRAPH_BEGIN : GRAPH_ACT, level->begin);
    order_add(builder, level, step, node);
    if (is_group)
        level_push(builder, inner.steps, inner.parallel, node);
    else
        level->previous = node;
}

/* Every member is needed by the group's END. */
static void members_join(struct builder *builder) {
    for (uint32_t i = 0; i < builder->nodes.count; i++) {
        const struct graph_node *node = &builder->nodes.items[i];
        if (node->group != GRAPH_NONE && node->role != GRAPH_BEGIN)
            edge_add(builder, i, builder->nodes.items[node->group].peer);
    }
}

static void unknown_need(struct builder *builder, const struct step *step, const char *need,
                         const struct map *local) {
    AUTO_ERR err = ERR_INIT;
    VEC(const char *) names = {0};
    const char *name;
    void *ignored;
    /* A hundred thousand wrong names among as many steps must not take hours. */
    builder->suggested += map_count(local);
    for (size_t i = 0; builder->suggested < SUGGESTED_MAX && map_next(local, &i, &name, &ignored);)
        *vec_add(&names) = name;
    const char *near = text_suggest(need, names.items, names.count);
    const struct spot at = step->needs_at;
    err_at(&err, (struct span){step->span.file, at.line, at.column, at.length},
           "step `%s` needs `%s`, which is no step of the same list", step->id, need);
    if (near)
        err_hint(&err, "did you mean `%s`?", near);
    else if (index_find(builder->ids, builder->nodes.items, need) != INDEX_NONE)
        err_hint(&err, "`%s` stands in another list; `needs` names steps beside this one", need);
    vec_release(&names);
    builder_error(builder, &err);
}

/* The ids of the list that a node stands in, which its `needs` may name: most lists have none. */
static struct map *local_ids(struct builder *builder, uint32_t group) {
    uint32_t first = group == GRAPH_NONE ? 0 : group + 1;
    if (builder->locals[first])
        return builder->locals[first];
    struct map *local = builder->locals[first] = map_new_borrowing(0);
    const struct graph_node *nodes = builder->nodes.items;
    for (uint32_t i = first; i < builder->nodes.count && nodes[i].group == group;
         i = node_exit(builder, i) + 1)
        if (nodes[i].step->id)
            map_put(local, nodes[i].step->id, marker_of(i));
    return local;
}

static void needs_resolve(struct builder *builder) {
    if (builder->declared.count)
        builder->locals = mem_calloc(builder->nodes.count + 1, sizeof *builder->locals);
    for (size_t i = 0; i < builder->declared.count; i++) {
        uint32_t node = builder->declared.items[i];
        struct map *local = local_ids(builder, builder->nodes.items[node].group);
        const struct step *step = builder->nodes.items[node].step;
        for (size_t k = 0; k < step->needs.count; k++) {
            const char *need = FIELD_AT(const char *, &step->needs, k);
            void *marker = need ? map_get(local, need) : NULL;
            if (marker)
                edge_add(builder, node_exit(builder, marker_node(marker)), node);
            else if (need)
                unknown_need(builder, step, need, local);
        }
    }
}

/* Turns the edges into two arrays of neighbours. */
static void edges_place(struct builder *builder, struct graph *graph) {
    size_t count = builder->edges.count;
    graph->needs = mem_calloc(count + 1, sizeof(uint32_t));
    graph->dependents = mem_calloc(count + 1, sizeof(uint32_t));
    for (size_t i = 0; i < count; i++) {
        graph->nodes[builder->edges.items[i].dependent].need_count++;
        graph->nodes[builder->edges.items[i].need].dependent_count++;
    }
    uint32_t need = 0, dependent = 0;
    for (size_t i = 0; i < graph->count; i++) {
        struct graph_node *node = &graph->nodes[i];
        node->need_first = need;
        node->dependent_first = dependent;
        need += node->need_count;
        dependent += node->dependent_count;
        node->need_count = node->dependent_count = 0;
    }
    for (size_t i = 0; i < count; i++) {
        struct edge edge = builder->edges.items[i];
        struct graph_node *from = &graph->nodes[edge.need], *to = &graph->nodes[edge.dependent];
        graph->needs[to->need_first + to->need_count++] = edge.need;
        graph->dependents[from->dependent_first + from->dependent_count++] = edge.dependent;
    }
    vec_release(&builder->edges);
}

/* Kahn's algorithm; what is left over stands on a cycle or behind one. */
static size_t order_make(struct graph *graph) {
    uint32_t *open = mem_calloc(graph->count + 1, sizeof *open);
    size_t filled = 0;
    graph->order = mem_calloc(graph->count + 1, sizeof *graph->order);
    for (uint32_t i = 0; i < graph->count; i++) {
        open[i] = graph->nodes[i].need_count;
        if (!open[i])
            graph->order[filled++] = i;
    }
    for (size_t at = 0; at < filled; at++) {
        const struct graph_node *node = &graph->nodes[graph->order[at]];
        if (node->wave + 1 > graph->waves)
            graph->waves = node->wave + 1;
        for (uint32_t k = 0; k < node->dependent_count; k++) {
            uint32_t next = graph->dependents[node->dependent_first + k];
            /* A group's begin and end take no turn of their own. */
            uint32_t wave = node->wave + (node->role == GRAPH_ACT);
            if (graph->nodes[next].wave < wave)
                graph->nodes[next].wave = wave;
            if (!--open[next])
                graph->order[filled++] = next;
        }
    }
    mem_free(open);
    return filled;
}

/* Follows needs that were never met until a node comes again: that is a cycle. */
static void cycle_report(struct builder *builder, const struct graph *graph, size_t filled) {
    bool *met = mem_calloc(graph->count, sizeof *met);
    uint32_t *seen = mem_calloc(graph->count, sizeof *seen);
    for (size_t i = 0; i < filled; i++)
        met[graph->order[i]] = true;
    uint32_t at = 0;
    while (met[at])
        at++;
    uint32_t turn = 1;
    VEC(uint32_t) path = {0};
    while (!seen[at]) {
        seen[at] = turn++;
        *vec_add(&path) = at;
        const struct graph_node *node = &graph->nodes[at];
        for (uint32_t k = 0; k < node->need_count; k++) {
            uint32_t need = graph->needs[node->need_first + k];
            if (!met[need]) {
                at = need;
                break;
            }
        }
    }
    AUTO_BUF text = BUF_INIT(1 << 20);
    const char *last = NULL;
    for (size_t i = seen[at] - 1; i < path.count; i++) {
        const char *id = graph->nodes[path.items[i]].step->id;
        if (last && text_equal(id, last))
            continue;
        buf_printf(&text, "%s needs ", id);
        last = id;
    }
    buf_puts(&text, graph->nodes[at].step->id);
    AUTO_ERR err = ERR_INIT;
    err_at(&err, graph->nodes[at].step->span, "these steps wait for each other: %s",
           buf_text(&text));
    err_hint(&err, "take one of these out of `needs`");
    builder_error(builder, &err);
    vec_release(&path);
    mem_free(met);
    mem_free(seen);
}

static void builder_release(struct builder *builder) {
    for (size_t i = 0; builder->locals && i < builder->nodes.count; i++)
        map_free(builder->locals[i]);
    mem_free(builder->locals);
    vec_release(&builder->levels);
    vec_release(&builder->declared);
}

struct graph *graph_new(const struct step_list *steps, enum graph_scope scope, struct diag *diag) {
    struct builder builder = {.diag = diag, .scope = scope};
    level_push(&builder, steps, false, GRAPH_NONE);
    while (builder.levels.count) {
        const struct level *level = vec_last(&builder.levels);
        if (level->next < level->steps->count)
            step_add(&builder);
        else
            level_close(&builder);
    }
    ids_add(&builder);
    needs_resolve(&builder);
    members_join(&builder);
    struct graph *graph = mem_zalloc(sizeof *graph);
    graph->nodes = builder.nodes.items;
    graph->count = builder.nodes.count;
    graph->ids = builder.ids;
    edges_place(&builder, graph);
    size_t filled = order_make(graph);
    if (filled < graph->count)
        cycle_report(&builder, graph, filled);
    builder_release(&builder);
    if (builder.failed) {
        graph_free(graph);
        return NULL;
    }
    return graph;
}

void graph_free(struct graph *graph) {
    if (!graph)
        return;
    mem_free(graph->nodes);
    mem_free(graph->needs);
    mem_free(graph->dependents);
    mem_free(graph->order);
    index_free(graph->ids);
    mem_free(graph);
}

size_t graph_count(const struct graph *graph) {
    return graph->count;
}

const struct graph_node *graph_node(const struct graph *graph, uint32_t node) {
    return &graph->nodes[node];
}

const uint32_t *graph_needs(const struct graph *graph, uint32_t node, size_t *ret_count) {
    *ret_count = graph->nodes[node].need_count;
    return graph->needs + graph->nodes[node].need_first;
}

const uint32_t *graph_dependents(const struct graph *graph, uint32_t node, size_t *ret_count) {
    *ret_count = graph->nodes[node].dependent_count;
    return graph->dependents + graph->nodes[node].dependent_first;
}

uint32_t graph_find(const struct graph *graph, const char *id) {
    return index_find(graph->ids, graph->nodes, id);
}

const uint32_t *graph_order(const struct graph *graph) {
    return graph->order;
}

size_t graph_waves(const struct graph *graph) {
    return graph->waves;
}
