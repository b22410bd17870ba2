#include "base/text.h"
#include "step.h"

/* A type KEY is defined as `step_KEY_type`, at the end of its file. */
extern const struct step_type step_shell_type, step_exec_type, step_sql_type, step_http_type,
    step_git_type, step_approval_type, step_manual_type, step_watch_type, step_notify_type,
    step_call_type, step_assert_type, step_wait_type, step_steps_type, step_parallel_type;

const struct step_type *const step_types[] = {
    &step_shell_type,    &step_exec_type,   &step_sql_type,   &step_http_type,     &step_git_type,
    &step_approval_type, &step_manual_type, &step_watch_type, &step_notify_type,   &step_call_type,
    &step_assert_type,   &step_wait_type,   &step_steps_type, &step_parallel_type, NULL,
};

const struct step_type *step_type_find(const char *key) {
    for (size_t i = 0; step_types[i]; i++)
        if (text_equal(step_types[i]->key, key))
            return step_types[i];
    return NULL;
}
