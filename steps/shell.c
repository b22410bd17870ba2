#include <string.h>

#include "base/mem.h"
#include "command.h"

struct shell_spec {
    struct code text;
};

static const struct field shell_fields[] = {
    {
        .key = "text",
        .kind = FIELD_CODE,
        .flags = FIELD_REQUIRED,
        .offset = offsetof(struct shell_spec, text),
        .doc = "Text for the shell; values come in through `env`, never by `${{`.",
        .example = "pg_dump -Fc -f \"$COPY\" \"$DATABASE_URL\"",
    },
    FIELD_END,
};

static enum effect shell_effect(const void *spec) {
    (void)spec;
    return EFFECT_ONCE;
}

static void shell_check(const void *spec, const struct step_check *check) {
    const struct shell_spec *shell = spec;
    if (shell->text.length == 0 || strspn(shell->text.text, " \t\r\n") == shell->text.length) {
        AUTO_ERR err = ERR_INIT;
        err_at(&err, check->span, "`shell` has no command");
        err_hint(&err, "write the command behind it: `shell: systemctl status nginx`");
        check->report(check->user, &err);
    }
}

static void shell_plan(const void *spec, const struct step_plan *plan) {
    const struct shell_spec *shell = spec;
    plan->line(plan->user, "command", shell->text.text, shell->text.length);
}

static int shell_start(struct step_ctx *ctx, struct err *err) {
    const struct shell_spec *shell = step_spec(ctx);
    size_t count = 0;
    const char *const *words = step_shell(ctx, &count);
    const char **argv = mem_calloc(count + 1, sizeof *argv);
    for (size_t i = 0; i < count; i++)
        argv[i] = words[i];
    argv[count] = shell->text.text;
    int status = command_start(ctx, argv, count + 1, err);
    mem_free(argv);
    return status;
}

/* The text is for the shell that stands before it: of others than its kind nothing is read. */
static int shell_rehearse(struct step_ctx *ctx, struct err *err) {
    const struct shell_spec *shell = step_spec(ctx);
    struct shell_scan scan = {0};
    size_t count = 0;
    const char *const *words = step_shell(ctx, &count);
    bool is_known = count > 0 && shell_is_known(words[0]);
    shell_scan_words(&scan, words, count);
    if (is_known)
        shell_scan_text(&scan, shell->text.text, shell->text.length);
    return command_rehearse(ctx, &scan, is_known ? words[0] : NULL, shell->text.text, err);
}

/* Its own shell the engine knows. */
static void shell_demand(const void *spec, const struct step_demand *demand) {
    const struct shell_spec *shell = spec;
    struct shell_scan scan = {0};
    if (!demand->shell || shell_is_known(demand->shell))
        shell_scan_text(&scan, shell->text.text, shell->text.length);
    command_demand(&scan, demand);
    shell_scan_release(&scan);
}

const struct step_type step_shell_type = {
    .key = "shell",
    .doc = "Text given to `bash -euo pipefail -c`, or to `defaults.shell`.",
    .example = "pg_dump -Fc -f \"$COPY\" \"$DATABASE_URL\"",
    .fields = shell_fields,
    .shorthand = "text",
    .bare = true,
    .size = sizeof(struct shell_spec),
    .state_size = sizeof(struct command_state),
    .results = STEP_HAS_EXIT | STEP_HAS_STDOUT | STEP_HAS_STDERR,
    .is_probe = true,
    .is_command = true,
    .effect = shell_effect,
    .check = shell_check,
    .plan = shell_plan,
    .demand = shell_demand,
    .start = shell_start,
    .rehearse = shell_rehearse,
    .settle = command_settle,
    .cancel = command_cancel,
    .release = command_release,
};
