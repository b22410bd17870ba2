#include "cli/import_step.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "cli/import_code.h"
#include "cli/import_place.h"
#include "cli/import_time.h"

enum label_use {
    LABEL_OTHER,
    LABEL_STEPS,    /* says nothing */
    LABEL_BEFORE,   /* what must be so: a checklist */
    LABEL_ABOUT,    /* goes into the description */
    LABEL_LABEL,    /* goes into labels */
    LABEL_OWNER,    /* is a field */
    LABEL_SCHEDULE, /* is a field */
    LABEL_RESULT,   /* a remark about the step above */
    LABEL_TELL,     /* its list is told, not done */
    LABEL_CASE,     /* what follows is for that case */
};

static const struct {
    const char *word;
    enum label_use use;
} label_uses[] = {
    {"steps", LABEL_STEPS},
    {"procedure", LABEL_STEPS},
    {"prerequisite", LABEL_BEFORE},
    {"before you", LABEL_BEFORE},
    {"requirements", LABEL_BEFORE},
    {"severity", LABEL_LABEL},
    {"response time", LABEL_LABEL},
    {"priority", LABEL_LABEL},
    {"impact", LABEL_LABEL},
    {"duration", LABEL_LABEL},
    {"estimated", LABEL_LABEL},
    {"owner", LABEL_OWNER},
    {"schedule", LABEL_SCHEDULE},
    {"frequency", LABEL_SCHEDULE},
    {"when", LABEL_ABOUT},
    {"definition", LABEL_ABOUT},
    {"purpose", LABEL_ABOUT},
    {"goal", LABEL_ABOUT},
    {"symptoms", LABEL_ABOUT},
    {"trigger", LABEL_ABOUT},
    {"note", LABEL_ABOUT},
    {"warning", LABEL_ABOUT},
    {"important", LABEL_ABOUT},
    {"recovery time", LABEL_ABOUT},
    {"recovery point", LABEL_ABOUT},
    {"rto", LABEL_ABOUT},
    {"rpo", LABEL_ABOUT},
    {"generated", LABEL_ABOUT},
    {"certifier", LABEL_ABOUT},
    {"last updated", LABEL_ABOUT},
    {"version", LABEL_ABOUT},
    {"status", LABEL_RESULT},
    {"expected", LABEL_RESULT},
    {"result", LABEL_RESULT},
    {"output", LABEL_RESULT},
    {"rollback if", LABEL_TELL},
    {"rollback when", LABEL_TELL},
    {"roll back", LABEL_TELL},
    {"escalat", LABEL_TELL},
    {"contact", LABEL_TELL},
    {"emergency", LABEL_TELL},
    {"external support", LABEL_TELL},
    {"automated", LABEL_TELL},
    {"issue", LABEL_CASE},
    {"problem", LABEL_CASE},
    {"symptom", LABEL_CASE},
};

static enum label_use label_use(const char *label) {
    for (size_t i = 0; i < sizeof label_uses / sizeof *label_uses; i++)
        if (strncasecmp(label, label_uses[i].word, strlen(label_uses[i].word)) == 0)
            return label_uses[i].use;
    return strstr(label, "RTO") || strstr(label, "RPO") ? LABEL_ABOUT : LABEL_OTHER;
}

struct reading {
    struct draft *draft;
    struct draft_step *group;
    const struct section *section;
    bool top, reference;
    struct buf about;    /* what stood in front of the first step */
    struct buf pending;  /* what stood in front of the next one */
    const char *heading; /* a label whose list or code comes next, or NULL */
    enum label_use use;  /* of that label */
    uint32_t pending_line;
};

static const char *reading_heading(struct reading *reading) {
    const char *heading = reading->heading;
    reading->heading = NULL;
    return heading;
}

static void tell(struct reading *reading, const char *words) {
    struct draft_step *last = reading->group->last;
    *vec_add(last ? &last->comments : &reading->group->comments) = plain_of(reading->draft, words);
}

static void text_put(struct reading *reading, const char *words) {
    struct buf *to = reading->group->first ? &reading->pending : &reading->about;
    const char *plain = plain_of(reading->draft, words);
    if (*plain)
        buf_printf(to, "%s%s", to->length ? "\n" : "", plain);
}

/* What stood in front of a step describes it. */
static void pending_give(struct reading *reading, struct draft_step *before) {
    if (reading->pending.length == 0)
        return;
    struct draft_step *step = before ? before->next : reading->group->first;
    if (!step)
        return;
    const char *words = arena_strdup(reading->draft->arena, buf_text(&reading->pending));
    if (step->description)
        *vec_add(&step->comments) = words;
    else
        step->description = words;
    buf_clear(&reading->pending);
}

/* ---- labels ------------------------------------------------------------------------------- */

static void schedule_set(struct reading *reading, const char *words) {
    struct draft *draft = reading->draft;
    const char *schedule = schedule_of(draft, words);
    if (schedule && reading->top && !draft->schedule)
        draft->schedule = schedule;
}

static void label_field(struct reading *reading, const struct block *block) {
    struct draft *draft = reading->draft;
    const char *name = slug_make(draft->arena, block->label, '_');
    const char *line = block_line(draft, block);
    if (!reading->top || !*block->text || !*name) {
        text_put(reading, line);
        return;
    }
    for (size_t i = 0; i < draft->labels.count; i++)
        if (text_equal(draft->labels.items[i].name, name)) {
            text_put(reading, line);
            return;
        }
    *vec_add(&draft->labels) = (struct pair){
        name, plain_of(draft, block_line(draft, &(struct block){.kind = BLOCK_TEXT,
                                                                .text = block->text}))};
}

static void label_about(struct reading *reading, const struct block *block) {
    static const char *const often[] = {"hourly",    "daily",  "nightly", "weekly", "monthly",
                                        "quarterly", "yearly", "annual",  "every"};
    for (size_t i = 0; i < sizeof often / sizeof *often; i++)
        if (strncasecmp(block->text, often[i], strlen(often[i])) == 0)
            schedule_set(reading, often[i][0] == 'e' ? block->text : often[i]);
    text_put(reading, block_line(reading->draft, block));
}

static void label_read(struct reading *reading, const struct block *block) {
    struct draft *draft = reading->draft;
    const char *line = block_line(draft, block);
    reading->use = label_use(block->label);
    reading->heading = *block->text ? NULL : title_of(draft, block->label);
    switch (reading->use) {
    case LABEL_LABEL:
        label_field(reading, block);
        break;
    case LABEL_OWNER:
        if (reading->top && !draft->owner && *block->text)
            draft->owner = title_of(draft, block->text);
        else
            text_put(reading, line);
        break;
    case LABEL_SCHEDULE:
        schedule_set(reading, block->text);
        text_put(reading, line);
        break;
    case LABEL_RESULT:
        if (*block->text)
            tell(reading, line);
        break;
    case LABEL_CASE:
        reading->heading = *block->text ? title_of(draft, block->text) : reading->heading;
        draft_said(draft, block->label, strlen(block->label));
        break;
    case LABEL_STEPS:
        reading->heading = NULL;
        if (*block->text)
            text_put(reading, block->text);
        break;
    case LABEL_ABOUT:
        if (*block->text)
            label_about(reading, block);
        break;
    case LABEL_TELL:
        if (*block->text)
            tell(reading, line);
        break;
    case LABEL_BEFORE:
    case LABEL_OTHER:
        if (*block->text)
            text_put(reading, line);
        break;
    }
    /* A label that says all of it has no list behind it. */
    if (*block->text && reading->use != LABEL_CASE && reading->use != LABEL_BEFORE)
        reading->use = LABEL_OTHER;
}

/* ---- blocks ------------------------------------------------------------------------------- */

static void read_text(struct reading *reading, const struct block *block) {
    struct draft *draft = reading->draft;
    if (block->label) {
        label_read(reading, block);
        return;
    }
    struct draft_step *before = reading->group->last;
    if (!reading->reference && step_from_words(draft, reading->group, block->text, block->line)) {
        pending_give(reading, before);
        return;
    }
    if (reading->pending.length == 0)
        reading->pending_line = block->line;
    text_put(reading, block->text);
    reading->use = LABEL_OTHER;
}

static void read_code(struct reading *reading, const struct block *block) {
    struct draft *draft = reading->draft;
    struct draft_step *before = reading->group->last;
    struct draft_step *own = draft_add(draft, reading->group, DRAFT_GROUP, block->line);
    const bool alone = !before && !block->next;
    const char *heading = reading_heading(reading);
    const char *title = reading->section->title;
    own->title = heading;
    code_steps(draft, own, block);
    if (!own->title && alone && own->first && !own->first->next && !own->first->title && *title)
        own->title = title_of(draft, title);
    if (own->title && own->first && own->first->next && reading->use == LABEL_OTHER && !before) {
        text_put(reading, own->title);
        own->title = NULL;
    }
    group_collapse(draft, own);
    group_splice(reading->group, before, own);
    pending_give(reading, before);
}

static enum list_use list_use_of(const struct reading *reading, const struct block *list) {
    const struct draft *draft = reading->draft;
    const bool tasks = list->first && list->first->task;
    if (!tasks &&
        (reading->use == LABEL_TELL || reading->use == LABEL_ABOUT ||
         reading->use == LABEL_SCHEDULE || reading->use == LABEL_LABEL || reading->reference ||
         (reading->heading && pattern_has(draft->patterns, PATTERN_REFERENCE, reading->heading))))
        return LIST_TELL;
    if (list->ordered && !tasks)
        return LIST_DO;
    if (tasks || reading->use == LABEL_BEFORE || reading->use == LABEL_CASE)
        return LIST_CHECK;
    return list_is_to_do(draft, list) ? LIST_CHECK : LIST_TELL;
}

static void read_list(struct reading *reading, const struct block *list) {
    struct draft *draft = reading->draft;
    const enum list_use use = list_use_of(reading, list);
    struct draft_step *before = reading->group->last;
    const char *heading = reading_heading(reading);
    const char *title = *reading->section->title ? title_of(draft, reading->section->title) : NULL;
    if (use == LIST_TELL && !before) {
        struct draft_step told = {.kind = DRAFT_GROUP};
        list_steps(draft, &told, list, use, heading);
        for (size_t i = 0; i < told.comments.count; i++)
            text_put(reading, told.comments.items[i]);
        vec_release(&told.comments);
    } else {
        list_steps(draft, reading->group, list, use, heading || use == LIST_TELL ? heading : title);
    }
    pending_give(reading, before);
    reading->use = LABEL_OTHER;
}

static void read_table(struct reading *reading, const struct block *table) {
    struct draft_step *before = reading->group->last;
    const char *heading = reading_heading(reading);
    if (heading)
        text_put(reading, heading);
    table_steps(reading->draft, reading->group, table);
    pending_give(reading, before);
}

static void read_block(struct reading *reading, const struct block *block) {
    switch (block->kind) {
    case BLOCK_TEXT:
        if (reading->heading && reading->use != LABEL_BEFORE)
            text_put(reading, reading_heading(reading));
        read_text(reading, block);
        break;
    case BLOCK_CODE:
        read_code(reading, block);
        break;
    case BLOCK_LIST:
        read_list(reading, block);
        break;
    case BLOCK_TABLE:
        read_table(reading, block);
        break;
    case BLOCK_ITEM:
    case BLOCK_ROW:
    case BLOCK_HTML:
        break;
    }
}

/* ---- the section -------------------------------------------------------------------------- */

/* Prose that asks for something, where nothing else does. */
static void prose_step(struct reading *reading) {
    struct draft *draft = reading->draft;
    const char *words = buf_text(&reading->about);
    const char *line = words;
    bool asks = false;
    /* What comes after so many lines is no procedure any more. */
    for (int i = 0; line && !asks && i < 1000; i++, line = strchr(line, '\n')) {
        line += *line == '\n';
        asks = pattern_has(draft->patterns, PATTERN_IMPERATIVE, line);
    }
    if (!asks || reading->reference)
        return;
    struct draft_step *step = draft_add(draft, reading->group, DRAFT_MANUAL, reading->pending_line);
    step->text = place_prose(draft, arena_strdup(draft->arena, words));
    if (*reading->section->title)
        step->title = title_of(draft, reading->section->title);
    buf_clear(&reading->about);
}

/* "Operations requiring manual approval": what is listed needs one. */
static void approval_step(struct reading *reading) {
    struct draft *draft = reading->draft;
    const char *title = reading->section->title;
    if (reading->group->first || reading->about.length == 0 || !strcasestr(title, "approval"))
        return;
    struct draft_step *step = draft_add(draft, reading->group, DRAFT_GATE, reading->section->line);
    step->title = title_of(draft, title);
    step->text = place_prose(draft, arena_strdup(draft->arena, buf_text(&reading->about)));
    buf_clear(&reading->about);
}

static void reading_end(struct reading *reading) {
    struct draft *draft = reading->draft;
    if (reading->heading)
        text_put(reading, reading->heading);
    approval_step(reading);
    if (!reading->group->first)
        prose_step(reading);
    const char *about =
        reading->about.length ? arena_strdup(draft->arena, buf_text(&reading->about)) : NULL;
    if (reading->top)
        draft->description = about;
    else
        reading->group->description = about;
    if (reading->pending.length > 0)
        tell(reading, arena_strdup(draft->arena, buf_text(&reading->pending)));
    buf_release(&reading->about);
    buf_release(&reading->pending);
}

void section_steps(struct draft *draft, struct draft_step *group, const struct section *section,
                   bool top) {
    struct reading reading = {.draft = draft,
                              .group = group,
                              .section = section,
                              .top = top,
                              .reference =
                                  pattern_has(draft->patterns, PATTERN_REFERENCE, section->title),
                              .about = BUF_INIT(SOURCE_MAX),
                              .pending = BUF_INIT(SOURCE_MAX)};
    /* A table of contents repeats the headings. */
    const bool contents = strcasestr(section->title, "contents") && section->blocks->first &&
                          !section->blocks->first->next &&
                          section->blocks->first->kind == BLOCK_LIST;
    for (const struct block *block = section->blocks->first; block && !contents;
         block = block->next)
        read_block(&reading, block);
    if (contents) {
        draft_said(draft, section->title, strlen(section->title));
        group->title = top ? group->title : NULL;
    }
    reading_end(&reading);
}
