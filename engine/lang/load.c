/* Files: the one that was asked for and those that it calls, each loaded once. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "lang/early.h"
#include "lang/given.h"

static void destroy_bytes(void *bytes) {
    shared_release(bytes);
}

char *load_place(const struct load *load, const char *path) {
    if (!load->copies)
        return realpath(path, NULL);
    const char *copy = load->copies->find(load->copies->user, path);
    errno = ENOENT;
    return copy ? mem_strdup(copy) : NULL;
}

/* Absolute; of a copy the one where the file was. */
static char *load_folder(const struct load *load, const char *path, const char *place) {
    AUTO_TEXT dir = file_dirname(load->copies ? path : place);
    if (!load->copies || dir[0] == '/')
        return arena_strdup(load->arena, dir);
    AUTO_TEXT absolute = text_equal(dir, ".") ? mem_strdup(load->copies->folder)
                                              : mem_printf("%s/%s", load->copies->folder, dir);
    return arena_strdup(load->arena, absolute);
}

/* Reads the file and keeps it for carets. An error stands where the file was named. */
static bool load_bytes(struct load *load, struct runbook *runbook, const char *place,
                       struct span named_at) {
    AUTO_ERR err = ERR_INIT;
    char *bytes = NULL;
    size_t length = 0;
    const char *from = load->copies ? place : runbook->path;
    if (file_read(from, RUNBOOK_MAX_BYTES, &bytes, &length, &err) < 0) {
        err.span = named_at;
        diag_report(load->diag, &err);
        return false;
    }
    struct shared *shared = shared_new(bytes, length);
    arena_on_free(load->arena, destroy_bytes, shared);
    runbook->bytes = bytes;
    runbook->length = length;
    diag_source_shared(load->diag, runbook->path, shared);
    return true;
}

static const struct node *load_tree(const struct yaml *yaml, const struct yaml_items *items) {
    const char *path = yaml->path;
    struct diag *diag = yaml->diag;
    size_t before = diag_count(diag);
    const struct node *root = yaml_parse_items(yaml, items);
    if (root && root->kind == NODE_MAP)
        return root;
    if (diag_count(diag) > before)
        return NULL;
    AUTO_ERR err = ERR_INIT;
    struct span span = {path, 1, 1, 1};
    if (!root || (root->kind == NODE_SCALAR && root->type == NODE_NULL))
        err_at(&err, span, "the file holds nothing but comments");
    else
        err_at(&err, node_span(root, path), "the file must hold a mapping of keys, not %s",
               node_describe(root));
    err_hint(&err, "a runbook begins with `runbook: 1`");
    diag_report(diag, &err);
    return NULL;
}

static enum effect list_effect(const struct step_list *list) {
    enum effect strongest = EFFECT_READ;
    for (size_t i = 0; list && i < list->count && strongest < EFFECT_ONCE; i++) {
        enum effect effect = step_effect(list->items[i]);
        if (effect > strongest)
            strongest = effect;
    }
    return strongest;
}

static bool load_file(struct load *load, struct runbook *runbook, const char *real_path,
                      const struct parse *caller, struct span named_at) {
    *vec_add(&load->files) = runbook;
    runbook->arena = load->arena;
    runbook->exprs = load->exprs;
    runbook->dir = load_folder(load, runbook->path, real_path);
    if (!load_bytes(load, runbook, real_path, named_at))
        return false;
    struct parse parse = {
        .load = load,
        .caller = caller,
        .runbook = runbook,
        .real_path = real_path,
        .nodes = arena_new(),
        .visit = VISIT_NONE,
    };
    struct early early = {.parse = &parse};
    const struct yaml_items items = early_items(&early);
    const struct yaml yaml = {runbook->path, runbook->bytes, runbook->length,
                              parse.nodes,   load->arena,    load->diag};
    /* A called file is read whole: what it calls in turn would be loaded for nothing where it is
     * broken. */
    const struct node *root = load_tree(&yaml, caller ? NULL : &items);
    if (!root) {
        early_drop(&early);
    } else {
        early_finish(&early, root);
        check_file(&parse, root);
        /* Effects are derived from whole specs only. */
        runbook->effect = diag_count(load->diag) ? EFFECT_ONCE : list_effect(runbook->steps);
    }
    vec_release(&parse.visits);
    vec_release(&parse.uses);
    arena_free(parse.nodes);
    return root != NULL;
}

static struct runbook *load_new(struct load *load, const char *path) {
    struct runbook *runbook = arena_alloc(load->arena, sizeof *runbook);
    runbook->path = arena_strdup(load->arena, path);
    return runbook;
}

/* ---- files that call each other ----------------------------------------------------------- */

static void report_recursion(struct parse *parse, const struct node *node, const char *path) {
    AUTO_BUF chain = BUF_INIT(64 << 10);
    const struct parse *at = parse;
    size_t depth = 0;
    for (; at; at = at->caller)
        depth++;
    for (size_t i = depth; i-- > 0;) {
        at = parse;
        for (size_t up = 0; up < i; up++)
            at = at->caller;
        buf_printf(&chain, "%s → ", at->runbook->path);
    }
    buf_puts(&chain, path);
    parse_error(parse, parse_span(parse, node), "a runbook may not call itself, not even in a ring",
                "recursion: %s", buf_text(&chain));
}

static bool is_recursion(const struct parse *parse, const char *real_path, size_t *ret_depth) {
    *ret_depth = 0;
    for (; parse; parse = parse->caller) {
        ++*ret_depth;
        if (strcmp(parse->real_path, real_path) == 0)
            return true;
    }
    return false;
}

struct runbook *runbook_load_called(struct parse *parse, const struct node *node) {
    struct load *load = parse->load;
    size_t depth = 0, offset = 0;
    if (node->kind != NODE_SCALAR || node->type != NODE_TEXT) {
        parse_wrong_type(parse, node, "the file of a runbook", NULL);
        return NULL;
    }
    struct span span = parse_span(parse, node);
    if (template_find(node->text, node->count, &offset)) {
        parse_error(parse, span, "write the file's name, and choose with `when`",
                    "`${{ … }}` has no meaning in `%s`: what is called is known before the run",
                    parse->label);
        return NULL;
    }
    AUTO_TEXT path = file_resolve(parse->runbook->path, node->text);
    AUTO_TEXT real_path = load_place(load, path);
    AUTO_TEXT shown = node_show(node);
    if (!real_path) {
        parse_error(parse, span, "names are relative to the runbook's folder",
                    "cannot find the runbook `%s`: %s", shown, strerror(errno));
        return NULL;
    }
    if (is_recursion(parse, real_path, &depth)) {
        report_recursion(parse, node, path);
        return NULL;
    }
    if (depth >= RUNBOOK_MAX_DEPTH) {
        parse_error(parse, span, NULL, "runbooks call each other deeper than %d levels",
                    RUNBOOK_MAX_DEPTH);
        return NULL;
    }
    struct runbook *called = map_get(load->by_path, real_path);
    if (called && !called->takes_given)
        return called;
    if (called && !given_loads_left(load)) {
        parse_error(parse, span, "write the durations down in the runbook that is called",
                    "too many calls of runbooks whose constants their parameters give");
        return NULL;
    }
    bool is_again = called != NULL;
    called = load_new(load, path);
    called->is_again = is_again;
    if (!is_again)
        map_put(load->by_path, real_path, called);
    return load_file(load, called, real_path, parse, span) ? called : NULL;
}

/* ---- the file that was asked for ---------------------------------------------------------- */

static void report_expr(void *user, struct err *err) {
    diag_report(user, err);
}

struct runbook *runbook_load(const char *path, struct diag *diag) {
    return runbook_load_with(path, NULL, NULL, diag);
}

struct runbook *runbook_load_with(const char *path, const struct runbook_copies *copies,
                                  const struct runbook_given *given, struct diag *diag) {
    struct load load = {.diag = diag,
                        .arena = arena_new(),
                        .exprs = expr_set_new(),
                        .copies = copies,
                        .given = given,
                        .takes_params = true,
                        .by_path = map_new()};
    struct runbook *runbook = load_new(&load, path);
    AUTO_TEXT real_path = load_place(&load, path);
    /* What cannot be found is told by reading it; where a copy should be there is nothing. */
    const char *known_as = real_path ? real_path : copies ? "" : path;
    map_put(load.by_path, known_as, runbook);
    bool is_loaded = load_file(&load, runbook, known_as, NULL, (struct span){.file = path});
    if (is_loaded)
        expr_set_compile(load.exprs, report_expr, diag);
    runbook->file_count = load.files.count;
    runbook->files = arena_alloc(load.arena, load.files.count * sizeof *runbook->files);
    memcpy(runbook->files, load.files.items, load.files.count * sizeof *runbook->files);
    vec_release(&load.files);
    map_free(load.by_path);
    if (is_loaded)
        return runbook;
    runbook_free(runbook);
    return NULL;
}

void runbook_free(struct runbook *runbook) {
    if (!runbook)
        return;
    struct arena *arena = runbook->arena;
    expr_set_free(runbook->exprs);
    arena_free(arena);
}

const char *runbook_lock(const struct runbook *runbook) {
    if (runbook->lock)
        return runbook->lock;
    const bool refuses = runbook->overlap == OVERLAP_REFUSE ||
                         (runbook->overlap == OVERLAP_UNSAID && runbook->schedule);
    return refuses ? runbook->name : NULL;
}

void runbook_each_file(const struct runbook *runbook,
                       void (*each)(void *user, const struct runbook *file), void *user) {
    for (size_t i = 0; i < runbook->file_count; i++)
        if (!runbook->files[i]->is_again)
            each(user, runbook->files[i]);
}

void runbook_each_load(const struct runbook *runbook,
                       void (*each)(void *user, const struct runbook *load), void *user) {
    for (size_t i = 0; i < runbook->file_count; i++)
        each(user, runbook->files[i]);
}

static int data_parse(const char *path, const char *bytes, size_t length, value *ret,
                      struct diag *diag) {
    AUTO_ERR err = ERR_INIT;
    struct arena *arena = arena_new();
    size_t before = diag_count(diag);
    struct yaml yaml = {path, bytes, length, arena, arena, diag};
    const struct node *root = yaml_parse(&yaml);
    if (root && root->kind == NODE_MAP) {
        *ret = node_to_value(root);
    } else if (diag_count(diag) == before) {
        err_at(&err, (struct span){path, 1, 1, 1},
               "the file must hold a mapping of names to values");
        diag_report(diag, &err);
    }
    bool failed = diag_count(diag) > before;
    arena_free(arena);
    return failed ? -1 : 0;
}

int runbook_data(const struct runbook *runbook, value *ret, struct diag *diag) {
    return data_parse(runbook->path, runbook->bytes, runbook->length, ret, diag);
}

int runbook_read_data(const char *path, value *ret, struct diag *diag) {
    AUTO_ERR err = ERR_INIT;
    AUTO_TEXT bytes = NULL;
    size_t length = 0;
    if (file_read(path, RUNBOOK_MAX_BYTES, &bytes, &length, &err) < 0) {
        err.span.file = path;
        diag_report(diag, &err);
        return -1;
    }
    diag_source(diag, path, bytes, length);
    return data_parse(path, bytes, length, ret, diag);
}
