/* The JSON schema of a runbook, made from the same tables that parse it. */
#ifndef LANG_SCHEMA_H
#define LANG_SCHEMA_H

#include "base/buf.h"

/* JSON Schema draft 2020-12, indented, with descriptions and examples. */
void schema_runbook(struct buf *out);
/* The same of the configuration. */
void schema_config(struct buf *out);
/* The same of house rules. */
void schema_policy(struct buf *out);

#endif
