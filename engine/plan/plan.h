/* A plan: a runbook bound to parameters and a profile, with the graphs of its lists, ready to be
 * shown or run. It touches nothing outside the file system. */
#ifndef PLAN_PLAN_H
#define PLAN_PLAN_H

#include "lang/runbook.h"
#include "plan/graph.h"

/* What the command line decides. All borrowed. */
struct plan_options {
    const char *path;
    const char *profile;     /* NULL: none */
    const char *params_file; /* --params: YAML or JSON of names to values; NULL: none */
    const char *const *set;  /* --set name=value, NULL-terminated or NULL */
    const char *const *only, *const *skip; /* ids, NULL-terminated or NULL */
    const char *from;
    /* Asks for a parameter with `prompt: true`; the caller frees; NULL: nobody answers. */
    char *(*prompt)(void *user, const char *name, const struct param *param);
    void *user;
    bool shape_only; /* check: parameters need no values */
};

struct plan;
/* Loads, checks and binds; all errors go to `diag`; NULL where there was one. */
struct plan *plan_new(const struct plan_options *options, struct diag *diag);
void plan_free(struct plan *plan);

const struct runbook *plan_runbook(const struct plan *plan);
const struct graph *plan_graph(const struct plan *plan);   /* of `steps` */
const struct graph *plan_finally(const struct plan *plan); /* of `finally`, or NULL */
/* The graph of the members of a container step (foreach body, called runbook), a handler, … made
 * on first use and kept: `steps` is the key. */
const struct graph *plan_graph_of(struct plan *plan, const struct step_list *steps);
value plan_params(const struct plan *plan); /* owned copy: object */
/* Binds the parameters of a called runbook: values given, defaults, types. */
int plan_bind(const struct runbook *runbook, value given_taken, value *ret_params,
              struct err *err) MUST_USE;
/* Whether --only, --from, --skip or the profile leave the top-level step out, and why. */
const char *plan_skip_reason(const struct plan *plan, const struct step *step);
/* Effective settings, after profile: NULL where the name is unknown. */
const struct database *plan_database(const struct plan *plan, const struct runbook *file,
                                     const char *name_or_null, const char **ret_name);
const struct target *plan_target(const struct plan *plan, const struct runbook *file,
                                 const char *name);
const struct secret_source *plan_secret(const struct plan *plan, size_t index,
                                        const char **ret_name);
/* SHA-256 of everything that decides what is executed: files, parameters, profile, selection. */
const char *plan_hash(const struct plan *plan);

#endif
