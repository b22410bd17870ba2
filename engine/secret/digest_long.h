/* SHA-256 of what may be very long: hashed in a thread of its own while more comes. */
#ifndef SECRET_DIGEST_LONG_H
#define SECRET_DIGEST_LONG_H

#include "secret/digest.h"

#define DIGEST_LONG_FROM ((size_t)4 << 20)  /* bytes that are hashed here and now */
#define DIGEST_LONG_PIECE ((size_t)1 << 20) /* bytes that a thread is given; two are kept */

struct digest_long;
struct digest_long *digest_long_new(void);
void digest_long_free(struct digest_long *digest);
/* Copies what it does not hash at once. Waits where the thread is more than a piece behind. */
void digest_long_update(struct digest_long *digest, const void *bytes, size_t length);
/* Waits for the thread; writes lower-case hex and makes the object ready for the next message. */
void digest_long_finish(struct digest_long *digest, char ret[DIGEST_TEXT_SIZE]);

#endif
