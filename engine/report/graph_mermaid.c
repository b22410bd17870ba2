#include <ctype.h>
#include <string.h>

#include "base/mem.h"
#include "report/graph.h"
#include "report/graph_pen.h"

/* Mermaid reads its labels as Markdown and HTML, and has no escapes but numbered entities: all
 * that is not plainly part of a word or a sentence becomes one. */
static void mermaid_text(struct buf *out, const char *text) {
    for (const char *at = text; *at; at++) {
        unsigned char byte = (unsigned char)*at;
        bool is_word = isalnum(byte) || byte >= 0x80;
        bool is_inner = at > text && strchr("-_", *at) && isalnum((unsigned char)at[-1]) &&
                        isalnum((unsigned char)at[1]);
        if (is_word || is_inner || strchr(" ,:", *at))
            buf_putc(out, *at);
        else
            buf_printf(out, "#%d;", byte);
    }
}

static void mermaid_label(struct buf *out, const struct figure *figure) {
    buf_putc(out, '"');
    for (size_t i = 0; i < figure->line_count; i++) {
        buf_puts(out, i == 0 ? "" : "<br>");
        mermaid_text(out, figure->lines[i]);
    }
    buf_putc(out, '"');
}

static void mermaid_figure(struct buf *out, const struct figure *figure) {
    static const char *const shapes[][2] = {
        [FIGURE_BOX] = {"[", "]"},     [FIGURE_GATE] = {"{{", "}}"},  [FIGURE_UNDO] = {"(", ")"},
        [FIGURE_LIMIT] = {"[[", "]]"}, [FIGURE_JOINT] = {"((", "))"},
    };
    buf_printf(out, "n%u%s", figure->number, shapes[figure->shape][0]);
    if (figure->line_count > 0)
        mermaid_label(out, figure);
    else
        buf_puts(out, "\" \"");
    buf_printf(out, "%s\nclass n%u %s\n", shapes[figure->shape][1], figure->number,
               palette[figure->ink].name);
}

static void mermaid_open(struct buf *out, const struct figure *frame) {
    buf_printf(out, "subgraph g%u[", frame->number);
    mermaid_label(out, frame);
    buf_printf(out, "]\n");
}

static void mermaid_close(struct buf *out) {
    buf_puts(out, "end\n");
}

static void mermaid_edge(struct buf *out, const struct edge *edge) {
    static const char *const arrows[] = {
        [EDGE_FLOW] = "-->", [EDGE_UNDO] = "-.-", [EDGE_LATER] = "-.->"};
    buf_printf(out, "n%u %s n%u\n", edge->from, arrows[edge->kind], edge->to);
}

void graph_mermaid(struct buf *out, struct plan *plan) {
    static const struct pen pen = {mermaid_figure, mermaid_open, mermaid_close, mermaid_edge};
    buf_puts(out, "flowchart TD\n");
    for (size_t i = 0; i < INK_COUNT; i++)
        buf_printf(out, "classDef %s fill:%s,stroke:%s,color:%s\n", palette[i].name,
                   palette[i].light.fill, palette[i].light.line, palette[i].light.text);
    pen_draw(&pen, out, plan);
}
