/* Values in commands: what stands for one in a document becomes a parameter or a secret, and comes
 * into the command through its environment. */
#ifndef CLI_IMPORT_PLACE_H
#define CLI_IMPORT_PLACE_H

#include "cli/import_draft.h"

/* The commands as the step runs them; fills its `env` and what the draft requires. */
const char *place_commands(struct draft *draft, struct draft_step *step, const char *text);
/* A template: the same of a URL, a header or a body. */
const char *place_template(struct draft *draft, const char *text);
/* The same without parameters: text that people read. `${{` is no template there. */
const char *place_prose(const struct draft *draft, const char *text);

#endif
