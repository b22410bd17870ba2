#include "cli/schedule.h"

#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "journal/store.h"

#define STOP_MARGIN_MS 20000 /* to end what is left and to write the last records */
#define GRACE_MS 10000       /* of a step that says none */

struct gathering {
    struct schedule *schedule;
    struct diag *diag;
    bool yes;
    bool undoes; /* there is a handler, or a `finally` */
    int64_t grace_ms;
};

/* ---- steps ----------------------------------------------------------------------------------- */

static const char *hint_of(enum step_asks asks) {
    return asks == STEP_ASKS_ANYBODY
               ? "open the gate with --yes, or leave the step out by --skip or a profile"
               : "leave the step out by --skip or a profile, or run the runbook by hand";
}

/* A handler is reached only after a failure, a step with `when` perhaps never: those are told, and
 * do not keep the runbook from its schedule. */
static void answers_require(const struct gathering *gathering, const struct step *step,
                            const char *where) {
    const struct step_type *type = step->type;
    const enum step_asks asks = type->asks ? type->asks(step->spec) : STEP_ASKS_NOBODY;
    AUTO_ERR err = ERR_INIT;
    if (asks == STEP_ASKS_NOBODY || (asks == STEP_ASKS_ANYBODY && gathering->yes))
        return;
    err_at(&err, step->span,
           "step `%s` asks a person%s, and nobody is there when the runbook runs by its schedule",
           step->id, where);
    err_hint(&err, "%s", hint_of(asks));
    if (*where)
        err.kind = ERR_WARNING;
    diag_report(gathering->diag, &err);
}

static void grace_note(struct gathering *gathering, const struct step *step,
                       const struct runbook *file) {
    int64_t grace = step->more->grace_ms ? step->more->grace_ms : file->defaults.grace_ms;
    grace = grace == FIELD_ZERO_MS ? 0 : grace ? grace : GRACE_MS;
    gathering->grace_ms = grace > gathering->grace_ms ? grace : gathering->grace_ms;
}

/* Nesting is capped by the language. */
static void steps_look(struct gathering *gathering, const struct step_list *steps,
                       const struct runbook *file, const char *where);

static void step_look(struct gathering *gathering, const struct step *step,
                      const struct runbook *file, const char *where) {
    struct step_expansion inner;
    if (step->more->when && !*where)
        where = " where its condition holds";
    answers_require(gathering, step, where);
    grace_note(gathering, step, file);
    if (step->more->rollback) {
        gathering->undoes = true;
        step_look(gathering, step->more->rollback, file, " in a rollback");
    }
    if (!step_expand(step, &inner))
        return;
    if (inner.steps)
        steps_look(gathering, inner.steps, file, where);
    if (inner.runbook) {
        steps_look(gathering, inner.runbook->steps, inner.runbook, where);
        gathering->undoes |= inner.runbook->finally != NULL;
        steps_look(gathering, inner.runbook->finally, inner.runbook, where);
    }
}

static void steps_look(struct gathering *gathering, const struct step_list *steps,
                       const struct runbook *file, const char *where) {
    for (size_t i = 0; steps && i < steps->count; i++)
        step_look(gathering, steps->items[i], file, where);
}

static void plan_look(struct gathering *gathering) {
    const struct plan *plan = gathering->schedule->plan;
    const struct runbook *runbook = gathering->schedule->runbook;
    for (size_t i = 0; i < runbook->steps->count; i++) {
        const struct step *step = runbook->steps->items[i];
        const uint32_t node = graph_find(plan_graph(plan), step->id);
        if (node == GRAPH_NONE || !plan_skip_reason(plan, node))
            step_look(gathering, step, runbook, "");
    }
    gathering->undoes |= runbook->finally != NULL;
    steps_look(gathering, runbook->finally, runbook, "");
}

/* ---- what it needs --------------------------------------------------------------------------- */

static void variable_add(struct schedule *schedule, const char *name) {
    if (name && !text_is_among(name, schedule->variables.items, schedule->variables.count))
        *vec_add(&schedule->variables) = name;
}

static void variables_look(void *user, const struct runbook *file) {
    struct schedule *schedule = user;
    for (size_t i = 0; file->requires && i < file->requires->env.count; i++)
        variable_add(schedule, FIELD_AT(const char *, &file->requires->env, i));
    for (size_t i = 0; i < file->secrets.count; i++) {
        const struct secret_source *source =
            plan_secret(schedule->plan, file, file->secrets.keys[i]);
        variable_add(schedule, source ? source->env : NULL);
    }
}

/* ---- the command ----------------------------------------------------------------------------- */

static char *absolute(const char *folder, const char *path) {
    return *path == '/' ? mem_strdup(path) : mem_printf("%s/%s", folder, path);
}

static void option_add(struct schedule *schedule, const char *option, const char *given) {
    *vec_add(&schedule->words) = mem_strdup(option);
    *vec_add(&schedule->words) = mem_strdup(given);
}

static void options_add(struct schedule *schedule, const char *option, const char *const *values) {
    for (; values && *values; values++)
        option_add(schedule, option, *values);
}

static void words_add(struct schedule *schedule, const struct choices *choices, bool yes) {
    *vec_add(&schedule->words) = mem_strdup("exec");
    *vec_add(&schedule->words) = mem_strdup(schedule->file);
    if (yes)
        *vec_add(&schedule->words) = mem_strdup("--yes");
    if (choices->profile)
        option_add(schedule, "--profile", choices->profile);
    options_add(schedule, "--set", choices->set);
    if (choices->params_file) {
        AUTO_TEXT path = absolute(schedule->folder, choices->params_file);
        option_add(schedule, "--params", path);
    }
    options_add(schedule, "--only", choices->only);
    options_add(schedule, "--skip", choices->skip);
    if (choices->from)
        option_add(schedule, "--from", choices->from);
}

static int places_find(struct schedule *schedule, struct err *err) {
    char program[PATH_MAX], folder[PATH_MAX];
    const ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    const struct passwd *account = getpwuid(getuid());
    const char *config = getenv("RUNBOOK_CONFIG");
    if (length < 0 || !getcwd(folder, sizeof folder))
        return err_set(err, ERR_SYSTEM, "the program and the folder that it runs in are not known");
    program[length] = '\0';
    schedule->program = mem_strdup(program);
    schedule->folder = mem_strdup(folder);
    schedule->file = absolute(folder, schedule->runbook->path);
    schedule->user = account ? account->pw_name : NULL;
    schedule->config = config && *config ? absolute(folder, config) : NULL;
    schedule->store = store_where(err);
    if (!schedule->store)
        return -1;
    return schedule->user
               ? 0
               : err_set(err, ERR_INVALID, "nobody is known with the user id %ld", (long)getuid());
}

/* ---- the whole ------------------------------------------------------------------------------- */

static int when_find(struct schedule *schedule, struct err *err) {
    struct calendar_fault fault;
    if (schedule->runbook->schedule)
        return calendar_parse(schedule->runbook->schedule, &schedule->calendar, &fault, err);
    err_set(err, ERR_INVALID, "%s has no `schedule`", schedule->runbook->path);
    return err_hint(err, "say when it runs by itself: `schedule: \"Mon *-*-* 03:00\"`");
}

int schedule_init(struct schedule *schedule, const struct plan *plan, const struct choices *choices,
                  bool yes, struct diag *diag) {
    *schedule = (struct schedule){.plan = plan, .runbook = plan_runbook(plan)};
    struct gathering gathering = {.schedule = schedule, .diag = diag, .yes = yes};
    AUTO_ERR err = ERR_INIT;
    if (when_find(schedule, &err) < 0 || places_find(schedule, &err) < 0) {
        diag_report(diag, &err);
        return -1;
    }
    plan_look(&gathering);
    schedule->stop_ms = gathering.undoes ? 0 : gathering.grace_ms + STOP_MARGIN_MS;
    runbook_each_file(schedule->runbook, variables_look, schedule);
    words_add(schedule, choices, yes);
    return diag_count(diag) > 0 ? -1 : 0;
}

void schedule_release(struct schedule *schedule) {
    for (size_t i = 0; i < schedule->words.count; i++)
        mem_free(schedule->words.items[i]);
    vec_release(&schedule->words);
    vec_release(&schedule->variables);
    mem_free(schedule->program);
    mem_free(schedule->file);
    mem_free(schedule->folder);
    mem_free(schedule->store);
    mem_free(schedule->config);
}

char *schedule_name(const struct schedule *schedule) {
    return mem_printf("runbook-%s", schedule->runbook->name);
}

char *schedule_title(const struct schedule *schedule) {
    const struct runbook *runbook = schedule->runbook;
    const char *title = runbook->title && *runbook->title ? runbook->title : runbook->name;
    AUTO_BUF shown = BUF_INIT(1 << 20);
    text_escape(&shown, title, strlen(title), false);
    return buf_detach(&shown);
}

char *schedule_variables(const struct schedule *schedule) {
    AUTO_BUF out = BUF_INIT(1 << 20);
    const size_t count = schedule->variables.count;
    for (size_t i = 0; i < count; i++)
        buf_printf(&out, "%s%s",
                   i == 0           ? ""
                   : i + 1 == count ? " and "
                                    : ", ",
                   schedule->variables.items[i]);
    return buf_detach(&out);
}
