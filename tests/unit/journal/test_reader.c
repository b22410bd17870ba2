#include "journal_support.h"

#include <fcntl.h>
#include <unistd.h>

#define RECORDS 8

/* A small transcript with an end; the caller frees the path. */
static char *transcript_make(const char *dir) {
    char *path = mem_printf("%s/transcript.jsonl", dir);
    struct writer *writer = NULL;
    uint32_t seed = 7;
    assert_int_equal(writer_new(path, NULL, &writer, NULL), 0);
    for (int i = 0; i < RECORDS; i++) {
        struct event event = {.type = i + 1 < RECORDS ? EVENT_STEP_FINISHED : EVENT_RUN_FINISHED};
        AUTO_TEXT step = mem_printf("step_%u", sample_random(&seed));
        EVENT_SET(&event, phase, "run");
        EVENT_SET(&event, step, step);
        EVENT_SET(&event, status, "succeeded");
        EVENT_SET(&event, duration_ms, i);
        EVENT_SET(&event, exit, 0);
        assert_int_equal(writer_append(writer, &event, NULL), 0);
    }
    assert_int_equal(writer_close(writer, NULL), 0);
    writer_free(writer);
    return path;
}

static void bytes_write(const char *path, const char *bytes, size_t length) {
    AUTO_FD fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_int_equal(file_write_all(fd, bytes, length, NULL), 0);
}

/* How many records can be read; *ret_last is what reader_next said behind them. */
static uint64_t count_records(const char *path, int *ret_last, bool *ret_ended, struct err *err) {
    struct reader *reader = NULL;
    struct event event;
    *ret_ended = false;
    assert_int_equal(reader_open(path, &reader, NULL), 0);
    while ((*ret_last = reader_next(reader, &event, err)) > 0)
        *ret_ended = event.type == EVENT_RUN_FINISHED;
    uint64_t count = reader_count(reader);
    reader_free(reader);
    return count;
}

/* Damage that is neither refused nor seen as a missing end would pass for a true transcript. */
static void assert_noticed(const char *path, const char *what) {
    AUTO_ERR err = ERR_INIT;
    int last;
    bool ended;
    uint64_t count = count_records(path, &last, &ended, &err);
    if (last == 0 && ended && count == RECORDS)
        fail_msg("not noticed: %s", what);
    if (last < 0 && err.kind != ERR_TRANSCRIPT)
        fail_msg("%s: kind %d: %s", what, err.kind, err.message);
}

static void test_flip(void **state) {
    AUTO_TEXT path = transcript_make(*state);
    AUTO_TEXT bytes = NULL;
    size_t length;
    assert_int_equal(file_read(path, 1 << 20, &bytes, &length, NULL), 0);
    static const char flips[] = {1, 0x20, (char)0x80};
    for (size_t i = 0; i < length; i++)
        for (size_t f = 0; f < sizeof flips; f++) {
            bytes[i] ^= flips[f];
            bytes_write(path, bytes, length);
            AUTO_TEXT what = mem_printf("byte %zu flipped", i);
            assert_noticed(path, what);
            bytes[i] ^= flips[f];
        }
}

static size_t line_end(const char *bytes, size_t from) {
    return from + strcspn(bytes + from, "\n") + 1;
}

/* Each line left out, doubled, swapped with the next. */
static void test_lines(void **state) {
    AUTO_TEXT path = transcript_make(*state);
    AUTO_TEXT bytes = NULL;
    size_t length;
    assert_int_equal(file_read(path, 1 << 20, &bytes, &length, NULL), 0);
    for (size_t from = 0; from < length;) {
        size_t to = line_end(bytes, from);
        AUTO_BUF out = BUF_INIT(1 << 20);
        (void)buf_append(&out, bytes, from);
        (void)buf_append(&out, bytes + to, length - to);
        bytes_write(path, buf_text(&out), out.length);
        assert_noticed(path, "a line left out");
        buf_clear(&out);
        (void)buf_append(&out, bytes, to);
        (void)buf_append(&out, bytes + from, length - from);
        bytes_write(path, buf_text(&out), out.length);
        assert_noticed(path, "a line doubled");
        size_t next = to < length ? line_end(bytes, to) : to;
        buf_clear(&out);
        (void)buf_append(&out, bytes, from);
        (void)buf_append(&out, bytes + to, next - to);
        (void)buf_append(&out, bytes + from, to - from);
        (void)buf_append(&out, bytes + next, length - next);
        bytes_write(path, buf_text(&out), out.length);
        if (next > to)
            assert_noticed(path, "lines swapped");
        from = to;
    }
}

/* Cut at each byte, with and without the zeros of a reserve behind it. */
static void test_torn(void **state) {
    AUTO_TEXT path = transcript_make(*state);
    AUTO_TEXT bytes = NULL;
    size_t length;
    assert_int_equal(file_read(path, 1 << 20, &bytes, &length, NULL), 0);
    char *reserve = mem_zalloc(70000);
    uint64_t whole = 0;
    for (size_t cut = 0; cut <= length; cut++) {
        AUTO_ERR err = ERR_INIT;
        AUTO_BUF out = BUF_INIT(1 << 20);
        int last;
        bool ended;
        whole += cut > 0 && bytes[cut - 1] == '\n';
        bytes_write(path, bytes, cut);
        assert_int_equal(count_records(path, &last, &ended, &err), whole);
        assert_int_equal(last, 0);
        if (cut % 50 != 0 && cut + 3 < length)
            continue;
        (void)buf_append(&out, bytes, cut);
        (void)buf_append(&out, reserve, cut % 3 ? 70000 : 4000);
        bytes_write(path, out.data, out.length);
        assert_int_equal(count_records(path, &last, &ended, &err), whole);
        assert_int_equal(last, 0);
    }
    assert_int_equal(whole, RECORDS);
    mem_free(reserve);
}

static void test_damage_inside(void **state) {
    AUTO_TEXT path = transcript_make(*state);
    AUTO_TEXT bytes = NULL;
    AUTO_ERR err = ERR_INIT;
    size_t length;
    int last;
    bool ended;
    assert_int_equal(file_read(path, 1 << 20, &bytes, &length, NULL), 0);
    bytes[line_end(bytes, 0) + 20] = '\0';
    bytes_write(path, bytes, length);
    assert_int_equal(count_records(path, &last, &ended, &err), 1);
    assert_int_equal(last, -1);
    assert_err(&err, ERR_TRANSCRIPT, "line 2");
    char *endless = mem_alloc(200000);
    memset(endless, 'x', 200000);
    bytes_write(path, endless, 200000);
    assert_int_equal(count_records(path, &last, &ended, &err), 0);
    assert_err(&err, ERR_TRANSCRIPT, "longer than");
    bytes_write(path, endless, 60000);
    assert_int_equal(count_records(path, &last, &ended, &err), 0);
    assert_int_equal(last, 0);
    mem_free(endless);
}

/* Reads what another writes, record by record, through a torn one. */
static void test_follow(void **state) {
    AUTO_TEXT path = transcript_make(*state);
    AUTO_TEXT bytes = NULL;
    size_t length;
    assert_int_equal(file_read(path, 1 << 20, &bytes, &length, NULL), 0);
    AUTO_FD fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    assert_int_equal(ftruncate(fd, 100000), 0);
    struct reader *reader = NULL;
    struct event event;
    assert_int_equal(reader_open(path, &reader, NULL), 0);
    for (size_t at = 0; at < length; at++) {
        assert_int_equal(reader_next(reader, &event, NULL), 0);
        assert_int_equal(pwrite(fd, bytes + at, 1, (off_t)at), 1);
        if (bytes[at] != '\n')
            continue;
        assert_int_equal(reader_next(reader, &event, NULL), 1);
        size_t line_length;
        const char *line = reader_line(reader, &line_length);
        assert_memory_equal(line, bytes + at + 1 - line_length, line_length);
    }
    assert_int_equal(reader_count(reader), RECORDS);
    reader_free(reader);
}

static void test_many(void **state) {
    AUTO_TEXT path = mem_printf("%s/transcript.jsonl", (const char *)*state);
    struct writer *writer = NULL;
    char *text = mem_alloc(60001);
    memset(text, 'x', 60000);
    assert_int_equal(writer_new(path, NULL, &writer, NULL), 0);
    for (size_t i = 0; i < 300; i++) {
        struct event event = {.type = EVENT_SIGNAL_RECEIVED};
        text[60000] = '\0';
        text[i * 200] = '\0';
        EVENT_SET(&event, signal, text);
        assert_int_equal(writer_append(writer, &event, NULL), 0);
        text[i * 200] = 'x';
    }
    writer_free(writer);
    AUTO_ERR err = ERR_INIT;
    int last;
    bool ended;
    assert_int_equal(count_records(path, &last, &ended, &err), 300);
    assert_int_equal(last, 0);
    mem_free(text);
}

static void test_absent(void **state) {
    struct reader *reader = NULL;
    AUTO_ERR err = ERR_INIT;
    AUTO_TEXT path = mem_printf("%s/none", (const char *)*state);
    assert_int_equal(reader_open(path, &reader, &err), -1);
    assert_err(&err, ERR_SYSTEM, "No such file");
    assert_int_equal(reader_open(*state, &reader, NULL), 0);
    struct event event;
    assert_int_equal(reader_next(reader, &event, &err), -1);
    assert_err(&err, ERR_SYSTEM, "Is a directory");
    reader_free(reader);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_setup, folder_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_flip),   TEST(test_lines), TEST(test_torn),   TEST(test_damage_inside),
        TEST(test_follow), TEST(test_many),  TEST(test_absent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
