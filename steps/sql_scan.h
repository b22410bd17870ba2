/* Inside the module "sql": a script's tokens, before it is parsed. */
#ifndef STEPS_SQL_SCAN_H
#define STEPS_SQL_SCAN_H

#include <pg_query/pg_query.pb-c.h>

#include "base/vec.h"
#include "sql_effect.h"

/* A `:name` in the script: bytes [start, end). */
struct sql_use {
    size_t start, end;
    size_t argument; /* index into the script's arguments */
};

struct sql_scan {
    PgQuery__ScanResult *result;
    VEC(struct sql_use) uses; /* in order */
    /* No tree of it is deeper than this: each level needs a token between two commas. */
    size_t depth;
};

/* Finds the arguments and refuses psql's own commands. */
int sql_scan(const char *text, size_t length, struct sql_scan *ret, struct sql_script *script,
             struct err *err) MUST_USE;
void sql_scan_release(struct sql_scan *scan);

/* PostgreSQL's message about the character number `cursor` (from 1; 0: unknown). Always -1. */
int sql_error(const char *text, size_t length, const char *message, int cursor, struct err *err);

#endif
