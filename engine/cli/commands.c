#include "cli/commands.h"

const struct command *const commands[] = {
    &command_exec,       &command_resume,
    &command_rollback,   &command_plan,
    &command_check,      &command_runs,
    &command_show,       &command_follow,
    &command_report,     &command_compare,
    &command_replay,     &command_verify,
    &command_archive,    &command_graph,
    &command_schedule,   &command_new,
    &command_import,     &command_schema,
    &command_completion, &command_man,
    &command_help,       NULL,
};
