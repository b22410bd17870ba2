/* What the engine lends to a step that looks at the world again and again, or tells
 * others of it. */
#include "base/text.h"
#include "run/act_parts.h"
#include "run/capture.h"
#include "run/dryrun.h"
#include "run/probe.h"

int step_test_on(struct step_ctx *ctx, const struct expr *expr, value dot, bool *ret,
                 struct err *err) {
    struct expr_input run = scope_input_public(ctx->spec.frame);
    struct expr_dot on = {dot, &run};
    struct expr_input input = expr_input_dot(&on);
    return expr_test(expr, &input, ret, err);
}

int step_eval_on(struct step_ctx *ctx, const struct expr *expr, value dot, value *ret,
                 struct err *err) {
    struct expr_input run = scope_input_public(ctx->spec.frame);
    struct expr_dot on = {dot, &run};
    struct expr_input input = expr_input_dot(&on);
    return expr_eval(expr, &input, ret, err);
}

char *step_redact(const struct step_ctx *ctx, const char *text) {
    return redact_text(ctx->run->redactor, text, strlen(text), NULL);
}

/* As JSON, so that numbers and what stands deep in it are redacted, too. */
static value yielded_redact(void *user, const struct expr *expr, value yielded_taken) {
    const struct frame *frame = user;
    if (expr_mentions(expr, "secrets"))
        return yielded_taken;
    AUTO_TEXT json = value_to_json(yielded_taken);
    AUTO_TEXT redacted = redact_text(frame->run->redactor, json, strlen(json), NULL);
    value made = value_none();
    if (text_equal(json, redacted))
        return yielded_taken;
    value_free(yielded_taken);
    if (value_parse(redacted, strlen(redacted), &made, NULL) == 0)
        return made;
    return value_string(redacted);
}

int step_render_meant(struct step_ctx *ctx, const struct template *tmpl, value *ret,
                      struct err *err) {
    struct expr_input input = scope_input(ctx->spec.frame);
    input.yielded = yielded_redact;
    if (ctx->run->options.dry_run && dryrun_check(ctx->spec.frame, tmpl, err) < 0)
        return -1;
    return template_render(tmpl, &input, ret, err);
}

/* ---- probes -------------------------------------------------------------------------------- */

struct step_probe {
    struct step_ctx *ctx;
    struct probe *probe;
    void (*answered)(struct step_ctx *ctx, const struct step_sample *sample);
};

static void probe_answered(void *user, enum probe_answer answer, const char *why) {
    struct step_probe *probe = user;
    AUTO_VALUE data = probe_data(probe->probe);
    const char *unknown = probe_unknown(probe->probe);
    bool holds = answer == PROBE_HOLDS && !unknown;
    why = unknown ? unknown : why;
    const struct step_sample sample = {
        .holds = holds,
        .why = holds ? NULL
               : why ? why
                     : "it failed without saying why",
        .is_unknown = unknown != NULL,
        .data = data,
    };
    probe->answered(probe->ctx, &sample);
}

struct step_probe *step_probe_new(struct step_ctx *ctx, const struct step *step, int64_t limit_ms,
                                  void (*answered)(struct step_ctx *ctx,
                                                   const struct step_sample *sample)) {
    struct step_probe *probe = mem_zalloc(sizeof *probe);
    probe->ctx = ctx;
    probe->answered = answered;
    probe->probe =
        probe_new_within(ctx->spec.frame, step, ctx->path, limit_ms, probe_answered, probe);
    return probe;
}

void step_probe_free(struct step_probe *probe) {
    if (!probe)
        return;
    probe_free(probe->probe);
    mem_free(probe);
}

/* ---- how it goes --------------------------------------------------------------------------- */

void step_gauge(struct step_ctx *ctx, const struct step_gauge *gauge) {
    const struct run *run = ctx->run;
    struct step_gauge shown = *gauge;
    if (!run->ui.gauge || ctx->spec.is_probe || step_hides_output(ctx->spec.step))
        return;
    AUTO_TEXT text = redact_text(run->redactor, gauge->text, strlen(gauge->text), NULL);
    shown.text = text;
    run->ui.gauge(run->ui.user, ctx->path, &shown);
}
