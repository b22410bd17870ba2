#include "cli/import_doc.h"

#include <ctype.h>
#include <md4c.h>
#include <string.h>

#include "base/text.h"
#include "base/vec.h"

#define RUN_MOST 1000 /* lines that stand together */
#define DEPTH_MOST 12 /* of lists in lists; what is deeper counts as part of the twelfth */

struct reader {
    struct document *document;
    struct arena *arena;
    struct section *section;
    struct block *container;  /* where blocks go */
    struct block *leaf;       /* code, HTML or a paragraph that is being read */
    unsigned depth, too_deep; /* containers, and those that got no block of their own */
    unsigned heading;         /* level of the one being read, 0: none */
    struct buf text;
    uint32_t line, last_line; /* of the leaf */
    const char *href;         /* of the link around the text, or NULL */
    size_t link_start;
    VEC(struct section *) sections;
    const char *read; /* what md4c reads, of the source's length; see without_links */
};

/* ---- building ----------------------------------------------------------------------------- */

static struct block *block_add(struct reader *reader, struct block *parent, enum block_kind kind) {
    struct block *block = arena_alloc(reader->arena, sizeof *block);
    block->kind = kind;
    block->parent = parent;
    block->text = block->language = block->info = "";
    if (parent->last)
        parent->last->next = block;
    else
        parent->first = block;
    parent->last = block;
    return block;
}

static struct section *section_add(struct reader *reader, unsigned level, const char *title,
                                   uint32_t line) {
    struct section *parent = reader->section;
    while (parent && parent->level >= level)
        parent = parent->parent;
    struct section *section = arena_alloc(reader->arena, sizeof *section);
    section->title = title;
    section->level = level;
    section->line = line;
    section->parent = parent;
    section->blocks = arena_alloc(reader->arena, sizeof *section->blocks);
    section->blocks->kind = BLOCK_ITEM;
    if (parent) {
        if (parent->last)
            parent->last->next = section;
        else
            parent->first = section;
        parent->last = section;
    }
    *vec_add(&reader->sections) = section;
    section->number = (unsigned)reader->sections.count - 1;
    reader->section = section;
    reader->container = section->blocks;
    return section;
}

static void leaf_begin(struct reader *reader) {
    buf_clear(&reader->text);
    reader->line = reader->last_line = 0;
}

/* The same place in the source; what stands elsewhere stays. */
static const char *in_source(const struct reader *reader, const char *at) {
    const struct source *source = reader->document->source;
    return at >= reader->read && at <= reader->read + source->length
               ? source->text + (at - reader->read)
               : at;
}

static void note_place(struct reader *reader, const char *at) {
    const uint32_t line = source_line(reader->document->source, at);
    if (line == 0)
        return;
    if (reader->line == 0)
        reader->line = line;
    reader->last_line = line;
}

/* ---- labels: **When:** text --------------------------------------------------------------- */

/* Takes the marks of bold text out. */
static char *without_strong(struct arena *arena, const char *text, size_t length) {
    char *copy = arena_strndup(arena, text, length);
    size_t at = 0;
    for (size_t i = 0; i < length; i++)
        if (copy[i] != STRONG_BEGIN && copy[i] != STRONG_END)
            copy[at++] = copy[i];
    while (at > 0 && isspace((unsigned char)copy[at - 1]))
        at--;
    copy[at] = '\0';
    return copy + strspn(copy, " \n\t");
}

/* How much of the line is a label with its colon: `**When:** x`, `**When**: x`, `**When: x**`. */
static size_t label_length(const char *line, size_t length, const char **ret_value) {
    if (length < 3 || line[0] != STRONG_BEGIN)
        return 0;
    const char *end = memchr(line, STRONG_END, length);
    if (!end)
        return 0;
    const char *colon = memchr(line, ':', (size_t)(end - line));
    if (colon && (colon[1] == ' ' || colon + 1 == end)) {
        *ret_value = colon + 1;
        return (size_t)(colon - line);
    }
    const char *behind = end + 1;
    if (behind < line + length && *behind == ':') {
        *ret_value = behind + 1;
        return (size_t)(end - line);
    }
    *ret_value = behind;
    return behind == line + length ? (size_t)(end - line) : 0;
}

/* A paragraph becomes a block for each of its labels, and one for what is in front of them. */
static void text_add(struct reader *reader, const char *text, size_t length) {
    struct block *block = NULL;
    const char *begin = text;
    uint32_t line = reader->line;
    for (const char *at = text; at < text + length;) {
        const char *stop = memchr(at, '\n', (size_t)(text + length - at));
        const size_t width = (size_t)((stop ? stop : text + length) - at);
        const char *value = NULL;
        const size_t label = label_length(at, width, &value);
        if (label || !block) {
            if (block)
                block->text = without_strong(reader->arena, begin, (size_t)(at - begin));
            block = block_add(reader, reader->container, BLOCK_TEXT);
            block->line = block->end_line = line;
            block->label = label ? without_strong(reader->arena, at, label) : NULL;
            begin = label ? value : at;
        }
        block->end_line = line++;
        at += width + 1;
    }
    if (block)
        block->text = without_strong(reader->arena, begin, (size_t)(text + length - begin));
}

static void text_end(struct reader *reader) {
    const size_t length = reader->text.length;
    if (length > 0)
        text_add(reader, buf_text(&reader->text), length);
    buf_clear(&reader->text);
    reader->line = 0;
}

/* ---- md4c's callbacks --------------------------------------------------------------------- */

static char *attribute_text(struct reader *reader, const MD_ATTRIBUTE *attribute) {
    return arena_strndup(reader->arena, attribute->text ? attribute->text : "", attribute->size);
}

static void code_begin(struct reader *reader, const MD_BLOCK_CODE_DETAIL *detail) {
    struct block *block = block_add(reader, reader->container, BLOCK_CODE);
    char *language = attribute_text(reader, &detail->lang);
    for (char *c = language; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    block->language = language;
    block->info = attribute_text(reader, &detail->info);
    block->open = detail->fence_char != 0;
    reader->leaf = block;
    if (detail->info.text)
        note_place(reader, in_source(reader, detail->info.text));
}

/* md4c ends an open fence with the document: only a line of the fence's own closes it. */
static void code_end(struct reader *reader) {
    struct block *block = reader->leaf;
    const struct source *source = reader->document->source;
    block->text = arena_strndup(reader->arena, buf_text(&reader->text), reader->text.length);
    block->line = reader->line;
    block->end_line = reader->last_line;
    block->open &= block->end_line > 0;
    if (block->open && block->end_line < source->lines) {
        size_t length = 0;
        const char *next = source_line_text(source, block->end_line + 1, &length);
        size_t at = 0;
        while (at < length && strchr(" >\t", next[at]))
            at++;
        /* Blank lines at the end of the code come before the fence. */
        block->open = length == at ? block->open : !strchr("`~", next[at]);
        for (uint32_t line = block->end_line + 2; block->open && line <= source->lines; line++) {
            next = source_line_text(source, line, &length);
            for (at = 0; at < length && strchr(" >\t", next[at]);)
                at++;
            if (at < length) {
                block->open = !strchr("`~", next[at]);
                break;
            }
        }
    }
    reader->leaf = NULL;
}

static void container_enter(struct reader *reader, enum block_kind kind, void *detail) {
    if (reader->depth >= DEPTH_MOST) {
        reader->too_deep++;
        return;
    }
    text_end(reader);
    reader->container = block_add(reader, reader->container, kind);
    reader->depth++;
    if (kind == BLOCK_ITEM && ((MD_BLOCK_LI_DETAIL *)detail)->is_task) {
        const char mark = ((MD_BLOCK_LI_DETAIL *)detail)->task_mark;
        reader->container->task = true;
        reader->container->done = mark == 'x' || mark == 'X';
    }
}

static void container_leave(struct reader *reader) {
    text_end(reader);
    if (reader->too_deep > 0) {
        reader->too_deep--;
        return;
    }
    struct block *block = reader->container;
    block->line = block->first ? block->first->line : 0;
    block->end_line = block->last ? block->last->end_line : 0;
    reader->container = block->parent;
    reader->depth--;
}

static int block_enter(MD_BLOCKTYPE type, void *detail, void *user) {
    struct reader *reader = user;
    switch (type) {
    case MD_BLOCK_UL:
    case MD_BLOCK_OL:
        container_enter(reader, BLOCK_LIST, NULL);
        if (reader->too_deep == 0)
            reader->container->ordered = type == MD_BLOCK_OL;
        break;
    case MD_BLOCK_LI:
        container_enter(reader, BLOCK_ITEM, detail);
        break;
    case MD_BLOCK_TABLE:
        container_enter(reader, BLOCK_TABLE, NULL);
        break;
    case MD_BLOCK_TR:
        container_enter(reader, BLOCK_ROW, NULL);
        break;
    case MD_BLOCK_THEAD:
    case MD_BLOCK_TBODY:
    case MD_BLOCK_DOC:
    case MD_BLOCK_QUOTE:
    case MD_BLOCK_HR:
        break;
    case MD_BLOCK_CODE:
        text_end(reader);
        leaf_begin(reader);
        code_begin(reader, detail);
        break;
    case MD_BLOCK_HTML:
        text_end(reader);
        leaf_begin(reader);
        reader->leaf = block_add(reader, reader->container, BLOCK_HTML);
        break;
    case MD_BLOCK_H:
        text_end(reader);
        leaf_begin(reader);
        reader->heading = ((MD_BLOCK_H_DETAIL *)detail)->level;
        break;
    case MD_BLOCK_P:
    case MD_BLOCK_TH:
    case MD_BLOCK_TD:
        text_end(reader);
        leaf_begin(reader);
        break;
    }
    return 0;
}

/* A heading within a list or a quotation is a label. */
static void heading_end(struct reader *reader) {
    const char *title = without_strong(reader->arena, buf_text(&reader->text), reader->text.length);
    if (reader->depth == 0) {
        section_add(reader, reader->heading, title, reader->line);
    } else {
        struct block *block = block_add(reader, reader->container, BLOCK_TEXT);
        block->label = title;
        block->line = block->end_line = reader->line;
    }
    reader->heading = 0;
    buf_clear(&reader->text);
}

/* A cell is always there, also an empty one: its place tells what it is. */
static void cell_end(struct reader *reader, bool head) {
    struct block *block = block_add(reader, reader->container, BLOCK_TEXT);
    block->text = without_strong(reader->arena, buf_text(&reader->text), reader->text.length);
    block->line = block->end_line = reader->line;
    if (reader->container->kind == BLOCK_ROW)
        reader->container->head = head;
    buf_clear(&reader->text);
}

static int block_leave(MD_BLOCKTYPE type, void *detail, void *user) {
    struct reader *reader = user;
    (void)detail;
    switch (type) {
    case MD_BLOCK_UL:
    case MD_BLOCK_OL:
    case MD_BLOCK_LI:
    case MD_BLOCK_TABLE:
    case MD_BLOCK_TR:
        container_leave(reader);
        break;
    case MD_BLOCK_CODE:
        code_end(reader);
        buf_clear(&reader->text);
        break;
    case MD_BLOCK_HTML:
        reader->leaf->text =
            arena_strndup(reader->arena, buf_text(&reader->text), reader->text.length);
        reader->leaf->line = reader->line;
        reader->leaf->end_line = reader->last_line;
        reader->leaf = NULL;
        buf_clear(&reader->text);
        break;
    case MD_BLOCK_H:
        heading_end(reader);
        break;
    case MD_BLOCK_TH:
    case MD_BLOCK_TD:
        cell_end(reader, type == MD_BLOCK_TH);
        break;
    case MD_BLOCK_P:
    case MD_BLOCK_DOC:
    case MD_BLOCK_QUOTE:
        text_end(reader);
        break;
    case MD_BLOCK_HR:
    case MD_BLOCK_THEAD:
    case MD_BLOCK_TBODY:
        break;
    }
    return 0;
}

static int span_enter(MD_SPANTYPE type, void *detail, void *user) {
    struct reader *reader = user;
    if (type == MD_SPAN_STRONG)
        buf_putc(&reader->text, STRONG_BEGIN);
    else if (type == MD_SPAN_CODE)
        buf_putc(&reader->text, '`');
    if (type == MD_SPAN_A || type == MD_SPAN_IMG) {
        reader->href =
            attribute_text(reader, type == MD_SPAN_A ? &((MD_SPAN_A_DETAIL *)detail)->href
                                                     : &((MD_SPAN_IMG_DETAIL *)detail)->src);
        reader->link_start = reader->text.length;
    }
    return 0;
}

/* A link is kept as `text (address)`, unless its text says the address. */
static int span_leave(MD_SPANTYPE type, void *detail, void *user) {
    struct reader *reader = user;
    (void)detail;
    if (type == MD_SPAN_STRONG)
        buf_putc(&reader->text, STRONG_END);
    else if (type == MD_SPAN_CODE)
        buf_putc(&reader->text, '`');
    if ((type == MD_SPAN_A || type == MD_SPAN_IMG) && reader->href) {
        const char *shown = buf_text(&reader->text) + reader->link_start;
        if (*reader->href && *reader->href != '#' && !strstr(reader->href, shown))
            buf_printf(&reader->text, " (%s)", reader->href);
        else if (*reader->href && *reader->href != '#' && !text_equal(reader->href, shown) &&
                 *shown == '\0')
            buf_puts(&reader->text, reader->href);
        reader->href = NULL;
    }
    return 0;
}

static int text_read(MD_TEXTTYPE type, const MD_CHAR *text, MD_SIZE size, void *user) {
    struct reader *reader = user;
    text = in_source(reader, text);
    note_place(reader, text);
    if (type == MD_TEXT_BR || type == MD_TEXT_SOFTBR)
        buf_putc(&reader->text, '\n');
    else if (type != MD_TEXT_NULLCHAR)
        buf_append(&reader->text, text, size);
    return 0;
}

/* ---- the whole ---------------------------------------------------------------------------- */

/* A heading of the first level that stands alone is the document's own title. */
static void root_title(struct reader *reader) {
    struct section *root = reader->sections.items[0];
    struct section *top = root->first;
    if (!top || top->next || root->blocks->first || top->level != 1)
        return;
    root->title = top->title;
    root->line = top->line;
    root->level = top->level;
    root->blocks = top->blocks;
    root->first = top->first;
    root->last = top->last;
    for (struct section *child = root->first; child; child = child->next)
        child->parent = root;
    for (size_t i = 1; i + 1 < reader->sections.count; i++) {
        reader->sections.items[i] = reader->sections.items[i + 1];
        reader->sections.items[i]->number = (unsigned)i;
    }
    reader->sections.count--;
}

static void section_ends(struct reader *reader) {
    const uint32_t lines = reader->document->source->lines;
    for (size_t i = 0; i < reader->sections.count; i++) {
        struct section *section = reader->sections.items[i];
        const struct section *next = section->next ? section : section->parent;
        while (next && !next->next)
            next = next->parent;
        const uint32_t line = next && next->next ? next->next->line : 0;
        section->end_line = line ? line - 1 : lines;
    }
}

/* md4c's search for links costs the square of a paragraph's lines: where so many lines stand
 * together, what it reads has no brackets but those of boxes. */
static void without_links(const struct source *source, char *read) {
    uint32_t begin = 1;
    for (uint32_t line = 1; line <= source->lines + 1; line++) {
        size_t length = 0;
        if (line <= source->lines && (source_line_text(source, line, &length), length > 0))
            continue;
        const size_t end = source->starts[line <= source->lines ? line - 1 : source->lines];
        for (size_t at = source->starts[begin - 1]; line - begin > RUN_MOST && at < end; at++)
            if (read[at] == '[' && at + 2 < end && read[at + 2] != ']')
                read[at] = '(';
        begin = line < source->lines ? line + 1 : source->lines;
        begin += begin == 0;
    }
}

int document_read(struct source *source, struct document *ret, struct err *err) {
    static const MD_PARSER parser = {
        .flags = MD_FLAG_TABLES | MD_FLAG_TASKLISTS | MD_FLAG_NOHTMLSPANS | MD_FLAG_STRIKETHROUGH,
        .enter_block = block_enter,
        .leave_block = block_leave,
        .enter_span = span_enter,
        .leave_span = span_leave,
        .text = text_read,
    };
    struct document document = {.source = source, .arena = source->arena};
    struct reader reader = {
        .document = &document, .arena = source->arena, .text = BUF_INIT(8 * SOURCE_MAX)};
    char *read = mem_strndup(source->text, source->length);
    without_links(source, read);
    reader.read = read;
    section_add(&reader, 0, "", 1);
    const int status = md_parse(read + source->skipped, (MD_SIZE)(source->length - source->skipped),
                                &parser, &reader);
    buf_release(&reader.text);
    mem_free(read);
    if (status != 0) {
        vec_release(&reader.sections);
        return err_set(err, ERR_INVALID, "%s cannot be read as Markdown", source->name);
    }
    root_title(&reader);
    section_ends(&reader);
    document.root = reader.sections.items[0];
    document.sections = reader.sections.items;
    document.section_count = reader.sections.count;
    *ret = document;
    return 0;
}

void document_release(struct document *document) {
    mem_free(document->sections);
    *document = (struct document){0};
}

struct section *section_next(const struct section *section, const struct section *top) {
    if (section->first)
        return section->first;
    while (section != top && !section->next)
        section = section->parent;
    return section == top ? NULL : section->next;
}
