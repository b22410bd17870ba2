/* The step type `sql`: statements on a named database, with values bound by the server. */
#include <ctype.h>

#include "base/mem.h"
#include "base/text.h"
#include "sql_rehearse.h"

/* A loop that raises notices must not fill the transcript. */
#define NOTICES_CEILING 1000

struct sql_state {
    struct sql_attempt attempt;
    struct sql_query *query;   /* NULL before it starts and behind its end */
    struct sql_settle *settle; /* of an attempt in doubt, in place of the query */
    struct sql_rehearsal *rehearsal;
    struct sql_trial trial;
    bool cancelled;
    struct sql_source source;
    struct step_database database;
    char *application_name;
    struct pg_statement *statements;
    const char **values; /* of all statements, one behind the other */
    char **rendered;     /* of the script's arguments; NULL is NULL */
    size_t notices;
};

/* ---- arguments ------------------------------------------------------------------------------- */

static int argument_text(value rendered, const char *name, char **ret, struct err *err) {
    int64_t integer;
    *ret = NULL;
    if (value_is(rendered, VALUE_NULL))
        return 0;
    if (value_is(rendered, VALUE_NONE))
        return err_set(err, ERR_INVALID, "the argument `%s` has no value", name);
    if (value_is(rendered, VALUE_STRING) &&
        strlen(value_text(rendered)) != value_text_length(rendered))
        return err_set(err, ERR_INVALID, "the argument `%s` holds a NUL byte", name);
    if (value_as_integer(rendered, &integer) && value_is(rendered, VALUE_NUMBER))
        *ret = mem_printf("%lld", (long long)integer);
    else
        *ret = value_to_text(rendered);
    return 0;
}

static int render_argument(struct step_ctx *ctx, const char *name, char **ret, struct err *err) {
    const struct sql_fields *fields = step_spec(ctx);
    int64_t index = sql_argument_index(fields, name);
    if (index < 0)
        return err_set(err, ERR_INVALID, "no argument is called `%s`", name);
    AUTO_VALUE rendered = value_none();
    const struct template *tmpl = FIELD_AT(struct template *, &fields->args, index);
    if (step_render(ctx, tmpl, &rendered, err) < 0)
        return err_wrap(err, "argument `%s`", name);
    return argument_text(rendered, name, ret, err);
}

static int render_arguments(struct step_ctx *ctx, struct sql_state *state, struct err *err) {
    const struct sql_script *script = state->source.script;
    state->rendered = mem_calloc(script->argument_count + 1, sizeof *state->rendered);
    for (size_t i = 0; i < script->argument_count; i++)
        if (render_argument(ctx, script->arguments[i].name, &state->rendered[i], err) < 0)
            return -1;
    return 0;
}

static void bind_statements(struct sql_state *state) {
    const struct sql_script *script = state->source.script;
    size_t total = 0;
    for (size_t i = 0; i < script->count; i++)
        total += script->statements[i].argument_count;
    state->values = mem_calloc(total + 1, sizeof *state->values);
    state->statements = mem_calloc(script->count + 1, sizeof *state->statements);
    const char **values = state->values;
    for (size_t i = 0; i < script->count; i++) {
        const struct sql_statement *statement = &script->statements[i];
        state->statements[i] = (struct pg_statement){
            .text = statement->text, .values = values, .value_count = statement->argument_count};
        for (size_t k = 0; k < statement->argument_count; k++)
            *values++ = state->rendered[statement->arguments[k]];
    }
}

/* ---- the end --------------------------------------------------------------------------------- */

value sql_result_data(const struct pg_response *response) {
    value data = value_object();
    data = value_set(data, "rows", value_copy(response->rows));
    data = value_set(data, "row_count", value_integer(response->row_count));
    data = value_set(data, "commands", value_copy(response->commands));
    if (response->sqlstate)
        data = value_set(data, "sqlstate", value_string(response->sqlstate));
    return data;
}

/* The byte of the script that stands for a byte of the text the server got: `:name` is $1 there. */
static size_t script_offset(const struct sql_statement *statement, const char *script,
                            size_t text_offset) {
    const char *text = statement->text;
    size_t at = statement->offset;
    for (size_t i = 0; i < text_offset && text[i];) {
        bool is_argument = text[i] == '$' && script[at] == ':';
        i++, at++;
        if (!is_argument)
            continue;
        i += strspn(text + i, "0123456789");
        while (isalnum((unsigned char)script[at]) || script[at] == '_')
            at++;
    }
    return at;
}

void sql_failure_place(const struct sql_source *source, size_t index, size_t position,
                       struct err *err) {
    const struct sql_script *script = source->script;
    if (index >= script->count)
        return;
    const struct sql_statement *statement = &script->statements[index];
    size_t within = sql_cursor_offset(statement->text, strlen(statement->text), position);
    err->span = sql_source_span(source, script_offset(statement, source->text, within), 1);
    if (script->count > 1)
        err_wrap(err, "statement %zu of %zu (line %u)", index + 1, script->count, err->span.line);
}

static void fill_failure(const struct sql_state *state, const struct pg_response *response,
                         struct err *err, struct step_result *ret) {
    ret->without_effect = !response->in_doubt && (!response->connected || response->rolled_back);
    ret->outcome = state->cancelled ? STEP_CANCELLED : STEP_FAILED;
    sql_failure_place(&state->source, response->failed, response->position, err);
    if (response->in_doubt) {
        ret->outcome = STEP_IN_DOUBT;
        if (!err->hint)
            err_hint(err, "whether it took effect must be looked up in the database; a "
                          "`done_when:` probe does that by itself");
    }
    err_move(&ret->err, err);
}

static void ended(void *user, struct pg_response *response, struct err *err) {
    struct step_ctx *ctx = user;
    struct sql_state *state = step_state(ctx);
    state->query = NULL;
    struct step_result result = {.outcome = STEP_SUCCEEDED, .data = sql_result_data(response)};
    if (state->source.reads)
        result.stale =
            sql_miss_find(ctx, state->database.name, state->source.script, response->sqlstate);
    if (err->kind)
        fill_failure(state, response, err, &result);
    step_done(ctx, &result);
}

/* ---- an attempt ------------------------------------------------------------------------------ */

static void noticed(void *user, const char *severity, const char *text) {
    struct step_ctx *ctx = user;
    struct sql_state *state = step_state(ctx);
    if (state->notices++ > NOTICES_CEILING)
        return;
    bool is_last = state->notices > NOTICES_CEILING;
    value note = value_object();
    note = value_set(note, "severity", value_string(is_last ? "WARNING" : severity));
    note = value_set(note, "text",
                     value_string(is_last ? "further notices of this step are dropped" : text));
    step_note(ctx, "notice", note);
}

/* It may have been cancelled and rolled back while the record was on its way to the disk. */
static void commit_recorded(struct step_ctx *ctx) {
    struct sql_state *state = step_state(ctx);
    if (state->query)
        sql_query_go(state->query);
}

static value held_data(const struct sql_state *state, const struct sql_fields *fields,
                       const struct pg_held *held) {
    value data = value_object();
    data = value_set(data, "rows", value_copy(held->rows));
    data = value_set(data, "row_count", value_integer(held->row_count));
    data = value_set(data, "commands", value_copy(held->commands));
    if (sql_transaction(fields) != PG_EACH)
        return data;
    size_t count = state->source.script->count;
    data = value_set(data, "statement", value_integer((int64_t)held->statement_count));
    return value_set(data, "statements", value_integer((int64_t)count));
}

/* A transaction that could not write leaves nothing to ask for. */
static void before_commit(void *user, const struct pg_held *held) {
    struct step_ctx *ctx = user;
    struct sql_state *state = step_state(ctx);
    if (held->transaction_id == 0) {
        sql_query_go(state->query);
        return;
    }
    AUTO_TEXT id = mem_printf("%llu%s%s", (unsigned long long)held->transaction_id,
                              *held->server ? " " : "", held->server);
    step_commit(ctx, id, held_data(state, step_spec(ctx), held), commit_recorded);
}

static struct pg_target query_target(const struct step_database *database) {
    return (struct pg_target){.name = database->name,
                              .url = database->url,
                              .role = database->role,
                              .statement_timeout_ms = database->statement_timeout_ms,
                              .lock_timeout_ms = database->lock_timeout_ms,
                              .pool = database->pool,
                              .way = database->way};
}

static struct pg_spec query_spec(const struct step_ctx *ctx, const struct sql_state *state) {
    return (struct pg_spec){
        .target = query_target(&state->database),
        .application_name = state->application_name,
        .statements = state->statements,
        .statement_count = state->source.script->count,
        .transaction = sql_transaction(step_spec(ctx)),
        /* Also what its author calls a read: then the server holds them to it. */
        .read_only = state->source.reads || step_ctx_effect(ctx) == EFFECT_READ,
        .before_commit = before_commit,
        .notice = noticed,
    };
}

static int sql_begin(struct step_ctx *ctx, struct err *err) {
    struct sql_state *state = step_state(ctx);
    if (sql_source_init(&state->source, step_spec(ctx), err) < 0 ||
        render_arguments(ctx, state, err) < 0 || step_database_init(ctx, &state->database, err) < 0)
        return -1;
    bind_statements(state);
    state->application_name = sql_session_name(ctx);
    struct pg_spec spec = query_spec(ctx, state);
    state->query = sql_query_start(ctx, &spec, ended, ctx);
    return 0;
}

/* Without its values a script cannot be tried, and its queries can be prepared all the same. */
static int trial_values(struct step_ctx *ctx, struct sql_state *state, struct err *err) {
    AUTO_ERR fault = ERR_INIT;
    if (render_arguments(ctx, state, &fault) == 0) {
        bind_statements(state);
        state->trial.statements = state->statements;
        return 0;
    }
    if (fault.kind != ERR_UNKNOWN)
        return err_move(err, &fault);
    state->trial.why = mem_strdup(fault.message);
    return 0;
}

static int sql_rehearse(struct step_ctx *ctx, struct err *err) {
    struct sql_state *state = step_state(ctx);
    if (sql_source_init(&state->source, step_spec(ctx), err) < 0 ||
        trial_values(ctx, state, err) < 0 || step_database_init(ctx, &state->database, err) < 0)
        return -1;
    state->trial.source = &state->source;
    state->trial.target = query_target(&state->database);
    return sql_rehearsal_new(ctx, &state->trial, &state->rehearsal, err);
}

static int sql_settle(struct step_ctx *ctx, const struct step_doubt *doubt, struct err *err) {
    struct sql_state *state = step_state(ctx);
    enum pg_transaction transaction = sql_transaction(step_spec(ctx));
    if (sql_source_init(&state->source, step_spec(ctx), err) < 0)
        return -1;
    if (state->source.reads)
        return err_set(err, ERR_UNREACHABLE, "its rows did not arrive; it only reads");
    if (transaction == PG_NONE)
        return err_set(err, ERR_UNREACHABLE,
                       "outside of a transaction the server cannot tell what was carried out");
    if (step_database_init(ctx, &state->database, err) < 0)
        return -1;
    struct pg_target target = query_target(&state->database);
    state->settle = sql_settle_new(ctx, &target, transaction, state->source.script->count, doubt);
    return 0;
}

static void sql_cancel(struct step_ctx *ctx) {
    struct sql_state *state = step_state(ctx);
    state->cancelled = true;
    if (state->settle)
        sql_settle_cancel(state->settle);
    if (state->rehearsal)
        sql_rehearsal_cancel(state->rehearsal);
    if (state->query)
        sql_query_cancel(state->query, step_grace_ms(ctx), false);
}

static void sql_release(struct step_ctx *ctx) {
    struct sql_state *state = step_state(ctx);
    size_t count = state->rendered ? state->source.script->argument_count : 0;
    for (size_t i = 0; i < count; i++)
        mem_free(state->rendered[i]);
    mem_free(state->rendered);
    mem_free(state->statements);
    mem_free(state->values);
    mem_free(state->application_name);
    sql_query_free(state->query);
    sql_settle_free(state->settle);
    sql_rehearsal_free(state->rehearsal);
    mem_free(state->trial.why);
    sql_source_release(&state->source);
    step_database_release(&state->database);
}

/* ---- what may be written --------------------------------------------------------------------- */

static const char *const transactions[] = {"true", "each", "false", NULL};

static const struct field argument_field = {
    .kind = FIELD_VALUE,
    .flags = FIELD_ITEM,
    .doc = "A value for `:name`, sent to the server apart from the statement; null is NULL, "
           "lists and mappings are sent as JSON.",
    .example = "\"${{ .params.since }}\"",
};

static const struct field fields[] = {
    {.key = "statements",
     .kind = FIELD_CODE,
     .offset = offsetof(struct sql_fields, statements),
     .doc = "One statement, or several that end with semicolons; values stand in them as `:name`.",
     .example = "SELECT count(*) AS leads FROM leads WHERE created_at > :since"},
    {.key = "file",
     .kind = FIELD_FILE,
     .offset = offsetof(struct sql_fields, file),
     .doc = "A script to run in place of statements; psql's own commands are not known.",
     .example = "schema.sql"},
    {.key = "transaction",
     .kind = FIELD_CHOICE,
     .flags = FIELD_BESIDE,
     .offset = offsetof(struct sql_fields, transaction),
     .doc = "Whether all statements run in one transaction (true, the default), each in its own "
            "(each), or outside of one (false, for VACUUM, CREATE DATABASE and their like).",
     .example = "each",
     .choices = transactions},
    {.key = "args",
     .kind = FIELD_MAP,
     .flags = FIELD_BESIDE,
     .offset = offsetof(struct sql_fields, args),
     .doc = "Values for the `:name`s of the statements; the server types them.",
     .example = "{since: \"${{ .params.since }}\"}",
     .item = &argument_field},
    FIELD_END,
};

const struct step_type step_sql_type = {
    .key = "sql",
    .module = "pg",
    .doc = "Runs statements on a database: in one transaction unless said otherwise, READ ONLY "
           "where they only read.",
    .example = "SELECT count(*) AS leads FROM leads",
    .fields = fields,
    .shorthand = "statements",
    .size = sizeof(struct sql_fields),
    .state_size = sizeof(struct sql_state),
    .results = STEP_HAS_ROWS,
    .is_probe = true,
    .effect = sql_effect,
    .check = sql_check,
    .plan = sql_plan,
    .destroys = sql_destroys,
    .start = sql_begin,
    .rehearse = sql_rehearse,
    .settle = sql_settle,
    .cancel = sql_cancel,
    .release = sql_release,
};
