#include "io/pg_pool.h"

#include "base/mem.h"
#include "base/text.h"
#include "io/pg_error.h"

#define POOL_LIMIT 4
#define SETTINGS_MAX 5

enum lease_state { LEASE_OPENING, LEASE_IDLE, LEASE_BUSY, LEASE_RESETTING };

struct pg_lease {
    struct pg_pool *pool;
    struct pg_lease *next;
    struct pg_link *link;
    enum lease_state state;
    char *server;
    struct pg_waiter *waiter; /* for whom it is being opened; NULL: nobody any more */
    struct pg_op op;
    struct err err; /* of the settings or the reset */
};

struct pg_pool {
    struct pg_pool *next;
    struct loop *loop;
    char *url, *name, *way, *entry;
    struct pg_target target; /* its texts are the pool's */
    /* The session's settings: `SELECT set_config(…), …` and its parameters. Not the URL's
     * options, since poolers refuse those; DISCARD ALL takes them away, too. */
    char *settings;
    char *values[SETTINGS_MAX];
    size_t value_count;
    int64_t limit, open;
    struct pg_lease *leases;
    struct pg_waiter *queue, **queue_end;
};

struct pools {
    struct pg_pool *first;
};

struct pg_link *pg_lease_link(struct pg_lease *lease) {
    return lease->link;
}

const char *pg_lease_server(const struct pg_lease *lease) {
    return lease->server;
}

void pg_lease_set_server(struct pg_lease *lease, const char *server) {
    mem_free(lease->server);
    lease->server = mem_strdup(server);
}

/* ---- pools -------------------------------------------------------------------------------- */

static void lease_free(struct pg_lease *lease) {
    pg_link_close(lease->link);
    err_release(&lease->err);
    mem_free(lease->server);
    mem_free(lease);
}

static void pool_free(struct pg_pool *pool) {
    while (pool->leases) {
        struct pg_lease *lease = pool->leases;
        pool->leases = lease->next;
        lease_free(lease);
    }
    mem_wipe_free(pool->url, strlen(pool->url));
    mem_free(pool->name);
    mem_free(pool->way);
    mem_free(pool->entry);
    mem_free((void *)(uintptr_t)pool->target.role);
    mem_free(pool->settings);
    for (size_t i = 0; i < pool->value_count; i++)
        mem_free(pool->values[i]);
    mem_free(pool);
}

static void pools_free(void *object) {
    struct pools *pools = object;
    while (pools->first) {
        struct pg_pool *pool = pools->first;
        pools->first = pool->next;
        pool_free(pool);
    }
    mem_free(pools);
}

static bool pool_fits(const struct pg_pool *pool, const struct pg_target *target) {
    return text_equal(pool->url, target->url) && text_equal(pool->way, target->way) &&
           text_equal(pool->target.role, target->role) &&
           pool->target.statement_timeout_ms == target->statement_timeout_ms &&
           pool->target.lock_timeout_ms == target->lock_timeout_ms &&
           pool->target.connect_timeout_ms == target->connect_timeout_ms;
}

static void pool_setting(struct pg_pool *pool, const char *name, char *taken) {
    pool->values[pool->value_count++] = taken;
    char *more = mem_printf("%s%s pg_catalog.set_config('%s', $%zu, false)",
                            pool->settings ? pool->settings : "SELECT", pool->settings ? "," : "",
                            name, pool->value_count);
    mem_free(pool->settings);
    pool->settings = more;
}

static struct pg_pool *pool_new(struct loop *loop, const struct pg_target *target) {
    struct pg_pool *pool = mem_zalloc(sizeof *pool);
    pool->loop = loop;
    pool->target = *target;
    pool->url = mem_strdup(target->url ? target->url : "");
    pool->name = mem_strdup(target->name ? target->name : "");
    pool->target.url = pool->url;
    pool->target.name = pool->name;
    pool->target.role = target->role ? mem_strdup(target->role) : NULL;
    pool->way = target->way ? mem_strdup(target->way) : NULL;
    pool->target.way = pool->way;
    pool->target.entry = NULL;
    pool->queue_end = &pool->queue;
    pool->limit = target->pool > 0 ? target->pool : POOL_LIMIT;
    /* steps/sql_effect reads strings so; a database may have been told otherwise. */
    pool_setting(pool, "standard_conforming_strings", mem_strdup("on"));
    pool_setting(pool, "extra_float_digits", mem_strdup("3"));
    if (target->statement_timeout_ms > 0)
        pool_setting(pool, "statement_timeout",
                     mem_printf("%lld", (long long)target->statement_timeout_ms));
    if (target->lock_timeout_ms > 0)
        pool_setting(pool, "lock_timeout", mem_printf("%lld", (long long)target->lock_timeout_ms));
    if (target->role)
        pool_setting(pool, "role", mem_strdup(target->role));
    return pool;
}

static struct pg_pool *pool_find(struct loop *loop, const struct pg_target *target) {
    struct pools *pools = loop_slot_get(loop, LOOP_SLOT_PG);
    if (!pools) {
        pools = mem_zalloc(sizeof *pools);
        loop_slot_set(loop, LOOP_SLOT_PG, pools, pools_free);
    }
    for (struct pg_pool *pool = pools->first; pool; pool = pool->next)
        if (pool_fits(pool, target))
            return pool;
    struct pg_pool *pool = pool_new(loop, target);
    pool->next = pools->first;
    pools->first = pool;
    return pool;
}

/* The tunnel that was opened last is the one that is most likely still there. */
static void pool_lead(struct pg_pool *pool, const struct pg_target *target) {
    if (!target->entry || text_equal(pool->entry, target->entry))
        return;
    mem_free(pool->entry);
    pool->entry = mem_strdup(target->entry);
    pool->target.entry = pool->entry;
}

static void pool_serve(struct pg_pool *pool);

static void lease_drop(struct pg_lease *lease) {
    struct pg_pool *pool = lease->pool;
    struct pg_lease **at = &pool->leases;
    while (*at != lease)
        at = &(*at)->next;
    *at = lease->next;
    pool->open--;
    lease_free(lease);
}

/* ---- opening and resetting ---------------------------------------------------------------- */

/* The end of a lease's own work: it serves the one it was opened for, or whoever waits. */
static void lease_settled(struct pg_lease *lease) {
    struct pg_pool *pool = lease->pool;
    struct pg_waiter *waiter = lease->waiter;
    lease->waiter = NULL;
    if (lease->err.kind) {
        AUTO_ERR err = ERR_INIT;
        err_move(&err, &lease->err);
        lease_drop(lease);
        if (waiter)
            waiter->ready(waiter->user, NULL, &err);
    } else if (waiter) {
        lease->state = LEASE_BUSY;
        waiter->lease = NULL;
        waiter->ready(waiter->user, lease, NULL);
    } else {
        lease->state = LEASE_IDLE;
    }
    pool_serve(pool);
}

static void op_result(void *user, size_t op, const PGresult *result) {
    struct pg_lease *lease = user;
    (void)op;
    if (PQresultStatus(result) == PGRES_FATAL_ERROR && !lease->err.kind)
        (void)pg_error_result(result, &lease->err);
}

static void settings_end(void *user, bool lost) {
    struct pg_lease *lease = user;
    if (lease->err.kind && lost)
        lease->err.kind = ERR_UNREACHABLE; /* the server's last words */
    if (lease->err.kind)
        err_wrap(&lease->err, "database \"%s\" refused the session's settings", lease->pool->name);
    else if (lost)
        err_set(&lease->err, ERR_UNREACHABLE, "database \"%s\" closed the connection",
                lease->pool->name);
    lease_settled(lease);
}

static const struct pg_sink settings_sink = {.result = op_result, .end = settings_end};

static void lease_settings(struct pg_lease *lease) {
    lease->op = (struct pg_op){
        .text = lease->pool->settings,
        .values = (const char *const *)lease->pool->values,
        .value_count = lease->pool->value_count,
    };
    pg_link_send(lease->link, &lease->op, 1, &settings_sink, lease);
}

static void lease_opened(void *user, struct err *err) {
    struct pg_lease *lease = user;
    if (!err) {
        lease_settings(lease);
        return;
    }
    err_move(&lease->err, err);
    lease_settled(lease);
}

static void discard_end(void *user, bool lost) {
    struct pg_lease *lease = user;
    if (lost && !lease->err.kind)
        err_set(&lease->err, ERR_UNREACHABLE, "the connection was lost");
    if (lease->err.kind)
        lease_settled(lease);
    else
        lease_settings(lease);
}

static const struct pg_sink discard_sink = {.result = op_result, .end = discard_end};

/* ---- serving ------------------------------------------------------------------------------ */

static struct pg_lease *pool_idle(struct pg_pool *pool) {
    struct pg_lease *next = NULL;
    for (struct pg_lease *lease = pool->leases; lease; lease = next) {
        next = lease->next;
        if (lease->state != LEASE_IDLE)
            continue;
        if (pg_link_alive(lease->link))
            return lease;
        lease_drop(lease);
    }
    return NULL;
}

/* Those that will be free in a moment: opening another would take longer. */
static int64_t pool_resetting(const struct pg_pool *pool) {
    int64_t count = 0;
    for (const struct pg_lease *lease = pool->leases; lease; lease = lease->next)
        count += lease->state == LEASE_RESETTING;
    return count;
}

static int64_t pool_waiting(const struct pg_pool *pool) {
    int64_t count = 0;
    for (const struct pg_waiter *waiter = pool->queue; waiter; waiter = waiter->next)
        count++;
    return count;
}

static void pool_open(struct pg_pool *pool, struct pg_waiter *waiter) {
    struct pg_lease *lease = mem_zalloc(sizeof *lease);
    lease->pool = pool;
    lease->next = pool->leases;
    lease->state = LEASE_OPENING;
    lease->waiter = waiter;
    pool->leases = lease;
    pool->open++;
    waiter->lease = lease;
    lease->link = pg_link_open(pool->loop, &pool->target, lease_opened, lease);
}

static struct pg_waiter *pool_next(struct pg_pool *pool) {
    struct pg_waiter *waiter = pool->queue;
    pool->queue = waiter->next;
    if (!pool->queue)
        pool->queue_end = &pool->queue;
    waiter->next = NULL;
    return waiter;
}

static void pool_serve(struct pg_pool *pool) {
    while (pool->queue) {
        struct pg_lease *lease = pool_idle(pool);
        if (lease) {
            struct pg_waiter *waiter = pool_next(pool);
            lease->state = LEASE_BUSY;
            waiter->ready(waiter->user, lease, NULL);
        } else if (pool->open < pool->limit && pool_resetting(pool) < pool_waiting(pool)) {
            pool_open(pool, pool_next(pool));
        } else {
            break;
        }
    }
}

void pg_pool_acquire(struct loop *loop, const struct pg_target *target, struct pg_waiter *waiter) {
    struct pg_pool *pool = pool_find(loop, target);
    pool_lead(pool, target);
    *pool->queue_end = waiter;
    pool->queue_end = &waiter->next;
    waiter->next = NULL;
    waiter->pool = pool;
    waiter->lease = NULL;
    pool_serve(pool);
}

void pg_pool_abandon(struct pg_waiter *waiter) {
    struct pg_pool *pool = waiter->pool;
    if (waiter->lease) {
        lease_drop(waiter->lease);
        waiter->lease = NULL;
        pool_serve(pool);
        return;
    }
    struct pg_waiter **at = &pool->queue;
    while (*at && *at != waiter)
        at = &(*at)->next;
    if (!*at)
        return;
    *at = waiter->next;
    if (pool->queue_end == &waiter->next)
        pool->queue_end = at;
}

void pg_pool_release(struct pg_lease *lease, enum pg_return how) {
    struct pg_pool *pool = lease->pool;
    pg_link_on_notice(lease->link, NULL, NULL);
    if (how == PG_RETURN_DROP || pg_link_tainted(lease->link)) {
        lease_drop(lease);
    } else if (how == PG_RETURN_CLEAN) {
        lease->state = LEASE_IDLE;
    } else {
        lease->state = LEASE_RESETTING;
        lease->op = (struct pg_op){.text = "DISCARD ALL"};
        pg_link_send(lease->link, &lease->op, 1, &discard_sink, lease);
    }
    pool_serve(pool);
}
