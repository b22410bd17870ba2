#include <string.h>

#include "base/mem.h"
#include "report/graph.h"
#include "report/graph_pen.h"
#include "report/html.h"

/* ---- text ---------------------------------------------------------------------------------- */

/* Labels are XML without a document, in which dot's own `\N` and the like are names, too. */
static void dot_xml(struct buf *out, const char *text) {
    for (; *text; text++)
        if (*text == '\\')
            buf_puts(out, "\\\\");
        else
            html_byte(out, *text);
}

/* The title large, the rest small; `line_break` stands behind each. */
static void dot_label(struct buf *out, const struct figure *figure, const char *line_break) {
    buf_puts(out, "label=<");
    for (size_t i = 0; i < figure->line_count; i++) {
        buf_puts(out, i == 0 ? "<b>" : "<font point-size=\"10\">");
        dot_xml(out, figure->lines[i]);
        buf_printf(out, "%s%s", i == 0 ? "</b>" : "</font>", line_break);
    }
    buf_puts(out, ">");
}

/* ---- figures ------------------------------------------------------------------------------- */

/* Names are made of ids: they hold nothing that would have to be escaped. A viewer shows them as
 * tooltips. */
static void dot_joint(struct buf *out, const struct figure *figure) {
    buf_printf(out,
               "\"%s\" [shape=point, width=0.07, color=\"" PALETTE_NEUTRAL "\", class=\"flow\"];\n",
               figure->name);
}

static void dot_box(struct buf *out, const struct figure *figure) {
    static const char *const shapes[] = {
        [FIGURE_BOX] = "",
        [FIGURE_GATE] = ", shape=octagon, style=filled, margin=\"0.05,0.02\"",
        [FIGURE_UNDO] = ", style=\"rounded,filled,dashed\"",
        [FIGURE_LIMIT] = ", style=filled, margin=\"0.4,0.06\"",
        [FIGURE_JOINT] = "",
    };
    const struct ink_colors *ink = &palette[figure->ink];
    buf_printf(out, "\"%s\" [", figure->name);
    dot_label(out, figure, "<br/>");
    buf_printf(out, ", fillcolor=\"%s\", color=\"%s\", fontcolor=\"%s\", class=\"%s\"%s",
               ink->light.fill, ink->light.line, ink->light.text, ink->name, shapes[figure->shape]);
    if (figure->ink == INK_SKIPPED)
        buf_puts(out, ", style=\"rounded,filled,dotted\"");
    if (figure->ink == INK_DESTROYS)
        buf_puts(out, ", penwidth=2");
}

static void dot_figure(struct buf *out, const struct figure *figure) {
    if (figure->shape == FIGURE_JOINT) {
        dot_joint(out, figure);
        return;
    }
    dot_box(out, figure);
    buf_puts(out, "];\n");
    /* A frame that nobody sees keeps the two together. */
    if (figure->beside)
        buf_printf(out,
                   "subgraph \"cluster %s\" {style=\"\"; class=\"\"; peripheries=0; margin=0; "
                   "label=\"\"; {rank=same; \"%s\"; \"%s\"}}\n",
                   figure->name, figure->beside, figure->name);
}

/* The same, each box a link to what the page says of it. */
static void dot_figure_linked(struct buf *out, const struct figure *figure) {
    if (figure->shape == FIGURE_BOX || figure->shape == FIGURE_GATE) {
        dot_box(out, figure);
        buf_printf(out, ", URL=\"#%s/%s\"];\n", figure->phase, figure->path);
        return;
    }
    dot_figure(out, figure);
}

static void dot_open(struct buf *out, const struct figure *frame) {
    const struct ink_colors *ink = &palette[frame->ink];
    buf_printf(out, "subgraph \"cluster %s\" {\n", frame->path);
    dot_label(out, frame, "<br align=\"left\"/>");
    buf_printf(out,
               "; style=\"rounded,filled%s\"; fillcolor=\"%s\"; color=\"%s\"; fontcolor=\"%s\"; "
               "class=\"%s\";\n",
               frame->ink == INK_SKIPPED ? ",dotted" : "", ink->light.fill, ink->light.line,
               ink->light.text, ink->name);
}

static void dot_close(struct buf *out) {
    buf_puts(out, "}\n");
}

static void dot_edge(struct buf *out, const struct edge *edge) {
    static const char *const styles[] = {
        [EDGE_FLOW] = "",
        [EDGE_UNDO] = " [style=dashed, arrowhead=none]",
        [EDGE_LATER] = " [style=dotted]",
    };
    buf_printf(out, "\"%s\" -> \"%s\"%s;\n", edge->from_name, edge->to_name, styles[edge->kind]);
}

static const struct pen pen_dot = {dot_figure, dot_open, dot_close, dot_edge};
static const struct pen pen_dot_linked = {dot_figure_linked, dot_open, dot_close, dot_edge};

void graph_dot(struct buf *out, struct plan *plan, bool linked) {
    buf_printf(out,
               "digraph \"%s\" {\n"
               "graph [labeljust=l, fontname=\"Helvetica,Arial,sans-serif\", fontsize=12, "
               "bgcolor=\"transparent\", "
               "ranksep=0.35, nodesep=0.3];\n"
               "node [shape=box, style=\"rounded,filled\", "
               "fontname=\"Helvetica,Arial,sans-serif\", fontsize=12, "
               "margin=\"0.16,0.08\", height=0.3];\n"
               "edge [color=\"" PALETTE_NEUTRAL "\", class=\"flow\", arrowsize=0.7];\n",
               plan_runbook(plan)->name);
    pen_draw(linked ? &pen_dot_linked : &pen_dot, out, plan);
    buf_puts(out, "}\n");
}

/* ---- what Graphviz made of it -------------------------------------------------------------- */

void graph_svg(struct buf *out, const struct buf *drawn, bool alone) {
    const char *begin = strstr(buf_text(drawn), "<svg");
    const char *inside = begin ? strchr(begin, '>') : NULL;
    if (!inside)
        return;
    (void)buf_append(out, begin, (size_t)(inside + 1 - begin));
    if (alone) {
        buf_puts(out, "\n<style>\n");
        buf_printf(out, "svg{background:%s}\n", palette_page.light.fill);
        palette_css(out);
        buf_printf(out, "@media (prefers-color-scheme: dark){svg{background:%s}}\n</style>",
                   palette_page.dark.fill);
    }
    buf_puts(out, inside + 1);
}
