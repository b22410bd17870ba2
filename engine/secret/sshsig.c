#include "secret/sshsig.h"

#include <openssl/evp.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "secret/digest.h"

#define BEGIN "-----BEGIN SSH SIGNATURE-----\n"
#define END "-----END SSH SIGNATURE-----"
#define MAGIC "SSHSIG"
#define VERSION_BYTES 4
#define LENGTH_BYTES 4
#define DIGEST_BASE64 44 /* of 32 bytes, with one `=` */

static int sshsig_fail(struct err *err) {
    return err_set(err, ERR_INVALID, "that is no SSH signature");
}

/* The base64 between the two lines, without its line ends. */
static int armor_open(const char *armored, struct buf *out) {
    if (!text_starts_with(armored, BEGIN) || strlen(armored) > SSHSIG_MAX)
        return -1;
    const char *at = armored + strlen(BEGIN);
    const char *end = strstr(at, END);
    for (; end && at < end; at++)
        if (*at != '\n' && *at != '\r')
            buf_putc(out, *at);
    return end && out->length > 0 && out->length % 4 == 0 ? 0 : -1;
}

/* MAGIC, a version, and the public key behind its length. */
static int key_find(const unsigned char *blob, size_t length, const unsigned char **ret_key,
                    size_t *ret_length) {
    const size_t head = strlen(MAGIC) + VERSION_BYTES + LENGTH_BYTES;
    if (length < head || memcmp(blob, MAGIC, strlen(MAGIC)) != 0)
        return -1;
    const unsigned char *at = blob + head - LENGTH_BYTES;
    *ret_length = (size_t)at[0] << 24 | (size_t)at[1] << 16 | (size_t)at[2] << 8 | at[3];
    *ret_key = blob + head;
    return *ret_length > 0 && *ret_length <= length - head ? 0 : -1;
}

int sshsig_fingerprint(const char *armored, char ret[SSHSIG_FINGERPRINT_SIZE], struct err *err) {
    AUTO_BUF text = BUF_INIT(SSHSIG_MAX);
    if (armor_open(armored, &text) < 0)
        return sshsig_fail(err);
    AUTO_TEXT blob = mem_alloc(text.length);
    const int length =
        EVP_DecodeBlock((unsigned char *)blob, (const unsigned char *)text.data, (int)text.length);
    const unsigned char *key = NULL;
    size_t key_length = 0;
    unsigned char sum[DIGEST_BYTES];
    unsigned char shown[DIGEST_BASE64 + 1];
    if (length < 0 || key_find((const unsigned char *)blob, (size_t)length, &key, &key_length) < 0)
        return sshsig_fail(err);
    digest_bytes(key, key_length, sum);
    EVP_EncodeBlock(shown, sum, sizeof sum);
    memcpy(ret, "SHA256:", 7);
    memcpy(ret + 7, shown, DIGEST_BASE64 - 1);
    ret[SSHSIG_FINGERPRINT_SIZE - 1] = '\0';
    return 0;
}
