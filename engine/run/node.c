#include "base/text.h"
#include "run/engine.h"

uint32_t node_index(const struct node *node) {
    return (uint32_t)(node - node->frame->nodes);
}

const struct graph_node *node_graph(const struct node *node) {
    return graph_node(node->frame->graph, node_index(node));
}

const struct step *node_step(const struct node *node) {
    return node_graph(node)->step;
}

char *node_path(const struct node *node) {
    const struct frame *frame = node->frame;
    const struct graph_node *graph = node_graph(node);
    if (frame->is_single && graph->group == GRAPH_NONE)
        return mem_strdup(frame->path);
    return mem_printf("%s%s%s", frame->path, frame->is_single ? "/" : "", graph->step->id);
}

const char *phase_name(enum phase phase) {
    static const char *const names[] = {"run", "rollback", "finally"};
    return names[phase];
}

const char *effect_name(enum effect effect) {
    static const char *const names[] = {"unsaid", "read", "idempotent", "once"};
    return names[effect];
}

void node_event(const struct node *node, enum event_type type, const char *path,
                struct event *ret) {
    *ret = (struct event){.type = type};
    EVENT_SET(ret, phase, phase_name(node->frame->phase));
    EVENT_SET(ret, step, path);
}

void node_record(struct node *node, struct event *event, enum state_event transition) {
    run_record(node->frame->run, event);
    node->state = (uint8_t)state_next((enum step_state)node->state, transition);
}
