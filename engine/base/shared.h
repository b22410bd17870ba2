/* Bytes that several hold and nobody changes, such as a file of 10 MB that was read once. Of one
 * thread. */
#ifndef BASE_SHARED_H
#define BASE_SHARED_H

#include <stddef.h>

struct shared;
/* Held once; takes `bytes`. */
struct shared *shared_new(char *bytes_taken, size_t length);
struct shared *shared_hold(struct shared *shared);
/* The last one frees it; NULL is legal. */
void shared_release(struct shared *shared);
const char *shared_bytes(const struct shared *shared);
size_t shared_length(const struct shared *shared);

#endif
