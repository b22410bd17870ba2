#include "report/graph.h"

#include "base/mem.h"
#include "base/text.h"
#include "base/vec.h"
#include "plan/fact.h"
#include "report/graph_pen.h"

#define LINE_COLUMNS 46 /* of a figure; what is longer ends in an ellipsis */
#define LINE_MAX 4096
/* So much of what is nested is drawn: runbooks may call one another a thousandfold. */
#define NESTED_MAX 100000

struct canvas {
    const struct pen *pen;
    struct buf *out;
    struct plan *plan;
    const char *phase;
    uint32_t count;    /* figures so far */
    VEC(char *) names; /* of them */
};

/* Where arrows come in and go out. */
struct ends {
    uint32_t entry, exit;
};

/* One graph while it is drawn. */
struct sheet {
    struct canvas *canvas;
    const struct runbook *file;
    const struct graph *graph;
    const char *prefix; /* of paths */
    const char *frame;  /* path of the step whose body it is, or NULL */
    bool is_skipped;    /* what it stands in is left out */
    struct ends *ends;  /* by node */
    bool *skipped;
};

/* Draws all of it; sheet_release follows. */
static void sheet_draw(struct sheet *sheet);
static void sheet_join(const struct sheet *sheet, uint32_t entry, uint32_t exit,
                       enum edge_kind kind);
static void sheet_release(struct sheet *sheet);

/* ---- the text of a figure ------------------------------------------------------------------ */

static void line_add(struct figure *figure, const char *label, const char *text, size_t length) {
    AUTO_BUF whole = BUF_INIT(LINE_MAX + 256);
    AUTO_BUF fit = BUF_INIT(LINE_MAX);
    if (figure->line_count == FIGURE_LINES)
        return;
    buf_puts(&whole, label);
    buf_append(&whole, text, length < LINE_MAX ? length : LINE_MAX);
    text_fit(&fit, buf_text(&whole), whole.length, LINE_COLUMNS, true);
    figure->lines[figure->line_count++] = buf_detach(&fit);
}

static void text_add(struct figure *figure, const char *label, const char *text) {
    if (text)
        line_add(figure, label, text, strlen(text));
}

static void figure_release(struct figure *figure) {
    for (size_t i = 0; i < figure->line_count; i++)
        mem_free(figure->lines[i]);
}

static void question_add(void *user, const struct step_question *question) {
    struct figure *figure = user;
    AUTO_BUF who = BUF_INIT(LINE_MAX);
    const char *const *names = question->approvers;
    if (question->kind == STEP_ASK_MANUAL)
        return;
    if (!names || !names[0]) {
        text_add(figure, "", "opened by anybody");
        return;
    }
    buf_printf(&who, "opened by %lld of", (long long)question->quorum);
    for (; *names; names++) {
        if (who.length + strlen(*names) > LINE_COLUMNS - 2) {
            text_add(figure, "", buf_text(&who));
            buf_clear(&who);
        }
        buf_printf(&who, "%s%s%s", who.length ? " " : "", *names, names[1] ? "," : "");
    }
    text_add(figure, "", buf_text(&who));
}

static void need_ignore(void *user, enum step_need need, const char *text, size_t length) {
    (void)user, (void)need, (void)text, (void)length;
}

static void losses_add(struct figure *figure, const struct step *step) {
    AUTO_BUF names = BUF_INIT(LINE_MAX);
    for (size_t i = 0; i < step->more->destroys.count; i++)
        buf_printf(&names, "%s%s", i ? ", " : "", FIELD_AT(const char *, &step->more->destroys, i));
    if (names.length)
        text_add(figure, "destroys ", buf_text(&names));
}

static const char *const effects[] = {
    [EFFECT_UNSAID] = "",
    [EFFECT_READ] = ", read",
    [EFFECT_IDEMPOTENT] = ", idempotent",
    [EFFECT_ONCE] = ", once",
};

static void foreach_add(struct figure *figure, const struct step *step) {
    AUTO_BUF list = BUF_INIT((size_t)1 << 20);
    if (!step->more->foreach)
        return;
    template_show(&list, step->more->foreach);
    line_add(figure, "for each of ", buf_text(&list), list.length);
}

static void target_show(struct figure *figure, const struct step *step) {
    AUTO_BUF target = BUF_INIT(LINE_MAX);
    if (!step->more->target)
        return;
    template_show(&target, step->more->target);
    line_add(figure, "on ", buf_text(&target), target.length);
}

/* All that tells a step at a glance. */
static void step_lines(struct figure *figure, const struct step *step) {
    const struct step_demand demand = {
        .user = figure, .need = need_ignore, .question = question_add};
    bool has_title = step->title && *step->title;
    AUTO_TEXT kind = mem_printf("%s%s%s%s", has_title ? step->id : "", has_title ? ": " : "",
                                step->type->key, effects[step_effect(step)]);
    text_add(figure, "", has_title ? step->title : step->id);
    text_add(figure, "", kind);
    foreach_add(figure, step);
    text_add(figure, "when ", step->more->when ? expr_text(step->more->when) : NULL);
    if (step->type->demand && step->type->asks)
        step->type->demand(step->spec, &demand);
    losses_add(figure, step);
    target_show(figure, step);
    text_add(figure, "holds lock ", step->more->lock);
    if (step->background)
        text_add(figure, "", "runs beside the rest until the end");
}

static enum ink step_ink(const struct step *step, bool is_skipped) {
    static const enum ink inks[] = {
        [EFFECT_UNSAID] = INK_READ,
        [EFFECT_READ] = INK_READ,
        [EFFECT_IDEMPOTENT] = INK_IDEMPOTENT,
        [EFFECT_ONCE] = INK_ONCE,
    };
    if (is_skipped)
        return INK_SKIPPED;
    if (step->type->asks && step->type->asks(step->spec) != STEP_ASKS_NOBODY)
        return INK_GATE;
    return step->more->destroys.count > 0 ? INK_DESTROYS : inks[step_effect(step)];
}

/* ---- figures ------------------------------------------------------------------------------- */

static uint32_t figure_put(struct canvas *canvas, struct figure *figure) {
    figure->number = canvas->count++;
    figure->phase = canvas->phase;
    figure->name = *vec_add(&canvas->names) = mem_printf("%s%s", figure->path, figure->suffix);
    canvas->pen->figure(canvas->out, figure);
    figure_release(figure);
    return figure->number;
}

static uint32_t joint_put(struct canvas *canvas, const char *path, const char *suffix) {
    struct figure figure = {.shape = FIGURE_JOINT, .ink = INK_FLOW, .path = path, .suffix = suffix};
    return figure_put(canvas, &figure);
}

static void edge_put(const struct canvas *canvas, uint32_t from, uint32_t to, enum edge_kind kind) {
    const struct edge edge = {from, to, canvas->names.items[from], canvas->names.items[to], kind};
    canvas->pen->edge(canvas->out, &edge);
}

static void undo_put(struct canvas *canvas, const struct step *step, const char *path,
                     uint32_t beside) {
    const struct step *handler = step->more->rollback;
    struct figure figure = {.shape = FIGURE_UNDO,
                            .ink = INK_UNDO,
                            .path = path,
                            .suffix = " undo",
                            .beside = canvas->names.items[beside]};
    if (!handler)
        return;
    AUTO_TEXT kind = mem_printf("undoes %s: %s", step->id, handler->type->key);
    text_add(&figure, "", handler->title ? handler->title : "Rollback");
    text_add(&figure, "", kind);
    edge_put(canvas, beside, figure_put(canvas, &figure), EDGE_UNDO);
}

/* Where arrows go on from: the step itself, or the point of no return behind it. */
static uint32_t limit_put(struct canvas *canvas, const struct step *step, const char *path,
                          uint32_t behind) {
    struct figure figure = {
        .shape = FIGURE_LIMIT, .ink = INK_LIMIT, .path = path, .suffix = " limit"};
    if (!step->point_of_no_return)
        return behind;
    text_add(&figure, "", "Point of no return");
    text_add(&figure, "", "nothing above is rolled back any more");
    uint32_t number = figure_put(canvas, &figure);
    edge_put(canvas, behind, number, EDGE_FLOW);
    return number;
}

static void frame_open(const struct canvas *canvas, const struct step *step, const char *path,
                       bool is_skipped) {
    struct figure frame = {.number = canvas->count,
                           .ink = is_skipped ? INK_SKIPPED : INK_GROUP,
                           .path = path,
                           .suffix = "",
                           .phase = canvas->phase};
    step_lines(&frame, step);
    canvas->pen->open(canvas->out, &frame);
    figure_release(&frame);
}

/* ---- a graph ------------------------------------------------------------------------------- */

static bool is_left_out(const struct sheet *sheet, uint32_t index) {
    const struct fact_scope at = {sheet->canvas->plan, sheet->file};
    const struct graph_node *node = graph_node(sheet->graph, index);
    if (sheet->is_skipped)
        return true;
    if (node->role == GRAPH_END)
        return sheet->skipped[node->peer];
    if (node->group != GRAPH_NONE && sheet->skipped[node->group])
        return true;
    AUTO_VALUE when = fact_of_expr(&at, node->step->more->when);
    return fact_skip_reason(&at, sheet->graph, index, when) != NULL;
}

/* Yields where arrows go on from. */
static uint32_t box_draw(struct canvas *canvas, const struct step *step, const char *path,
                         bool is_skipped) {
    struct figure figure = {.ink = step_ink(step, is_skipped), .path = path, .suffix = ""};
    figure.shape = step->type->gate ? FIGURE_GATE : FIGURE_BOX;
    step_lines(&figure, step);
    uint32_t number = figure_put(canvas, &figure);
    if (!is_skipped)
        undo_put(canvas, step, path, number);
    return is_skipped ? number : limit_put(canvas, step, path, number);
}

/* A called runbook: its graph between two joints. */
static struct ends call_draw(struct canvas *canvas, const struct step *step,
                             const struct runbook *called, const char *path, bool is_skipped) {
    AUTO_TEXT prefix = mem_printf("%s/", path);
    struct sheet sheet = {.canvas = canvas,
                          .file = called,
                          .graph = plan_graph_of(canvas->plan, called->steps),
                          .prefix = prefix,
                          .is_skipped = is_skipped};
    frame_open(canvas, step, path, is_skipped);
    struct ends ends = {.entry = joint_put(canvas, path, "")};
    ends.exit = joint_put(canvas, path, " end");
    sheet_draw(&sheet);
    sheet_join(&sheet, ends.entry, ends.exit, EDGE_FLOW);
    sheet_release(&sheet);
    if (!is_skipped)
        undo_put(canvas, step, path, ends.exit);
    canvas->pen->close(canvas->out);
    if (!is_skipped)
        ends.exit = limit_put(canvas, step, path, ends.exit);
    return ends;
}

/* What stands in a loop or in a group that is judged as a whole: its first and its last node stand
 * for the step itself. */
static struct ends body_draw(const struct sheet *outer, const struct step *step, const char *path,
                             bool is_skipped) {
    AUTO_TEXT prefix = mem_printf("%s/", path);
    struct sheet sheet = {.canvas = outer->canvas,
                          .file = outer->file,
                          .graph = plan_graph_of_step(outer->canvas->plan, step, GRAPH_BODY),
                          .prefix = prefix,
                          .frame = path,
                          .is_skipped = is_skipped};
    sheet_draw(&sheet);
    struct ends ends = {sheet.ends[0].entry, sheet.ends[graph_count(sheet.graph) - 1].exit};
    sheet_release(&sheet);
    return ends;
}

static struct ends act_draw(const struct sheet *sheet, const struct step *step, const char *path,
                            bool is_skipped) {
    struct canvas *canvas = sheet->canvas;
    struct step_expansion inner = {0};
    if (canvas->count <= NESTED_MAX && step_expand(step, &inner) && inner.runbook)
        return call_draw(canvas, step, inner.runbook, path, is_skipped);
    if (inner.steps)
        return body_draw(sheet, step, path, is_skipped);
    struct ends ends = {.entry = canvas->count};
    ends.exit = box_draw(canvas, step, path, is_skipped);
    return ends;
}

/* The end of a group, with its handler in the frame and what follows behind it. */
static uint32_t end_draw(const struct sheet *sheet, const struct step *step, const char *path,
                         bool is_skipped) {
    struct canvas *canvas = sheet->canvas;
    uint32_t number = joint_put(canvas, path, " end");
    if (!is_skipped)
        undo_put(canvas, step, path, number);
    canvas->pen->close(canvas->out);
    return is_skipped ? number : limit_put(canvas, step, path, number);
}

static void node_draw(struct sheet *sheet, uint32_t index) {
    const struct graph_node *node = graph_node(sheet->graph, index);
    bool is_frame = sheet->frame && node->group == GRAPH_NONE;
    AUTO_TEXT path =
        is_frame ? mem_strdup(sheet->frame) : mem_printf("%s%s", sheet->prefix, node->step->id);
    bool is_skipped = sheet->skipped[index] = is_left_out(sheet, index);
    struct ends *ends = &sheet->ends[index];
    switch (node->role) {
    case GRAPH_ACT:
        *ends = act_draw(sheet, node->step, path, is_skipped);
        return;
    case GRAPH_BEGIN:
        frame_open(sheet->canvas, node->step, path, is_skipped);
        ends->entry = ends->exit = joint_put(sheet->canvas, path, "");
        return;
    case GRAPH_END:
        ends->entry = sheet->canvas->count;
        ends->exit = end_draw(sheet, node->step, path, is_skipped);
        return;
    }
    abort();
}

/* A group's begin is before all of its members, and its end behind them: drawn only where no other
 * arrow says so. */
static bool is_said(const struct graph *graph, uint32_t from, uint32_t to) {
    const struct graph_node *before = graph_node(graph, from), *behind = graph_node(graph, to);
    bool is_inward = before->role == GRAPH_BEGIN;
    bool is_outward = behind->role == GRAPH_END;
    return (is_inward && behind->need_count > 1) || (is_outward && before->dependent_count > 1);
}

static void sheet_draw(struct sheet *sheet) {
    size_t count = graph_count(sheet->graph);
    sheet->ends = mem_calloc(count + 1, sizeof *sheet->ends);
    sheet->skipped = mem_calloc(count + 1, sizeof *sheet->skipped);
    for (uint32_t i = 0; i < count; i++)
        node_draw(sheet, i);
    for (uint32_t to = 0; to < count; to++) {
        size_t needed;
        const uint32_t *needs = graph_needs(sheet->graph, to, &needed);
        for (size_t i = 0; i < needed; i++)
            if (!is_said(sheet->graph, needs[i], to))
                edge_put(sheet->canvas, sheet->ends[needs[i]].exit, sheet->ends[to].entry,
                         EDGE_FLOW);
    }
}

/* Arrows to what begins at once, and from what nothing waits for; FIGURE_NONE: none. */
static void sheet_join(const struct sheet *sheet, uint32_t entry, uint32_t exit,
                       enum edge_kind kind) {
    for (uint32_t i = 0; i < graph_count(sheet->graph); i++) {
        const struct graph_node *node = graph_node(sheet->graph, i);
        if (node->need_count == 0 && entry != FIGURE_NONE)
            edge_put(sheet->canvas, entry, sheet->ends[i].entry, kind);
        if (node->dependent_count == 0 && exit != FIGURE_NONE)
            edge_put(sheet->canvas, sheet->ends[i].exit, exit, kind);
    }
}

static void sheet_release(struct sheet *sheet) {
    mem_free(sheet->ends);
    mem_free(sheet->skipped);
}

/* ---- the runbook --------------------------------------------------------------------------- */

/* In a frame below the rest: it begins when all of that has ended. */
static void finally_draw(struct canvas *canvas, const struct sheet *steps) {
    const struct graph *graph = plan_finally(canvas->plan);
    struct sheet sheet = {
        .canvas = canvas, .file = plan_runbook(canvas->plan), .graph = graph, .prefix = ""};
    struct figure frame = {
        .number = canvas->count, .ink = INK_GROUP, .path = "(finally)", .suffix = ""};
    if (!graph)
        return;
    canvas->phase = frame.phase = "finally";
    text_add(&frame, "", "Finally, whatever happened");
    canvas->pen->open(canvas->out, &frame);
    figure_release(&frame);
    uint32_t entry = joint_put(canvas, "(finally)", "");
    sheet_draw(&sheet);
    sheet_join(&sheet, entry, FIGURE_NONE, EDGE_FLOW);
    sheet_release(&sheet);
    canvas->pen->close(canvas->out);
    sheet_join(steps, FIGURE_NONE, entry, EDGE_LATER);
}

void pen_draw(const struct pen *pen, struct buf *out, struct plan *plan) {
    struct canvas canvas = {.pen = pen, .out = out, .plan = plan, .phase = "run"};
    struct sheet sheet = {
        .canvas = &canvas, .file = plan_runbook(plan), .graph = plan_graph(plan), .prefix = ""};
    sheet_draw(&sheet);
    finally_draw(&canvas, &sheet);
    sheet_release(&sheet);
    for (size_t i = 0; i < canvas.names.count; i++)
        mem_free(canvas.names.items[i]);
    vec_release(&canvas.names);
}
