/* The step graph of one list of steps: groups are flattened into a begin and an end node, so
 * that order is edges only. Needs and dependents are arrays; every walk is iterative. */
#ifndef PLAN_GRAPH_H
#define PLAN_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lang/runbook.h"

#define GRAPH_NONE UINT32_MAX /* INDEX_NONE, too */

enum graph_role {
    GRAPH_ACT,   /* a step that acts, or whose body is decided at run time (foreach, call) */
    GRAPH_BEGIN, /* a group opens: `when` is decided here */
    GRAPH_END,   /* a group closes: carries its rollback, its outcome */
};

struct graph_node {
    const struct step *step;
    enum graph_role role;
    uint32_t group; /* the BEGIN node of the group it stands in, or GRAPH_NONE */
    uint32_t peer;  /* BEGIN: its END; END: its BEGIN */
    uint32_t wave;  /* 0 for those that start at once, else 1 + the highest of its needs */
    uint32_t need_first, need_count;           /* into graph_needs */
    uint32_t dependent_first, dependent_count; /* into graph_dependents */
};

/* What a list is to its graph. */
enum graph_scope {
    GRAPH_LIST,  /* the steps of a runbook */
    GRAPH_BODY,  /* what stands in its only step: one pass of its foreach, the members of its group
                  */
    GRAPH_ALONE, /* its only step as a whole: a rollback handler */
};

struct graph;
/* Unknown needs, duplicate ids and cycles (printed whole) go to `diag`; NULL where there was
 * one. Nodes of a group are contiguous: BEGIN, members, END, in the order of the file. A step with
 * `foreach`, and a group that is timed, locked or judged as a whole, is one node whose body is
 * another graph. */
struct graph *graph_new(const struct step_list *steps, enum graph_scope scope, struct diag *diag);
void graph_free(struct graph *graph);

size_t graph_count(const struct graph *graph);
const struct graph_node *graph_node(const struct graph *graph, uint32_t node);
const uint32_t *graph_needs(const struct graph *graph, uint32_t node, size_t *ret_count);
const uint32_t *graph_dependents(const struct graph *graph, uint32_t node, size_t *ret_count);
/* The BEGIN or ACT node of the step with this id, or GRAPH_NONE. */
uint32_t graph_find(const struct graph *graph, const char *id);
/* Nodes in an order in which each stands behind its needs; ties in the order of the file. */
const uint32_t *graph_order(const struct graph *graph);
size_t graph_waves(const struct graph *graph);

#endif
