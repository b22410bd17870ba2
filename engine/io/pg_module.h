/* What the module "pg" exports: engine/io/pg.c forwards to it. */
#ifndef IO_PG_MODULE_H
#define IO_PG_MODULE_H

#include "io/pg.h"

struct pg_module {
    struct pg_query *(*start)(struct loop *loop, const struct pg_spec *spec,
                              void (*done)(void *user, struct pg_response *response,
                                           struct err *err),
                              void *user);
    void (*go)(struct pg_query *query);
    void (*cancel)(struct pg_query *query, int64_t grace_ms, bool timed_out);
    int (*check_url)(const char *url, struct err *err);
    int (*place)(const char *url, struct pg_place *ret, struct err *err);
};

#endif
