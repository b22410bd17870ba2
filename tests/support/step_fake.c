#include "tests/support/step_fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "io/loop.h"

static void give_up(const char *what) {
    fprintf(stderr, "step_fake: %s\n", what);
    abort();
}

/* ---- runbooks ----------------------------------------------------------------------------------
 */

static struct runbook *load(const char *yaml, struct diag *diag) {
    char path[] = "/tmp/runbook-fake-XXXXXX";
    AUTO_FD fd = mkstemp(path);
    AUTO_ERR err = ERR_INIT;
    AUTO_TEXT whole = mem_printf("runbook: 1\nname: fake\n%s", yaml);
    if (fd < 0 || file_write_all(fd, whole, strlen(whole), &err) < 0)
        give_up("cannot write a runbook");
    struct runbook *runbook = runbook_load(path, diag);
    unlink(path);
    return runbook;
}

static char *errors_text(const struct diag *diag) {
    struct buf out = BUF_INIT(SIZE_MAX);
    struct diag_style style = {0};
    buf_puts(&out, "");
    diag_text(diag, &style, &out);
    return buf_detach(&out);
}

struct runbook *step_fake_load(const char *yaml) {
    struct diag *diag = diag_new();
    struct runbook *runbook = load(yaml, diag);
    if (!runbook || diag_count(diag)) {
        AUTO_TEXT errors = errors_text(diag);
        give_up(errors);
    }
    diag_free(diag);
    return runbook;
}

char *step_fake_errors(const char *yaml) {
    struct diag *diag = diag_new();
    struct runbook *runbook = load(yaml, diag);
    char *errors = diag_count(diag) ? errors_text(diag) : mem_strdup("");
    runbook_free(runbook);
    diag_free(diag);
    return errors;
}

static void plan_line(void *user, const char *label, const char *text, size_t length) {
    buf_printf(user, "%s: %.*s\n", label, (int)length, text);
}

char *step_fake_plan(const struct step *step) {
    struct buf out = BUF_INIT(SIZE_MAX);
    struct step_plan plan = {&out, plan_line};
    buf_puts(&out, "");
    step->type->plan(step->spec, &plan);
    return buf_detach(&out);
}

/* ---- attempts ----------------------------------------------------------------------------------
 */

struct step_ctx *step_fake_new(const struct step *step, const char *run_json) {
    struct step_ctx *ctx = mem_zalloc(sizeof *ctx);
    AUTO_ERR err = ERR_INIT;
    ctx->loop = loop_new(NULL);
    ctx->step = step;
    ctx->id = step->id;
    ctx->token = "run-1:fake:1";
    ctx->timeout_ms = step->timeout_ms;
    ctx->output = (struct buf)BUF_INIT(SIZE_MAX);
    ctx->asked = (struct buf)BUF_INIT(SIZE_MAX);
    ctx->gauges = (struct buf)BUF_INIT(SIZE_MAX);
    ctx->state = mem_zalloc(step->type->state_size + 1);
    ctx->committing_data = value_none();
    ctx->undone = value_none();
    ctx->run = value_object();
    if (run_json) {
        value_free(ctx->run);
        if (value_parse(run_json, strlen(run_json), &ctx->run, &err) < 0)
            give_up("the run is no JSON");
    }
    return ctx;
}

static void cancel_now(void *user) {
    struct step_ctx *ctx = user;
    if (!ctx->done)
        ctx->step->type->cancel(ctx);
}

static int begin(struct step_ctx *ctx, struct err *err) {
    if (ctx->dry_run)
        return ctx->step->type->rehearse(ctx, err);
    const struct step_type *type = ctx->step->type;
    return ctx->doubt ? type->settle(ctx, ctx->doubt, err) : type->start(ctx, err);
}

void step_fake_run(struct step_ctx *ctx) {
    struct err err = ERR_INIT;
    int64_t limit = ctx->cancel_after_ms ? ctx->cancel_after_ms : ctx->timeout_ms;
    if (limit > 0)
        ctx->timer = loop_timer_new(ctx->loop, limit, cancel_now, ctx);
    if (begin(ctx, &err) < 0) {
        loop_timer_free(ctx->timer);
        ctx->timer = NULL;
        ctx->done++;
        ctx->result = (struct step_result){.outcome = ctx->doubt ? STEP_IN_DOUBT : STEP_FAILED,
                                           .without_effect = !ctx->doubt,
                                           .data = value_object(),
                                           .err = err};
    } else if (ctx->done) {
        give_up("step_done was called from within start");
    }
    loop_run(ctx->loop);
    if (ctx->step->type->release)
        ctx->step->type->release(ctx);
}

static void stop_now(void *user) {
    struct step_ctx *ctx = user;
    loop_stop(ctx->loop);
}

void step_fake_begin(struct step_ctx *ctx, int64_t run_ms) {
    struct err err = ERR_INIT;
    if (begin(ctx, &err) < 0)
        give_up(err.message);
    struct loop_timer *stop = loop_timer_new(ctx->loop, run_ms, stop_now, ctx);
    loop_run(ctx->loop);
    loop_timer_free(stop);
}

void step_fake_leave(struct step_ctx *ctx) {
    if (ctx->step->type->release)
        ctx->step->type->release(ctx);
    step_fake_free(ctx);
}

void step_fake_free(struct step_ctx *ctx) {
    loop_timer_free(ctx->timer);
    loop_timer_free(ctx->sync);
    loop_free(ctx->loop);
    value_free(ctx->run);
    value_free(ctx->committing_data);
    value_free(ctx->undone);
    mem_free(ctx->committing);
    value_free(ctx->result.data);
    err_release(&ctx->result.err);
    mem_free(ctx->result.remark);
    mem_free(ctx->result.stale);
    buf_release(&ctx->output);
    buf_release(&ctx->asked);
    buf_release(&ctx->gauges);
    mem_free(ctx->state);
    mem_free(ctx);
}

const char *step_fake_data(struct step_ctx *ctx, const char *path) {
    static char *ring[8];
    static size_t next;
    AUTO_VALUE at = value_copy(ctx->result.data);
    AUTO_TEXT rest = mem_strdup(path);
    char *save = NULL;
    for (char *key = strtok_r(rest, ".", &save); key; key = strtok_r(NULL, ".", &save)) {
        value member = value_get(at, key);
        value_free(at);
        at = member;
    }
    char **slot = &ring[next++ % 8];
    mem_free(*slot);
    *slot = value_is(at, VALUE_NONE) ? mem_strdup("none") : value_to_json(at);
    return *slot;
}

/* ---- what step.h lends -------------------------------------------------------------------------
 */

struct loop *step_loop(struct step_ctx *ctx) {
    return ctx->loop;
}

const void *step_spec(const struct step_ctx *ctx) {
    return ctx->step->spec;
}

void *step_state(struct step_ctx *ctx) {
    return ctx->state;
}

const char *step_id(const struct step_ctx *ctx) {
    return ctx->id;
}

const char *step_run_id(const struct step_ctx *ctx) {
    (void)ctx;
    return "run-1";
}

const char *step_token(const struct step_ctx *ctx) {
    return ctx->token;
}

int64_t step_timeout_ms(const struct step_ctx *ctx) {
    return ctx->timeout_ms;
}

enum effect step_ctx_effect(const struct step_ctx *ctx) {
    return step_effect(ctx->step);
}

bool step_is_judged(const struct step_ctx *ctx) {
    return ctx->step->more->expect || ctx->step->more->outputs.count;
}

bool step_text_is_read(const struct step_ctx *ctx) {
    (void)ctx;
    return true;
}

int64_t step_grace_ms(const struct step_ctx *ctx) {
    (void)ctx;
    return 1000;
}

static struct expr_input input_of(struct step_ctx *ctx, struct expr_dot *dot) {
    *dot = (struct expr_dot){.dot = ctx->run};
    return expr_input_dot(dot);
}

int step_render(struct step_ctx *ctx, const struct template *tmpl, value *ret, struct err *err) {
    struct expr_dot dot;
    struct expr_input input = input_of(ctx, &dot);
    return template_render(tmpl, &input, ret, err);
}

int step_render_meant(struct step_ctx *ctx, const struct template *tmpl, value *ret,
                      struct err *err) {
    return step_render(ctx, tmpl, ret, err);
}

int step_render_text(struct step_ctx *ctx, const struct template *tmpl, char **ret,
                     struct err *err) {
    struct expr_dot dot;
    struct expr_input input = input_of(ctx, &dot);
    return template_render_text(tmpl, &input, ret, err);
}

int step_test(struct step_ctx *ctx, const struct expr *expr, bool *ret, struct err *err) {
    struct expr_dot dot;
    struct expr_input input = input_of(ctx, &dot);
    return expr_test(expr, &input, ret, err);
}

int step_eval_on(struct step_ctx *ctx, const struct expr *expr, value dot, value *ret,
                 struct err *err) {
    struct expr_dot on = {.dot = dot};
    struct expr_input input = expr_input_dot(&on);
    (void)ctx;
    return expr_eval(expr, &input, ret, err);
}

int step_test_on(struct step_ctx *ctx, const struct expr *expr, value dot, bool *ret,
                 struct err *err) {
    AUTO_VALUE held = value_none();
    int status = step_eval_on(ctx, expr, dot, &held, err);
    *ret = value_truth(held);
    return status;
}

void step_gauge(struct step_ctx *ctx, const struct step_gauge *gauge) {
    ctx->news += gauge->weight != STEP_GAUGE_DRAWN;
    buf_printf(&ctx->gauges, "%s\n", gauge->text);
}

char *step_redact(const struct step_ctx *ctx, const char *text) {
    (void)ctx;
    return mem_strdup(text);
}

struct step_probe {
    struct step_ctx *ctx;
    struct loop_timer *timer;
    void (*answered)(struct step_ctx *ctx, const struct step_sample *sample);
};

static void probe_answers(void *user) {
    const struct step_probe *probe = user;
    struct step_ctx *ctx = probe->ctx;
    const char *text = *ctx->samples;
    AUTO_VALUE data = value_none();
    if (ctx->samples[1])
        ctx->samples++;
    if (*text != '!' && value_parse(text, strlen(text), &data, NULL) < 0)
        give_up("a sample is no JSON");
    probe->answered(
        ctx, &(struct step_sample){*text != '!', *text == '!' ? text + 1 : NULL, false, data});
}

struct step_probe *step_probe_new(struct step_ctx *ctx, const struct step *step, int64_t limit_ms,
                                  void (*answered)(struct step_ctx *ctx,
                                                   const struct step_sample *sample)) {
    struct step_probe *probe = mem_zalloc(sizeof *probe);
    (void)step, (void)limit_ms;
    probe->ctx = ctx;
    probe->answered = answered;
    probe->timer = loop_timer_new(ctx->loop, 0, probe_answers, probe);
    return probe;
}

void step_probe_free(struct step_probe *probe) {
    if (!probe)
        return;
    loop_timer_free(probe->timer);
    mem_free(probe);
}

void step_output(struct step_ctx *ctx, enum step_stream stream, const char *bytes, size_t length) {
    (void)stream;
    buf_append(&ctx->output, bytes, length);
}

void step_note(struct step_ctx *ctx, const char *what, value taken) {
    (void)ctx, (void)what;
    value_free(taken);
}

void step_miss_note(struct step_ctx *ctx, const char *what) {
    (void)ctx, (void)what;
}

char *step_miss_find(const struct step_ctx *ctx, const char *what) {
    (void)ctx, (void)what;
    return NULL;
}

static void synced(void *user) {
    struct step_ctx *ctx = user;
    loop_timer_free(ctx->sync);
    ctx->sync = NULL;
    ctx->committed(ctx);
}

value step_undone(const struct step_ctx *ctx) {
    return value_copy(ctx->undone);
}

void step_commit(struct step_ctx *ctx, const char *transaction_id, value data_taken,
                 void (*go)(struct step_ctx *ctx)) {
    mem_free(ctx->committing);
    value_free(ctx->committing_data);
    value_free(ctx->undone);
    ctx->committing = mem_strdup(transaction_id);
    ctx->committing_data = data_taken;
    ctx->committed = go;
    if (ctx->sync_ms >= 0)
        ctx->sync = loop_timer_new(ctx->loop, ctx->sync_ms, synced, ctx);
}

int64_t step_elapsed_ms(const struct step_ctx *ctx) {
    return ctx->elapsed_ms;
}

void step_done(struct step_ctx *ctx, struct step_result *result) {
    ctx->done++;
    ctx->result = *result;
    loop_timer_free(ctx->timer);
    ctx->timer = NULL;
}

static char **copy_words(const char *const *words, size_t count) {
    char **copy = mem_calloc(count + 1, sizeof *copy);
    for (size_t i = 0; i < count; i++)
        copy[i] = mem_strdup(words[i]);
    return copy;
}

int step_command_init(struct step_ctx *ctx, const char *const *words, size_t count,
                      struct step_command *ret, struct err *err) {
    (void)err;
    const char *const env[] = {"PATH=/usr/local/bin:/usr/bin:/bin", "RUNBOOK_TOKEN=run-1:fake:1"};
    *ret = (struct step_command){
        .token = mem_strdup(step_token(ctx)),
        .argv = copy_words(words, count),
        .own_env = copy_words(env, 2),
        .input = ctx->input,
        .input_length = ctx->input ? strlen(ctx->input) : 0,
        .keep_orphans = ctx->keep_orphans,
    };
    ret->env = ret->own_env;
    return 0;
}

static void free_words(char **words) {
    for (char **word = words; word && *word; word++)
        mem_free(*word);
    mem_free(words);
}

void step_command_release(struct step_command *command) {
    free_words(command->argv);
    free_words(command->own_env);
    mem_free(command->token);
    *command = (struct step_command){0};
}

/* All of it runs here. */
const char *step_target(const struct step_ctx *ctx) {
    (void)ctx;
    return NULL;
}

bool step_connects(struct step_ctx *ctx) {
    (void)ctx;
    return false;
}

char *step_marker(struct step_ctx *ctx) {
    (void)ctx;
    return NULL;
}

int step_reach(struct step_ctx *ctx, bool fresh,
               void (*opened)(struct step_ctx *ctx, struct err *err), struct err *err) {
    (void)ctx, (void)fresh, (void)opened;
    return err_set(err, ERR_INVALID, "no targets here");
}

int step_tunnel(struct step_ctx *ctx, const struct ssh_end *end,
                void (*opened)(struct step_ctx *ctx, const char *entry, struct err *err),
                struct err *err) {
    (void)ctx, (void)end, (void)opened;
    return err_set(err, ERR_INVALID, "no targets here");
}

void step_reach_leave(struct step_ctx *ctx) {
    (void)ctx;
}

const struct err *step_reach_lost(const struct step_ctx *ctx) {
    (void)ctx;
    return NULL;
}

int step_command_end_init(struct step_ctx *ctx, int64_t grace_ms, struct step_command *ret,
                          struct err *err) {
    (void)ctx, (void)grace_ms;
    *ret = (struct step_command){0};
    return err_set(err, ERR_INVALID, "no targets here");
}

int step_outputs_write(struct step_ctx *ctx, const char *bytes, size_t length, struct err *err) {
    (void)ctx, (void)bytes, (void)length;
    return err_set(err, ERR_INVALID, "no outputs here");
}

const char *const *step_shell(struct step_ctx *ctx, size_t *ret_count) {
    static const char *const bash[] = {"bash", "-euo", "pipefail", "-c"};
    (void)ctx;
    *ret_count = 4;
    return bash;
}

int step_database_init(struct step_ctx *ctx, struct step_database *ret, struct err *err) {
    if (!ctx->database)
        return err_set(err, ERR_INVALID, "no databases here");
    *ret = (struct step_database){.name = mem_strdup("main"), .url = mem_strdup(ctx->database)};
    return 0;
}

void step_database_release(struct step_database *database) {
    mem_free(database->name);
    mem_free(database->url);
    *database = (struct step_database){0};
}

void step_ask(struct step_ctx *ctx, const struct step_question *question,
              void (*answered)(struct step_ctx *ctx, const struct step_answer *answer)) {
    buf_printf(&ctx->asked, "%s: %s", question->kind == STEP_ASK_GATE ? "gate" : "manual",
               question->message);
    for (const char *const *item = question->items; item && *item; item++)
        buf_printf(&ctx->asked, "; item %s", *item);
    for (const char *const *name = question->approvers; name && *name; name++)
        buf_printf(&ctx->asked, "; approver %s", *name);
    if (question->evidence)
        buf_printf(&ctx->asked, "; evidence %s", question->evidence);
    buf_printf(&ctx->asked, "; quorum %d", (int)question->quorum);
    if (question->not_requester)
        buf_puts(&ctx->asked, "; not requester");
    if (question->expires_ms)
        buf_printf(&ctx->asked, "; expires %d", (int)question->expires_ms);
    if (ctx->answer)
        answered(ctx, ctx->answer);
}
