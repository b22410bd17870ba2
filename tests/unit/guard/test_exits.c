/* The list of what began and how it ended, when its writer has gone. */
#include "tests/support/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "guard/exits.h"

struct place {
    char folder[32];
    int dir;
};

static int setup(void **state) {
    struct place *place = mem_zalloc(sizeof *place);
    memcpy(place->folder, "/tmp/test-exits-XXXXXX", sizeof "/tmp/test-exits-XXXXXX");
    assert_non_null(mkdtemp(place->folder));
    place->dir = open(place->folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    assert_true(place->dir >= 0);
    *state = place;
    return 0;
}

static int teardown(void **state) {
    struct place *place = *state;
    close(place->dir);
    assert_int_equal(file_remove_tree(place->folder, NULL), 0);
    mem_free(place);
    return 0;
}

static void write_exits(const struct place *place, const char *text) {
    int fd = openat(place->dir, "exits", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static enum exits_word word_of(const struct place *place, const char *token) {
    struct exit_status status;
    return exits_find(place->dir, token, &status);
}

static void test_words(void **state) {
    const struct place *place = *state;
    struct exit_status status = {-1, SIGKILL, 2}, found = {0};
    assert_int_equal(exits_make(place->dir, true, NULL), 0);
    assert_int_equal(exits_make(place->dir, true, NULL), 0);
    int fd = exits_open(place->dir);
    assert_true(fd >= 0);
    assert_int_equal(exits_began(fd, "a"), 0);
    assert_int_equal(exits_began(fd, "aa"), 0);
    assert_int_equal(exits_ended(fd, "aa", &status), 0);
    assert_int_equal(exits_began(fd, "b"), 0);
    assert_int_equal(exits_refused(fd, "b"), 0);
    assert_int_equal(word_of(place, "a"), EXITS_BEGAN);
    assert_int_equal(exits_find(place->dir, "aa", &found), EXITS_ENDED);
    assert_int_equal(found.code, -1);
    assert_int_equal(found.signum, SIGKILL);
    assert_int_equal(found.left, 2);
    assert_int_equal(word_of(place, "b"), EXITS_NEVER);
    assert_int_equal(word_of(place, "aaa"), EXITS_NEVER);
    assert_int_equal(word_of(place, ""), EXITS_NEVER);
    /* Begun once more: the last line counts. */
    assert_int_equal(exits_began(fd, "aa"), 0);
    assert_int_equal(word_of(place, "aa"), EXITS_BEGAN);
    close(fd);
}

/* What a machine that went down had not written may be missing. */
static void test_other_boot(void **state) {
    const struct place *place = *state;
    assert_int_equal(word_of(place, "a"), EXITS_BEGAN); /* there is no file */
    write_exits(place, "");
    assert_int_equal(word_of(place, "a"), EXITS_BEGAN);
    write_exits(place, "boot 00000000-0000-0000-0000-000000000000\nbegan a\nended a 0 0 0\n");
    assert_int_equal(word_of(place, "a"), EXITS_ENDED);
    assert_int_equal(word_of(place, "b"), EXITS_BEGAN);
    write_exits(place, "boot unknown\n");
    assert_int_equal(word_of(place, "b"), EXITS_BEGAN);
}

static void test_torn(void **state) {
    const struct place *place = *state;
    static const char *const texts[] = {
        "boot x\nbegan a\nended a 0 0 0",    "boot x\nbegan a\nended a 0",
        "boot x\nbegan a\nended a 0 0\n",    "boot x\nbegan a\nended a\n",
        "boot x\nbegan a\nended ab 0 0 0\n", "boot x\nbegan a\nended a x 0 0\n",
    };
    for (size_t i = 0; i < COUNT(texts); i++) {
        write_exits(place, texts[i]);
        assert_int_equal(word_of(place, "a"), EXITS_BEGAN);
    }
}

/* The list went down with the machine, and this one was made in its place. */
static void test_lost(void **state) {
    const struct place *place = *state;
    assert_int_equal(exits_make(place->dir, false, NULL), 0);
    assert_int_equal(word_of(place, "a"), EXITS_BEGAN);
}

/* A line that does not fit leaves nothing of itself. */
static void test_no_room(void **state) {
    const struct place *place = *state;
    struct rlimit before, small;
    assert_int_equal(exits_make(place->dir, true, NULL), 0);
    int fd = exits_open(place->dir);
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    small = before;
    small.rlim_cur = (rlim_t)lseek(fd, 0, SEEK_END) + 12;
    setrlimit(RLIMIT_FSIZE, &small);
    assert_int_equal(exits_began(fd, "a"), 0);
    int status = exits_began(fd, "bbbbbbbbbbbbb");
    setrlimit(RLIMIT_FSIZE, &before);
    assert_int_not_equal(status, 0);
    assert_int_equal(exits_began(fd, "c"), 0);
    assert_int_equal(word_of(place, "a"), EXITS_BEGAN);
    assert_int_equal(word_of(place, "bbbbbbbbbbbbb"), EXITS_NEVER);
    assert_int_equal(word_of(place, "c"), EXITS_BEGAN);
    close(fd);
}

static void test_one_writer(void **state) {
    const struct place *place = *state;
    assert_int_equal(exits_make(place->dir, true, NULL), 0);
    int fd = exits_open(place->dir);
    assert_true(fd >= 0);
    assert_int_equal(exits_open(place->dir), -1);
    assert_int_equal(errno, EBUSY);
    close(fd);
}

int main(void) {
    alarm(60);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_words, setup, teardown),
        cmocka_unit_test_setup_teardown(test_other_boot, setup, teardown),
        cmocka_unit_test_setup_teardown(test_torn, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lost, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_room, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_writer, setup, teardown),
    };
    return cmocka_run_group_tests_name("exits", tests, NULL, NULL);
}
