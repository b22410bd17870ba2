#include "secret/sshsig.h"

#include <string.h>

#include "base/mem.h"
#include "tests/support/unit.h"

/* Made by ssh-keygen; the fingerprint is what `ssh-keygen -l` says of its key. */
static const char signature[] =
    "-----BEGIN SSH SIGNATURE-----\n"
    "U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAgkmVT14CbChhQdPpiSUYfFBAJl1\n"
    "otkyRaEhp8MSbQGWQAAAAScnVuYm9vay1jaGVja3BvaW50AAAAAAAAAAZzaGE1MTIAAABT\n"
    "AAAAC3NzaC1lZDI1NTE5AAAAQKmAqK5KvMg1ydGLgUxedFA15sWC/s31bxyUZlAFDKPdxT\n"
    "NtaiOYHd9e1BRo1hUFMTG3GTWzRl5A//Auvchthw0=\n"
    "-----END SSH SIGNATURE-----\n";
#define FINGERPRINT "SHA256:STKQmsPZHJTCGqIxV8S1LZpfEiDMUNiqA4Xq/1aXDOI"

static void test_fingerprint(void **state) {
    (void)state;
    char seen[SSHSIG_FINGERPRINT_SIZE];
    assert_int_equal(sshsig_fingerprint(signature, seen, NULL), 0);
    assert_string_equal(seen, FINGERPRINT);
}

static void refused(const char *text) {
    char seen[SSHSIG_FINGERPRINT_SIZE];
    AUTO_ERR err = ERR_INIT;
    assert_int_equal(sshsig_fingerprint(text, seen, &err), -1);
    assert_string_equal(err.message, "that is no SSH signature");
}

#define ARMOR(text) "-----BEGIN SSH SIGNATURE-----\n" text "\n-----END SSH SIGNATURE-----\n"

static void test_refused(void **state) {
    (void)state;
    refused("");
    refused("x");
    refused("-----BEGIN SSH SIGNATURE-----\n");
    refused(ARMOR(""));
    refused(ARMOR("abc"));
    refused(ARMOR("a=b="));
    refused(ARMOR("!!!!"));
    refused(ARMOR("U1NIU0lH"));                 /* the magic alone */
    refused(ARMOR("U1NIU0lHAAAAAQAA"));         /* and half a length */
    refused(ARMOR("U1NIU0lHAAAAAf////9hYWFh")); /* a key that is longer than all */
    refused(ARMOR("U1NIU0lHAAAAAQAAAABhYWFh")); /* a key of no bytes */
    refused(ARMOR("U1NIU0xHAAAAAQAAAANhYWFh")); /* another magic */
}

/* Cut anywhere it is none. */
static void test_cut(void **state) {
    (void)state;
    for (size_t length = 0; length + 2 < sizeof signature - 1; length++) {
        AUTO_TEXT text = mem_strndup(signature, length);
        refused(text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fingerprint),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
