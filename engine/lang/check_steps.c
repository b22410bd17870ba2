/* Rules of single steps. */
#include <string.h>

#include "base/text.h"
#include "lang/param.h"
#include "lang/parse.h"

static struct span key_span(const struct parse *parse, const struct visit *visit, const char *key) {
    const struct node *at = NULL;
    if (!node_find(visit->node, key, &at))
        return visit->step->span;
    return parse_span(parse, at);
}

static struct span value_span(const struct parse *parse, const struct visit *visit,
                              const char *key) {
    const struct node *at = node_find(visit->node, key, NULL);
    return at ? parse_span(parse, at) : visit->step->span;
}

/* ---- keys that fit the action ------------------------------------------------------------- */

static void refuse_key(struct parse *parse, const struct visit *visit, const char *key,
                       const char *what_it_is_for) {
    AUTO_TEXT hint = mem_printf("it is for %s; take it out", what_it_is_for);
    parse_error(parse, key_span(parse, visit, key), hint, "`%s` has no meaning for `%s`", key,
                visit->step->type->key);
}

static bool is_sql(const struct step *step) {
    return (step->type->results & STEP_HAS_ROWS) != 0;
}

/* A launcher leads commands only. */
static void check_tunnel(struct parse *parse, const struct visit *visit) {
    AUTO_TEXT name = NULL;
    if (!template_is_constant(visit->step->more->target) ||
        template_render_text(visit->step->more->target, NULL, &name, NULL) < 0)
        return;
    const struct target *target = FIELD_FIND(struct target, &parse->runbook->targets, name);
    if (target && !target->ssh)
        parse_error(parse, value_span(parse, visit, "target"),
                    "only a target with `ssh` has tunnels; `via` is for commands",
                    "`%s` cannot go through the target `%s`", visit->step->type->key, name);
}

static void check_command_keys(struct parse *parse, const struct visit *visit) {
    const struct step *step = visit->step;
    const char *commands = "steps that run a command";
    if (step->type->is_command)
        return;
    if (step->more->target && step->type->is_tunnelled)
        check_tunnel(parse, visit);
    else if (step->more->target && is_sql(step))
        parse_error(parse, key_span(parse, visit, "target"),
                    "say it where the database is declared: `databases: {NAME: {url: …, target: "
                    "…}}`",
                    "`target` has no meaning for `%s`", step->type->key);
    else if (step->more->target)
        refuse_key(parse, visit, "target", "steps that run a command, or a request through `ssh`");
    if (step->more->env.count)
        refuse_key(parse, visit, "env", commands);
    if (step->more->cwd)
        refuse_key(parse, visit, "cwd", commands);
    if (step->more->input)
        refuse_key(parse, visit, "stdin", commands);
    if (step->background)
        refuse_key(parse, visit, "background", commands);
}

/* What repeats, replaces or hides an act belongs to the steps that act. */
static void check_container_keys(struct parse *parse, const struct visit *visit) {
    const struct step *step = visit->step;
    const char *acting = "steps that act themselves, such as the members of this one";
    struct step_expansion inner;
    if (step->more->objectives && (!step_expand(step, &inner) || !inner.steps))
        refuse_key(parse, visit, "objectives",
                   "groups (`steps`, `parallel`); a runbook that is called brings its own");
    if (!step->type->expand)
        return;
    if (step->more->retry)
        refuse_key(parse, visit, "retry", acting);
    if (step->more->dry_run)
        refuse_key(parse, visit, "dry_run", acting);
    if (step->sensitive)
        refuse_key(parse, visit, "sensitive", acting);
    if (step->more->grace_ms)
        refuse_key(parse, visit, "grace", acting);
}

static void check_sql_keys(struct parse *parse, const struct visit *visit) {
    const struct step *step = visit->step;
    if (is_sql(step))
        return;
    if (step->more->database)
        refuse_key(parse, visit, "database", "steps that run SQL");
}

static void check_destroys_key(struct parse *parse, const struct visit *visit) {
    if (visit->step->more->destroys.count && !visit->step->type->destroys)
        refuse_key(parse, visit, "destroys", "steps that run SQL or push");
}

static void check_target_name(struct parse *parse, const struct visit *visit, const char *key,
                              value name) {
    const struct field_map *targets = &parse->runbook->targets;
    AUTO_TEXT text = value_to_text(name);
    check_name(parse, value_span(parse, visit, key), "target", text, targets->keys, targets->count);
}

/* `.item` and its members where the items stand there. */
static void check_target_items(struct parse *parse, const struct visit *loop,
                               const char *const *keys, size_t count) {
    AUTO_VALUE items = value_none();
    if (!template_is_constant(loop->step->more->foreach) ||
        template_render(loop->step->more->foreach, NULL, &items, NULL) < 0)
        return;
    for (size_t i = 0; i < value_count(items); i++) {
        value name = value_at(items, i);
        for (size_t k = 0; k < count; k++) {
            value member = value_get(name, keys[k]);
            value_free(name);
            name = member;
        }
        check_target_name(parse, loop, "foreach", name);
        value_free(name);
    }
}

struct target_check {
    struct parse *parse;
    const struct visit *visit;
};

static void check_target_expr(void *user, const struct expr *expr) {
    const struct target_check *check = user;
    const char *const *keys = NULL;
    size_t count = expr_is_path(expr) ? expr_path(expr, &keys) : 0;
    const struct visit *loop = check->visit;
    if (!count || strcmp(keys[0], "item") != 0)
        return;
    while (!loop->step->more->foreach && loop->parent != VISIT_NONE)
        loop = &check->parse->visits.items[loop->parent];
    if (loop->step->more->foreach)
        check_target_items(check->parse, loop, keys + 1, count - 1);
}

/* A name that is made of several parts only the run can tell. */
static void check_target(struct parse *parse, const struct visit *visit) {
    const struct template *target = visit->step->more->target;
    struct target_check check = {parse, visit};
    AUTO_VALUE name = value_none();
    AUTO_BUF shown = BUF_INIT(1 << 16);
    if (template_is_constant(target)) {
        if (template_render(target, NULL, &name, NULL) == 0)
            check_target_name(parse, visit, "target", name);
        return;
    }
    template_show(&shown, target);
    const char *close = strstr(buf_text(&shown), "}}");
    if (text_starts_with(buf_text(&shown), "${{") && close && !close[2])
        template_each_expr(target, check_target_expr, &check);
}

static void check_names(struct parse *parse, const struct visit *visit) {
    const struct runbook *runbook = parse->runbook;
    const struct step *step = visit->step;
    if (step->more->target)
        check_target(parse, visit);
    if (step->more->database)
        check_name(parse, value_span(parse, visit, "database"), "database", step->more->database,
                   runbook->databases.keys, runbook->databases.count);
}

/* ---- expect and outputs ------------------------------------------------------------------- */

static struct span expect_span(const struct parse *parse, const struct visit *visit,
                               const char *key) {
    const struct node *expect = node_find(visit->node, "expect", NULL), *at = NULL;
    if (!expect || expect->kind != NODE_MAP || !node_find(expect, key, &at))
        return visit->step->span;
    return parse_span(parse, at);
}

static void check_rows(struct parse *parse, const struct visit *visit,
                       const struct expect_rows *rows) {
    struct span span = expect_span(parse, visit, "rows");
    if (rows->exactly >= 0 && (rows->min >= 0 || rows->max >= 0))
        parse_error(parse, span, NULL, "`exactly` excludes `min` and `max`");
    else if (rows->min >= 0 && rows->max >= 0 && rows->min > rows->max)
        parse_error(parse, span, NULL, "`min` is more than `max`: no number of rows fits");
}

static void check_expect(struct parse *parse, const struct visit *visit) {
    const struct expect *expect = visit->step->more->expect;
    const struct step_type *type = visit->step->type;
    if (!expect)
        return;
    const struct {
        const char *key;
        bool is_said;
        unsigned bit;
    } keys[] = {
        {"exit", expect->exit.count > 0, STEP_HAS_EXIT},
        {"status", expect->status.count > 0, STEP_HAS_STATUS},
        {"stdout", expect->standard_output != NULL, STEP_HAS_STDOUT},
        {"stderr", expect->standard_error != NULL, STEP_HAS_STDERR},
        {"body", expect->body != NULL, STEP_HAS_BODY},
        {"header", expect->header.count > 0, STEP_HAS_HEADER},
        {"rows", expect->rows != NULL, STEP_HAS_ROWS},
        {"tls_days_left", expect->tls_days_left != 0, STEP_HAS_TLS},
    };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (keys[i].is_said && !(type->results & keys[i].bit))
            parse_error(parse, expect_span(parse, visit, keys[i].key), NULL,
                        "the result of `%s` has no `%s` to expect anything of", type->key,
                        keys[i].key);
    if (expect->rows)
        check_rows(parse, visit, expect->rows);
}

/* A way that was written but is wrong has been reported already. */
static bool output_is_tried(const struct node *step, const char *name) {
    const struct node *outputs = node_find(step, "outputs", NULL);
    const struct node *output =
        outputs && outputs->kind == NODE_MAP ? node_find(outputs, name, NULL) : NULL;
    return !output || output->kind != NODE_MAP || node_find(output, "jq", NULL) ||
           node_find(output, "regex", NULL) || node_find(output, "file", NULL);
}

static void check_outputs(struct parse *parse, const struct visit *visit) {
    const struct field_map *outputs = &visit->step->more->outputs;
    unsigned text = STEP_HAS_STDOUT | STEP_HAS_BODY;
    for (size_t i = 0; i < outputs->count; i++) {
        const struct output *output = &FIELD_AT(struct output, outputs, i);
        int ways = (output->jq != NULL) + (output->regex != NULL) + (output->file != NULL);
        if (ways > 1)
            parse_error(parse, outputs->spans[i], "keep one of them",
                        "the output `%s` is taken in more than one way", outputs->keys[i]);
        else if (ways == 0 && !output_is_tried(visit->node, outputs->keys[i]))
            parse_error(parse, outputs->spans[i], "for example `{jq: '.stdout'}`",
                        "the output `%s` needs one of `jq`, `regex` and `file`", outputs->keys[i]);
        if (output->regex && !(visit->step->type->results & text))
            parse_error(parse, outputs->spans[i], "use `jq`",
                        "the result of `%s` has no text for `regex`", visit->step->type->key);
    }
}

/* ---- services, probes, handlers ----------------------------------------------------------- */

static void check_background(struct parse *parse, const struct visit *visit) {
    const struct step *step = visit->step;
    if (step->background && !node_find(visit->node, "ready", NULL))
        parse_error(parse, key_span(parse, visit, "background"),
                    "add `ready: {http: …}`, `{shell: …}` or `{sql: …}`",
                    "a background step needs `ready`, which says when it is up");
    if (step->more->ready && !node_find(visit->node, "background", NULL))
        parse_error(parse, key_span(parse, visit, "ready"),
                    "add `background: true`, or use `expect` and `retry`",
                    "`ready` is for steps with `background: true`");
    if (step->background && step->more->foreach)
        parse_error(parse, key_span(parse, visit, "foreach"), "write a step for each service",
                    "a background step cannot have `foreach`");
    if (step->background && visit->in_handler)
        parse_error(parse, key_span(parse, visit, "background"), NULL,
                    "a rollback or probe cannot leave something running");
}

static void check_probe(struct parse *parse, const struct visit *visit) {
    const struct step_type *type = visit->step->type;
    if (visit->role != ROLE_PROBE)
        return;
    if (!type->is_probe) {
        parse_error(parse, action_span(parse, visit), "use `shell`, `exec`, `sql` or `http`",
                    "`%s` cannot be a probe", type->key);
        return;
    }
    /* What a command does nobody can tell; of the others the effect is known. */
    if (!visit->is_broken && !type->is_command && type->effect &&
        step_effect(visit->step) != EFFECT_READ)
        parse_error(parse, action_span(parse, visit), NULL,
                    "a probe only reads, and this `%s` changes something", type->key);
}

static void check_handler(struct parse *parse, const struct visit *visit) {
    const struct step *step = visit->step;
    bool is_finally = visit->role == ROLE_FINALLY && !visit->in_handler;
    if (visit->in_handler && step->more->rollback)
        parse_error(parse, key_span(parse, visit, "rollback"), "use `retry` where it may fail",
                    "a rollback has no rollback of its own");
    if (is_finally && step->more->rollback)
        parse_error(parse, key_span(parse, visit, "rollback"), "take it out",
                    "steps of `finally` are not rolled back");
    if ((is_finally || visit->in_handler) && step->point_of_no_return)
        parse_error(parse, key_span(parse, visit, "point_of_no_return"), "take it out",
                    "a point of no return stands among the runbook's own `steps`");
}

/* ---- effect, order of figures ------------------------------------------------------------- */

static const char *effect_name(enum effect effect) {
    static const char *const names[] = {"unsaid", "read", "idempotent", "once"};
    return names[effect];
}

static void check_effect(struct parse *parse, const struct visit *visit) {
    const struct step *step = visit->step;
    if (step->more->effect_reason && step->effect_override == EFFECT_UNSAID)
        parse_error(parse, key_span(parse, visit, "effect_reason"), NULL,
                    "`effect_reason` without `effect`");
    if (step->effect_override == EFFECT_UNSAID || step->more->effect_reason || !is_sql(step) ||
        !step->type->effect || visit->is_broken)
        return;
    enum effect derived = step->type->effect(step->spec);
    if (step->effect_override < derived)
        parse_error(parse, key_span(parse, visit, "effect"),
                    "add `effect_reason:` with why the statements do less than they seem to",
                    "these statements are `%s`; `%s` needs a reason", effect_name(derived),
                    effect_name(step->effect_override));
}

void check_retry(struct parse *parse, struct span span, const struct retry *retry) {
    if (retry->max_delay_ms > 0 && retry->max_delay_ms < retry->delay_ms)
        parse_error(parse, span, NULL, "`max_delay` is shorter than `delay`");
}

static void check_max_fail(struct parse *parse, const struct visit *visit) {
    const struct step *step = visit->step;
    AUTO_ERR err = ERR_INIT;
    AUTO_TEXT text = NULL;
    size_t most;
    if (!step->more->foreach && !node_find(visit->node, "foreach", NULL))
        parse_error(parse, key_span(parse, visit, "max_fail"), "add `foreach:` to the step",
                    "`max_fail` is for steps with `foreach`");
    if (!template_is_constant(step->more->max_fail) ||
        template_render_text(step->more->max_fail, NULL, &text, NULL) < 0 ||
        step_max_fail_read(text, 0, &most, &err) == 0)
        return;
    err.span = value_span(parse, visit, "max_fail");
    parse_report(parse, &err);
}

static void check_figures(struct parse *parse, const struct visit *visit) {
    const struct step *step = visit->step;
    if (step->more->max_fail)
        check_max_fail(parse, visit);
    if (!step->more->foreach && node_find(visit->node, "concurrency", NULL) &&
        !node_find(visit->node, "foreach", NULL))
        parse_error(parse, key_span(parse, visit, "concurrency"), "use `parallel:` for a group",
                    "`concurrency` is for steps with `foreach`");
    if (step->more->retry) {
        const struct node *retry = node_find(visit->node, "retry", NULL), *at = NULL;
        if (retry && retry->kind == NODE_MAP && node_find(retry, "max_delay", &at))
            check_retry(parse, parse_span(parse, at), step->more->retry);
    }
    if (step->more->deadline_ms > 0 && step->timeout_ms > step->more->deadline_ms)
        parse_error(parse, key_span(parse, visit, "timeout"),
                    "`timeout` is for one attempt, `deadline` for all of them",
                    "`timeout` is longer than `deadline`");
}

/* ---- what the type itself refuses --------------------------------------------------------- */

struct type_check {
    struct parse *parse;
    const struct visit *visit;
};

static bool has_database(void *user, const char *name) {
    const struct type_check *check = user;
    const struct runbook *runbook = check->parse->runbook;
    if (name)
        return FIELD_FIND(struct database, &runbook->databases, name) != NULL;
    /* A name that is wrong has been reported. */
    return check->visit->step->more->database || runbook->defaults.database ||
           runbook->databases.count == 1;
}

static void report_check(void *user, struct err *err) {
    const struct type_check *check = user;
    if (!err->span.file)
        err->span = action_span(check->parse, check->visit);
    parse_report(check->parse, err);
}

static void check_type(struct parse *parse, const struct visit *visit) {
    const struct step *step = visit->step;
    if (!step->type->start && !step->type->expand) {
        parse_error(parse, action_span(parse, visit), NULL,
                    "this version of runbook does not run `%s` steps", step->type->key);
        return;
    }
    /* A type looks at whole specs only. */
    if (!step->type->check || visit->is_broken)
        return;
    struct type_check check = {parse, visit};
    step->type->check(step->spec,
                      &(struct step_check){
                          .user = &check,
                          .span = parse_span(parse, visit->action),
                          .has_database = has_database,
                          .report = report_check,
                          .is_background = step->background,
                          .is_handler = visit->in_handler || visit->role == ROLE_FINALLY,
                      });
}

/* ---- calls -------------------------------------------------------------------------------- */

static void check_call(struct parse *parse, const struct visit *visit) {
    struct step_expansion expansion;
    if (!step_expand(visit->step, &expansion) || !expansion.runbook)
        return;
    const struct field_map *declared = &expansion.runbook->params, *given = expansion.params;
    for (size_t i = 0; given && i < given->count; i++) {
        const struct param *param = FIELD_FIND(struct param, declared, given->keys[i]);
        const struct template *tmpl = FIELD_AT(struct template *, given, i);
        if (!param)
            check_name(parse, given->spans[i], "parameter of the called runbook", given->keys[i],
                       declared->keys, declared->count);
        else if (tmpl && template_is_constant(tmpl))
            check_param_value(parse, given->spans[i], given->keys[i], param, tmpl);
    }
    for (size_t i = 0; i < declared->count; i++) {
        const struct param *param = &FIELD_AT(struct param, declared, i);
        bool is_given = given && field_map_find(given, sizeof(void *), declared->keys[i]);
        if (param->required && !is_given)
            parse_error(parse, action_span(parse, visit), "add it to `params:` beside `call:`",
                        "the called runbook requires the parameter `%s`", declared->keys[i]);
    }
}

void check_steps(struct parse *parse, size_t first) {
    for (size_t i = first; i < parse->visits.count; i++) {
        const struct visit *visit = &parse->visits.items[i];
        if (!visit->step->type)
            continue;
        check_type(parse, visit);
        check_container_keys(parse, visit);
        check_command_keys(parse, visit);
        check_sql_keys(parse, visit);
        check_destroys_key(parse, visit);
        check_names(parse, visit);
        check_expect(parse, visit);
        check_outputs(parse, visit);
        check_background(parse, visit);
        check_probe(parse, visit);
        check_handler(parse, visit);
        check_effect(parse, visit);
        check_destroys(parse, visit);
        check_figures(parse, visit);
        check_call(parse, visit);
    }
}
