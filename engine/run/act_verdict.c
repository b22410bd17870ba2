/* What an act's end is worth: its expectations, its outputs, and what a dry run makes of both. */
#include "run/act_parts.h"
#include "run/capture.h"
#include "run/dryrun.h"
#include "run/hiding.h"
#include "run/judge.h"

/* An error tells of the value that it is about. */
static void unexpected_say(struct step_ctx *act, const char *what) {
    if (!step_hides_output(act->spec.step))
        return;
    err_release(&act->err);
    err_set(&act->err, ERR_INVALID, "%s, and is not shown since it is sensitive", what);
    AUTO_VALUE status = value_get(act->data, "status");
    AUTO_VALUE code = value_get(act->data, "exit_code");
    bool is_http = value_is(status, VALUE_NUMBER);
    if (!is_http && !value_is(code, VALUE_NUMBER))
        return;
    AUTO_TEXT told = value_to_text(is_http ? status : code);
    err_hint(&act->err, "its %s was %s", is_http ? "status" : "exit status", told);
}

static bool ended_as_expected(const struct step_ctx *act) {
    const struct expect *expect = act->spec.step->more->expect;
    if (act->outcome != STEP_FAILED || act->timed_out || !expect || !expect->exit.count)
        return false;
    AUTO_VALUE code = value_get(act->data, "exit_code");
    return value_is(code, VALUE_NUMBER);
}

/* What the step printed before its secret was known is gone over once more. */
static int outputs_hide(struct step_ctx *act, value outputs) {
    const struct act_spec *spec = &act->spec;
    bool any;
    if (act->run->replay)
        return 0; /* there are marks in their place */
    if (hiding_learn(act->run, spec->step, outputs, &any, &act->err) < 0)
        return -1;
    if (!any)
        return 0;
    capture_redact_again(act->capture);
    hiding_keep(act->run, spec->step, phase_name(spec->frame->phase), act->path, outputs);
    return 0;
}

/* What the dead engine had read and not yet stored is gone: a text that lacks something does not
 * prove that the command did not do it. */
static void doubt_the_text(struct step_ctx *act) {
    if (act->outcome != STEP_FAILED || !act->spec.is_resumed || !act->spec.step->type->is_command ||
        act->run->replay)
        return;
    act->outcome = STEP_IN_DOUBT;
    err_wrap(&act->err, "part of its output may be lost with the engine that died%s",
             act->spec.step->more->outputs.count ? ", and `done` leaves its outputs empty" : "");
}

static void judge_success(struct step_ctx *act) {
    struct expr_input run = scope_input_public(act->spec.frame);
    const struct step *asked = act->spec.in_place_of;
    if (judge_expect(act->spec.step, act->data, &run, &act->err) < 0) {
        act->outcome = STEP_FAILED;
        unexpected_say(act, "its result is not as expected");
        return;
    }
    value outputs;
    if (judge_outputs(asked ? asked : act->spec.step, act->data, &run, act->output_file,
                      act->known_outputs, &outputs, &act->err) < 0) {
        if (asked) {
            err_release(&act->err); /* another command stands in: they are not known */
            return;
        }
        act->outcome = STEP_FAILED;
        unexpected_say(act, "its outputs could not be taken from its result");
    } else if (outputs_hide(act, outputs) < 0) {
        act->outcome = STEP_FAILED;
        value_free(outputs);
    } else {
        act->outputs = outputs;
    }
}

/* What a command wrote down before it failed is what its own handler, which runs, goes by. */
static void outputs_salvage(struct step_ctx *act) {
    if (act->outcome != STEP_FAILED || value_is(act->outputs, VALUE_OBJECT))
        return;
    AUTO_VALUE outputs = value_is(act->known_outputs, VALUE_OBJECT)
                             ? value_copy(act->known_outputs)
                             : judge_written(act->output_file);
    AUTO_ERR unhidden = ERR_INIT;
    if (value_count(outputs) == 0)
        return;
    err_move(&unhidden, &act->err);
    bool is_hidden = outputs_hide(act, outputs) == 0;
    err_release(&act->err);
    err_move(&act->err, &unhidden);
    if (is_hidden)
        act->outputs = value_copy(outputs);
}

void act_judge(struct step_ctx *act) {
    if (dryrun_judge(act))
        return;
    /* Which exit status is a good one is the author's to say. */
    if (ended_as_expected(act)) {
        err_release(&act->err);
        act->outcome = STEP_SUCCEEDED;
    }
    if (act->outcome == STEP_SUCCEEDED) {
        judge_success(act);
        doubt_the_text(act);
    }
    outputs_salvage(act);
    dryrun_excuse(act);
}
