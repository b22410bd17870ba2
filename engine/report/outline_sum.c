#include "report/outline_sum.h"

#include <inttypes.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/vec.h"
#include "lang/runbook.h"

#define LINE_MAX ((size_t)1 << 20)

int64_t outline_integer(value object, const char *key) {
    AUTO_VALUE member = value_get(object, key);
    int64_t number = 0;
    return value_as_integer(member, &number) ? number : 0;
}

bool outline_has(value object, const char *key) {
    AUTO_VALUE member = value_get(object, key);
    return !value_is(member, VALUE_NONE);
}

/* ---- steps --------------------------------------------------------------------------------- */

struct visit {
    void (*each)(void *user, const char *phase, value step);
    void *user;
    const char *phase;
};

/* Recursion is as deep as an outline is. */
static void steps_visit(const struct visit *visit, value steps, size_t depth) {
    for (size_t i = 0; i < value_count(steps); i++) {
        AUTO_VALUE step = value_at(steps, i);
        AUTO_VALUE members = value_get(step, "steps");
        visit->each(visit->user, visit->phase, step);
        if (depth < RUNBOOK_MAX_DEPTH)
            steps_visit(visit, members, depth + 1);
    }
}

void outline_each_step(value outline, void (*each)(void *user, const char *phase, value step),
                       void *user) {
    AUTO_VALUE steps = value_get(outline, "steps");
    AUTO_VALUE finally = value_get(outline, "finally");
    steps_visit(&(struct visit){each, user, "run"}, steps, 0);
    steps_visit(&(struct visit){each, user, "finally"}, finally, 0);
}

/* ---- lists --------------------------------------------------------------------------------- */

/* Something that is known at run time, and the steps that wait for it. */
struct origin {
    value from, steps;
};

struct gathering {
    value list;
    VEC(struct origin) origins;
    struct map *places; /* of origins by name: where they are, and one more */
    value path;         /* of the step that is looked at; borrowed */
};

static void steps_with(struct gathering *gathering, value step, const char *key) {
    if (outline_has(step, key) && !outline_has(step, "skipped"))
        gathering->list = value_append(gathering->list, value_copy(step));
}

static void gate_gather(void *user, const char *phase, value step) {
    (void)phase;
    steps_with(user, step, "gate");
}

static void rollback_gather(void *user, const char *phase, value step) {
    (void)phase;
    steps_with(user, step, "rollback");
}

value outline_gates(value outline) {
    struct gathering gathering = {.list = value_array()};
    outline_each_step(outline, gate_gather, &gathering);
    return gathering.list;
}

value outline_rollbacks(value outline) {
    struct gathering gathering = {.list = value_array()};
    outline_each_step(outline, rollback_gather, &gathering);
    return gathering.list;
}

static value name_append(value names, value name) {
    for (size_t i = 0; i < value_count(names); i++) {
        AUTO_VALUE known = value_at(names, i);
        if (value_equal(known, name))
            return names;
    }
    return value_append(names, value_copy(name));
}

/* The lines of a step that have this label. */
static value labelled(value names, value owner, const char *label) {
    AUTO_VALUE lines = value_get(owner, "lines");
    for (size_t i = 0; i < value_count(lines); i++) {
        AUTO_VALUE line = value_at(lines, i);
        AUTO_VALUE said = value_get(line, "label");
        AUTO_VALUE text = value_get(line, "text");
        if (text_equal(value_text(said), label))
            names = name_append(names, text);
    }
    return names;
}

static void entry_add(struct gathering *gathering, value path, value what_taken) {
    if (value_count(what_taken) == 0) {
        value_free(what_taken);
        return;
    }
    value entry = value_set(value_object(), "path", value_copy(path));
    gathering->list = value_append(gathering->list, value_set(entry, "what", what_taken));
}

value outline_loss_names(value step) {
    AUTO_VALUE declared = value_get(step, "destroys");
    value names = labelled(value_array(), step, "destroys");
    for (size_t i = 0; i < value_count(declared); i++) {
        AUTO_VALUE name = value_at(declared, i);
        names = name_append(names, name);
    }
    return names;
}

static void loss_gather(void *user, const char *phase, value step) {
    (void)phase;
    AUTO_VALUE path = value_get(step, "path");
    if (!outline_has(step, "skipped"))
        entry_add(user, path, outline_loss_names(step));
}

value outline_losses(value outline) {
    struct gathering gathering = {.list = value_array()};
    outline_each_step(outline, loss_gather, &gathering);
    return gathering.list;
}

static void lock_gather(void *user, const char *phase, value step) {
    (void)phase;
    AUTO_VALUE path = value_get(step, "path");
    AUTO_VALUE lock = value_get(step, "lock");
    value names = value_array();
    if (outline_has(step, "skipped")) {
        value_free(names);
        return;
    }
    if (value_is(lock, VALUE_STRING)) {
        AUTO_TEXT text = mem_printf("the lock `%s`", value_text(lock));
        names = value_append(names, value_string(text));
    }
    entry_add(user, path, labelled(names, step, "locks"));
}

value outline_locks(value outline) {
    struct gathering gathering = {.list = value_array()};
    AUTO_VALUE lock = value_get(outline, "lock");
    if (value_is(lock, VALUE_STRING)) {
        AUTO_VALUE whole = value_string("the whole run");
        AUTO_TEXT text = mem_printf("the lock `%s`", value_text(lock));
        entry_add(&gathering, whole, value_append(value_array(), value_string(text)));
    }
    outline_each_step(outline, lock_gather, &gathering);
    return gathering.list;
}

/* ---- what is not known yet ----------------------------------------------------------------- */

static void unknown_add(struct gathering *gathering, value from) {
    uintptr_t place = (uintptr_t)map_get(gathering->places, value_text(from));
    if (!place) {
        *vec_add(&gathering->origins) = (struct origin){value_copy(from), value_array()};
        place = gathering->origins.count;
        map_put(gathering->places, value_text(from), (void *)place);
    }
    struct origin *origin = &gathering->origins.items[place - 1];
    size_t count = value_count(origin->steps);
    AUTO_VALUE last = count > 0 ? value_at(origin->steps, count - 1) : value_none();
    if (count == 0 || !value_equal(last, gathering->path))
        origin->steps = value_append(origin->steps, value_copy(gathering->path));
}

static void fact_gather(struct gathering *gathering, value fact) {
    AUTO_VALUE from = value_get(fact, "from");
    for (size_t i = 0; i < value_count(from); i++) {
        AUTO_VALUE name = value_at(from, i);
        unknown_add(gathering, name);
    }
}

static void member_gather(struct gathering *gathering, value owner, const char *key) {
    AUTO_VALUE fact = value_get(owner, key);
    fact_gather(gathering, fact);
}

/* Of a step or a handler. */
static void action_gather(struct gathering *gathering, value owner) {
    AUTO_VALUE lines = value_get(owner, "lines");
    AUTO_VALUE env = value_get(owner, "env");
    AUTO_VALUE gate = value_get(owner, "gate");
    AUTO_VALUE names = value_keys(env);
    for (size_t i = 0; i < value_count(lines); i++) {
        AUTO_VALUE line = value_at(lines, i);
        fact_gather(gathering, line);
    }
    for (size_t i = 0; i < value_count(names); i++) {
        AUTO_VALUE name = value_at(names, i);
        member_gather(gathering, env, value_text(name));
    }
    member_gather(gathering, gate, "message");
    member_gather(gathering, owner, "cwd");
    member_gather(gathering, owner, "stdin");
}

static void handler_gather(struct gathering *gathering, value handler, size_t depth) {
    AUTO_VALUE members = value_get(handler, "steps");
    action_gather(gathering, handler);
    for (size_t i = 0; i < value_count(members) && depth < RUNBOOK_MAX_DEPTH; i++) {
        AUTO_VALUE member = value_at(members, i);
        handler_gather(gathering, member, depth + 1);
    }
}

static void unknown_gather(void *user, const char *phase, value step) {
    static const char *const handlers[] = {"done_when", "ready", "dry_run", "rollback"};
    struct gathering *gathering = user;
    AUTO_VALUE path = value_get(step, "path");
    (void)phase;
    if (outline_has(step, "skipped"))
        return;
    gathering->path = path;
    action_gather(gathering, step);
    member_gather(gathering, step, "when");
    member_gather(gathering, step, "foreach");
    for (size_t i = 0; i < sizeof handlers / sizeof *handlers; i++) {
        AUTO_VALUE handler = value_get(step, handlers[i]);
        handler_gather(gathering, handler, 0);
    }
}

value outline_unknown(value outline) {
    struct gathering gathering = {.list = value_array(), .places = map_new()};
    outline_each_step(outline, unknown_gather, &gathering);
    for (size_t i = 0; i < gathering.origins.count; i++) {
        struct origin *origin = &gathering.origins.items[i];
        value entry = value_set(value_object(), "from", origin->from);
        gathering.list = value_append(gathering.list, value_set(entry, "steps", origin->steps));
    }
    vec_release(&gathering.origins);
    map_free(gathering.places);
    return gathering.list;
}

/* ---- words --------------------------------------------------------------------------------- */

char *outline_openers(value gate) {
    AUTO_VALUE by_hand = value_get(gate, "by_hand");
    AUTO_VALUE approvers = value_get(gate, "approvers");
    AUTO_VALUE others = value_get(gate, "not_requester");
    AUTO_BUF text = BUF_INIT(LINE_MAX);
    if (value_truth(by_hand))
        return mem_strdup("a person, by hand");
    if (value_count(approvers) > 0)
        buf_printf(&text, "%" PRId64 " of ", outline_integer(gate, "quorum"));
    for (size_t i = 0; i < value_count(approvers); i++) {
        AUTO_VALUE name = value_at(approvers, i);
        buf_printf(&text, "%s%s", i ? ", " : "", value_text(name));
    }
    if (text.length == 0)
        buf_puts(&text, "anybody");
    if (value_truth(others))
        buf_puts(&text, ", not who started the run");
    return buf_detach(&text);
}

char *outline_secret_source(value secret) {
    AUTO_VALUE command = value_get(secret, "command");
    AUTO_VALUE file = value_get(secret, "file");
    AUTO_VALUE from = value_get(secret, "from");
    AUTO_BUF text = BUF_INIT(LINE_MAX);
    if (value_count(command) == 0)
        return value_is(file, VALUE_STRING) ? mem_printf("the file %s", value_text(file))
                                            : mem_printf("the %s", value_text(from));
    buf_puts(&text, "the command");
    for (size_t i = 0; i < value_count(command); i++) {
        AUTO_VALUE word = value_at(command, i);
        buf_printf(&text, " %s", value_text(word));
    }
    return buf_detach(&text);
}

char *outline_gist(value step) {
    AUTO_VALUE title = value_get(step, "title");
    AUTO_VALUE lines = value_get(step, "lines");
    AUTO_VALUE first = value_at(lines, 0);
    AUTO_VALUE text = value_get(first, "text");
    const char *gist = value_text(value_text_length(title) > 0 ? title : text);
    AUTO_VALUE loop = value_get(step, "foreach");
    AUTO_VALUE list = value_get(loop, "text");
    if (!*gist && value_is(list, VALUE_STRING))
        return mem_printf("for each of %s", value_text(list));
    return mem_strndup(gist, strcspn(gist, "\n"));
}
