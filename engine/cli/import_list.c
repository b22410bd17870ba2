#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "cli/import_code.h"
#include "cli/import_place.h"
#include "cli/import_step.h"
#include "cli/import_time.h"

#define LINE_MOST ((size_t)2000)

/* ---- items as text ------------------------------------------------------------------------ */

static void line_add(const struct draft *draft, const struct block *block, struct buf *out) {
    if (out->length > LINE_MOST)
        return;
    if (block->kind == BLOCK_TEXT) {
        if (out->length > 0)
            buf_puts(out, strchr(":;", out->data[out->length - 1]) ? " " : "; ");
        if (block->label)
            buf_printf(out, "%s%s", block->label, *block->text ? ": " : ":");
        for (const char *c = block->text; *c; c++)
            buf_putc(out, *c == '\n' ? ' ' : *c);
        return;
    }
    if (block->kind == BLOCK_CODE) {
        buf_puts(out, out->length > 0 ? ": " : "");
        for (const char *c = block->text; *c; c++)
            buf_putc(out, *c == '\n' ? ' ' : *c);
        return;
    }
    if (block->kind == BLOCK_HTML)
        buf_puts(out, block->text);
    for (const struct block *child = block->first; child; child = child->next)
        line_add(draft, child, out);
}

const char *block_line(const struct draft *draft, const struct block *block) {
    AUTO_BUF out = BUF_INIT(SOURCE_MAX);
    line_add(draft, block, &out);
    while (out.length > 0 && strchr(" :;", out.data[out.length - 1]))
        out.data[--out.length] = '\0';
    return arena_strdup(draft->arena, buf_text(&out));
}

/* What it asks for is in its text, whatever name stands in bold in front of it. */
static bool is_imperative(const struct draft *draft, const struct block *item) {
    const struct block *text = item->first;
    if (!text || text->kind != BLOCK_TEXT)
        return text != NULL;
    return pattern_has(draft->patterns, PATTERN_IMPERATIVE,
                       *text->text || !text->label ? text->text : text->label);
}

bool list_is_to_do(const struct draft *draft, const struct block *list) {
    size_t items = 0;
    size_t asks = 0;
    for (const struct block *item = list->first; item; item = item->next) {
        if (item->task)
            return true;
        items++;
        asks += is_imperative(draft, item);
        for (const struct block *child = item->first; child; child = child->next)
            if (child->kind == BLOCK_CODE)
                return true;
    }
    return asks * 2 >= items;
}

static bool has_code(const struct block *item) {
    for (const struct block *child = item->first; child; child = child->next)
        if (child->kind == BLOCK_CODE ||
            (child->kind == BLOCK_LIST && child->first && has_code(child->first)))
            return true;
    return false;
}

struct draft_step *step_from_words(struct draft *draft, struct draft_step *group, const char *text,
                                   uint32_t line) {
    struct match_found found;
    if (!pattern_find(draft->patterns, PATTERN_RUN_CODE, text, strlen(text), 0, &found))
        return NULL;
    const char *command =
        arena_strndup(draft->arena, text + found.group_start, found.group_end - found.group_start);
    if (!strpbrk(command, " /.-") || isupper((unsigned char)*command))
        return NULL;
    struct draft_step *own = draft_add(draft, group, DRAFT_GROUP, line);
    command_steps(draft, own, command, line, NULL, true);
    own->title = title_of(draft, text);
    group_collapse(draft, own);
    return own;
}

/* ---- checklists --------------------------------------------------------------------------- */

/* `status is "OK"` below a request is what its answer must say. */
static bool expect_from(struct draft *draft, struct draft_step *before, const char *words) {
    struct match_found found;
    if (!before || before->kind != DRAFT_HTTP ||
        !pattern_find(draft->patterns, PATTERN_STATUS_IS, words, strlen(words), 0, &found))
        return false;
    *vec_add(&before->expect) =
        arena_printf(draft->arena, ".json.status == \"%.*s\"",
                     (int)(found.group_end - found.group_start), words + found.group_start);
    *vec_add(&before->comments) = plain_of(draft, words);
    return true;
}

/* "Watch for 15 minutes": the health endpoint is asked so long, where the document names one. */
static void watch_from(struct draft *draft, struct draft_step *group, const char *words,
                       uint32_t line) {
    struct match_found found;
    if (!pattern_find(draft->patterns, PATTERN_WATCH_TIME, words, strlen(words), 0, &found) ||
        !draft->health_url)
        return;
    for (const struct draft_step *step = group->first; step; step = step->next)
        if (step->kind == DRAFT_WATCH)
            return;
    struct draft_step *step = draft_add(draft, group, DRAFT_WATCH, line);
    step->url = place_template(draft, draft->health_url);
    step->every = "10s";
    step->lasts = duration_said(draft, words);
    if (!step->lasts)
        step->lasts = "5m";
    step->title = arena_printf(draft->arena, "Watch the health check for %s", step->lasts);
}

static struct draft_step *checklist_to(struct draft *draft, struct draft_step *group,
                                       struct draft_step *checklist, const char *title,
                                       const struct block *item) {
    const char *words = block_line(draft, item);
    if (!*words || expect_from(draft, checklist ? NULL : group->last, words))
        return checklist;
    if (!checklist) {
        watch_from(draft, group, words, item->line);
        checklist = draft_add(draft, group, DRAFT_MANUAL, item->line);
        checklist->text = title ? place_prose(draft, title) : "";
    }
    *vec_add(&checklist->checklist) = place_prose(draft, words);
    return checklist;
}

/* One entry needs no list. */
static void checklist_end(struct draft_step *checklist) {
    if (!checklist || (*checklist->text && checklist->checklist.count > 1))
        return;
    if (checklist->checklist.count == 1) {
        checklist->text = checklist->checklist.items[0];
        checklist->checklist.count = 0;
    } else {
        checklist->text = "Check each of these";
    }
}

static void list_check(struct draft *draft, struct draft_step *group, const struct block *list,
                       const char *title);

/* ---- ordered steps ------------------------------------------------------------------------ */

static void item_child(struct draft *draft, struct draft_step *own, const struct block *child) {
    switch (child->kind) {
    case BLOCK_CODE:
        code_steps(draft, own, child);
        break;
    case BLOCK_LIST:
        if (child->ordered)
            list_steps(draft, own, child, LIST_DO, NULL);
        else
            list_check(draft, own, child, own->title);
        break;
    case BLOCK_TABLE:
        table_steps(draft, own, child);
        break;
    case BLOCK_TEXT:
        if (!step_from_words(draft, own, child->text, child->line))
            *vec_add(own->last ? &own->last->comments : &own->comments) =
                plain_of(draft, block_line(draft, child));
        break;
    case BLOCK_ITEM:
    case BLOCK_ROW:
    case BLOCK_HTML:
        break;
    }
}

/* The item says only what to do. */
static void item_by_hand(struct draft *draft, struct draft_step *own, const struct block *text) {
    const char *title = own->title;
    own->kind = DRAFT_MANUAL;
    const bool is_long = strchr(text->text, '\n') || strlen(text->text) > 100;
    own->text = place_prose(draft, (text->label && *text->text) || is_long ? text->text : title);
}

static bool is_careful(const struct draft *draft, const struct draft_step *step) {
    return step->kind == DRAFT_MANUAL && step->title &&
           pattern_has(draft->patterns, PATTERN_DANGER_WORDS, step->title);
}

static void item_step(struct draft *draft, struct draft_step *group, const struct block *item) {
    const struct block *text = item->first;
    if (!text)
        return;
    struct draft_step *own = draft_add(draft, group, DRAFT_GROUP, item->line);
    const struct block *child = text;
    if (text->kind == BLOCK_TEXT) {
        const char *words = text->label ? text->label : text->text;
        own->title = title_of(draft, words);
        child = text->next;
        if (text->label && *text->text && child)
            own->description = plain_of(draft, text->text);
        if (!child && !text->label && step_from_words(draft, own, text->text, text->line)) {
            group_collapse(draft, own);
            return;
        }
    }
    for (; child; child = child->next)
        item_child(draft, own, child);
    steps_choose(draft, own);
    if (!own->first && text->kind == BLOCK_TEXT)
        item_by_hand(draft, own, text);
    own->timeout = own->title ? phase_of(draft, own->title) : NULL;
    own->goes_on = own->timeout != NULL;
    if (own->kind == DRAFT_GROUP && own->first && own->first->next)
        own->timeout = NULL, own->goes_on = false;
    if (is_careful(draft, own))
        own->careful = arena_printf(draft->arena, "%s: go on?", place_prose(draft, own->title));
    group_collapse(draft, own);
}

static void list_check(struct draft *draft, struct draft_step *group, const struct block *list,
                       const char *title) {
    struct draft_step *checklist = NULL;
    for (const struct block *item = list->first; item; item = item->next) {
        const bool alone = item->first && item->first->kind == BLOCK_TEXT && !item->first->next;
        if (has_code(item) || (alone && !item->first->label &&
                               pattern_has(draft->patterns, PATTERN_RUN_CODE, item->first->text))) {
            checklist_end(checklist);
            checklist = NULL;
            item_step(draft, group, item);
            continue;
        }
        checklist = checklist_to(draft, group, checklist, title, item);
    }
    checklist_end(checklist);
}

static void list_tell(struct draft *draft, struct draft_step *group, const struct block *list,
                      const char *title) {
    text_list *comments = &group->comments;
    if (title)
        *vec_add(comments) = arena_printf(draft->arena, "%s:", plain_of(draft, title));
    for (const struct block *item = list->first; item; item = item->next)
        *vec_add(comments) =
            arena_printf(draft->arena, "- %s", plain_of(draft, block_line(draft, item)));
}

void list_steps(struct draft *draft, struct draft_step *group, const struct block *list,
                enum list_use use, const char *title) {
    if (use == LIST_TELL)
        list_tell(draft, group, list, title);
    else if (use == LIST_CHECK)
        list_check(draft, group, list, title);
    else
        for (const struct block *item = list->first; item; item = item->next)
            item_step(draft, group, item);
    steps_choose(draft, group);
}
