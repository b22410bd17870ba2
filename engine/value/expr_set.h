/* What expr.c, expr_program.c and expr_ask.c share: the bodies of a set and its expressions. */
#ifndef VALUE_EXPR_SET_H
#define VALUE_EXPR_SET_H

#include <jq.h>

#include "base/vec.h"
#include "value/expr.h"
#include "value/lex.h"

enum expr_kind {
    EXPR_LITERAL, /* `literal` is what it yields */
    EXPR_PATH,    /* `steps` from `.` or, with `of_run`, from `$run` */
    EXPR_PROGRAM, /* number `index` of `program` */
};

struct expr_step {
    value key;     /* a string or a number */
    bool optional; /* `?`: an error yields nothing */
};

struct expr_program {
    jq_state *jq;
};

struct expr {
    enum expr_kind kind;
    char *text;
    size_t length;
    struct lex_origin origin;
    value literal;
    VEC(struct expr_step) steps;
    const char **keys; /* of the steps up to the first index; borrowed from their values */
    size_t key_count;
    bool of_run;
    bool uses_run;
    bool bad; /* jq refused it */
    size_t index;
    struct expr_program *program; /* NULL until it is compiled */
};

struct expr_set {
    VEC(struct expr *) exprs;
    size_t compiled; /* how many of `exprs` the last compile has seen */
    VEC(struct expr_program *) programs;
};

/* As expr_add, for a text whose later lines start at another column than it does itself. */
int expr_add_inside(struct expr_set *set, const char *text, size_t length,
                    const struct lex_origin *origin, struct expr **ret, struct err *err) MUST_USE;

int expr_run_program(const struct expr *expr, value input_taken, value *ret,
                     struct err *err) MUST_USE;
/* The message of an evaluation: "`TEXT`: what", at the expression. */
int expr_fail(const struct expr *expr, enum err_kind kind, const char *what, struct err *err);
void expr_program_free(struct expr_program *program);

#endif
