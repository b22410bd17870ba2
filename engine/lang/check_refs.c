/* What expressions refer to: known names, and secrets only where they are allowed. */
#include <ctype.h>
#include <string.h>

#include "base/text.h"
#include "lang/parse.h"

static const char *const roots[] = {"params", "secrets", "steps", "run", "env", "item", "index"};
static const char *const run_keys[] = {
    "id",   "name",       "title", "dir",     "runbook_dir", "status",      "error",
    "user", "started_at", "host",  "profile", "dry_run",     "failed_step",
};
#define SUGGESTED_MAX 1000000
#define COUNT(array) (sizeof(array) / sizeof *(array))

/* One expression while its words are looked at. */
struct reference {
    struct parse *parse;
    const struct use *use;
    const struct expr *expr;
    const char *root;
    size_t members; /* of it that the expression names */
};

static struct span span_in(const struct expr *expr, size_t offset, size_t length) {
    const char *text = expr_text(expr);
    struct span span = expr_span(expr);
    if (memchr(text, '\n', offset))
        return span;
    span.column += (uint32_t)text_characters(text, offset);
    span.length = (uint32_t)text_characters(text + offset, length);
    return span;
}

/* ---- known names -------------------------------------------------------------------------- */

void check_step_name(struct parse *parse, struct span span, const char *id) {
    const struct map *ids = steps_ids(parse);
    VEC(const char *) known = {0};
    const char *key;
    void *item;
    /* A hundred thousand wrong names among as many steps must not take hours. */
    parse->load->suggested += map_count(ids);
    if (parse->load->suggested > SUGGESTED_MAX) {
        parse_error(parse, span, NULL, "there is no step `%s`", id);
        return;
    }
    for (size_t i = 0; map_next(ids, &i, &key, &item);)
        *vec_add(&known) = key;
    check_name(parse, span, "step", id, known.items, known.count);
    vec_release(&known);
}

/* Profiles may add secrets that only their own settings use. */
static bool is_secret(const struct runbook *runbook, const char *name) {
    if (FIELD_FIND(struct secret_source, &runbook->secrets, name))
        return true;
    for (size_t i = 0; i < runbook->profiles.count; i++)
        if (FIELD_FIND(struct secret_source,
                       &FIELD_AT(struct profile, &runbook->profiles, i).secrets, name))
            return true;
    return false;
}

static void check_env_name(struct parse *parse, struct span span, const char *name) {
    const struct field_map *secrets = &parse->runbook->secrets;
    for (size_t i = 0; i < secrets->count; i++) {
        const char *env = FIELD_AT(struct secret_source, secrets, i).env;
        if (!env || strcmp(env, name) != 0)
            continue;
        AUTO_TEXT hint = mem_printf("write `.secrets.%s`", secrets->keys[i]);
        parse_error(parse, span, hint, "the variable `%s` is a secret and not in `.env`", name);
    }
}

static void check_member(struct reference *reference, struct span span, const char *name) {
    struct parse *parse = reference->parse;
    const struct runbook *runbook = parse->runbook;
    if (strcmp(reference->root, "params") == 0)
        check_name(parse, span, "parameter", name, runbook->params.keys, runbook->params.count);
    else if (strcmp(reference->root, "run") == 0)
        check_name(parse, span, "member of `.run` called", name, run_keys, COUNT(run_keys));
    else if (strcmp(reference->root, "env") == 0)
        check_env_name(parse, span, name);
    else if (strcmp(reference->root, "secrets") == 0 && !is_secret(runbook, name))
        check_name(parse, span, "secret", name, runbook->secrets.keys, runbook->secrets.count);
    else if (strcmp(reference->root, "steps") == 0 && !map_get(steps_ids(parse), name))
        check_step_name(parse, span, name);
}

/* Whether `.` is still the whole behind these words: no pipe, and no call that may rebind it. */
static bool is_at_whole(const char *text, size_t length) {
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '|' || text[i] == ';' || text[i] == '"')
            return false;
        if (text[i] == '(' && i > 0 && (isalnum((unsigned char)text[i - 1]) || text[i - 1] == '_'))
            return false;
    }
    return true;
}

/* Whether the words before end with `$run.ROOT.`. */
static bool is_of_run(const char *text, size_t length, const char *root) {
    AUTO_TEXT wanted = mem_printf("$run.%s.", root);
    size_t size = strlen(wanted);
    return length >= size && memcmp(text + length - size, wanted, size) == 0;
}

/* A dry run must know what a step would look at. */
static void ref_add(const struct reference *reference, const char *name, size_t length) {
    struct parse *parse = reference->parse;
    AUTO_TEXT id = mem_strndup(name, length);
    bool is_all = text_equal(id, STEP_REF_ALL);
    if (reference->use->visit == VISIT_NONE || (!is_all && !map_get(steps_ids(parse), id)))
        return;
    struct step *step = parse->visits.items[reference->use->visit].step;
    for (const struct step_ref *known = step->more->refs; known; known = known->next)
        if (text_equal(known->id, id))
            return;
    struct step_ref *ref = arena_alloc(parse->runbook->arena, sizeof *ref);
    *ref = (struct step_ref){arena_strdup(parse->runbook->arena, id), step->more->refs};
    step_more_own(parse, step)->refs = ref;
}

/* What expressions read of the environment is recorded, so that a replay elsewhere reads it. */
static void variable_add(struct runbook *runbook, const char *name, size_t length) {
    for (const struct variable_ref *ref = runbook->variables; ref; ref = ref->next)
        if (strncmp(ref->name, name, length) == 0 && !ref->name[length])
            return;
    struct variable_ref *ref = arena_alloc(runbook->arena, sizeof *ref);
    *ref = (struct variable_ref){arena_strndup(runbook->arena, name, length), runbook->variables};
    runbook->variables = ref;
}

static void member_found(void *user, const char *name, size_t length) {
    struct reference *reference = user;
    const char *text = expr_text(reference->expr);
    reference->members++;
    if (text_equal(reference->root, "steps"))
        ref_add(reference, name, length);
    if (text_equal(reference->root, "env"))
        variable_add(reference->parse->runbook, name, length);
    if (name < text || name >= text + strlen(text))
        return;
    size_t offset = (size_t)(name - text);
    bool is_sure = is_of_run(text, offset, reference->root) ||
                   (!(reference->use->flags & FIELD_RESULT) && is_at_whole(text, offset));
    if (!is_sure)
        return;
    AUTO_TEXT word = mem_strndup(name, length);
    if (name[length] == '-' && isalpha((unsigned char)name[length + 1])) {
        parse_error(reference->parse, span_in(reference->expr, offset, length + 1),
                    "names are written with `_`, as in `.steps.safety_copy`",
                    "`-` is a minus in jq, so this is `%s` less something", word);
        return;
    }
    check_member(reference, span_in(reference->expr, offset, length), word);
}

/* ---- one expression ----------------------------------------------------------------------- */

static void check_secrets_allowed(struct reference *reference) {
    unsigned flags = reference->use->flags;
    bool reaches = flags & FIELD_RESULT ? expr_run_mentions(reference->expr, "secrets")
                                        : expr_mentions(reference->expr, "secrets");
    if (!reaches || (flags & FIELD_SECRETS && !(flags & FIELD_RESULT)))
        return;
    bool names_it = strstr(expr_text(reference->expr), "secrets") != NULL;
    parse_error(reference->parse, expr_span(reference->expr),
                names_it ? "secrets may be used in `env`, `stdin`, `databases`, `targets`, `http`, "
                           "`notify` and the credentials of `git`"
                         : "take the member that is meant, such as `.params`",
                names_it ? "`.secrets` may not be used in `%s`"
                         : "this takes all of the run, secrets included, which `%s` may not",
                reference->use->key);
}

static void check_path(struct reference *reference) {
    const char *const *keys = NULL;
    size_t count = expr_path(reference->expr, &keys);
    struct span span = expr_span(reference->expr);
    if (count == 0)
        return;
    bool is_item = strcmp(keys[0], "item") == 0 || strcmp(keys[0], "index") == 0;
    if (is_item && !reference->use->in_foreach)
        parse_error(reference->parse, span, "add `foreach:` to the step, or to a group around it",
                    "`.%s` exists only within a step that has `foreach`", keys[0]);
    if (text_is_among(keys[0], roots, COUNT(roots)))
        return;
    const char *near = text_suggest(keys[0], roots, COUNT(roots));
    AUTO_TEXT hint = near ? mem_printf("did you mean `.%s`?", near)
                          : mem_strdup("`.` is the run: `.params`, `.secrets`, `.steps`, `.run`, "
                                       "`.env`, `.item`");
    parse_error(reference->parse, span, hint, "the run has no `.%s`", keys[0]);
}

/* All of them, whichever they are. */
static bool takes_steps(const struct reference *reference) {
    return reference->use->flags & FIELD_RESULT ? expr_run_mentions(reference->expr, "steps")
                                                : expr_mentions(reference->expr, "steps");
}

static void check_expr(void *user, const struct expr *expr) {
    struct reference *reference = user;
    reference->expr = expr;
    check_secrets_allowed(reference);
    if (!(reference->use->flags & FIELD_RESULT) && expr_is_path(expr))
        check_path(reference);
    for (size_t i = 0; i < COUNT(roots); i++) {
        reference->root = roots[i];
        reference->members = 0;
        if (strstr(expr_text(expr), roots[i]))
            expr_each_member(expr, roots[i], member_found, reference);
        if (!reference->members && text_equal(roots[i], "steps") && takes_steps(reference))
            ref_add(reference, STEP_REF_ALL, strlen(STEP_REF_ALL));
    }
}

void check_uses(struct parse *parse) {
    for (size_t i = 0; i < parse->uses.count; i++) {
        const struct use *use = &parse->uses.items[i];
        struct reference reference = {.parse = parse, .use = use};
        if (use->expr)
            check_expr(&reference, use->expr);
        else
            template_each_expr(use->tmpl, check_expr, &reference);
    }
}
