#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "tests/support/unit.h"

static char folder[64];

static int setup(void **state) {
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/test_file.XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    return file_remove_tree(folder, NULL);
}

static char *in_folder(const char *name) {
    return mem_printf("%s/%s", folder, name);
}

static void put(const char *path, const char *text) {
    assert_int_equal(file_write_atomic(path, text, strlen(text), 0644, NULL), 0);
}

static void check_content(const char *path, const char *expected) {
    AUTO_TEXT text = NULL;
    size_t length = 0;
    assert_int_equal(file_read(path, 1 << 20, &text, &length, NULL), 0);
    assert_int_equal(length, strlen(expected));
    assert_string_equal(text, expected);
}

static void check_unreadable(const char *path, size_t ceiling, enum err_kind kind,
                             const char *reason) {
    AUTO_ERR err = ERR_INIT;
    char *text = NULL;
    size_t length;
    assert_int_equal(file_read(path, ceiling, &text, &length, &err), -1);
    assert_int_equal(err.kind, kind);
    assert_non_null(strstr(err.message, reason));
    assert_non_null(strstr(err.message, path));
    assert_null(text);
}

static void reads_up_to_the_ceiling(void **state) {
    (void)state;
    AUTO_TEXT path = in_folder("a");
    put(path, "12345");
    AUTO_TEXT text = NULL;
    size_t length = 0;
    assert_int_equal(file_read(path, 5, &text, &length, NULL), 0);
    assert_string_equal(text, "12345");
    check_unreadable(path, 4, ERR_LIMIT, "larger than 4 B");
    put(path, "");
    check_content(path, "");
    /* The size of a file in /proc is given as 0. */
    AUTO_TEXT status = NULL;
    assert_int_equal(file_read("/proc/self/status", 1 << 20, &status, &length, NULL), 0);
    assert_true(length > 100);
    check_unreadable("/proc/self/status", 10, ERR_LIMIT, "larger than");
}

static void refuses_what_is_no_file(void **state) {
    (void)state;
    AUTO_TEXT pipe_path = in_folder("pipe");
    AUTO_TEXT missing = in_folder("missing");
    assert_int_equal(mkfifo(pipe_path, 0600), 0);
    check_unreadable(folder, 100, ERR_INVALID, "it is a directory");
    check_unreadable("/dev/null", 100, ERR_INVALID, "it is a device");
    check_unreadable(pipe_path, 100, ERR_INVALID, "it is a pipe");
    check_unreadable(missing, 100, ERR_SYSTEM, "No such file");
}

static size_t count_entries(void) {
    size_t count = 0;
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    while (readdir(dir))
        count++;
    closedir(dir);
    return count - 2;
}

static void writes_atomically(void **state) {
    (void)state;
    AUTO_TEXT path = in_folder("target");
    put(path, "old");
    size_t entries = count_entries();
    AUTO_FD old = open(path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(file_write_atomic(path, "new", 3, 0640, NULL), 0);
    check_content(path, "new");
    /* Who had it open still sees the whole old file. */
    char text[8] = {0};
    assert_int_equal(read(old, text, sizeof text), 3);
    assert_string_equal(text, "old");
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0640);
    assert_int_equal(count_entries(), entries);
}

static void a_failed_write_leaves_nothing(void **state) {
    (void)state;
    AUTO_TEXT target = in_folder("is_dir");
    AUTO_TEXT inside = in_folder("is_dir/x");
    assert_int_equal(file_make_dir(target, 0700, NULL), 0);
    put(inside, "x");
    size_t entries = count_entries();
    AUTO_ERR err = ERR_INIT;
    assert_int_equal(file_write_atomic(target, "new", 3, 0640, &err), -1);
    assert_non_null(strstr(err.message, "is_dir"));
    assert_int_equal(count_entries(), entries);
    AUTO_TEXT nowhere = in_folder("no/such/place");
    assert_int_equal(file_write_atomic(nowhere, "new", 3, 0640, &err), -1);
    assert_int_equal(err.sys, ENOENT);
}

static void a_full_disk_is_an_error(void **state) {
    (void)state;
    AUTO_FD full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    AUTO_ERR err = ERR_INIT;
    assert_int_equal(file_write_all(full, "x", 1, &err), -1);
    assert_int_equal(err.sys, ENOSPC);
}

/* The pipe is full and non-blocking: file_write_all waits for the slow reader. */
static void writes_all_to_a_slow_reader(void **state) {
    (void)state;
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    const size_t size = 300000;
    pid_t reader = fork();
    if (reader == 0) {
        size_t total = 0;
        char piece[4096];
        close(ends[1]);
        fcntl(ends[0], F_SETFL, 0);
        for (ssize_t got; (got = read(ends[0], piece, sizeof piece)) > 0;)
            total += (size_t)got;
        _exit(total == size ? 0 : 1);
    }
    char *bytes = mem_zalloc(size);
    assert_int_equal(file_write_all(ends[1], bytes, size, NULL), 0);
    mem_free(bytes);
    close(ends[0]);
    close(ends[1]);
    int status;
    assert_int_equal(waitpid(reader, &status, 0), reader);
    assert_int_equal(status, 0);
}

static void makes_folders(void **state) {
    (void)state;
    AUTO_TEXT deep = in_folder("one/two//three/");
    AUTO_TEXT three = in_folder("one/two/three");
    assert_int_equal(file_make_dir(deep, 0700, NULL), 0);
    assert_int_equal(file_make_dir(deep, 0700, NULL), 0);
    struct stat info;
    assert_int_equal(stat(three, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0700);
    assert_int_equal(file_make_dir("/", 0700, NULL), geteuid() == 0 ? 0 : -1);
    AUTO_ERR err = ERR_INIT;
    assert_int_equal(file_make_dir("", 0700, &err), -1);
}

static void check_refused_dir(const char *path, const char *reason) {
    AUTO_ERR err = ERR_INIT;
    assert_int_equal(file_make_dir(path, 0700, &err), -1);
    assert_non_null(strstr(err.message, reason));
}

static void refuses_folders_of_others(void **state) {
    (void)state;
    AUTO_TEXT real = in_folder("real");
    AUTO_TEXT link = in_folder("link");
    AUTO_TEXT link_slash = in_folder("link/");
    AUTO_TEXT dangling = in_folder("dangling");
    AUTO_TEXT plain = in_folder("plain");
    AUTO_TEXT below = in_folder("plain/below");
    AUTO_TEXT through = in_folder("link/through");
    assert_int_equal(file_make_dir(real, 0700, NULL), 0);
    assert_int_equal(symlink(real, link), 0);
    assert_int_equal(symlink("/nonexistent", dangling), 0);
    put(plain, "x");
    check_refused_dir(link, "symbolic link");
    check_refused_dir(link_slash, "symbolic link");
    check_refused_dir(dangling, "symbolic link");
    check_refused_dir(plain, "not a folder");
    check_refused_dir(below, "Not a directory");
    /* Only the last part is judged: a home may lie behind a link. */
    assert_int_equal(file_make_dir(through, 0700, NULL), 0);
    if (geteuid() != 0) {
        check_refused_dir("/tmp", "another user");
        return;
    }
    assert_int_equal(chown(real, 12345, 12345), 0);
    check_refused_dir(real, "another user (uid 12345)");
}

static void removes_trees(void **state) {
    (void)state;
    AUTO_TEXT tree = in_folder("tree");
    AUTO_TEXT outside = in_folder("outside");
    AUTO_TEXT precious = in_folder("outside/precious");
    assert_true(file_dir_is_empty(tree));
    assert_int_equal(file_make_dir(tree, 0700, NULL), 0);
    assert_int_equal(file_make_dir(outside, 0700, NULL), 0);
    assert_true(file_dir_is_empty(tree));
    put(precious, "kept");
    for (int i = 0; i < 50; i++) {
        AUTO_TEXT sub = mem_printf("%s/d%d/e/f", tree, i);
        AUTO_TEXT file = mem_printf("%s/d%d/e/file", tree, i);
        assert_int_equal(file_make_dir(sub, 0700, NULL), 0);
        put(file, "x");
    }
    AUTO_TEXT link = mem_printf("%s/d1/link", tree);
    assert_int_equal(symlink(outside, link), 0);
    assert_false(file_dir_is_empty(tree));
    assert_int_equal(file_remove_tree(tree, NULL), 0);
    assert_false(file_exists(tree));
    check_content(precious, "kept");
    assert_int_equal(file_remove_tree(tree, NULL), 0);
    AUTO_ERR err = ERR_INIT;
    assert_int_equal(file_remove_tree(precious, &err), -1);
    AUTO_TEXT top_link = in_folder("top_link");
    assert_int_equal(symlink(outside, top_link), 0);
    assert_int_equal(file_remove_tree(top_link, &err), -1);
    check_content(precious, "kept");
}

/* Deeper than the limit of open files and than PATH_MAX. */
static void removes_a_very_deep_tree(void **state) {
    (void)state;
    AUTO_TEXT tree = in_folder("deep");
    assert_int_equal(mkdir(tree, 0700), 0);
    AUTO_FD at = open(tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int i = 0; i < 3000; i++) {
        assert_int_equal(mkdirat(at, "level", 0700), 0);
        int below = openat(at, "level", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(below >= 0);
        close(at);
        at = below;
    }
    assert_int_equal(file_remove_tree(tree, NULL), 0);
    assert_false(file_exists(tree));
}

static void check_taken(char *taken, const char *expected) {
    assert_string_equal(taken, expected);
    mem_free(taken);
}

static void works_on_names(void **state) {
    (void)state;
    check_taken(file_dirname("a/b.yaml"), "a");
    check_taken(file_dirname("b.yaml"), ".");
    check_taken(file_dirname("/b.yaml"), "/");
    check_taken(file_dirname("/"), "/");
    check_taken(file_dirname("a//b/"), "a");
    check_taken(file_dirname(""), ".");
    check_taken(file_resolve("a/b.yaml", "c.sql"), "a/c.sql");
    check_taken(file_resolve("a/b.yaml", "/c.sql"), "/c.sql");
    check_taken(file_resolve("b.yaml", "c.sql"), "c.sql");
    check_taken(file_resolve("/b.yaml", "c.sql"), "/c.sql");
    check_taken(file_resolve("a/b.yaml", "../c.sql"), "a/../c.sql");
    check_taken(file_resolve(NULL, "c.sql"), "c.sql");
    assert_string_equal(file_basename("a/b.yaml"), "b.yaml");
    assert_string_equal(file_basename("b.yaml"), "b.yaml");
}

static void check_busy(const char *path, const char *owner) {
    int fd = -1;
    AUTO_ERR err = ERR_INIT;
    assert_int_equal(file_lock(path, "me", &fd, &err), -1);
    assert_int_equal(err.kind, ERR_BUSY);
    assert_non_null(strstr(err.message, owner));
    assert_int_equal(fd, -1);
}

static void a_lock_excludes_and_names_its_holder(void **state) {
    (void)state;
    AUTO_TEXT path = in_folder("lock");
    int fd = -1;
    assert_int_equal(file_lock(path, "pid 1 run \x1b[31mx", &fd, NULL), 0);
    check_busy(path, "held by pid 1 run \\e[31mx");
    file_unlock(&fd);
    assert_int_equal(fd, -1);
    file_unlock(&fd);
    assert_int_equal(file_lock(path, "short", &fd, NULL), 0);
    check_content(path, "short\n");
    file_unlock(&fd);
}

static void a_lock_dies_with_its_holder(void **state) {
    (void)state;
    AUTO_TEXT path = in_folder("held");
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t holder = fork();
    if (holder == 0) {
        int fd = -1;
        if (file_lock(path, "child", &fd, NULL) < 0 || write(ends[1], "x", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    char byte;
    assert_int_equal(read(ends[0], &byte, 1), 1);
    check_busy(path, "held by child");
    assert_int_equal(kill(holder, SIGKILL), 0);
    assert_int_equal(waitpid(holder, NULL, 0), holder);
    int fd = -1;
    assert_int_equal(file_lock(path, "next", &fd, NULL), 0);
    file_unlock(&fd);
    close(ends[0]);
    close(ends[1]);
}

/* A command that the engine started must not hold the engine's lock after it. */
static void a_lock_does_not_pass_to_commands(void **state) {
    (void)state;
    AUTO_TEXT path = in_folder("exec");
    int fd = -1;
    assert_int_equal(file_lock(path, "me", &fd, NULL), 0);
    pid_t command = fork();
    if (command == 0) {
        execlp("sleep", "sleep", "30", (char *)NULL);
        _exit(1);
    }
    AUTO_TEXT exe = mem_printf("/proc/%d/exe", (int)command);
    char name[256] = {0};
    while (!strstr(name, "sleep") && !strstr(name, "coreutils"))
        if (readlink(exe, name, sizeof name - 1) < 0)
            break;
    file_close(&fd);
    assert_int_equal(file_lock(path, "again", &fd, NULL), 0);
    file_unlock(&fd);
    kill(command, SIGKILL);
    assert_int_equal(waitpid(command, NULL, 0), command);
}

static void a_lock_is_no_symlink(void **state) {
    (void)state;
    AUTO_TEXT path = in_folder("lock_link");
    AUTO_TEXT victim = in_folder("victim");
    put(victim, "kept");
    assert_int_equal(symlink(victim, path), 0);
    int fd = -1;
    AUTO_ERR err = ERR_INIT;
    assert_int_equal(file_lock(path, "me", &fd, &err), -1);
    check_content(victim, "kept");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_up_to_the_ceiling),
        cmocka_unit_test(refuses_what_is_no_file),
        cmocka_unit_test(writes_atomically),
        cmocka_unit_test(a_failed_write_leaves_nothing),
        cmocka_unit_test(a_full_disk_is_an_error),
        cmocka_unit_test(writes_all_to_a_slow_reader),
        cmocka_unit_test(makes_folders),
        cmocka_unit_test(refuses_folders_of_others),
        cmocka_unit_test(removes_trees),
        cmocka_unit_test(removes_a_very_deep_tree),
        cmocka_unit_test(works_on_names),
        cmocka_unit_test(a_lock_excludes_and_names_its_holder),
        cmocka_unit_test(a_lock_dies_with_its_holder),
        cmocka_unit_test(a_lock_does_not_pass_to_commands),
        cmocka_unit_test(a_lock_is_no_symlink),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
