#include "sql_scan.h"

#include <ctype.h>
#include <pg_query.h>

#include "base/text.h"

/* `run`: tokens since the last one that starts anew (a comma, AND, WHEN, …). `chain`: operators
 * that build to the left whatever stands between them (JOIN, UNION). */
struct level {
    PgQuery__Token opened_by;
    size_t run, chain;
};

struct reader {
    const char *text;
    size_t length;
    const struct sql_scan *scan;
    /* The brackets that are open, innermost last. */
    VEC(struct level) levels;
    size_t depth; /* of all levels together */
};

/* ---- psql's commands ---------------------------------------------------------------------- */

static const struct meta {
    const char *name, *hint;
} metas[] = {
    {"i", "`file:` runs a script"},
    {"ir", "`file:` runs a script"},
    {"include", "`file:` runs a script"},
    {"copy", "use COPY with a file on the server, or a `shell` step with psql"},
    {".", "the rows of COPY … FROM STDIN cannot stand here; load such a dump by a `shell` step "
          "with `psql -f`"},
    {"c", "`database:` says where a step runs"},
    {"connect", "`database:` says where a step runs"},
    {"set", "`args:` gives values, as `:name` in the statement"},
    {"echo", "`title:` tells what a step does; RAISE NOTICE goes to the transcript"},
    {"if", "`when:` runs a step or not"},
    {"watch", "`retry:` repeats a step"},
};

static int meta_refuse(const char *text, size_t length, size_t offset, struct err *err) {
    const char *word = text + offset + 1;
    size_t count = 0;
    while (offset + 1 + count < length && !isspace((unsigned char)word[count]))
        count++;
    struct span span = sql_span(text, length, offset);
    span.length = (uint32_t)count + 1;
    AUTO_TEXT name = mem_strndup(word, count);
    err_at(err, span, "`\\%s` is a command of psql, not SQL", name);
    for (size_t i = 0; i < sizeof metas / sizeof *metas; i++)
        if (text_equal(metas[i].name, name))
            return err_hint(err, "%s", metas[i].hint);
    return err_hint(err, "the server does not know it: write it as SQL, or use a `shell` step with "
                         "psql");
}

/* The first line that begins with a backslash: what a script that cannot even be read in tokens
 * most often holds, an apostrophe behind \echo for one. */
static bool meta_line(const char *text, size_t length, size_t *ret_offset) {
    for (size_t at = 0; at < length;) {
        size_t first = at + strspn(text + at, " \t");
        if (text[first] == '\\') {
            *ret_offset = first;
            return true;
        }
        at += strcspn(text + at, "\n") + 1;
    }
    return false;
}

/* ---- arguments ---------------------------------------------------------------------------- */

static const PgQuery__ScanToken *token_at(const struct reader *reader, size_t index) {
    return index < reader->scan->result->n_tokens ? reader->scan->result->tokens[index] : NULL;
}

static bool is_comment(const PgQuery__ScanToken *token) {
    return token->token == PG_QUERY__TOKEN__SQL_COMMENT ||
           token->token == PG_QUERY__TOKEN__C_COMMENT;
}

static const PgQuery__ScanToken *token_before(const struct reader *reader, size_t index) {
    while (index > 0) {
        const PgQuery__ScanToken *token = reader->scan->result->tokens[--index];
        if (!is_comment(token))
            return token;
    }
    return NULL;
}

/* Whether a value ends with this token, so that a colon behind it in square brackets parts the
 * bounds of a slice. */
static bool ends_value(const PgQuery__ScanToken *token) {
    switch (token->token) {
    case PG_QUERY__TOKEN__ASCII_41: /* ) */
    case PG_QUERY__TOKEN__ASCII_93: /* ] */
    case PG_QUERY__TOKEN__IDENT:
    case PG_QUERY__TOKEN__ICONST:
    case PG_QUERY__TOKEN__FCONST:
    case PG_QUERY__TOKEN__SCONST:
    case PG_QUERY__TOKEN__PARAM:
    case PG_QUERY__TOKEN__END_P:
        return true;
    default:
        return token->keyword_kind == PG_QUERY__KEYWORD_KIND__UNRESERVED_KEYWORD ||
               token->keyword_kind == PG_QUERY__KEYWORD_KIND__COL_NAME_KEYWORD ||
               token->keyword_kind == PG_QUERY__KEYWORD_KIND__TYPE_FUNC_NAME_KEYWORD;
    }
}

static bool is_slice(const struct reader *reader, size_t index) {
    if (reader->levels.count < 2 ||
        vec_last(&reader->levels)->opened_by != PG_QUERY__TOKEN__ASCII_91)
        return false;
    const PgQuery__ScanToken *before = token_before(reader, index);
    return before && ends_value(before);
}

static int refuse_quoted(const struct reader *reader, const PgQuery__ScanToken *colon,
                         struct err *err) {
    struct span span = sql_span(reader->text, reader->length, (size_t)colon->start);
    err_at(err, span, "psql's :'name' and :\"name\" are not known here");
    return err_hint(err, "write `:name` without quotes: the server gets the value apart from the "
                         "statement; a name of a table cannot be an argument");
}

static size_t argument_find(struct sql_script *script, char *taken, size_t offset) {
    for (size_t i = 0; i < script->argument_count; i++) {
        if (text_equal(script->arguments[i].name, taken)) {
            mem_free(taken);
            return i;
        }
    }
    script->arguments =
        mem_realloc_array(script->arguments, script->argument_count + 1, sizeof *script->arguments);
    script->arguments[script->argument_count] = (struct sql_argument){taken, offset};
    return script->argument_count++;
}

/* A colon: 1 where it and the next token are an argument, 0 where not. */
static int read_colon(const struct reader *reader, size_t index, struct err *err) {
    const PgQuery__ScanToken *colon = reader->scan->result->tokens[index];
    const PgQuery__ScanToken *name = token_at(reader, index + 1);
    if (!name || name->start != colon->end || is_slice(reader, index))
        return 0;
    char first = reader->text[name->start];
    if (first == '\'' || first == '"')
        return refuse_quoted(reader, colon, err);
    return isalpha((unsigned char)first) || first == '_';
}

/* ---- depth -------------------------------------------------------------------------------- */

static void level_open(struct reader *reader, PgQuery__Token opened_by) {
    *vec_add(&reader->levels) = (struct level){.opened_by = opened_by};
    reader->depth++;
}

static void level_reset(struct reader *reader) {
    struct level *level = vec_last(&reader->levels);
    reader->depth -= level->run;
    level->run = 0;
}

static void level_close(struct reader *reader) {
    if (reader->levels.count > 1) {
        level_reset(reader);
        reader->depth -= vec_last(&reader->levels)->chain + 1;
        reader->levels.count--;
    }
    vec_last(&reader->levels)->run++;
    reader->depth++;
}

static void level_end(struct reader *reader) {
    level_reset(reader);
    reader->depth -= vec_last(&reader->levels)->chain;
    vec_last(&reader->levels)->chain = 0;
}

static void count_depth(struct reader *reader, PgQuery__Token token) {
    struct level *level = vec_last(&reader->levels);
    switch (token) {
    case PG_QUERY__TOKEN__ASCII_40: /* ( */
    case PG_QUERY__TOKEN__ASCII_91: /* [ */
    case PG_QUERY__TOKEN__CASE:
        level_open(reader, token);
        return;
    case PG_QUERY__TOKEN__ASCII_41: /* ) */
    case PG_QUERY__TOKEN__ASCII_93: /* ] */
        level_close(reader);
        return;
    case PG_QUERY__TOKEN__END_P:
        if (level->opened_by == PG_QUERY__TOKEN__CASE)
            level_close(reader);
        return;
    case PG_QUERY__TOKEN__ASCII_59: /* ; */
        level_end(reader);
        return;
    case PG_QUERY__TOKEN__ASCII_44: /* , */
    case PG_QUERY__TOKEN__AND:
    case PG_QUERY__TOKEN__OR:
    case PG_QUERY__TOKEN__WHEN:
    case PG_QUERY__TOKEN__THEN:
    case PG_QUERY__TOKEN__ELSE:
        level_reset(reader);
        return;
    case PG_QUERY__TOKEN__UNION:
    case PG_QUERY__TOKEN__INTERSECT:
    case PG_QUERY__TOKEN__EXCEPT:
    case PG_QUERY__TOKEN__JOIN:
        level_reset(reader);
        level->chain++;
        break;
    default:
        level->run++;
    }
    reader->depth++;
}

/* ---- all tokens --------------------------------------------------------------------------- */

static int read_tokens(struct reader *reader, struct sql_scan *scan, struct sql_script *script,
                       struct err *err) {
    level_open(reader, PG_QUERY__TOKEN__NUL);
    for (size_t i = 0; i < scan->result->n_tokens; i++) {
        const PgQuery__ScanToken *token = scan->result->tokens[i];
        size_t start = (size_t)token->start;
        if (reader->text[start] == '\\')
            return meta_refuse(reader->text, reader->length, start, err);
        int is_argument =
            token->token == PG_QUERY__TOKEN__ASCII_58 ? read_colon(reader, i, err) : 0;
        if (is_argument < 0)
            return -1;
        if (is_argument) {
            size_t end = (size_t)scan->result->tokens[++i]->end;
            char *name = mem_strndup(reader->text + start + 1, end - start - 1);
            *vec_add(&scan->uses) =
                (struct sql_use){start, end, argument_find(script, name, start)};
        }
        if (!is_comment(token))
            count_depth(reader, is_argument ? PG_QUERY__TOKEN__PARAM : token->token);
        if (reader->depth > scan->depth)
            scan->depth = reader->depth;
    }
    return 0;
}

int sql_scan(const char *text, size_t length, struct sql_scan *ret, struct sql_script *script,
             struct err *err) {
    size_t offset = 0;
    PgQueryScanResult scanned = pg_query_scan(text);
    if (scanned.error) {
        if (meta_line(text, length, &offset))
            meta_refuse(text, length, offset, err);
        else
            sql_error(text, length, scanned.error->message, scanned.error->cursorpos, err);
        pg_query_free_scan_result(scanned);
        return -1;
    }
    ret->result =
        pg_query__scan_result__unpack(NULL, scanned.pbuf.len, (const uint8_t *)scanned.pbuf.data);
    pg_query_free_scan_result(scanned);
    if (!ret->result)
        return err_set(err, ERR_INVALID, "the script cannot be read in tokens");
    struct reader reader = {.text = text, .length = length, .scan = ret};
    int status = read_tokens(&reader, ret, script, err);
    vec_release(&reader.levels);
    return status;
}

void sql_scan_release(struct sql_scan *scan) {
    if (scan->result)
        pg_query__scan_result__free_unpacked(scan->result, NULL);
    vec_release(&scan->uses);
}
