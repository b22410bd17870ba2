/* What jq says about a program that it does not take, put into the words and places of the
 * expressions that it was made from. */
#ifndef VALUE_COMPLAINT_H
#define VALUE_COMPLAINT_H

#include <jv.h>

#include "value/expr_set.h"

typedef void complaint_report(void *user, struct err *err);

/* The word that stands on a line of the program; `token` is the count of tokens behind the last
 * one; `expr` NULL where no expression's text stands. */
struct complaint_line {
    const struct expr *expr;
    size_t token;
};

struct complaints {
    VEC(char *) texts;
};

/* A jq_msg_cb: keeps the message; takes it. `user` is the struct complaints. */
void complaints_hear(void *user, jv message_taken);
/* Marks the expressions at fault as bad and reports each; returns how many new ones it found,
 * and whether one was a mistake of syntax, behind which there may be others. */
size_t complaints_settle(const struct complaints *complaints, const struct complaint_line *lines,
                         size_t line_count, complaint_report *report, void *user, bool *ret_syntax);
void complaints_release(struct complaints *complaints);

#endif
