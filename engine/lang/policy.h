/* House rules: what the plans of an organisation must hold to, as jq over a plan's JSON. */
#ifndef LANG_POLICY_H
#define LANG_POLICY_H

#include "field.h"
#include "lang/diag.h"

enum policy_severity { POLICY_UNSAID, POLICY_ERROR, POLICY_WARNING };

struct policy_rule {
    const char *name;
    const char *message;
    struct expr *when; /* NULL: always */
    struct expr *deny; /* true, or the paths of the steps that offend */
    int severity;      /* enum policy_severity */
};

struct policy {
    const char *path;
    const char *bytes; /* as the file was read */
    size_t length;
    int64_t version;
    struct field_list rules; /* struct policy_rule each */
    struct arena *arena;
    struct expr_set *exprs;
};

extern const struct field policy_fields[];

/* NULL where something is wrong, which `diag` then holds. */
struct policy *policy_load(const char *path, struct diag *diag);
void policy_free(struct policy *policy);

/* Holds the rules against a plan (as schemas/plan.schema.json says) and reports what offends, at
 * the steps' places. A rule that cannot be judged is an error, too. */
void policy_judge(const struct policy *policy, value plan, struct diag *diag);

#endif
