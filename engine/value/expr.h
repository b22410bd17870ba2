/* Expressions: jq, compiled together, with plain paths walked without it.
 *
 * `.params.env` and `.steps.a.outputs["x"][0]` are paths and never load libjq's built-ins; all
 * other expressions of a set become one jq program, or a few, compiled once. An evaluation ends
 * after EXPR_LIMIT_MS, or when the process has grown by 512 MiB, with an error; only a single
 * built-in function that takes long is waited for. What reads the environment, the input or
 * modules, and what prints or halts, is refused when an expression is added; ~/.jq is not read. One
 * thread at a time may evaluate. */
#ifndef VALUE_EXPR_H
#define VALUE_EXPR_H

#include <stdbool.h>
#include <stddef.h>

#include "value/value.h"

#define EXPR_LIMIT_MS 2000

struct expr;
struct expr_set;

struct expr_set *expr_set_new(void);
void expr_set_free(struct expr_set *set); /* and all its expressions */
size_t expr_set_count(const struct expr_set *set);

/* Adds an expression whose first character stands at `at` (borrowed file name); the columns of
 * its later lines count from at.column too, which is right in block scalars. Empty text,
 * unbalanced brackets, open strings, characters that jq does not know and built-ins that are shut
 * off are refused here, with the span of what is wrong. Text is at most 64 KiB. */
int expr_add(struct expr_set *set, const char *text, size_t length, struct span at,
             struct expr **ret, struct err *err) MUST_USE;

/* Compiles all that were added; each bad one is reported with a span that points at the word at
 * fault where jq names it. Returns how many were bad. May be called again after more were added.
 * A set of paths only returns at once. */
size_t expr_set_compile(struct expr_set *set, void (*report)(void *user, struct err *err),
                        void *user);

/* What `.` and `$run` are while an expression is evaluated. */
struct expr_input {
    /* The member of `.` called `key`, owned by the caller of get; VALUE_NONE where absent. With
     * `key` NULL the whole `.`: asked for only when jq itself runs. */
    value (*get)(void *user, const char *key);
    /* `$run`, asked for only when the expression mentions it; NULL where `.` is the run. */
    value (*run)(void *user);
    /* What stands in a template in place of what the expression yielded, which it takes; NULL: that
     * itself. */
    value (*yielded)(void *user, const struct expr *expr, value yielded_taken);
    void *user;
    int64_t now_ns; /* what jq's `now` yields; 0: the wall clock */
};

/* The first result; an empty result is VALUE_NONE with success. Errors stand at the expression
 * and begin with its text; ERR_TIMEOUT and ERR_LIMIT where it was ended. A result nested deeper
 * than 256 or of more than five million values is an error, so that it can be walked. */
int expr_eval(const struct expr *expr, const struct expr_input *input, value *ret,
              struct err *err) MUST_USE;
/* As expr_eval, as jq's truth. */
int expr_test(const struct expr *expr, const struct expr_input *input, bool *ret,
              struct err *err) MUST_USE;

/* An input whose `.` is one value, for expect, outputs and retry.when. `run` may be NULL. */
struct expr_dot {
    value dot; /* borrowed */
    const struct expr_input *run;
};
struct expr_input expr_input_dot(struct expr_dot *dot);

const char *expr_text(const struct expr *expr); /* as written; lives as long as the set */
struct span expr_span(const struct expr *expr);

/* Static questions, for check and plan. */
bool expr_is_path(const struct expr *expr);
/* For a path: its keys up to the first index, e.g. "steps","a","outputs"; returns the count. */
size_t expr_path(const struct expr *expr, const char *const **ret_keys);
/* Whether it may look at `.root`: a path that begins so, or a program that names it or could
 * reach it (`.` alone, `..`, to_entries, …). Errs on the side of true. */
bool expr_mentions(const struct expr *expr, const char *root);
/* The same of `$run` alone, where `.` is a step's result. */
bool expr_run_mentions(const struct expr *expr, const char *root);
/* Calls back for each `.root.NAME` the text names. */
void expr_each_member(const struct expr *expr, const char *root,
                      void (*found)(void *user, const char *name, size_t length), void *user);

#endif
