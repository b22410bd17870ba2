#include "tests/support/pg_world.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"

#define RECOVERY_ROUNDS 200 /* of 50 ms */

extern char **environ;

static char url[128], folder[128];

static void give_up(const char *what, const char *detail) {
    fprintf(stderr, "pg_world: %s: %s\n", what, detail ? detail : "");
    abort();
}

/* ---- the cluster ----------------------------------------------------------------------------- */

static int cluster(const char *verb, const char *arg, int output) {
    char *argv[] = {(char *)SUPPORT_DIR "/pg_cluster", (char *)(uintptr_t)verb,
                    (char *)(uintptr_t)arg, NULL};
    posix_spawn_file_actions_t actions;
    pid_t pid;
    int status = 0;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    if (output >= 0)
        posix_spawn_file_actions_adddup2(&actions, output, 1);
    if (posix_spawn(&pid, argv[0], &actions, NULL, argv, environ) != 0 ||
        waitpid(pid, &status, 0) < 0)
        give_up("cannot run", argv[0]);
    posix_spawn_file_actions_destroy(&actions);
    return status;
}

static void read_line(FILE *in, char *ret, int size) {
    if (!fgets(ret, size, in))
        give_up("pg_cluster", "printed nothing");
    ret[strcspn(ret, "\n")] = '\0';
}

void pg_world_open(void) {
    char pid[16];
    FILE *out = tmpfile();
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    unsetenv("PGHOST");
    unsetenv("PGPORT");
    if (!out || cluster("start", pid, fileno(out)) != 0)
        give_up("pg_cluster", "start failed");
    rewind(out);
    read_line(out, url, sizeof url);
    read_line(out, folder, sizeof folder);
    fclose(out);
}

void pg_world_close(void) {
    cluster("stop", folder, -1);
}

const char *pg_world_url(void) {
    return url;
}

const char *pg_world_folder(void) {
    return folder;
}

/* ---- queries --------------------------------------------------------------------------------- */

static void answered(void *user, struct pg_response *response, struct err *err) {
    struct pg_answer *answer = user;
    answer->response = *response;
    answer->response.rows = value_copy(response->rows);
    answer->response.commands = value_copy(response->commands);
    if (response->sqlstate) {
        snprintf(answer->sqlstate, sizeof answer->sqlstate, "%s", response->sqlstate);
        answer->response.sqlstate = answer->sqlstate;
    }
    if (err->kind)
        err_move(&answer->err, err);
    answer->is_over = true;
    loop_stop(answer->loop);
}

static void held(void *user, const struct pg_held *now) {
    struct pg_answer *answer = user;
    answer->transaction_id = now->transaction_id;
    answer->held++;
    if (answer->freeze)
        loop_stop(answer->loop);
    else
        pg_go(answer->query);
}

static void noticed(void *user, const char *severity, const char *text) {
    struct pg_answer *answer = user;
    (void)buf_printf(&answer->notices, "%s: %s\n", severity, text);
}

void pg_world_start(struct loop *loop, const struct pg_spec *spec, struct pg_answer *answer) {
    bool freeze = answer->freeze;
    *answer = (struct pg_answer){.loop = loop, .freeze = freeze};
    answer->notices.ceiling = (size_t)1 << 20;
    struct pg_spec copy = *spec;
    copy.notice = noticed;
    copy.before_commit = held;
    answer->query = pg_start(loop, &copy, answered, answer);
}

void pg_world_wait(struct pg_answer *answer) {
    while (!answer->is_over)
        loop_run(answer->loop);
}

void pg_world_run(struct loop *loop, const struct pg_spec *spec, struct pg_answer *answer) {
    pg_world_start(loop, spec, answer);
    pg_world_wait(answer);
}

void pg_answer_release(struct pg_answer *answer) {
    if (answer->is_over) {
        value_free(answer->response.rows);
        value_free(answer->response.commands);
    }
    err_release(&answer->err);
    buf_release(&answer->notices);
}

struct pg_spec pg_world_spec(const char *text) {
    static struct pg_statement ring[64];
    static size_t next;
    struct pg_statement *statement = &ring[next++ % 64];
    *statement = (struct pg_statement){.text = text};
    return (struct pg_spec){
        .target = {.name = "main", .url = url}, .statements = statement, .statement_count = 1};
}

static void run_once(const char *text, bool reads, struct pg_answer *answer) {
    struct loop *loop = loop_new(NULL);
    struct pg_spec spec = pg_world_spec(text);
    spec.read_only = reads;
    pg_world_run(loop, &spec, answer);
    loop_free(loop);
}

/* A server whose backend a test has killed is in recovery for a while. */
static void run_alone(const char *text, bool reads, struct pg_answer *answer) {
    run_once(text, reads, answer);
    for (int i = 0; i < RECOVERY_ROUNDS && answer->err.kind &&
                    strstr(answer->err.message, "the database system is ");
         i++) {
        usleep(50000);
        pg_answer_release(answer);
        *answer = (struct pg_answer){0};
        run_once(text, reads, answer);
    }
    if (answer->err.kind)
        give_up(text, answer->err.message);
}

void pg_world_do(const char *text) {
    AUTO_ANSWER answer = {0};
    run_alone(text, false, &answer);
}

char *pg_world_ask(const char *text) {
    AUTO_ANSWER answer = {0};
    run_alone(text, true, &answer);
    AUTO_VALUE row = value_at(answer.response.rows, 0);
    size_t cursor = 0;
    value key, item;
    if (!value_next(row, &cursor, &key, &item))
        return mem_strdup("");
    char *json = value_to_json(item);
    value_free(key);
    value_free(item);
    return json;
}
