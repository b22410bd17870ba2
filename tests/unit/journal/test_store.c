#include "journal_support.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/map.h"
#include "journal/store.h"
#include "secret/digest.h"

#define FORKS 20

static int store_setup(void **state) {
    if (folder_setup(state) < 0)
        return -1;
    AUTO_TEXT home = mem_printf("%s/home", (const char *)*state);
    return setenv("RUNBOOK_HOME", home, 1);
}

static struct store *store_new(void) {
    struct store *store = NULL;
    assert_int_equal(store_open(&store, NULL), 0);
    return store;
}

static struct store_run *run_new(struct store *store, const char *name) {
    struct store_run *run = NULL;
    assert_int_equal(store_run_new(store, name, &run, NULL), 0);
    return run;
}

static mode_t mode_of(const char *dir, const char *name) {
    AUTO_TEXT path = mem_printf("%s/%s", dir, name);
    struct stat info;
    assert_int_equal(lstat(path, &info), 0);
    return info.st_mode & 07777;
}

static void test_home(void **state) {
    struct store *store = store_new();
    AUTO_TEXT expected = mem_printf("%s/home", (const char *)*state);
    assert_string_equal(store_path(store), expected);
    store_free(store);
    unsetenv("RUNBOOK_HOME");
    setenv("XDG_STATE_HOME", *state, 1);
    store = store_new();
    AUTO_TEXT in_state = mem_printf("%s/runbook", (const char *)*state);
    assert_string_equal(store_path(store), in_state);
    store_free(store);
    unsetenv("XDG_STATE_HOME");
    AUTO_TEXT home = mem_strdup(getenv("HOME") ? getenv("HOME") : "");
    setenv("HOME", *state, 1);
    store = store_new();
    AUTO_TEXT in_home = mem_printf("%s/.local/state/runbook", (const char *)*state);
    assert_string_equal(store_path(store), in_home);
    store_free(store);
    unsetenv("HOME");
    AUTO_ERR err = ERR_INIT;
    assert_int_equal(store_open(&store, &err), -1);
    assert_err(&err, ERR_INVALID, "HOME is not set");
    setenv("HOME", home, 1);
}

static void test_modes(void **state) {
    (void)state;
    mode_t old = umask(0);
    struct store *store = store_new();
    struct store_run *run = run_new(store, "drill");
    umask(old);
    assert_int_equal(mode_of(store_path(store), ""), 0700);
    assert_int_equal(mode_of(store_path(store), "runs"), 0700);
    assert_int_equal(mode_of(store_run_dir(run), ""), 0700);
    assert_int_equal(mode_of(store_run_dir(run), "output"), 0700);
    assert_int_equal(mode_of(store_run_dir(run), "inbox"), 0700);
    assert_int_equal(mode_of(store_run_dir(run), "lock"), 0600);
    store_run_free(run);
    store_free(store);
}

static void test_same_second(void **state) {
    (void)state;
    struct store *store = store_new();
    clock_fake(1767323045 * NS_PER_S, 0);
    struct store_run *first = run_new(store, "drill");
    struct store_run *second = run_new(store, "drill");
    struct store_run *third = run_new(store, "check");
    assert_string_equal(store_run_id(first), "drill-20260102T030405Z");
    assert_string_equal(store_run_id(second), "drill-20260102T030405Z-2");
    assert_string_equal(store_run_id(third), "check-20260102T030405Z-3");
    clock_advance(NS_PER_S);
    struct store_run *fourth = run_new(store, "drill");
    char **ids;
    size_t count;
    assert_int_equal(store_list(store, &ids, &count, NULL), 0);
    assert_int_equal(count, 4);
    assert_string_equal(ids[0], store_run_id(fourth));
    assert_string_equal(ids[1], store_run_id(third));
    assert_string_equal(ids[2], store_run_id(second));
    assert_string_equal(ids[3], store_run_id(first));
    store_list_free(ids, count);
    clock_real();
    store_run_free(first);
    store_run_free(second);
    store_run_free(third);
    store_run_free(fourth);
    store_free(store);
}

/* Each child makes a run and holds it until its end of the pipe is closed. */
static void child_run(int ready, int leave) {
    struct store *store = NULL;
    struct store_run *run = NULL;
    AUTO_ERR err = ERR_INIT;
    if (store_open(&store, &err) < 0 || store_run_new(store, "drill", &run, &err) < 0)
        _exit(1);
    char byte = 'r';
    if (write(ready, &byte, 1) != 1 || read(leave, &byte, 1) < 0)
        _exit(1);
    _exit(0);
}

static void test_many_at_once(void **state) {
    (void)state;
    int ready[2], leave[2];
    char byte;
    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    assert_int_equal(pipe2(leave, O_CLOEXEC), 0);
    for (int i = 0; i < FORKS; i++)
        if (fork() == 0) {
            close(leave[1]);
            child_run(ready[1], leave[0]);
        }
    for (int i = 0; i < FORKS; i++)
        assert_int_equal(read(ready[0], &byte, 1), 1);
    struct store *store = store_new();
    char **ids;
    size_t count;
    assert_int_equal(store_list(store, &ids, &count, NULL), 0);
    assert_int_equal(count, FORKS);
    for (size_t i = 0; i < count; i++) {
        AUTO_TEXT dir = NULL;
        assert_int_equal(store_find(store, ids[i], &dir, NULL), 0);
        assert_true(store_is_running(dir));
    }
    close(leave[1]);
    int status;
    for (int i = 0; i < FORKS; i++) {
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    /* Nobody gave a lock back; they died with their holders. */
    for (size_t i = 0; i < count; i++) {
        AUTO_TEXT dir = NULL;
        assert_int_equal(store_find(store, ids[i], &dir, NULL), 0);
        assert_false(store_is_running(dir));
    }
    store_list_free(ids, count);
    store_free(store);
    close(ready[0]);
    close(ready[1]);
    close(leave[0]);
}

static void refuse_open(const char *part) {
    struct store *store = NULL;
    AUTO_ERR err = ERR_INIT;
    assert_int_equal(store_open(&store, &err), -1);
    assert_err(&err, ERR_REFUSED, part);
}

static void test_symlinks(void **state) {
    AUTO_TEXT home = mem_printf("%s/home", (const char *)*state);
    AUTO_TEXT real = mem_printf("%s/real", (const char *)*state);
    AUTO_TEXT runs = mem_printf("%s/runs", home);
    assert_int_equal(mkdir(real, 0700), 0);
    assert_int_equal(symlink(real, home), 0);
    refuse_open("symbolic link");
    assert_int_equal(unlink(home), 0);
    assert_int_equal(mkdir(home, 0700), 0);
    assert_int_equal(symlink(real, runs), 0);
    refuse_open("symbolic link");
    assert_int_equal(unlink(runs), 0);
    struct store *store = store_new();
    AUTO_TEXT fake = mem_printf("%s/drill-20260102T030405Z", runs);
    AUTO_TEXT dir = NULL;
    AUTO_ERR err = ERR_INIT;
    assert_int_equal(symlink(real, fake), 0);
    assert_int_equal(store_find(store, "drill-20260102T030405Z", &dir, &err), -1);
    err_release(&err);
    AUTO_TEXT through = mem_printf("%s/", fake);
    assert_int_equal(store_find(store, through, &dir, &err), -1);
    assert_err(&err, ERR_REFUSED, "symbolic link");
    store_free(store);
}

static void test_foreign_owner(void **state) {
    if (geteuid() != 0)
        skip();
    AUTO_TEXT home = mem_printf("%s/home", (const char *)*state);
    AUTO_TEXT runs = mem_printf("%s/runs", home);
    store_free(store_new());
    assert_int_equal(chown(runs, 12345, 12345), 0);
    refuse_open("another user");
    assert_int_equal(chown(runs, 0, 0), 0);
    assert_int_equal(chmod(runs, 0777), 0);
    refuse_open("other users may write");
    assert_int_equal(chmod(runs, 0700), 0);
    struct store *store = store_new();
    struct store_run *run = run_new(store, "drill");
    AUTO_TEXT dir = NULL;
    AUTO_ERR err = ERR_INIT;
    assert_int_equal(chown(store_run_dir(run), 12345, 12345), 0);
    assert_int_equal(store_find(store, "last", &dir, &err), -1);
    assert_err(&err, ERR_REFUSED, "another user");
    store_run_free(run);
    store_free(store);
}

static void test_find(void **state) {
    (void)state;
    struct store *store = store_new();
    AUTO_TEXT dir = NULL;
    AUTO_TEXT last = NULL;
    AUTO_TEXT one = NULL;
    AUTO_TEXT path = NULL;
    AUTO_ERR err = ERR_INIT;
    assert_int_equal(store_find(store, "last", &dir, &err), -1);
    assert_string_equal(err.hint, "the store has no runs yet");
    err_release(&err);
    clock_fake(1767323045 * NS_PER_S, 0);
    struct store_run *first = run_new(store, "drill");
    clock_advance(60 * NS_PER_S);
    struct store_run *second = run_new(store, "drill");
    clock_real();
    assert_int_equal(store_find(store, "last", &last, NULL), 0);
    assert_string_equal(last, store_run_dir(second));
    assert_int_equal(store_find(store, "drill-20260102T030405", &one, NULL), 0);
    assert_string_equal(one, store_run_dir(first));
    assert_int_equal(store_find(store, store_run_dir(first), &path, NULL), 0);
    assert_string_equal(path, store_run_dir(first));
    assert_int_equal(store_find(store, "drill-", &dir, &err), -1);
    assert_err(&err, ERR_INVALID, "the beginning of 2 runs");
    assert_int_equal(store_find(store, "dril-20260102T030405Z", &dir, &err), -1);
    assert_string_equal(err.hint, "did you mean `drill-20260102T030405Z`?");
    err_release(&err);
    assert_int_equal(store_find(store, "..", &dir, &err), -1);
    err_release(&err);
    store_run_free(first);
    store_run_free(second);
    store_free(store);
}

static void signal_append(const struct store_run *run, int count, char ret_head[65]) {
    AUTO_TEXT path = store_transcript(store_run_dir(run));
    struct writer *writer = NULL;
    assert_int_equal(writer_new(path, NULL, &writer, NULL), 0);
    for (int i = 0; i < count; i++) {
        struct event event = {.type = EVENT_SIGNAL_RECEIVED};
        EVENT_SET(&event, signal, "SIGINT");
        assert_int_equal(writer_append(writer, &event, NULL), 0);
    }
    memcpy(ret_head, writer_head(writer), 65);
    /* Neither closed nor cut: the reserve stands behind the records, as after a crash. */
    writer_free(writer);
}

static void test_previous(void **state) {
    (void)state;
    struct store *store = store_new();
    char expected[65], head[65];
    char *id = NULL;
    clock_fake(1767323045 * NS_PER_S, 0);
    struct store_run *first = run_new(store, "drill");
    assert_false(store_previous(store, store_run_id(first), &id, head));
    signal_append(first, 5, expected);
    struct store_run *silent = run_new(store, "another");
    struct store_run *last = run_new(store, "drill");
    assert_true(store_previous(store, store_run_id(last), &id, head));
    assert_string_equal(id, store_run_id(first));
    assert_string_equal(head, expected);
    mem_free(id);
    assert_false(store_previous(store, store_run_id(first), &id, head));
    signal_append(silent, 1, expected);
    assert_true(store_previous(store, store_run_id(last), &id, head));
    assert_string_equal(head, expected);
    mem_free(id);
    clock_real();
    store_run_free(first);
    store_run_free(silent);
    store_run_free(last);
    store_free(store);
}

/* ---- an existing run ----------------------------------------------------------------------- */

/* Tries to take the run while all others do: 0 it has it, 1 it is told who does. */
static void child_open(const char *dir, int go, int answer, int leave) {
    struct store *store = NULL;
    struct store_run *run = NULL;
    AUTO_ERR err = ERR_INIT;
    char byte;
    if (store_open(&store, &err) < 0 || read(go, &byte, 1) < 0)
        _exit(2);
    const bool won = store_run_open(store, dir, &run, &err) == 0;
    const bool told = !won && err.kind == ERR_BUSY && strstr(err.message, ", process ");
    byte = won ? 'w' : told ? 't' : '?';
    if (write(answer, &byte, 1) != 1 || read(leave, &byte, 1) < 0)
        _exit(2);
    _exit(won || told ? 0 : 2);
}

static size_t answers_count(int answer, char expected) {
    size_t count = 0;
    for (int i = 0; i < FORKS; i++) {
        char byte;
        assert_int_equal(read(answer, &byte, 1), 1);
        assert_true(byte == 'w' || byte == 't');
        count += byte == expected;
    }
    return count;
}

static void test_open_at_once(void **state) {
    (void)state;
    struct store *store = store_new();
    struct store_run *run = run_new(store, "drill");
    AUTO_TEXT dir = mem_strdup(store_run_dir(run));
    char head[65];
    signal_append(run, 1, head);
    store_run_free(run);
    for (int round = 0; round < 5; round++) {
        int go[2], answer[2], leave[2], status;
        assert_int_equal(pipe2(go, O_CLOEXEC), 0);
        assert_int_equal(pipe2(answer, O_CLOEXEC), 0);
        assert_int_equal(pipe2(leave, O_CLOEXEC), 0);
        for (int i = 0; i < FORKS; i++)
            if (fork() == 0) {
                close(go[1]);
                close(leave[1]);
                child_open(dir, go[0], answer[1], leave[0]);
            }
        close(go[1]);
        assert_int_equal(answers_count(answer[0], 'w'), 1);
        close(leave[1]);
        for (int i = 0; i < FORKS; i++) {
            assert_true(wait(&status) > 0);
            assert_int_equal(status, 0);
        }
        close(go[0]);
        close(answer[0]);
        close(answer[1]);
        close(leave[0]);
    }
    store_free(store);
}

/* Those who ask whether it runs hold the lock for a moment, and must not be in the way. */
static void test_open_while_asked(void **state) {
    (void)state;
    struct store *store = store_new();
    struct store_run *run = run_new(store, "drill");
    AUTO_TEXT dir = mem_strdup(store_run_dir(run));
    char head[65];
    signal_append(run, 1, head);
    store_run_free(run);
    pid_t asker = fork();
    if (asker == 0)
        for (;;)
            (void)store_is_running(dir);
    for (int i = 0; i < 200; i++) {
        AUTO_ERR err = ERR_INIT;
        if (store_run_open(store, dir, &run, &err) < 0)
            fail_msg("%s", err.message);
        assert_string_equal(store_run_dir(run), dir);
        store_run_free(run);
    }
    kill(asker, SIGKILL);
    assert_int_equal(waitpid(asker, NULL, 0), asker);
    store_free(store);
}

static void refuse_run(struct store *store, const char *dir, enum err_kind kind, const char *part) {
    struct store_run *run = NULL;
    AUTO_ERR err = ERR_INIT;
    assert_int_equal(store_run_open(store, dir, &run, &err), -1);
    assert_err(&err, kind, part);
}

static void test_open_refused(void **state) {
    struct store *store = store_new();
    struct store_run *run = run_new(store, "drill");
    AUTO_TEXT dir = mem_strdup(store_run_dir(run));
    AUTO_TEXT transcript = store_transcript(dir);
    AUTO_TEXT lock = mem_printf("%s/lock", dir);
    AUTO_TEXT output = mem_printf("%s/output", dir);
    AUTO_TEXT linked = mem_printf("%s/runs/linked", store_path(store));
    AUTO_TEXT elsewhere = mem_printf("%s/elsewhere", (const char *)*state);
    char head[65];
    refuse_run(store, dir, ERR_SYSTEM, "is not the folder of a run");
    signal_append(run, 1, head);
    refuse_run(store, dir, ERR_BUSY, "is held by drill, process ");
    store_run_free(run);
    assert_int_equal(symlink(dir, linked), 0);
    refuse_run(store, linked, ERR_REFUSED, "is a symbolic link");
    assert_int_equal(mkdir(elsewhere, 0700), 0);
    refuse_run(store, elsewhere, ERR_REFUSED, "is not in the store of runs");
    assert_int_equal(chmod(dir, 0770), 0);
    refuse_run(store, dir, ERR_REFUSED, "other users may write");
    assert_int_equal(chmod(dir, 0700), 0);
    assert_int_equal(rmdir(output), 0);
    assert_int_equal(symlink(elsewhere, output), 0);
    refuse_run(store, dir, ERR_REFUSED, "symbolic link");
    assert_int_equal(unlink(output), 0);
    assert_int_equal(unlink(lock), 0);
    assert_int_equal(symlink(transcript, lock), 0);
    refuse_run(store, dir, ERR_SYSTEM, "cannot open the lock");
    assert_int_equal(unlink(lock), 0);
    /* What is missing and harmless is made. */
    assert_int_equal(store_run_open(store, dir, &run, NULL), 0);
    assert_int_equal(mode_of(dir, "output"), 0700);
    assert_int_equal(mode_of(dir, "lock"), 0600);
    assert_string_equal(store_run_id(run), strrchr(dir, '/') + 1);
    assert_true(store_is_running(dir));
    store_run_free(run);
    store_free(store);
}

static void test_lock(void **state) {
    (void)state;
    struct store *store = store_new();
    int fd = -1, other = -1;
    AUTO_ERR err = ERR_INIT;
    assert_int_equal(store_lock(store, "../prod db", "drill-1 of alice", &fd, NULL), 0);
    assert_int_equal(store_lock(store, "../prod db", "drill-2", &other, &err), -1);
    assert_err(&err, ERR_BUSY, "drill-1 of alice");
    AUTO_TEXT path = store_lock_path(store, "../prod db");
    assert_true(text_ends_with(path, "/locks/%2e.%2fprod%20db"));
    char long_name[400];
    memset(long_name, 'x', sizeof long_name);
    long_name[399] = '\0';
    assert_int_equal(store_lock(store, long_name, "me", &other, NULL), 0);
    file_unlock(&other);
    file_unlock(&fd);
    assert_int_equal(store_lock(store, "../prod db", "drill-2", &other, NULL), 0);
    file_unlock(&other);
    store_free(store);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, store_setup, folder_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_home),
        TEST(test_modes),
        TEST(test_same_second),
        TEST(test_symlinks),
        TEST(test_foreign_owner),
        TEST(test_many_at_once),
        TEST(test_find),
        TEST(test_previous),
        TEST(test_lock),
        TEST(test_open_at_once),
        TEST(test_open_while_asked),
        TEST(test_open_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
