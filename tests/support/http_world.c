#include "tests/support/http_world.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

extern char **environ;

static char folder[64];
static char ports[512];
static pid_t server;

static void give_up(const char *what) {
    fprintf(stderr, "http_world: %s\n", what);
    abort();
}

static const char *recent(char *text_taken) {
    static char *ring[16];
    static size_t next;
    char **slot = &ring[next++ % 16];
    mem_free(*slot);
    *slot = text_taken;
    return text_taken;
}

static pid_t start(char *const argv[], int output) {
    posix_spawn_file_actions_t actions;
    pid_t pid;
    posix_spawn_file_actions_init(&actions);
    if (output >= 0)
        posix_spawn_file_actions_adddup2(&actions, output, 1);
    if (posix_spawn(&pid, argv[0], &actions, NULL, argv, environ) != 0)
        give_up("cannot start a support program");
    posix_spawn_file_actions_destroy(&actions);
    return pid;
}

static void make_certs(void) {
    snprintf(folder, sizeof folder, "/tmp/runbook-http-XXXXXX");
    if (!mkdtemp(folder))
        give_up("no temporary folder");
    char *argv[] = {(char *)SUPPORT_DIR "/make_certs.sh", folder, NULL};
    int status;
    if (waitpid(start(argv, -1), &status, 0) < 0 || status != 0)
        give_up("make_certs.sh failed");
}

static void start_server(void) {
    int ends[2];
    char parent[16];
    snprintf(parent, sizeof parent, "%d", (int)getpid());
    char *argv[] = {(char *)SUPPORT_DIR "/http_server.py",
                    (char *)"--certs",
                    folder,
                    (char *)"--parent",
                    parent,
                    NULL};
    if (pipe2(ends, O_CLOEXEC) < 0)
        give_up("no pipe");
    server = start(argv, ends[1]);
    close(ends[1]);
    FILE *in = fdopen(ends[0], "r");
    ports[0] = ' ';
    if (!in || !fgets(ports + 1, sizeof ports - 1, in))
        give_up("http_server.py did not start");
    fclose(in);
}

void http_world_open(void) {
    static const char *const proxies[] = {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy",
                                          "ALL_PROXY"};
    for (size_t i = 0; i < sizeof proxies / sizeof *proxies; i++)
        unsetenv(proxies[i]);
    make_certs();
    start_server();
}

void http_world_close(void) {
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    if (file_remove_tree(folder, NULL) < 0)
        fprintf(stderr, "http_world: %s stays\n", folder);
    for (int i = 0; i < 16; i++)
        recent(NULL);
}

int http_world_port(const char *name) {
    AUTO_TEXT key = mem_printf(" %s=", name);
    const char *found = strstr(ports, key);
    return found ? (int)strtol(found + strlen(key), NULL, 10) : 0;
}

const char *http_world_url(const char *name, const char *path) {
    bool plain = !strcmp(name, "plain") || !strcmp(name, "other") || !strcmp(name, "six");
    const char *host = !strcmp(name, "six") ? "[::1]" : "127.0.0.1";
    return recent(
        mem_printf("%s://%s:%d%s", plain ? "http" : "https", host, http_world_port(name), path));
}

const char *http_world_file(const char *name) {
    return recent(mem_printf("%s/%s", folder, name));
}

int http_world_descriptors(void) {
    DIR *dir = opendir("/proc/self/fd");
    int count = 0;
    while (dir && readdir(dir))
        count++;
    closedir(dir);
    return count;
}
