/* SHA-256 by libcrypto. */
#ifndef SECRET_DIGEST_H
#define SECRET_DIGEST_H

#include <stddef.h>

#define DIGEST_BYTES 32
#define DIGEST_TEXT_SIZE 65 /* 64 hex digits and NUL */

struct digest;
struct digest *digest_new(void);
void digest_free(struct digest *digest);
void digest_update(struct digest *digest, const void *bytes, size_t length);
/* Writes lower-case hex and makes the object ready for the next message. */
void digest_finish(struct digest *digest, char ret[DIGEST_TEXT_SIZE]);
/* One message at once. */
void digest_bytes(const void *bytes, size_t length, unsigned char ret[DIGEST_BYTES]);
void digest_text(const void *bytes, size_t length, char ret[DIGEST_TEXT_SIZE]);

#endif
