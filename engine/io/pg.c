#include "io/pg.h"

#include "base/mem.h"
#include "io/module.h"
#include "io/pg_module.h"

/* A query on a machine without libpq: it only tells why. */
struct pg_refusal {
    struct err err;
    void (*done)(void *user, struct pg_response *response, struct err *err);
    void *user;
};

static const struct pg_module *pg_module(struct err *err) {
    return MODULE_LOAD(pg, err);
}

static void pg_refuse(void *user) {
    struct pg_refusal *refusal = user;
    struct pg_response response = {
        .rows = value_array(),
        .commands = value_array(),
        .failed = PG_NO_STATEMENT,
    };
    refusal->done(refusal->user, &response, &refusal->err);
    value_free(response.rows);
    value_free(response.commands);
    err_release(&refusal->err);
    mem_free(refusal);
}

struct pg_query *pg_start(struct loop *loop, const struct pg_spec *spec,
                          void (*done)(void *user, struct pg_response *response, struct err *err),
                          void *user) {
    AUTO_ERR err = ERR_INIT;
    const struct pg_module *module = pg_module(&err);
    if (module)
        return module->start(loop, spec, done, user);

    struct pg_refusal *refusal = mem_zalloc(sizeof *refusal);
    refusal->done = done;
    refusal->user = user;
    err_move(&refusal->err, &err);
    loop_defer(loop, pg_refuse, refusal);
    return (struct pg_query *)refusal;
}

void pg_go(struct pg_query *query) {
    const struct pg_module *module = pg_module(NULL);
    if (module)
        module->go(query);
}

/* Without the module the query is a refusal that is about to be reported anyway. */
void pg_cancel(struct pg_query *query, int64_t grace_ms, bool timed_out) {
    const struct pg_module *module = pg_module(NULL);
    if (module)
        module->cancel(query, grace_ms, timed_out);
}

int pg_check_url(const char *url, struct err *err) {
    const struct pg_module *module = pg_module(err);
    return module ? module->check_url(url, err) : -1;
}

int pg_place_init(const char *url, struct pg_place *ret, struct err *err) {
    const struct pg_module *module = pg_module(err);
    *ret = (struct pg_place){0};
    return module ? module->place(url, ret, err) : -1;
}

void pg_place_release(struct pg_place *place) {
    mem_free(place->host);
    mem_free(place->port);
    *place = (struct pg_place){0};
}
