#include "plan/fact.h"

#include <string.h>

#include "base/text.h"

#define FACT_MAX ((size_t)1 << 20) /* bytes of a text */

/* The last is known of the runbook that is planned. */
static const char *const roots[] = {"steps", "secrets", "run", "env", "item", "index", "params"};
#define ROOTS (sizeof roots / sizeof *roots)

/* ---- what an expression looks at ----------------------------------------------------------- */

struct origin {
    value names; /* "steps.counts" and the like, each once */
    const char *root;
};

static void name_add(struct origin *origin, const char *name) {
    for (size_t i = 0; i < value_count(origin->names); i++) {
        AUTO_VALUE known = value_at(origin->names, i);
        if (text_equal(value_text(known), name))
            return;
    }
    origin->names = value_append(origin->names, value_string(name));
}

static void member_add(void *user, const char *name, size_t length) {
    struct origin *origin = user;
    AUTO_TEXT whole = mem_printf("%s.%.*s", origin->root, (int)length, name);
    name_add(origin, whole);
}

/* Only what the text names: a program that takes the whole of the run names `run`. */
static void expr_look(void *user, const struct expr *expr) {
    struct origin *origin = user;
    size_t before = value_count(origin->names);
    for (size_t i = 0; i < ROOTS; i++) {
        size_t count = value_count(origin->names);
        origin->root = roots[i];
        if (!expr_mentions(expr, roots[i]))
            continue;
        expr_each_member(expr, roots[i], member_add, origin);
        if (value_count(origin->names) == count && strstr(expr_text(expr), roots[i]))
            name_add(origin, roots[i]);
    }
    if (value_count(origin->names) == before && expr_mentions(expr, "steps"))
        name_add(origin, "run");
}

/* ---- what is known ------------------------------------------------------------------------- */

static value known_get(void *user, const char *key) {
    const struct plan *plan = user;
    if (key)
        return text_equal(key, "params") ? plan_params(plan) : value_none();
    return value_set(value_object(), "params", plan_params(plan));
}

static struct expr_input known_input(const struct fact_scope *scope) {
    return (struct expr_input){.get = known_get, .user = (void *)(uintptr_t)scope->plan};
}

/* jq's clock and its place in a file are no parameters. */
static bool is_of_params(const struct fact_scope *scope, const struct expr *expr) {
    static const char *const moving[] = {"now", "localtime", "input", "$__loc__"};
    /* A plan that is only checked has no hash, and not all of its parameters. */
    bool has_params = scope->file == plan_runbook(scope->plan) && *plan_hash(scope->plan);
    size_t unknown = has_params ? ROOTS - 1 : ROOTS;
    for (size_t i = 0; i < unknown; i++)
        if (expr_mentions(expr, roots[i]))
            return false;
    for (size_t i = 0; i < sizeof moving / sizeof *moving; i++)
        if (!expr_is_path(expr) && strstr(expr_text(expr), moving[i]))
            return false;
    return true;
}

static value fact_new(const char *text, size_t length, const char *is) {
    value fact = value_set(value_object(), "text", value_string_n(text, length));
    return value_set(fact, "is", value_word(is));
}

static value fact_rendered(const char *text, size_t length, value from_taken) {
    value fact = fact_new(text, length, "rendered");
    return value_set(fact, "from", from_taken);
}

/* ---- text ---------------------------------------------------------------------------------- */

struct path_check {
    const struct fact_scope *scope;
    bool is_known;
};

static void path_check(void *user, const struct expr *expr) {
    struct path_check *check = user;
    check->is_known = check->is_known && expr_is_path(expr) && is_of_params(check->scope, expr);
}

static value parsed_fact(const struct fact_scope *scope, const struct template *tmpl,
                         const char *text, size_t length) {
    struct path_check check = {scope, true};
    struct expr_input input = known_input(scope);
    AUTO_TEXT rendered = NULL;
    template_each_expr(tmpl, path_check, &check);
    if (check.is_known && template_render_text(tmpl, &input, &rendered, NULL) == 0)
        return fact_new(rendered, strlen(rendered), "known");
    struct origin origin = {.names = value_array()};
    template_each_expr(tmpl, expr_look, &origin);
    return fact_rendered(text, length, origin.names);
}

value fact_of_text(const struct fact_scope *scope, const char *text, size_t length) {
    size_t offset;
    if (length > FACT_MAX || !template_find(text, length, &offset))
        return fact_new(text, length, "known");
    struct arena *arena = arena_new();
    struct expr_set *set = expr_set_new();
    struct template *tmpl = NULL;
    bool is_parsed = template_parse(arena, set, text, length, (struct span){0}, &tmpl, NULL) == 0;
    value fact = is_parsed ? parsed_fact(scope, tmpl, text, length)
                           : fact_rendered(text, length, value_array());
    arena_free(arena);
    expr_set_free(set);
    return fact;
}

value fact_of_template(const struct fact_scope *scope, const struct template *tmpl) {
    if (!tmpl)
        return value_none();
    AUTO_BUF text = BUF_INIT(FACT_MAX);
    template_show(&text, tmpl);
    if (template_is_constant(tmpl))
        return fact_new(buf_text(&text), text.length, "known");
    return fact_of_text(scope, buf_text(&text), text.length);
}

/* ---- conditions ---------------------------------------------------------------------------- */

value fact_of_expr(const struct fact_scope *scope, const struct expr *expr) {
    if (!expr)
        return value_none();
    const char *text = expr_text(expr);
    struct expr_input input = known_input(scope);
    bool holds;
    if (is_of_params(scope, expr) && expr_test(expr, &input, &holds, NULL) == 0)
        return value_set(fact_new(text, strlen(text), "known"), "holds", value_bool(holds));
    struct origin origin = {.names = value_array()};
    expr_look(&origin, expr);
    return fact_rendered(text, strlen(text), origin.names);
}

/* Whether such a fact is known not to hold. */
static bool fact_fails(value fact) {
    AUTO_VALUE holds = value_get(fact, "holds");
    return value_is(holds, VALUE_BOOL) && !value_truth(holds);
}

const char *fact_skip_reason(const struct fact_scope *scope, const struct graph *graph,
                             uint32_t node, value when) {
    const char *reason =
        graph == plan_graph(scope->plan) ? plan_skip_reason(scope->plan, node) : NULL;
    return reason || !fact_fails(when) ? reason : "its condition does not hold";
}
