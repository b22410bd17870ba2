/* What a plan shows of a step's statements. */
#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "sql_step.h"

/* A plan is read by people and recorded whole: of a dump it shows how it begins. */
#define PLAN_STATEMENTS 50
#define PLAN_BYTES ((size_t)16 << 10)
#define LINE_CEILING ((size_t)64 << 10)

static void plan_text(const struct step_plan *plan, const char *label, const char *text) {
    plan->line(plan->user, label, text, strlen(text));
}

/* ---- facts -------------------------------------------------------------------------------- */

static void put_lock(struct buf *line, const struct sql_fact *fact) {
    bool is_index = text_equal(fact->kind, "index");
    (void)buf_printf(line, "%s on %s%s%s", sql_lock_name(fact->lock), is_index ? "index " : "",
                     fact->name, is_index ? " and its table" : "");
}

static void put_fact(struct buf *line, const struct sql_fact *fact) {
    AUTO_TEXT text = sql_fact_text(fact);
    switch (fact->act) {
    case SQL_LOCKS:
        put_lock(line, fact);
        break;
    case SQL_REWRITES:
        (void)buf_printf(line, "%s%s", text,
                         fact->maybe ? " (may: by version, types or state)" : "");
        break;
    case SQL_DESTROYS:
        (void)buf_printf(line, "%s%s", text, fact->maybe ? " (unknown: its code is not read)" : "");
        break;
    case SQL_CREATES:
        (void)buf_printf(line, "creates %s", text);
        break;
    case SQL_TOUCHES:
        (void)buf_puts(line, text);
        break;
    }
}

/* What everybody may hold beside everybody says nothing. */
static bool is_told(const struct sql_fact *fact, enum sql_act act) {
    return fact->act == act && (act != SQL_LOCKS || fact->lock > SQL_ACCESS_SHARE);
}

static void put_facts(struct buf *line, const struct sql_statement *statement, enum sql_act act,
                      const char *between) {
    for (size_t i = 0; i < statement->fact_count; i++) {
        const struct sql_fact *fact = &statement->facts[i];
        if (!is_told(fact, act))
            continue;
        (void)buf_puts(line, between);
        put_fact(line, fact);
        between = ", ";
    }
}

static void plan_facts(const struct step_plan *plan, const char *label,
                       const struct sql_statement *statement, enum sql_act act) {
    AUTO_BUF line = BUF_INIT(LINE_CEILING);
    put_facts(&line, statement, act, "");
    if (line.length > 0)
        plan->line(plan->user, label, buf_text(&line), line.length);
}

static void plan_effect(const struct step_plan *plan, const struct sql_statement *statement) {
    AUTO_BUF line = BUF_INIT(LINE_CEILING);
    (void)buf_puts(&line, sql_class_name(statement->class));
    size_t head = line.length;
    put_facts(&line, statement, SQL_TOUCHES, ": ");
    put_facts(&line, statement, SQL_CREATES, line.length > head ? ", " : ": ");
    plan->line(plan->user, "effect", buf_text(&line), line.length);
}

/* ---- the step ----------------------------------------------------------------------------- */

static const char *transaction_text(const struct sql_source *source) {
    if (source->reads)
        return "read only";
    switch (sql_transaction(source->fields)) {
    case PG_EACH:
        return "one for each statement";
    case PG_NONE:
        return "none";
    case PG_ONE:
        break;
    }
    return "one for all statements";
}

static void plan_arguments(const struct sql_fields *fields, const struct step_plan *plan) {
    for (size_t i = 0; i < fields->args.count; i++) {
        AUTO_BUF line = BUF_INIT(LINE_CEILING);
        (void)buf_printf(&line, ":%s = ", fields->args.keys[i]);
        template_show(&line, FIELD_AT(struct template *, &fields->args, i));
        plan->line(plan->user, "argument", buf_text(&line), line.length);
    }
}

static size_t plan_statement(const struct step_plan *plan, const struct sql_source *source,
                             const struct sql_statement *statement, size_t room) {
    const char *text = source->text + statement->offset;
    if (statement->length <= room) {
        plan->line(plan->user, "statement", text, statement->length);
        return room - statement->length;
    }
    while (room > 0 && ((unsigned char)text[room] & 0xC0) == 0x80)
        room--; /* not within a character */
    AUTO_TEXT cut = mem_printf("%.*s…", (int)room, text);
    plan_text(plan, "statement", cut);
    return 0;
}

/* What is destroyed is shown of all statements, however many there are. */
static void plan_statements(const struct step_plan *plan, const struct sql_source *source) {
    const struct sql_script *script = source->script;
    size_t room = PLAN_BYTES, shown = 0;
    for (size_t i = 0; i < script->count; i++) {
        const struct sql_statement *statement = &script->statements[i];
        bool is_shown = i < PLAN_STATEMENTS && room > 0;
        if (is_shown) {
            room = plan_statement(plan, source, statement, room);
            plan_effect(plan, statement);
            plan_facts(plan, "locks", statement, SQL_LOCKS);
            plan_facts(plan, "rewrites", statement, SQL_REWRITES);
            shown++;
        }
        plan_facts(plan, "destroys", statement, SQL_DESTROYS);
    }
    if (shown == script->count)
        return;
    AUTO_TEXT rest = mem_printf("… and %zu more", script->count - shown);
    plan_text(plan, "statement", rest);
}

void sql_plan(const void *spec, const struct step_plan *plan) {
    const struct sql_fields *fields = spec;
    AUTO_ERR err = ERR_INIT;
    struct sql_source source;
    if (sql_source_init(&source, fields, &err) < 0) {
        plan_text(plan, "statement", fields->file ? fields->file : fields->statements.text);
        return;
    }
    if (fields->file)
        plan_text(plan, "script", fields->file);
    plan_text(plan, "transaction", transaction_text(&source));
    plan_statements(plan, &source);
    plan_arguments(fields, plan);
    sql_source_release(&source);
}
