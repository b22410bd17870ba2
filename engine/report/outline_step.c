#include "report/outline_step.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "report/outline_words.h"

/* ---- members ------------------------------------------------------------------------------- */

void outline_set(value *object, const char *key, value item_taken) {
    if (!object)
        value_free(item_taken);
    else if (!value_is(item_taken, VALUE_NONE))
        *object = value_set(*object, key, item_taken);
}

void outline_text_set(value *object, const char *key, const char *text) {
    if (object && text)
        *object = value_set(*object, key, value_string(text));
}

void outline_integer_set(value *object, const char *key, int64_t number) {
    if (object && number > 0)
        *object = value_set(*object, key, value_integer(number));
}

void outline_flag_set(value *object, const char *key, bool flag) {
    if (object && flag)
        *object = value_set(*object, key, value_bool(true));
}

void outline_names_set(value *object, const char *key, const struct field_list *names) {
    if (!object || names->count == 0)
        return;
    value list = value_array();
    for (size_t i = 0; i < names->count; i++)
        list = value_append(list, value_string(FIELD_AT(const char *, names, i)));
    *object = value_set(*object, key, list);
}

/* ---- facts --------------------------------------------------------------------------------- */

static value noted(const struct outline_file *in, value fact_taken) {
    outline_sum_fact(in->sums, fact_taken);
    return fact_taken;
}

static value text_noted(const struct outline_file *in, const char *text, size_t length) {
    return noted(in, fact_of_text(&in->at, text, length));
}

static value template_noted(const struct outline_file *in, const struct template *tmpl) {
    if (!tmpl || (in->is_brief && template_is_constant(tmpl)))
        return value_none();
    return noted(in, fact_of_template(&in->at, tmpl));
}

/* ---- what is needed ------------------------------------------------------------------------ */

void outline_needs_init(struct outline_needs *needs) {
    *needs =
        (struct outline_needs){map_new(), map_new(), map_new(), map_new(), map_new(), map_new()};
}

static value names_take(struct map *names) {
    value list = value_array();
    const char *name;
    for (size_t i = 0; map_next(names, &i, &name, NULL);)
        list = value_append(list, value_string(name));
    map_free(names);
    return list;
}

value outline_needs_take(struct outline_needs *needs) {
    value all = value_set(value_object(), "is", value_word("live"));
    all = value_set(all, "commands", names_take(needs->commands));
    all = value_set(all, "hosts", names_take(needs->hosts));
    all = value_set(all, "databases", names_take(needs->databases));
    all = value_set(all, "targets", names_take(needs->targets));
    all = value_set(all, "reads", names_take(needs->reads));
    return value_set(all, "files", names_take(needs->files));
}

static void need_add(struct map *names, const char *name) {
    map_put(names, name, names);
}

void outline_need_file(struct outline_needs *needs, const char *path) {
    need_add(needs->files, path);
}

void outline_need_command(struct outline_needs *needs, const char *name) {
    need_add(needs->commands, name);
}

/* "https://user@host:8443/path" is "host:8443"; what has no host in sight stays whole. */
static void host_add(struct outline_needs *needs, const char *url) {
    const char *host = strstr(url, "://");
    host = host ? host + 3 : url;
    size_t length = strcspn(host, "/?#");
    const char *at = memrchr(host, '@', length);
    if (at) {
        length -= (size_t)(at + 1 - host);
        host = at + 1;
    }
    AUTO_TEXT name = mem_strndup(host, length);
    bool is_cut = strstr(name, "${{") && !strstr(name, "}}");
    need_add(needs->hosts, is_cut ? url : name);
}

static void file_take(struct outline_needs *needs, const char *path, bool is_known) {
    outline_need_file(needs, path);
    if (is_known)
        need_add(needs->reads, path);
}

/* Where the step runs, not here. */
static void command_add(const struct outline_file *in, const char *name) {
    AUTO_TEXT whole = in->place ? mem_printf("%s on %s", name, in->place) : NULL;
    outline_need_command(in->needs, whole ? whole : name);
}

static void need_take(const struct outline_file *in, enum step_need need, const char *text,
                      size_t length) {
    AUTO_VALUE fact = fact_of_text(&in->at, text, length);
    AUTO_VALUE shown = value_get(fact, "text");
    AUTO_VALUE is = value_get(fact, "is");
    if (need == STEP_NEEDS_HOST)
        host_add(in->needs, value_text(shown));
    else if (need == STEP_NEEDS_COMMAND)
        command_add(in, value_text(shown));
    else
        file_take(in->needs, value_text(shown), text_equal(value_text(is), "known"));
}

static void target_add(const struct outline_file *in, const char *name) {
    const struct target *target = plan_target(in->at.plan, in->at.file, name);
    need_add(in->needs->targets, name);
    if (!target)
        return;
    AUTO_VALUE fact = target->ssh ? fact_of_template(&in->at, target->ssh)
                      : target->via.count > 0
                          ? fact_of_template(&in->at, FIELD_AT(struct template *, &target->via, 0))
                          : value_none();
    AUTO_VALUE text = value_get(fact, "text");
    if (target->ssh) {
        outline_need_command(in->needs, "ssh");
        host_add(in->needs, value_text(text));
    } else if (value_is(text, VALUE_STRING))
        outline_need_command(in->needs, value_text(text));
}

/* ---- questions ----------------------------------------------------------------------------- */

struct asked {
    const struct outline_file *in;
    value gate; /* VALUE_NONE: nobody is asked */
};

static void question_take(void *user, const struct step_question *question) {
    struct asked *asked = user;
    value gate = value_object();
    gate = value_set(gate, "by_hand", value_bool(question->kind == STEP_ASK_MANUAL));
    gate = value_set(gate, "message",
                     text_noted(asked->in, question->message, strlen(question->message)));
    value approvers = value_array();
    for (size_t i = 0; question->approvers && question->approvers[i]; i++)
        approvers = value_append(approvers, value_string(question->approvers[i]));
    gate = value_set(gate, "approvers", approvers);
    gate = value_set(gate, "quorum", value_integer(question->quorum));
    gate = value_set(gate, "not_requester", value_bool(question->not_requester));
    outline_integer_set(&gate, "expires_ms", question->expires_ms);
    asked->gate = gate;
}

static void asked_need(void *user, enum step_need need, const char *text, size_t length) {
    const struct asked *asked = user;
    need_take(asked->in, need, text, length);
}

/* What it asks people; owned. */
static value demand_tell(const struct outline_file *in, const struct step *step) {
    struct asked asked = {in, value_none()};
    const struct field_list *shell = &in->at.file->defaults.shell;
    const struct step_demand demand = {
        .user = &asked,
        .shell = shell->count > 0 ? FIELD_AT(const char *, shell, 0) : NULL,
        .need = asked_need,
        .question = question_take,
    };
    if (step->type->demand)
        step->type->demand(step->spec, &demand);
    if (value_is(asked.gate, VALUE_OBJECT))
        outline_sum_gate(in->sums, asked.gate);
    return asked.gate;
}

/* ---- what a command gets ------------------------------------------------------------------- */

static void template_tell(const struct outline_file *in, const char *key,
                          const struct template *tmpl, value *object) {
    if (tmpl)
        outline_set(object, key, template_noted(in, tmpl));
}

static void variables_add(const struct outline_file *in, const struct field_map *map, value *env) {
    for (size_t i = 0; i < map->count; i++)
        template_tell(in, map->keys[i], FIELD_AT(struct template *, map, i), env);
}

/* Of a loop over names that stand there each is needed. */
static void targets_add(const struct outline_file *in, const struct step *step) {
    AUTO_VALUE items = value_none();
    if (!step->more->foreach || !template_is_constant(step->more->foreach) ||
        template_render(step->more->foreach, NULL, &items, NULL) < 0)
        return;
    for (size_t i = 0; i < value_count(items); i++) {
        AUTO_VALUE item = value_at(items, i);
        if (value_is(item, VALUE_STRING) && plan_target(in->at.plan, in->at.file, value_text(item)))
            target_add(in, value_text(item));
    }
}

/* Where it is said once for all of its kind; NULL: here. */
static const char *usual_place(const struct outline_file *in, const struct step *step) {
    const struct database *database =
        step->type->results & STEP_HAS_ROWS
            ? plan_database(in->at.plan, in->at.file, step->more->database, NULL)
            : NULL;
    if (database)
        return database->target;
    return step->type->is_command ? in->at.file->defaults.target : NULL;
}

/* As it was written; NULL: here. */
static const char *place_of(const struct outline_file *in, const struct step *step) {
    AUTO_BUF shown = BUF_INIT(1 << 16);
    if (!step->more->target)
        return usual_place(in, step);
    template_show(&shown, step->more->target);
    return arena_strdup(in->arena, buf_text(&shown));
}

static void target_tell(const struct outline_file *in, const struct step *step, value *object) {
    outline_text_set(object, "target", in->place);
    if (in->place && (!step->more->target || template_is_constant(step->more->target)))
        target_add(in, in->place);
    else if (in->place)
        targets_add(in, step);
}

static void command_tell(const struct outline_file *in, const struct step *step, value *object) {
    const struct defaults *defaults = &in->at.file->defaults;
    value made = object ? value_object() : value_none(), *env = object ? &made : NULL;
    variables_add(in, &in->at.file->env, env);
    variables_add(in, &defaults->env, env);
    variables_add(in, &step->more->env, env);
    if (object)
        outline_set(value_count(made) > 0 ? object : NULL, "env", made);
    template_tell(in, "cwd", step->more->cwd ? step->more->cwd : defaults->cwd, object);
    template_tell(in, "stdin", step->more->input, object);
    if (text_equal(step->type->key, "shell"))
        command_add(in, defaults->shell.count > 0 ? FIELD_AT(const char *, &defaults->shell, 0)
                                                  : "bash");
}

static void database_tell(const struct outline_file *in, const struct step *step, value *object) {
    const char *name = step->more->database;
    const struct database *database =
        plan_database(in->at.plan, in->at.file, step->more->database, &name);
    /* Only what it is made of counts: the rest may be a secret. */
    value_free(template_noted(in, database ? database->url : NULL));
    outline_text_set(object, "database", name);
    if (name)
        need_add(in->needs->databases, name);
}

/* ---- its action ---------------------------------------------------------------------------- */

struct told {
    const struct outline_file *in;
    bool is_handler;
    value *lines; /* NULL: nobody reads them */
    char *first;  /* the text of the first of them, or NULL */
};

static bool is_summed(const char *label) {
    return text_equal(label, "destroys") || text_equal(label, "locks");
}

static void sum_take(const struct told *told, const char *label, value text) {
    if (told->is_handler)
        return;
    if (text_equal(label, "destroys"))
        outline_sum_loss(told->in->sums, text);
    else if (text_equal(label, "locks"))
        outline_sum_lock(told->in->sums, value_text(text));
}

static void first_take(struct told *told, const char *text, size_t length) {
    if (!told->is_handler && !told->first)
        told->first = mem_strndup(text, length);
}

static void line_take(void *user, const char *label, const char *text, size_t length) {
    struct told *told = user;
    size_t offset;
    if (!told->lines && !is_summed(label) && !template_find(text, length, &offset)) {
        first_take(told, text, length);
        return;
    }
    value line = text_noted(told->in, text, length);
    AUTO_VALUE shown = value_get(line, "text");
    sum_take(told, label, shown);
    first_take(told, value_text(shown), value_text_length(shown));
    if (told->lines)
        *told->lines = value_append(*told->lines, value_set(line, "label", value_word(label)));
    else
        value_free(line);
}

/* What the type says of it, by itself. */
static char *lines_tell(const struct outline_file *in, const struct step *step, bool is_handler,
                        value *object) {
    value lines = object ? value_array() : value_none();
    struct told told = {in, is_handler, object ? &lines : NULL, NULL};
    const struct step_plan plan = {.user = &told, .line = line_take};
    if (step->type && step->type->plan)
        step->type->plan(step->spec, &plan);
    if (step->type && object)
        *object = value_set(*object, "action", value_word(step->type->key));
    outline_set(object, "lines", lines);
    return told.first;
}

/* Of a step or, without a row, of a handler. */
static void action_tell(const struct outline_file *in, const struct step *step,
                        struct outline_row *row, value *object) {
    char *first = lines_tell(in, step, !row, object);
    if (row)
        row->gist = first;
    if (!step->type)
        return;
    struct outline_file there = *in;
    there.place = place_of(in, step);
    value gate = demand_tell(&there, step);
    if (row) {
        row->target = there.place;
        row->gate = value_copy(gate);
    }
    outline_set(object, "gate", gate);
    if (step->type->is_command)
        command_tell(&there, step, object);
    target_tell(&there, step, object);
    if (step->type->results & STEP_HAS_ROWS)
        database_tell(in, step, object);
}

/* ---- limits -------------------------------------------------------------------------------- */

/* Members of a container have the limits, not the container, unless it says so itself. */
static int64_t limit_of(const struct step *step, int64_t own, int64_t fallback) {
    bool is_own = step->type && (step->type->is_passive || step->type->expand);
    int64_t limit = own != 0 || is_own ? own : fallback;
    return limit == FIELD_ZERO_MS ? 0 : limit;
}

static value retry_value(const struct retry *retry) {
    value object = value_object();
    outline_integer_set(&object, "attempts", retry->attempts);
    outline_integer_set(&object, "delay_ms", retry->delay_ms);
    outline_integer_set(&object, "max_delay_ms", retry->max_delay_ms);
    if (retry->backoff > 1)
        object = value_set(object, "backoff", value_number(retry->backoff));
    outline_text_set(&object, "when", retry->when ? expr_text(retry->when) : NULL);
    return object;
}

static const char *on_failure_text(enum on_failure rule) {
    static const char *const names[] = {
        [ON_FAILURE_UNSAID] = NULL,
        [ON_FAILURE_ROLLBACK] = "rollback",
        [ON_FAILURE_STOP] = "stop",
        [ON_FAILURE_CONTINUE] = "continue",
    };
    return names[rule];
}

static void limits_tell(const struct outline_file *in, const struct step *step, value *object) {
    if (!object)
        return;
    const struct defaults *defaults = &in->at.file->defaults;
    bool is_container = step->type && step->type->expand;
    const struct retry *retry = step->more->retry;
    bool is_passive = step->type && step->type->is_passive;
    if (!retry && !is_container && !is_passive && step_effect(step) != EFFECT_ONCE)
        retry = defaults->retry;
    outline_integer_set(object, "timeout_ms",
                        limit_of(step, step->timeout_ms, defaults->timeout_ms));
    outline_integer_set(object, "deadline_ms",
                        limit_of(step, step->more->deadline_ms, defaults->deadline_ms));
    if (retry)
        *object = value_set(*object, "retry", retry_value(retry));
    outline_text_set(object, "lock", step->more->lock);
    outline_text_set(object, "on_failure", on_failure_text(step->on_failure));
}

/* ---- the step ------------------------------------------------------------------------------ */

static const char *effect_text(enum effect effect) {
    static const char *const names[] = {
        [EFFECT_UNSAID] = "once",
        [EFFECT_READ] = "read",
        [EFFECT_IDEMPOTENT] = "idempotent",
        [EFFECT_ONCE] = "once",
    };
    return names[effect];
}

/* A rollback handler, a probe, a command for the dry run: with all that stands in it, as deep as
 * the language lets steps nest. VALUE_NONE of a brief outline. */
static value handler_value(const struct outline_file *in, const struct step *handler) {
    value object = in->is_brief ? value_none() : value_object();
    value *told = in->is_brief ? NULL : &object;
    struct step_expansion inner = {0};
    outline_text_set(told, "title", handler->title);
    action_tell(in, handler, NULL, told);
    limits_tell(in, handler, told);
    if (!step_expand(handler, &inner) || !inner.steps)
        return object;
    value members = told ? value_array() : value_none();
    for (size_t i = 0; i < inner.steps->count; i++) {
        value member = handler_value(in, inner.steps->items[i]);
        if (told)
            members = value_append(members, member);
    }
    outline_set(told, "steps", members);
    return object;
}

static void handler_tell(const struct outline_file *in, const char *key, const struct step *handler,
                         value *object) {
    if (handler)
        outline_set(object, key, handler_value(in, handler));
}

/* What it asks is known, and what it will be answered is not. */
static void probe_tell(const struct outline_file *in, const char *key, const struct step *probe,
                       value *object) {
    if (!probe)
        return;
    value told = handler_value(in, probe);
    outline_set(object, key, object ? value_set(told, "is", value_word("live")) : told);
}

static void place_tell(const struct step *step, value *object) {
    *object = value_set(*object, "line", value_integer((int64_t)step->span.line));
    *object = value_set(*object, "column", value_integer((int64_t)step->span.column));
    outline_text_set(object, "file", step->span.file);
}

void outline_objectives_set(value *object, const struct objectives *objectives) {
    if (!object || !objectives)
        return;
    value promised = value_object();
    outline_integer_set(&promised, "rto_ms", objectives->rto_ms);
    outline_integer_set(&promised, "rpo_ms", objectives->rpo_ms);
    *object = value_set(*object, "objectives", promised);
}

/* Its own, or those that the runbook brings that it calls. */
static const struct objectives *objectives_of(const struct step *step) {
    struct step_expansion inner = {0};
    bool is_call = !step->more->objectives && step_expand(step, &inner) && inner.runbook;
    return is_call ? inner.runbook->objectives : step->more->objectives;
}

/* What the step itself says it destroys and holds. */
static void sums_tell(const struct outline_file *in, const struct step *step) {
    for (size_t i = 0; i < step->more->destroys.count; i++) {
        AUTO_VALUE name = value_string(FIELD_AT(const char *, &step->more->destroys, i));
        outline_sum_loss(in->sums, name);
    }
    AUTO_TEXT lock = step->more->lock ? mem_printf("the lock `%s`", step->more->lock) : NULL;
    if (lock)
        outline_sum_lock(in->sums, lock);
}

static void details_tell(const struct outline_file *in, const struct step *step, value *object) {
    outline_text_set(object, "description", step->more->description);
    place_tell(step, object);
    outline_text_set(object, "effect_reason", step->more->effect_reason);
    limits_tell(in, step, object);
    outline_integer_set(object, "concurrency", step->more->foreach ? step->more->concurrency : 0);
    outline_names_set(object, "destroys", &step->more->destroys);
    outline_names_set(object, "tags", &step->tags);
    outline_flag_set(object, "sensitive", step->sensitive);
}

static const struct step *probe_of(const struct step *step) {
    return step->type && step->type->probe ? step->type->probe(step->spec) : NULL;
}

/* Its title, its first line, or what it loops over. */
static void gist_tell(const struct outline_file *in, struct outline_row *row, value *object) {
    const struct step *step = row->step;
    AUTO_TEXT line = row->gist;
    if (!step->more->foreach) {
        row->gist = outline_gist(step->title, line, NULL);
        return;
    }
    value loop = noted(in, fact_of_template(&in->at, step->more->foreach));
    AUTO_VALUE list = value_get(loop, "text");
    row->gist = outline_gist(step->title, line, value_text(list));
    outline_set(object, "foreach", loop);
}

static void handlers_tell(const struct outline_file *in, const struct step *step, value *object) {
    probe_tell(in, "probe", probe_of(step), object);
    probe_tell(in, "done_when", step->more->done_when, object);
    probe_tell(in, "ready", step->more->ready, object);
    handler_tell(in, "dry_run", step->more->dry_run, object);
    handler_tell(in, "rollback", step->more->rollback, object);
}

void outline_step(const struct outline_file *in, struct outline_row *row) {
    const struct step *step = row->step;
    value *object = in->is_brief ? NULL : &row->details;
    row->effect = effect_text(step_effect(step));
    row->objectives = objectives_of(step);
    action_tell(in, step, row, object);
    sums_tell(in, step);
    if (object)
        details_tell(in, step, object);
    gist_tell(in, row, object);
    handlers_tell(in, step, object);
}
