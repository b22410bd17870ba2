/* A database URL taken apart, with host names resolved off the loop: PQconnectPoll itself would
 * block in getaddrinfo. */
#ifndef IO_PG_ADDRESS_H
#define IO_PG_ADDRESS_H

#include <stdbool.h>

#include "base/err.h"
#include "io/pg.h"

struct pg_address;
/* Reports form only; neither message nor hint quotes the URL, which may hold a password. */
int pg_address_new(const char *url, struct pg_address **ret, struct err *err) MUST_USE;
void pg_address_free(struct pg_address *address); /* wipes it; NULL is legal */

/* Refused where it is not one place that ssh could lead to. */
int pg_address_place(const struct pg_address *address, struct pg_place *ret,
                     struct err *err) MUST_USE;
/* It leads to pg_place by a tunnel that begins at `entry`. A port stands for the address only: the
 * name stays the one that the certificate must carry. */
void pg_address_lead(struct pg_address *address, const char *entry);

/* Whether host names stand in it; asks nobody. */
bool pg_address_has_names(const struct pg_address *address);
/* Blocks: for a worker thread. Each name becomes all its addresses. A failure is kept. */
void pg_address_resolve(struct pg_address *address);
/* The failure of resolving, or success. */
int pg_address_check(const struct pg_address *address, struct err *err) MUST_USE;

/* NULL-terminated, for PQconnectStartParams. */
const char *const *pg_address_keywords(const struct pg_address *address);
const char *const *pg_address_values(const struct pg_address *address);

#endif
