/* Defaults, checks, indexes, policies, triggers, rules and types make the server run code that a
 * script does not name. Each is looked for in the catalog, with all tables that a statement may
 * reach by inheritance and foreign keys; what the catalog holds as an expression is judged by the
 * same reader as the script itself. */
#include "sql_catalog.h"

#include "base/buf.h"
#include "base/text.h"
#include "io/module.h"

#define LIST_CEILING ((size_t)4 << 20)

struct sql_catalog {
    struct sql_query *query;
    struct pg_statement statement;
    char *text;
    char *lists[SQL_NAME_KINDS];
    const char *values[SQL_NAME_KINDS];
    void (*known)(void *user, const char *why, struct err *err);
    void *user;
};

/* $1 relations, $2 those whose defaults count, $3 types, $4 functions, $5 operators. One row each:
 * `why` something may stay, or `expr`, which the server may compute. */
static const char reasons[] =
    "WITH RECURSIVE "
    "hit(oid) AS ("
    " SELECT to_regclass(n)::oid FROM unnest($1::text[]) n WHERE to_regclass(n) IS NOT NULL"
    " UNION SELECT x.other FROM hit, LATERAL ("
    "  SELECT inhrelid FROM pg_inherits WHERE inhparent = hit.oid"
    "  UNION ALL SELECT inhparent FROM pg_inherits WHERE inhrelid = hit.oid"
    "  UNION ALL SELECT indrelid FROM pg_index WHERE indexrelid = hit.oid"
    "  UNION ALL SELECT conrelid FROM pg_constraint WHERE confrelid = hit.oid AND contype = 'f'"
    " ) x(other)), "
    "filled(oid) AS ("
    " SELECT to_regclass(n)::oid FROM unnest($2::text[]) n WHERE to_regclass(n) IS NOT NULL"
    " UNION SELECT inhrelid FROM filled, pg_inherits WHERE inhparent = filled.oid), "
    "used(oid) AS ("
    " SELECT atttypid FROM pg_attribute, hit WHERE attrelid = hit.oid AND attnum > 0"
    "  AND NOT attisdropped"
    " UNION SELECT to_regtype(n)::oid FROM unnest($3::text[]) n WHERE to_regtype(n) IS NOT NULL), "
    "part(classid, objid) AS ("
    " SELECT 'pg_class'::regclass, hit.oid FROM hit"
    " UNION ALL SELECT 'pg_class'::regclass, indexrelid FROM pg_index, hit WHERE indrelid = hit.oid"
    " UNION ALL SELECT 'pg_constraint'::regclass, c.oid FROM pg_constraint c, hit"
    "  WHERE conrelid = hit.oid"
    " UNION ALL SELECT 'pg_attrdef'::regclass, d.oid FROM pg_attrdef d, filled"
    "  WHERE adrelid = filled.oid"
    " UNION ALL SELECT 'pg_policy'::regclass, p.oid FROM pg_policy p, hit WHERE polrelid = hit.oid)"
    "SELECT format('%s is not an ordinary table', hit.oid::regclass) AS why, NULL AS expr"
    " FROM hit JOIN pg_class c ON c.oid = hit.oid"
    " WHERE relkind NOT IN ('r', 'p', 'm', 't', 'i', 'I', 'c') "
    "UNION ALL SELECT format('%s has rules', hit.oid::regclass), NULL"
    " FROM hit JOIN pg_class c ON c.oid = hit.oid WHERE relhasrules AND relkind <> 'm' "
    "UNION ALL SELECT format('trigger %s of %s runs code', tgname, hit.oid::regclass), NULL"
    " FROM hit JOIN pg_trigger ON tgrelid = hit.oid WHERE NOT tgisinternal "
    "UNION ALL SELECT format('%s.%s counts in a sequence', filled.oid::regclass, attname), NULL"
    " FROM filled JOIN pg_attribute ON attrelid = filled.oid WHERE attidentity <> '' "
    "UNION ALL SELECT format('a foreign key sets defaults of %s', conrelid::regclass), NULL"
    " FROM hit JOIN pg_constraint ON conrelid = hit.oid"
    " WHERE contype = 'f' AND (confupdtype = 'd' OR confdeltype = 'd') "
    "UNION ALL SELECT format('an event trigger, %s, runs code', evtname), NULL"
    " FROM pg_event_trigger WHERE evtenabled <> 'D' "
    "UNION ALL SELECT format('type %s runs code', format_type(t.oid, NULL)), NULL"
    " FROM used JOIN pg_type t ON t.oid = used.oid LEFT JOIN pg_type e ON e.oid = t.typelem"
    " WHERE t.typnamespace <> 'pg_catalog'::regnamespace AND t.typtype <> 'e'"
    "  AND NOT (t.typcategory = 'A'"
    "   AND (e.typnamespace = 'pg_catalog'::regnamespace OR e.typtype = 'e')) "
    "UNION ALL SELECT format('%s uses code of its own', pg_describe_object(classid, objid, 0)), "
    "NULL"
    " FROM part WHERE EXISTS (SELECT FROM pg_depend d WHERE d.classid = part.classid"
    "  AND d.objid = part.objid AND d.refclassid IN ('pg_proc'::regclass, 'pg_operator'::regclass,"
    "   'pg_opclass'::regclass, 'pg_opfamily'::regclass, 'pg_am'::regclass)) "
    "UNION ALL SELECT format('%s may be the function %s', proname, p.oid::regprocedure), NULL"
    " FROM pg_proc p WHERE proname = ANY ($4::text[])"
    "  AND pronamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)"
    "  AND pg_function_is_visible(p.oid) AND NOT EXISTS (SELECT FROM unnest(proargtypes) a"
    "   JOIN pg_type t ON t.oid = a WHERE t.typnamespace <> 'pg_catalog'::regnamespace) "
    "UNION ALL SELECT format('%s may be an operator that is not built in', oprname), NULL"
    " FROM pg_operator o WHERE oprname = ANY ($5::text[])"
    "  AND oprnamespace <> 'pg_catalog'::regnamespace AND pg_operator_is_visible(o.oid)"
    "  AND NOT EXISTS (SELECT FROM pg_type t WHERE t.oid IN (oprleft, oprright)"
    "   AND t.typnamespace <> 'pg_catalog'::regnamespace) ";

static const char expressions[] =
    "UNION ALL SELECT NULL, pg_get_expr(adbin, adrelid) FROM filled JOIN pg_attrdef"
    "  ON adrelid = filled.oid "
    "UNION ALL SELECT NULL, pg_get_expr(adbin, adrelid) FROM hit JOIN pg_attrdef"
    "  ON adrelid = hit.oid JOIN pg_attribute a ON a.attrelid = adrelid AND a.attnum = adnum"
    "  WHERE attgenerated <> '' "
    "UNION ALL SELECT NULL, pg_get_expr(conbin, conrelid) FROM hit JOIN pg_constraint"
    "  ON conrelid = hit.oid WHERE conbin IS NOT NULL "
    "UNION ALL SELECT NULL, e FROM hit JOIN pg_index ON indrelid = hit.oid, LATERAL"
    "  (VALUES (pg_get_expr(indexprs, indrelid)), (pg_get_expr(indpred, indrelid))) v(e) "
    "UNION ALL SELECT NULL, e FROM hit JOIN pg_policy ON polrelid = hit.oid, LATERAL"
    "  (VALUES (pg_get_expr(polqual, polrelid)), (pg_get_expr(polwithcheck, polrelid))) v(e) "
    "UNION ALL SELECT NULL, pg_get_expr(partexprs, partrelid) FROM hit"
    "  JOIN pg_partitioned_table ON partrelid = hit.oid";

/* ---- the question --------------------------------------------------------------------------- */

/* A table that the script makes takes over defaults of those it is made like. */
static bool makes_tables(const struct sql_script *script) {
    bool makes = false;
    for (size_t i = 0; i < script->count; i++)
        makes |= script->statements[i].class == SQL_DDL;
    return makes && script->count > 1;
}

/* As the server reads an array of texts. */
static char *list_text(const struct sql_script *script, enum sql_name_kind kind) {
    AUTO_BUF list = BUF_INIT(LIST_CEILING);
    if (kind == SQL_TARGETS && makes_tables(script))
        kind = SQL_RELATIONS;
    (void)buf_putc(&list, '{');
    for (size_t i = 0; i < script->count; i++) {
        const struct sql_names *names = &script->statements[i].names[kind];
        for (size_t k = 0; k < names->count; k++) {
            (void)buf_puts(&list, list.length > 1 ? ",\"" : "\"");
            for (const char *c = names->items[k]; *c; c++) {
                if (strchr("\"\\", *c))
                    (void)buf_putc(&list, '\\');
                (void)buf_putc(&list, *c);
            }
            (void)buf_putc(&list, '"');
        }
    }
    (void)buf_putc(&list, '}');
    return buf_detach(&list);
}

/* ---- the answer ----------------------------------------------------------------------------- */

/* Several expressions stand with commas between them, as SELECT takes them. */
static char *expression_doubt(const char *text) {
    const struct sql_module *module = MODULE_LOAD(sql, NULL);
    struct sql_script *script = NULL;
    AUTO_TEXT select = mem_printf("SELECT %s", text);
    if (!module || module->parse(select, strlen(select), &script, NULL) < 0)
        return mem_printf("the server computes `%.80s`", text);
    char *doubt = script->count == 1 && script->statements[0].reads
                      ? NULL
                      : mem_printf("the server computes `%.80s`", text);
    module->free(script);
    return doubt;
}

static char *row_doubt(value row) {
    AUTO_VALUE why = value_get(row, "why");
    AUTO_VALUE expr = value_get(row, "expr");
    if (value_is(why, VALUE_STRING))
        return mem_strdup(value_text(why));
    return value_is(expr, VALUE_STRING) ? expression_doubt(value_text(expr)) : NULL;
}

static void answered(void *user, struct pg_response *response, struct err *err) {
    struct sql_catalog *catalog = user;
    char *why = NULL;
    catalog->query = NULL;
    for (size_t i = 0; !err->kind && !why && i < value_count(response->rows); i++) {
        AUTO_VALUE row = value_at(response->rows, i);
        why = row_doubt(row);
    }
    AUTO_TEXT kept = why;
    catalog->known(catalog->user, kept, err);
}

struct sql_catalog *sql_catalog_ask(struct step_ctx *ctx, const struct pg_target *target,
                                    const struct sql_script *script,
                                    void (*known)(void *user, const char *why, struct err *err),
                                    void *user) {
    struct sql_catalog *catalog = mem_zalloc(sizeof *catalog);
    catalog->known = known;
    catalog->user = user;
    for (size_t kind = 0; kind < SQL_NAME_KINDS; kind++)
        catalog->values[kind] = catalog->lists[kind] = list_text(script, (enum sql_name_kind)kind);
    catalog->text = mem_printf("%s%s", reasons, expressions);
    catalog->statement = (struct pg_statement){
        .text = catalog->text, .values = catalog->values, .value_count = SQL_NAME_KINDS};
    struct pg_spec spec = {
        .target = *target,
        .statements = &catalog->statement,
        .statement_count = 1,
        .transaction = PG_ONE,
        .read_only = true,
    };
    catalog->query = sql_query_start(ctx, &spec, answered, catalog);
    return catalog;
}

void sql_catalog_cancel(struct sql_catalog *catalog, int64_t grace_ms) {
    if (catalog->query)
        sql_query_cancel(catalog->query, grace_ms, true);
}

void sql_catalog_free(struct sql_catalog *catalog) {
    if (!catalog)
        return;
    for (size_t kind = 0; kind < SQL_NAME_KINDS; kind++)
        mem_free(catalog->lists[kind]);
    sql_query_free(catalog->query);
    mem_free(catalog->text);
    mem_free(catalog);
}
