/* Fenced code becomes steps. */
#ifndef CLI_IMPORT_CODE_H
#define CLI_IMPORT_CODE_H

#include "cli/import_draft.h"

/* Adds them to `group`. */
void code_steps(struct draft *draft, struct draft_step *group, const struct block *block);
/* Commands, one piece of them: a step or several. `title` may be NULL. In import_command.c. */
void command_steps(struct draft *draft, struct draft_step *group, const char *text, uint32_t line,
                   const char *title, bool whole);
/* A script's pieces, at its comments. In import_script.c. */
void script_steps(struct draft *draft, struct draft_step *group, const char *text, uint32_t line);
/* Steps whose titles begin with "or" become choices, those with "if" conditional. */
void steps_choose(struct draft *draft, struct draft_step *group);
/* The steps of a group without a title stand among its neighbours: it is the last of `parent`,
 * behind `before`. */
void group_splice(struct draft_step *parent, struct draft_step *before, struct draft_step *group);
/* A group of one step becomes that step, under the group's title. */
void group_collapse(struct draft *draft, struct draft_step *group);

#endif
