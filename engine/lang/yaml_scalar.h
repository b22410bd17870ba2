/* What plain scalars mean, and questions about nodes. */
#ifndef LANG_YAML_SCALAR_H
#define LANG_YAML_SCALAR_H

#include "lang/node.h"

enum node_type scalar_type(const char *text, size_t length);
/* `yes`, `on`, `n`, …: what other YAML readers take for true or false. */
bool scalar_is_old_bool(const char *text, bool *ret);

#endif
