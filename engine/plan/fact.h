/* What a plan says and how sure it is of it.
 *
 * A fact is {text, is, from}. `is` is "known" where the text is what will be used, "rendered"
 * where `${{ … }}` in it get their values at run time, and then `from` names what they come from:
 * "steps.counts", "secrets.database_url", "run.dir". Parameters are known, so templates that look
 * at nothing else are shown with their values. */
#ifndef PLAN_FACT_H
#define PLAN_FACT_H

#include "plan/plan.h"

/* Where it stands: parameters of a runbook that is called get their values when it is. */
struct fact_scope {
    const struct plan *plan;
    const struct runbook *file;
};

/* Of text as template_show wrote it; owned. */
value fact_of_text(const struct fact_scope *scope, const char *text, size_t length);
/* Of a template; NULL is VALUE_NONE. */
value fact_of_template(const struct fact_scope *scope, const struct template *tmpl);
/* Of a condition; NULL is VALUE_NONE. Where it looks at parameters only it has `holds`: true or
 * false. */
value fact_of_expr(const struct fact_scope *scope, const struct expr *expr);
/* Why a node of a graph there is left out, not for what it stands in but for itself: by the
 * selection, by the profile, or because `when`, its condition as above, does not hold. Or NULL. */
const char *fact_skip_reason(const struct fact_scope *scope, const struct graph *graph,
                             uint32_t node, value when);

#endif
