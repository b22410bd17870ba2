/* Within the step type `sql`: its fields, and its script. */
#ifndef STEPS_SQL_STEP_H
#define STEPS_SQL_STEP_H

#include "io/pg.h"
#include "sql_effect.h"
#include "step.h"

struct sql_fields {
    struct code statements;
    const char *file;
    int transaction; /* enum sql_transaction */
    struct field_map args;
};

enum sql_transaction { SQL_UNSAID, SQL_ONE, SQL_EACH, SQL_NONE };

enum pg_transaction sql_transaction(const struct sql_fields *fields);

/* The text of a step and what the parser says of it. */
struct sql_source {
    const struct sql_fields *fields;
    const char *text;
    size_t length;
    char *file_text; /* NULL where the text stands in the runbook */
    struct sql_parsed *parsed;
    const struct sql_script *script; /* of `parsed` */
    bool reads;                      /* all of it: it runs in READ ONLY transactions */
};
/* An error has its place in the runbook or in the script's file. */
int sql_source_init(struct sql_source *source, const struct sql_fields *fields,
                    struct err *err) MUST_USE;
void sql_source_release(struct sql_source *source);
/* Where a byte of the text stands in its file. */
struct span sql_source_span(const struct sql_source *source, size_t offset, size_t length);
/* The index of the argument in `args`, or -1. */
int64_t sql_argument_index(const struct sql_fields *fields, const char *name);

enum effect sql_effect(const void *spec);
void sql_check(const void *spec, const struct step_check *check);
void sql_plan(const void *spec, const struct step_plan *plan);

#endif
