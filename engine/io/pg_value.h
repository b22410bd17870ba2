/* Rows as values, so that no digit is lost. */
#ifndef IO_PG_VALUE_H
#define IO_PG_VALUE_H

#include <libpq-fe.h>

#include "value/value.h"

/* The keys of a result's columns: a name that was there before gets `_2`, `_3`, … */
struct pg_columns {
    char **keys;
    int count;
};
void pg_columns_init(struct pg_columns *columns, const PGresult *result);
void pg_columns_release(struct pg_columns *columns);

/* A row as an object; adds to *bytes about what it takes in memory. */
value pg_row_value(const struct pg_columns *columns, const PGresult *result, int row,
                   size_t *bytes);

#endif
