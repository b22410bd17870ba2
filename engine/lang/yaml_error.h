/* What libyaml finds, said so that an author can act on it. */
#ifndef LANG_YAML_ERROR_H
#define LANG_YAML_ERROR_H

#include <yaml.h>

#include "lang/node.h"

void yaml_error_report(const struct yaml *yaml, const yaml_parser_t *parser);
/* Refuses what is no UTF-8 text before it is parsed; true where it did. */
bool yaml_refuse_bytes(const struct yaml *yaml);

#endif
