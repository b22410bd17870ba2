/* What a step's statements destroy, as `destroys` and gates name it. */
#include "base/mem.h"
#include "base/text.h"
#include "base/vec.h"
#include "sql_step.h"

/* ---- names -------------------------------------------------------------------------------- */

struct names {
    VEC(char *) list;
};

/* From one part of a name to the next: `a."b.c"` has two. */
static const char *name_take(struct names *names, const char *text) {
    bool is_quoted = *text == '"';
    const char *at = is_quoted ? text + 1 : text;
    char *word = mem_alloc(strlen(text) + 1), *out = word;
    for (; *at && (is_quoted || *at != '.'); at++) {
        if (is_quoted && *at == '"' && *++at != '"')
            break;
        *out++ = *at;
    }
    *out = '\0';
    *vec_add(&names->list) = word;
    return *at == '.' ? at + 1 : NULL;
}

/* Of "purge()" the word; what has no name is called by its kind. */
static void names_make(struct names *names, const struct sql_fact *fact) {
    AUTO_TEXT text = mem_strdup(*fact->name ? fact->name : fact->kind);
    size_t length = strlen(text);
    if (text_ends_with(text, "()"))
        text[length - 2] = '\0';
    for (const char *at = text; at;)
        at = name_take(names, at);
    *vec_add(&names->list) = NULL;
}

static void names_release(struct names *names) {
    for (size_t i = 0; i < names->list.count; i++)
        mem_free(names->list.items[i]);
    vec_release(&names->list);
}

/* ---- losses ------------------------------------------------------------------------------- */

static bool is_same(const struct sql_fact *a, const struct sql_fact *b) {
    return a->act == b->act && text_equal(a->kind, b->kind) && text_equal(a->name, b->name);
}

/* Whether a statement before, or one of this, said the same. */
static bool is_known(const struct sql_script *script, size_t statement, size_t index) {
    const struct sql_fact *fact = &script->statements[statement].facts[index];
    for (size_t i = 0; i < statement; i++)
        for (size_t k = 0; k < script->statements[i].fact_count; k++)
            if (is_same(&script->statements[i].facts[k], fact))
                return true;
    return false;
}

static void loss_tell(const struct sql_source *source, const struct sql_statement *statement,
                      const struct sql_fact *fact, const struct step_losses *losses) {
    struct names names = {0};
    names_make(&names, fact);
    AUTO_TEXT what = sql_fact_text(fact);
    struct step_loss loss = {
        .what = what,
        .names = (const char *const *)names.list.items,
        .unknown = fact->maybe,
        .span = sql_source_span(source, statement->offset, strcspn(statement->text, "\n")),
    };
    losses->found(losses->user, &loss);
    names_release(&names);
}

bool sql_destroys(const void *spec, const struct step_losses *losses) {
    struct sql_source source;
    AUTO_ERR err = ERR_INIT;
    if (sql_source_init(&source, spec, &err) < 0)
        return false;
    const struct sql_script *script = source.script;
    for (size_t i = 0; i < script->count; i++)
        for (size_t k = 0; k < script->statements[i].fact_count; k++)
            if (script->statements[i].facts[k].act == SQL_DESTROYS && !is_known(script, i, k))
                loss_tell(&source, &script->statements[i], &script->statements[i].facts[k], losses);
    sql_source_release(&source);
    return true;
}
