#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "io/module.h"
#include "sql_step.h"

#define FILE_CEILING ((size_t)16 << 20)

enum pg_transaction sql_transaction(const struct sql_fields *fields) {
    switch ((enum sql_transaction)fields->transaction) {
    case SQL_EACH:
        return PG_EACH;
    case SQL_NONE:
        return PG_NONE;
    case SQL_UNSAID:
    case SQL_ONE:
        break;
    }
    return PG_ONE;
}

int64_t sql_argument_index(const struct sql_fields *fields, const char *name) {
    for (size_t i = 0; i < fields->args.count; i++)
        if (text_equal(fields->args.keys[i], name))
            return (int64_t)i;
    return -1;
}

/* ---- places ---------------------------------------------------------------------------------- */

/* All lines of a block scalar begin in the same column. */
static struct span source_place(const struct sql_source *source, struct span within) {
    const struct code *code = &source->fields->statements;
    if (source->file_text) {
        within.file = source->fields->file;
        return within;
    }
    within.file = code->at.file;
    within.line += code->at.line - 1;
    within.column += code->at.column - 1;
    return within;
}

struct span sql_source_span(const struct sql_source *source, size_t offset, size_t length) {
    struct span within = sql_span(source->text, source->length, offset);
    within.length = (uint32_t)(length ? length : 1);
    return source_place(source, within);
}

/* ---- loading --------------------------------------------------------------------------------- */

static int source_text(struct sql_source *source, struct err *err) {
    const struct sql_fields *fields = source->fields;
    if (fields->file && fields->statements.text)
        return err_set(err, ERR_INVALID, "`sql` has both statements and `file`");
    if (fields->file) {
        if (file_read(fields->file, FILE_CEILING, &source->file_text, &source->length, err) < 0)
            return -1;
        source->text = source->file_text;
        return 0;
    }
    if (!fields->statements.text)
        return err_set(err, ERR_INVALID, "`sql` has neither statements nor `file`");
    source->text = fields->statements.text;
    source->length = fields->statements.length;
    return 0;
}

/* What was parsed, by how many it is used. The engine asks for a step's effect, checks it, shows
 * it and runs it one after the other: the most recent script is kept for that. */
struct sql_parsed {
    struct sql_script *script;
    char *text;
    size_t length, users;
};
static struct sql_parsed *recent;

static void parsed_release(struct sql_parsed *parsed) {
    if (!parsed || --parsed->users > 0)
        return;
    const struct sql_module *module = MODULE_LOAD(sql, NULL);
    module->free(parsed->script);
    mem_free(parsed->text);
    mem_free(parsed);
}

static bool parsed_is(const struct sql_parsed *parsed, const struct sql_source *source) {
    return parsed && parsed->length == source->length &&
           memcmp(parsed->text, source->text, source->length) == 0;
}

static struct sql_parsed *parsed_new(const struct sql_source *source, struct err *err) {
    struct sql_script *script = NULL;
    const struct sql_module *module = MODULE_LOAD(sql, err);
    if (!module || module->parse(source->text, source->length, &script, err) < 0)
        return NULL;
    struct sql_parsed *parsed = mem_zalloc(sizeof *parsed);
    *parsed = (struct sql_parsed){.script = script, .length = source->length, .users = 1};
    parsed->text = mem_strndup(source->text, source->length);
    return parsed;
}

static int source_parse(struct sql_source *source, struct err *err) {
    if (!parsed_is(recent, source)) {
        AUTO_ERR fault = ERR_INIT;
        struct sql_parsed *parsed = parsed_new(source, &fault);
        if (!parsed) {
            if (fault.span.line)
                fault.span = source_place(source, fault.span);
            return err_move(err, &fault);
        }
        parsed_release(recent);
        recent = parsed;
    }
    recent->users++;
    source->parsed = recent;
    source->script = recent->script;
    source->reads = true;
    for (size_t i = 0; i < source->script->count; i++)
        source->reads &= source->script->statements[i].reads;
    return 0;
}

int sql_source_init(struct sql_source *source, const struct sql_fields *fields, struct err *err) {
    *source = (struct sql_source){.fields = fields};
    if (source_text(source, err) == 0 && source_parse(source, err) == 0)
        return 0;
    sql_source_release(source);
    return -1;
}

void sql_source_release(struct sql_source *source) {
    parsed_release(source->parsed);
    mem_free(source->file_text);
    *source = (struct sql_source){0};
}

enum effect sql_effect(const void *spec) {
    struct sql_source source;
    if (sql_source_init(&source, spec, NULL) < 0)
        return EFFECT_ONCE;
    enum effect effect = source.reads ? EFFECT_READ : EFFECT_ONCE;
    sql_source_release(&source);
    return effect;
}

/* ---- check ----------------------------------------------------------------------------------- */

struct checking {
    const struct step_check *check;
    const struct sql_source *source;
};

static void report(const struct checking *checking, struct err *err) {
    if (!err->span.line)
        err->span = checking->check->span;
    checking->check->report(checking->check->user, err);
    err_release(err);
}

static void check_arguments(const struct checking *checking) {
    const struct sql_script *script = checking->source->script;
    const struct sql_fields *fields = checking->source->fields;
    for (size_t i = 0; i < script->argument_count; i++) {
        const struct sql_argument *argument = &script->arguments[i];
        struct err err = ERR_INIT;
        if (sql_argument_index(fields, argument->name) >= 0)
            continue;
        err_at(&err,
               sql_source_span(checking->source, argument->offset, strlen(argument->name) + 1),
               "no argument is called `%s`", argument->name);
        const char *meant = text_suggest(argument->name, fields->args.keys, fields->args.count);
        if (meant)
            err_hint(&err, "did you mean `:%s`?", meant);
        else
            err_hint(&err, "give it a value: `args: {%s: …}` beside `sql`", argument->name);
        report(checking, &err);
    }
}

static bool is_used(const struct sql_script *script, const char *name) {
    for (size_t i = 0; i < script->argument_count; i++)
        if (text_equal(script->arguments[i].name, name))
            return true;
    return false;
}

static void check_unused(const struct checking *checking) {
    const struct field_map *args = &checking->source->fields->args;
    for (size_t i = 0; i < args->count; i++) {
        struct err err = ERR_INIT;
        if (is_used(checking->source->script, args->keys[i]))
            continue;
        err_at(&err, args->spans ? args->spans[i] : checking->check->span,
               "no statement uses the argument `%s`", args->keys[i]);
        err_hint(&err, "write `:%s` where its value belongs, or remove it", args->keys[i]);
        report(checking, &err);
    }
}

static void check_transaction(const struct checking *checking,
                              const struct sql_statement *statement) {
    struct err err = ERR_INIT;
    /* A place is counted from the script's beginning: only where there is something to say. */
    if (sql_transaction(checking->source->fields) == PG_NONE ||
        (!statement->alone && !statement->controls))
        return;
    struct span span =
        sql_source_span(checking->source, statement->offset, strcspn(statement->text, "\n"));
    if (statement->alone) {
        err_at(&err, span, "%s cannot run inside a transaction", statement->alone);
        err_hint(&err, checking->source->script->count > 1
                           ? "give it a step of its own with `transaction: false`"
                           : "add `transaction: false`");
    } else {
        err_at(&err, span, "%s in a script whose transaction the engine opens and ends",
               statement->controls);
        err_hint(&err, "leave it out, or add `transaction: false`; savepoints are allowed");
    }
    report(checking, &err);
}

static void check_statements(const struct checking *checking) {
    const struct sql_script *script = checking->source->script;
    struct err err = ERR_INIT;
    if (script->count == 0) {
        err_set(&err, ERR_INVALID, "there is no statement");
        report(checking, &err);
    }
    for (size_t i = 0; i < script->count; i++) {
        const struct sql_statement *statement = &script->statements[i];
        check_transaction(checking, statement);
        if (!statement->copies)
            continue;
        err_at(&err, sql_source_span(checking->source, statement->offset, 4),
               "COPY FROM STDIN and TO STDOUT have nobody to talk to");
        err_hint(&err, "use INSERT or SELECT, COPY with a file on the server, or a `shell` step "
                       "with psql");
        report(checking, &err);
    }
}

void sql_check(const void *spec, const struct step_check *check) {
    struct sql_source source;
    struct checking checking = {.check = check, .source = &source};
    struct err err = ERR_INIT;
    if (!check->has_database(check->user, NULL)) {
        err_set(&err, ERR_INVALID, "no database is named");
        err_hint(&err, "add `database: NAME` to the step, or describe one under `databases:`");
        report(&checking, &err);
    }
    if (sql_source_init(&source, spec, &err) < 0) {
        report(&checking, &err);
        return;
    }
    check_statements(&checking);
    check_arguments(&checking);
    check_unused(&checking);
    sql_source_release(&source);
}
