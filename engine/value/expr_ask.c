/* Static questions about an expression, answered from its words.
 *
 * Whether a program can reach `.root` is decided by following what `.` may be: at the start it is
 * the whole; behind a pipe it is whatever the left side yields, which is not the whole unless a
 * word before the pipe can pass the whole on. Such words, met while `.` may be the whole, make
 * the answer yes. */
#include "base/text.h"
#include "value/expr_set.h"

#define LEVELS_MAX ((size_t)LEX_DEPTH_MAX * 2)

struct level {
    bool whole;   /* `.` may be the whole here */
    bool entered; /* what `whole` was when the level began */
    bool binding; /* between `as` or `label` and its `|`, which leaves `.` as it is */
    bool folding; /* between `reduce` or `foreach` and its body */
    char open;    /* the bracket, 'i' for `if`, 'r' for the body of a fold */
};

struct reach {
    const struct lex *lex;
    const char *root;
    bool of_run; /* the whole is `$run`, not `.` */
    struct level levels[LEVELS_MAX];
    size_t depth;
};

static struct level *reach_level(struct reach *reach) {
    return &reach->levels[reach->depth];
}

static void reach_push(struct reach *reach, char open) {
    bool whole = reach_level(reach)->whole;
    if (reach->depth + 1 < LEVELS_MAX)
        reach->depth++;
    *reach_level(reach) = (struct level){.whole = whole, .entered = whole, .open = open};
}

/* `reduce TERM as $x (START; UPDATE)`: `.` in the update is what has been gathered so far. */
static void reach_open(struct reach *reach, size_t index) {
    struct level *level = reach_level(reach);
    const struct lex *lex = reach->lex;
    bool fold = level->folding && level->binding && lex_is(lex, index, "(");
    if (fold)
        level->folding = level->binding = false;
    reach_push(reach, fold ? 'r' : lex->text[lex_at(lex, index).offset]);
}

static void reach_pop(struct reach *reach) {
    if (reach->depth)
        reach->depth--;
}

/* Functions and keywords that, applied to the whole, show nothing of it themselves. All others
 * may pass it on. */
static bool name_is_harmless(const struct lex *lex, size_t index) {
    static const char *const words[] = {
        "if",    "then", "elif",    "else",  "end",      "and",    "or",     "not",
        "as",    "try",  "catch",   "label", "break",    "true",   "false",  "null",
        "empty", "now",  "range",   "first", "last",     "limit",  "any",    "all",
        "has",   "type", "isempty", "nan",   "infinite", "reduce", "foreach"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (lex_is(lex, index, words[i]))
            return true;
    return lex_is(lex, index, "error") && lex_is(lex, index + 1, "(");
}

/* `{name: …}` names a key, `{name}` is `.name`. */
static bool is_key(const struct reach *reach, size_t index, bool *ret_short) {
    const struct lex *lex = reach->lex;
    *ret_short = false;
    if (reach->levels[reach->depth].open != '{' || index == 0)
        return false;
    if (!lex_is(lex, index - 1, "{") && !lex_is(lex, index - 1, ","))
        return false;
    *ret_short = lex_is(lex, index + 1, ",") || lex_is(lex, index + 1, "}");
    return *ret_short || lex_is(lex, index + 1, ":");
}

static bool names_root(const struct reach *reach, const char *name, size_t length) {
    return length == strlen(reach->root) && memcmp(name, reach->root, length) == 0;
}

static bool reach_name(struct reach *reach, size_t index) {
    const struct lex *lex = reach->lex;
    struct lex_token token = lex_at(lex, index);
    struct level *level = reach_level(reach);
    bool shorthand = false;
    if (is_key(reach, index, &shorthand))
        return shorthand && level->whole &&
               names_root(reach, lex->text + token.offset, token.length);
    if (lex_is(lex, index, "def")) {
        /* What `.` is in a function's body depends on the caller: from here on it may be all. */
        for (size_t i = 0; i <= reach->depth; i++)
            reach->levels[i].whole = reach->levels[i].entered = !reach->of_run;
        return false;
    }
    if (lex_is(lex, index, "as") || lex_is(lex, index, "label"))
        level->binding = true;
    else if (lex_is(lex, index, "reduce") || lex_is(lex, index, "foreach"))
        level->folding = true;
    else if (lex_is(lex, index, "if"))
        reach_push(reach, 'i');
    else if (level->open == 'i' && lex_is(lex, index, "end"))
        reach_pop(reach);
    else if (level->open == 'i' && (lex_is(lex, index, "then") || lex_is(lex, index, "else") ||
                                    lex_is(lex, index, "elif")))
        level->whole = level->entered;
    return level->whole && !name_is_harmless(lex, index);
}

/* `$run` is the whole where it does not lead on to a member by name. */
static bool reach_variable(const struct reach *reach, size_t index) {
    const char *name = NULL;
    size_t length = 0;
    if (!lex_is(reach->lex, index, "$run"))
        return false;
    if (!lex_key(reach->lex, index + 1, &name, &length))
        return true;
    return names_root(reach, name, length);
}

/* `.a = 1` yields all of `.`, with `.a` changed. */
static bool is_assignment(const struct lex *lex, size_t index) {
    static const char *const signs[] = {"=", "|=", "+=", "-=", "*=", "/=", "%=", "//="};
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (lex_is(lex, index, signs[i]))
            return true;
    return false;
}

/* `{"a\(1)"}` and `{@json "a"}` are `.KEY` with a key that only jq knows. */
static bool is_computed_key(const struct reach *reach, size_t index) {
    const struct lex *lex = reach->lex;
    return reach->levels[reach->depth].open == '{' && index > 0 &&
           (lex_is(lex, index - 1, "{") || lex_is(lex, index - 1, ","));
}

static bool reach_sign(struct reach *reach, size_t index) {
    struct level *level = reach_level(reach);
    const char *name = NULL;
    size_t length = 0;
    if (level->whole && (lex_is(reach->lex, index, "..") || is_assignment(reach->lex, index)))
        return true;
    if (lex_is(reach->lex, index, "|")) {
        if (!level->binding)
            level->whole = false;
        level->binding = false;
    }
    if (level->open == 'r' && lex_is(reach->lex, index, ";"))
        level->entered = false;
    if (lex_is(reach->lex, index, ";") || (level->open == '{' && lex_is(reach->lex, index, ",")))
        level->whole = level->entered;
    if (!lex_is(reach->lex, index, ".") || !level->whole)
        return false;
    if (index > 0 && lex_ends_term(reach->lex, index - 1))
        return false; /* a suffix: `.a."b"` */
    return !lex_key(reach->lex, index, &name, &length) || names_root(reach, name, length);
}

static bool reach_token(struct reach *reach, size_t index) {
    struct lex_token token = lex_at(reach->lex, index);
    bool whole = reach_level(reach)->whole, shorthand = false;
    bool suffix = index > 0 && lex_ends_term(reach->lex, index - 1);
    switch (token.kind) {
    case LEX_FIELD:
        return whole && !suffix &&
               names_root(reach, reach->lex->text + token.offset + 1, token.length - 1);
    case LEX_STRING:
        return is_key(reach, index, &shorthand) && shorthand && whole;
    case LEX_NAME:
        return reach_name(reach, index);
    case LEX_VARIABLE:
        return reach_variable(reach, index);
    case LEX_FORMAT:
        return whole && (is_computed_key(reach, index) ||
                         (lex_at(reach->lex, index + 1).kind != LEX_STRING &&
                          lex_at(reach->lex, index + 1).kind != LEX_STRING_OPEN));
    case LEX_OPEN:
        reach_open(reach, index);
        return false;
    case LEX_STRING_OPEN:
        if (whole && is_computed_key(reach, index))
            return true;
        reach_push(reach, '(');
        return false;
    case LEX_CLOSE:
    case LEX_STRING_CLOSE:
        reach_pop(reach);
        return false;
    case LEX_STRING_MID:
        reach_level(reach)->whole = reach_level(reach)->entered;
        return false;
    case LEX_SIGN:
        return reach_sign(reach, index);
    case LEX_NUMBER:
        return false;
    }
    return true;
}

static bool expr_reaches(const struct expr *expr, const char *root, bool of_run) {
    AUTO_LEX lex = {0};
    size_t end = 0;
    if (lex_scan(&lex, expr->text, expr->length, false, &expr->origin, &end, NULL) < 0)
        return true;
    struct reach reach = {.lex = &lex, .root = root, .of_run = of_run};
    reach.levels[0] = (struct level){.whole = !of_run, .entered = !of_run};
    for (size_t i = 0; i < lex.tokens.count; i++)
        if (reach_token(&reach, i))
            return true;
    return false;
}

bool expr_mentions(const struct expr *expr, const char *root) {
    switch (expr->kind) {
    case EXPR_LITERAL:
        return false;
    case EXPR_PATH:
        if (expr->of_run)
            return expr_run_mentions(expr, root);
        return expr->steps.count == 0 || (expr->key_count && text_equal(expr->keys[0], root));
    case EXPR_PROGRAM:
        break;
    }
    return expr_reaches(expr, root, false);
}

bool expr_run_mentions(const struct expr *expr, const char *root) {
    return expr->uses_run && expr_reaches(expr, root, true);
}

/* Whether a key at `index` is a member of the whole as far as the words tell: a term of its own,
 * or right behind `$run`. */
static bool begins_at_whole(const struct lex *lex, size_t index) {
    return index == 0 || lex_is(lex, index - 1, "$run") || !lex_ends_term(lex, index - 1);
}

void expr_each_member(const struct expr *expr, const char *root,
                      void (*found)(void *user, const char *name, size_t length), void *user) {
    AUTO_LEX lex = {0};
    size_t end = 0;
    if (lex_scan(&lex, expr->text, expr->length, false, &expr->origin, &end, NULL) < 0)
        return;
    for (size_t i = 0; i < lex.tokens.count; i++) {
        const char *name = NULL;
        size_t length = 0, taken = lex_key(&lex, i, &name, &length);
        if (!taken || !begins_at_whole(&lex, i) || length != strlen(root) ||
            memcmp(name, root, length) != 0)
            continue;
        if (lex_key(&lex, i + taken, &name, &length))
            found(user, name, length);
    }
}
