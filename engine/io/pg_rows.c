#include "io/pg_rows.h"

#include "base/mem.h"
#include "base/text.h"

#define COMMANDS_CEILING 1000
#define ROWS_CEILING ((size_t)64 << 20)

void pg_rows_init(struct pg_rows *rows, size_t ceiling) {
    *rows = (struct pg_rows){
        .rows = value_array(),
        .commands = value_array(),
        .ceiling = ceiling ? ceiling : ROWS_CEILING,
    };
}

void pg_rows_release(struct pg_rows *rows) {
    value_free(rows->rows);
    value_free(rows->commands);
    pg_columns_release(&rows->columns);
}

static void rows_open(struct pg_rows *rows, const PGresult *result) {
    value_free(rows->rows);
    rows->rows = value_array();
    rows->count = 0;
    rows->bytes = 0;
    rows->has_rows = true;
    rows->is_open = true;
    pg_columns_release(&rows->columns);
    pg_columns_init(&rows->columns, result);
}

int pg_rows_add(struct pg_rows *rows, const PGresult *result, struct err *err) {
    if (!rows->is_open)
        rows_open(rows, result);
    if (rows->bytes > rows->ceiling)
        return -1; /* said before; what still arrives is dropped */
    for (int row = 0; row < PQntuples(result); row++) {
        rows->rows =
            value_append(rows->rows, pg_row_value(&rows->columns, result, row, &rows->bytes));
        rows->count++;
    }
    if (rows->bytes <= rows->ceiling)
        return 0;
    AUTO_TEXT ceiling = text_show_size((int64_t)rows->ceiling);
    err_set(err, ERR_LIMIT, "its rows take more than %s of memory, after %lld of them", ceiling,
            (long long)rows->count);
    value_free(rows->rows);
    rows->rows = value_array();
    return err_hint(err, "select fewer rows or columns, add a LIMIT, or let the database count");
}

void pg_rows_end(struct pg_rows *rows, const PGresult *result) {
    if (PQresultStatus(result) == PGRES_TUPLES_OK && !rows->is_open)
        rows_open(rows, result); /* none came */
    rows->is_open = false;
    const char *changed = PQcmdTuples((PGresult *)(uintptr_t)result);
    if (!rows->has_rows)
        rows->count = changed && *changed ? strtoll(changed, NULL, 10) : 0;
    if (value_count(rows->commands) >= COMMANDS_CEILING)
        return;
    rows->commands =
        value_append(rows->commands, value_string(PQcmdStatus((PGresult *)(uintptr_t)result)));
}
