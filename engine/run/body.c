/* The bodies of steps that contain steps: foreach, another runbook, a group with a life of its own.
 */
#include "run/body.h"

#include "base/text.h"
#include "plan/params.h"

struct body {
    struct body *older, **link; /* among the run's bodies */
    struct node *node;
    void (*ended)(void *user, struct body_end *end);
    void *user;
    /* foreach */
    value items;
    size_t next, under_way;
    size_t failures, max_fail;
    bool cut_short;
};

static struct body *body_new(struct node *node, void (*ended)(void *user, struct body_end *end),
                             void *user) {
    struct body *body = mem_zalloc(sizeof *body);
    body->node = node;
    body->ended = ended;
    body->user = user;
    body->items = value_null();
    struct body **bodies = &node->frame->run->bodies;
    body->older = *bodies;
    body->link = bodies;
    if (body->older)
        body->older->link = &body->older;
    *bodies = body;
    return body;
}

static void body_free(struct body *body) {
    *body->link = body->older;
    if (body->older)
        body->older->link = body->link;
    value_free(body->items);
    mem_free(body);
}

void bodies_free(struct run *run) {
    while (run->bodies)
        body_free(run->bodies);
}

/* `cut_short`: no member failed, but the run was stopped before all had begun. */
static void body_finish(struct body *body, bool ok, bool cut_short, value result_taken,
                        const char *error) {
    struct body_end end = {ok, cut_short, result_taken, ok ? NULL : error};
    void (*ended)(void *, struct body_end *) = body->ended;
    void *user = body->user;
    body_free(body);
    ended(user, &end);
}

/* ---- foreach ------------------------------------------------------------------------------- */

/* What is seen of steps from outside: their outputs by name, where later ones win, and each. */
static value members_add(value result_taken, value steps_taken) {
    value outputs = value_object();
    value key, item;
    for (size_t i = 0; value_next(steps_taken, &i, &key, &item);) {
        value own = value_get(item, "outputs");
        if (value_is(own, VALUE_OBJECT))
            outputs = value_merge(outputs, own);
        else
            value_free(own);
        value_free(key);
        value_free(item);
    }
    value result = value_set(result_taken, "outputs", outputs);
    return value_set(result, "steps", steps_taken);
}

/* The result of a loop over a group is that of its members. */
static value results_with(value results, struct frame *frame) {
    const char *id = graph_node(frame->graph, 0)->step->id;
    value one = value_get(frame->steps, id);
    if (value_is(one, VALUE_NONE))
        one = value_null();
    else if (graph_count(frame->graph) > 1)
        one = members_add(one, value_remove(value_copy(frame->steps), id));
    return value_append(results, one);
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
            /* A list that only we hold grows in place. */
            all = value_set(all, value_text(key), value_null());
            all = value_set(all, value_text(key), value_append(list, item));
            value_free(key);
        }
    }
    return all;
}

static void foreach_finish(struct body *body) {
    value results = value_array();
    for (struct frame *frame = body->node->children; frame; frame = frame->next)
        results = results_with(results, frame);
    value result = value_set(value_object(), "outputs", outputs_of(results));
    result = value_set(result, "results", results);
    bool failed = body->failures > body->max_fail;
    bool ok = !failed && !body->cut_short && body->next == value_count(body->items);
    AUTO_TEXT error = body->max_fail
                          ? mem_printf("%zu of %zu items failed, and %zu may", body->failures,
                                       value_count(body->items), body->max_fail)
                          : mem_strdup("a member of the loop failed");
    body_finish(body, ok, !failed, result, error);
}

static void foreach_next(struct body *body);

static void item_ended(struct frame *frame, bool ok) {
    struct body *body = frame->user;
    body->under_way--;
    body->failures += frame->failed;
    body->cut_short |= !ok && !frame->failed;
    foreach_next(body);
}

static void item_start(struct body *body) {
    struct node *node = body->node;
    AUTO_TEXT path = node_path(node);
    const struct graph *graph =
        plan_graph_of_step(node->frame->run->plan, node_step(node), GRAPH_BODY);
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

static void foreach_next(struct body *body) {
    size_t most = (size_t)node_step(body->node)->more->concurrency;
    bool goes_on = body->failures <= body->max_fail || body->node->frame->run->options.dry_run;
    while (goes_on && body->next < value_count(body->items) &&
           body->under_way < (most ? most : 1) && frame_may_start(body->node->frame))
        item_start(body);
    if (!body->under_way)
        foreach_finish(body);
}

static int items_evaluate(struct node *node, value *ret, struct err *err) {
    struct expr_input input = scope_input_public(node->frame);
    if (template_render(node_step(node)->more->foreach, &input, ret, err) < 0)
        return -1;
    if (value_is(*ret, VALUE_ARRAY))
        return 0;
    AUTO_TEXT shown = value_to_text(*ret);
    value_free(*ret);
    err_set(err, ERR_INVALID, "`foreach` needs a list, not %.200s%s", shown,
            strlen(shown) > 200 ? "…" : "");
    return -1;
}

static int max_fail_evaluate(struct body *body, struct err *err) {
    const struct template *max_fail = node_step(body->node)->more->max_fail;
    struct expr_input input = scope_input_public(body->node->frame);
    AUTO_TEXT text = NULL;
    if (!max_fail)
        return 0;
    if (template_render_text(max_fail, &input, &text, err) < 0)
        return err_wrap(err, "max_fail");
    return step_max_fail_read(text, value_count(body->items), &body->max_fail, err);
}

static int foreach_start(struct body *body, struct err *err) {
    if (items_evaluate(body->node, &body->items, err) < 0 || max_fail_evaluate(body, err) < 0)
        return -1;
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
        /* Whoever hands on an optional parameter that has no value hands on none. */
        if (value_is(item, VALUE_NULL))
            value_free(item);
        else
            given = value_set(given, inner->params->keys[i], item);
    }
    return params_bind(inner->runbook, given, ret, collect_error, err);
}

static value call_result(const struct frame *frame) {
    return members_add(value_object(), value_copy(frame->steps));
}

static void call_finally_ended(struct frame *frame, bool ok) {
    struct body *body = frame->user;
    struct frame *steps = body->node->children;
    bool steps_ok = !steps->unsettled && !steps->failed;
    body_finish(body, steps_ok && ok, !steps->failed && ok, call_result(steps),
                steps_ok ? "a step of its `finally` failed" : "one of its steps failed");
}

static void call_ended(struct frame *frame, bool ok) {
    struct body *body = frame->user;
    if (!frame->file->finally) {
        body_finish(body, ok, !frame->failed, call_result(frame), "one of its steps failed");
        return;
    }
    const struct graph *graph = plan_graph_of(frame->run->plan, frame->file->finally);
    struct frame *finally =
        frame_new(frame->run, body->node, graph, PHASE_FINALLY, mem_strdup(frame->path));
    finally->file = frame->file;
    value_free(finally->params);
    finally->params = value_copy(frame->params);
    value_free(finally->steps);
    finally->steps = value_copy(frame->steps);
    finally->ended = call_finally_ended;
    finally->user = body;
    frame_start(finally);
}

static int call_start(struct body *body, const struct step_expansion *inner, struct err *err) {
    struct node *node = body->node;
    value params;
    if (call_params(node, inner, &params, err) < 0)
        return err_wrap(err, "calling `%s`", inner->runbook->path);
    AUTO_TEXT path = node_path(node);
    const struct graph *graph = plan_graph_of(node->frame->run->plan, inner->runbook->steps);
    struct frame *frame =
        frame_new(node->frame->run, node, graph, node->frame->phase, mem_printf("%s/", path));
    frame->file = inner->runbook;
    value_free(frame->params);
    frame->params = params;
    value_free(frame->item);
    frame->item = value_none();
    frame->ended = call_ended;
    frame->user = body;
    frame_start(frame);
    return 0;
}

/* ---- group --------------------------------------------------------------------------------- */

static void group_ended(struct frame *frame, bool ok) {
    body_finish(frame->user, ok, !frame->failed, value_object(), "one of its steps failed");
}

/* Its members are named and seen as if the group were not there. */
static int group_start(struct body *body) {
    struct node *node = body->node;
    const struct graph *graph =
        plan_graph_of_step(node->frame->run->plan, node_step(node), GRAPH_BODY);
    struct frame *frame =
        frame_new(node->frame->run, node, graph, node->frame->phase,
                  mem_printf("%s%s", node->frame->path, node->frame->is_single ? "/" : ""));
    frame->is_group = true;
    frame->ended = group_ended;
    frame->user = body;
    frame_start(frame);
    return 0;
}

int body_start(struct node *node, void (*ended)(void *user, struct body_end *end), void *user,
               struct err *err) {
    struct step_expansion inner = {0};
    struct body *body = body_new(node, ended, user);
    int status;
    if (body_is_loop(node))
        status = foreach_start(body, err);
    else if (step_expand(node_step(node), &inner) && inner.runbook)
        status = call_start(body, &inner, err);
    else
        status = group_start(body);
    if (status < 0)
        body_free(body);
    return status;
}

bool body_bears(const struct node *node, const struct frame *item) {
    const struct body *body = node->frame->run->bodies;
    size_t failed = 1;
    while (body && body->node != node)
        body = body->older;
    if (!body || !body->max_fail)
        return false;
    for (const struct frame *it = node->children; it; it = it->next)
        failed += it != item && it->failed;
    return failed <= body->max_fail;
}

bool body_is_loop(const struct node *node) {
    bool is_item = node->frame->is_single && node_graph(node)->group == GRAPH_NONE;
    return node_step(node)->more->foreach && !is_item;
}

const char *body_action(const struct node *node) {
    return body_is_loop(node) ? "foreach" : node_step(node)->type->key;
}

bool body_is_needed(const struct node *node) {
    return body_is_loop(node) || node_step(node)->type->expand;
}

/* Members that have not begun never will, and those that run are asked to end. A called runbook's
 * `finally` has limits of its own. */
void body_stop(struct node *node) {
    for (struct frame *frame = node->children; frame; frame = frame->next) {
        if (frame->done || frame->phase != node->frame->phase)
            continue;
        frame->failed = true;
        frame_cancel(frame);
        frame_check(frame);
    }
}
