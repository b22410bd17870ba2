/* What a script yields: the rows of its last statement that has any, and each command's tag. */
#ifndef IO_PG_ROWS_H
#define IO_PG_ROWS_H

#include "io/pg_value.h"

struct pg_rows {
    value rows, commands;
    int64_t count;
    size_t bytes, ceiling;
    bool has_rows; /* some statement yielded rows: `count` is theirs */
    bool is_open;  /* rows of the present statement have come */
    struct pg_columns columns;
};
void pg_rows_init(struct pg_rows *rows, size_t ceiling);
void pg_rows_release(struct pg_rows *rows);
/* -1 where the ceiling is passed; the rows of that statement are gone then. */
int pg_rows_add(struct pg_rows *rows, const PGresult *result, struct err *err) MUST_USE;
/* The end of a statement that succeeded. */
void pg_rows_end(struct pg_rows *rows, const PGresult *result);

#endif
