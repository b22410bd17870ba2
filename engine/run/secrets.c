#include "run/secrets.h"

#include "base/file.h"
#include "base/text.h"
#include "io/tool.h"

#define SECRET_MAX TOOL_OUTPUT_MAX /* bytes */
#define SECRET_TIMEOUT_MS 30000    /* of a command */

struct loading {
    struct run *run;
    struct diag *diag;
};

static value loading_get(void *user, const char *key) {
    const struct run *run = user;
    if (key && text_equal(key, "params"))
        return plan_params(run->plan);
    return key && text_equal(key, "env") ? value_copy(run->environment_value) : value_none();
}

/* ---- from a command ------------------------------------------------------------------------ */

static int command_read(struct run *run, const struct field_list *command, struct buf *out,
                        struct err *err) {
    VEC(const char *) argv = {0};
    for (size_t i = 0; i < command->count; i++)
        *vec_add(&argv) = FIELD_AT(const char *, command, i);
    *vec_add(&argv) = NULL;
    const struct tool_spec spec = {.argv = argv.items, .timeout_ms = SECRET_TIMEOUT_MS};
    const int status = tool_run(run->loop, &spec, out, err);
    vec_release(&argv);
    return status == 0 ? 0 : -1;
}

/* ---- from a file, from the environment ----------------------------------------------------- */

static int file_source(struct run *run, const struct template *tmpl, struct buf *out,
                       struct err *err) {
    struct expr_input input = {.get = loading_get, .user = run};
    AUTO_TEXT path = NULL;
    AUTO_TEXT bytes = NULL;
    size_t length;
    if (template_render_text(tmpl, &input, &path, err) < 0 ||
        file_read(path, SECRET_MAX, &bytes, &length, err) < 0)
        return -1;
    buf_append(out, bytes, length);
    return 0;
}

static int source_read(struct run *run, const struct secret_source *source, struct buf *out,
                       struct err *err) {
    if (source->env) {
        const char *text = getenv(source->env);
        if (!text)
            return err_set(err, ERR_INVALID, "the environment variable `%s` is not set",
                           source->env);
        return buf_puts(out, text);
    }
    if (source->file)
        return file_source(run, source->file, out, err);
    return command_read(run, &source->command, out, err);
}

static void secret_load(const struct loading *loading, const char *name,
                        const struct secret_source *source) {
    struct run *run = loading->run;
    struct buf bytes = BUF_INIT(SECRET_MAX);
    AUTO_ERR err = ERR_INIT;
    int status = source_read(run, source, &bytes, &err);
    /* A file or a command ends with a newline that is no part of the secret. */
    if (status == 0 && !source->env && bytes.length && bytes.data[bytes.length - 1] == '\n')
        bytes.data[--bytes.length] = '\0';
    if (status == 0)
        status = secrets_add(run->secrets, name, buf_text(&bytes), bytes.length,
                             source->allow_short, &err);
    if (status == 0)
        run->secrets_value =
            value_set(run->secrets_value, name, value_string_n(buf_text(&bytes), bytes.length));
    else {
        err_wrap(&err, "secret `%s`", name);
        err.kind = ERR_INVALID;
        diag_report(loading->diag, &err);
    }
    mem_wipe_free(bytes.data, bytes.capacity);
}

static void file_secrets(void *user, const struct runbook *file) {
    const struct loading *loading = user;
    struct run *run = loading->run;
    for (size_t i = 0; i < file->secrets.count; i++) {
        const char *name = file->secrets.keys[i];
        size_t length;
        if (!secrets_get(run->secrets, name, &length))
            secret_load(loading, name, plan_secret(run->plan, file, name));
    }
    for (size_t i = 0; i < file->redact.count; i++)
        redactor_add_pattern(run->redactor, FIELD_AT(struct match *, &file->redact, i));
}

void secrets_load(struct run *run, struct diag *diag) {
    struct loading loading = {run, diag};
    run->secrets = secrets_new();
    run->redactor = redactor_new();
    run->secrets_value = value_object();
    runbook_each_file(run->runbook, file_secrets, &loading);
    redactor_add_secrets(run->redactor, run->secrets);
}

struct search {
    const struct plan *plan;
    const char *name;
    bool found;
};

static void file_search(void *user, const struct runbook *file) {
    struct search *search = user;
    for (size_t i = 0; i < file->secrets.count; i++) {
        const struct secret_source *source = plan_secret(search->plan, file, file->secrets.keys[i]);
        if (source->env && text_equal(source->env, search->name))
            search->found = true;
    }
}

bool secrets_has_variable(const struct plan *plan, const char *name) {
    struct search search = {plan, name, false};
    runbook_each_file(plan_runbook(plan), file_search, &search);
    return search.found;
}
