/* The one table of commands. A new one is a file cmd_NAME.c, a line here and in commands.c. */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include "cli/opts.h"

extern const struct command command_archive;
extern const struct command command_check;
extern const struct command command_compare;
extern const struct command command_completion;
extern const struct command command_exec;
extern const struct command command_follow;
extern const struct command command_graph;
extern const struct command command_help;
extern const struct command command_import;
extern const struct command command_man;
extern const struct command command_new;
extern const struct command command_plan;
extern const struct command command_replay;
extern const struct command command_report;
extern const struct command command_resume;
extern const struct command command_rollback;
extern const struct command command_runs;
extern const struct command command_schedule;
extern const struct command command_schema;
extern const struct command command_show;
extern const struct command command_verify;

#endif
