#include "secret/digest.h"

#include <string.h>

#include "base/mem.h"
#include "secret/digest_long.h"
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

/* Longer than what is hashed at once, and no multiple of a piece. */
#define LONG (DIGEST_LONG_FROM + 3 * DIGEST_LONG_PIECE + 12345)

static char *long_message(void) {
    char *bytes = mem_alloc(LONG);
    for (size_t i = 0; i < LONG; i++)
        bytes[i] = (char)(i * i >> 7);
    return bytes;
}

static void update_by(struct digest_long *digest, const char *bytes, size_t length, size_t piece) {
    for (size_t at = 0; at < length; at += piece)
        digest_long_update(digest, bytes + at, length - at < piece ? length - at : piece);
}

static void a_long_message_in_pieces_of_any_size(void **state) {
    (void)state;
    const size_t sizes[] = {999, 65536, DIGEST_LONG_PIECE, DIGEST_LONG_PIECE + 1, LONG};
    AUTO_TEXT bytes = long_message();
    char expected[DIGEST_TEXT_SIZE], text[DIGEST_TEXT_SIZE];
    struct digest_long *digest = digest_long_new();
    digest_text(bytes, LONG, expected);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        update_by(digest, bytes, LONG, sizes[i]);
        digest_long_finish(digest, text);
        assert_string_equal(text, expected);
        digest_long_update(digest, "abc", 3);
        digest_long_finish(digest, text);
        assert_string_equal(text, of_abc);
    }
    digest_long_free(digest);
    digest_long_free(NULL);
}

static void a_long_message_at_its_borders(void **state) {
    (void)state;
    const size_t lengths[] = {DIGEST_LONG_FROM - 1, DIGEST_LONG_FROM, DIGEST_LONG_FROM + 1,
                              DIGEST_LONG_FROM + DIGEST_LONG_PIECE};
    AUTO_TEXT bytes = long_message();
    char expected[DIGEST_TEXT_SIZE], text[DIGEST_TEXT_SIZE];
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        struct digest_long *digest = digest_long_new();
        digest_text(bytes, lengths[i], expected);
        update_by(digest, bytes, lengths[i], 4096);
        digest_long_finish(digest, text);
        assert_string_equal(text, expected);
        digest_long_free(digest);
    }
}

static void a_long_message_may_be_given_up(void **state) {
    (void)state;
    AUTO_TEXT bytes = long_message();
    struct digest_long *digest = digest_long_new();
    digest_long_update(digest, bytes, LONG);
    digest_long_free(digest);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answers),
        cmocka_unit_test(one_object_serves_many_messages),
        cmocka_unit_test(a_long_message_in_pieces_of_any_size),
        cmocka_unit_test(a_long_message_at_its_borders),
        cmocka_unit_test(a_long_message_may_be_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
