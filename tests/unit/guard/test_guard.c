/* The guard as those see it who are no engine of its own, and how it stays small. */
#include "tests/support/unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "guard/packet.h"
#include "guard/tree.h"
#include "tests/support/processes.h"

#define SPAWNS 1000
#define STRANGERS 20

static const char *const env[] = {"PATH=/usr/bin:/bin", PROCESS_TOKEN "=t", NULL};

struct scene {
    char *dir; /* deep, so that no address holds its path */
    char *folder;
    struct loop *loop;
    struct process *process;
    struct process_spec spec;
    struct process_exit exit;
    size_t bytes;
    int ended;
};

static void take(void *user, int stream, const char *bytes, size_t length) {
    (void)stream, (void)bytes;
    struct scene *scene = user;
    scene->bytes += length;
}

static void note_end(void *user, const struct process_exit *ended) {
    struct scene *scene = user;
    scene->exit = *ended;
    scene->ended++;
}

static int setup(void **state) {
    char folder[] = "/tmp/test-guard-XXXXXX";
    char deep[161];
    struct scene *scene = mem_zalloc(sizeof *scene);
    assert_non_null(mkdtemp(folder));
    memset(deep, 'd', sizeof deep - 1);
    deep[sizeof deep - 1] = '\0';
    scene->folder = mem_strdup(folder);
    scene->dir = mem_printf("%s/%s/guard", folder, deep);
    scene->loop = loop_new(NULL);
    scene->spec = (struct process_spec){
        .env = env, .token = "t", .output = take, .ended = note_end, .user = scene};
    assert_int_equal(process_guard(scene->loop, scene->dir, NULL), 0);
    *state = scene;
    return 0;
}

static int teardown(void **state) {
    struct scene *scene = *state;
    loop_free(scene->loop);
    assert_int_equal(processes_left(NULL), 0);
    assert_int_equal(file_remove_tree(scene->folder, NULL), 0);
    mem_free(scene->dir);
    mem_free(scene->folder);
    mem_free(scene);
    return 0;
}

static void run_words(struct scene *scene, const char *const *argv) {
    struct err err = ERR_INIT;
    scene->spec.argv = argv;
    scene->ended = 0;
    scene->bytes = 0;
    if (process_spawn(scene->loop, &scene->spec, &scene->process, &err) < 0)
        fail_msg("%s", err.message);
    loop_run(scene->loop);
    assert_int_equal(scene->ended, 1);
    process_free(scene->process);
}

static void run(struct scene *scene, const char *script) {
    const char *const argv[] = {"sh", "-c", script, NULL};
    run_words(scene, argv);
}

/* A stranger at the guard's door. */
static int knock(const struct scene *scene) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int dir = open(scene->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    assert_true(dir >= 0);
    snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/socket", dir);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    close(dir);
    return fd;
}

static bool hung_up(int fd) {
    char byte;
    ssize_t got = recv(fd, &byte, 1, 0);
    return got == 0 || (got < 0 && errno == ECONNRESET);
}

static void assert_serves(struct scene *scene) {
    pid_t guard = (pid_t)process_guard_pid(scene->loop);
    run(scene, "exit 3");
    assert_int_equal(scene->exit.code, 3);
    assert_int_equal(process_guard_pid(scene->loop), guard);
}

/* ---- strangers ----------------------------------------------------------------------------- */

static void test_garbage(void **state) {
    struct scene *scene = *state;
    run(scene, "true");
    unsigned char bytes[40000];
    for (size_t length = 1; length <= sizeof bytes; length = length * 3 + 1) {
        for (size_t i = 0; i < length; i++)
            bytes[i] = (unsigned char)(i * 37 + length);
        int fd = knock(scene);
        assert_int_equal(send(fd, bytes, length, MSG_NOSIGNAL), (ssize_t)length);
        assert_true(hung_up(fd));
        close(fd);
    }
    assert_serves(scene);
}

/* Well formed, and not for strangers; or announcing what does not come. */
static void test_requests_of_strangers(void **state) {
    struct scene *scene = *state;
    run(scene, "true");
    for (enum packet_type type = PACKET_NONE; type <= PACKET_TYPES; type++) {
        if (type == PACKET_HELLO)
            continue;
        AUTO_PACKET packet = packet_make(type);
        int fd = knock(scene);
        packet.fds[FD_HOUSE] = open("/", O_PATH | O_CLOEXEC);
        assert_int_equal(packet_send(fd, &packet, 0), 0);
        assert_true(hung_up(fd));
        close(fd);
    }
    struct packet_head lying = {.version = PACKET_VERSION, .type = PACKET_HELLO};
    const struct packet_head lies[] = {
        {.version = PACKET_VERSION, .type = PACKET_HELLO, .length = 1000},
        {.version = PACKET_VERSION, .type = PACKET_HELLO, .length = UINT32_MAX},
        {.version = PACKET_VERSION, .type = PACKET_HELLO, .fds = 1U << FD_TEXT},
        {.version = PACKET_VERSION, .type = PACKET_HELLO, .fds = UINT32_MAX},
        {.version = PACKET_VERSION + 1, .type = PACKET_HELLO},
    };
    for (size_t i = 0; i < COUNT(lies); i++) {
        int fd = knock(scene);
        lying = lies[i];
        assert_int_equal(send(fd, &lying, sizeof lying, MSG_NOSIGNAL), sizeof lying);
        assert_true(hung_up(fd));
        close(fd);
    }
    assert_serves(scene);
}

static void test_busy(void **state) {
    struct scene *scene = *state;
    run(scene, "true");
    AUTO_PACKET hello = packet_make(PACKET_HELLO);
    AUTO_PACKET answer = packet_make(PACKET_NONE);
    int fd = knock(scene);
    assert_int_equal(packet_send(fd, &hello, 0), 0);
    assert_int_equal(packet_receive(fd, 0, &answer), 0);
    assert_int_equal(answer.head.type, PACKET_REFUSED);
    assert_int_equal(answer.head.number, EBUSY);
    assert_true(hung_up(fd));
    close(fd);
    assert_serves(scene);
}

/* Those who say nothing keep nobody out: the oldest goes. */
static void test_silence(void **state) {
    struct scene *scene = *state;
    int fds[STRANGERS];
    run(scene, "true");
    for (size_t i = 0; i < STRANGERS; i++)
        fds[i] = knock(scene);
    assert_serves(scene);
    assert_true(hung_up(fds[0]));
    for (size_t i = 0; i < STRANGERS; i++)
        close(fds[i]);
    assert_serves(scene);
}

static void test_door_is_private(void **state) {
    struct scene *scene = *state;
    struct stat info;
    run(scene, "true");
    AUTO_TEXT path = mem_printf("%s/socket", scene->dir);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_int_equal(stat(scene->dir, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);
}

/* ---- its own ------------------------------------------------------------------------------- */

static int count_fds(pid_t pid) {
    AUTO_TEXT path = mem_printf("/proc/%d/fd", (int)pid);
    int count = 0;
    DIR *dir = opendir(path);
    assert_non_null(dir);
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

static void test_no_descriptor_leaks(void **state) {
    static const char *const scripts[] = {"exit 1", "echo x; echo y >&2", "cat"};
    struct scene *scene = *state;
    scene->spec.input = "word";
    scene->spec.input_length = 4;
    run(scene, "true");
    pid_t guard = (pid_t)process_guard_pid(scene->loop);
    usleep(20000);
    int before = count_fds(guard), ours = count_fds(getpid());
    for (size_t i = 0; i < SPAWNS; i++) {
        const char *const refused[] = {"/proc/version", NULL};
        run(scene, scripts[i % COUNT(scripts)]);
        assert_null(scene->exit.refused);
        if (i % 10 != 0)
            continue;
        run_words(scene, refused);
        assert_non_null(scene->exit.refused);
    }
    /* It closes the last ones just behind its last word. */
    for (int i = 0; i < 1000 && count_fds(guard) != before; i++)
        usleep(1000);
    assert_int_equal(count_fds(guard), before);
    assert_int_equal(count_fds(getpid()), ours);
}

/* At any moment around the begin of a command: nothing of it lives on. */
static void test_dies_at_the_begin(void **state) {
    static const char *const env_of_token[] = {"PATH=/usr/bin:/bin", PROCESS_TOKEN "=begin", NULL};
    static const char environment[] = "PATH=/usr/bin:/bin\0" PROCESS_TOKEN "=begin";
    static const char *const argv[] = {"sleep", "61", NULL};
    struct scene *scene = *state;
    scene->spec.argv = argv;
    scene->spec.env = env_of_token;
    scene->spec.token = "begin";
    for (useconds_t i = 0; i < 30; i++) {
        assert_int_equal(process_spawn(scene->loop, &scene->spec, &scene->process, NULL), 0);
        usleep(i * 50);
        kill((pid_t)process_guard_pid(scene->loop), SIGKILL);
        loop_run(scene->loop);
        assert_true(scene->exit.lost);
        process_free(scene->process);
        AUTO_PIDS left = {0};
        int patience_ms = 0;
        tree_find_environment(environment, sizeof environment, &patience_ms, &left);
        assert_int_equal(left.list.count, 0);
    }
    while (waitpid(-1, NULL, WNOHANG) > 0) /* we are their subreaper */
        continue;
}

/* Beyond what a packet holds. */
static void test_large_environment(void **state) {
    enum { VARIABLES = 18, LENGTH = 100000 };
    struct scene *scene = *state;
    const char *large[VARIABLES + 2] = {"PATH=/usr/bin:/bin"};
    char *values[VARIABLES];
    for (int i = 0; i < VARIABLES; i++) {
        values[i] = mem_alloc(LENGTH + 1);
        memset(values[i], 'v', LENGTH);
        values[i][0] = (char)('a' + i);
        values[i][1] = '=';
        values[i][LENGTH] = '\0';
        large[i + 1] = values[i];
    }
    scene->spec.env = large;
    run(scene, "env | head -c 1700000");
    assert_int_equal(scene->exit.code, 0);
    assert_int_equal(scene->bytes, 1700000);
    for (int i = 0; i < VARIABLES; i++)
        mem_free(values[i]);
}

static void test_leaves_nobody_waiting(void **state) {
    struct scene *scene = *state;
    struct loop *other = loop_new(NULL);
    assert_int_equal(process_guard_pid(other), 0);
    loop_free(other);
    run(scene, "true");
    assert_int_equal(processes_left(scene->loop), 0);
    /* Nobody may move the run's folder under it while something runs. */
    const char *const argv[] = {"sleep", "60", NULL};
    scene->spec.argv = argv;
    assert_int_equal(process_spawn(scene->loop, &scene->spec, &scene->process, NULL), 0);
    assert_int_equal(process_guard(scene->loop, scene->dir, NULL), -1);
}

int main(void) {
    alarm(100);
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_garbage, setup, teardown),
        cmocka_unit_test_setup_teardown(test_requests_of_strangers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_busy, setup, teardown),
        cmocka_unit_test_setup_teardown(test_silence, setup, teardown),
        cmocka_unit_test_setup_teardown(test_door_is_private, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_descriptor_leaks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_dies_at_the_begin, setup, teardown),
        cmocka_unit_test_setup_teardown(test_large_environment, setup, teardown),
        cmocka_unit_test_setup_teardown(test_leaves_nobody_waiting, setup, teardown),
    };
    return cmocka_run_group_tests_name("guard", tests, NULL, NULL);
}
