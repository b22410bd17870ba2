/* What an outline says in many places, gathered for people: the same for text and page. */
#ifndef REPORT_OUTLINE_SUM_H
#define REPORT_OUTLINE_SUM_H

#include "value/value.h"

/* Calls back for each step, also those that stand in others, in the order of the plan. `phase` is
 * "run" or "finally". */
void outline_each_step(value outline, void (*each)(void *user, const char *phase, value step),
                       void *user);

/* Each takes the whole outline and yields an array, owned, in the order of the plan. Steps that are
 * left out count nowhere. */
value outline_gates(value outline);     /* the steps that ask people */
value outline_rollbacks(value outline); /* the steps that have one */
value outline_losses(value outline);    /* {path, what: names}: what statements may destroy */
value outline_locks(value outline);     /* {path, what: texts}: held by the run, by steps, by SQL */
/* {from, steps: paths}: what is known at run time only, and who waits for it. */
value outline_unknown(value outline);

value outline_loss_names(value step);                   /* of one step; owned */
int64_t outline_integer(value object, const char *key); /* 0 where it is none */
bool outline_has(value object, const char *key);
/* "2 of dba, lead", "anybody", "a person, by hand"; of a gate; the caller frees. */
char *outline_openers(value gate);
/* "the environment variable TOKEN", "the file x", "the command pass show x"; the caller frees. */
char *outline_secret_source(value secret);
/* What it does in one line: its title, or else its first line; the caller frees. */
char *outline_gist(value step);

#endif
