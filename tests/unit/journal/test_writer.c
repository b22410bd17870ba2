#include "journal_support.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "secret/digest.h"

static struct writer *writer_at(const char *dir, const struct redactor *redactor, char **ret_path) {
    struct writer *writer = NULL;
    *ret_path = mem_printf("%s/transcript.jsonl", dir);
    assert_int_equal(writer_new(*ret_path, redactor, &writer, NULL), 0);
    return writer;
}

static int append_started(struct writer *writer, const char *phase, struct err *err) {
    struct event event = {.type = EVENT_STEP_STARTED};
    EVENT_SET(&event, phase, phase);
    EVENT_SET(&event, step, "a");
    EVENT_SET(&event, attempt, 1);
    return writer_append(writer, &event, err);
}

static int append_signal(struct writer *writer, const char *signal, struct err *err) {
    struct event event = {.type = EVENT_SIGNAL_RECEIVED};
    EVENT_SET(&event, signal, signal);
    return writer_append(writer, &event, err);
}

static off_t size_of(const char *path) {
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    return info.st_size;
}

static uint64_t read_all(const char *path, struct err *err, int *ret_more) {
    struct reader *reader = NULL;
    struct event event;
    assert_int_equal(reader_open(path, &reader, NULL), 0);
    while ((*ret_more = reader_next(reader, &event, err)) > 0)
        continue;
    uint64_t count = reader_count(reader);
    reader_free(reader);
    return count;
}

static void told(void *user, const struct event *event, const char *line, size_t length) {
    struct buf *lines = user;
    assert_int_equal(event->type, EVENT_STEP_STARTED);
    (void)buf_append(lines, line, length);
}

static void test_append(void **state) {
    AUTO_TEXT path = NULL;
    AUTO_BUF lines = BUF_INIT(1 << 20);
    struct writer *writer = writer_at(*state, NULL, &path);
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0600);
    writer_on_append(writer, told, &lines);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(append_started(writer, "run", NULL), 0);
    assert_int_equal(writer_appended(writer), 1000);
    assert_int_equal(writer_synced(writer), 0);
    assert_int_equal(writer_sync(writer, NULL), 0);
    assert_int_equal(writer_synced(writer), 1000);
    int more;
    assert_int_equal(read_all(path, NULL, &more), 1000);
    assert_int_equal(more, 0);
    assert_true(size_of(path) > (off_t)lines.length);
    assert_int_equal(writer_close(writer, NULL), 0);
    AUTO_TEXT content = NULL;
    size_t length;
    assert_int_equal(file_read(path, 1 << 20, &content, &length, NULL), 0);
    assert_int_equal(length, lines.length);
    assert_memory_equal(content, lines.data, length);
    AUTO_TEXT last = NULL;
    size_t last_length;
    char sum[DIGEST_TEXT_SIZE];
    assert_int_equal(reader_last_line(path, READER_LAST, &last, &last_length, NULL), 1);
    digest_text(last, last_length, sum);
    assert_string_equal(sum, writer_head(writer));
    writer_free(writer);
    AUTO_ERR err = ERR_INIT;
    assert_int_equal(writer_new(path, NULL, &writer, &err), -1);
    assert_err(&err, ERR_TRANSCRIPT, "File exists");
}

/* In every place where a record holds text, and as a number. */
static void test_redaction(void **state) {
    AUTO_TEXT path = NULL;
    struct redactor *redactor = redactor_new();
    redactor_add_secret(redactor, "token", "s3cr\xc3\xa9t\"\n value", 15);
    redactor_add_secret(redactor, "pin", "1234567890", 10);
    struct writer *writer = writer_at(*state, redactor, &path);
    struct event event = {.type = EVENT_STEP_FINISHED};
    AUTO_VALUE result = value_set(value_object(), "a s3cr\xc3\xa9t\"\n value key",
                                  value_string("x s3cr\xc3\xa9t\"\n value"));
    result = value_set(result, "pin", value_integer(1234567890));
    result = value_set(result, "dumped", value_string("{\"s3cr\\u00e9t\\\"\\n value\"}"));
    EVENT_SET(&event, phase, "run");
    EVENT_SET(&event, step, "a");
    EVENT_SET(&event, status, "failed");
    EVENT_SET(&event, duration_ms, 1);
    EVENT_SET(&event, error, "no: s3cr\xc3\xa9t\"\n value!");
    EVENT_SET(&event, hint, "dXNlcjpzM2Nyw6l0Igogdmx1ZQ== 1234567890");
    EVENT_SET(&event, result, result);
    assert_int_equal(writer_append(writer, &event, NULL), 0);
    assert_int_equal(writer_close(writer, NULL), 0);
    AUTO_TEXT content = NULL;
    size_t length;
    assert_int_equal(file_read(path, 1 << 20, &content, &length, NULL), 0);
    assert_null(strstr(content, "s3cr"));
    assert_null(strstr(content, "1234567890"));
    assert_non_null(strstr(content, "no: [redacted:token]!"));
    assert_non_null(strstr(content, "\"a [redacted:token] key\":\"x [redacted:token]\""));
    assert_non_null(strstr(content, "\"pin\":\"[redacted:pin]\""));
    assert_string_equal(event.error, "no: s3cr\xc3\xa9t\"\n value!");
    int more;
    assert_int_equal(read_all(path, NULL, &more), 1);
    writer_free(writer);
    redactor_free(redactor);
}

static void *sync_often(void *user) {
    struct writer *writer = user;
    for (int i = 0; i < 50; i++)
        if (writer_sync(writer, NULL) < 0)
            return user;
    return NULL;
}

static void test_sync_beside_append(void **state) {
    AUTO_TEXT path = NULL;
    struct writer *writer = writer_at(*state, NULL, &path);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, sync_often, writer), 0);
    for (int i = 0; i < 5000; i++) {
        assert_int_equal(append_signal(writer, "SIGINT", NULL), 0);
        assert_true(writer_synced(writer) <= writer_appended(writer));
    }
    void *failed;
    assert_int_equal(pthread_join(thread, &failed), 0);
    assert_null(failed);
    assert_int_equal(writer_sync(writer, NULL), 0);
    assert_int_equal(writer_synced(writer), 5000);
    writer_free(writer);
    int more;
    assert_int_equal(read_all(path, NULL, &more), 5000);
}

/* A file size limit stands in for a full disk: both refuse the reserve, and at last the write. */
static void full_disk(const char *dir) {
    AUTO_TEXT path = NULL;
    AUTO_ERR err = ERR_INIT;
    struct writer *writer = writer_at(dir, NULL, &path);
    (void)signal(SIGXFSZ, SIG_IGN);
    const struct rlimit limit = {300000, 300000};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    uint64_t begun = 0;
    while (append_started(writer, "run", &err) == 0)
        begun++;
    assert_err(&err, ERR_TRANSCRIPT, "could not be written");
    /* No new effect, but the outcomes, the rollback and the end still fit. */
    assert_int_equal(append_started(writer, "run", &err), -1);
    err_release(&err);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(append_signal(writer, "SIGINT", &err), 0);
        assert_int_equal(append_started(writer, "rollback", &err), 0);
    }
    assert_int_equal(writer_sync(writer, &err), 0);
    uint64_t fitted = writer_appended(writer);
    assert_int_equal(fitted, begun + 200);
    while (append_signal(writer, "SIGINT", &err) == 0)
        fitted++;
    assert_err(&err, ERR_TRANSCRIPT, "could not be written");
    /* Final, also where there would be room again. */
    const struct rlimit wide = {RLIM_INFINITY, RLIM_INFINITY};
    (void)setrlimit(RLIMIT_FSIZE, &wide);
    assert_int_equal(append_signal(writer, "SIGINT", &err), -1);
    err_release(&err);
    assert_int_equal(writer_sync(writer, &err), -1);
    err_release(&err);
    assert_int_equal(writer_close(writer, &err), -1);
    err_release(&err);
    assert_int_equal(writer_appended(writer), fitted);
    writer_free(writer);
    int more;
    assert_int_equal(read_all(path, &err, &more), fitted);
    assert_int_equal(more, 0);
}

static void test_full_disk(void **state) {
    pid_t child = fork();
    if (child == 0) {
        full_disk(*state);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void test_old_machine(void **state) {
    AUTO_TEXT path = NULL;
    /* Up for a year. */
    clock_fake(1767322985 * NS_PER_S, 365 * 86400 * NS_PER_S);
    struct writer *writer = writer_at(*state, NULL, &path);
    assert_int_equal(append_signal(writer, "SIGINT", NULL), 0);
    clock_advance(30 * 86400 * NS_PER_S);
    assert_int_equal(append_signal(writer, "SIGINT", NULL), 0);
    writer_free(writer);
    struct reader *reader = NULL;
    struct event first, second;
    assert_int_equal(reader_open(path, &reader, NULL), 0);
    assert_int_equal(reader_next(reader, &first, NULL), 1);
    assert_int_equal(reader_next(reader, &second, NULL), 1);
    assert_int_equal(second.mono_ns - first.mono_ns, 30 * 86400 * NS_PER_S);
    reader_free(reader);
    clock_real();
}

static void test_bad_event(void **state) {
    AUTO_TEXT path = NULL;
    AUTO_ERR err = ERR_INIT;
    struct writer *writer = writer_at(*state, NULL, &path);
    struct event event = {.type = EVENT_SIGNAL_RECEIVED};
    assert_int_equal(writer_append(writer, &event, &err), -1);
    assert_err(&err, ERR_INVALID, "lacks `signal`");
    /* It was the maker's fault, so the transcript goes on. */
    assert_int_equal(append_signal(writer, "SIGINT", NULL), 0);
    assert_int_equal(writer_appended(writer), 1);
    writer_free(writer);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_setup, folder_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_append),    TEST(test_redaction),   TEST(test_sync_beside_append),
        TEST(test_full_disk), TEST(test_old_machine), TEST(test_bad_event),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
