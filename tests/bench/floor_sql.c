/* The least that statements cost: libpq on one connection, one after the other, their rows fetched.
 * floor_sql URL COUNT */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
    if (argc != 3)
        return fputs("usage: floor_sql URL COUNT\n", stderr), 2;
    long count = strtol(argv[2], NULL, 10), bad = 0;
    PGconn *link = PQconnectdb(argv[1]);
    if (PQstatus(link) != CONNECTION_OK)
        return fputs(PQerrorMessage(link), stderr), 1;
    for (long i = 0; i < count; i++) {
        PGresult *result = PQexecParams(link, "SELECT 1 AS one", 0, NULL, NULL, NULL, NULL, 0);
        bad += PQresultStatus(result) != PGRES_TUPLES_OK || PQgetvalue(result, 0, 0)[0] != '1';
        PQclear(result);
    }
    PQfinish(link);
    return bad ? 1 : 0;
}
