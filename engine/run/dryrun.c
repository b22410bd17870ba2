#include "run/dryrun.h"

#include <errno.h>

#include "base/text.h"
#include "run/act_parts.h"
#include "run/body.h"
#include "run/judge.h"

#define LIMIT_MS 60000 /* of a rehearsal whose step has none */

static const char *const words[DRYRUN_WORDS] = {"ran", "tried", "checked", "shown"};

/* ---- what is not known --------------------------------------------------------------------- */

/* A search for a step whose result is not known, among those that frames of the same file know. */
struct search {
    const struct frame *frame;
    char *found; /* its id */
};

static bool is_shown(value steps, const char *id) {
    AUTO_VALUE step = value_get(steps, id);
    AUTO_VALUE shown = value_get(step, "shown");
    return value_truth(shown);
}

static void search_all(struct search *search, value steps) {
    value key, item;
    for (size_t i = 0; value_next(steps, &i, &key, &item);) {
        if (!search->found && is_shown(steps, value_text(key)))
            search->found = mem_strdup(value_text(key));
        value_free(key);
        value_free(item);
    }
}

static void search_step(struct search *search, const char *id) {
    for (const struct frame *at = search->frame; at && !search->found; at = at->parent) {
        if (text_equal(id, STEP_REF_ALL))
            search_all(search, at->steps);
        else if (is_shown(at->steps, id))
            search->found = mem_strdup(id);
        if (at->parent && at->parent->file != at->file)
            break;
    }
}

static void search_member(void *user, const char *name, size_t length) {
    AUTO_TEXT id = mem_strndup(name, length);
    search_step(user, id);
}

struct whole {
    struct search *search;
    size_t members;
};

static void whole_member(void *user, const char *name, size_t length) {
    struct whole *whole = user;
    whole->members++;
    search_member(whole->search, name, length);
}

static void search_expr(void *user, const struct expr *expr) {
    struct whole whole = {.search = user};
    expr_each_member(expr, "steps", whole_member, &whole);
    if (!whole.members && expr_mentions(expr, "steps"))
        search_step(user, STEP_REF_ALL);
}

static void search_template(struct search *search, const struct template *tmpl) {
    if (tmpl)
        template_each_expr(tmpl, search_expr, search);
}

static void search_refs(struct search *search, const struct step *step) {
    for (const struct step_ref *ref = step ? step->more->refs : NULL; ref; ref = ref->next)
        search_step(search, ref->id);
}

static void search_database(struct search *search, const struct step *step) {
    const struct frame *frame = search->frame;
    const char *name = NULL;
    const struct database *database =
        step->type->results & STEP_HAS_ROWS
            ? plan_database(frame->run->plan, frame->file, step->more->database, &name)
            : NULL;
    if (!database)
        return;
    const struct target *target =
        database->target ? plan_target(frame->run->plan, frame->file, database->target) : NULL;
    search_template(search, database->url);
    search_template(search, target ? target->ssh : NULL);
}

/* The id of a step whose unknown result it looks at, or NULL; the caller frees. */
static char *unknown_of(const struct frame *frame, const struct step *step) {
    struct search search = {.frame = frame};
    search_refs(&search, step);
    search_database(&search, step);
    return search.found;
}

bool dryrun_knows(const struct frame *frame, const struct step *step) {
    AUTO_TEXT id = unknown_of(frame, step);
    return !id;
}

int dryrun_check(const struct frame *frame, const struct template *tmpl, struct err *err) {
    struct search search = {.frame = frame};
    search_template(&search, tmpl);
    AUTO_TEXT id = search.found;
    if (!id)
        return 0;
    return err_set(err, ERR_UNKNOWN, "it looks at the result of `%s`, which is not known", id);
}

/* ---- what is missing because it was not done ------------------------------------------------ */

/* A step that would have changed something was not run: what is read later is as it was. */
#define MISS_CHANGE "changes"

static void miss_note(struct run *run, const char *what, const char *path) {
    if (!value_is(run->dry_missing, VALUE_OBJECT))
        run->dry_missing = value_object();
    AUTO_VALUE known = value_get(run->dry_missing, what);
    if (value_is(known, VALUE_NONE))
        run->dry_missing = value_set(run->dry_missing, what, value_string(path));
}

void step_miss_note(struct step_ctx *ctx, const char *what) {
    miss_note(ctx->run, what, ctx->path);
}

char *step_miss_find(const struct step_ctx *ctx, const char *what) {
    if (!value_is(ctx->run->dry_missing, VALUE_OBJECT))
        return NULL;
    AUTO_VALUE path = value_get(ctx->run->dry_missing, what);
    return value_is(path, VALUE_STRING) ? mem_strdup(value_text(path)) : NULL;
}

/* Those who are told of it change nothing that is looked at. */
static void change_miss(const struct node *node) {
    const struct step *step = node_step(node);
    if (step_effect(step) == EFFECT_READ || step->type->is_aside ||
        node->frame->phase == PHASE_ROLLBACK)
        return;
    AUTO_TEXT path = node_path(node);
    miss_note(node->frame->run, MISS_CHANGE, path);
}

/* ---- its turn ------------------------------------------------------------------------------- */

void dryrun_show(struct node *node, const char *why) {
    struct run *run = node->frame->run;
    bool is_counted = node_graph(node)->role == GRAPH_ACT && node->frame->phase != PHASE_ROLLBACK;
    value shown = value_set(value_object(), "status", value_string("skipped"));
    run->dry_counts[DRYRUN_SHOWN] += is_counted;
    run->dry_unknown++;
    node->is_shown = true;
    change_miss(node);
    node_skip_as(node, why, value_set(shown, "shown", value_bool(true)));
}

char *dryrun_doubts(const struct node *node) {
    struct search search = {.frame = node->frame};
    const struct expr *when = node_step(node)->more->when;
    if (when)
        search_expr(&search, when);
    AUTO_TEXT id = search.found;
    return id ? mem_printf("whether it runs depends on `%s`, whose result is not known", id) : NULL;
}

static void call_search(struct search *search, const struct step *step) {
    struct step_expansion inner = {0};
    if (!step_expand(step, &inner) || !inner.params)
        return;
    for (size_t i = 0; i < inner.params->count; i++)
        search_template(search, FIELD_AT(struct template *, inner.params, i));
}

/* Of a loop its list, of a call its parameters. */
static char *body_unknown(const struct node *node) {
    struct search search = {.frame = node->frame};
    bool is_loop = body_is_loop(node);
    if (is_loop)
        search_template(&search, node_step(node)->more->foreach);
    else
        call_search(&search, node_step(node));
    AUTO_TEXT id = search.found;
    return id ? mem_printf("its %s depend on `%s`, whose result is not known",
                           is_loop ? "items" : "parameters", id)
              : NULL;
}

enum way { WAY_RUN, WAY_OWN, WAY_REHEARSE };

/* Handlers would find a world that is not there: nothing was done that they could undo. */
static enum way way_of(const struct node *node) {
    const struct step *step = node_step(node);
    if (node->frame->phase == PHASE_ROLLBACK)
        return WAY_REHEARSE;
    if (step->more->dry_run && dryrun_knows(node->frame, step->more->dry_run))
        return WAY_OWN;
    bool is_read = step_effect(step) == EFFECT_READ && !step->type->is_passive && !step->background;
    return is_read && dryrun_knows(node->frame, step) ? WAY_RUN : WAY_REHEARSE;
}

static char *why_shown(const struct node *node) {
    const struct step *step = node_step(node);
    if (step->type->asks)
        return mem_strdup("people would be asked");
    if (step->type->is_passive)
        return mem_strdup("a dry run does not wait");
    AUTO_TEXT id = unknown_of(node->frame, step);
    return id ? mem_printf("it looks at the result of `%s`, which is not known", id)
              : mem_strdup("there is nothing that could be checked");
}

static char *why_not_entered(const struct node *node) {
    if (body_is_needed(node))
        return body_unknown(node);
    bool is_rehearsed = way_of(node) == WAY_REHEARSE;
    return is_rehearsed && !node_step(node)->type->rehearse ? why_shown(node) : NULL;
}

bool dryrun_enters(struct node *node) {
    AUTO_TEXT why = why_not_entered(node);
    if (why)
        dryrun_show(node, why);
    return !why;
}

void dryrun_choose(struct task *task) {
    enum way way = task->is_body ? WAY_RUN : way_of(task->node);
    task->is_tried = way == WAY_OWN;
    task->is_rehearsed = way == WAY_REHEARSE;
}

int64_t dryrun_limit(int64_t limit_ms) {
    return limit_ms > 0 ? limit_ms : LIMIT_MS;
}

/* ---- its end -------------------------------------------------------------------------------- */

/* In a replay the record tells. */
static enum dryrun_word noted_word(const struct step_ctx *act) {
    AUTO_VALUE note = value_at(act->notes, 0);
    AUTO_VALUE word = value_at(note, 1);
    for (size_t i = 0; i < DRYRUN_WORDS; i++)
        if (value_is(word, VALUE_STRING) && text_equal(value_text(word), words[i]))
            return (enum dryrun_word)i;
    return DRYRUN_SHOWN;
}

static enum dryrun_word task_word(const struct task *task) {
    static const enum dryrun_word of[] = {
        [STEP_SHOWN] = DRYRUN_SHOWN,
        [STEP_CHECKED] = DRYRUN_CHECKED,
        [STEP_TRIED] = DRYRUN_TRIED,
    };
    if (!task->act || task->act->is_shown)
        return DRYRUN_SHOWN;
    if (task_run(task)->replay && !task->step->type->is_pure)
        return noted_word(task->act);
    if (task->is_rehearsed)
        return of[task->act->rehearsal];
    return task->is_tried ? DRYRUN_TRIED : DRYRUN_RAN;
}

value dryrun_notes(enum dryrun_word word, value notes) {
    value note = value_append(value_array(), value_string("dry_run"));
    value all = value_append(value_array(), value_append(note, value_string(words[word])));
    for (size_t i = 0; value_is(notes, VALUE_ARRAY) && i < value_count(notes); i++)
        all = value_append(all, value_at(notes, i));
    return all;
}

/* A command that was not run may have made any file; a service is not there. */
static void missing_note(const struct task *task) {
    struct step_ctx *act = task->act;
    bool is_real = !task->is_rehearsed && !task->is_tried;
    if (!is_real)
        change_miss(task->node);
    if (!act || is_real || !task->step->type->is_command ||
        task->node->frame->phase == PHASE_ROLLBACK)
        return;
    step_miss_note(act, STEP_MISS_FILES);
    if (task->step->background)
        step_miss_note(act, STEP_MISS_SERVICE);
}

void dryrun_record(const struct task *task, struct event *event, value *ret_notes) {
    struct run *run = task_run(task);
    if (!run->options.dry_run || task->is_body)
        return;
    enum dryrun_word word = task_word(task);
    run->dry_counts[word] += task->node->frame->phase != PHASE_ROLLBACK;
    task->node->is_shown = word != DRYRUN_RAN;
    missing_note(task);
    *ret_notes = dryrun_notes(word, EVENT_HAS(event, notes) ? event->notes : value_null());
    EVENT_SET(event, notes, *ret_notes);
    bool is_good = text_equal(event->status, "succeeded");
    if (is_good && task->act && task->act->remark && !EVENT_HAS(event, reason))
        EVENT_SET(event, reason, task->act->remark);
}

/* Of a step's outputs, those that its `dry_run:` yields are known. */
static bool has_outputs(const struct task *task) {
    AUTO_VALUE outputs = act_outputs(task->act);
    if (value_count(outputs) == 0)
        return false;
    for (size_t i = 0; i < task->step->more->outputs.count; i++) {
        AUTO_VALUE item = value_get(outputs, task->step->more->outputs.keys[i]);
        if (value_is(item, VALUE_NONE))
            return false;
    }
    return true;
}

static bool is_known(const struct task *task, bool ok) {
    if (task->is_body)
        return task_run(task)->dry_unknown == task->unknown_before;
    if (task->is_rehearsed || !ok || task_word(task) == DRYRUN_SHOWN)
        return false;
    return !task->is_tried || has_outputs(task);
}

value dryrun_publish(const struct task *task, bool ok, value published_taken) {
    struct run *run = task_run(task);
    if (!run->options.dry_run || is_known(task, ok))
        return published_taken;
    run->dry_unknown++;
    return value_set(published_taken, "shown", value_bool(true));
}

void dryrun_failed(struct node *node, bool is_tolerated) {
    struct run *run = node->frame->run;
    bool is_last = node->frame->phase == PHASE_FINALLY;
    node->tolerated = true;
    run->finally_failed |= is_last;
    if (is_tolerated)
        return;
    node->frame->has_findings = true;
    run_failure_note(run, node);
}

void dryrun_frame_over(struct frame *frame) {
    if (frame->run->options.dry_run && frame->owner && !frame->unsettled)
        frame->failed |= frame->has_findings;
}

/* ---- an act --------------------------------------------------------------------------------- */

bool dryrun_is_verdict(const struct step_ctx *act) {
    if (!act->run->options.dry_run)
        return false;
    return act->spec.is_rehearsal || noted_word(act) == DRYRUN_SHOWN;
}

/* What depends on what is not known is neither good nor bad. */
static void act_shown(struct step_ctx *act) {
    act->is_shown = true;
    act->outcome = STEP_SUCCEEDED;
    act->without_effect = false;
    mem_free(act->remark);
    act->remark = mem_strdup(act->err.message);
    err_release(&act->err);
}

/* What cannot even be begun, and a server that nobody finds or that cannot prove who it is, would
 * be no better behind the change. */
static bool is_unaffected(const struct step_ctx *act) {
    bool is_server = act->err.kind == ERR_UNREACHABLE || act->err.kind == ERR_REFUSED;
    return act->without_effect &&
           (act->spec.step->type->is_command || (is_server && act->err.sys != ECONNREFUSED));
}

/* A question behind a change that was not made: its answer proves nothing. */
static bool is_behind_change(const struct step_ctx *act) {
    return !act->spec.is_rehearsal && !act->spec.is_probe && !act->spec.in_place_of &&
           !act->spec.step->type->is_pure && act->err.kind != ERR_UNKNOWN && !is_unaffected(act);
}

void dryrun_excuse(struct step_ctx *act) {
    if (!act->run->options.dry_run || act->outcome != STEP_FAILED)
        return;
    if (!act->stale && is_behind_change(act))
        act->stale = step_miss_find(act, MISS_CHANGE);
    /* A handler is tried in a world in which its own step has not happened. */
    if (!act->stale && act->spec.frame->phase == PHASE_ROLLBACK && act->rehearsal == STEP_TRIED)
        act->stale = mem_strdup(act->spec.path);
    if (!act->stale)
        return;
    err_wrap(&act->err, "as things are, before `%s` has run", act->stale);
    act_shown(act);
}

/* What was tried has a result such as a real run would have. Where a server was only connected to,
 * there is its certificate. */
static void expectations_judge(struct step_ctx *act) {
    struct expr_input run = scope_input_public(act->spec.frame);
    const struct expect *said = act->spec.step->more->expect;
    struct expect days = {.tls_days_left = said ? said->tls_days_left : 0};
    struct step step = *act->spec.step;
    struct step_more more = *step.more;
    AUTO_VALUE left = value_get(act->data, "tls_days_left");
    if (act->rehearsal == STEP_CHECKED && value_is(left, VALUE_NUMBER))
        more.expect = &days;
    else if (act->rehearsal != STEP_TRIED || !dryrun_knows(act->spec.frame, act->spec.step))
        return;
    step.more = &more;
    if (judge_expect(&step, act->data, &run, &act->err) < 0)
        act->outcome = STEP_FAILED;
}

bool dryrun_judge(struct step_ctx *act) {
    if (!act->run->options.dry_run)
        return false;
    if (act->outcome == STEP_FAILED && act->err.kind == ERR_UNKNOWN)
        act_shown(act);
    if (!act->spec.is_rehearsal || act->is_shown)
        return act->is_shown;
    if (act->outcome == STEP_SUCCEEDED)
        expectations_judge(act);
    dryrun_excuse(act);
    return true;
}

value dryrun_counts(const struct run *run) {
    value counts = value_object();
    for (size_t i = 0; i < DRYRUN_WORDS; i++)
        counts = value_set(counts, words[i], value_integer((int64_t)run->dry_counts[i]));
    return counts;
}
