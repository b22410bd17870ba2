#include "plan/undo.h"

#include "base/vec.h"

/* How many times a node or edge may be looked at: a fraction of a second. */
#define WORK_MOST (UINT64_C(1) << 28)
#define BLOCK 64

struct list {
    VEC(uint32_t) nodes;
    size_t total;
};

struct undo {
    struct list *certain, *beside; /* by node */
    size_t count;
};

/* Sets of handlers, 64 at a time: one pass over the graph says for each node which of them are
 * before it, behind it, and out of reach above a point of no return. */
struct pass {
    const struct graph *graph;
    uint64_t *own;      /* the node's, and those of the groups around it */
    uint64_t *above;    /* of what it needs, directly or not */
    uint64_t *below;    /* of the node and of what needs it */
    uint64_t *kept;     /* above a point of no return that it needs */
    uint32_t *handlers; /* nodes with a handler, last first */
    size_t handler_count;
};

/* Whether a step that stands in it, or in a runbook that it calls, has a handler. Members nest as
 * deep as the language lets them. */
static bool has_inner_handler(const struct step *step) {
    struct step_expansion inner;
    if (!step_expand(step, &inner))
        return false;
    const struct step_list *members = inner.runbook ? inner.runbook->steps : inner.steps;
    for (size_t i = 0; members && i < members->count; i++)
        if (members->items[i]->more->rollback || has_inner_handler(members->items[i]))
            return true;
    return false;
}

static bool is_handler(const struct graph *graph, uint32_t index, bool is_body) {
    const struct graph_node *node = graph_node(graph, index);
    if (node->role == GRAPH_BEGIN || (is_body && node->group == GRAPH_NONE))
        return false;
    return node->step->more->rollback || (node->role == GRAPH_ACT && has_inner_handler(node->step));
}

/* The handler of a group runs when anything in it was begun. */
static void own_set(struct pass *pass, uint32_t index, const uint64_t *bits) {
    const struct graph_node *node = graph_node(pass->graph, index);
    pass->own[index] = bits[index];
    if (node->role == GRAPH_END)
        return;
    uint32_t group = node->group;
    if (group != GRAPH_NONE)
        pass->own[index] |= pass->own[group];
    if (node->role == GRAPH_BEGIN)
        pass->own[index] |= bits[node->peer];
}

static bool is_final(const struct graph *graph, uint32_t index) {
    const struct graph_node *node = graph_node(graph, index);
    return node->role != GRAPH_BEGIN && node->step->point_of_no_return;
}

static void pass_down(struct pass *pass, const uint64_t *bits) {
    const uint32_t *order = graph_order(pass->graph);
    for (size_t i = 0; i < graph_count(pass->graph); i++) {
        uint32_t index = order[i];
        size_t count;
        const uint32_t *needs = graph_needs(pass->graph, index, &count);
        pass->above[index] = pass->kept[index] = 0;
        for (size_t k = 0; k < count; k++) {
            pass->above[index] |= pass->above[needs[k]] | bits[needs[k]];
            pass->kept[index] |= pass->kept[needs[k]];
            if (is_final(pass->graph, needs[k]))
                pass->kept[index] |= pass->above[needs[k]];
        }
        own_set(pass, index, bits);
    }
}

static void pass_up(struct pass *pass, const uint64_t *bits) {
    const uint32_t *order = graph_order(pass->graph);
    for (size_t i = graph_count(pass->graph); i-- > 0;) {
        uint32_t index = order[i];
        size_t count;
        const uint32_t *dependents = graph_dependents(pass->graph, index, &count);
        pass->below[index] = bits[index];
        for (size_t k = 0; k < count; k++)
            pass->below[index] |= pass->below[dependents[k]];
    }
}

static void list_add(struct list *list, const uint32_t *handlers, uint64_t found) {
    for (; found; found &= found - 1) {
        list->total++;
        if (list->nodes.count < UNDO_MOST)
            *vec_add(&list->nodes) = handlers[__builtin_ctzll(found)];
    }
}

static void block_tell(struct undo *undo, const struct pass *pass, size_t first, uint64_t all) {
    for (uint32_t i = 0; i < undo->count; i++) {
        uint64_t done = pass->above[i] | pass->own[i];
        list_add(&undo->certain[i], pass->handlers + first, done & ~pass->kept[i]);
        list_add(&undo->beside[i], pass->handlers + first,
                 all & ~done & ~pass->below[i] & ~pass->kept[i]);
    }
}

static void blocks_tell(struct undo *undo, struct pass *pass) {
    uint64_t *bits = mem_calloc(undo->count + 1, sizeof *bits);
    for (size_t first = 0; first < pass->handler_count; first += BLOCK) {
        size_t count = pass->handler_count - first;
        count = count > BLOCK ? BLOCK : count;
        uint64_t all = count == BLOCK ? UINT64_MAX : (UINT64_C(1) << count) - 1;
        for (size_t i = 0; i < count; i++)
            bits[pass->handlers[first + i]] = UINT64_C(1) << i;
        pass_down(pass, bits);
        pass_up(pass, bits);
        block_tell(undo, pass, first, all);
        for (size_t i = 0; i < count; i++)
            bits[pass->handlers[first + i]] = 0;
    }
    mem_free(bits);
}

static void handlers_find(struct pass *pass, bool is_body,
                          bool (*is_left_out)(void *user, uint32_t node), void *user) {
    const uint32_t *order = graph_order(pass->graph);
    for (size_t i = graph_count(pass->graph); i-- > 0;)
        if (is_handler(pass->graph, order[i], is_body) &&
            !(is_left_out && is_left_out(user, order[i])))
            pass->handlers[pass->handler_count++] = order[i];
}

struct undo *undo_new(const struct graph *graph, bool is_body,
                      bool (*is_left_out)(void *user, uint32_t node), void *user) {
    size_t count = graph_count(graph);
    struct undo *undo = mem_zalloc(sizeof *undo);
    struct pass pass = {.graph = graph};
    uint64_t **sets[] = {&pass.own, &pass.above, &pass.below, &pass.kept};
    pass.handlers = mem_calloc(count + 1, sizeof *pass.handlers);
    handlers_find(&pass, is_body, is_left_out, user);
    bool is_bounded = (uint64_t)count * (pass.handler_count / BLOCK + 1) < WORK_MOST;
    undo->count = count;
    undo->certain = mem_calloc(count + 1, sizeof *undo->certain);
    undo->beside = mem_calloc(count + 1, sizeof *undo->beside);
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
        *sets[i] = mem_calloc(count + 1, sizeof **sets[i]);
    if (is_bounded)
        blocks_tell(undo, &pass);
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
        mem_free(*sets[i]);
    mem_free(pass.handlers);
    if (is_bounded)
        return undo;
    undo_free(undo);
    return NULL;
}

void undo_free(struct undo *undo) {
    if (!undo)
        return;
    for (size_t i = 0; i < undo->count; i++) {
        vec_release(&undo->certain[i].nodes);
        vec_release(&undo->beside[i].nodes);
    }
    mem_free(undo->certain);
    mem_free(undo->beside);
    mem_free(undo);
}

static struct undo_list list_of(const struct list *list) {
    return (struct undo_list){list->nodes.items, list->nodes.count, list->total};
}

struct undo_list undo_certain(const struct undo *undo, uint32_t node) {
    return list_of(&undo->certain[node]);
}

struct undo_list undo_beside(const struct undo *undo, uint32_t node) {
    return list_of(&undo->beside[node]);
}
