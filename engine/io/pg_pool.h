/* A bounded pool of connections a target (URL, way, role, time limits), on the loop. Idle ones are
 * kept for the next step until loop_free. */
#ifndef IO_PG_POOL_H
#define IO_PG_POOL_H

#include "io/pg_link.h"

struct pg_lease; /* a connection while somebody has it, or is about to get it */

/* What the pool borrows of one who waits, inside the waiter's own struct. */
struct pg_waiter {
    /* Called once from the loop with a lease or an error. */
    void (*ready)(void *user, struct pg_lease *lease, struct err *err);
    void *user;
    struct pg_waiter *next;
    struct pg_pool *pool;
    struct pg_lease *lease; /* being opened for it; NULL while it stands in the queue */
};

/* May call `ready` before it returns: not from where that would surprise. */
void pg_pool_acquire(struct loop *loop, const struct pg_target *target, struct pg_waiter *waiter);
/* It no longer waits; `ready` is not called. */
void pg_pool_abandon(struct pg_waiter *waiter);

enum pg_return {
    PG_RETURN_CLEAN, /* the session is as it was */
    PG_RETURN_USED,  /* statements may have changed the session: DISCARD ALL before the next */
    PG_RETURN_DROP,  /* not to be used again */
};
void pg_pool_release(struct pg_lease *lease, enum pg_return how);

struct pg_link *pg_lease_link(struct pg_lease *lease);
/* What was last asked about the server at its other end, for those who come later; NULL: nobody
 * has asked. The text is copied. */
const char *pg_lease_server(const struct pg_lease *lease);
void pg_lease_set_server(struct pg_lease *lease, const char *server);

#endif
