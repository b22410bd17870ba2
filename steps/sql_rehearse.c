/* A rehearsal of statements that write. Where a rollback undoes all of it, they are tried: carried
 * out in one transaction that is rolled back, within limits that spare those who work meanwhile.
 * Else each query among them is prepared, which has the server look for its tables and columns. */
#include "sql_rehearse.h"

#include "base/buf.h"
#include "base/text.h"
#include "io/module.h"
#include "sql_catalog.h"

#define LOCK_TIMEOUT_MS 2000 /* where the database says none */
#define TRIAL_LIMIT_MS 10000 /* of a statement, however long it may take in earnest */
#define FINDINGS_CEILING 20  /* of statements that cannot be prepared */
#define TEXT_CEILING ((size_t)64 << 10)
#define SHOWN_COLUMNS 60 /* of a statement in a remark */
#define PREPARE_HEAD "PREPARE runbook_%zu AS "

struct sql_rehearsal {
    struct step_ctx *ctx;
    struct pg_target target;
    const struct sql_trial *trial;
    struct sql_script *script; /* with traces */
    struct sql_catalog *catalog;
    struct sql_query *query;
    char *why; /* it is not tried; NULL: it is */
    /* Statements that are prepared, from `next` on. */
    struct pg_statement *prepared;
    size_t *indexes; /* of the script's */
    size_t prepared_count, next;
    char *skipped; /* a statement that cannot be prepared, and why */
    size_t findings;
    struct buf found;
    bool is_cancelled;
};

static void over(struct sql_rehearsal *rehearsal, struct step_result *result) {
    if (rehearsal->is_cancelled && result->outcome == STEP_FAILED)
        result->outcome = STEP_CANCELLED;
    step_done(rehearsal->ctx, result);
}

/* For a remark; the caller frees. */
static char *way_text(const struct sql_rehearsal *rehearsal) {
    const char *target = step_target(rehearsal->ctx);
    return target ? mem_printf(" through `%s`", target) : mem_strdup("");
}

/* ---- what earlier steps would have made ----------------------------------------------------- */

/* Whatever schema a script writes before it. Rows that are not there explain no missing column. */
static char *miss_name(const char *database, const struct sql_fact *fact, bool is_shape) {
    size_t length = fact->relation ? fact->relation : strlen(fact->name);
    const char *last = memrchr(fact->name, '.', length);
    size_t before = last ? (size_t)(last + 1 - fact->name) : 0;
    return mem_printf("%s of %s/%.*s", is_shape ? "shape" : "rows", database,
                      (int)(length - before), fact->name + before);
}

/* PostgreSQL's classes of errors about what is called so, or is not there. */
static bool is_about_shape(const char *sqlstate) {
    return sqlstate && (text_starts_with(sqlstate, "42") || text_starts_with(sqlstate, "3F"));
}

static char *statement_miss(struct step_ctx *ctx, const char *database,
                            const struct sql_statement *statement, const char *sqlstate) {
    for (size_t i = 0; i < statement->fact_count; i++) {
        AUTO_TEXT name = miss_name(database, &statement->facts[i], is_about_shape(sqlstate));
        char *step = step_miss_find(ctx, name);
        if (step)
            return step;
    }
    return NULL;
}

char *sql_miss_find(struct step_ctx *ctx, const char *database, const struct sql_script *script,
                    const char *sqlstate) {
    for (size_t i = 0; i < script->count; i++) {
        char *step = statement_miss(ctx, database, &script->statements[i], sqlstate);
        if (step)
            return step;
    }
    return NULL;
}

static char *rehearsal_miss(const struct sql_rehearsal *rehearsal, size_t index,
                            const char *sqlstate) {
    return statement_miss(rehearsal->ctx, rehearsal->target.name,
                          &rehearsal->script->statements[index], sqlstate);
}

static bool changes(const struct sql_statement *statement, const struct sql_fact *fact) {
    if (statement->reads)
        return false;
    return fact->act != SQL_LOCKS || fact->lock > SQL_ROW_SHARE;
}

static void miss_note(const struct sql_rehearsal *rehearsal, const struct sql_statement *statement,
                      const struct sql_fact *fact) {
    const char *database = rehearsal->target.name;
    AUTO_TEXT rows = miss_name(database, fact, false);
    AUTO_TEXT shape = miss_name(database, fact, true);
    step_miss_note(rehearsal->ctx, rows);
    if (statement->class == SQL_DDL)
        step_miss_note(rehearsal->ctx, shape);
}

static void misses_note(const struct sql_rehearsal *rehearsal) {
    const struct sql_script *script = rehearsal->script;
    for (size_t i = 0; i < script->count; i++)
        for (size_t k = 0; k < script->statements[i].fact_count; k++)
            if (changes(&script->statements[i], &script->statements[i].facts[k]))
                miss_note(rehearsal, &script->statements[i], &script->statements[i].facts[k]);
}

/* ---- prepared ------------------------------------------------------------------------------- */

/* Whether a statement before it makes or changes what it names. */
static bool is_of_script(const struct sql_rehearsal *rehearsal, size_t index) {
    const struct sql_script *script = rehearsal->script;
    const struct sql_statement *statement = &script->statements[index];
    for (size_t i = 0; i < index; i++) {
        const struct sql_statement *before = &script->statements[i];
        for (size_t k = 0; before->class == SQL_DDL && k < before->fact_count; k++)
            for (size_t n = 0; n < statement->fact_count; n++) {
                AUTO_TEXT made = miss_name("", &before->facts[k], true);
                AUTO_TEXT named = miss_name("", &statement->facts[n], true);
                if (text_equal(made, named))
                    return true;
            }
    }
    return false;
}

/* Only the first is told: the plan shows them all. */
static void skip_note(struct sql_rehearsal *rehearsal, size_t index, const char *why) {
    const char *text = rehearsal->script->statements[index].text;
    AUTO_BUF shown = BUF_INIT(TEXT_CEILING);
    if (rehearsal->skipped)
        return;
    text_fit(&shown, text, strlen(text), SHOWN_COLUMNS, true);
    rehearsal->skipped = mem_printf("`%s` %s", buf_text(&shown), why);
}

static void prepared_choose(struct sql_rehearsal *rehearsal) {
    const struct sql_script *script = rehearsal->script;
    rehearsal->prepared = mem_calloc(script->count + 1, sizeof *rehearsal->prepared);
    rehearsal->indexes = mem_calloc(script->count + 1, sizeof *rehearsal->indexes);
    for (size_t i = 0; i < script->count; i++) {
        const struct sql_statement *statement = &script->statements[i];
        if (!statement->prepares) {
            skip_note(rehearsal, i, "cannot be prepared");
        } else if (is_of_script(rehearsal, i)) {
            skip_note(rehearsal, i, "needs what a statement before it makes");
        } else {
            char *text = mem_printf(PREPARE_HEAD "%s", i, statement->text);
            rehearsal->indexes[rehearsal->prepared_count] = i;
            rehearsal->prepared[rehearsal->prepared_count++] = (struct pg_statement){.text = text};
        }
    }
}

static void finding_add(struct sql_rehearsal *rehearsal, size_t index,
                        const struct pg_response *response, struct err *err) {
    AUTO_TEXT head = mem_printf(PREPARE_HEAD, index);
    size_t position = response->position;
    size_t within = position > strlen(head) ? position - strlen(head) : 0;
    sql_failure_place(rehearsal->trial->source, index, within, err);
    AUTO_TEXT step = rehearsal_miss(rehearsal, index, response->sqlstate);
    if (step) {
        AUTO_TEXT why =
            mem_printf("fails as things are (%s), before `%s` has run", err->message, step);
        skip_note(rehearsal, index, why);
        return;
    }
    rehearsal->findings++;
    (void)buf_printf(&rehearsal->found, "%s%s", rehearsal->found.length ? "\n" : "", err->message);
}

static void prepared_over(struct sql_rehearsal *rehearsal) {
    struct step_result result = {.outcome = STEP_SUCCEEDED, .rehearsal = STEP_CHECKED};
    AUTO_TEXT way = way_text(rehearsal);
    misses_note(rehearsal);
    if (rehearsal->found.length) {
        result.outcome = STEP_FAILED;
        err_set(&result.err, ERR_REFUSED, "%s", buf_text(&rehearsal->found));
    } else if (rehearsal->skipped) {
        result.rehearsal = STEP_SHOWN;
        result.remark = mem_printf("%s; not tried: %s", rehearsal->skipped, rehearsal->why);
    } else {
        result.remark = mem_printf("prepared on the server%s; not tried: %s", way, rehearsal->why);
    }
    over(rehearsal, &result);
}

static void prepare_next(struct sql_rehearsal *rehearsal);

static void prepare_ended(void *user, struct pg_response *response, struct err *err) {
    struct sql_rehearsal *rehearsal = user;
    size_t failed = rehearsal->next + response->failed;
    bool is_refused = err->kind && response->connected && response->failed != PG_NO_STATEMENT &&
                      !response->cancelled && failed < rehearsal->prepared_count;
    rehearsal->query = NULL;
    if (err->kind && !is_refused) {
        struct step_result result = {.outcome = STEP_FAILED, .rehearsal = STEP_CHECKED};
        err_move(&result.err, err);
        over(rehearsal, &result);
        return;
    }
    if (is_refused)
        finding_add(rehearsal, rehearsal->indexes[failed], response, err);
    rehearsal->next = is_refused ? failed + 1 : rehearsal->prepared_count;
    if (rehearsal->next < rehearsal->prepared_count && rehearsal->findings < FINDINGS_CEILING)
        prepare_next(rehearsal);
    else
        prepared_over(rehearsal);
}

/* Where nothing can be prepared the server is at least connected to. */
static void prepare_next(struct sql_rehearsal *rehearsal) {
    struct pg_spec spec = {
        .target = rehearsal->target,
        .statements = rehearsal->prepared + rehearsal->next,
        .statement_count = rehearsal->prepared_count - rehearsal->next,
        .transaction = PG_ONE,
        .read_only = true,
        .rolls_back = true,
    };
    rehearsal->query = sql_query_start(rehearsal->ctx, &spec, prepare_ended, rehearsal);
}

static void prepare_instead(struct sql_rehearsal *rehearsal, const char *why) {
    rehearsal->why = mem_strdup(why);
    prepared_choose(rehearsal);
    prepare_next(rehearsal);
}

/* ---- tried ---------------------------------------------------------------------------------- */

/* What others hold, or what takes long, would not fail in earnest. */
static const char *patience_of(const struct pg_response *response) {
    if (text_equal(response->sqlstate, "55P03"))
        return "others hold a lock that it needs, and the rehearsal did not wait for it";
    if (text_equal(response->sqlstate, "57014") && !response->cancelled)
        return "it takes longer than a rehearsal may";
    return NULL;
}

static void trial_failed(struct sql_rehearsal *rehearsal, struct pg_response *response,
                         struct err *err, struct step_result *ret) {
    const struct sql_script *script = rehearsal->script;
    const char *patience = patience_of(response);
    size_t failed = response->failed;
    AUTO_TEXT step =
        failed < script->count ? rehearsal_miss(rehearsal, failed, response->sqlstate) : NULL;
    ret->outcome = STEP_FAILED;
    mem_free(ret->stale); /* an error is excused, or not, by what it is about */
    ret->stale = NULL;
    if (failed < script->count)
        sql_failure_place(rehearsal->trial->source, failed, response->position, err);
    if (patience)
        err_set(&ret->err, ERR_UNKNOWN, "%s", patience);
    else if (step)
        err_set(&ret->err, ERR_UNKNOWN, "it fails as things are (%s), before `%s` has run",
                err->message, step);
    else
        err_move(&ret->err, err);
}

static void trial_ended(void *user, struct pg_response *response, struct err *err) {
    struct sql_rehearsal *rehearsal = user;
    struct step_result result = {
        .outcome = STEP_SUCCEEDED, .rehearsal = STEP_TRIED, .data = sql_result_data(response)};
    AUTO_TEXT way = way_text(rehearsal);
    rehearsal->query = NULL;
    result.stale = sql_miss_find(rehearsal->ctx, rehearsal->target.name, rehearsal->script, NULL);
    if (err->kind)
        trial_failed(rehearsal, response, err, &result);
    else
        result.remark =
            mem_printf("%zu statement%s carried out and rolled back%s", rehearsal->script->count,
                       rehearsal->script->count == 1 ? "" : "s", way);
    misses_note(rehearsal);
    over(rehearsal, &result);
}

/* All in one, so that a statement sees what those before it did. */
static void trial_begin(struct sql_rehearsal *rehearsal) {
    struct pg_spec spec = {
        .target = rehearsal->target,
        .application_name = "runbook dry run",
        .statements = rehearsal->trial->statements,
        .statement_count = rehearsal->script->count,
        .transaction = PG_ONE,
        .rolls_back = true,
    };
    rehearsal->query = sql_query_start(rehearsal->ctx, &spec, trial_ended, rehearsal);
}

static void catalog_known(void *user, const char *why, struct err *err) {
    struct sql_rehearsal *rehearsal = user;
    if (err->kind == ERR_REFUSED && !rehearsal->is_cancelled) {
        AUTO_TEXT refused = mem_printf("the catalog cannot be read: %s", err->message);
        prepare_instead(rehearsal, refused);
    } else if (err->kind) {
        struct step_result result = {.outcome = STEP_FAILED, .rehearsal = STEP_CHECKED};
        err_move(&result.err, err);
        over(rehearsal, &result);
    } else if (why) {
        prepare_instead(rehearsal, why);
    } else {
        trial_begin(rehearsal);
    }
}

/* ---- the whole ------------------------------------------------------------------------------ */

static const char *text_doubt(const struct sql_rehearsal *rehearsal) {
    const struct sql_script *script = rehearsal->script;
    if (rehearsal->trial->why)
        return rehearsal->trial->why;
    for (size_t i = 0; i < script->count; i++)
        if (script->statements[i].traces)
            return script->statements[i].traces;
    return NULL;
}

static void targets_limit(struct pg_target *target) {
    if (target->lock_timeout_ms <= 0)
        target->lock_timeout_ms = LOCK_TIMEOUT_MS;
    if (target->statement_timeout_ms <= 0 || target->statement_timeout_ms > TRIAL_LIMIT_MS)
        target->statement_timeout_ms = TRIAL_LIMIT_MS;
}

int sql_rehearsal_new(struct step_ctx *ctx, const struct sql_trial *trial,
                      struct sql_rehearsal **ret, struct err *err) {
    const struct sql_module *module = MODULE_LOAD(sql, err);
    struct sql_script *script = NULL;
    const struct sql_source *source = trial->source;
    if (!module || module->trace(source->text, source->length, &script, err) < 0)
        return -1;
    struct sql_rehearsal *rehearsal = mem_zalloc(sizeof *rehearsal);
    rehearsal->ctx = ctx;
    rehearsal->trial = trial;
    rehearsal->script = script;
    rehearsal->target = trial->target;
    rehearsal->found = (struct buf)BUF_INIT(TEXT_CEILING);
    targets_limit(&rehearsal->target);
    *ret = rehearsal;
    const char *why = text_doubt(rehearsal);
    if (why)
        prepare_instead(rehearsal, why);
    else
        rehearsal->catalog =
            sql_catalog_ask(ctx, &rehearsal->target, script, catalog_known, rehearsal);
    return 0;
}

void sql_rehearsal_cancel(struct sql_rehearsal *rehearsal) {
    rehearsal->is_cancelled = true;
    if (rehearsal->query)
        sql_query_cancel(rehearsal->query, step_grace_ms(rehearsal->ctx), true);
    else if (rehearsal->catalog)
        sql_catalog_cancel(rehearsal->catalog, step_grace_ms(rehearsal->ctx));
}

void sql_rehearsal_free(struct sql_rehearsal *rehearsal) {
    if (!rehearsal)
        return;
    for (size_t i = 0; i < rehearsal->prepared_count; i++)
        mem_free((char *)(uintptr_t)rehearsal->prepared[i].text);
    const struct sql_module *module = MODULE_LOAD(sql, NULL);
    module->free(rehearsal->script);
    sql_query_free(rehearsal->query);
    sql_catalog_free(rehearsal->catalog);
    buf_release(&rehearsal->found);
    mem_free(rehearsal->prepared);
    mem_free(rehearsal->indexes);
    mem_free(rehearsal->skipped);
    mem_free(rehearsal->why);
    mem_free(rehearsal);
}
