#include "secret/digest.h"

#include <string.h>

#include "tests/support/unit.h"

/* From FIPS 180-2, appendix B, and the empty message. */
static const char of_nothing[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
static const char of_abc[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
static const char of_two_blocks[] =
    "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1";
static const char two_blocks[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";

static void known_answers(void **state) {
    (void)state;
    char text[DIGEST_TEXT_SIZE];
    digest_text("", 0, text);
    assert_string_equal(text, of_nothing);
    digest_text("abc", 3, text);
    assert_string_equal(text, of_abc);
    digest_text(two_blocks, strlen(two_blocks), text);
    assert_string_equal(text, of_two_blocks);
}

static void one_object_serves_many_messages(void **state) {
    (void)state;
    char text[DIGEST_TEXT_SIZE];
    struct digest *digest = digest_new();
    for (int round = 0; round < 3; round++) {
        digest_finish(digest, text);
        assert_string_equal(text, of_nothing);
        for (const char *at = two_blocks; *at; at++)
            digest_update(digest, at, 1);
        digest_finish(digest, text);
        assert_string_equal(text, of_two_blocks);
        digest_update(digest, "abc", 3);
        digest_update(digest, NULL, 0);
        digest_finish(digest, text);
        assert_string_equal(text, of_abc);
    }
    digest_free(digest);
    digest_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answers),
        cmocka_unit_test(one_object_serves_many_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
