/* What the engine lends to types that run commands or reach databases: the words to spawn, the
 * environment, the folder, the way to a target, the database's URL. */
#include "base/map.h"
#include "base/text.h"
#include "io/process.h"
#include "run/act.h"

/* ---- environment --------------------------------------------------------------------------- */

/* "NAME=value" entries; a later one of the same name replaces an earlier. */
struct variables {
    VEC(char *) items;
    bool lacks_path;
};

static void variables_set(struct variables *variables, const char *name, const char *text) {
    char *entry = mem_printf("%s=%s", name, text);
    size_t length = strlen(name) + 1;
    for (size_t i = 0; i < variables->items.count; i++) {
        if (strncmp(variables->items.items[i], entry, length) == 0) {
            mem_free(variables->items.items[i]);
            variables->items.items[i] = entry;
            return;
        }
    }
    *vec_add(&variables->items) = entry;
}

static void variables_release(struct variables *variables) {
    for (size_t i = 0; i < variables->items.count; i++)
        mem_wipe_free(variables->items.items[i], strlen(variables->items.items[i]));
    vec_release(&variables->items);
}

/* A rehearsal goes without what it does not know. */
static bool may_lack(const struct step_ctx *ctx, struct err *err) {
    bool lacks = act_spec_of(ctx)->is_rehearsal && err && err->kind == ERR_UNKNOWN;
    if (lacks)
        err_release(err);
    return lacks;
}

static int variables_render(struct variables *variables, struct step_ctx *ctx,
                            const struct field_map *env, struct err *err) {
    for (size_t i = 0; i < env->count; i++) {
        AUTO_VALUE rendered = value_none();
        if (step_render(ctx, FIELD_AT(struct template *, env, i), &rendered, err) < 0) {
            if (!may_lack(ctx, err))
                return err_wrap(err, "env `%s`", env->keys[i]);
            variables->lacks_path |= text_equal(env->keys[i], "PATH");
            continue;
        }
        if (value_is(rendered, VALUE_NULL) || value_is(rendered, VALUE_NONE)) {
            err_set(err, ERR_INVALID, "env `%s` is null", env->keys[i]);
            return err_hint(err, "an empty word in a command can destroy; write `// \"\"` behind "
                                 "the expression where empty is meant");
        }
        AUTO_TEXT text = value_to_text(rendered);
        if (value_is(rendered, VALUE_STRING) && strlen(text) != value_text_length(rendered))
            return err_set(err, ERR_INVALID, "env `%s` holds a NUL byte", env->keys[i]);
        variables_set(variables, env->keys[i], text);
    }
    return 0;
}

static int variables_declared(struct variables *variables, struct step_ctx *ctx, struct err *err) {
    const struct act_spec *spec = act_spec_of(ctx);
    const struct runbook *file = spec->frame->file;
    if (variables_render(variables, ctx, &file->env, err) < 0 ||
        variables_render(variables, ctx, &file->defaults.env, err) < 0)
        return -1;
    return variables_render(variables, ctx, &spec->step->env, err);
}

static void variables_own(struct variables *variables, struct step_ctx *ctx) {
    const struct run *run = act_spec_of(ctx)->frame->run;
    variables_set(variables, PROCESS_TOKEN, step_token(ctx));
    variables_set(variables, "RUNBOOK_RUN_ID", step_run_id(ctx));
    variables_set(variables, "RUNBOOK_RUN_DIR", store_run_dir(run->place));
    variables_set(variables, "RUNBOOK_STEP", step_id(ctx));
}

/* ---- targets ------------------------------------------------------------------------------- */

/* The other side reads one line from its input and evaluates it, so that neither values nor
 * secrets stand on a command line; what follows the line is the command's own input. */
static const char receiver[] = "IFS= read -r line; eval \"$line\"";

/* A shell word that stays on one line: newlines travel as octal escapes. */
static void word_quote(struct buf *out, const char *word) {
    if (!strchr(word, '\n')) {
        text_shell_quote(out, word);
        return;
    }
    AUTO_BUF escaped = BUF_INIT(SIZE_MAX);
    for (const char *c = word; *c; c++) {
        if (*c == '\n')
            buf_puts(&escaped, "\\0012");
        else if (*c == '\\')
            buf_puts(&escaped, "\\0134");
        else
            buf_putc(&escaped, *c);
    }
    /* The dot keeps trailing newlines from being dropped by $(…). */
    buf_puts(out, "\"$(printf '%b.' ");
    text_shell_quote(out, buf_text(&escaped));
    buf_puts(out, ")\"");
}

static void word_pass(struct buf *out, const char *word) {
    if (!strchr(word, '\n')) {
        buf_puts(out, "set -- \"$@\" ");
        word_quote(out, word);
    } else {
        buf_puts(out, "w=");
        word_quote(out, word);
        buf_puts(out, "; set -- \"$@\" \"${w%.}\"");
    }
    buf_puts(out, "; ");
}

static void variable_pass(struct buf *out, const char *entry) {
    size_t length = strcspn(entry, "=");
    const char *text = entry + length + 1;
    if (strchr(text, '\n')) {
        buf_puts(out, "w=");
        word_quote(out, text);
        buf_printf(out, "; export %.*s=\"${w%%.}\"; ", (int)length, entry);
        return;
    }
    buf_printf(out, "export %.*s=", (int)length, entry);
    text_shell_quote(out, text);
    buf_puts(out, "; ");
}

static void prelude_write(struct buf *out, const struct variables *variables, const char *cwd,
                          const char *const *words, size_t count) {
    buf_puts(out, "set --; ");
    for (size_t i = 0; i < count; i++)
        word_pass(out, words[i]);
    for (size_t i = 0; i < variables->items.count; i++)
        variable_pass(out, variables->items.items[i]);
    if (cwd) {
        buf_puts(out, "cd ");
        text_shell_quote(out, cwd);
        buf_puts(out, " && ");
    }
    buf_puts(out, "exec \"$@\"\n");
}

typedef VEC(char *) words;

static int launcher_words(struct step_ctx *ctx, const struct target *target, words *ret,
                          struct err *err) {
    if (target->ssh) {
        static const char *const fixed[] = {"ssh", "-T", "-o", "BatchMode=yes", "--"};
        for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
            *vec_add(ret) = mem_strdup(fixed[i]);
        char *host;
        if (step_render_text(ctx, target->ssh, &host, err) < 0)
            return -1;
        *vec_add(ret) = host;
        *vec_add(ret) = mem_strdup(receiver);
        return 0;
    }
    for (size_t i = 0; i < target->via.count; i++) {
        char *word;
        if (step_render_text(ctx, FIELD_AT(struct template *, &target->via, i), &word, err) < 0)
            return -1;
        *vec_add(ret) = word;
    }
    *vec_add(ret) = mem_strdup("sh");
    *vec_add(ret) = mem_strdup("-c");
    *vec_add(ret) = mem_strdup(receiver);
    return 0;
}

const char *step_target(const struct step_ctx *ctx) {
    const struct act_spec *spec = act_spec_of(ctx);
    const char *target = spec->step->target;
    return target ? target : spec->frame->file->defaults.target;
}

static const struct target *target_of(struct step_ctx *ctx) {
    const struct act_spec *spec = act_spec_of(ctx);
    const struct runbook *file = spec->frame->file;
    const char *name = step_target(ctx);
    return name ? plan_target(spec->frame->run->plan, file, name) : NULL;
}

/* ---- commands ------------------------------------------------------------------------------ */

static int cwd_render(struct step_ctx *ctx, char **ret, struct err *err) {
    const struct act_spec *spec = act_spec_of(ctx);
    const struct template *cwd = spec->step->cwd;
    if (!cwd)
        cwd = spec->frame->file->defaults.cwd;
    *ret = NULL;
    return cwd ? step_render_text(ctx, cwd, ret, err) : 0;
}

static int input_render(struct step_ctx *ctx, struct buf *out, bool *ret_has, struct err *err) {
    const struct template *input = act_spec_of(ctx)->step->input;
    *ret_has = input != NULL;
    if (!input)
        return 0;
    AUTO_VALUE rendered = value_none();
    if (step_render(ctx, input, &rendered, err) < 0)
        return may_lack(ctx, err) ? 0 : err_wrap(err, "stdin");
    if (act_spec_of(ctx)->is_rehearsal)
        return 0; /* it is the command's */
    if (value_is(rendered, VALUE_STRING)) {
        buf_append(out, value_text(rendered), value_text_length(rendered));
        return 0;
    }
    AUTO_TEXT text = value_to_text(rendered);
    return buf_puts(out, text);
}

static char **list_detach(words *list) {
    *vec_add(list) = NULL;
    return list->items;
}

static int compose_local(struct step_ctx *ctx, const char *const *argv, size_t count,
                         struct step_command *ret, struct err *err) {
    const struct run *run = act_spec_of(ctx)->frame->run;
    struct variables variables = {0};
    for (char **entry = run->environment; *entry; entry++)
        *vec_add(&variables.items) = mem_strdup(*entry);
    if (variables_declared(&variables, ctx, err) < 0) {
        variables_release(&variables);
        return -1;
    }
    variables_own(&variables, ctx);
    ret->lacks_path = variables.lacks_path;
    if (act_output_file(ctx))
        variables_set(&variables, "RUNBOOK_OUTPUT", act_output_file(ctx));
    *vec_add(&variables.items) = NULL;
    ret->env = variables.items.items;
    words list = {0};
    for (size_t i = 0; i < count; i++)
        *vec_add(&list) = mem_strdup(argv[i]);
    ret->argv = list_detach(&list);
    return 0;
}

static int compose_remote(struct step_ctx *ctx, const struct target *target,
                          const char *const *argv, size_t count, const char *cwd,
                          struct step_command *ret, struct buf *input, struct err *err) {
    const struct run *run = act_spec_of(ctx)->frame->run;
    struct variables local = {0}, remote = {0};
    words list = {0};
    int status = variables_declared(&remote, ctx, err);
    ret->lacks_path = remote.lacks_path;
    variables_own(&remote, ctx);
    if (status == 0)
        prelude_write(input, &remote, cwd, argv, count);
    if (status == 0)
        status = launcher_words(ctx, target, &list, err);
    for (char **entry = run->environment; *entry; entry++)
        *vec_add(&local.items) = mem_strdup(*entry);
    variables_set(&local, PROCESS_TOKEN, step_token(ctx));
    *vec_add(&local.items) = NULL;
    ret->env = local.items.items;
    ret->argv = list_detach(&list);
    variables_release(&remote);
    return status;
}

int step_command_init(struct step_ctx *ctx, const char *const *argv, size_t count,
                      struct step_command *ret, struct err *err) {
    const struct target *target = target_of(ctx);
    AUTO_BUF input = BUF_INIT(SIZE_MAX);
    AUTO_TEXT cwd = NULL;
    bool has_input = false;
    *ret = (struct step_command){.keep_orphans = act_spec_of(ctx)->is_service};
    int status = cwd_render(ctx, &cwd, err);
    if (status == 0 && target)
        status = compose_remote(ctx, target, argv, count, cwd, ret, &input, err);
    else if (status == 0)
        status = compose_local(ctx, argv, count, ret, err);
    if (status == 0)
        status = input_render(ctx, &input, &has_input, err);
    if (status < 0) {
        step_command_release(ret);
        return -1;
    }
    if (!target && cwd) {
        ret->cwd = cwd;
        cwd = NULL;
    }
    if (has_input || target) {
        ret->input_length = input.length;
        ret->input = input.length ? buf_detach(&input) : mem_strdup("");
    }
    return 0;
}

static void list_free(char **list) {
    for (char **item = list; item && *item; item++)
        mem_wipe_free(*item, strlen(*item));
    mem_free(list);
}

void step_command_release(struct step_command *command) {
    list_free(command->argv);
    list_free(command->env);
    mem_free((char *)(uintptr_t)command->cwd);
    if (command->input)
        mem_wipe_free((char *)(uintptr_t)command->input, command->input_length);
    *command = (struct step_command){0};
}

const char *const *step_shell(struct step_ctx *ctx, size_t *ret_count) {
    static const char *const bash[] = {"bash", "-euo", "pipefail", "-c"};
    const struct field_list *shell = &act_spec_of(ctx)->frame->file->defaults.shell;
    *ret_count = shell->count ? shell->count : sizeof bash / sizeof *bash;
    return shell->count ? shell->items : bash;
}

/* ---- databases ----------------------------------------------------------------------------- */

int step_database_init(struct step_ctx *ctx, struct step_database *ret, struct err *err) {
    const struct act_spec *spec = act_spec_of(ctx);
    const char *name = spec->step->database;
    const struct database *database =
        plan_database(spec->frame->run->plan, spec->frame->file, name, &name);
    *ret = (struct step_database){0};
    if (!database)
        return err_set(err, ERR_INVALID, "the step names no database");
    if (step_render_text(ctx, database->url, &ret->url, err) < 0)
        return err_wrap(err, "the url of database `%s`", name);
    ret->name = mem_strdup(name);
    ret->role = database->role ? mem_strdup(database->role) : NULL;
    ret->statement_timeout_ms = database->statement_timeout_ms;
    ret->lock_timeout_ms = database->lock_timeout_ms;
    ret->pool = database->pool;
    return 0;
}

void step_database_release(struct step_database *database) {
    mem_free(database->name);
    mem_free(database->role);
    if (database->url)
        mem_wipe_free(database->url, strlen(database->url));
    *database = (struct step_database){0};
}
