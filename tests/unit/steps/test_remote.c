/* What the other side says of a command comes between what the command prints, in pieces of any
 * size. */
#include "tests/support/unit.h"

#include <string.h>

#include "base/mem.h"
#include "io/ssh.h"
#include "steps/remote.h"

#define MARK "\036runbook:run-1:step:1:"

struct heard {
    struct buf streams[2];
};

static void take(void *user, int stream, const char *bytes, size_t length) {
    struct heard *heard = user;
    buf_append(&heard->streams[stream - 1], bytes, length);
}

static void heard_release(struct heard *heard) {
    buf_release(&heard->streams[0]);
    buf_release(&heard->streams[1]);
}

#define HEARD __attribute__((cleanup(heard_release))) struct heard
#define HEARD_INIT                                                                                 \
    {                                                                                              \
        .streams = { BUF_INIT(1 << 20), BUF_INIT(1 << 20) }                                        \
    }

static struct remote *listen_in(struct heard *heard) {
    return remote_new(mem_strdup(MARK), take, heard);
}

/* In pieces of `size` bytes. */
static void say(struct remote *remote, int stream, const char *text, size_t size) {
    size_t length = strlen(text);
    for (size_t at = 0; at < length; at += size)
        remote_take(remote, stream, text + at, size < length - at ? size : length - at);
}

static void test_all_pieces(void **state) {
    (void)state;
    static const char said[] = "banner\n" MARK "begun\nto \036two\036\036" MARK
                               "end 7 9\nrows=42\n\n" MARK "no such word\nrest";
    for (size_t size = 1; size < sizeof said; size++) {
        HEARD heard = HEARD_INIT;
        struct remote *remote = listen_in(&heard);
        say(remote, 1, MARK "begun\nto one\036runbook:", size);
        say(remote, 2, said, size);
        remote_end(remote);
        assert_true(remote_has_begun(remote));
        assert_true(remote_has_ended(remote));
        assert_int_equal(remote_status(remote), 7);
        assert_string_equal(buf_text(remote_outputs(remote)), "rows=42\n\n");
        assert_string_equal(buf_text(&heard.streams[0]), "to one\036runbook:");
        assert_string_equal(buf_text(&heard.streams[1]), "banner\nto \036two\036\036rest");
        remote_free(remote);
    }
}

static void test_cut_outputs_are_no_end(void **state) {
    (void)state;
    HEARD heard = HEARD_INIT;
    struct remote *remote = listen_in(&heard);
    say(remote, 2, MARK "begun\n" MARK "end 0 9\nrows=42", 64);
    remote_end(remote);
    assert_true(remote_has_begun(remote));
    assert_false(remote_has_ended(remote));
    remote_free(remote);
}

static void test_refusals(void **state) {
    (void)state;
    HEARD heard = HEARD_INIT;
    struct remote *remote = listen_in(&heard);
    say(remote, 2, MARK "not folder\r\n", 3);
    remote_end(remote);
    assert_int_equal(remote_refusal(remote), REMOTE_NO_FOLDER);
    assert_false(remote_has_begun(remote));
    remote_free(remote);
    remote = listen_in(&heard);
    say(remote, 2, MARK "not command\n", 5);
    assert_int_equal(remote_refusal(remote), REMOTE_NO_COMMAND);
    remote_free(remote);
}

/* What ssh says of the way that it did not go is nobody's output; what a command says, is. */
static void test_unsent(void **state) {
    (void)state;
    HEARD heard = HEARD_INIT;
    struct remote *remote = listen_in(&heard);
    say(remote, 2, SSH_NOT_SENT "\nkex_exchange_identification: closed\n", 7);
    remote_end(remote);
    assert_true(remote_was_unsent(remote));
    assert_int_equal(heard.streams[1].length, 0);
    remote_free(remote);
    remote = listen_in(&heard);
    say(remote, 2, MARK "begun\n" SSH_NOT_SENT "\n", 7);
    remote_end(remote);
    assert_false(remote_was_unsent(remote));
    assert_string_equal(buf_text(&heard.streams[1]), SSH_NOT_SENT "\n");
    remote_free(remote);
}

static void test_none_of_one_that_runs_here(void **state) {
    (void)state;
    assert_null(remote_new(NULL, take, NULL));
    remote_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_pieces),
        cmocka_unit_test(test_cut_outputs_are_no_end),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_unsent),
        cmocka_unit_test(test_none_of_one_that_runs_here),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
