/* Many expressions as one jq program: compiling costs 15 ms for jq's own definitions, however
 * few the expressions. The program chooses by number, in a balanced tree. Every word stands
 * on a line of its own, so that the line in jq's message names the word at fault. */
#include <unistd.h>

#include "base/text.h"
#include "value/complaint.h"
#include "value/deep.h"
#include "value/expr_set.h"
#include "value/guard.h"

#define PROGRAM_MAX ((size_t)1 << 30)
/* A function of jq has room for 65,535 words of code: a subtree becomes one at each so many
 * levels. */
#define LEVELS_IN_FUNCTION 6
/* jq walks the whole program once for each of its own functions, which takes longer for each
 * expression once it no longer fits the processor's cache: 4,000 took 6.9 s as one program, 2.2 s
 * as programs of 128, 3.6 s as programs of 32 (measured with jq 1.6). */
#define PROGRAM_EXPRS ((size_t)128)
#define RESULT_DEPTH 256
#define RESULT_NODES ((size_t)5000000)

/* `*` of a text and a number is bounded: jq 1.6 writes past the end of texts over 2 GiB. The
 * number of the expression, `.`, `$run` and the time come as one array. */
static const char prologue[] =
    "def __rb_mul(a;b):a*b;"
    "def _multiply(a;b):b as $b|a as $a"
    "|if ($a|type)==\"string\" and ($b|type)==\"number\""
    " then if __rb_mul($a|utf8bytelength;$b)>67108864"
    " then error(\"a text of more than 64 MiB\") else __rb_mul($a;$b) end"
    " else __rb_mul($a;$b) end;"
    ".[0] as $__rb_i|.[2] as $run|.[3] as $__rb_now|.[1]|def now:$__rb_now;\n";

struct build {
    struct expr **exprs;
    size_t count;
    struct buf text;
    VEC(struct complaint_line) lines; /* what stands on each line; index is line - 1 */
    bool parse_only; /* ends in a mistake, so that jq parses but does not spend 15 ms */
};

static void build_newline(struct build *build, const struct expr *expr, size_t token) {
    *vec_add(&build->lines) = (struct complaint_line){.expr = expr, .token = token};
    buf_putc(&build->text, '\n');
}

static void build_expr(struct build *build, const struct expr *expr) {
    AUTO_LEX lex = {0};
    size_t end = 0;
    buf_puts(&build->text, "def __rb:(");
    build_newline(build, NULL, 0);
    if (expr->bad || lex_scan(&lex, expr->text, expr->length, false, &expr->origin, &end, NULL) < 0)
        buf_puts(&build->text, "null");
    for (size_t i = 0; i < lex.tokens.count; i++) {
        struct lex_token token = lex_at(&lex, i);
        const char *text = expr->text + token.offset;
        for (size_t k = 0; k < token.length; k++)
            if (text[k] == '\n')
                *vec_add(&build->lines) = (struct complaint_line){.expr = expr, .token = i};
        buf_append(&build->text, text, token.length);
        build_newline(build, expr, i);
    }
    buf_puts(&build->text, ");__rb ");
    build_newline(build, expr, lex.tokens.count);
}

static void build_tree(struct build *build, size_t low, size_t high, unsigned level) {
    if (high - low == 1) {
        build_expr(build, build->exprs[low]);
        return;
    }
    size_t middle = low + (high - low) / 2;
    bool function = level % LEVELS_IN_FUNCTION == LEVELS_IN_FUNCTION - 1;
    buf_printf(&build->text, "%sif $__rb_i<%zu then ", function ? "def __rb:" : "", middle);
    build_tree(build, low, middle, level + 1);
    buf_puts(&build->text, " else ");
    build_tree(build, middle, high, level + 1);
    buf_puts(&build->text, function ? " end;__rb " : " end ");
}

static void build_all(struct build *build) {
    buf_clear(&build->text);
    build->lines.count = 0;
    buf_puts(&build->text, prologue);
    *vec_add(&build->lines) = (struct complaint_line){0};
    build_tree(build, 0, build->count, 0);
    if (build->parse_only)
        buf_putc(&build->text, ')');
}

static void build_release(struct build *build) {
    buf_release(&build->text);
    vec_release(&build->lines);
    mem_free(build->exprs);
}

/* jq reads a file ~/.jq into every program, which would make a runbook mean something else on
 * each machine. For as long as it compiles HOME is out of sight; the entry is swapped in place,
 * because setenv may move the array under a reader in another thread. */
static jq_state *compile_without_home(const char *text, struct complaints *complaints) {
    static char nothing[] = "RUNBOOK_COMPILES=1";
    char **entry = environ;
    while (entry && *entry && !text_starts_with(*entry, "HOME="))
        entry++;
    char *home = entry ? *entry : NULL;
    if (home)
        *entry = nothing;
    jq_state *jq = jq_init();
    if (!jq)
        abort();
    jq_set_error_cb(jq, complaints_hear, complaints);
    jq_set_attr(jq, jv_string("JQ_LIBRARY_PATH"), jv_array());
    int done = jq_compile(jq, text);
    jq_set_error_cb(jq, NULL, NULL);
    if (home)
        *entry = home;
    if (!done)
        jq_teardown(&jq);
    return done ? jq : NULL;
}

void expr_program_free(struct expr_program *program) {
    if (!program)
        return;
    jq_teardown(&program->jq);
    mem_free(program);
}

/* One try; *ret_found is how many expressions turned out to be bad. */
static jq_state *build_try(struct build *build, complaint_report *report, void *user,
                           size_t *ret_found, bool *ret_syntax) {
    struct complaints complaints = {0};
    build_all(build);
    jq_state *jq = compile_without_home(buf_text(&build->text), &complaints);
    if (!jq)
        *ret_found = complaints_settle(&complaints, build->lines.items, build->lines.count, report,
                                       user, ret_syntax);
    complaints_release(&complaints);
    return jq;
}

/* A parse ends at the first mistake: the other expressions are parsed one by one. */
static void build_parse_each(struct build *build, complaint_report *report, void *user) {
    for (size_t i = 0; i < build->count; i++) {
        struct build one = {.exprs = &build->exprs[i],
                            .count = 1,
                            .text = BUF_INIT(PROGRAM_MAX),
                            .parse_only = true};
        size_t found = 0;
        bool syntax = false;
        jq_state *jq = NULL;
        if (!build->exprs[i]->bad)
            jq = build_try(&one, report, user, &found, &syntax);
        if (jq)
            jq_teardown(&jq);
        one.exprs = NULL;
        build_release(&one);
    }
}

/* The expressions of `build` that jq takes become one program: the first try finds a mistake of
 * syntax, another all undefined names, the last is clean. */
static jq_state *build_compile(struct build *build, complaint_report *report, void *user) {
    for (;;) {
        size_t found = 0;
        bool syntax = false;
        jq_state *jq = build_try(build, report, user, &found, &syntax);
        if (jq || !found)
            return jq;
        if (syntax && build->count > 1)
            build_parse_each(build, report, user);
    }
}

/* Each by itself, where jq's message did not say which one it is about. */
static void build_blame(struct build *build, complaint_report *report, void *user) {
    for (size_t i = 0; i < build->count; i++) {
        struct build one = {.exprs = &build->exprs[i], .count = 1, .text = BUF_INIT(PROGRAM_MAX)};
        jq_state *jq = build->exprs[i]->bad ? NULL : build_compile(&one, report, user);
        one.exprs = NULL;
        build_release(&one);
        if (jq) {
            jq_teardown(&jq);
        } else if (!build->exprs[i]->bad) {
            AUTO_ERR err = ERR_INIT;
            expr_fail(build->exprs[i], ERR_INVALID, "jq cannot compile this", &err);
            build->exprs[i]->bad = true;
            if (report)
                report(user, &err);
        }
    }
}

static void set_adopt(struct expr_set *set, struct build *build, jq_state *jq) {
    struct expr_program *program = mem_zalloc(sizeof *program);
    program->jq = jq;
    *vec_add(&set->programs) = program;
    for (size_t i = 0; i < build->count; i++) {
        build->exprs[i]->index = i;
        build->exprs[i]->program = build->exprs[i]->bad ? NULL : program;
    }
}

static void batch_compile(struct expr_set *set, struct build *build, complaint_report *report,
                          void *user) {
    jq_state *jq = build_compile(build, report, user);
    if (!jq) {
        build_blame(build, report, user);
        jq = build_compile(build, report, user);
    }
    if (jq)
        set_adopt(set, build, jq);
}

/* The next that jq must compile, at most one program's worth. */
static void batch_fill(struct expr_set *set, struct build *build) {
    for (build->count = 0; set->compiled < set->exprs.count && build->count < PROGRAM_EXPRS;
         set->compiled++)
        if (set->exprs.items[set->compiled]->kind == EXPR_PROGRAM)
            build->exprs[build->count++] = set->exprs.items[set->compiled];
}

size_t expr_set_compile(struct expr_set *set, complaint_report *report, void *user) {
    struct build build = {.text = BUF_INIT(PROGRAM_MAX)};
    size_t bad = 0;
    build.exprs = mem_calloc(PROGRAM_EXPRS, sizeof(struct expr *));
    while (batch_fill(set, &build), build.count) {
        batch_compile(set, &build, report, user);
        for (size_t i = 0; i < build.count; i++)
            bad += build.exprs[i]->bad;
    }
    build_release(&build);
    return bad;
}

/* What comes out must be what others can walk and print: a program can build values of any depth,
 * and small ones that share their parts so often that printing them never ends. */
static bool value_fits(value v, unsigned depth, size_t *nodes) {
    if (++*nodes > RESULT_NODES || depth > RESULT_DEPTH)
        return false;
    size_t count = value_is(v, VALUE_ARRAY) ? value_count(v) : 0;
    for (size_t i = 0; i < count; i++) {
        AUTO_VALUE item = value_at(v, i);
        if (!value_fits(item, depth + 1, nodes))
            return false;
    }
    value key, item;
    for (size_t i = 0; value_next(v, &i, &key, &item);) {
        bool fits = value_fits(item, depth + 1, nodes);
        value_free(key);
        value_free(item);
        if (!fits)
            return false;
    }
    return true;
}

static int program_error(const struct expr *expr, value message, struct err *err) {
    if (value_is(message, VALUE_STRING))
        return expr_fail(expr, ERR_INVALID, value_text(message), err);
    AUTO_TEXT json = value_is(message, VALUE_NULL) ? mem_strdup("") : value_to_json(message);
    return expr_fail(expr, ERR_INVALID, json, err);
}

static int program_result(const struct expr *expr, value taken, value *ret, struct err *err) {
    if (value_is(taken, VALUE_NONE) && jv_invalid_has_msg(jv_copy(taken))) {
        AUTO_VALUE message = jv_invalid_get_msg(taken);
        return program_error(expr, message, err);
    }
    size_t nodes = 0;
    if (!value_fits(taken, 0, &nodes)) {
        value_free(taken);
        return expr_fail(expr, ERR_LIMIT, "the result is too large or nested too deeply", err);
    }
    *ret = taken;
    return 0;
}

struct evaluation {
    const struct expr *expr;
    value input; /* taken */
    value *ret;
    struct err *err;
    int done;
};

static int evaluation_run(struct evaluation *evaluation) {
    const struct expr *expr = evaluation->expr;
    jq_state *jq = expr->program->jq;
    if (guard_arm(jq, EXPR_LIMIT_MS, evaluation->err) < 0) {
        value_free(evaluation->input);
        return -1;
    }
    jq_start(jq, evaluation->input, 0);
    value result = jq_next(jq);
    enum guard_end end = guard_disarm();
    /* Lets go of the data, which the state would keep until it is started again. */
    jq_start(jq, jv_null(), 0);
    if (end == GUARD_DONE)
        return program_result(expr, result, evaluation->ret, evaluation->err);
    value_free(result);
    if (end == GUARD_TIME)
        return expr_fail(expr, ERR_TIMEOUT, "ran longer than 2 s and was ended", evaluation->err);
    return expr_fail(expr, ERR_LIMIT, "took more than 512 MiB of memory and was ended",
                     evaluation->err);
}

static void evaluation_work(void *user) {
    struct evaluation *evaluation = user;
    evaluation->done = evaluation_run(evaluation);
}

int expr_run_program(const struct expr *expr, value input_taken, value *ret, struct err *err) {
    struct evaluation evaluation = {.expr = expr, .input = input_taken, .ret = ret, .err = err};
    deep_call(evaluation_work, &evaluation);
    return evaluation.done;
}
