#include "run/prepare.h"

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/file.h"
#include "base/map.h"
#include "base/text.h"
#include "io/module.h"
#include "io/process.h"
#include "io/repo.h"
#include "run/commit.h"
#include "run/interrupt.h"
#include "run/past.h"
#include "run/recall.h"
#include "run/replay_step.h"
#include "run/seal.h"
#include "run/secrets.h"
#include "secret/digest.h"

extern char **environ;

struct prepare {
    struct run *run;
    struct diag *diag;
    value files;
    size_t file_count;
    uint64_t torn; /* bytes of the last line that a crash left behind */
};

/* ---- who and where ------------------------------------------------------------------------- */

static void identity_read(struct run *run) {
    const struct passwd *account = getpwuid(getuid());
    char host[256] = "localhost";
    gethostname(host, sizeof host - 1);
    run->user = account ? mem_strdup(account->pw_name) : mem_printf("uid %ld", (long)getuid());
    run->host = mem_strdup(host);
}

static bool is_secret_variable(const struct run *run, const char *entry) {
    size_t length = strcspn(entry, "=");
    AUTO_TEXT name = mem_strndup(entry, length);
    return secrets_has_variable(run->plan, name);
}

/* Commands inherit the engine's environment, less what holds a declared secret. */
static void environment_make(struct run *run) {
    VEC(char *) kept = {0};
    run->environment_value = value_object();
    for (char **entry = environ; *entry; entry++) {
        if (is_secret_variable(run, *entry))
            continue;
        size_t length = strcspn(*entry, "=");
        AUTO_TEXT name = mem_strndup(*entry, length);
        *vec_add(&kept) = mem_strdup(*entry);
        if ((*entry)[length])
            run->environment_value =
                value_set(run->environment_value, name, value_string(*entry + length + 1));
    }
    *vec_add(&kept) = NULL;
    run->environment = kept.items;
}

/* ---- requirements -------------------------------------------------------------------------- */

static void command_require(const struct prepare *prepare, const char *name) {
    AUTO_TEXT found = process_which(name, getenv("PATH"));
    AUTO_ERR err = ERR_INIT;
    if (found)
        return;
    err_set(&err, ERR_INVALID, "the command `%s` is required and is not on the PATH", name);
    diag_report(prepare->diag, &err);
}

static void variable_require(const struct prepare *prepare, const char *name) {
    const char *text = getenv(name);
    AUTO_ERR err = ERR_INIT;
    if (text && *text)
        return;
    err_set(&err, ERR_INVALID, "the environment variable `%s` is required and is %s", name,
            text ? "empty" : "not set");
    diag_report(prepare->diag, &err);
}

/* Requirements may look at parameters and environment: nothing else is known yet. */
static value early_get(void *user, const char *key) {
    const struct run *run = user;
    if (key && text_equal(key, "params"))
        return plan_params(run->plan);
    if (key && text_equal(key, "env"))
        return value_copy(run->environment_value);
    if (key)
        return value_none();
    value whole = value_set(value_object(), "params", plan_params(run->plan));
    return value_set(whole, "env", value_copy(run->environment_value));
}

static char *early_render(const struct prepare *prepare, const struct template *tmpl) {
    struct expr_input input = {.get = early_get, .user = prepare->run};
    AUTO_ERR err = ERR_INIT;
    char *text;
    if (template_render_text(tmpl, &input, &text, &err) == 0)
        return text;
    diag_report(prepare->diag, &err);
    return NULL;
}

static void file_require(const struct prepare *prepare, const struct template *tmpl) {
    AUTO_TEXT path = early_render(prepare, tmpl);
    AUTO_ERR err = ERR_INIT;
    if (!path || access(path, F_OK) == 0)
        return;
    err_sys(&err, errno, "the file `%s` is required", path);
    err.kind = ERR_INVALID;
    diag_report(prepare->diag, &err);
}

static void disk_require(const struct prepare *prepare, const struct requires_disk *disk) {
    AUTO_TEXT path = early_render(prepare, disk->path);
    struct statvfs room;
    AUTO_ERR err = ERR_INIT;
    if (!path)
        return;
    if (statvfs(path, &room) < 0) {
        err_sys(&err, errno, "free space of `%s`", path);
        err.kind = ERR_INVALID;
        diag_report(prepare->diag, &err);
        return;
    }
    int64_t left = (int64_t)(room.f_bavail * room.f_frsize);
    if (left >= disk->at_least)
        return;
    AUTO_TEXT has = text_show_size(left);
    AUTO_TEXT wants = text_show_size(disk->at_least);
    err_set(&err, ERR_INVALID, "`%s` has %s free, and %s are required", path, has, wants);
    diag_report(prepare->diag, &err);
}

static void file_requirements(void *user, const struct runbook *file) {
    const struct prepare *prepare = user;
    const struct requires *requires = file->requires;
    if (!requires)
        return;
    for (size_t i = 0; i < requires->commands.count; i++)
        command_require(prepare, FIELD_AT(const char *, &requires->commands, i));
    for (size_t i = 0; i < requires->env.count; i++)
        variable_require(prepare, FIELD_AT(const char *, &requires->env, i));
    for (size_t i = 0; i < requires->files.count; i++)
        file_require(prepare, FIELD_AT(struct template *, &requires->files, i));
    for (size_t i = 0; i < requires->disk_free.count; i++)
        disk_require(prepare, &FIELD_AT(struct requires_disk, &requires->disk_free, i));
}

/* ---- gates without a terminal -------------------------------------------------------------- */

/* A run that is bound to stop at a gate which nobody can answer does not begin. */
static bool is_answered(const struct run *run, enum step_asks asks) {
    return asks == STEP_ASKS_NOBODY || (asks == STEP_ASKS_ANYBODY && run->options.yes);
}

/* Of a run that is resumed: whether its way still leads there. */
static bool is_passed(const struct run *run, uint32_t index) {
    if (!run->past)
        return false;
    enum step_state state = (enum step_state)run->root->nodes[index].state;
    bool is_open = state == STATE_PENDING || state == STATE_WAITING || state == STATE_RUNNING;
    return !is_open || run->stage != STAGE_RUNNING || run->options.roll_back;
}

/* A condition or a loop, of its own or around it, may let the run go past it. */
static bool is_conditional(const struct graph *graph, uint32_t index) {
    for (uint32_t i = index; i != GRAPH_NONE; i = graph_node(graph, i)->group) {
        const struct step *step = graph_node(graph, i)->step;
        if (step->more->when || (i != index && step->more->foreach))
            return true;
    }
    return false;
}

static void gates_require(const struct prepare *prepare) {
    const struct run *run = prepare->run;
    const struct graph *graph = plan_graph(run->plan);
    if (run->ui.ask || run->options.dry_run)
        return;
    for (uint32_t i = 0; i < graph_count(graph); i++) {
        const struct graph_node *node = graph_node(graph, i);
        const struct step_type *type = node->step->type;
        enum step_asks asks = type->asks ? type->asks(node->step->spec) : STEP_ASKS_NOBODY;
        if (node->role != GRAPH_ACT || is_answered(run, asks) || is_conditional(graph, i) ||
            plan_skip_reason(run->plan, i) || is_passed(run, i))
            continue;
        AUTO_ERR err = ERR_INIT;
        err_at(&err, node->step->span, "step `%s` asks a person, and there is no terminal",
               node->step->id);
        err_hint(&err, asks == STEP_ASKS_ANYBODY
                           ? "run it on a terminal, or open the gate with --yes"
                           : "run it on a terminal: --yes opens gates that name no approvers, and "
                             "nothing else");
        diag_report(prepare->diag, &err);
    }
}

/* ---- the run's directory ------------------------------------------------------------------- */

static char *copy_name(const struct prepare *prepare, const struct runbook *file) {
    if (file == prepare->run->runbook)
        return mem_strdup("runbook.yaml");
    return mem_printf("called-%zu-%s", prepare->file_count, file_basename(file->path));
}

static void bytes_copy(struct prepare *prepare, const char *path, const char *name,
                       const char *bytes, size_t length) {
    struct run *run = prepare->run;
    AUTO_TEXT copy = mem_printf("%s/%s", store_run_dir(run->place), name);
    char sha256[DIGEST_TEXT_SIZE];
    AUTO_ERR err = ERR_INIT;
    prepare->file_count++;
    if (file_write_atomic(copy, bytes, length, 0600, &err) < 0) {
        err_move(&run->transcript_err, &err);
        return;
    }
    digest_text(bytes, length, sha256);
    value item = value_set(value_object(), "path", value_string(path));
    item = value_set(item, "copy", value_string(name));
    prepare->files = value_append(prepare->files, value_set(item, "sha256", value_string(sha256)));
}

static void named_copy(struct prepare *prepare, const struct named_file *named) {
    AUTO_TEXT name =
        mem_printf("named-%zu-%.200s", prepare->file_count, file_basename(named->path));
    AUTO_TEXT bytes = NULL;
    AUTO_ERR err = ERR_INIT;
    size_t length;
    if (file_read(named->path, NAMED_FILE_MAX, &bytes, &length, &err) < 0)
        err_move(&prepare->run->transcript_err, &err);
    else
        bytes_copy(prepare, named->path, name, bytes, length);
}

static void file_copy(void *user, const struct runbook *file) {
    struct prepare *prepare = user;
    AUTO_TEXT name = copy_name(prepare, file);
    bytes_copy(prepare, file->path, name, file->bytes, file->length);
    for (const struct named_file *named = file->named_files; named; named = named->next)
        named_copy(prepare, named);
}

static void commit_failed(void *user, struct err *err) {
    struct run *run = user;
    if (run->transcript_err.kind == ERR_NONE)
        err_move(&run->transcript_err, err);
    run_transcript_failed(run);
}

static void told(void *user, const struct event *event, const char *line, size_t length) {
    struct run *run = user;
    seal_event(run->seal, event);
    run->ui.event(run->ui.user, event, line, length);
}

/* Whatever is wrong with the place: no transcript can be written there. */
static int place_open(struct run *run, struct err *err) {
    int status = store_open(&run->store, err);
    if (status < 0)
        err->kind = ERR_TRANSCRIPT;
    return status;
}

static int transcript_open(struct prepare *prepare, struct err *err) {
    struct run *run = prepare->run;
    AUTO_TEXT transcript = store_transcript(store_run_dir(run->place));
    if (run->past)
        return writer_reopen(transcript, run->redactor, past_reader(run->past), &run->writer,
                             &prepare->torn, err);
    runbook_each_file(run->runbook, file_copy, prepare);
    if (run->transcript_err.kind != ERR_NONE)
        return err_move(err, &run->transcript_err);
    return writer_new(transcript, run->redactor, &run->writer, err);
}

static int place_make(struct prepare *prepare, struct err *err) {
    struct run *run = prepare->run;
    int status = run->past ? store_run_open(run->store, past_dir(run->past), &run->place, err)
                           : store_run_new(run->store, run->runbook->name, &run->place, err);
    if (status < 0)
        return -1;
    AUTO_TEXT work = mem_printf("%s/work", store_run_dir(run->place));
    AUTO_TEXT guard = mem_printf("%s/guard", store_run_dir(run->place));
    if (file_make_dir(work, 0700, err) < 0 || transcript_open(prepare, err) < 0 ||
        process_guard(run->loop, guard, err) < 0)
        return -1;
    writer_on_append(run->writer, told, run);
    run->commit = commit_new(run->loop, run->writer, store_run_dir(run->place), run->options.sync,
                             commit_failed, run);
    run->seal = seal_new(run);
    return 0;
}

static int locks_take(struct run *run, struct err *err) {
    const char *lock = runbook_lock(run->runbook);
    if (!lock)
        return 0;
    AUTO_TEXT owner = mem_printf("runbook %s (pid %ld, %s@%s)", run->runbook->name, (long)getpid(),
                                 run->user, run->host);
    if (store_lock(run->store, lock, owner, &run->lock_fd, err) == 0)
        return 0;
    if (err->kind == ERR_BUSY && run->runbook->overlap != OVERLAP_REFUSE && !run->runbook->lock)
        err_hint(err,
                 "runs of a runbook with a `schedule` do not overlap, unless it says `overlap: "
                 "allow`");
    return -1;
}

/* The run has its name only now: one that is refused leaves nothing behind. */
static int locks_tell(struct run *run, struct err *err) {
    if (run->lock_fd < 0)
        return 0;
    AUTO_TEXT owner = mem_printf("run %s (pid %ld, %s@%s)", store_run_id(run->place),
                                 (long)getpid(), run->user, run->host);
    return file_lock_tell(run->lock_fd, owner, err);
}

/* ---- the first record ---------------------------------------------------------------------- */

/* A host without libgit2, or a broken repository, must not keep a drill from running. */
static value repository_value(const struct run *run) {
    AUTO_ERR err = ERR_INIT;
    value git;
    if (repo_describe(run->runbook->path, &git, &err) == 0)
        return git;
    return value_set(value_object(), "error", value_string(err.message));
}

static value note_value(const char *what, value taken) {
    return value_append(value_append(value_array(), value_string(what)), taken);
}

struct variables {
    const struct run *run;
    value found; /* {NAME: text} */
};

static void variables_find(void *user, const struct runbook *file) {
    struct variables *variables = user;
    for (const struct variable_ref *ref = file->variables; ref; ref = ref->next) {
        value text = value_get(variables->run->environment_value, ref->name);
        if (value_is(text, VALUE_NONE))
            value_free(text);
        else
            variables->found = value_set(variables->found, ref->name, text);
    }
}

/* [["environment", {NAME: text}]] of what expressions name, for a replay elsewhere; or empty. */
static value environment_notes(const struct run *run) {
    struct variables variables = {run, value_object()};
    runbook_each_file(run->runbook, variables_find, &variables);
    if (value_count(variables.found))
        return value_append(value_array(), note_value("environment", variables.found));
    value_free(variables.found);
    return value_array();
}

static void started_record(struct prepare *prepare) {
    struct run *run = prepare->run;
    struct event event = {.type = EVENT_RUN_STARTED};
    char sha256[DIGEST_TEXT_SIZE];
    AUTO_VALUE params = plan_params(run->plan);
    AUTO_VALUE selection = plan_selection(run->plan);
    AUTO_TEXT previous_run = NULL;
    char previous_head[65];
    AUTO_VALUE previous = value_null();
    AUTO_VALUE git = repository_value(run);
    AUTO_VALUE notes = environment_notes(run);
    digest_text(run->runbook->bytes, run->runbook->length, sha256);
    if (store_previous(run->store, store_run_id(run->place), &previous_run, previous_head)) {
        previous = value_set(value_object(), "run", value_string(previous_run));
        previous = value_set(previous, "sha256", value_string(previous_head));
    }
    EVENT_SET(&event, run, store_run_id(run->place));
    EVENT_SET(&event, runbook, run->runbook->path);
    EVENT_SET(&event, name, run->runbook->name);
    if (run->runbook->title)
        EVENT_SET(&event, title, run->runbook->title);
    EVENT_SET(&event, sha256, sha256);
    EVENT_SET(&event, files, prepare->files);
    EVENT_SET(&event, git, git);
    EVENT_SET(&event, plan_sha256, plan_hash(run->plan));
    if (value_count(notes))
        EVENT_SET(&event, notes, notes);
    if (run->options.policy_sha256)
        EVENT_SET(&event, policy_sha256, run->options.policy_sha256);
    EVENT_SET(&event, params, params);
    if (plan_profile(run->plan))
        EVENT_SET(&event, profile, plan_profile(run->plan));
    EVENT_SET(&event, selection, selection);
    EVENT_SET(&event, dry_run, run->options.dry_run);
    EVENT_SET(&event, steps, (int64_t)plan_step_count(run->plan));
    EVENT_SET(&event, user, run->user);
    EVENT_SET(&event, uid, (int64_t)getuid());
    EVENT_SET(&event, host, run->host);
    if (run->options.terminal)
        EVENT_SET(&event, terminal, run->options.terminal);
    char cwd[PATH_MAX];
    if (getcwd(cwd, sizeof cwd))
        EVENT_SET(&event, cwd, cwd);
    EVENT_SET(&event, pid, (int64_t)getpid());
    EVENT_SET(&event, engine, RUNBOOK_VERSION);
    EVENT_SET(&event, previous, previous);
    run_record(run, &event);
    run->started_wall_ns = event.wall_ns; /* as whoever resumes the run reads it */
    run->started_mono_ns = event.mono_ns;
    clock_format(run->started_wall_ns, run->started_text);
}

/* ---- going on ------------------------------------------------------------------------------ */

static void resumed_record(const struct prepare *prepare) {
    struct run *run = prepare->run;
    const char *began_with = past_started(run->past)->plan_sha256;
    struct event event = {.type = EVENT_RUN_RESUMED};
    AUTO_VALUE notes = value_array();
    if (prepare->torn)
        notes = value_append(notes, note_value("torn", value_integer((int64_t)prepare->torn)));
    if (!text_equal(began_with, plan_hash(run->plan)))
        notes = value_append(notes, note_value("accepted_changed_plan", value_string(began_with)));
    EVENT_SET(&event, plan_sha256, plan_hash(run->plan));
    EVENT_SET(&event, user, run->user);
    EVENT_SET(&event, uid, (int64_t)getuid());
    EVENT_SET(&event, host, run->host);
    EVENT_SET(&event, pid, (int64_t)getpid());
    EVENT_SET(&event, engine, RUNBOOK_VERSION);
    EVENT_SET(&event, reason, run->options.roll_back ? PAST_ROLLBACK : "resume");
    if (value_count(notes))
        EVENT_SET(&event, notes, notes);
    run_record(run, &event);
}

static int plan_compare(const struct run *run, struct err *err) {
    const struct event *started = past_started(run->past);
    if (text_equal(started->plan_sha256, plan_hash(run->plan)) || run->options.accept_changed_plan)
        return 0;
    err_set(err, ERR_INVALID,
            "the plan is not the one that run `%s` began with: `%s`, a file that it calls, or "
            "what it was given has changed since",
            started->run, started->runbook);
    return err_hint(err,
                    "put it back (%s/runbook.yaml is how it was), or go on with what is there "
                    "now by --accept-changed-plan",
                    past_dir(run->past));
}

static int end_check(const struct run *run, struct err *err) {
    const struct event *started = past_started(run->past);
    enum past_end end = past_end(run->past);
    if (end == PAST_UNDONE) {
        err_set(err, ERR_INVALID, "run `%s` is over: it was rolled back", started->run);
        return err_hint(err, "`runbook exec %s` begins a new one", started->runbook);
    }
    if (run->options.roll_back)
        return 0;
    if (end == PAST_SUCCEEDED) {
        err_set(err, ERR_INVALID, "run `%s` is over: it succeeded", started->run);
        return err_hint(err, "`runbook rollback %s` would undo it", started->run);
    }
    if (end == PAST_HALF_UNDONE) {
        err_set(err, ERR_INVALID, "run `%s` is over: its rollback failed", started->run);
        return err_hint(err, "`runbook rollback %s` tries the handlers that failed again",
                        started->run);
    }
    return 0;
}

static int past_check(const struct run *run, struct err *err) {
    const struct event *started = past_started(run->past);
    if (EVENT_HAS(started, dry_run) && started->dry_run)
        return err_set(err, ERR_INVALID, "run `%s` was a dry run: there is nothing to go on with",
                       started->run);
    if (plan_compare(run, err) < 0 || end_check(run, err) < 0)
        return -1;
    if (past_end(run->past) == PAST_OPEN)
        return 0;
    return past_reopen(run->past, run->options.roll_back, err);
}

/* RTO and deadlines count from when the run began, whoever ran it. */
static void times_restore(struct run *run) {
    run->started_wall_ns = past_started(run->past)->wall_ns;
    run->started_mono_ns = clock_mono_ns() - (clock_wall_ns() - run->started_wall_ns);
    clock_format(run->started_wall_ns, run->started_text);
}

static int run_resume(struct prepare *prepare, struct err *err) {
    struct run *run = prepare->run;
    times_restore(run);
    run->root = frame_new(run, NULL, plan_graph(run->plan), PHASE_RUN, mem_strdup(""));
    if (recall_run(run, run->past, err) < 0 || recall_locks(run, err) < 0)
        return -1;
    gates_require(prepare);
    if (diag_count(prepare->diag))
        return -1;
    struct recall *recall = run->recall;
    run->recall = NULL; /* from here on what happens is written */
    resumed_record(prepare);
    recall_release(recall);
    return 0;
}

/* ---- the whole ------------------------------------------------------------------------------ */

static int run_start(struct prepare *prepare) {
    struct run *run = prepare->run;
    started_record(prepare);
    run->root = frame_new(run, NULL, plan_graph(run->plan), PHASE_RUN, mem_strdup(""));
    frame_start(run->root);
    return 0;
}

static int prepare_begin(struct prepare *prepare, struct err *err) {
    struct run *run = prepare->run;
    if (place_open(run, err) < 0 || locks_take(run, err) < 0 || place_make(prepare, err) < 0 ||
        locks_tell(run, err) < 0)
        return -1;
    /* Who sees that it runs may interrupt it. */
    interrupt_watch(run);
    int status = run->past ? run_resume(prepare, err) : run_start(prepare);
    if (status == 0 && run->transcript_err.kind != ERR_NONE)
        status = err_move(err, &run->transcript_err);
    return status;
}

/* libcurl is 5 ms of loading, the making of a run as long, most of it waiting for the disk. */
static void modules_preload(const struct run *run) {
    const struct graph *graph = plan_graph(run->plan);
    const char *asked[4];
    size_t count = 0;
    for (uint32_t i = 0; i < graph_count(graph) && count < sizeof asked / sizeof *asked; i++) {
        const char *module = graph_node(graph, i)->step->type->module;
        size_t known = 0;
        while (known < count && asked[known] != module)
            known++;
        if (!module || known < count)
            continue;
        asked[count++] = module;
        module_preload(run->loop, module);
    }
}

int prepare_run(struct run *run, struct diag *diag, struct err *err) {
    struct prepare prepare = {.run = run, .diag = diag, .files = value_array()};
    int status = -1;
    if (run->replay) {
        value_free(prepare.files);
        return replay_begin(run->replay, run, err);
    }
    identity_read(run);
    environment_make(run);
    if (run->past && past_check(run, err) < 0) {
        value_free(prepare.files);
        return -1;
    }
    /* What a run required at its beginning it may have used up since. */
    if (!run->past) {
        runbook_each_file(run->runbook, file_requirements, &prepare);
        gates_require(&prepare);
    }
    secrets_load(run, diag);
    if (!diag_count(diag)) {
        modules_preload(run);
        status = prepare_begin(&prepare, err);
    }
    value_free(prepare.files);
    return status;
}
