#include "value/expr.h"

#include "base/clock.h"
#include "base/text.h"
#include "value/expr_set.h"

#define SHOWN_COLUMNS 72

struct expr_set *expr_set_new(void) {
    return mem_zalloc(sizeof(struct expr_set));
}

static void expr_free(struct expr *expr) {
    value_free(expr->literal);
    for (size_t i = 0; i < expr->steps.count; i++)
        value_free(expr->steps.items[i].key);
    vec_release(&expr->steps);
    mem_free(expr->keys);
    mem_free(expr->text);
    mem_free(expr);
}

size_t expr_set_count(const struct expr_set *set) {
    return set->exprs.count;
}

void expr_set_free(struct expr_set *set) {
    if (!set)
        return;
    for (size_t i = 0; i < set->exprs.count; i++)
        expr_free(set->exprs.items[i]);
    for (size_t i = 0; i < set->programs.count; i++)
        expr_program_free(set->programs.items[i]);
    vec_release(&set->exprs);
    vec_release(&set->programs);
    mem_free(set);
}

/* A string or a number between brackets: its value, VALUE_NONE where it is neither. */
static value path_index(const struct lex *lex, size_t index, size_t *ret_tokens) {
    size_t minus = lex_is(lex, index, "-");
    struct lex_token token = lex_at(lex, index + minus);
    bool number = token.kind == LEX_NUMBER;
    if (!lex_is(lex, index + minus + 1, "]") || (!number && (minus || token.kind != LEX_STRING)))
        return value_none();
    *ret_tokens = minus + 2;
    value key = value_none();
    if (value_parse(lex->text + token.offset, token.length, &key, NULL) < 0)
        return value_none();
    int64_t whole = 0;
    if (!number)
        return key;
    if (!value_is(key, VALUE_NUMBER) || !value_as_integer(key, &whole)) {
        value_free(key);
        return value_none();
    }
    return minus ? value_number(-(double)whole) : key;
}

/* One step of a path, as jq's grammar has it: `.name`, `."name"`, `[…]` behind a term or `.`. */
static bool path_step(const struct lex *lex, size_t *index, struct expr_step *step) {
    struct lex_token token = lex_at(lex, *index);
    size_t dot = lex_is(lex, *index, "."), more = 0;
    struct lex_token behind = lex_at(lex, *index + dot);
    if (token.kind == LEX_FIELD) {
        step->key = value_string_n(lex->text + token.offset + 1, token.length - 1);
        *index += 1;
    } else if (dot && behind.kind == LEX_STRING) {
        step->key = value_none();
        if (value_parse(lex->text + behind.offset, behind.length, &step->key, NULL) < 0)
            return false;
        *index += 2;
    } else if (lex_is(lex, *index + dot, "[") && dot == (*index == 0)) {
        step->key = path_index(lex, *index + dot + 1, &more);
        if (value_is(step->key, VALUE_NONE))
            return false;
        *index += dot + 1 + more;
    } else {
        return false;
    }
    step->optional = lex_is(lex, *index, "?");
    *index += step->optional;
    return true;
}

/* Reads the words as a plain path; where they are something else the steps are dropped again. */
static bool expr_read_path(struct expr *expr, const struct lex *lex) {
    size_t index = lex_is(lex, 0, "$run");
    expr->of_run = index == 1;
    if (lex->tokens.count == 1 && (index || lex_is(lex, 0, ".")))
        return true;
    while (index < lex->tokens.count) {
        struct expr_step step = {.key = value_none()};
        if (!path_step(lex, &index, &step))
            break;
        *vec_add(&expr->steps) = step;
    }
    if (index == lex->tokens.count)
        return true;
    for (size_t i = 0; i < expr->steps.count; i++)
        value_free(expr->steps.items[i].key);
    vec_release(&expr->steps);
    expr->of_run = false;
    return false;
}

static void expr_note_keys(struct expr *expr) {
    expr->keys = mem_calloc(expr->steps.count + 1, sizeof *expr->keys);
    if (expr->of_run)
        return;
    for (size_t i = 0; i < expr->steps.count; i++) {
        if (!value_is(expr->steps.items[i].key, VALUE_STRING))
            return;
        expr->keys[expr->key_count++] = value_text(expr->steps.items[i].key);
    }
}

static bool expr_read_literal(struct expr *expr, const struct lex *lex) {
    struct lex_token first = lex_at(lex, 0), last = lex_at(lex, lex->tokens.count - 1);
    const char *text = lex->text + first.offset;
    size_t length = last.offset + last.length - first.offset;
    if (first.kind == LEX_FIELD || !strchr("[{\"-0123456789tfn", *text))
        return false;
    return value_parse(text, length, &expr->literal, NULL) == 0;
}

static void expr_classify(struct expr *expr, const struct lex *lex) {
    for (size_t i = 0; i < lex->tokens.count; i++)
        expr->uses_run |= lex_is(lex, i, "$run");
    if (expr_read_literal(expr, lex))
        expr->kind = EXPR_LITERAL;
    else if (expr_read_path(expr, lex))
        expr->kind = EXPR_PATH;
    else
        expr->kind = EXPR_PROGRAM;
    expr_note_keys(expr);
}

int expr_add_inside(struct expr_set *set, const char *text, size_t length,
                    const struct lex_origin *origin, struct expr **ret, struct err *err) {
    AUTO_LEX lex = {0};
    size_t end = 0;
    if (lex_scan(&lex, text, length, false, origin, &end, err) < 0 ||
        lex_refuse_words(&lex, origin, err) < 0)
        return -1;
    if (!lex.tokens.count) {
        err_at(err, lex_span(origin, text, 0, 0), "the expression is empty");
        return err_hint(err, "write a jq expression, such as `.params.name`");
    }
    struct expr *expr = mem_zalloc(sizeof *expr);
    expr->text = mem_strndup(text, length);
    expr->length = length;
    expr->origin = *origin;
    expr->literal = value_none();
    expr_classify(expr, &lex);
    *vec_add(&set->exprs) = expr;
    *ret = expr;
    return 0;
}

int expr_add(struct expr_set *set, const char *text, size_t length, struct span at,
             struct expr **ret, struct err *err) {
    struct lex_origin origin = {.at = at, .base = at.column};
    return expr_add_inside(set, text, length, &origin, ret, err);
}

/* jq's messages begin with a capital, ours do not. */
int expr_fail(const struct expr *expr, enum err_kind kind, const char *what, struct err *err) {
    if (!err)
        return -1;
    AUTO_BUF shown = BUF_INIT(4096);
    text_fit(&shown, expr->text, expr->length, SHOWN_COLUMNS, true);
    AUTO_TEXT message = mem_strdup(*what ? what : "failed without a message");
    if (message[0] >= 'A' && message[0] <= 'Z' && message[1] >= 'a' && message[1] <= 'z')
        message[0] = (char)(message[0] + ('a' - 'A'));
    err_at(err, expr_span(expr), "`%s`: %s", buf_text(&shown), message);
    err->kind = kind;
    return -1;
}

static value dot_get(void *user, const char *key) {
    const struct expr_dot *dot = user;
    return key ? value_get(dot->dot, key) : value_copy(dot->dot);
}

static value dot_run(void *user) {
    const struct expr_dot *dot = user;
    return dot->run ? dot->run->get(dot->run->user, NULL) : value_null();
}

struct expr_input expr_input_dot(struct expr_dot *dot) {
    return (struct expr_input){
        .get = dot_get, .run = dot_run, .user = dot, .now_ns = dot->run ? dot->run->now_ns : 0};
}

static value input_run(const struct expr_input *input) {
    return input->run ? input->run(input->user) : input->get(input->user, NULL);
}

static value none_to_null(value taken) {
    return value_is(taken, VALUE_NONE) ? value_null() : taken;
}

/* Where a path starts; its first step is done where `.` can be asked for one member alone. `.`
 * of one value may be an array or text, which jv_get must see to say what is wrong. */
static value path_begin(const struct expr *expr, const struct expr_input *input, size_t *ret_done) {
    *ret_done = 0;
    if (expr->of_run)
        return none_to_null(input_run(input));
    if (!expr->key_count || input->get == dot_get)
        return none_to_null(input->get(input->user, NULL));
    *ret_done = 1;
    return none_to_null(input->get(input->user, expr->keys[0]));
}

static int expr_walk(const struct expr *expr, const struct expr_input *input, value *ret,
                     struct err *err) {
    size_t i = 0;
    value at = path_begin(expr, input, &i);
    for (; i < expr->steps.count; i++) {
        const struct expr_step *step = &expr->steps.items[i];
        at = jv_get(at, jv_copy(step->key));
        if (!value_is(at, VALUE_NONE))
            continue;
        AUTO_VALUE message = jv_invalid_get_msg(at);
        if (!step->optional)
            return expr_fail(expr, ERR_INVALID, value_text(message), err);
        *ret = value_none();
        return 0;
    }
    *ret = at;
    return 0;
}

static value program_input(const struct expr *expr, const struct expr_input *input) {
    int64_t now = input->now_ns ? input->now_ns : clock_wall_ns();
    value array = value_append(value_array(), value_number((double)expr->index));
    array = value_append(array, none_to_null(input->get(input->user, NULL)));
    array = value_append(array, expr->uses_run ? none_to_null(input_run(input)) : value_null());
    return value_append(array, value_number((double)now / (double)NS_PER_S));
}

int expr_eval(const struct expr *expr, const struct expr_input *input, value *ret,
              struct err *err) {
    switch (expr->kind) {
    case EXPR_LITERAL:
        *ret = value_copy(expr->literal);
        return 0;
    case EXPR_PATH:
        return expr_walk(expr, input, ret, err);
    case EXPR_PROGRAM:
        break;
    }
    if (!expr->program)
        return expr_fail(expr, ERR_INVALID, "is not compiled", err);
    return expr_run_program(expr, program_input(expr, input), ret, err);
}

int expr_test(const struct expr *expr, const struct expr_input *input, bool *ret, struct err *err) {
    AUTO_VALUE result = value_none();
    if (expr_eval(expr, input, &result, err) < 0)
        return -1;
    *ret = value_truth(result);
    return 0;
}

const char *expr_text(const struct expr *expr) {
    return expr->text;
}

struct span expr_span(const struct expr *expr) {
    return lex_span(&expr->origin, expr->text, 0, expr->length);
}

bool expr_is_path(const struct expr *expr) {
    return expr->kind == EXPR_PATH && !expr->of_run;
}

size_t expr_path(const struct expr *expr, const char *const **ret_keys) {
    *ret_keys = expr->keys;
    return expr->key_count;
}
