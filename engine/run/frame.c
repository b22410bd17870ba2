#include "run/engine.h"

#include "base/text.h"
#include "run/commit.h"
#include "run/dryrun.h"
#include "run/replay_step.h"

struct frame *frame_new(struct run *run, struct node *owner, const struct graph *graph,
                        enum phase phase, char *path_taken) {
    struct frame *frame = mem_zalloc(sizeof *frame);
    size_t count = graph_count(graph);
    frame->run = run;
    frame->owner = owner;
    frame->parent = owner ? owner->frame : NULL;
    frame->phase = phase;
    frame->path = path_taken;
    frame->graph = graph;
    frame->nodes = mem_calloc(count + 1, sizeof *frame->nodes);
    frame->unsettled = count;
    frame->file = frame->parent ? frame->parent->file : run->runbook;
    frame->params = frame->parent ? value_copy(frame->parent->params) : plan_params(run->plan);
    frame->item = frame->parent ? value_copy(frame->parent->item) : value_none();
    frame->index = frame->parent ? frame->parent->index : 0;
    frame->steps = value_object();
    for (uint32_t i = 0; i < count; i++) {
        frame->nodes[i].frame = frame;
        frame->nodes[i].open = graph_node(graph, i)->need_count;
    }
    if (owner) {
        frame->previous = owner->newest;
        *(owner->newest ? &owner->newest->next : &owner->children) = frame;
        owner->newest = frame;
    }
    return frame;
}

/* Frames nest as deeply as runbooks and groups do, which `check` caps. */
void frame_free(struct frame *frame) {
    if (!frame)
        return;
    for (uint32_t i = 0; i < graph_count(frame->graph); i++) {
        struct frame *child = frame->nodes[i].children;
        while (child) {
            struct frame *next = child->next;
            frame_free(child);
            child = next;
        }
        task_free(frame->nodes[i].task);
        mem_free(frame->nodes[i].done);
    }
    value_free(frame->params);
    value_free(frame->item);
    value_free(frame->steps);
    mem_free(frame->nodes);
    mem_free(frame->path);
    mem_free(frame);
}

void frame_start(struct frame *frame) {
    if (frame != frame->run->root && frame->run->commit)
        commit_relied_on(frame->run->commit);
    for (uint32_t i = 0; i < graph_count(frame->graph); i++)
        if (!frame->nodes[i].open)
            sched_ready(&frame->nodes[i]);
    if (!frame->unsettled)
        frame_check(frame);
    sched_pump(frame->run);
}

void frame_check(struct frame *frame) {
    bool over = !frame->unsettled || (!frame->active && !frame_may_start(frame));
    if (!over || frame->done || (frame->unsettled && frame->run->unsettled))
        return;
    frame->done = true;
    dryrun_frame_over(frame);
    if (frame->ended)
        frame->ended(frame, !frame->unsettled && !frame->failed);
}

/* Frames nest as deeply as runbooks and groups do, which `check` caps. */
static void tasks_each(struct frame *frame, void (*each)(struct task *task)) {
    for (uint32_t i = 0; i < graph_count(frame->graph); i++) {
        struct node *node = &frame->nodes[i];
        if (node->task)
            each(node->task);
        for (struct frame *child = node->children; child; child = child->next)
            if (child->phase == frame->phase && !child->done)
                tasks_each(child, each);
    }
}

void frame_cancel(struct frame *frame) {
    tasks_each(frame, task_cancel);
    if (frame->run->replay)
        replay_drained(frame->run->replay);
}

void frame_drain(struct frame *frame) {
    tasks_each(frame, task_drain);
    if (frame->run->replay)
        replay_drained(frame->run->replay);
}
