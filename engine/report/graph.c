#include "report/graph.h"

#include "base/mem.h"
#include "base/text.h"

/* How a drawing tells effects apart: `read` is plain, what changes the world is coloured. */
static const char *const fills[] = {
    [EFFECT_UNSAID] = "#ffffff",
    [EFFECT_READ] = "#eef6ee",
    [EFFECT_IDEMPOTENT] = "#fff7e0",
    [EFFECT_ONCE] = "#fde8e4",
};

static bool is_gate(const struct step *step) {
    return step->type && text_equal(step->type->key, "approval");
}

static const char *node_title(const struct graph_node *node) {
    return node->step->title ? node->step->title : node->step->id;
}

/* Edges between groups go to their frames' nodes: BEGIN where others need the group's start,
 * END where they need its end. */
static void each_edge(const struct graph *graph,
                      void (*edge)(struct buf *out, uint32_t from, uint32_t to), struct buf *out) {
    for (uint32_t to = 0; to < graph_count(graph); to++) {
        size_t count = 0;
        const uint32_t *needs = graph_needs(graph, to, &count);
        for (size_t i = 0; i < count; i++) {
            edge(out, needs[i], to);
        }
    }
}

/* ---- dot ---------------------------------------------------------------------------------- */

/* A string in double quotes; what would end it or begin an escape is escaped. */
static void dot_text(struct buf *out, const char *text) {
    AUTO_BUF shown = BUF_INIT(1 << 20);
    text_escape(&shown, text, strlen(text), false);
    for (const char *at = buf_text(&shown); *at; at++) {
        if (*at == '"' || *at == '\\') {
            buf_putc(out, '\\');
        }
        buf_putc(out, *at);
    }
}

static void dot_act(struct buf *out, uint32_t index, const struct graph_node *node) {
    const struct step *step = node->step;
    buf_printf(out, "  n%u [label=\"", index);
    dot_text(out, node_title(node));
    if (step->type) {
        buf_printf(out, "\\n%s", step->type->key);
    }
    if (step->foreach) {
        buf_puts(out, ", foreach");
    }
    if (step->rollback) {
        buf_puts(out, ", has a rollback");
    }
    buf_printf(out, "\", fillcolor=\"%s\"", fills[step_effect(step)]);
    if (is_gate(step)) {
        buf_puts(out, ", shape=octagon");
    }
    if (step->point_of_no_return) {
        buf_puts(out, ", peripheries=2");
    }
    buf_puts(out, "];\n");
}

static void dot_node(struct buf *out, uint32_t index, const struct graph_node *node) {
    switch (node->role) {
    case GRAPH_ACT:
        dot_act(out, index, node);
        return;
    case GRAPH_BEGIN:
        buf_printf(out, "  subgraph cluster_%u {\n  label=\"", index);
        dot_text(out, node_title(node));
        buf_printf(out, "\";\n  n%u [shape=point, label=\"\"];\n", index);
        return;
    case GRAPH_END:
        buf_printf(out, "  n%u [shape=point, label=\"\"];\n  }\n", index);
        return;
    }
    abort();
}

static void dot_edge(struct buf *out, uint32_t from, uint32_t to) {
    buf_printf(out, "  n%u -> n%u;\n", from, to);
}

void graph_dot(struct buf *out, struct plan *plan) {
    const struct graph *graph = plan_graph(plan);
    buf_puts(out, "digraph \"");
    dot_text(out, plan_runbook(plan)->name);
    buf_puts(out, "\" {\n  node [shape=box, style=\"rounded,filled\", fontname=\"sans-serif\"];\n"
                  "  graph [fontname=\"sans-serif\", style=rounded];\n");
    for (uint32_t i = 0; i < graph_count(graph); i++) {
        dot_node(out, i, graph_node(graph, i));
    }
    each_edge(graph, dot_edge, out);
    buf_puts(out, "}\n");
}

/* ---- mermaid ------------------------------------------------------------------------------ */

/* Mermaid knows HTML's entities and no other escapes. */
static void mermaid_text(struct buf *out, const char *text) {
    AUTO_BUF shown = BUF_INIT(1 << 20);
    text_escape(&shown, text, strlen(text), false);
    for (const char *at = buf_text(&shown); *at; at++) {
        if (strchr("\"<>&#[](){}|`\\", *at)) {
            buf_printf(out, "#%d;", (unsigned char)*at);
        } else {
            buf_putc(out, *at);
        }
    }
}

static void mermaid_act(struct buf *out, uint32_t index, const struct graph_node *node) {
    const bool gate = is_gate(node->step);
    buf_printf(out, "  n%u%s\"", index, gate ? "{{" : "[");
    mermaid_text(out, node_title(node));
    if (node->step->type) {
        buf_printf(out, "<br>%s", node->step->type->key);
    }
    buf_printf(out, "\"%s\n", gate ? "}}" : "]");
    buf_printf(out, "  style n%u fill:%s\n", index, fills[step_effect(node->step)]);
}

static void mermaid_node(struct buf *out, uint32_t index, const struct graph_node *node) {
    switch (node->role) {
    case GRAPH_ACT:
        mermaid_act(out, index, node);
        return;
    case GRAPH_BEGIN:
        buf_printf(out, "  subgraph g%u[\"", index);
        mermaid_text(out, node_title(node));
        buf_printf(out, "\"]\n  n%u(( ))\n", index);
        return;
    case GRAPH_END:
        buf_printf(out, "  n%u(( ))\n  end\n", index);
        return;
    }
    abort();
}

static void mermaid_edge(struct buf *out, uint32_t from, uint32_t to) {
    buf_printf(out, "  n%u --> n%u\n", from, to);
}

void graph_mermaid(struct buf *out, struct plan *plan) {
    const struct graph *graph = plan_graph(plan);
    buf_puts(out, "flowchart TD\n");
    for (uint32_t i = 0; i < graph_count(graph); i++) {
        mermaid_node(out, i, graph_node(graph, i));
    }
    each_edge(graph, mermaid_edge, out);
}
