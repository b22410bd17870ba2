/* What is drawn of a plan, one figure after the other, for pens that write it as text; private to
 * the drawing. */
#ifndef REPORT_GRAPH_PEN_H
#define REPORT_GRAPH_PEN_H

#include "plan/plan.h"
#include "report/palette.h"

#define FIGURE_LINES 8
#define FIGURE_NONE UINT32_MAX

enum figure_shape {
    FIGURE_BOX,
    FIGURE_GATE,
    FIGURE_UNDO,
    FIGURE_LIMIT, /* the point of no return, behind the step that is one */
    FIGURE_JOINT, /* where a group opens or closes */
};

struct figure {
    uint32_t number; /* from 0, in the order in which they are drawn */
    enum figure_shape shape;
    enum ink ink;
    const char *path;   /* of the step: "outer/inner" */
    const char *suffix; /* tells figures of one path apart: "", " undo", ... */
    const char *name;   /* both: of this figure alone */
    const char *phase;  /* "run" or "finally" */
    size_t line_count;
    char *lines[FIGURE_LINES]; /* the first is the title; fit for any page */
    const char *beside;        /* name of the figure at whose side it stands, or NULL */
};

enum edge_kind {
    EDGE_FLOW,
    EDGE_UNDO,  /* from a step to what undoes it */
    EDGE_LATER, /* to what runs at the end whatever happened */
};

struct edge {
    uint32_t from, to;
    const char *from_name, *to_name;
    enum edge_kind kind;
};

struct pen {
    void (*figure)(struct buf *out, const struct figure *figure);
    /* A frame around all until its close; frames nest. */
    void (*open)(struct buf *out, const struct figure *frame);
    void (*close)(struct buf *out);
    void (*edge)(struct buf *out, const struct edge *edge);
};

/* Recursion is as deep as runbooks call each other and nest. */
void pen_draw(const struct pen *pen, struct buf *out, struct plan *plan);

#endif
