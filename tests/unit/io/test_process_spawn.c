/* What cannot be started, and how it is explained. */
#include "tests/support/unit.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "io/process.h"

static const char *const env[] = {"PATH=/usr/local/bin:/usr/bin:/bin", "RUNBOOK_TOKEN=t", NULL};

static int setup(void **state) {
    *state = loop_new(NULL);
    return 0;
}

static int teardown(void **state) {
    loop_free(*state);
    return 0;
}

static void take_refusal(void *user, const struct process_exit *exit) {
    struct err *err = user;
    if (exit->refused)
        err_move(err, exit->refused);
}

/* Some are told at once, some by the guard. */
static void spawn_refused(struct loop *loop, struct process_spec *spec, struct err *err) {
    struct process *process;
    spec->ended = take_refusal;
    spec->user = err;
    if (process_spawn(loop, spec, &process, err) < 0)
        return;
    assert_int_equal(process_pid(process), 0);
    loop_run(loop);
    assert_int_equal(process_pid(process), 0);
    process_free(process);
}

static void assert_refused(struct loop *loop, const char *const *argv, const char *cwd,
                           const char *message, const char *hint) {
    struct err err = ERR_INIT;
    struct process_spec spec = {.argv = argv, .env = env, .token = "t", .cwd = cwd};
    spawn_refused(loop, &spec, &err);
    assert_non_null(err.message);
    if (!strstr(err.message, message) || (hint && (!err.hint || !strstr(err.hint, hint))))
        fail_msg("`%s` (hint `%s`) lacks `%s` / `%s`", err.message, err.hint ? err.hint : "",
                 message, hint ? hint : "");
    err_release(&err);
}

static void write_file(const char *path, const char *text, mode_t mode) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static void test_refusals(void **state) {
    char folder[] = "/tmp/test-process-XXXXXX";
    assert_non_null(mkdtemp(folder));
    AUTO_TEXT plain = mem_printf("%s/plain", folder);
    AUTO_TEXT odd = mem_printf("%s/odd", folder);
    AUTO_TEXT text = mem_printf("%s/text", folder);
    write_file(plain, "hello", 0644);
    write_file(odd, "#!/no/such/shell\necho hi\n", 0755);
    write_file(text, "echo hi\n", 0755);
    const char *const missing[] = {"no-such-command", NULL};
    assert_refused(*state, missing, NULL, "command not found: `no-such-command`", "PATH is /usr");
    const char *const line[] = {"ls -l", NULL};
    assert_refused(*state, line, NULL, "command not found: `ls -l`", "list of words");
    const char *const path[] = {"/no/such/file", NULL};
    assert_refused(*state, path, NULL, "command not found: `/no/such/file`", NULL);
    const char *const dir[] = {folder, NULL};
    assert_refused(*state, dir, NULL, "is a folder, not a command", NULL);
    const char *const not_executable[] = {plain, NULL};
    assert_refused(*state, not_executable, NULL, "cannot be executed", "chmod +x");
    const char *const interpreter[] = {odd, NULL};
    assert_refused(*state, interpreter, NULL, "does not exist: `/no/such/shell`", NULL);
    const char *const no_line[] = {text, NULL};
    assert_refused(*state, no_line, NULL, "Exec format error", "#!");
    const char *const ls[] = {"ls", NULL};
    assert_refused(*state, ls, "/no/such/folder", "folder `/no/such/folder` does not exist", NULL);
    assert_refused(*state, ls, plain, "is not a folder", NULL);
    const char *const relative[] = {"./plain2", NULL};
    assert_refused(*state, relative, folder, "command not found: `./plain2`", folder);
    const char *const empty[] = {"", NULL};
    assert_refused(*state, empty, NULL, "has no name", NULL);
    unlink(plain);
    unlink(odd);
    unlink(text);
    rmdir(folder);
}

static void test_huge_arguments(void **state) {
    size_t length = (size_t)4 << 20;
    char *huge = mem_alloc(length + 1);
    memset(huge, 'a', length);
    huge[length] = '\0';
    const char *const argv[] = {"true", huge, NULL};
    assert_refused(*state, argv, NULL, "too large: 4", "stdin");
    mem_free(huge);
}

static void test_which(void **state) {
    (void)state;
    char *found = process_which("sh", "/nowhere:/bin");
    assert_string_equal(found, "/bin/sh");
    mem_free(found);
    assert_null(process_which("sh", "/nowhere"));
    assert_null(process_which("", "/bin"));
    assert_null(process_which("/bin", NULL));
    found = process_which("/bin/sh", NULL);
    assert_string_equal(found, "/bin/sh");
    mem_free(found);
}

int main(void) {
    alarm(60);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_refusals, setup, teardown),
        cmocka_unit_test_setup_teardown(test_huge_arguments, setup, teardown),
        cmocka_unit_test(test_which),
    };
    return cmocka_run_group_tests_name("spawn", tests, NULL, NULL);
}
