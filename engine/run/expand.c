/* Containers whose body is decided at run time: foreach, and another runbook. */
#include "run/engine.h"

#include "base/text.h"
#include "plan/params.h"

/* A foreach under way; frees itself with its last frame. */
struct loop_body {
    struct node *node;
    value items, results, outputs;
    size_t next, under_way;
    bool failed;
};

static value results_with(value results, struct frame *frame) {
    value one = value_get(frame->steps, graph_node(frame->graph, 0)->step->id);
    return value_append(results, value_is(one, VALUE_NONE) ? value_null() : one);
}

static const char *finished_record(struct node *node, bool ok, bool cut_short, const char *error) {
    AUTO_TEXT path = node_path(node);
    const char *status = ok ? "succeeded" : cut_short ? "cancelled" : "failed";
    struct event event;
    node_event(node, EVENT_STEP_FINISHED, path, &event);
    EVENT_SET(&event, status, status);
    EVENT_SET(&event, duration_ms, node->duration_ms);
    if (!ok)
        EVENT_SET(&event, error, cut_short ? "the run was stopped before it was finished" : error);
    node_record(node, &event,
                ok          ? STATE_EVENT_SUCCEED
                : cut_short ? STATE_EVENT_CANCEL
                            : STATE_EVENT_FAIL);
    return status;
}

static void started_record(struct node *node) {
    AUTO_TEXT path = node_path(node);
    const struct step *step = node_step(node);
    struct event event;
    node_event(node, EVENT_STEP_STARTED, path, &event);
    EVENT_SET(&event, attempt, 1);
    EVENT_SET(&event, action,
              step->foreach && !node->frame->is_single ? "foreach" : step->type->key);
    if (step->title)
        EVENT_SET(&event, title, step->title);
    node_record(node, &event, STATE_EVENT_START);
    node->duration_ms = -clock_mono_ns() / NS_PER_MS;
}

/* `cut_short`: no member failed, but the run was stopped before all had begun. */
static void container_settle(struct node *node, bool ok, bool cut_short, value result_taken,
                             const char *error) {
    node->duration_ms += clock_mono_ns() / NS_PER_MS;
    const char *status = finished_record(node, ok, cut_short, error);
    value result = value_set(result_taken, "status", value_string(status));
    scope_publish(node, value_set(result, "duration_ms", value_integer(node->duration_ms)));
    node_settle(node);
}

/* The outputs of each item side by side: {name: [of the first, of the second, …]}. */
static value outputs_of(value results) {
    value all = value_object();
    for (size_t i = 0; i < value_count(results); i++) {
        AUTO_VALUE one = value_at(results, i);
        AUTO_VALUE outputs = value_get(one, "outputs");
        value key, item;
        for (size_t k = 0; value_next(outputs, &k, &key, &item);) {
            value list = value_get(all, value_text(key));
            if (value_is(list, VALUE_NONE))
                list = value_array();
            all = value_set(all, value_text(key), value_append(list, item));
            value_free(key);
        }
    }
    return all;
}

static void foreach_finish(struct loop_body *body) {
    struct node *node = body->node;
    value results = value_array();
    for (struct frame *frame = node->children; frame; frame = frame->next)
        results = results_with(results, frame);
    value result = value_set(value_object(), "outputs", outputs_of(results));
    result = value_set(result, "results", results);
    bool failed = body->failed;
    bool ok = !failed && body->next == value_count(body->items);
    value_free(body->items);
    mem_free(body);
    container_settle(node, ok, !failed, result, "a member of the loop failed");
}

static void foreach_next(struct loop_body *body);

static void item_ended(struct frame *frame, bool ok) {
    struct loop_body *body = frame->user;
    body->under_way--;
    body->failed |= !ok;
    foreach_next(body);
}

static void item_start(struct loop_body *body) {
    struct node *node = body->node;
    AUTO_TEXT path = node_path(node);
    const struct graph *graph = plan_graph_of_step(node->frame->run->plan, node_step(node));
    struct frame *frame = frame_new(node->frame->run, node, graph, node->frame->phase,
                                    mem_printf("%s[%zu]", path, body->next));
    frame->is_single = true;
    value_free(frame->item);
    frame->item = value_at(body->items, body->next);
    frame->index = (int64_t)body->next;
    frame->ended = item_ended;
    frame->user = body;
    body->next++;
    body->under_way++;
    frame_start(frame);
}

static void foreach_next(struct loop_body *body) {
    size_t most = (size_t)node_step(body->node)->concurrency;
    while (!body->failed && body->next < value_count(body->items) &&
           body->under_way < (most ? most : 1) && frame_may_start(body->node->frame))
        item_start(body);
    if (!body->under_way)
        foreach_finish(body);
}

static int items_evaluate(struct node *node, value *ret, struct err *err) {
    struct expr_input input = scope_input_public(node->frame);
    if (template_render(node_step(node)->foreach, &input, ret, err) < 0)
        return -1;
    if (value_is(*ret, VALUE_ARRAY))
        return 0;
    AUTO_TEXT shown = value_to_text(*ret);
    value_free(*ret);
    err_set(err, ERR_INVALID, "`foreach` needs a list, not %.200s", shown);
    return -1;
}

int expand_foreach(struct node *node, struct err *err) {
    value items;
    if (items_evaluate(node, &items, err) < 0)
        return -1;
    struct loop_body *body = mem_zalloc(sizeof *body);
    body->node = node;
    body->items = items;
    started_record(node);
    foreach_next(body);
    return 0;
}

/* ---- call ---------------------------------------------------------------------------------- */

static void collect_error(void *user, struct err *err) {
    struct err *all = user;
    if (all->kind == ERR_NONE)
        err_move(all, err);
    else
        err_wrap(all, "%s; and", err->message);
    err_release(err);
}

static int call_params(struct node *node, const struct step_expansion *inner, value *ret,
                       struct err *err) {
    struct expr_input input = scope_input(node->frame);
    value given = value_object();
    for (size_t i = 0; inner->params && i < inner->params->count; i++) {
        value item;
        if (template_render(FIELD_AT(struct template *, inner->params, i), &input, &item, err) <
            0) {
            value_free(given);
            return -1;
        }
        given = value_set(given, inner->params->keys[i], item);
    }
    return params_bind(inner->runbook, given, ret, collect_error, err);
}

/* What the caller sees: the outputs of the called runbook's steps, by name; later ones win. */
static value call_result(const struct frame *frame) {
    value outputs = value_object();
    value key, item;
    for (size_t i = 0; value_next(frame->steps, &i, &key, &item);) {
        value own = value_get(item, "outputs");
        if (value_is(own, VALUE_OBJECT))
            outputs = value_merge(outputs, own);
        else
            value_free(own);
        value_free(key);
        value_free(item);
    }
    value result = value_set(value_object(), "outputs", outputs);
    return value_set(result, "steps", value_copy(frame->steps));
}

static void call_finally_ended(struct frame *frame, bool ok) {
    struct node *node = frame->owner;
    struct frame *steps = node->children;
    bool steps_ok = !steps->unsettled && !steps->failed;
    container_settle(node, steps_ok && ok, !steps->failed && ok, call_result(steps),
                     steps_ok ? "a step of its `finally` failed" : "one of its steps failed");
}

static void call_ended(struct frame *frame, bool ok) {
    struct node *node = frame->owner;
    if (!frame->file->finally) {
        container_settle(node, ok, !frame->failed, call_result(frame), "one of its steps failed");
        return;
    }
    const struct graph *graph = plan_graph_of(frame->run->plan, frame->file->finally);
    struct frame *finally =
        frame_new(frame->run, node, graph, PHASE_FINALLY, mem_strdup(frame->path));
    finally->file = frame->file;
    value_free(finally->params);
    finally->params = value_copy(frame->params);
    value_free(finally->steps);
    finally->steps = value_copy(frame->steps);
    finally->ended = call_finally_ended;
    frame_start(finally);
}

int expand_call(struct node *node, struct err *err) {
    struct step_expansion inner = {0};
    value params;
    step_expand(node_step(node), &inner);
    if (call_params(node, &inner, &params, err) < 0)
        return err_wrap(err, "calling `%s`", inner.runbook->path);
    AUTO_TEXT path = node_path(node);
    const struct graph *graph = plan_graph_of(node->frame->run->plan, inner.runbook->steps);
    struct frame *frame =
        frame_new(node->frame->run, node, graph, node->frame->phase, mem_printf("%s/", path));
    frame->file = inner.runbook;
    value_free(frame->params);
    frame->params = params;
    value_free(frame->item);
    frame->item = value_none();
    frame->ended = call_ended;
    started_record(node);
    frame_start(frame);
    return 0;
}
