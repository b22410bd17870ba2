#include "cli/import_make.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/text.h"
#include "cli/import_code.h"
#include "cli/import_step.h"
#include "cli/import_time.h"

/* ---- the document ------------------------------------------------------------------------- */

static const char *find_health_url(const struct import *import) {
    const struct source *source = import->source;
    for (const char *at = source->text; (at = strstr(at, "health")); at += 6) {
        size_t length = 0;
        const uint32_t line = source_line(source, at);
        const char *text = source_line_text(source, line, &length);
        struct match_found found;
        if (pattern_find(import->patterns, PATTERN_HEALTH_URL, text, length, 0, &found))
            return arena_strndup(source->arena, text + found.group_start,
                                 found.group_end - found.group_start);
    }
    return NULL;
}

static const char *name_wanted(const struct import *import, const struct section *section) {
    struct draft draft = {.document = &import->document,
                          .patterns = import->patterns,
                          .arena = import->source->arena};
    const char *title = title_of(&draft, section->title);
    if (!section->parent && !*title)
        title = file_basename(import->source->name);
    char *name = slug_make(import->source->arena, title, '-');
    if (!*name)
        name = arena_printf(import->source->arena, "section-%u", section->number);
    if (!section->parent && text_ends_with(name, "-md"))
        name[strlen(name) - 3] = '\0';
    return name;
}

/* A name that another section has already comes with its parent's in front, or a number. */
static void name_sections(struct import *import) {
    struct document *document = &import->document;
    import->section_names =
        arena_alloc(import->source->arena, document->section_count * sizeof(char *));
    struct map *taken = map_new();
    for (size_t i = 0; i < document->section_count; i++) {
        const struct section *section = document->sections[i];
        const char *wanted = name_wanted(import, section);
        const char *name = wanted;
        if (map_get(taken, name) && section->parent && section->parent->parent)
            name = wanted = arena_printf(import->source->arena, "%s-%s",
                                         import->section_names[section->parent->number], wanted);
        size_t count = (size_t)map_get(taken, wanted);
        while (map_get(taken, name))
            name = arena_printf(import->source->arena, "%s-%zu", wanted, ++count);
        map_put(taken, name, (void *)(uintptr_t)1);
        if (name != wanted)
            map_put(taken, wanted, (void *)(uintptr_t)count);
        import->section_names[i] = name;
    }
    map_free(taken);
}

int import_begin(const char *path, struct import *ret, struct err *err) {
    *ret = (struct import){.patterns = patterns_new()};
    if (source_read(path, ret->patterns, &ret->source, err) < 0 ||
        document_read(ret->source, &ret->document, err) < 0)
        return -1;
    ret->health_url = find_health_url(ret);
    name_sections(ret);
    const struct draft draft = {
        .document = &ret->document, .patterns = ret->patterns, .arena = ret->source->arena};
    times_find(&draft);
    return 0;
}

void import_end(struct import *import) {
    document_release(&import->document);
    source_free(import->source);
    patterns_free(import->patterns);
    *import = (struct import){0};
}

const char *import_name(const struct import *import, const struct section *section) {
    return import->section_names[section->number];
}

const char *section_path(const struct import *import, const struct section *section) {
    struct arena *arena = import->source->arena;
    const char *path = NULL;
    for (; section && (section->parent || !path); section = section->parent) {
        const char *title =
            source_plain(import->source, arena, section->title, strlen(section->title));
        path = path ? arena_printf(arena, "%s > %s", title, path) : title;
    }
    return path;
}

/* ---- drafts ------------------------------------------------------------------------------- */

bool section_is_whole(const struct import *import, const struct section *section) {
    size_t children = 0;
    for (const struct section *child = section->first; child; child = child->next, children++)
        if (child->first || !pattern_has(import->patterns, PATTERN_STAGE, child->title))
            return false;
    return children > 1 && section->parent;
}

static size_t count_steps(const struct draft_step *group) {
    size_t count = 0;
    for (const struct draft_step *step = group->first; step; step = step->next)
        count += step->kind == DRAFT_GROUP ? count_steps(step) : 1;
    return count;
}

static struct draft make_begin(const struct import *import, const struct section *section) {
    struct draft draft = draft_begin(&import->document, import->patterns, section);
    draft.health_url = import->health_url;
    return draft;
}

size_t import_count(const struct import *import, const struct section *section) {
    struct draft draft = make_begin(import, section);
    section_steps(&draft, &draft.steps, section, true);
    const size_t count = count_steps(&draft.steps);
    draft_release(&draft);
    return count;
}

/* An overview is about the whole document. */
static void overview_take(struct draft *draft, struct draft_step *own,
                          const struct section *section) {
    if (own->first || draft->description || !own->description || section->parent->parent ||
        !(strncasecmp(own->title, "overview", 8) == 0 ||
          strncasecmp(own->title, "introduction", 12) == 0 ||
          strncasecmp(own->title, "purpose", 7) == 0))
        return;
    draft->description = own->description;
    own->description = NULL;
    draft_said(draft, own->title, strlen(own->title));
    own->title = NULL;
}

/* Sections below it become groups; headings nest six levels at most. */
static void add_sections(struct draft *draft, struct draft_step *group,
                         const struct section *section) {
    for (const struct section *child = section->first; child; child = child->next) {
        struct draft_step *own = draft_add(draft, group, DRAFT_GROUP, child->line);
        own->title = title_of(draft, child->title);
        own->rto = child->rto;
        section_steps(draft, own, child, false);
        overview_take(draft, own, child);
        add_sections(draft, own, child);
        group_collapse(draft, own);
    }
}

static void draft_describe(const struct import *import, struct draft *draft, bool deep) {
    const struct section *section = draft->section;
    const char *file = file_basename(import->source->name);
    draft->name = import_name(import, section);
    draft->title = title_of(draft, section->title);
    const char *anchor = slug_make(draft->arena, draft->title, '-');
    draft->source =
        section->parent && *anchor ? arena_printf(draft->arena, "%s#%s", file, anchor) : file;
    draft->rto = section->rto;
    draft->rpo = section->rpo;
    const struct section *parent = section->parent;
    if (parent && parent->parent && !draft->rto)
        draft->rto = parent->rto;
    if (parent && parent->parent && !draft->rpo)
        draft->rpo = parent->rpo;
    draft->first_line = section->parent ? section->line : 1;
    draft->last_line = section->end_line;
    if (!deep && section->first)
        draft->last_line = section->first->line - 1;
}

static void draft_schedule(struct draft *draft) {
    for (const struct section *at = draft->section; at && at->parent && !draft->schedule;
         at = at->parent)
        draft->schedule = schedule_of_heading(draft, title_of(draft, at->title));
}

int import_make(const struct import *import, const struct section *section, bool deep,
                struct buf *out, left_list *ret_left, struct err *err) {
    struct draft draft = make_begin(import, section);
    draft_describe(import, &draft, deep);
    section_steps(&draft, &draft.steps, section, true);
    if (deep)
        add_sections(&draft, &draft.steps, section);
    draft_schedule(&draft);
    draft_finish(&draft);
    int status = 0;
    if (!draft.steps.first)
        status = err_set(err, ERR_INVALID,
                         "%s: there is nothing to do in it: no steps, no commands, no checklists",
                         *draft.title ? draft.title : import->source->name);
    else
        status = draft_mend(&draft, out, ret_left, err);
    draft_release(&draft);
    return status;
}
