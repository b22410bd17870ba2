/* What the engine lends to types that run commands or reach databases: the words to spawn, the
 * environment, the folder, the way to a target, the database's URL. */
#include "base/file.h"
#include "base/map.h"
#include "base/text.h"
#include "io/process.h"
#include "run/act_parts.h"
#include "run/reach.h"
#include "run/there.h"

/* ---- environment --------------------------------------------------------------------------- */

/* "NAME=value" entries; a later one of the same name replaces an earlier. Those of the run are
 * lent: to copy and wipe 40 of them was a tenth of the engine's work for a short step. */
struct variables {
    VEC(char *) items;
    VEC(char *) own; /* those that are no others' */
    bool lacks_path;
};

static char *entry_make(const char *name, size_t length, const char *text) {
    const size_t size = strlen(text) + 1;
    char *entry = mem_alloc(length + 1 + size);
    memcpy(entry, name, length);
    entry[length] = '=';
    memcpy(entry + length + 1, text, size);
    return entry;
}

static void variables_set(struct variables *variables, const char *name, const char *text) {
    const size_t length = strlen(name);
    char *entry = entry_make(name, length, text);
    *vec_add(&variables->own) = entry;
    for (size_t i = 0; i < variables->items.count; i++) {
        const char *old = variables->items.items[i];
        if (*old == *entry && strncmp(old, entry, length + 1) == 0) {
            variables->items.items[i] = entry;
            return;
        }
    }
    *vec_add(&variables->items) = entry;
}

static void variables_release(struct variables *variables) {
    for (size_t i = 0; i < variables->own.count; i++)
        mem_wipe_free(variables->own.items[i], strlen(variables->own.items[i]));
    vec_release(&variables->own);
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
    return variables_render(variables, ctx, &spec->step->more->env, err);
}

static void variables_own(struct variables *variables, struct step_ctx *ctx) {
    const struct run *run = act_spec_of(ctx)->frame->run;
    variables_set(variables, PROCESS_TOKEN, step_token(ctx));
    variables_set(variables, "RUNBOOK_RUN_ID", step_run_id(ctx));
    variables_set(variables, "RUNBOOK_RUN_DIR", store_run_dir(run->place));
    variables_set(variables, "RUNBOOK_STEP", step_id(ctx));
}

/* ---- targets ------------------------------------------------------------------------------- */

static int launcher_words(struct step_ctx *ctx, const struct target *target, ssh_words *ret,
                          struct err *err) {
    if (target->ssh) {
        AUTO_TEXT command = mem_printf("exec sh -c '%s'", there_receiver);
        ssh_command(reach_ssh(ctx->reach), command, ret);
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
    *vec_add(ret) = mem_strdup(there_receiver);
    return 0;
}

int command_place(struct step_ctx *ctx, struct err *err) {
    const struct runbook *file = ctx->spec.frame->file;
    const struct step *step = ctx->spec.step;
    if (ctx->target)
        return 0;
    if (step->type->results & STEP_HAS_ROWS) {
        const struct database *database =
            plan_database(ctx->run->plan, file, step->more->database, NULL);
        ctx->target = database && database->target ? mem_strdup(database->target) : NULL;
        return 0;
    }
    if (!step->more->target) {
        bool has_usual = step->type->is_command && file->defaults.target;
        ctx->target = has_usual ? mem_strdup(file->defaults.target) : NULL;
        return 0;
    }
    AUTO_TEXT name = NULL;
    if (step_render_text(ctx, step->more->target, &name, err) < 0)
        return err_wrap(err, "target");
    if (!plan_target(ctx->run->plan, file, name)) {
        const char *near = text_suggest(name, file->targets.keys, file->targets.count);
        err_set(err, ERR_INVALID, "there is no target `%s`", name);
        return near ? err_hint(err, "did you mean `%s`?", near)
                    : err_hint(err, "`targets:` names those that there are");
    }
    ctx->target = name;
    name = NULL;
    return 0;
}

const char *step_target(const struct step_ctx *ctx) {
    return ctx->target;
}

static const struct target *target_of(const struct step_ctx *ctx) {
    return ctx->target ? plan_target(ctx->run->plan, ctx->spec.frame->file, ctx->target) : NULL;
}

bool step_connects(struct step_ctx *ctx) {
    const struct target *target = target_of(ctx);
    return target && target->ssh;
}

char *step_marker(struct step_ctx *ctx) {
    return target_of(ctx) ? there_marker(step_token(ctx)) : NULL;
}

static void reached(void *user, struct err *err) {
    struct step_ctx *ctx = user;
    ctx->reached(ctx, err);
}

int step_reach(struct step_ctx *ctx, bool fresh,
               void (*opened)(struct step_ctx *ctx, struct err *err), struct err *err) {
    const struct target *target = target_of(ctx);
    AUTO_TEXT host = NULL;
    if (!target || step_render_text(ctx, target->ssh, &host, err) < 0)
        return err_wrap(err, "the target `%s`", step_target(ctx));
    reach_free(ctx->reach);
    ctx->reached = opened;
    ctx->reach = reach_new(ctx->run, host, fresh, reached, ctx);
    return 0;
}

static void tunnel_opened(void *user, const char *entry, struct err *err) {
    struct step_ctx *ctx = user;
    if (err)
        err_wrap(err, "the target `%s`", ctx->target);
    ctx->tunnelled(ctx, entry, err);
}

static void way_opened(struct step_ctx *ctx, struct err *err) {
    if (err)
        tunnel_opened(ctx, NULL, err);
    else
        reach_tunnel(ctx->reach,
                     &(struct ssh_end){ctx->tunnel_host, ctx->tunnel_port, ctx->tunnel_by_port},
                     tunnel_opened, ctx);
}

int step_tunnel(struct step_ctx *ctx, const struct ssh_end *end,
                void (*opened)(struct step_ctx *ctx, const char *entry, struct err *err),
                struct err *err) {
    if (!step_connects(ctx)) {
        err_set(err, ERR_INVALID, "`%s` cannot go through the target `%s`",
                ctx->spec.step->type->key, ctx->target);
        return err_hint(err, "only a target with `ssh` has tunnels; `via` is for commands");
    }
    mem_free(ctx->tunnel_host);
    mem_free(ctx->tunnel_port);
    ctx->tunnel_host = mem_strdup(end->host);
    ctx->tunnel_port = mem_strdup(end->port);
    ctx->tunnel_by_port = end->by_port;
    ctx->tunnelled = opened;
    return step_reach(ctx, false, way_opened, err);
}

void step_reach_leave(struct step_ctx *ctx) {
    reach_free(ctx->reach);
    ctx->reach = NULL;
}

const struct err *step_reach_lost(const struct step_ctx *ctx) {
    return ctx->reach ? reach_lost(ctx->reach) : NULL;
}

/* ---- commands ------------------------------------------------------------------------------ */

static int cwd_render(struct step_ctx *ctx, char **ret, struct err *err) {
    const struct act_spec *spec = act_spec_of(ctx);
    const struct template *cwd = spec->step->more->cwd;
    if (!cwd)
        cwd = spec->frame->file->defaults.cwd;
    *ret = NULL;
    return cwd ? step_render_text(ctx, cwd, ret, err) : 0;
}

static int input_render(struct step_ctx *ctx, struct buf *out, bool *ret_has, struct err *err) {
    const struct template *input = act_spec_of(ctx)->step->more->input;
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

static char **list_detach(ssh_words *list) {
    *vec_add(list) = NULL;
    return list->items;
}

static void environment_lend(const struct step_ctx *ctx, struct variables *ret) {
    for (char **entry = ctx->run->environment; *entry; entry++)
        *vec_add(&ret->items) = *entry;
}

static void environment_detach(struct variables *variables, struct step_command *ret) {
    *vec_add(&variables->items) = NULL;
    *vec_add(&variables->own) = NULL;
    ret->env = variables->items.items;
    ret->own_env = variables->own.items;
}

static int compose_local(struct step_ctx *ctx, const char *const *argv, size_t count,
                         struct step_command *ret, struct err *err) {
    struct variables variables = {0};
    environment_lend(ctx, &variables);
    if (variables_declared(&variables, ctx, err) < 0) {
        variables_release(&variables);
        return -1;
    }
    variables_own(&variables, ctx);
    ret->lacks_path = variables.lacks_path;
    if (act_output_file(ctx))
        variables_set(&variables, "RUNBOOK_OUTPUT", act_output_file(ctx));
    environment_detach(&variables, ret);
    ssh_words list = {0};
    for (size_t i = 0; i < count; i++)
        *vec_add(&list) = mem_strdup(argv[i]);
    ret->argv = list_detach(&list);
    return 0;
}

/* What runs here, and leads to the other side. */
static int compose_launcher(struct step_ctx *ctx, const struct target *target,
                            struct step_command *ret, struct err *err) {
    struct variables local = {0};
    ssh_words list = {0};
    int status = launcher_words(ctx, target, &list, err);
    environment_lend(ctx, &local);
    variables_set(&local, PROCESS_TOKEN, ret->token);
    environment_detach(&local, ret);
    ret->argv = list_detach(&list);
    return status;
}

static int compose_remote(struct step_ctx *ctx, const struct target *target,
                          const char *const *argv, size_t count, const char *cwd,
                          struct step_command *ret, struct buf *input, struct err *err) {
    struct variables remote = {0};
    int status = variables_declared(&remote, ctx, err);
    ret->lacks_path = remote.lacks_path;
    variables_own(&remote, ctx);
    there_write(input, &(struct there_command){
                           .token = step_token(ctx),
                           .cwd = cwd,
                           .words = argv,
                           .count = count,
                           .variables = remote.items.items,
                           .variable_count = remote.items.count,
                           .grace_ms = step_grace_ms(ctx),
                           .keep_orphans = ret->keep_orphans,
                       });
    variables_release(&remote);
    return status == 0 ? compose_launcher(ctx, target, ret, err) : -1;
}

int step_command_end_init(struct step_ctx *ctx, int64_t grace_ms, struct step_command *ret,
                          struct err *err) {
    AUTO_BUF input = BUF_INIT(SIZE_MAX);
    *ret = (struct step_command){.token = mem_printf("%s:end", step_token(ctx))};
    if (compose_launcher(ctx, target_of(ctx), ret, err) < 0) {
        step_command_release(ret);
        return -1;
    }
    there_write_end(&input, step_token(ctx), grace_ms);
    ret->input_length = input.length;
    ret->input = buf_detach(&input);
    return 0;
}

int step_command_init(struct step_ctx *ctx, const char *const *argv, size_t count,
                      struct step_command *ret, struct err *err) {
    const struct target *target = target_of(ctx);
    AUTO_BUF input = BUF_INIT(SIZE_MAX);
    AUTO_TEXT cwd = NULL;
    bool has_input = false;
    *ret = (struct step_command){.token = mem_strdup(step_token(ctx)),
                                 .keep_orphans = act_spec_of(ctx)->is_service};
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
    list_free(command->own_env);
    mem_free(command->env);
    mem_free(command->token);
    mem_free((char *)(uintptr_t)command->cwd);
    if (command->input)
        mem_wipe_free((char *)(uintptr_t)command->input, command->input_length);
    *command = (struct step_command){0};
}

int step_outputs_write(struct step_ctx *ctx, const char *bytes, size_t length, struct err *err) {
    const char *file = act_output_file(ctx);
    return file ? file_write_atomic(file, bytes, length, 0600, err) : 0;
}

const char *const *step_shell(struct step_ctx *ctx, size_t *ret_count) {
    static const char *const bash[] = {"bash", "-euo", "pipefail", "-c"};
    const struct field_list *shell = &act_spec_of(ctx)->frame->file->defaults.shell;
    *ret_count = shell->count ? shell->count : sizeof bash / sizeof *bash;
    return shell->count ? shell->items : bash;
}

/* ---- databases ----------------------------------------------------------------------------- */

/* A launcher leads to no host: what asks for a tunnel is told so. */
static int way_render(struct step_ctx *ctx, char **ret, struct err *err) {
    const struct target *target = target_of(ctx);
    *ret = NULL;
    return target && target->ssh ? step_render_text(ctx, target->ssh, ret, err) : 0;
}

int step_database_init(struct step_ctx *ctx, struct step_database *ret, struct err *err) {
    const struct act_spec *spec = act_spec_of(ctx);
    const char *name = spec->step->more->database;
    const struct database *database =
        plan_database(spec->frame->run->plan, spec->frame->file, name, &name);
    *ret = (struct step_database){0};
    if (!database)
        return err_set(err, ERR_INVALID, "the step names no database");
    if (step_render_text(ctx, database->url, &ret->url, err) < 0)
        return err_wrap(err, "the url of database `%s`", name);
    if (way_render(ctx, &ret->way, err) < 0)
        return err_wrap(err, "the target of database `%s`", name);
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
    mem_free(database->way);
    if (database->url)
        mem_wipe_free(database->url, strlen(database->url));
    *database = (struct step_database){0};
}
