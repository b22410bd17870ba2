#include "cli/drawing.h"

#include <unistd.h>

#include "base/mem.h"
#include "cli/terminal.h"
#include "io/process.h"
#include "report/graph.h"

/* Graphviz at work: its output, and how it ended. */
struct drawing {
    struct loop *loop;
    struct process *process;
    struct buf svg, complaint;
    struct process_exit exit;
    bool is_late;
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
    if (process_spawn(drawing->loop, &spec, &drawing->process, err) < 0) {
        err_wrap(err, "Graphviz is not at hand");
        return err_hint(err, "svg is drawn by Graphviz: install its package, graphviz, or use "
                             "--format dot or mermaid");
    }
    return 0;
}

static void drawing_late(void *user) {
    struct drawing *drawing = user;
    drawing->is_late = true;
    process_kill(drawing->process, 0);
}

static void drawing_wait(struct drawing *drawing, const struct drawing_page *page) {
    struct loop_timer *timer =
        page ? loop_timer_new(drawing->loop, page->limit_ms, drawing_late, drawing) : NULL;
    loop_run(drawing->loop);
    loop_timer_free(timer);
    process_free(drawing->process);
}

static int drawing_judge(const struct drawing *drawing, struct err *err) {
    if (drawing->is_late)
        return err_set(err, ERR_LIMIT, "Graphviz has not laid out the graph in time");
    if (drawing->exit.code == 0 && !drawing->svg.overflow)
        return 0;
    return err_set(err, ERR_SYSTEM, "Graphviz could not draw the graph: %s",
                   buf_text(&drawing->complaint));
}

int drawing_make(struct plan *plan, const struct drawing_page *page, struct buf *out,
                 struct err *err) {
    AUTO_BUF dot = BUF_INIT(PRODUCT_MAX);
    struct drawing drawing = {.loop = loop_new(err),
                              .svg = BUF_INIT(PRODUCT_MAX),
                              .complaint = BUF_INIT(65536),
                              .exit = {.code = -1}};
    if (!drawing.loop)
        return -1;
    graph_dot(&dot, plan, page != NULL);
    int status = drawing_spawn(&drawing, &dot, err);
    if (status == 0) {
        drawing_wait(&drawing, page);
        status = drawing_judge(&drawing, err);
    }
    if (status == 0)
        graph_svg(out, &drawing.svg, page == NULL);
    buf_release(&drawing.svg);
    buf_release(&drawing.complaint);
    loop_free(drawing.loop);
    return status;
}
