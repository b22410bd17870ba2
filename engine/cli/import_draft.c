#include "cli/import_draft.h"

#include <ctype.h>
#include <string.h>

#include "base/text.h"

#define SLUG_MOST 40
#define PARAMS_MOST 200
#define TITLE_MOST 120

struct draft draft_begin(const struct document *document, const struct patterns *patterns,
                         const struct section *section) {
    return (struct draft){.document = document,
                          .patterns = patterns,
                          .section = section,
                          .arena = document->arena,
                          .param_names = map_new(),
                          .param_origins = map_new(),
                          .secrets = map_new(),
                          .ids = map_new(),
                          .exported = map_new(),
                          .steps = {.kind = DRAFT_GROUP}};
}

static void step_release(void *memory) {
    struct draft_step *step = memory;
    vec_release(&step->comments);
    vec_release(&step->checklist);
    vec_release(&step->expect);
    vec_release(&step->destroys);
    vec_release(&step->env);
    vec_release(&step->headers);
    vec_release(&step->query);
    vec_release(&step->outputs);
}

void draft_release(struct draft *draft) {
    for (size_t i = 0; i < draft->params.count; i++)
        vec_release(&draft->params.items[i].choices);
    vec_release(&draft->params);
    vec_release(&draft->steps.comments);
    vec_release(&draft->labels);
    vec_release(&draft->required_env);
    vec_release(&draft->said);
    map_free(draft->param_names);
    map_free(draft->param_origins);
    map_free(draft->secrets);
    map_free(draft->ids);
    map_free(draft->exported);
}

struct draft_step *draft_add(struct draft *draft, struct draft_step *group, enum draft_kind kind,
                             uint32_t line) {
    struct draft_step *step = arena_alloc(draft->arena, sizeof *step);
    arena_on_free(draft->arena, step_release, step);
    step->kind = kind;
    step->line = line;
    step->text = "";
    if (group->last)
        group->last->next = step;
    else
        group->first = step;
    group->last = step;
    return step;
}

/* ---- words -------------------------------------------------------------------------------- */

char *slug_make(struct arena *arena, const char *text, char separator) {
    char *slug = arena_alloc(arena, SLUG_MOST + 2);
    size_t at = 0;
    bool gap = false;
    for (; *text; text++) {
        const unsigned char c = (unsigned char)*text;
        if (c == '\'')
            continue;
        if (c >= 0x80 || !isalnum(c)) {
            gap = at > 0;
            if (at > SLUG_MOST - 8)
                break;
            continue;
        }
        if (at + 2 > SLUG_MOST)
            break;
        if (gap)
            slug[at++] = separator;
        gap = false;
        slug[at++] = (char)tolower(c);
    }
    return slug;
}

char *upper_of(struct arena *arena, const char *text) {
    char *copy = arena_strdup(arena, text);
    for (char *c = copy; *c; c++)
        *c = (char)toupper((unsigned char)*c);
    return copy;
}

const char *plain_of(const struct draft *draft, const char *text) {
    return source_plain(draft->document->source, draft->arena, text, strlen(text));
}

/* Pictures in front of a title, also those that went through the wrong character set. */
static size_t picture_length(const char *text) {
    size_t at = 0;
    for (size_t length = strlen(text); at < length;) {
        uint32_t c = 0;
        const size_t width = text_decode(text + at, length - at, &c);
        const bool symbol = (c >= 0x2190 && c <= 0x2BFF) || (c >= 0x1F000 && c <= 0x1FAFF) ||
                            c == 0xFE0F || c == 0xFFFD;
        const bool garbled = c == 0xF0 || c == 0xE2;
        if (symbol) {
            at += width;
            continue;
        }
        return garbled && strchr(text + at, ' ') ? at + strcspn(text + at, " ") : at;
    }
    return at;
}

static size_t number_length(const struct draft *draft, const char *text) {
    struct match_found found;
    if (!pattern_find(draft->patterns, PATTERN_NUMBERED, text, strlen(text), 0, &found) ||
        found.group_start >= strlen(text))
        return 0;
    return found.group_start;
}

const char *title_of(const struct draft *draft, const char *text) {
    char *title = arena_strdup(draft->arena, plain_of(draft, text));
    for (char *c = title; *c; c++)
        if (*c == '\n' || *c == '\t')
            *c = ' ';
    title += picture_length(title);
    title += strspn(title, " #");
    title += number_length(draft, title);
    size_t length = strlen(title);
    while (length > 0 && strchr(" :.;,", title[length - 1]) &&
           !(length > 2 && title[length - 1] == '.' && title[length - 2] == '.'))
        length--;
    title[length] = '\0';
    if (length <= TITLE_MOST)
        return title;
    length = TITLE_MOST;
    while (length > TITLE_MOST / 2 && title[length] != ' ')
        length--;
    while (((unsigned char)title[length] & 0xC0) == 0x80)
        length--;
    title[length] = '\0';
    return arena_printf(draft->arena, "%s…", title);
}

/* ---- parameters and secrets --------------------------------------------------------------- */

const char *draft_param(struct draft *draft, const char *wanted, const char *type,
                        const char *fallback, const char *origin) {
    const char *known = map_get(draft->param_origins, origin);
    if (known || draft->params.count >= PARAMS_MOST)
        return known;
    char *base = slug_make(draft->arena, wanted, '_');
    if (!isalpha((unsigned char)base[0]))
        base = arena_printf(draft->arena, "value_%s", base);
    const char *name = base;
    for (size_t i = 2; map_get(draft->param_names, name) || map_get(draft->secrets, name); i++)
        name = arena_printf(draft->arena, "%s_%zu", base, i);
    map_put(draft->param_names, name, draft);
    map_put(draft->param_origins, origin, (void *)name);
    struct draft_param *param = vec_add(&draft->params);
    *param = (struct draft_param){.name = name,
                                  .type = type,
                                  .fallback = fallback,
                                  .description = origin,
                                  .required = !fallback};
    return name;
}

const char *draft_template(struct draft *draft, const char *param) {
    return arena_printf(draft->arena, "${{ .params.%s }}", param);
}

void draft_said(struct draft *draft, const char *text, size_t length) {
    *vec_add(&draft->said) = arena_strndup(draft->arena, text, length);
}

const char *draft_condition(struct draft *draft, const char *words, const char *why) {
    const char *slug = slug_make(draft->arena, words, '_');
    const char *name = draft_param(draft, *slug ? slug : "is_needed", "boolean", "false", why);
    return name ? arena_printf(draft->arena, ".params.%s", name) : NULL;
}

const char *draft_secret(struct draft *draft, const char *name, const char *env) {
    if (!map_get(draft->secrets, name))
        map_put(draft->secrets, name, (void *)env);
    return arena_printf(draft->arena, "${{ .secrets.%s }}", name);
}

void draft_export(struct draft *draft, const char *name, const char *env) {
    (void)draft_secret(draft, name, env);
    map_put(draft->exported, env, (void *)name);
}

/* ---- the end ------------------------------------------------------------------------------ */

static bool is_hollow(const struct draft_step *step) {
    return step->kind == DRAFT_GROUP && !step->first;
}

/* What an empty group said goes on in the comments of its neighbour. */
static void comments_move(struct draft_step *from, text_list *to) {
    for (size_t i = 0; i < from->comments.count; i++)
        *vec_add(to) = from->comments.items[i];
    from->comments.count = 0;
}

static void group_prune(struct draft *draft, struct draft_step *group) {
    struct draft_step *last = NULL;
    for (struct draft_step **at = &group->first; *at;) {
        struct draft_step *step = *at;
        if (step->kind == DRAFT_GROUP)
            group_prune(draft, step);
        if (!is_hollow(step)) {
            last = step;
            at = &step->next;
            continue;
        }
        if (step->title)
            *vec_add(&group->comments) = step->title;
        if (step->description)
            *vec_add(&group->comments) = step->description;
        comments_move(step, &group->comments);
        *at = step->next;
    }
    group->last = last;
}

/* Of a request its path is what tells it from others. */
static const char *address_words(const struct draft *draft, const struct draft_step *step) {
    const char *host = strstr(step->url, "://");
    const char *path = strchr(host ? host + 3 : step->url, '/');
    return arena_printf(draft->arena, "%s %s", step->method ? step->method : "get",
                        path && path[1] ? path : step->url);
}

static void step_name(struct draft *draft, struct draft_step *step) {
    const char *words = step->title                ? step->title
                        : step->kind == DRAFT_HTTP ? address_words(draft, step)
                                                   : step->text;
    const char *base = slug_make(draft->arena, words, '_');
    if (*base == '\0')
        base = "step";
    else if (isdigit((unsigned char)*base))
        base = arena_printf(draft->arena, "step_%s", base);
    size_t taken = (size_t)map_get(draft->ids, base);
    const char *id = base;
    while (map_get(draft->ids, id))
        id = arena_printf(draft->arena, "%s_%zu", base, ++taken);
    map_put(draft->ids, id, (void *)(uintptr_t)1);
    if (id != base)
        map_put(draft->ids, base, (void *)(uintptr_t)taken);
    step->id = id;
}

static void gate_before(struct draft *draft, struct draft_step **at) {
    struct draft_step *step = *at;
    struct draft_step *gate = arena_alloc(draft->arena, sizeof *gate);
    arena_on_free(draft->arena, step_release, gate);
    gate->kind = DRAFT_GATE;
    gate->line = step->line;
    gate->when = step->when;
    gate->text = step->careful;
    gate->title = step->title ? arena_printf(draft->arena, "Approve: %s", step->title) : NULL;
    comments_move(step, &gate->comments);
    gate->next = step;
    *at = gate;
    step_name(draft, gate);
}

static void group_name(struct draft *draft, struct draft_step *group) {
    for (struct draft_step *step = group->first; step; step = step->next) {
        step_name(draft, step);
        if (step->kind == DRAFT_GROUP)
            group_name(draft, step);
    }
}

void draft_finish(struct draft *draft) {
    group_prune(draft, &draft->steps);
    group_name(draft, &draft->steps);
}

/* Its words are all that is destroyed, as check wants to find them there. */
static const char *question_of(struct draft *draft, const struct draft_step *step) {
    AUTO_BUF text = BUF_INIT(SOURCE_MAX);
    const char *title = step->title ? step->title : "The statements";
    buf_printf(&text, "%s: this may destroy ", title);
    for (size_t i = 0; i < step->destroys.count; i++)
        buf_printf(&text, "%s%s", i ? ", " : "", step->destroys.items[i]);
    buf_puts(&text, ". Go on?");
    return arena_strdup(draft->arena, buf_text(&text));
}

static void group_gates(struct draft *draft, struct draft_step *group) {
    for (struct draft_step **at = &group->first; *at; at = &(*at)->next) {
        struct draft_step *step = *at;
        if (step->kind == DRAFT_GROUP)
            group_gates(draft, step);
        if (step->destroys.count > 0)
            step->careful = question_of(draft, step);
        if (step->careful) {
            gate_before(draft, at);
            at = &(*at)->next;
        }
    }
}

void draft_gates(struct draft *draft) {
    group_gates(draft, &draft->steps);
}
