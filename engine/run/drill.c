#include "run/drill.h"

#include "base/text.h"

#define ERROR_MAX ((size_t)64 << 10)

static bool is_drill(const struct run *run) {
    const struct drill *drill = run->runbook->drill;
    return drill && drill->holds.count > 0 && !run->options.dry_run &&
           text_equal(drill->profile, plan_profile(run->plan));
}

static void condition_judge(struct run *run, const struct expr *condition, struct buf *error) {
    struct expr_input input = scope_input_public(run->root);
    AUTO_ERR err = ERR_INIT;
    bool holds = false;
    const bool is_told = expr_test(condition, &input, &holds, &err) == 0;
    if (is_told && holds)
        return;
    buf_printf(error, "%s`%s` does not hold",
               error->length ? "; " : "the drill proves nothing: ", expr_text(condition));
    if (!is_told)
        buf_printf(error, " (%s)", err.message);
}

bool drill_judge(struct run *run) {
    AUTO_BUF error = BUF_INIT(ERROR_MAX);
    if (!is_drill(run))
        return true;
    const struct field_list *holds = &run->runbook->drill->holds;
    for (size_t i = 0; i < holds->count; i++)
        condition_judge(run, FIELD_AT(struct expr *, holds, i), &error);
    if (error.length == 0)
        return true;
    enum on_failure rule = run->runbook->defaults.on_failure;
    run->failed_step = mem_strdup("drill");
    run->failed_error = mem_strdup(buf_text(&error));
    run_failed(run, NULL, rule == ON_FAILURE_CONTINUE ? ON_FAILURE_STOP : rule);
    return false;
}
