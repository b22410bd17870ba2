#include "tests/support/run_world.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "tests/support/unit.h"

struct pending {
    struct world *world;
    char *step; /* NULL at an interrupt */
    bool is_gate;
};

static char *copy_or_empty(const char *text) {
    return mem_strdup(text ? text : "");
}

static struct record *record_keep(struct world *world, const struct event *event, const char *line,
                                  size_t length) {
    struct record record = {.type = event->type};
    record.step = copy_or_empty(EVENT_HAS(event, step) ? event->step : NULL);
    record.phase = copy_or_empty(EVENT_HAS(event, phase) ? event->phase : NULL);
    record.status = copy_or_empty(EVENT_HAS(event, status) ? event->status : NULL);
    record.error = copy_or_empty(EVENT_HAS(event, error) ? event->error : NULL);
    record.attempt = EVENT_HAS(event, attempt) ? event->attempt : 0;
    record.exit = EVENT_HAS(event, exit) ? event->exit : 0;
    record.without_effect = EVENT_HAS(event, without_effect) && event->without_effect;
    assert_int_equal(value_parse(line, length, &record.json, NULL), 0);
    *vec_add(&world->records) = record;
    return vec_last(&world->records);
}

static void event_kept(void *user, const struct event *event, const char *line, size_t length) {
    struct world *world = user;
    const struct record record = *record_keep(world, event, line, length);
    if (world->on_record)
        world->on_record(world, &record);
}

static void pending_answer(void *user) {
    struct pending *pending = user;
    struct world *world = pending->world;
    if (pending->is_gate) {
        bool accepted = world->on_gate(world, pending->step);
        const struct step_answer answer = {.accepted = accepted, .by = "tester"};
        run_answer(world->run, pending->step, &answer);
    } else {
        run_choose(world->run, world->on_choice(world, pending->step), "tester");
    }
}

static void pending_add(struct world *world, const char *step, bool is_gate) {
    struct pending *pending = mem_zalloc(sizeof *pending);
    *pending = (struct pending){world, step ? mem_strdup(step) : NULL, is_gate};
    *vec_add(&world->pending) = pending;
    loop_defer(world->loop, pending_answer, pending);
}

static void gate_asked(void *user, const char *step, const struct step_question *question) {
    struct world *world = user;
    mem_free(world->question);
    world->question = mem_strdup(question->message);
    pending_add(world, step, true);
}

static void choice_asked(void *user, const char *step, const char *error) {
    (void)error;
    pending_add(user, step, false);
}

static void records_release(struct world *world) {
    for (size_t i = 0; i < world->records.count; i++) {
        struct record *record = &world->records.items[i];
        mem_free(record->step);
        mem_free(record->phase);
        mem_free(record->status);
        mem_free(record->error);
        value_free(record->json);
    }
    vec_release(&world->records);
    for (size_t i = 0; i < world->pending.count; i++) {
        mem_free(world->pending.items[i]->step);
        mem_free(world->pending.items[i]);
    }
    vec_release(&world->pending);
}

static int replay_status(char *dir, bool is_shown) {
    char *argv[] = {getenv("RUNBOOK"), "replay", dir, NULL};
    posix_spawn_file_actions_t actions;
    pid_t pid;
    int status;
    assert_non_null(argv[0]);
    posix_spawn_file_actions_init(&actions);
    if (!is_shown)
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    assert_int_equal(posix_spawn(&pid, argv[0], &actions, NULL, argv, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

/* By the program that RUNBOOK names: the run must go the way that it recorded. */
static void world_replay(const struct world *world) {
    AUTO_TEXT dir = world->run ? mem_strdup(run_dir(world->run)) : NULL;
    AUTO_TEXT path = dir ? mem_printf("%s/transcript.jsonl", dir) : NULL;
    if (!path || !file_exists(path) || !getenv("RUNBOOK"))
        return;
    if (replay_status(dir, false) != 0)
        assert_int_equal(replay_status(dir, true), 0);
}

static void run_drop(struct world *world) {
    world_replay(world);
    run_free(world->run);
    world->run = NULL;
    plan_free(world->plan);
    world->plan = NULL;
    loop_free(world->loop);
    world->loop = NULL;
    records_release(world);
}

void world_init(struct world *world) {
    char folder[] = "/tmp/runbook-world-XXXXXX";
    *world = (struct world){0};
    assert_non_null(mkdtemp(folder));
    world->home = mem_strdup(folder);
    setenv("RUNBOOK_HOME", folder, 1);
}

void world_release(struct world *world) {
    AUTO_ERR err = ERR_INIT;
    run_drop(world);
    past_free(world->past);
    assert_int_equal(file_remove_tree(world->home, &err), 0);
    mem_free(world->question);
    mem_free(world->home);
}

int world_setup(void **state) {
    struct world *world = mem_zalloc(sizeof *world);
    world_init(world);
    alarm(60);
    *state = world;
    return 0;
}

int world_teardown(void **state) {
    alarm(0);
    world_release(*state);
    mem_free(*state);
    return 0;
}

void world_file(struct world *world, const char *name, const char *text) {
    AUTO_TEXT path = mem_printf("%s/%s", world->home, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

void world_plan(struct world *world, const struct plan_options *options) {
    AUTO_TEXT path = mem_printf("%s/runbook.yaml", world->home);
    struct diag *diag = diag_new();
    struct plan_options all = options ? *options : (struct plan_options){0};
    all.path = path;
    plan_free(world->plan);
    world->plan = plan_new(&all, diag);
    if (!world->plan) {
        AUTO_BUF text = BUF_INIT(1 << 20);
        diag_text(diag, &(struct diag_style){0}, &text);
        fail_msg("%s", buf_text(&text));
    }
    diag_free(diag);
}

static enum run_exit world_go(struct world *world, struct past *past) {
    AUTO_ERR err = ERR_INIT;
    world->loop = loop_new(NULL);
    const struct run_ui ui = {
        .user = world,
        .event = event_kept,
        .ask = world->on_gate ? gate_asked : NULL,
        .choose = world->on_choice ? choice_asked : NULL,
    };
    struct diag *diag = diag_new();
    struct run_options options = world->options;
    options.plan = world->plan;
    options.past = past;
    options.ui = &ui;
    int status = run_begin(world->loop, &options, &world->run, diag, &err);
    if (status < 0)
        fail_msg("the run did not begin: %s", err.message);
    diag_free(diag);
    world->exit = run_wait(world->run);
    return world->exit;
}

enum run_exit world_run(struct world *world, const char *yaml) {
    run_drop(world);
    world_file(world, "runbook.yaml", yaml);
    world_plan(world, NULL);
    return world_go(world, NULL);
}

static size_t lines_length(const char *text, size_t lines) {
    const char *at = text;
    while (lines--)
        at = strchr(at, '\n') + 1;
    return (size_t)(at - text);
}

/* Replay goes by the run's own copy. */
static void file_copy_into(const char *dir, const char *from, const char *name) {
    AUTO_TEXT source = mem_printf("%s/%s", from, name);
    AUTO_TEXT target = mem_printf("%s/%s", dir, name);
    AUTO_TEXT bytes = NULL;
    size_t length;
    assert_int_equal(file_read(source, 1 << 26, &bytes, &length, NULL), 0);
    assert_int_equal(file_write_atomic(target, bytes, length, 0600, NULL), 0);
}

char *world_cut(struct world *world, size_t lines) {
    AUTO_TEXT whole = world_transcript(world);
    AUTO_TEXT bytes = NULL;
    size_t length;
    assert_int_equal(file_read(whole, 1 << 26, &bytes, &length, NULL), 0);
    char *dir = mem_printf("%s/runs/cut-%zu", world->home, lines);
    AUTO_TEXT path = mem_printf("%s/transcript.jsonl", dir);
    assert_int_equal(file_make_dir(dir, 0700, NULL), 0);
    assert_int_equal(file_write_atomic(path, bytes, lines_length(bytes, lines), 0600, NULL), 0);
    file_copy_into(dir, world->home, "runbook.yaml");
    return dir;
}

static void past_keep(struct world *world, const char *dir) {
    AUTO_TEXT path = mem_printf("%s/transcript.jsonl", dir);
    struct reader *reader = NULL;
    struct event event;
    assert_int_equal(reader_open(path, &reader, NULL), 0);
    while (reader_next(reader, &event, NULL) > 0) {
        size_t length;
        const char *line = reader_line(reader, &length);
        record_keep(world, &event, line, length);
    }
    reader_free(reader);
}

enum run_exit world_resume(struct world *world, const char *dir) {
    AUTO_ERR err = ERR_INIT;
    run_drop(world);
    world_plan(world, NULL);
    past_free(world->past);
    if (past_open(dir, NULL, &world->past, &err) < 0)
        fail_msg("%s", err.message);
    past_keep(world, dir);
    return world_go(world, world->past);
}

char *world_transcript(const struct world *world) {
    return mem_printf("%s/transcript.jsonl", run_dir(world->run));
}

const struct record *world_find(const struct world *world, enum event_type type, const char *step,
                                const char *phase) {
    for (size_t i = 0; i < world->records.count; i++) {
        const struct record *record = &world->records.items[i];
        if (record->type == type && (!*step || text_equal(record->step, step)) &&
            (!*phase || text_equal(record->phase, phase)))
            return record;
    }
    return NULL;
}

size_t world_count(const struct world *world, enum event_type type, const char *step,
                   const char *phase) {
    size_t count = 0;
    for (size_t i = 0; i < world->records.count; i++) {
        const struct record *record = &world->records.items[i];
        count += record->type == type && (!*step || text_equal(record->step, step)) &&
                 (!*phase || text_equal(record->phase, phase));
    }
    return count;
}

size_t world_at(const struct world *world, const struct record *record) {
    return record ? (size_t)(record - world->records.items) : SIZE_MAX;
}
