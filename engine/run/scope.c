/* What `.` is in an expression of a frame. */
#include "run/engine.h"

#include "base/text.h"

/* Frames of one file share their steps: a body sees those around it, nearest first. */
static value scope_steps(const struct frame *frame) {
    value steps = value_copy(frame->steps);
    while (frame->parent && frame->parent->file == frame->file) {
        frame = frame->parent;
        steps = value_merge(value_copy(frame->steps), steps);
    }
    return steps;
}

static const char *run_status(const struct run *run) {
    if (run->hands_needed)
        return "rollback_failed";
    if (run->interrupts)
        return "interrupted";
    if (run->rejected)
        return "rejected";
    if (run->failed_step || run->finally_failed)
        return "failed";
    return run->stage >= STAGE_FINALLY ? "succeeded" : "running";
}

static value scope_run(const struct frame *frame) {
    const struct run *run = frame->run;
    value object = value_set(value_object(), "id", value_string(store_run_id(run->place)));
    object = value_set(object, "name", value_string(run->runbook->name));
    object = value_set(object, "title", value_string(run->runbook->title));
    object = value_set(object, "dir", value_string(store_run_dir(run->place)));
    object = value_set(object, "runbook_dir", value_string(frame->file->dir));
    object = value_set(object, "status", value_string(run_status(run)));
    object = value_set(object, "dry_run", value_bool(run->options.dry_run));
    object = value_set(object, "started_at", value_string(run->started_text));
    object = value_set(object, "user", value_string(run->user));
    object = value_set(object, "host", value_string(run->host));
    object = value_set(object, "profile", value_string(plan_profile(run->plan)));
    object = value_set(object, "failed_step", value_string(run->failed_step));
    return value_set(object, "error", value_string(run->failed_error));
}

static value scope_whole(const struct frame *frame, bool with_secrets) {
    value whole = value_set(value_object(), "params", value_copy(frame->params));
    whole = value_set(whole, "steps", scope_steps(frame));
    whole = value_set(whole, "run", scope_run(frame));
    whole = value_set(whole, "env", value_copy(frame->run->environment_value));
    if (with_secrets)
        whole = value_set(whole, "secrets", value_copy(frame->run->secrets_value));
    if (!value_is(frame->item, VALUE_NONE)) {
        whole = value_set(whole, "item", value_copy(frame->item));
        whole = value_set(whole, "index", value_integer(frame->index));
    }
    return whole;
}

static value scope_get_any(const struct frame *frame, const char *key, bool with_secrets) {
    if (!key)
        return scope_whole(frame, with_secrets);
    if (text_equal(key, "params"))
        return value_copy(frame->params);
    if (text_equal(key, "steps"))
        return scope_steps(frame);
    if (text_equal(key, "run"))
        return scope_run(frame);
    if (text_equal(key, "env"))
        return value_copy(frame->run->environment_value);
    if (text_equal(key, "secrets") && with_secrets)
        return value_copy(frame->run->secrets_value);
    if (text_equal(key, "item"))
        return value_copy(frame->item);
    if (text_equal(key, "index") && !value_is(frame->item, VALUE_NONE))
        return value_integer(frame->index);
    return value_none();
}

static value scope_get(void *user, const char *key) {
    return scope_get_any(user, key, true);
}

static value scope_get_public(void *user, const char *key) {
    return scope_get_any(user, key, false);
}

struct expr_input scope_input(struct frame *frame) {
    return (struct expr_input){.get = scope_get, .user = frame};
}

struct expr_input scope_input_public(struct frame *frame) {
    return (struct expr_input){.get = scope_get_public, .user = frame};
}

void scope_publish(struct node *node, value result_taken) {
    struct frame *frame = node->frame;
    while (frame->is_group)
        frame = frame->parent;
    if (!frame->run->keeps_results) {
        value_free(result_taken);
        return;
    }
    frame->steps = value_set(frame->steps, node_step(node)->id, result_taken);
}
