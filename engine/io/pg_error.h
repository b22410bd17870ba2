/* libpq's errors as ours: which database, where, why; never a password. */
#ifndef IO_PG_ERROR_H
#define IO_PG_ERROR_H

#include <libpq-fe.h>

#include "base/err.h"

/* A server's answer that is an error. Always -1. */
int pg_error_result(const PGresult *result, struct err *err);
/* A connection that failed or was lost; `what` begins the message,
 * unless it is NULL. Always -1. */
int pg_error_connection(const PGconn *connection, const char *what, struct err *err);
/* "host db1, port 5432" or "socket /run/postgresql, port 5432". The caller frees. */
char *pg_error_place(const PGconn *connection);

#endif
