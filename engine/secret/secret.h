/* Secrets: values that are held, wiped when freed, and known to the redactor. */
#ifndef SECRET_SECRET_H
#define SECRET_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#include "value/value.h"

#define SECRET_MIN_LENGTH 8

struct secrets;
struct secrets *secrets_new(void);
void secrets_free(struct secrets *secrets); /* wipes every value */

/* Copies the bytes. Too short a value is an error unless `allow_short`; an empty one always. */
int secrets_add(struct secrets *secrets, const char *name, const char *bytes, size_t length,
                bool allow_short, struct err *err) MUST_USE;
/* Borrowed; NULL where unknown. */
const char *secrets_get(const struct secrets *secrets, const char *name, size_t *ret_length);
size_t secrets_count(const struct secrets *secrets);
void secrets_each(const struct secrets *secrets,
                  void (*each)(void *user, const char *name, const char *bytes, size_t length),
                  void *user);

#endif
