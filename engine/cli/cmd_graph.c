#include <unistd.h>

#include "base/mem.h"
#include "cli/commands.h"
#include "cli/terminal.h"
#include "io/process.h"
#include "report/graph.h"
#include "run/run.h"

enum graph_format { GRAPH_DOT = 1, GRAPH_SVG, GRAPH_MERMAID };
static const char *const formats[] = {"dot", "svg", "mermaid", NULL};

struct graph_options {
    int format;
};

/* Graphviz at work: its output, and how it ended. */
struct drawing {
    struct loop *loop;
    struct buf svg, complaint;
    struct process_exit exit;
};

static void drawing_output(void *user, int stream, const char *bytes, size_t length) {
    struct drawing *drawing = user;
    (void)buf_append(stream == 1 ? &drawing->svg : &drawing->complaint, bytes, length);
}

static void drawing_ended(void *user, const struct process_exit *end) {
    struct drawing *drawing = user;
    drawing->exit = *end;
    if (end->refused)
        (void)buf_puts(&drawing->complaint, end->refused->message);
    loop_stop(drawing->loop);
}

static int drawing_spawn(struct drawing *drawing, const struct buf *dot, struct err *err) {
    const char *path = getenv("PATH");
    AUTO_TEXT path_entry = mem_printf("PATH=%s", path ? path : "/usr/local/bin:/usr/bin:/bin");
    AUTO_TEXT token_entry = mem_printf(PROCESS_TOKEN "=graph-%ld", (long)getpid());
    const char *const env[] = {path_entry, token_entry, NULL};
    const struct process_spec spec = {
        .argv = (const char *const[]){"dot", "-Tsvg", NULL},
        .env = env,
        .token = token_entry + strlen(PROCESS_TOKEN "="),
        .input = buf_text(dot),
        .input_length = dot->length,
        .output = drawing_output,
        .ended = drawing_ended,
        .user = drawing,
    };
    struct process *process = NULL;
    if (process_spawn(drawing->loop, &spec, &process, err) < 0) {
        return err_hint(err, "svg is drawn by Graphviz: install its package, graphviz, or use "
                             "--format dot or mermaid");
    }
    loop_run(drawing->loop);
    process_free(process);
    return 0;
}

static int draw_svg(const struct buf *dot, struct buf *out, struct err *err) {
    struct drawing drawing = {.loop = loop_new(),
                              .svg = BUF_INIT(PRODUCT_MAX),
                              .complaint = BUF_INIT(65536),
                              .exit = {.code = -1}};
    int status = drawing_spawn(&drawing, dot, err);
    if (status == 0 && (drawing.exit.code != 0 || drawing.svg.overflow)) {
        status = err_set(err, ERR_SYSTEM, "Graphviz could not draw the graph: %s",
                         buf_text(&drawing.complaint));
    }
    if (status == 0) {
        *out = drawing.svg;
        drawing.svg = (struct buf)BUF_INIT(0);
    }
    buf_release(&drawing.svg);
    buf_release(&drawing.complaint);
    loop_free(drawing.loop);
    return status;
}

static int graph_print(struct plan *plan, int format) {
    struct buf out = BUF_INIT(PRODUCT_MAX);
    if (format == GRAPH_MERMAID) {
        graph_mermaid(&out, plan);
        return print_product(&out);
    }
    graph_dot(&out, plan);
    if (format != GRAPH_SVG) {
        return print_product(&out);
    }
    struct err err = ERR_INIT;
    struct buf svg = BUF_INIT(PRODUCT_MAX);
    const int drawn = draw_svg(&out, &svg, &err);
    buf_release(&out);
    return drawn < 0 ? print_err(&err) : print_product(&svg);
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
