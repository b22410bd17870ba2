/* Inside lang: steps that are parsed while their file is still being read. */
#ifndef LANG_EARLY_H
#define LANG_EARLY_H

#include "lang/parse.h"

/* Steps are parsed as they come where nothing but `finally` can stand below them. What they report
 * is held back: of a file that is no YAML only that is told. */
struct early {
    struct parse *parse;
    struct diag *diag; /* where reports go in the end */
    struct steps_open steps;
    uint64_t seen; /* of the runbook's fields, those above and `steps` */
    size_t above;  /* pairs of the root above `steps` */
    bool is_begun;
};

/* What yaml_parse takes; `early` is zeroed but for `parse`. */
struct yaml_items early_items(struct early *early);
/* The whole file: what `early` has of it, and the rest. */
void early_finish(struct early *early, const struct node *root);
/* There is no tree. */
void early_drop(struct early *early);

#endif
