/* Sections of a document become steps. */
#ifndef CLI_IMPORT_STEP_H
#define CLI_IMPORT_STEP_H

#include "cli/import_draft.h"

/* What stands in the section itself, without those below it. `top`: what it says of itself is said
 * of the runbook. */
void section_steps(struct draft *draft, struct draft_step *group, const struct section *section,
                   bool top);

/* In import_list.c. */
enum list_use { LIST_DO, LIST_CHECK, LIST_TELL };
/* The items as steps, as one checklist, or as remarks. `title` may be NULL. */
void list_steps(struct draft *draft, struct draft_step *group, const struct block *list,
                enum list_use use, const char *title);
/* An item, or a block that stands alone, on one line with what is nested in it. */
const char *block_line(const struct draft *draft, const struct block *block);
/* Whether half of its items ask for something, or have a box to check. */
bool list_is_to_do(const struct draft *draft, const struct block *list);
/* `Run \`command\` …` as a step; NULL where it is something else. */
struct draft_step *step_from_words(struct draft *draft, struct draft_step *group, const char *text,
                                   uint32_t line);
/* In import_table.c. */
void table_steps(struct draft *draft, struct draft_step *group, const struct block *table);

#endif
