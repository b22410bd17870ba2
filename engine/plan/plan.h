/* A plan: a runbook bound to parameters and a profile, with the graphs of its lists, ready to be
 * shown or run. It touches nothing outside the file system. */
#ifndef PLAN_PLAN_H
#define PLAN_PLAN_H

#include "lang/runbook.h"
#include "plan/graph.h"

/* What the command line decides. All borrowed; lists end with NULL or are NULL. */
struct plan_options {
    const char *path;
    const struct runbook_copies *copies; /* to read in place of the files; NULL: the files */
    const char *profile;                 /* NULL: none */
    const char *params_file;             /* --params: YAML or JSON of names to values; NULL: none */
    /* An object of names to values, below --params; names that the runbook does not know are passed
     * over, and so is null, as a parameter without a value is recorded. Or VALUE_NONE. */
    value params;
    const char *const *set;                /* --set name=value */
    const char *const *only, *const *skip; /* ids */
    const char *from;
    /* Asks for a parameter with `prompt: true`; the caller frees; NULL: nobody answers. */
    char *(*prompt)(void *user, const char *name, const struct param *param);
    void *user;
    /* check: parameters need no values, and without `profile` what holds only under one of the
     * runbook's is reported, too. */
    bool shape_only;
};

struct plan;
/* Loads, checks and binds; all errors go to `diag`; NULL where there was one. */
struct plan *plan_new(const struct plan_options *options, struct diag *diag);
void plan_free(struct plan *plan);

const struct runbook *plan_runbook(const struct plan *plan);
const struct graph *plan_graph(const struct plan *plan);   /* of `steps` */
const struct graph *plan_finally(const struct plan *plan); /* of `finally`, or NULL */
/* How many steps act: a group counts by its members, a foreach and a call as one; those of
 * `finally` are not among them. */
size_t plan_step_count(struct plan *plan);
/* Graphs made on first use and kept: of a called runbook's steps, and of one step
 * (GRAPH_ALONE: a rollback handler; GRAPH_BODY: what is in a foreach or a group). */
const struct graph *plan_graph_of(struct plan *plan, const struct step_list *steps);
const struct graph *plan_graph_of_step(struct plan *plan, const struct step *step,
                                       enum graph_scope scope);
/* The members of a group that has a graph of its own, or NULL. */
const struct graph *plan_group_body(struct plan *plan, const struct graph_node *node);

value plan_params(const struct plan *plan); /* object; owned */
/* Names of those that a person gave, who left the rest to profile and defaults; owned. */
value plan_given(const struct plan *plan);
/* Every file whose bytes count: [{path, sha256, bytes}]; owned. Empty with `shape_only`. */
value plan_files(const struct plan *plan);
/* The profile that was chosen, or NULL. */
const char *plan_profile(const struct plan *plan);
/* {only, from, skip} where any was given, else null; owned. */
value plan_selection(const struct plan *plan);
/* Whether --only, --from, --skip or the profile leave out this node of plan_graph: why, or NULL. */
const char *plan_skip_reason(const struct plan *plan, uint32_t node);

/* Settings with the profile laid over them; `file` is the runbook that names them. A database
 * may be unnamed where there is only one. NULL where there is none. */
const struct database *plan_database(const struct plan *plan, const struct runbook *file,
                                     const char *name_or_null, const char **ret_name);
const struct target *plan_target(const struct plan *plan, const struct runbook *file,
                                 const char *name);
const struct secret_source *plan_secret(const struct plan *plan, const struct runbook *file,
                                        const char *name);

/* SHA-256 of everything that decides what is executed: files, parameters, profile, selection. */
const char *plan_hash(const struct plan *plan);

#endif
