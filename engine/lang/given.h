/* Inside lang: constants that a parameter gives. */
#ifndef LANG_GIVEN_H
#define LANG_GIVEN_H

#include "lang/parse.h"

/* The node to parse for a scalar field: `node`, or what the parameter that it names holds. NULL
 * where there is none: errors are reported, and the slot is left. */
const struct node *given_node(struct parse *parse, const struct field *field,
                              const struct node *node);
/* The runbook's mapping with its parameters and profiles in front, as others look at them, and its
 * steps at the end, as they look at others. */
const struct node *given_first(const struct node *root, struct arena *nodes);
/* Counts one more file that is loaded for one call alone; false where it is too many. */
bool given_loads_left(struct load *load);

#endif
