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

static struct capture *begin(struct scene *scene, bool resume) {
    return capture_new(&(struct capture_spec){
        .redactor = scene->redactor,
        .dir = scene->dir,
        .name = "a.1",
        .resume = resume,
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

/* What is stored, and that the record says so. */
static void assert_stored(const struct scene *scene, struct capture *capture,
                          const char *expected) {
    AUTO_TEXT path = mem_printf("%s/output/a.1.stdout", scene->dir);
    AUTO_TEXT content = NULL;
    size_t length;
    char sum[DIGEST_TEXT_SIZE];
    capture_end(capture);
    assert_int_equal(file_read(path, 1 << 20, &content, &length, NULL), 0);
    assert_string_equal(content, expected);
    digest_text(content, length, sum);
    AUTO_TEXT record =
        mem_printf("{\"stdout\":{\"bytes\":%zu,\"file\":\"output/a.1.stdout\",\"sha256\":\"%s\"}}",
                   length, sum);
    AUTO_VALUE own = capture_record(capture);
    AUTO_TEXT json = value_to_json(own);
    assert_string_equal(json, record);
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
    assert_stored(scene, capture, "abc [redacted:x] def [redacted:x].");
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
    assert_stored(scene, capture, "all of it\n");
    capture_free(capture);
    assert_int_equal(scene->failures, 0);
}

static void test_nothing_before(void **state) {
    struct scene *scene = *state;
    die(begin(scene, false));
    struct capture *capture = begin(scene, true);
    print(capture, "all of it\n");
    assert_stored(scene, capture, "all of it\n");
    capture_free(capture);
    AUTO_TEXT path = mem_printf("%s/output/a.1.stdout", scene->dir);
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0600);
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
    assert_stored(scene, capture, "S3cr3t/Value is not known yet, Value/[redacted:x]");
    capture_free(capture);
}

static void test_large(void **state) {
    struct scene *scene = *state;
    struct capture *capture = begin(scene, false);
    AUTO_TEXT line = mem_alloc(CAPTURE_HEAD_MAX);
    memset(line, 'l', CAPTURE_HEAD_MAX - 1);
    line[CAPTURE_HEAD_MAX - 1] = '\0';
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

static void test_refused(void **state) {
    struct scene *scene = *state;
    AUTO_TEXT path = mem_printf("%s/output/a.1.stdout", scene->dir);
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
        TEST(test_learned_late), TEST(test_large),        TEST(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
