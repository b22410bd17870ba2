/* A transcript that another engine goes on with, whatever the first one left behind. */
#include "journal_support.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "secret/digest.h"

#define RESERVE 5000

static char *path_in(const char *dir, const char *name) {
    return mem_printf("%s/%s", dir, name);
}

static void append_signal(struct writer *writer) {
    struct event event = {.type = EVENT_SIGNAL_RECEIVED};
    EVENT_SET(&event, signal, "SIGINT");
    assert_int_equal(writer_append(writer, &event, NULL), 0);
}

static void append_checkpoint(struct writer *writer) {
    struct event event = {.type = EVENT_CHECKPOINT};
    EVENT_SET(&event, head, EVENT_NO_PREV);
    assert_int_equal(writer_append(writer, &event, NULL), 0);
}

/* Three records, the last with a sum of its own; neither closed nor cut, as after a crash. */
static void transcript_make(const char *path) {
    struct writer *writer = NULL;
    assert_int_equal(writer_new(path, NULL, &writer, NULL), 0);
    append_signal(writer);
    append_signal(writer);
    append_checkpoint(writer);
    writer_free(writer);
}

static void bytes_write(const char *path, const char *bytes, size_t length, size_t zeros) {
    AUTO_FD fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(file_write_all(fd, bytes, length, NULL), 0);
    assert_int_equal(ftruncate(fd, (off_t)(length + zeros)), 0);
}

static char *bytes_read(const char *path, size_t *ret_length) {
    char *bytes = NULL;
    assert_int_equal(file_read(path, 1 << 22, &bytes, ret_length, NULL), 0);
    return bytes;
}

/* Its records without the reserve; *ret_last is where the last begins. */
static char *records_of(const char *path, size_t *ret_length, size_t *ret_last) {
    char *bytes = bytes_read(path, ret_length);
    while (bytes[*ret_length - 1] == '\0')
        --*ret_length;
    for (*ret_last = *ret_length - 1; bytes[*ret_last - 1] != '\n'; --*ret_last)
        continue;
    return bytes;
}

/* Reads to the end: how many records, or -1 where it is damaged. */
static int read_all(const char *path, struct reader **ret, struct err *err) {
    struct event event;
    int more;
    assert_int_equal(reader_open(path, ret, NULL), 0);
    while ((more = reader_next(*ret, &event, err)) > 0)
        continue;
    return more < 0 ? -1 : (int)reader_count(*ret);
}

static int reopen(const char *path, struct writer **ret, uint64_t *ret_torn, struct err *err) {
    struct reader *reader = NULL;
    AUTO_ERR damage = ERR_INIT;
    int done = -1;
    if (read_all(path, &reader, &damage) >= 0)
        done = writer_reopen(path, NULL, reader, ret, ret_torn, err);
    else
        err_move(err, &damage);
    reader_free(reader);
    return done;
}

/* Goes on with it, writes two records, and leaves a transcript of so many. */
static void go_on(const char *path, uint64_t expected_torn, uint64_t expected_records) {
    struct writer *writer = NULL;
    struct reader *reader = NULL;
    uint64_t torn = 99;
    AUTO_ERR err = ERR_INIT;
    if (reopen(path, &writer, &torn, &err) < 0)
        fail_msg("%s", err.message);
    assert_int_equal(torn, expected_torn);
    assert_int_equal(writer_appended(writer), expected_records - 2);
    assert_int_equal(writer_synced(writer), expected_records - 2);
    append_signal(writer);
    append_checkpoint(writer);
    assert_int_equal(writer_close(writer, NULL), 0);
    assert_int_equal(read_all(path, &reader, NULL), expected_records);
    assert_string_equal(reader_head(reader), writer_head(writer));
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_size, reader_offset(reader));
    reader_free(reader);
    writer_free(writer);
}

static void test_killed(void **state) {
    AUTO_TEXT path = path_in(*state, "transcript.jsonl");
    AUTO_TEXT beside = path_in(*state, "transcript.torn");
    transcript_make(path);
    go_on(path, 0, 5);
    /* Now it is closed, and so without a reserve. */
    go_on(path, 0, 7);
    assert_false(file_exists(beside));
}

static void test_torn_at_every_byte(void **state) {
    AUTO_TEXT path = path_in(*state, "transcript.jsonl");
    AUTO_TEXT beside = path_in(*state, "transcript.torn");
    size_t length, last;
    transcript_make(path);
    AUTO_TEXT records = records_of(path, &length, &last);
    for (size_t cut = last + 1; cut < length; cut++) {
        bytes_write(path, records, cut, cut % 2 ? RESERVE : 0);
        unlink(beside);
        go_on(path, cut - last, 4);
        size_t kept_length;
        AUTO_TEXT kept = bytes_read(beside, &kept_length);
        assert_int_equal(kept_length, cut - last);
        assert_memory_equal(kept, records + last, kept_length);
    }
    struct stat info;
    assert_int_equal(stat(beside, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0600);
}

/* Pages reach the disk in any order: the line's end may be there without its beginning. */
static void test_torn_in_the_middle(void **state) {
    AUTO_TEXT path = path_in(*state, "transcript.jsonl");
    AUTO_TEXT beside = path_in(*state, "transcript.torn");
    size_t length, last;
    transcript_make(path);
    AUTO_TEXT records = records_of(path, &length, &last);
    uint64_t all = 0;
    for (size_t hole = last; hole + 8 < length; hole += 16) {
        AUTO_TEXT holed = mem_strndup(records, length);
        memset(holed + hole, 0, 8);
        bytes_write(path, holed, length, RESERVE);
        go_on(path, length - last - 8, 4);
        all += length - last - 8;
    }
    /* Each crash adds to what the ones before it left. */
    struct stat info;
    assert_int_equal(stat(beside, &info), 0);
    assert_int_equal(info.st_size, all);
}

static void assert_refused(const char *path, enum err_kind kind, const char *part) {
    struct writer *writer = NULL;
    uint64_t torn;
    AUTO_ERR err = ERR_INIT;
    assert_int_equal(reopen(path, &writer, &torn, &err), -1);
    assert_err(&err, kind, part);
}

/* Each byte changed, of each line: never is a record taken that is not what was written. A last
 * line that has lost its newline, or has a zero in it, counts as torn. (So does it with the line
 * before it where a zero joins them.) */
static void test_tampered_at_every_byte(void **state) {
    AUTO_TEXT path = path_in(*state, "transcript.jsonl");
    AUTO_TEXT beside = path_in(*state, "transcript.torn");
    static const unsigned char masks[] = {0x01, 0x20, 0x80};
    size_t length, last;
    transcript_make(path);
    AUTO_TEXT records = records_of(path, &length, &last);
    for (size_t at = 0; at < length; at++) {
        for (size_t i = 0; i < sizeof masks; i++) {
            AUTO_TEXT changed = mem_strndup(records, length);
            changed[at] = (char)((unsigned char)changed[at] ^ masks[i]);
            bytes_write(path, changed, length, RESERVE);
            if (at == length - 1)
                go_on(path, length - last, 4);
            else
                assert_refused(path, ERR_TRANSCRIPT, "line");
        }
        AUTO_TEXT zeroed = mem_strndup(records, length);
        zeroed[at] = '\0';
        bytes_write(path, zeroed, length, RESERVE);
        if (at >= last)
            go_on(path, length - last - 1, 4);
        else if (at != last - 1)
            assert_refused(path, ERR_TRANSCRIPT, "line");
    }
    assert_true(file_exists(beside));
}

static void test_refused(void **state) {
    AUTO_TEXT path = path_in(*state, "transcript.jsonl");
    AUTO_TEXT beside = path_in(*state, "transcript.torn");
    AUTO_TEXT linked = path_in(*state, "linked");
    size_t length, last;
    transcript_make(path);
    AUTO_TEXT records = records_of(path, &length, &last);
    assert_int_equal(symlink(path, linked), 0);
    assert_refused(linked, ERR_REFUSED, "symbolic link");
    assert_int_equal(chmod(path, 0622), 0);
    assert_refused(path, ERR_REFUSED, "other users may write");
    assert_int_equal(chmod(path, 0600), 0);
    if (geteuid() == 0) {
        assert_int_equal(chown(path, 12345, 12345), 0);
        assert_refused(path, ERR_REFUSED, "another user");
        assert_int_equal(chown(path, 0, 0), 0);
    }
    /* What is set aside must not go elsewhere, and stays in the transcript where it cannot go. */
    bytes_write(path, records, length - 1, RESERVE);
    assert_int_equal(symlink(path, beside), 0);
    assert_refused(path, ERR_REFUSED, "symbolic link");
    assert_int_equal(unlink(beside), 0);
    size_t after;
    AUTO_TEXT left = bytes_read(path, &after);
    assert_memory_equal(left, records, length - 1);
    bytes_write(path, "", 0, RESERVE);
    assert_refused(path, ERR_TRANSCRIPT, "has no record");
    /* No crash leaves two pieces so far from each other. */
    AUTO_TEXT far = mem_alloc(length + TRANSCRIPT_LINE_MAX + 2);
    memset(far, 0, length + TRANSCRIPT_LINE_MAX + 2);
    memcpy(far, records, length);
    far[length] = '{';
    far[length + TRANSCRIPT_LINE_MAX] = '}';
    bytes_write(path, far, length + TRANSCRIPT_LINE_MAX + 1, RESERVE);
    assert_refused(path, ERR_TRANSCRIPT, "more than a torn line");
}

static void test_unread(void **state) {
    AUTO_TEXT path = path_in(*state, "transcript.jsonl");
    AUTO_TEXT other = path_in(*state, "other.jsonl");
    struct reader *reader = NULL;
    struct writer *writer = NULL;
    struct event event;
    uint64_t torn;
    AUTO_ERR err = ERR_INIT;
    transcript_make(path);
    transcript_make(other);
    assert_int_equal(reader_open(path, &reader, NULL), 0);
    assert_int_equal(reader_next(reader, &event, NULL), 1);
    assert_int_equal(writer_reopen(path, NULL, reader, &writer, &torn, &err), -1);
    assert_err(&err, ERR_TRANSCRIPT, "were not read");
    while (reader_next(reader, &event, NULL) > 0)
        continue;
    assert_int_equal(writer_reopen(other, NULL, reader, &writer, &torn, &err), -1);
    assert_err(&err, ERR_TRANSCRIPT, "is not the file that was read");
    reader_free(reader);
}

/* The machine was started anew in between: its clock may count from less, or from more than
 * JSON's integers hold. */
static void test_clock(void **state) {
    AUTO_TEXT path = path_in(*state, "transcript.jsonl");
    static const int64_t days_up[] = {0, 365};
    clock_fake(1767322985 * NS_PER_S, 50 * 86400 * NS_PER_S);
    transcript_make(path);
    for (size_t i = 0; i < 2; i++) {
        clock_fake(1767322985 * NS_PER_S, days_up[i] * 86400 * NS_PER_S);
        go_on(path, 0, 5 + 2 * i);
    }
    clock_real();
}

/* A file size limit stands in for a full disk. */
static void full_disk(const char *path) {
    struct writer *writer = NULL;
    uint64_t torn;
    AUTO_ERR err = ERR_INIT;
    (void)signal(SIGXFSZ, SIG_IGN);
    const struct rlimit limit = {100000, 100000};
    if (setrlimit(RLIMIT_FSIZE, &limit) == 0 && reopen(path, &writer, &torn, &err) == -1)
        assert_err(&err, ERR_TRANSCRIPT, "could not be written");
    else
        _exit(1);
    _exit(0);
}

static void test_full_disk(void **state) {
    AUTO_TEXT path = path_in(*state, "transcript.jsonl");
    transcript_make(path);
    pid_t child = fork();
    if (child == 0)
        full_disk(path);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    go_on(path, 0, 5);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_setup, folder_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_killed),
        TEST(test_torn_at_every_byte),
        TEST(test_torn_in_the_middle),
        TEST(test_tampered_at_every_byte),
        TEST(test_refused),
        TEST(test_unread),
        TEST(test_clock),
        TEST(test_full_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
