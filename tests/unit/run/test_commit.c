#include "tests/support/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "run/commit.h"

struct scene {
    char folder[40];
    struct loop *loop;
    struct writer *writer;
    struct commit *commit;
    struct buf told; /* who was called, in order */
    int failures;
};

static void failed(void *user, struct err *err) {
    struct scene *scene = user;
    assert_int_equal(err->kind, ERR_TRANSCRIPT);
    scene->failures++;
}

static void scene_open(struct scene *scene, bool sync) {
    *scene = (struct scene){.folder = "/tmp/runbook-commit-XXXXXX", .told = BUF_INIT(1000)};
    assert_non_null(mkdtemp(scene->folder));
    AUTO_TEXT path = mem_printf("%s/transcript.jsonl", scene->folder);
    assert_int_equal(writer_new(path, NULL, &scene->writer, NULL), 0);
    scene->loop = loop_new(NULL);
    scene->commit = commit_new(scene->loop, scene->writer, scene->folder, sync, failed, scene);
}

static void scene_close(struct scene *scene) {
    AUTO_ERR err = ERR_INIT;
    commit_free(scene->commit);
    writer_free(scene->writer);
    loop_free(scene->loop);
    buf_release(&scene->told);
    assert_int_equal(file_remove_tree(scene->folder, &err), 0);
}

static int append(struct scene *scene) {
    AUTO_ERR err = ERR_INIT;
    struct event event = {.type = EVENT_SIGNAL_RECEIVED};
    EVENT_SET(&event, signal, "SIGINT");
    return writer_append(scene->writer, &event, &err);
}

static void tell_a(void *user) {
    struct scene *scene = user;
    buf_putc(&scene->told, 'a');
}

static void tell_b(void *user) {
    struct scene *scene = user;
    buf_putc(&scene->told, 'b');
}

/* Adds one more record from within: it must wait for a sync of its own. */
static void tell_and_add(void *user) {
    struct scene *scene = user;
    assert_true(writer_synced(scene->writer) >= 1);
    buf_putc(&scene->told, '+');
    assert_int_equal(append(scene), 0);
    commit_then(scene->commit, tell_b, scene);
}

static void order_with(bool sync) {
    struct scene scene;
    scene_open(&scene, sync);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(append(&scene), 0);
        commit_then(scene.commit, i == 1 ? tell_b : tell_a, &scene);
    }
    assert_string_equal(buf_text(&scene.told), ""); /* never from within */
    loop_run(scene.loop);
    assert_string_equal(buf_text(&scene.told), "aba");
    if (sync)
        assert_int_equal(writer_synced(scene.writer), 3);
    assert_int_equal(scene.failures, 0);
    scene_close(&scene);
}

static void test_order(void **state) {
    (void)state;
    order_with(true);
    order_with(false);
}

static void test_from_within(void **state) {
    struct scene scene;
    (void)state;
    scene_open(&scene, true);
    assert_int_equal(append(&scene), 0);
    commit_then(scene.commit, tell_and_add, &scene);
    loop_run(scene.loop);
    assert_string_equal(buf_text(&scene.told), "+b");
    assert_int_equal(writer_synced(scene.writer), 2);
    scene_close(&scene);
}

/* The writer's descriptor is the newest one: closing it makes the sync fail. */
static void writer_break(void) {
    int next = open("/dev/null", O_RDONLY);
    close(next);
    for (int fd = 3; fd < next; fd++) {
        char link[40], path[200];
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        ssize_t length = readlink(link, path, sizeof path - 1);
        if (length > 0 && memmem(path, (size_t)length, "transcript.jsonl", 16)) {
            int null = open("/dev/null", O_RDONLY);
            dup2(null, fd); /* fdatasync of it is EINVAL */
            close(null);
        }
    }
}

static void test_failure_is_told_once(void **state) {
    struct scene scene;
    (void)state;
    scene_open(&scene, true);
    assert_int_equal(append(&scene), 0);
    writer_break();
    commit_then(scene.commit, tell_a, &scene);
    loop_run(scene.loop);
    commit_then(scene.commit, tell_b, &scene);
    loop_run(scene.loop);
    assert_int_equal(scene.failures, 1);
    assert_string_equal(buf_text(&scene.told), "");
    AUTO_ERR err = ERR_INIT;
    assert_int_equal(commit_now(scene.commit, &err), -1);
    scene_close(&scene);
}

/* The writer goes while its sync is on its way: the sanitizers tell if it is touched. */
static void test_free_while_busy(void **state) {
    (void)state;
    for (int i = 0; i < 50; i++) {
        struct scene scene;
        scene_open(&scene, i % 4 != 0);
        assert_int_equal(append(&scene), 0);
        (i % 3 ? commit_then : commit_alone)(scene.commit, tell_a, &scene);
        scene_close(&scene);
    }
}

/* The loop waits for the disk itself: what comes in the same turn shares that, and a failure is
 * told as any. */
static void test_alone(void **state) {
    struct scene scene;
    (void)state;
    scene_open(&scene, true);
    assert_int_equal(append(&scene), 0);
    commit_alone(scene.commit, tell_a, &scene);
    assert_int_equal(append(&scene), 0);
    commit_then(scene.commit, tell_b, &scene);
    assert_int_equal(writer_synced(scene.writer), 0);
    assert_string_equal(buf_text(&scene.told), "");
    loop_run(scene.loop);
    assert_string_equal(buf_text(&scene.told), "ab");
    assert_int_equal(writer_synced(scene.writer), 2);
    assert_int_equal(append(&scene), 0);
    writer_break();
    commit_alone(scene.commit, tell_a, &scene);
    loop_run(scene.loop);
    assert_string_equal(buf_text(&scene.told), "ab");
    assert_int_equal(scene.failures, 1);
    scene_close(&scene);
}

static int output_open(const struct scene *scene) {
    AUTO_TEXT folder = mem_printf("%s/output", scene->folder);
    AUTO_TEXT path = mem_printf("%s/one.1.stdout", folder);
    assert_int_equal(file_make_dir(folder, 0700, NULL), 0);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    return fd;
}

/* What a record vouches for is on disk, and its file closed, before the record counts. */
static void test_files_go_first(void **state) {
    (void)state;
    struct scene scene;
    scene_open(&scene, true);
    int fd = output_open(&scene);
    commit_file(scene.commit, fd);
    assert_int_equal(append(&scene), 0);
    commit_then(scene.commit, tell_a, &scene);
    assert_int_not_equal(fcntl(fd, F_GETFD), -1);
    loop_run(scene.loop);
    assert_string_equal(buf_text(&scene.told), "a");
    assert_int_equal(fcntl(fd, F_GETFD), -1);
    scene_close(&scene);
}

/* A pipe cannot be synced: nobody is told that what waits for it is durable. */
static void test_a_file_that_cannot_be_synced(void **state) {
    (void)state;
    struct scene scene;
    int ends[2];
    scene_open(&scene, true);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    close(ends[0]);
    commit_file(scene.commit, ends[1]);
    assert_int_equal(append(&scene), 0);
    commit_then(scene.commit, tell_a, &scene);
    loop_run(scene.loop);
    assert_string_equal(buf_text(&scene.told), "");
    assert_int_equal(scene.failures, 1);
    scene_close(&scene);
}

static void test_names_go_before_the_end(void **state) {
    (void)state;
    AUTO_ERR err = ERR_INIT;
    struct scene scene;
    scene_open(&scene, true);
    assert_int_equal(commit_files(scene.commit, &err), 0);
    commit_removed(scene.commit);
    assert_int_equal(commit_files(scene.commit, &err), -1); /* there is no folder here */
    assert_int_equal(err.kind, ERR_TRANSCRIPT);
    assert_int_equal(commit_files(scene.commit, &err), 0);
    scene_close(&scene);
}

/* Reads run ahead of the disk, but not of what they rely on, nor without an end. */
static void test_reads_run_ahead(void **state) {
    (void)state;
    struct scene scene;
    scene_open(&scene, true);
    assert_true(commit_lets_read(scene.commit));
    assert_int_equal(append(&scene), 0);
    assert_true(commit_lets_read(scene.commit));
    commit_relied_on(scene.commit);
    assert_false(commit_lets_read(scene.commit));
    commit_then(scene.commit, NULL, NULL);
    assert_true(commit_is_idle(scene.commit));
    loop_run(scene.loop);
    assert_true(commit_lets_read(scene.commit));
    for (int i = 0; i < COMMIT_AHEAD_MAX - 1; i++)
        assert_int_equal(append(&scene), 0);
    assert_true(commit_lets_read(scene.commit));
    assert_int_equal(append(&scene), 0);
    assert_false(commit_lets_read(scene.commit));
    commit_then(scene.commit, tell_a, &scene);
    loop_run(scene.loop);
    assert_true(commit_lets_read(scene.commit));
    assert_string_equal(buf_text(&scene.told), "a");
    scene_close(&scene);
}

/* Who asks for no sync gets none, and loses no descriptor. */
static void test_files_without_sync(void **state) {
    (void)state;
    struct scene scene;
    scene_open(&scene, false);
    int fd = output_open(&scene);
    commit_file(scene.commit, fd);
    assert_int_equal(fcntl(fd, F_GETFD), -1);
    scene_close(&scene);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_from_within),
        cmocka_unit_test(test_failure_is_told_once),
        cmocka_unit_test(test_free_while_busy),
        cmocka_unit_test(test_alone),
        cmocka_unit_test(test_files_go_first),
        cmocka_unit_test(test_a_file_that_cannot_be_synced),
        cmocka_unit_test(test_names_go_before_the_end),
        cmocka_unit_test(test_reads_run_ahead),
        cmocka_unit_test(test_files_without_sync),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
