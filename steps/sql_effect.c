/* The module "sql": a script to statements, each with its parameters and its effect.
 *
 * PostgreSQL's parser does not know `:name`: it gets the script with `$1` and blanks in its
 * place, so that every offset it answers with is an offset in the script. */
#include "sql_effect.h"

#include <pg_query.h>
#include <pthread.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "io/module.h"
#include "sql_facts.h"
#include "sql_own.h"
#include "sql_scan.h"
#include "sql_trace.h"
#include "sql_tree.h"

#define SCRIPT_CEILING ((size_t)16 << 20)
/* libpg_query recurses where it writes its tree, without looking at the stack: about 1.5 KiB a
 * level, 5 KiB for nested SELECTs. A level needs a token, so that few tokens fit any stack;
 * others are parsed on a stack of their own, and trees built to the left are limited (those
 * built to the right are, by the parser's own 10,000). */
#define INLINE_TOKENS 800
#define DEPTH_CEILING 10000
#define PARSE_STACK ((size_t)256 << 20)

/* ---- places ------------------------------------------------------------------------------- */

/* How long the word is that `... at or near "word"` quotes. */
static uint32_t near_length(const char *message) {
    const char *word = strstr(message, "at or near \"");
    const char *end = strrchr(message, '"');
    if (!word)
        return 1;
    word += strlen("at or near \"");
    size_t length = end > word ? (size_t)(end - word) : 1;
    return (uint32_t)text_characters(word, strcspn(word, "\n") < length ? 1 : length);
}

int sql_error(const char *text, size_t length, const char *message, int cursor, struct err *err) {
    size_t offset = cursor > 0 ? sql_cursor_offset(text, length, (size_t)cursor) : 0;
    struct span span = sql_span(text, length, offset);
    span.length = near_length(message);
    return err_at(err, span, "%s", message);
}

/* ---- one statement ------------------------------------------------------------------------ */

struct parse {
    const char *text;
    size_t length;
    struct sql_script *script;
    struct sql_scan scan;
    char *parsed;      /* the text as the parser gets it */
    size_t token, use; /* the first that was not read yet */
    struct sql_own own;
    struct err *err;
    int status;
    bool has_traces;
};

static struct span place(const struct parse *parse, size_t offset, size_t characters) {
    struct span span = sql_span(parse->text, parse->length, offset);
    span.length = (uint32_t)characters;
    return span;
}

/* Comments around a statement are not its own, but for those that advise a planner. */
static bool is_substance(const struct parse *parse, const PgQuery__ScanToken *token) {
    if (token->token == PG_QUERY__TOKEN__C_COMMENT)
        return text_starts_with(parse->text + token->start, "/*+");
    return token->token != PG_QUERY__TOKEN__SQL_COMMENT &&
           token->token != PG_QUERY__TOKEN__ASCII_59;
}

/* Where the tokens between two offsets begin and end. */
static bool statement_bounds(struct parse *parse, size_t until, size_t *ret_start,
                             size_t *ret_end) {
    bool found = false;
    for (; parse->token < parse->scan.result->n_tokens; parse->token++) {
        const PgQuery__ScanToken *token = parse->scan.result->tokens[parse->token];
        if ((size_t)token->start >= until)
            break;
        if (!is_substance(parse, token))
            continue;
        if (!found)
            *ret_start = (size_t)token->start;
        *ret_end = (size_t)token->end;
        found = true;
    }
    return found;
}

static size_t statement_argument(struct sql_statement *statement, size_t argument) {
    for (size_t i = 0; i < statement->argument_count; i++)
        if (statement->arguments[i] == argument)
            return i + 1;
    statement->arguments = mem_realloc_array(statement->arguments, statement->argument_count + 1,
                                             sizeof *statement->arguments);
    statement->arguments[statement->argument_count++] = argument;
    return statement->argument_count;
}

static int refuse_argument(struct parse *parse, const struct sql_use *use) {
    const char *name = parse->script->arguments[use->argument].name;
    err_at(parse->err, place(parse, use->start, use->end - use->start),
           "`:%s` cannot stand here: PostgreSQL takes values only in queries", name);
    return err_hint(parse->err, "a value may stand where an expression may in SELECT, INSERT, "
                                "UPDATE, DELETE, MERGE and VALUES; not for a table's or column's "
                                "name, nor in CREATE, ALTER, SET or DO");
}

static int statement_text(struct parse *parse, struct sql_statement *statement, size_t end,
                          bool takes_arguments) {
    AUTO_BUF text = BUF_INIT(SCRIPT_CEILING * 2);
    size_t at = statement->offset;
    for (; parse->use < parse->scan.uses.count; parse->use++) {
        const struct sql_use *use = &parse->scan.uses.items[parse->use];
        if (use->start >= end)
            break;
        if (!takes_arguments)
            return refuse_argument(parse, use);
        (void)buf_append(&text, parse->text + at, use->start - at);
        (void)buf_printf(&text, "$%zu", statement_argument(statement, use->argument));
        at = use->end;
    }
    (void)buf_append(&text, parse->text + at, end - at);
    if (text.overflow)
        return err_set(parse->err, ERR_LIMIT, "the statement is too long");
    statement->text = buf_detach(&text);
    return 0;
}

/* `$1` in the script itself would be taken for one of ours. */
static int refuse_parameters(struct parse *parse, size_t first, const PgQuery__Node *node) {
    if (node->node_case == PG_QUERY__NODE__NODE_PREPARE_STMT ||
        node->node_case == PG_QUERY__NODE__NODE_CREATE_FUNCTION_STMT)
        return 0;
    for (size_t i = first; i < parse->token; i++) {
        const PgQuery__ScanToken *token = parse->scan.result->tokens[i];
        if (token->token != PG_QUERY__TOKEN__PARAM)
            continue;
        size_t start = (size_t)token->start, end = (size_t)token->end;
        err_at(parse->err, place(parse, start, end - start), "`%.*s` has no value",
               (int)(end - start), parse->text + start);
        return err_hint(parse->err, "write `:name` and give the value in `args:`");
    }
    return 0;
}

static int read_statement(struct parse *parse, const PgQuery__RawStmt *raw) {
    struct sql_statement *statement = &parse->script->statements[parse->script->count++];
    size_t until = parse->length, end = 0, first = parse->token;
    if (raw->stmt_len > 0)
        until = (size_t)raw->stmt_location + (size_t)raw->stmt_len;
    if (!statement_bounds(parse, until, &statement->offset, &end))
        return err_set(parse->err, ERR_INVALID, "the script cannot be split into statements");
    statement->length = end - statement->offset;
    sql_tree_judge(raw->stmt, statement);
    sql_facts_gather(raw->stmt, statement);
    sql_own_follow(&parse->own, raw->stmt, statement);
    if (parse->has_traces)
        sql_trace_judge(raw->stmt, statement);
    if (refuse_parameters(parse, first, raw->stmt) < 0)
        return -1;
    return statement_text(parse, statement, end, sql_tree_takes_arguments(raw->stmt));
}

/* ---- the whole script --------------------------------------------------------------------- */

static char *parsed_text(const struct parse *parse) {
    char *text = mem_strndup(parse->text, parse->length);
    for (size_t i = 0; i < parse->scan.uses.count; i++) {
        const struct sql_use *use = &parse->scan.uses.items[i];
        memset(text + use->start, ' ', use->end - use->start);
        text[use->start] = '$';
        text[use->start + 1] = '1';
    }
    return text;
}

static int parse_failed(struct parse *parse, const PgQueryError *error) {
    size_t cursor = error->cursorpos > 0 ? (size_t)error->cursorpos : 0;
    size_t offset = sql_cursor_offset(parse->text, parse->length, cursor);
    for (size_t i = 0; cursor > 0 && i < parse->scan.uses.count; i++)
        if (parse->scan.uses.items[i].start == offset)
            return refuse_argument(parse, &parse->scan.uses.items[i]);
    return sql_error(parse->text, parse->length, error->message, error->cursorpos, parse->err);
}

static int read_statements(struct parse *parse, const PgQuery__ParseResult *tree) {
    struct sql_script *script = parse->script;
    script->statements = mem_calloc(tree->n_stmts + 1, sizeof *script->statements);
    for (size_t i = 0; i < tree->n_stmts; i++)
        if (read_statement(parse, tree->stmts[i]) < 0)
            return -1;
    return 0;
}

static void *parse_work(void *user) {
    struct parse *parse = user;
    PgQueryProtobufParseResult result = pg_query_parse_protobuf(parse->parsed);
    if (result.error) {
        parse->status = parse_failed(parse, result.error);
        pg_query_free_protobuf_parse_result(result);
        return NULL;
    }
    PgQuery__ParseResult *tree = pg_query__parse_result__unpack(
        NULL, result.parse_tree.len, (const uint8_t *)result.parse_tree.data);
    pg_query_free_protobuf_parse_result(result);
    if (!tree) {
        parse->status = err_set(parse->err, ERR_INVALID, "the script cannot be parsed");
        return NULL;
    }
    parse->status = read_statements(parse, tree);
    pg_query__parse_result__free_unpacked(tree, NULL);
    return NULL;
}

static int parse_in_thread(struct parse *parse) {
    pthread_t thread;
    pthread_attr_t attributes;
    (void)pthread_attr_init(&attributes);
    (void)pthread_attr_setstacksize(&attributes, PARSE_STACK);
    int code = pthread_create(&thread, &attributes, parse_work, parse);
    (void)pthread_attr_destroy(&attributes);
    if (code != 0)
        return err_sys(parse->err, code, "no thread to parse the script in");
    (void)pthread_join(thread, NULL);
    return parse->status;
}

static int parse_tokens(struct parse *parse) {
    if (parse->scan.depth > DEPTH_CEILING)
        return err_set(parse->err, ERR_LIMIT, "the script nests expressions too deeply");
    parse->parsed = parsed_text(parse);
    if (parse->scan.result->n_tokens > INLINE_TOKENS)
        return parse_in_thread(parse);
    (void)parse_work(parse);
    return parse->status;
}

static int check_text(const char *text, size_t length, struct err *err) {
    const char *zero = memchr(text, '\0', length);
    if (length > SCRIPT_CEILING)
        return err_set(err, ERR_LIMIT, "the script is longer than 16 MiB");
    if (zero)
        return err_at(err, sql_span(text, length, (size_t)(zero - text)),
                      "the script holds a NUL byte");
    if (!text_is_utf8(text, length))
        return err_set(err, ERR_INVALID, "the script is not UTF-8");
    return 0;
}

static void statement_release(struct sql_statement *statement) {
    for (size_t i = 0; i < statement->fact_count; i++)
        mem_free(statement->facts[i].name);
    mem_free(statement->facts);
    mem_free(statement->text);
    mem_free(statement->arguments);
    mem_free(statement->unread);
    mem_free(statement->traces);
    for (size_t kind = 0; kind < SQL_NAME_KINDS; kind++) {
        for (size_t i = 0; i < statement->names[kind].count; i++)
            mem_free(statement->names[kind].items[i]);
        mem_free(statement->names[kind].items);
    }
}

static void script_free(struct sql_script *script) {
    if (!script)
        return;
    for (size_t i = 0; i < script->count; i++)
        statement_release(&script->statements[i]);
    for (size_t i = 0; i < script->argument_count; i++)
        mem_free(script->arguments[i].name);
    mem_free(script->statements);
    mem_free(script->arguments);
    mem_free(script);
}

static int parse_script(const char *text, size_t length, bool has_traces, struct sql_script **ret,
                        struct err *err) {
    if (check_text(text, length, err) < 0)
        return -1;
    AUTO_TEXT copy = mem_strndup(text, length);
    struct parse parse = {.text = copy, .length = length, .has_traces = has_traces, .err = err};
    parse.script = mem_zalloc(sizeof *parse.script);
    int status = sql_scan(copy, length, &parse.scan, parse.script, err);
    if (status == 0)
        status = parse_tokens(&parse);
    sql_scan_release(&parse.scan);
    sql_own_release(&parse.own);
    mem_free(parse.parsed);
    if (status < 0)
        script_free(parse.script);
    else
        *ret = parse.script;
    return status;
}

static int script_parse(const char *text, size_t length, struct sql_script **ret, struct err *err) {
    return parse_script(text, length, false, ret, err);
}

static int script_trace(const char *text, size_t length, struct sql_script **ret, struct err *err) {
    return parse_script(text, length, true, ret, err);
}

static const struct sql_module module = {script_parse, script_trace, script_free};
MODULE_EXPORT(sql, &module)
