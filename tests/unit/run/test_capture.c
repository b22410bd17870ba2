/* The output of an attempt, also where the engine that began it died. */
#include "run/capture.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "secret/digest.h"
#include "tests/support/unit.h"

struct scene {
    char *dir;
    struct redactor *redactor;
    struct buf shown;
    int failures;
};

static int scene_setup(void **state) {
    struct scene *scene = mem_zalloc(sizeof *scene);
    scene->dir = mem_strdup("/tmp/runbook-test-XXXXXX");
    scene->shown = (struct buf)BUF_INIT(1 << 20);
    scene->redactor = redactor_new();
    *state = scene;
    if (!mkdtemp(scene->dir))
        return -1;
    AUTO_TEXT output = mem_printf("%s/output", scene->dir);
    return mkdir(output, 0700);
}

static int scene_teardown(void **state) {
    struct scene *scene = *state;
    AUTO_ERR err = ERR_INIT;
    assert_int_equal(file_remove_tree(scene->dir, &err), 0);
    redactor_free(scene->redactor);
    buf_release(&scene->shown);
    mem_free(scene->dir);
    mem_free(scene);
    return 0;
}

static void shown(void *user, enum step_stream stream, const char *bytes, size_t length) {
    struct scene *scene = user;
    assert_int_equal(stream, STEP_STDOUT);
    buf_append(&scene->shown, bytes, length);
}

static void failed(void *user, struct err *err) {
    struct scene *scene = user;
    assert_int_equal(err->kind, ERR_TRANSCRIPT);
    scene->failures++;
}

static struct capture *begin_as(struct scene *scene, bool resume, bool holds) {
    return capture_new(&(struct capture_spec){
        .redactor = scene->redactor,
        .dir = scene->dir,
        .name = "a.1",
        .resume = resume,
        .holds = holds,
        .shown = shown,
        .failed = failed,
        .user = scene,
    });
}

static void print(struct capture *capture, const char *text) {
    capture_write(capture, STEP_STDOUT, text, strlen(text));
}

/* The engine dies: what it held back is lost. */
static void die(struct capture *capture) {
    capture_free(capture);
}

/* Of a command. */
static struct capture *begin(struct scene *scene, bool resume) {
    return begin_as(scene, resume, false);
}

static char *stored_path(const struct scene *scene) {
    return mem_printf("%s/output/a.1.stdout", scene->dir);
}

static bool is_stored(const struct scene *scene) {
    AUTO_TEXT path = stored_path(scene);
    return file_exists(path);
}

static void assert_record(const struct capture *capture, const char *expected) {
    AUTO_VALUE own = capture_record(capture);
    AUTO_TEXT json = value_to_json(own);
    assert_string_equal(json, expected);
}

/* It is short, and stands in the record; then there is no file of it any more. */
static void assert_told(const struct scene *scene, struct capture *capture, const char *expected) {
    capture_end(capture);
    AUTO_VALUE text = value_string(expected);
    AUTO_TEXT json = value_to_json(text);
    AUTO_TEXT record =
        mem_printf("{\"stdout\":{\"bytes\":%zu,\"text\":%s}}", strlen(expected), json);
    assert_record(capture, record);
    bool had_file = is_stored(scene);
    assert_int_equal(capture_recorded(capture), had_file);
    assert_false(is_stored(scene));
    assert_false(capture_recorded(capture));
}

/* What is stored in a file, which stays, and that the record says so. */
static void assert_stored(const struct scene *scene, struct capture *capture, const char *expected,
                          size_t expected_length) {
    AUTO_TEXT path = stored_path(scene);
    AUTO_TEXT content = NULL;
    size_t length;
    char sum[DIGEST_TEXT_SIZE];
    capture_end(capture);
    assert_false(capture_recorded(capture));
    assert_int_equal(file_read(path, 1 << 20, &content, &length, NULL), 0);
    assert_int_equal(length, expected_length);
    assert_memory_equal(content, expected, length);
    digest_text(content, length, sum);
    AUTO_TEXT record =
        mem_printf("{\"stdout\":{\"bytes\":%zu,\"file\":\"output/a.1.stdout\",\"sha256\":\"%s\"}}",
                   length, sum);
    assert_record(capture, record);
}

static char *filled(char with, size_t length) {
    char *text = mem_alloc(length + 1);
    memset(text, with, length);
    text[length] = '\0';
    return text;
}

static void test_gap(void **state) {
    struct scene *scene = *state;
    redactor_add_secret(scene->redactor, "x", "S3cr3t/Value", 12);
    struct capture *capture = begin(scene, false);
    print(capture, "abc S3cr3t");
    die(capture);
    capture = begin(scene, true);
    print(capture, "");
    print(capture, "/Value def S3cr3t/Value.");
    assert_told(scene, capture, "abc [redacted:x] def [redacted:x].");
    assert_string_equal(buf_text(&scene->shown), "abc [redacted:x] def [redacted:x].");
    size_t length;
    bool cut;
    assert_string_equal(capture_head(capture, STEP_STDOUT, &length, &cut),
                        "abc /Value def S3cr3t/Value.");
    assert_false(cut);
    assert_string_equal(capture_tail(capture, STEP_STDOUT), "abc [redacted:x] def [redacted:x].");
    capture_free(capture);
    assert_int_equal(scene->failures, 0);
}

static void test_nothing_more(void **state) {
    struct scene *scene = *state;
    struct capture *capture = begin(scene, false);
    print(capture, "all of it\n");
    die(capture);
    for (int deaths = 0; deaths < 3; deaths++)
        die(begin(scene, true));
    capture = begin(scene, true);
    assert_told(scene, capture, "all of it\n");
    capture_free(capture);
    assert_int_equal(scene->failures, 0);
}

static void test_nothing_before(void **state) {
    struct scene *scene = *state;
    die(begin(scene, false));
    struct capture *capture = begin(scene, true);
    print(capture, "all of it\n");
    AUTO_TEXT path = stored_path(scene);
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0600);
    assert_told(scene, capture, "all of it\n");
    capture_free(capture);
    assert_int_equal(scene->failures, 0);
}

/* A secret that became known after the engine's death is found, too. */
static void test_learned_late(void **state) {
    struct scene *scene = *state;
    struct capture *capture = begin(scene, true);
    print(capture, "S3cr3t/Value is not known yet, ");
    redactor_add_secret(scene->redactor, "x", "S3cr3t/Value", 12);
    print(capture, "Value/S3cr3t/Val");
    print(capture, "ue");
    assert_told(scene, capture, "S3cr3t/Value is not known yet, Value/[redacted:x]");
    capture_free(capture);
}

static void test_large(void **state) {
    struct scene *scene = *state;
    struct capture *capture = begin(scene, false);
    AUTO_TEXT line = filled('l', CAPTURE_HEAD_MAX - 1);
    print(capture, line);
    die(capture);
    capture = begin(scene, true);
    size_t length;
    bool cut;
    (void)capture_head(capture, STEP_STDOUT, &length, &cut);
    assert_int_equal(length, CAPTURE_HEAD_MAX - 1);
    assert_false(cut);
    print(capture, "mn");
    (void)capture_head(capture, STEP_STDOUT, &length, &cut);
    assert_int_equal(length, CAPTURE_HEAD_MAX);
    assert_true(cut);
    assert_int_equal(strlen(capture_tail(capture, STEP_STDOUT)), CAPTURE_TAIL_MAX);
    capture_free(capture);
}

/* As long as a record takes it, and one byte more: in one piece, or in two. */
static void test_short_and_long(void **state) {
    struct scene *scene = *state;
    AUTO_TEXT longest = filled('s', CAPTURE_TEXT_MAX);
    AUTO_TEXT longer = filled('s', CAPTURE_TEXT_MAX + 1);
    for (int holds = 0; holds < 2; holds++)
        for (size_t first = 1; first <= CAPTURE_TEXT_MAX + 1; first += CAPTURE_TEXT_MAX / 2) {
            struct capture *capture = begin_as(scene, false, holds);
            capture_write(capture, STEP_STDOUT, longest, CAPTURE_TEXT_MAX);
            assert_true(is_stored(scene) != holds);
            assert_told(scene, capture, longest);
            capture_free(capture);
            capture = begin_as(scene, false, holds);
            capture_write(capture, STEP_STDOUT, longer, first);
            capture_write(capture, STEP_STDOUT, longer, CAPTURE_TEXT_MAX + 1 - first);
            assert_true(is_stored(scene));
            assert_stored(scene, capture, longer, CAPTURE_TEXT_MAX + 1);
            capture_free(capture);
            AUTO_TEXT path = stored_path(scene);
            assert_int_equal(unlink(path), 0);
        }
    assert_int_equal(scene->failures, 0);
}

/* What JSON cannot hold, or takes too much room in it, is in a file however short it is. */
static void test_binary(void **state) {
    struct scene *scene = *state;
    AUTO_TEXT bells = filled('\a', CAPTURE_ESCAPED_MAX / 6 + 1);
    const struct {
        const char *bytes;
        size_t length;
    } files[] = {{"a\0b", 3}, {"\xff", 1}, {"\xc3", 1}, {bells, CAPTURE_ESCAPED_MAX / 6 + 1}};
    for (int holds = 0; holds < 2; holds++)
        for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
            struct capture *capture = begin_as(scene, false, holds);
            capture_write(capture, STEP_STDOUT, files[i].bytes, files[i].length);
            assert_stored(scene, capture, files[i].bytes, files[i].length);
            capture_free(capture);
            AUTO_TEXT path = stored_path(scene);
            assert_int_equal(unlink(path), 0);
        }
}

/* An engine that died behind the limit left a file, which is gone on with. */
static void test_held_before(void **state) {
    struct scene *scene = *state;
    AUTO_TEXT longer = filled('s', CAPTURE_TEXT_MAX + 1);
    struct capture *capture = begin_as(scene, false, true);
    print(capture, longer);
    die(capture);
    capture = begin_as(scene, true, true);
    print(capture, "t");
    AUTO_TEXT all = mem_printf("%st", longer);
    assert_stored(scene, capture, all, strlen(all));
    capture_free(capture);
}

#define KNOWN_LATE "S3cr3t/Value"

/* What was printed before its secret was known, wherever it is by then. */
static void test_redacted_again(void **state) {
    struct scene *scene = *state;
    AUTO_TEXT before = filled('b', CAPTURE_TEXT_MAX - 4);
    AUTO_TEXT grown = mem_printf("%s[redacted:x]", before);
    AUTO_TEXT name = filled('n', 4 * CAPTURE_TEXT_MAX);
    AUTO_TEXT blown = mem_printf("%s[redacted:%s]", before, name);
    const struct {
        const char *before, *secret, *name, *after;
    } samples[] = {
        {"a ", KNOWN_LATE, "x", "a [redacted:x]"},
        {before, "S3c3", "x", grown},
        {before, "S3c3", name, blown},
    };
    for (int holds = 0; holds < 2; holds++)
        for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
            redactor_free(scene->redactor);
            scene->redactor = redactor_new();
            struct capture *capture = begin_as(scene, false, holds);
            print(capture, samples[i].before);
            print(capture, samples[i].secret);
            capture_end(capture);
            redactor_add_secret(scene->redactor, samples[i].name, samples[i].secret,
                                strlen(samples[i].secret));
            capture_redact_again(capture);
            assert_null(strstr(capture_tail(capture, STEP_STDOUT), samples[i].secret));
            if (strlen(samples[i].after) <= CAPTURE_TEXT_MAX) {
                assert_told(scene, capture, samples[i].after);
            } else {
                assert_stored(scene, capture, samples[i].after, strlen(samples[i].after));
                AUTO_TEXT path = stored_path(scene);
                assert_int_equal(unlink(path), 0);
            }
            capture_free(capture);
        }
    assert_int_equal(scene->failures, 0);
}

static void test_refused(void **state) {
    struct scene *scene = *state;
    AUTO_TEXT path = stored_path(scene);
    AUTO_TEXT other = mem_printf("%s/other", scene->dir);
    struct capture *capture = begin(scene, false);
    print(capture, "one");
    die(capture);
    /* Without being asked to, it goes on with nothing. */
    capture = begin(scene, false);
    print(capture, "two");
    print(capture, "three");
    assert_int_equal(scene->failures, 1);
    capture_free(capture);
    assert_int_equal(rename(path, other), 0);
    assert_int_equal(symlink(other, path), 0);
    capture = begin(scene, true);
    assert_int_equal(scene->failures, 2);
    print(capture, "four");
    assert_int_equal(scene->failures, 2);
    capture_free(capture);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    capture_free(begin(scene, true));
    assert_int_equal(scene->failures, 3);
    size_t length;
    AUTO_TEXT content = NULL;
    assert_int_equal(file_read(other, 100, &content, &length, NULL), 0);
    assert_string_equal(content, "one");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, scene_setup, scene_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_gap),          TEST(test_nothing_more), TEST(test_nothing_before),
        TEST(test_learned_late), TEST(test_large),        TEST(test_short_and_long),
        TEST(test_binary),       TEST(test_held_before),  TEST(test_redacted_again),
        TEST(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
