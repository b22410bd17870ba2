#include "secret/digest.h"

/* The functions of libcrypto that do the hash itself, current until 3.0: EVP would start all of
 * libcrypto, with its configuration, providers and error texts, which is 1.9 MB touched, and more
 * time than a hundred hashes of a record. */
#define OPENSSL_API_COMPAT 0x10100000L
#include <openssl/sha.h>

#include "base/mem.h"

struct digest {
    SHA256_CTX context;
};

struct digest *digest_new(void) {
    struct digest *digest = mem_zalloc(sizeof *digest);
    SHA256_Init(&digest->context);
    return digest;
}

void digest_free(struct digest *digest) {
    mem_free(digest);
}

void digest_update(struct digest *digest, const void *bytes, size_t length) {
    SHA256_Update(&digest->context, bytes, length);
}

static void digest_hex(const unsigned char bytes[DIGEST_BYTES], char ret[DIGEST_TEXT_SIZE]) {
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < DIGEST_BYTES; i++) {
        ret[2 * i] = digits[bytes[i] >> 4];
        ret[2 * i + 1] = digits[bytes[i] & 15];
    }
    ret[2 * DIGEST_BYTES] = '\0';
}

void digest_finish(struct digest *digest, char ret[DIGEST_TEXT_SIZE]) {
    unsigned char bytes[DIGEST_BYTES];
    SHA256_Final(bytes, &digest->context);
    digest_hex(bytes, ret);
    SHA256_Init(&digest->context);
}

void digest_bytes(const void *bytes, size_t length, unsigned char ret[DIGEST_BYTES]) {
    /* SHA256() itself is made of EVP. */
    SHA256_CTX context;
    SHA256_Init(&context);
    SHA256_Update(&context, bytes, length);
    SHA256_Final(ret, &context);
}

void digest_text(const void *bytes, size_t length, char ret[DIGEST_TEXT_SIZE]) {
    unsigned char out[DIGEST_BYTES];
    digest_bytes(bytes, length, out);
    digest_hex(out, ret);
}
