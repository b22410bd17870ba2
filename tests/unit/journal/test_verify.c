#include "journal_support.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "journal/store.h"
#include "journal/verify.h"
#include "secret/digest.h"

#define RECORDS 8
#define FILE_BYTES "what the step wrote\n"
#define COPY_BYTES "runbook: 1\n"

static void bytes_write(const char *dir, const char *name, const char *bytes, size_t length) {
    AUTO_TEXT path = mem_printf("%s/%s", dir, name);
    AUTO_FD fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_int_equal(file_write_all(fd, bytes, length, NULL), 0);
}

static value file_value(const char *key, const char *name, const char *bytes) {
    char sha256[DIGEST_TEXT_SIZE];
    digest_text(bytes, strlen(bytes), sha256);
    value one = value_set(value_object(), key, value_string(name));
    return value_set(one, "sha256", value_string(sha256));
}

static void start_append(struct writer *writer, const char *id, value previous) {
    struct event event = {.type = EVENT_RUN_STARTED};
    AUTO_VALUE files = value_append(value_array(), file_value("copy", "runbook.yaml", COPY_BYTES));
    EVENT_SET(&event, run, id);
    EVENT_SET(&event, runbook, "a.yaml");
    EVENT_SET(&event, name, "a");
    EVENT_SET(&event, sha256, EVENT_NO_PREV);
    EVENT_SET(&event, plan_sha256, EVENT_NO_PREV);
    EVENT_SET(&event, files, files);
    EVENT_SET(&event, user, "u");
    EVENT_SET(&event, uid, 1);
    EVENT_SET(&event, host, "h");
    EVENT_SET(&event, pid, 1);
    EVENT_SET(&event, engine, "1");
    EVENT_SET(&event, previous, previous);
    assert_int_equal(writer_append(writer, &event, NULL), 0);
}

static void step_append(struct writer *writer, size_t number) {
    struct event event = {.type = EVENT_STEP_FINISHED};
    AUTO_TEXT step = mem_printf("step_%zu", number);
    AUTO_VALUE output =
        value_set(value_object(), "stdout", file_value("file", "output/a.1.stdout", FILE_BYTES));
    EVENT_SET(&event, phase, "run");
    EVENT_SET(&event, step, step);
    EVENT_SET(&event, status, "succeeded");
    EVENT_SET(&event, duration_ms, 1);
    if (number == 1)
        EVENT_SET(&event, output, output);
    assert_int_equal(writer_append(writer, &event, NULL), 0);
}

/* A finished run in `dir`, which it makes; the head of its transcript in `ret_head`. */
static void run_make(const char *dir, const char *id, value previous, size_t records,
                     char ret_head[65]) {
    AUTO_TEXT path = mem_printf("%s/transcript.jsonl", dir);
    AUTO_TEXT output = mem_printf("%s/output", dir);
    struct writer *writer = NULL;
    assert_int_equal(file_make_dir(output, 0700, NULL), 0);
    bytes_write(dir, "runbook.yaml", COPY_BYTES, strlen(COPY_BYTES));
    bytes_write(dir, "output/a.1.stdout", FILE_BYTES, strlen(FILE_BYTES));
    assert_int_equal(writer_new(path, NULL, &writer, NULL), 0);
    start_append(writer, id, previous);
    for (size_t i = 1; i + 1 < records; i++)
        step_append(writer, i);
    struct event event = {.type = EVENT_RUN_FINISHED};
    EVENT_SET(&event, status, "succeeded");
    EVENT_SET(&event, exit, 0);
    assert_int_equal(writer_append(writer, &event, NULL), 0);
    memcpy(ret_head, writer_head(writer), 65);
    assert_int_equal(writer_close(writer, NULL), 0);
    writer_free(writer);
}

/* The verdict, and where `kind` is set, that the first finding is of that kind and line. */
static void assert_verdict(const char *dir, enum verify_verdict verdict, const char *kind,
                           uint64_t line) {
    struct verify *verify = verify_run(dir, NULL, NULL);
    size_t count;
    const struct verify_finding *findings = verify_findings(verify, &count);
    if (verify_verdict(verify) != verdict)
        fail_msg("%s: %s", verify_verdict_name(verify_verdict(verify)),
                 count ? findings[0].message : "");
    assert_int_equal(count > 0, kind != NULL);
    if (kind) {
        assert_string_equal(verify_kind_name(findings[0].kind), kind);
        assert_int_equal(findings[0].line, line);
    }
    verify_free(verify);
}

static void test_whole(void **state) {
    char head[65];
    run_make(*state, "a", value_null(), RECORDS, head);
    struct verify *verify = verify_run(*state, "a", NULL);
    size_t count;
    (void)verify_findings(verify, &count);
    assert_int_equal(count, 0);
    assert_int_equal(verify_verdict(verify), VERIFY_VERIFIED);
    assert_int_equal(verify_records(verify), RECORDS);
    assert_int_equal(verify_files(verify), 2);
    assert_string_equal(verify_head(verify), head);
    assert_string_equal(verify_id(verify), "a");
    verify_free(verify);
    verify = verify_run(*state, "b", NULL);
    assert_int_equal(verify_verdict(verify), VERIFY_DAMAGED);
    verify_free(verify);
}

/* No bit of a transcript can change unnoticed. */
static void test_flip(void **state) {
    char head[65];
    AUTO_TEXT bytes = NULL;
    size_t length;
    run_make(*state, "a", value_null(), 4, head);
    AUTO_TEXT path = store_transcript(*state);
    assert_int_equal(file_read(path, 1 << 20, &bytes, &length, NULL), 0);
    AUTO_FD fd = open(path, O_WRONLY | O_CLOEXEC);
    for (size_t i = 0; i < 8 * length; i++) {
        const char was = bytes[i / 8], is = (char)(was ^ (1 << i % 8));
        assert_int_equal(pwrite(fd, &is, 1, (off_t)(i / 8)), 1);
        struct verify *verify = verify_run(*state, NULL, NULL);
        if (verify_verdict(verify) < VERIFY_INCOMPLETE)
            fail_msg("byte %zu, bit %zu: not noticed", i / 8, i % 8);
        verify_free(verify);
        assert_int_equal(pwrite(fd, &was, 1, (off_t)(i / 8)), 1);
    }
}

static void test_cut(void **state) {
    char head[65];
    AUTO_TEXT bytes = NULL;
    size_t length;
    run_make(*state, "a", value_null(), RECORDS, head);
    AUTO_TEXT path = store_transcript(*state);
    assert_int_equal(file_read(path, 1 << 20, &bytes, &length, NULL), 0);
    uint64_t lines = 0;
    for (size_t cut = 0; cut < length; cut++) {
        const bool whole = cut == 0 || bytes[cut - 1] == '\n';
        lines += cut > 0 && whole;
        bytes_write(*state, "transcript.jsonl", bytes, cut);
        if (whole)
            assert_verdict(*state, VERIFY_INCOMPLETE, "end", 0);
        else if (cut % 7 == 0)
            assert_verdict(*state, VERIFY_INCOMPLETE, "torn", lines + 1);
    }
}

static void test_files(void **state) {
    char head[65];
    run_make(*state, "a", value_null(), RECORDS, head);
    bytes_write(*state, "output/extra", "", 0);
    assert_verdict(*state, VERIFY_DAMAGED, "file.extra", 0);
    AUTO_TEXT extra = mem_printf("%s/output/extra", (const char *)*state);
    assert_int_equal(unlink(extra), 0);
    bytes_write(*state, "output/a.1.stdout", "what the step wrotE\n", 20);
    assert_verdict(*state, VERIFY_DAMAGED, "file.changed", 2);
    bytes_write(*state, "output/a.1.stdout", "", 0);
    assert_verdict(*state, VERIFY_DAMAGED, "file.changed", 2);
    AUTO_TEXT output = mem_printf("%s/output/a.1.stdout", (const char *)*state);
    AUTO_TEXT moved = mem_printf("%s/moved", (const char *)*state);
    bytes_write(*state, "output/a.1.stdout", FILE_BYTES, strlen(FILE_BYTES));
    assert_int_equal(rename(output, moved), 0);
    assert_verdict(*state, VERIFY_DAMAGED, "file.missing", 2);
    assert_int_equal(symlink("../moved", output), 0);
    assert_verdict(*state, VERIFY_DAMAGED, "file.changed", 2);
    assert_int_equal(unlink(output), 0);
    assert_int_equal(mkfifo(output, 0600), 0);
    assert_verdict(*state, VERIFY_DAMAGED, "file.changed", 2);
    assert_int_equal(unlink(output), 0);
    assert_int_equal(rename(moved, output), 0);
    assert_verdict(*state, VERIFY_VERIFIED, NULL, 0);
    bytes_write(*state, "runbook.yaml", "runbook: 2\n", 11);
    assert_verdict(*state, VERIFY_DAMAGED, "file.changed", 1);
}

static void test_absent(void **state) {
    assert_verdict(*state, VERIFY_DAMAGED, "transcript", 0);
    AUTO_TEXT path = store_transcript(*state);
    assert_int_equal(symlink("nowhere", path), 0);
    assert_verdict(*state, VERIFY_DAMAGED, "transcript", 0);
}

static void resume_append(struct writer *writer) {
    struct event event = {.type = EVENT_RUN_RESUMED};
    EVENT_SET(&event, user, "u");
    EVENT_SET(&event, uid, 1);
    EVENT_SET(&event, host, "h");
    EVENT_SET(&event, pid, 2);
    EVENT_SET(&event, engine, "1");
    EVENT_SET(&event, plan_sha256, EVENT_NO_PREV);
    assert_int_equal(writer_append(writer, &event, NULL), 0);
}

static void finish_append(struct writer *writer) {
    struct event event = {.type = EVENT_RUN_FINISHED};
    EVENT_SET(&event, status, "rolled_back");
    EVENT_SET(&event, exit, 5);
    assert_int_equal(writer_append(writer, &event, NULL), 0);
}

static struct writer *run_reopen(const char *dir) {
    AUTO_TEXT path = mem_printf("%s/transcript.jsonl", dir);
    struct reader *reader = NULL;
    struct writer *writer = NULL;
    struct event event;
    uint64_t torn;
    assert_int_equal(reader_open(path, &reader, NULL), 0);
    while (reader_next(reader, &event, NULL) > 0)
        continue;
    assert_int_equal(writer_reopen(path, NULL, reader, &writer, &torn, NULL), 0);
    reader_free(reader);
    return writer;
}

/* A finished run goes on where a record says so; the last end is the end. */
static void test_resumed(void **state) {
    char head[65];
    run_make(*state, "a", value_null(), RECORDS, head);
    struct writer *writer = run_reopen(*state);
    resume_append(writer);
    assert_int_equal(writer_close(writer, NULL), 0);
    assert_verdict(*state, VERIFY_INCOMPLETE, "end", 0);
    step_append(writer, 90);
    assert_verdict(*state, VERIFY_INCOMPLETE, "end", 0);
    finish_append(writer);
    assert_int_equal(writer_close(writer, NULL), 0);
    writer_free(writer);
    assert_verdict(*state, VERIFY_VERIFIED, NULL, 0);
    writer = run_reopen(*state);
    resume_append(writer);
    resume_append(writer);
    finish_append(writer);
    assert_int_equal(writer_close(writer, NULL), 0);
    assert_verdict(*state, VERIFY_VERIFIED, NULL, 0);
    finish_append(writer);
    assert_int_equal(writer_close(writer, NULL), 0);
    writer_free(writer);
    assert_verdict(*state, VERIFY_DAMAGED, "record", RECORDS + 7);
}

/* While somebody holds the lock, a missing end is no fault. */
static void test_running(void **state) {
    char head[65];
    AUTO_TEXT bytes = NULL;
    size_t length;
    int lock = -1;
    run_make(*state, "a", value_null(), RECORDS, head);
    AUTO_TEXT path = store_transcript(*state);
    AUTO_TEXT held = mem_printf("%s/lock", (const char *)*state);
    assert_int_equal(file_read(path, 1 << 20, &bytes, &length, NULL), 0);
    bytes_write(*state, "transcript.jsonl", bytes, length - 20);
    assert_int_equal(file_lock(held, "test", &lock, NULL), 0);
    assert_verdict(*state, VERIFY_RUNNING, NULL, 0);
    file_unlock(&lock);
    assert_verdict(*state, VERIFY_INCOMPLETE, "torn", RECORDS);
}

static value previous_value(const char *run, const char *head) {
    value object = value_set(value_object(), "run", value_string(run));
    return value_set(object, "sha256", value_string(head));
}

/* Three runs, each naming the one before it; then the second is written anew, then it is gone. */
static void test_store(void **state) {
    static const char *const ids[] = {"a-20260101T000000Z", "a-20260102T000000Z",
                                      "a-20260103T000000Z"};
    struct store *store = NULL;
    struct anchors *anchors = NULL;
    char head[65];
    AUTO_VALUE previous = value_null();
    const char *run, *by;
    assert_int_equal(setenv("RUNBOOK_HOME", *state, 1), 0);
    assert_int_equal(store_open(&store, NULL), 0);
    char *dirs[3];
    for (size_t i = 0; i < 3; i++) {
        dirs[i] = mem_printf("%s/runs/%s", (const char *)*state, ids[i]);
        run_make(dirs[i], ids[i], previous, RECORDS, head);
        value_free(previous);
        previous = previous_value(ids[i], head);
    }
    assert_int_equal(anchors_read(store, &anchors, NULL), 0);
    struct verify *verify = verify_run(dirs[1], ids[1], anchors);
    assert_int_equal(verify_verdict(verify), VERIFY_VERIFIED);
    assert_int_equal(verify_vouched(verify, &by), RECORDS);
    assert_string_equal(by, ids[2]);
    verify_free(verify);
    anchors_free(anchors);

    AUTO_TEXT path = store_transcript(dirs[1]);
    assert_int_equal(unlink(path), 0);
    AUTO_VALUE before = value_null();
    run_make(dirs[1], ids[1], before, RECORDS - 1, head);
    assert_int_equal(anchors_read(store, &anchors, NULL), 0);
    verify = verify_run(dirs[1], ids[1], anchors);
    size_t count;
    const struct verify_finding *findings = verify_findings(verify, &count);
    assert_int_equal(count, 1);
    assert_int_equal(findings[0].kind, VERIFY_REWRITTEN);
    assert_int_equal(verify_verdict(verify), VERIFY_DAMAGED);
    verify_free(verify);
    size_t cursor = 0;
    assert_false(anchors_missing(anchors, &cursor, &run, &by));
    anchors_free(anchors);

    assert_int_equal(file_remove_tree(dirs[1], NULL), 0);
    assert_int_equal(anchors_read(store, &anchors, NULL), 0);
    cursor = 0;
    assert_true(anchors_missing(anchors, &cursor, &run, &by));
    assert_string_equal(run, ids[1]);
    assert_string_equal(by, ids[2]);
    verify = verify_run(dirs[2], ids[2], anchors);
    assert_int_equal(verify_verdict(verify), VERIFY_VERIFIED);
    assert_int_equal(verify_findings(verify, &count)[0].kind, VERIFY_PREVIOUS);
    verify_free(verify);
    anchors_free(anchors);
    for (size_t i = 0; i < 3; i++)
        mem_free(dirs[i]);
    store_free(store);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_setup, folder_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_whole),  TEST(test_flip),    TEST(test_cut),     TEST(test_files),
        TEST(test_absent), TEST(test_resumed), TEST(test_running), TEST(test_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
