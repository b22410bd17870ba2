#include "run/act.h"

#include <unistd.h>

#include "base/text.h"
#include "run/act_parts.h"
#include "run/capture.h"
#include "run/commit.h"
#include "run/dryrun.h"
#include "run/gate.h"
#include "run/hiding.h"
#include "run/reach.h"
#include "run/replay_step.h"
#include "run/result.h"

#define LATE_LIMIT_MS 1000 /* least time for what was begun by an engine before this one */
#define LAST_LINES 10      /* of a failed step's output that its record quotes */

/* ---- life ---------------------------------------------------------------------------------- */

static void output_shown(void *user, enum step_stream stream, const char *bytes, size_t length) {
    struct step_ctx *act = user;
    const struct run_ui *ui = &act->run->ui;
    if (ui->output && !act->spec.is_probe)
        ui->output(ui->user, act->path, stream, bytes, length);
}

static void output_failed(void *user, struct err *err) {
    struct step_ctx *act = user;
    if (act->run->transcript_err.kind == ERR_NONE) {
        err_move(&act->run->transcript_err, err);
        run_transcript_failed(act->run);
    }
}

static void output_grows(void *user, int fd) {
    const struct step_ctx *act = user;
    commit_file_grows(act->run->commit, fd);
}

static void output_stored(void *user, int fd_taken) {
    struct step_ctx *act = user;
    commit_file(act->run->commit, fd_taken);
}

/* A file name that any step path fits into. */
static char *output_name(const char *path, const char *label) {
    char *name = mem_printf("%.160s.%s", path, label);
    for (char *c = name; *c; c++)
        if (*c == '/')
            *c = '~';
    return name;
}

/* What a secret is taken from would tell it. */
bool step_hides_output(const struct step *step) {
    bool hides = step->sensitive;
    for (size_t i = 0; i < step->more->outputs.count; i++) {
        const struct output *output = &FIELD_AT(struct output, &step->more->outputs, i);
        hides |= output->secret && !output->file;
    }
    return hides;
}

struct step_ctx *act_new(const struct act_spec *spec) {
    struct step_ctx *act = mem_zalloc(sizeof *act);
    struct run *run = spec->frame->run;
    const char *dir = store_run_dir(run->place);
    bool is_stored = spec->label && !step_hides_output(spec->step);
    AUTO_TEXT name = is_stored ? output_name(spec->path, spec->label) : NULL;
    act->spec = *spec;
    act->run = run;
    act->path = mem_strdup(spec->path);
    act->spec.path = act->path;
    act->label = mem_strdup(spec->label ? spec->label : "probe");
    act->spec.label = act->label;
    act->token = mem_printf("%s:%s:%s", store_run_id(run->place), spec->path, act->label);
    act->data = act->outputs = act->notes = act->committing = value_null();
    act->known_outputs = value_none();
    act->capture = capture_new(&(struct capture_spec){
        .redactor = run->redactor,
        .dir = dir,
        .name = name,
        .resume = spec->is_resumed && !run->replay,
        .holds = !spec->step->type->is_command,
        .shown = step_hides_output(spec->step) ? NULL : output_shown,
        .failed = output_failed,
        .grows = output_grows,
        .stored = output_stored,
        .user = act,
    });
    if (spec->step->type->is_command && !run->replay) {
        AUTO_TEXT file = output_name(spec->path, act->label);
        act->output_file = mem_printf("%s/work/%s", dir, file);
    }
    if (spec->step->type->state_size)
        act->state = mem_zalloc(spec->step->type->state_size);
    return act;
}

static void act_link(struct step_ctx *act) {
    struct run *run = act->run;
    act->next = run->acts;
    act->link = &run->acts;
    if (act->next)
        act->next->link = &act->next;
    run->acts = act;
    act->running = true;
}

static void act_unlink(struct step_ctx *act) {
    if (!act->running)
        return;
    act->running = false;
    *act->link = act->next;
    if (act->next)
        act->next->link = act->link;
}

void act_free(struct step_ctx *act) {
    if (!act)
        return;
    /* An engine that leaves at once does not wait for what runs. */
    if (act->started && !act->over && act->spec.step->type->release &&
        (!act->run->replay || act->is_carried_out))
        act->spec.step->type->release(act);
    act_unlink(act);
    if (act->committed)
        commit_forget(act->run->commit, act);
    loop_timer_free(act->timer);
    gate_free(act->gate);
    reach_free(act->reach);
    capture_free(act->capture);
    err_release(&act->err);
    value_free(act->data);
    value_free(act->outputs);
    value_free(act->notes);
    value_free(act->committing);
    value_free(act->known_outputs);
    mem_free(act->transaction_id);
    mem_free(act->remark);
    mem_free(act->stale);
    mem_free(act->state);
    mem_free(act->output_file);
    mem_free(act->target);
    mem_free(act->tunnel_host);
    mem_free(act->tunnel_port);
    mem_free(act->token);
    mem_free(act->label);
    mem_free(act->path);
    mem_free(act);
}

static void time_is_up(void *user) {
    act_cancel(user, true);
}

static void start_failed(void *user) {
    struct step_ctx *act = user;
    struct step_result result = {
        .outcome = STEP_FAILED, .without_effect = true, .data = value_none()};
    result.rehearsal = STEP_CHECKED;
    hiding_explain(act->run, &act->err);
    err_move(&result.err, &act->err);
    step_done(act, &result);
}

/* What an engine before this one waited counts; yet what ended meanwhile must be heard first. */
static int64_t limit_left(const struct step_ctx *act) {
    if (act->spec.step->type->is_anew)
        return act->spec.timeout_ms;
    int64_t left = act->spec.timeout_ms - act->spec.elapsed_ms;
    return act->spec.elapsed_ms && left < LATE_LIMIT_MS ? LATE_LIMIT_MS : left;
}

/* The loop turns once more when the run was left, and what it calls then begins nothing. */
bool act_begin(struct step_ctx *act) {
    if (act->run->stage == STAGE_OVER)
        return false;
    act->began_ns = clock_mono_ns() - act->spec.elapsed_ms * NS_PER_MS;
    act_link(act);
    if (act->spec.timeout_ms > 0 && !act->run->replay)
        act->timer = loop_timer_new(act->run->loop, limit_left(act), time_is_up, act);
    act->started = true;
    return true;
}

/* There is nothing that could be cancelled. */
static void act_not_begun(struct step_ctx *act, void (*tell)(void *user)) {
    act->started = false;
    loop_defer(act->run->loop, tell, act);
}

void act_carry_out(struct step_ctx *act) {
    const struct step_type *type = act->spec.step->type;
    if (command_place(act, &act->err) < 0 ||
        (act->spec.is_rehearsal ? type->rehearse : type->start)(act, &act->err) < 0)
        act_not_begun(act, start_failed);
}

void act_start(struct step_ctx *act) {
    if (act->run->replay)
        act_replay(act);
    else if (act_begin(act))
        act_carry_out(act);
}

static void settle_failed(void *user) {
    struct step_ctx *act = user;
    struct step_result result = {.outcome = STEP_IN_DOUBT, .data = value_none()};
    err_move(&result.err, &act->err);
    step_done(act, &result);
}

void act_settle(struct step_ctx *act, const struct step_doubt *doubt) {
    const struct step_type *type = act->spec.step->type;
    if (!act_begin(act))
        return;
    if (command_place(act, &act->err) == 0 && type->settle &&
        type->settle(act, doubt, &act->err) == 0)
        return;
    if (act->err.kind == ERR_NONE)
        err_set(&act->err, ERR_SYSTEM, "the engine that ran it is gone, and its end is not known");
    act_not_begun(act, settle_failed);
}

void act_cancel(struct step_ctx *act, bool timed_out) {
    if (!act->started || act->over || act->cancelled)
        return;
    act->cancelled = true;
    act->timed_out = timed_out;
    if (act->gate)
        gate_cancel(act->gate);
    if (act->run->replay && !act->is_carried_out)
        replay_cancel(act->run->replay, act);
    else if (act->spec.step->type->cancel)
        act->spec.step->type->cancel(act);
}

/* ---- verdict ------------------------------------------------------------------------------- */

static value stream_value(const struct step_ctx *act, enum step_stream stream, bool *cut) {
    size_t length;
    bool own_cut;
    const char *head = capture_head(act->capture, stream, &length, &own_cut);
    *cut |= own_cut;
    return result_stream(head, length, own_cut);
}

static value data_compose(struct step_ctx *act, value own) {
    bool cut = false;
    value data = value_is(own, VALUE_NONE) ? value_object() : own;
    data = value_set(data, "duration_ms", value_integer(act->duration_ms));
    if (!act->spec.step->type->is_command)
        return data;
    value out = stream_value(act, STEP_STDOUT, &cut);
    data = value_set(data, "json", result_json(out, cut));
    data = value_set(data, "stdout", out);
    data = value_set(data, "stderr", stream_value(act, STEP_STDERR, &cut));
    return cut ? value_set(data, "truncated", value_bool(true)) : data;
}

/* A type that says itself what did not answer in time knows more than we do. */
static void timed_out_say(struct step_ctx *act) {
    if (act->err.kind == ERR_TIMEOUT)
        return;
    AUTO_TEXT limit = text_format_duration(act->spec.timeout_ms);
    err_release(&act->err);
    err_set(&act->err, ERR_TIMEOUT, "did not end within %s", limit);
    err_hint(&act->err, "give it more time with `timeout:`, or find out what it waits for");
}

static void ended_tell(void *user) {
    struct step_ctx *act = user;
    /* Until its verdict is taken an engine that leaves has it in doubt. */
    act_unlink(act);
    act->spec.ended(act->spec.user, act);
}

void act_tell(struct step_ctx *act) {
    loop_defer(act->run->loop, ended_tell, act);
}

void step_done(struct step_ctx *act, struct step_result *result) {
    act->over = true;
    act->duration_ms = (clock_mono_ns() - act->began_ns) / NS_PER_MS;
    loop_timer_free(act->timer);
    act->timer = NULL;
    capture_end(act->capture);
    act->outcome = result->outcome;
    act->without_effect = result->without_effect;
    err_move(&act->err, &result->err);
    act->data = data_compose(act, result->data);
    act->rehearsal = result->rehearsal;
    act->remark = result->remark;
    act->stale = result->stale;
    if (act->timed_out && act->outcome == STEP_CANCELLED)
        act->outcome = STEP_FAILED;
    if (act->timed_out && act->outcome != STEP_SUCCEEDED)
        timed_out_say(act);
    act_judge(act);
    if (act->spec.step->type->release)
        act->spec.step->type->release(act);
    step_reach_leave(act);
    act_tell(act);
}

void act_recorded(struct step_ctx *act) {
    const struct run *run = act->run;
    if (!act->over || run->stage == STAGE_OVER || run->transcript_err.kind != ERR_NONE)
        return;
    if (act->output_file)
        unlink(act->output_file);
    if (capture_recorded(act->capture))
        commit_removed(run->commit);
}

struct gate *act_gate(struct run *run, const char *path) {
    for (struct step_ctx *act = run->acts; act; act = act->next)
        if (act->gate && text_equal(act->path, path))
            return act->gate;
    return NULL;
}

void act_end_output(struct step_ctx *act) {
    capture_end(act->capture);
}

bool acts_bind(const struct run *run) {
    for (const struct step_ctx *act = run->acts; act; act = act->next)
        if (!act->spec.is_service && !act->spec.step->type->is_passive)
            return true;
    return false;
}

void acts_each(struct run *run, void (*each)(struct step_ctx *act)) {
    for (struct step_ctx *act = run->acts; act; act = act->next)
        each(act);
}

const struct act_spec *act_spec_of(const struct step_ctx *act) {
    return &act->spec;
}

const char *act_output_file(const struct step_ctx *act) {
    return act->output_file;
}

bool act_committing(const struct step_ctx *act, struct step_doubt *ret) {
    *ret = (struct step_doubt){act->transaction_id, act->committing};
    return act->transaction_id != NULL;
}

enum step_outcome act_outcome(const struct step_ctx *act) {
    return act->outcome;
}

bool act_without_effect(const struct step_ctx *act) {
    return act->without_effect;
}

bool act_timed_out(const struct step_ctx *act) {
    return act->timed_out;
}

const struct err *act_err(const struct step_ctx *act) {
    return &act->err;
}

value act_data(const struct step_ctx *act) {
    return value_copy(act->data);
}

value act_outputs(const struct step_ctx *act) {
    return value_copy(act->outputs);
}

const char *act_unknown(const struct step_ctx *act) {
    return act->is_shown ? act->remark : NULL;
}

value act_record(const struct step_ctx *act) {
    return capture_record(act->capture);
}

value act_notes(const struct step_ctx *act) {
    return value_copy(act->notes);
}

int64_t act_duration_ms(const struct step_ctx *act) {
    return act->duration_ms;
}

/* Where the last LAST_LINES lines begin. */
static const char *last_lines(const char *text) {
    const char *at = text + strlen(text);
    for (int lines = 0; at > text; at--)
        if (at[-1] == '\n' && at[0] && ++lines == LAST_LINES)
            break;
    return at;
}

const char *act_last_lines(const struct step_ctx *act) {
    const char *tail = capture_tail(act->capture, STEP_STDERR);
    return last_lines(*tail ? tail : capture_tail(act->capture, STEP_STDOUT));
}

/* ---- what a step type is lent -------------------------------------------------------------- */

struct loop *step_loop(struct step_ctx *ctx) {
    return ctx->run->loop;
}

const void *step_spec(const struct step_ctx *ctx) {
    return ctx->spec.step->spec;
}

void *step_state(struct step_ctx *ctx) {
    return ctx->state;
}

const char *step_id(const struct step_ctx *ctx) {
    return ctx->path;
}

const char *step_run_id(const struct step_ctx *ctx) {
    return store_run_id(ctx->run->place);
}

const char *step_token(const struct step_ctx *ctx) {
    return ctx->token;
}

int64_t step_timeout_ms(const struct step_ctx *ctx) {
    return ctx->spec.timeout_ms;
}

enum effect step_ctx_effect(const struct step_ctx *ctx) {
    return step_effect(ctx->spec.step);
}

bool step_is_judged(const struct step_ctx *ctx) {
    return ctx->spec.step->more->expect || ctx->spec.step->more->outputs.count;
}

bool step_text_is_read(const struct step_ctx *ctx) {
    const struct step *step = ctx->spec.step;
    return ctx->run->keeps_results || ctx->spec.in_place_of || step->more->outputs.count ||
           (step->more->expect && step->more->expect->body);
}

int64_t step_grace_ms(const struct step_ctx *ctx) {
    int64_t grace = ctx->spec.step->more->grace_ms;
    if (!grace)
        grace = ctx->spec.frame->file->defaults.grace_ms;
    return grace == FIELD_ZERO_MS ? 0 : grace ? grace : 10000;
}

int step_render(struct step_ctx *ctx, const struct template *tmpl, value *ret, struct err *err) {
    struct expr_input input = scope_input(ctx->spec.frame);
    if (ctx->run->options.dry_run && dryrun_check(ctx->spec.frame, tmpl, err) < 0)
        return -1;
    return template_render(tmpl, &input, ret, err);
}

int step_render_text(struct step_ctx *ctx, const struct template *tmpl, char **ret,
                     struct err *err) {
    struct expr_input input = scope_input(ctx->spec.frame);
    if (ctx->run->options.dry_run && dryrun_check(ctx->spec.frame, tmpl, err) < 0)
        return -1;
    return template_render_text(tmpl, &input, ret, err);
}

int step_test(struct step_ctx *ctx, const struct expr *expr, bool *ret, struct err *err) {
    struct expr_input input = scope_input_public(ctx->spec.frame);
    return expr_test(expr, &input, ret, err);
}

value step_undone(const struct step_ctx *ctx) {
    const struct node *undone = ctx->spec.frame->owner;
    value data = value_none();
    if (!undone || !undone->done ||
        value_parse(undone->done, strlen(undone->done), &data, NULL) < 0)
        return value_none();
    return data;
}

void step_output(struct step_ctx *ctx, enum step_stream stream, const char *bytes, size_t length) {
    capture_write(ctx->capture, stream, bytes, length);
}

void step_note(struct step_ctx *ctx, const char *what, value taken) {
    value note = value_append(value_append(value_array(), value_string(what)), taken);
    if (!value_is(ctx->notes, VALUE_ARRAY))
        ctx->notes = value_array();
    /* What a chatty server says is in the transcript only up to here. */
    if (value_count(ctx->notes) < 100)
        ctx->notes = value_append(ctx->notes, note);
    else
        value_free(note);
}

static void commit_durable(void *user) {
    struct step_ctx *ctx = user;
    void (*go)(struct step_ctx *) = ctx->committed;
    ctx->committed = NULL;
    if (!ctx->over && ctx->run->stage != STAGE_OVER)
        go(ctx);
}

void step_commit(struct step_ctx *ctx, const char *transaction_id, value data_taken,
                 void (*go)(struct step_ctx *ctx)) {
    struct event event = {.type = EVENT_STEP_COMMITTING};
    struct result result;
    AUTO_TEXT label = mem_printf("%s.committing", ctx->label);
    result_of_act(&result, NULL);
    mem_free(ctx->transaction_id);
    ctx->transaction_id = mem_strdup(transaction_id);
    value_free(ctx->committing);
    ctx->committing = data_taken;
    if (!step_hides_output(ctx->spec.step))
        result.data = value_copy(data_taken);
    EVENT_SET(&event, phase, phase_name(ctx->spec.frame->phase));
    EVENT_SET(&event, step, ctx->path);
    EVENT_SET(&event, attempt, ctx->spec.attempt);
    EVENT_SET(&event, transaction_id, transaction_id);
    result_record(&result, ctx->run, ctx->spec.step, ctx->path, label, &event);
    run_record(ctx->run, &event);
    result_release(&result);
    ctx->committed = go;
    commit_then(ctx->run->commit, commit_durable, ctx);
}

int64_t step_elapsed_ms(const struct step_ctx *ctx) {
    return ctx->spec.elapsed_ms;
}

void step_ask(struct step_ctx *ctx, const struct step_question *question,
              void (*answered)(struct step_ctx *ctx, const struct step_answer *answer)) {
    ctx->gate = gate_new(ctx, question, answered);
}
