#include "secret/digest.h"

#include <openssl/evp.h>
#include <stdlib.h>

#include "base/mem.h"

/* One context for all messages: making one, and looking the algorithm up, costs more than the
 * hash of a short record. */
struct digest {
    EVP_MD *algorithm;
    EVP_MD_CTX *context;
};

/* libcrypto fails here only without memory or without SHA-256; neither leaves anything to do. */
static void digest_must(int done) {
    if (!done)
        abort();
}

struct digest *digest_new(void) {
    struct digest *digest = mem_zalloc(sizeof *digest);
    digest->algorithm = EVP_MD_fetch(NULL, "SHA256", NULL);
    digest->context = EVP_MD_CTX_new();
    digest_must(digest->algorithm && digest->context);
    digest_must(EVP_DigestInit_ex2(digest->context, digest->algorithm, NULL));
    return digest;
}

void digest_free(struct digest *digest) {
    if (!digest)
        return;
    EVP_MD_CTX_free(digest->context);
    EVP_MD_free(digest->algorithm);
    mem_free(digest);
}

void digest_update(struct digest *digest, const void *bytes, size_t length) {
    digest_must(EVP_DigestUpdate(digest->context, bytes, length));
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
    digest_must(EVP_DigestFinal_ex(digest->context, bytes, NULL));
    digest_hex(bytes, ret);
    digest_must(EVP_DigestInit_ex2(digest->context, digest->algorithm, NULL));
}

void digest_text(const void *bytes, size_t length, char ret[DIGEST_TEXT_SIZE]) {
    unsigned char out[DIGEST_BYTES];
    digest_must(EVP_Digest(bytes, length, out, NULL, EVP_sha256(), NULL));
    digest_hex(out, ret);
}
