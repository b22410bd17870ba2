#include "cli/commands.h"
#include "cli/drawing.h"
#include "cli/terminal.h"
#include "report/graph.h"

enum graph_format { GRAPH_DOT = 1, GRAPH_SVG, GRAPH_MERMAID };
static const char *const formats[] = {"dot", "svg", "mermaid", NULL};

struct graph_options {
    int format;
};

static int graph_print(struct plan *plan, int format) {
    struct buf out = BUF_INIT(PRODUCT_MAX);
    AUTO_ERR err = ERR_INIT;
    if (format == GRAPH_MERMAID)
        graph_mermaid(&out, plan);
    else if (format != GRAPH_SVG)
        graph_dot(&out, plan, false);
    else if (drawing_make(plan, NULL, &out, &err) < 0) {
        buf_release(&out);
        return print_err(&err);
    }
    return print_product(&out);
}

static int graph_run(const struct invocation *invocation) {
    const struct graph_options *options = invocation->options;
    struct diag *diag = diag_new();
    const struct plan_options planned = {.path = invocation->operands[0], .shape_only = true};
    struct plan *plan = plan_new(&planned, diag);
    const int status = plan ? graph_print(plan, options->format) : print_diag(diag);
    plan_free(plan);
    diag_free(diag);
    return status;
}

static const struct option graph_options[] = {
    {.name = "format",
     .letter = 'f',
     .kind = OPTION_CHOICE,
     .offset = offsetof(struct graph_options, format),
     .argument = "FORMAT",
     .choices = formats,
     .doc = "what to draw it as; dot if unsaid"},
    {0},
};

const struct command command_graph = {
    .name = "graph",
    .summary = "draw the graph of a runbook's steps",
    .operands = "FILE",
    .least = 1,
    .most = 1,
    .word = WORD_FILE,
    .options = graph_options,
    .size = sizeof(struct graph_options),
    .examples =
        (const struct example[]){
            {"graph --format svg drill.yaml > drill.svg", "Draw a picture, with Graphviz."},
            {"graph --format mermaid drill.yaml", "Text that Markdown viewers draw."},
            {0}},
    .run = graph_run,
};
