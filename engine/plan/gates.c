#include "plan/gates.h"

#include <ctype.h>

#include "base/text.h"
#include "base/vec.h"

#define HINT_CEILING ((size_t)64 << 10)

/* ---- where a step stands ------------------------------------------------------------------ */

/* Whoever comes past `node` has come past the gate, which is that node or stands in its body. */
struct gate {
    const struct step *step;
    uint32_t node;
    const char *let_by; /* why one may come past `node` without its word, or NULL */
};

/* One graph, and the node of another that it is the body or a handler of. */
struct scope {
    const struct runbook *file;
    const struct graph *graph;
    const struct scope *outer;
    uint32_t node; /* in `outer` */
    bool is_body;  /* its first node stands for the step itself */
    VEC(struct gate) gates;
    size_t words;    /* so many for each node in `above` */
    uint64_t *above; /* bit by bit which of the gates stand above it; NULL where there are none */
};

struct loss {
    char *what;
    char **names; /* NULL-terminated */
    struct span span;
    bool is_allowed;
};

struct check {
    struct plan *plan;
    struct diag *diag;
    VEC(struct scope *) scopes; /* all, in the order in which they are looked at */
    /* Of the step that is being looked at. */
    const struct step *step;
    const struct database *database;
    VEC(struct loss) losses;
    const struct step *near; /* a gate that names something and does not count */
    const char *reason;      /* why not */
};

static bool is_gate(const struct step *step) {
    return step->type && step->type->gate && step->type->asks;
}

/* Why one may come past a step without its word, or NULL. */
static const char *step_lets_by(const struct scope *scope, const struct step *step) {
    enum on_failure rule = step->on_failure;
    if (rule == ON_FAILURE_UNSAID)
        rule = scope->file->defaults.on_failure;
    if (step->more->when)
        return "`when` may skip it";
    if (step->more->done_when)
        return "`done_when` may skip it";
    if (step->more->foreach)
        return "its list may be empty";
    return rule == ON_FAILURE_CONTINUE ? "the run goes on where it is rejected" : NULL;
}

/* As above, with the groups that it stands in and `other`, a node or GRAPH_NONE, does not. */
static const char *node_lets_by(const struct scope *scope, const struct graph *graph, uint32_t node,
                                uint32_t other) {
    const struct graph_node *at = graph_node(graph, node);
    const char *reason = step_lets_by(scope, at->step);
    for (uint32_t group = at->group; !reason && group != GRAPH_NONE;) {
        const struct graph_node *begin = graph_node(graph, group);
        if (group <= other && other <= begin->peer)
            break;
        reason = step_lets_by(scope, begin->step);
        group = begin->group;
    }
    return reason;
}

/* In the body of `node`, whose first node stands for that step itself. Groups nest as deep as the
 * language lets them. */
static void gates_find_in(struct check *check, struct scope *scope, const struct graph *body,
                          uint32_t node, const char *let_by) {
    for (uint32_t i = 1; i < graph_count(body); i++) {
        const struct graph_node *member = graph_node(body, i);
        const struct graph *inner = plan_group_body(check->plan, member);
        if (!inner && !is_gate(member->step))
            continue;
        const char *reason = let_by ? let_by : node_lets_by(scope, body, i, GRAPH_NONE);
        if (inner)
            gates_find_in(check, scope, inner, node, reason);
        else
            *vec_add(&scope->gates) = (struct gate){member->step, node, reason};
    }
}

static void gates_find(struct check *check, struct scope *scope) {
    for (uint32_t i = scope->is_body; i < graph_count(scope->graph); i++) {
        const struct graph_node *node = graph_node(scope->graph, i);
        const struct graph *body = plan_group_body(check->plan, node);
        if (body)
            gates_find_in(check, scope, body, i, NULL);
        else if (is_gate(node->step))
            *vec_add(&scope->gates) = (struct gate){node->step, i, NULL};
    }
}

/* Once for the whole graph, so that ten thousand steps below one gate take no time. */
static void scope_gates(struct check *check, struct scope *scope) {
    size_t count = graph_count(scope->graph);
    const uint32_t *order = graph_order(scope->graph);
    gates_find(check, scope);
    scope->words = (scope->gates.count + 63) / 64;
    if (scope->words == 0)
        return;
    uint64_t *above = scope->above = mem_calloc(count * scope->words, sizeof *above);
    uint64_t *own = mem_calloc(count * scope->words, sizeof *own);
    for (size_t i = 0; i < scope->gates.count; i++)
        own[scope->gates.items[i].node * scope->words + i / 64] |= UINT64_C(1) << (i % 64);
    for (size_t i = 0; i < count; i++) {
        size_t needed, at = order[i] * scope->words;
        const uint32_t *needs = graph_needs(scope->graph, order[i], &needed);
        for (size_t k = 0; k < needed * scope->words; k++) {
            size_t need = needs[k / scope->words] * scope->words + k % scope->words;
            above[at + k % scope->words] |= above[need] | own[need];
        }
    }
    mem_free(own);
}

static void scope_add(struct check *check, struct scope scope) {
    if (!scope.graph)
        return;
    struct scope *added = mem_alloc(sizeof *added);
    *added = scope;
    scope_gates(check, added);
    *vec_add(&check->scopes) = added;
}

static void scope_free(struct scope *scope) {
    vec_release(&scope->gates);
    mem_free(scope->above);
    mem_free(scope);
}

static bool is_left_out(const struct check *check, const struct scope *scope, uint32_t node) {
    return scope->graph == plan_graph(check->plan) && plan_skip_reason(check->plan, node);
}

/* ---- losses ------------------------------------------------------------------------------- */

static void loss_found(void *user, const struct step_loss *loss) {
    struct check *check = user;
    /* Where its author calls it a read, the server holds it to that. */
    if (loss->unknown && check->step->effect_override == EFFECT_READ)
        return;
    size_t count = 0;
    while (loss->names[count])
        count++;
    struct loss *kept = vec_add(&check->losses);
    *kept = (struct loss){.what = mem_strdup(loss->what),
                          .span = loss->span.line ? loss->span : check->step->span};
    kept->names = mem_calloc(count + 1, sizeof *kept->names);
    for (size_t i = 0; i < count; i++)
        kept->names[i] = mem_strdup(loss->names[i]);
}

static void losses_clear(struct check *check) {
    for (size_t i = 0; i < check->losses.count; i++) {
        struct loss *loss = &check->losses.items[i];
        for (size_t k = 0; loss->names[k]; k++)
            mem_free(loss->names[k]);
        mem_free(loss->names);
        mem_free(loss->what);
    }
    vec_release(&check->losses);
}

static bool is_declared(const struct step *step, const char *what) {
    for (size_t i = 0; i < step->more->destroys.count; i++)
        if (text_equal(FIELD_AT(const char *, &step->more->destroys, i), what))
            return true;
    return false;
}

static bool is_protected(const struct check *check) {
    return check->database && check->database->is_protected;
}

static bool all_allowed(const struct check *check) {
    for (size_t i = 0; i < check->losses.count; i++)
        if (!check->losses.items[i].is_allowed)
            return false;
    return true;
}

/* ---- gates -------------------------------------------------------------------------------- */

static bool is_word(char byte) {
    return isalnum((unsigned char)byte) || byte == '_' || (unsigned char)byte >= 0x80;
}

/* `archive.leads` and `mis-leads` name something else than `leads`; a full stop ends a sentence. */
static bool is_joined(const char *next) {
    return is_word(*next) || ((*next == '.' || *next == '-') && is_word(next[1]));
}

static bool holds_word(const char *text, const char *word) {
    size_t length = strlen(word);
    for (const char *at = text; length && (at = strcasestr(at, word)); at++)
        if ((at == text || !(is_word(at[-1]) || at[-1] == '.' || at[-1] == '-')) &&
            !is_joined(at + length))
            return true;
    return false;
}

/* The words that stand there for sure: what is rendered at run time names nothing. */
static char *gate_words(const struct template *message) {
    AUTO_BUF shown = BUF_INIT(HINT_CEILING);
    AUTO_BUF words = BUF_INIT(HINT_CEILING);
    template_show(&shown, message);
    for (const char *at = buf_text(&shown); *at;) {
        const char *open = strstr(at, "${{");
        const char *close = open ? strstr(open, "}}") : NULL;
        (void)buf_append(&words, at, open ? (size_t)(open - at) : strlen(at));
        (void)buf_putc(&words, ' ');
        at = close ? close + 2 : "";
    }
    return mem_strdup(buf_text(&words));
}

/* `leads.email`, or `email of leads`. */
static bool is_named(const char *words, const struct loss *loss) {
    AUTO_BUF whole = BUF_INIT(HINT_CEILING);
    bool has_all = true;
    for (size_t i = 0; loss->names[i]; i++) {
        (void)buf_printf(&whole, "%s%s", i ? "." : "", loss->names[i]);
        has_all &= holds_word(words, loss->names[i]);
    }
    return has_all || holds_word(words, buf_text(&whole));
}

/* With the groups that the gate stands in and the node does not. */
static const char *gate_lets_by(const struct check *check, const struct scope *scope,
                                const struct gate *gate, uint32_t node) {
    if (is_left_out(check, scope, gate->node))
        return "it is left out of this run";
    if (is_protected(check) && gate->step->type->asks(gate->step->spec) != STEP_ASKS_PERSON)
        return "it names no `approvers`";
    return gate->let_by ? gate->let_by : node_lets_by(scope, scope->graph, gate->node, node);
}

static void gate_apply(struct check *check, const struct scope *scope, const struct gate *gate,
                       uint32_t node) {
    const struct step *step = gate->step;
    AUTO_TEXT words = gate_words(step->type->gate(step->spec));
    const char *reason = gate_lets_by(check, scope, gate, node);
    for (size_t i = 0; i < check->losses.count; i++) {
        struct loss *loss = &check->losses.items[i];
        if (loss->is_allowed || !is_named(words, loss))
            continue;
        loss->is_allowed = !reason;
        if (reason) {
            check->near = step;
            check->reason = reason;
        }
    }
}

static void gates_ask(struct check *check, const struct scope *scope, uint32_t node) {
    for (; scope; node = scope->node, scope = scope->outer)
        for (size_t i = 0; i < scope->gates.count && !all_allowed(check); i++)
            if (scope->above[node * scope->words + i / 64] & UINT64_C(1) << (i % 64))
                gate_apply(check, scope, &scope->gates.items[i], node);
}

/* ---- what is reported --------------------------------------------------------------------- */

static void put_losses(const struct check *check, struct buf *out) {
    const char *between = "";
    for (size_t i = 0; i < check->losses.count; i++) {
        if (check->losses.items[i].is_allowed)
            continue;
        (void)buf_printf(out, "%s%s", between, check->losses.items[i].what);
        between = ", ";
    }
}

/* As it must stand in a list of YAML. */
static void put_entry(struct buf *out, const char *what) {
    if (!strpbrk(what, "[]{},:#'\"&*!|>%@`\\")) {
        (void)buf_puts(out, what);
        return;
    }
    (void)buf_putc(out, '\'');
    for (; *what; what++) {
        if (*what == '\'')
            (void)buf_putc(out, '\'');
        (void)buf_putc(out, *what);
    }
    (void)buf_putc(out, '\'');
}

/* The whole list: what is written already and is right, and what is missing. */
static void put_line(const struct check *check, struct buf *out) {
    const char *between = "";
    (void)buf_puts(out, "destroys: [");
    for (size_t i = 0; i < check->losses.count; i++) {
        const struct loss *loss = &check->losses.items[i];
        if (loss->is_allowed && !is_declared(check->step, loss->what))
            continue;
        (void)buf_puts(out, between);
        put_entry(out, loss->what);
        between = ", ";
    }
    (void)buf_putc(out, ']');
}

static bool is_told(const struct check *check, size_t until, const char *name) {
    for (size_t i = 0; i < until; i++)
        for (size_t k = 0; !check->losses.items[i].is_allowed && check->losses.items[i].names[k];
             k++)
            if (text_equal(check->losses.items[i].names[k], name))
                return true;
    return false;
}

static void put_names(const struct check *check, struct buf *out) {
    const char *between = "";
    for (size_t i = 0; i < check->losses.count; i++) {
        const struct loss *loss = &check->losses.items[i];
        for (size_t k = 0; !loss->is_allowed && loss->names[k]; k++) {
            if (is_told(check, i, loss->names[k]))
                continue;
            (void)buf_printf(out, "%s`%s`", between, loss->names[k]);
            between = ", ";
        }
    }
}

static void put_hint(const struct check *check, struct buf *out) {
    if (!is_protected(check)) {
        (void)buf_puts(out, "add `");
        put_line(check, out);
        (void)buf_puts(out, "` to the step, or an `approval` above it whose message names ");
    } else {
        (void)buf_puts(out, "put an `approval` with `approvers` above it, whose message names ");
    }
    put_names(check, out);
    if (check->near)
        (void)buf_printf(out, "; the gate `%s` does not count: %s", check->near->id, check->reason);
}

static void refuse(const struct check *check) {
    AUTO_ERR err = ERR_INIT;
    AUTO_BUF losses = BUF_INIT(HINT_CEILING);
    AUTO_BUF hint = BUF_INIT(HINT_CEILING);
    size_t first = 0;
    while (check->losses.items[first].is_allowed)
        first++;
    put_losses(check, &losses);
    put_hint(check, &hint);
    struct span span = check->losses.items[first].span;
    if (is_protected(check))
        err_at(&err, span, "the database is protected, and no gate allows to destroy %s",
               buf_text(&losses));
    else
        err_at(&err, span, "nothing allows this step to destroy %s", buf_text(&losses));
    err_hint(&err, "%s", buf_text(&hint));
    diag_report(check->diag, &err);
}

/* ---- steps -------------------------------------------------------------------------------- */

static void step_check(struct check *check, const struct scope *scope, uint32_t node,
                       const struct step *step) {
    const struct step_losses losses = {check, loss_found};
    if (!step->type || !step->type->destroys)
        return;
    check->step = step;
    check->near = NULL;
    check->database = plan_database(check->plan, scope->file, step->more->database, NULL);
    if (step->type->destroys(step->spec, &losses)) {
        for (size_t i = 0; i < check->losses.count && !is_protected(check); i++)
            check->losses.items[i].is_allowed = is_declared(step, check->losses.items[i].what);
        gates_ask(check, scope, node);
        if (!all_allowed(check))
            refuse(check);
    }
    losses_clear(check);
}

static void body_add(struct check *check, const struct scope *scope, uint32_t node) {
    const struct step *step = graph_node(scope->graph, node)->step;
    struct step_expansion inner = {0};
    if (!step->type || !step_expand(step, &inner) || !inner.steps)
        return;
    scope_add(check, (struct scope){.file = scope->file,
                                    .graph = plan_graph_of_step(check->plan, step, GRAPH_BODY),
                                    .outer = scope,
                                    .node = node,
                                    .is_body = true});
}

static void handler_add(struct check *check, const struct scope *scope, uint32_t node,
                        const struct step *handler) {
    if (!handler)
        return;
    scope_add(check, (struct scope){.file = scope->file,
                                    .graph = plan_graph_of_step(check->plan, handler, GRAPH_ALONE),
                                    .outer = scope,
                                    .node = node});
}

static void scope_check(struct check *check, const struct scope *scope) {
    for (uint32_t i = 0; i < graph_count(scope->graph); i++) {
        const struct graph_node *node = graph_node(scope->graph, i);
        if (node->role == GRAPH_END || is_left_out(check, scope, i))
            continue;
        if (scope->is_body && i == 0)
            continue; /* looked at where it stands */
        step_check(check, scope, i, node->step);
        handler_add(check, scope, i, node->step->more->rollback);
        handler_add(check, scope, i, node->step->more->dry_run);
        if (node->role == GRAPH_ACT)
            body_add(check, scope, i);
    }
}

static void file_check(void *user, const struct runbook *file) {
    struct check *check = user;
    bool is_root = file == plan_runbook(check->plan);
    const struct graph *steps =
        is_root ? plan_graph(check->plan) : plan_graph_of(check->plan, file->steps);
    const struct graph *finally =
        is_root ? plan_finally(check->plan) : plan_graph_of(check->plan, file->finally);
    scope_add(check, (struct scope){.file = file, .graph = steps});
    scope_add(check, (struct scope){.file = file, .graph = finally});
}

static void file_may_destroy(void *user, const struct runbook *file) {
    *(bool *)user |= file->may_destroy;
}

void gates_check(struct plan *plan, struct diag *diag) {
    struct check check = {.plan = plan, .diag = diag};
    bool may_destroy = false;
    runbook_each_load(plan_runbook(plan), file_may_destroy, &may_destroy);
    if (!may_destroy)
        return; /* a gate has nothing to allow */
    runbook_each_load(plan_runbook(plan), file_check, &check);
    for (size_t i = 0; i < check.scopes.count; i++)
        scope_check(&check, check.scopes.items[i]);
    for (size_t i = 0; i < check.scopes.count; i++)
        scope_free(check.scopes.items[i]);
    vec_release(&check.scopes);
}
