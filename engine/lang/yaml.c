#include "lang/node.h"

#include <yaml.h>

#include "base/map.h"
#include "base/text.h"
#include "base/vec.h"
#include "lang/runbook.h"
#include "lang/yaml_error.h"
#include "lang/yaml_scalar.h"

#define WORDS 256 /* a power of two */
#define SHORT 16  /* bytes of values that may come again, such as `true`, `1m`, `continue` */
#define CHUNK ((size_t)32 << 10)
#define SMALL_MAP 16 /* up to so many keys are compared one by one */

/* A container whose end has not been seen. */
struct open {
    struct node node;
    size_t first; /* of its children on the stack */
    const char *anchor;
};

struct builder {
    const struct yaml *yaml;
    yaml_parser_t parser;
    VEC(struct open) open;
    VEC(struct node) stack;
    struct map *anchors;
    const struct node *root;
    size_t added; /* nodes that aliases added */
    /* Place of the last event in bytes: libyaml counts characters. */
    size_t characters, offset;
    char *chunk;
    size_t chunk_left;
    struct word {
        const char *text;
        size_t length;
    } keys[WORDS], values[WORDS];
    const struct yaml_items *items; /* NULL: everything is kept */
    struct arena *nodes;            /* the tree's, or those of the item being read */
    bool is_block;                  /* the root's keys stand at the beginning of lines */
    bool is_taken;                  /* the items of the innermost list but one are handed on */
    bool has_anchors;               /* among those items: then they stay for their aliases */
    bool failed;
};

static struct span mark_span(const struct builder *builder, yaml_mark_t mark, uint32_t length) {
    return (struct span){builder->yaml->path, (uint32_t)mark.line + 1, (uint32_t)mark.column + 1,
                         length};
}

/* Reports; the tree is given up, since what follows could only mislead. */
static void builder_fail(struct builder *builder, yaml_mark_t mark, const char *message,
                         const char *hint) {
    AUTO_ERR err = ERR_INIT;
    err_at(&err, mark_span(builder, mark, 1), "%s", message);
    if (hint)
        err_hint(&err, "%s", hint);
    diag_report(builder->yaml->diag, &err);
    builder->failed = true;
}

/* Scalars are small and many: they are packed without padding. */
static const char *builder_text(struct builder *builder, const char *text, size_t length) {
    if (length >= CHUNK / 8)
        return arena_strndup(builder->yaml->texts, text, length);
    if (builder->chunk_left <= length) {
        builder->chunk = arena_alloc(builder->yaml->texts, CHUNK);
        builder->chunk_left = CHUNK;
    }
    char *copy = builder->chunk;
    memcpy(copy, text, length);
    copy[length] = '\0';
    builder->chunk += length + 1;
    builder->chunk_left -= length + 1;
    return copy;
}

/* Length and three characters tell words apart well enough: all of them cost twice as much. */
static size_t word_slot(const char *text, size_t length) {
    uint32_t mixed = (uint32_t)length;
    mixed = mixed * 31 + (unsigned char)text[0];
    mixed = mixed * 31 + (unsigned char)text[length / 2];
    mixed = mixed * 31 + (unsigned char)text[length ? length - 1 : 0];
    return mixed * 2654435769U >> 24 & (WORDS - 1);
}

/* The same few words come again with a hundred thousand steps: each is stored once. Those of values
 * are apart, so that keys stay where they are. */
static const char *builder_word(struct builder *builder, struct word words[WORDS], const char *text,
                                size_t length) {
    struct word *word = &words[word_slot(text, length)];
    if (!word->text || word->length != length || memcmp(word->text, text, length) != 0)
        *word = (struct word){builder_text(builder, text, length), length};
    return word->text;
}

static const char *builder_value(struct builder *builder, const char *text, size_t length) {
    return length > SHORT ? builder_text(builder, text, length)
                          : builder_word(builder, builder->values, text, length);
}

static size_t builder_offset(struct builder *builder, size_t characters) {
    const char *bytes = builder->yaml->bytes;
    while (builder->characters < characters && builder->offset < builder->yaml->length) {
        builder->offset++;
        while (((unsigned char)bytes[builder->offset] & 0xc0) == 0x80)
            builder->offset++;
        builder->characters++;
    }
    return builder->offset;
}

/* How far the first line of a block scalar that is not blank is indented. */
static uint8_t builder_indent(struct builder *builder, const yaml_event_t *event) {
    const char *at = builder->yaml->bytes + builder_offset(builder, event->start_mark.index);
    const char *end = builder->yaml->bytes + builder->yaml->length;
    size_t indent = 0;
    while (at < end && *at != '\n')
        at++;
    for (; at < end && (*at == '\n' || *at == '\r'); at += indent) {
        at++;
        for (indent = 0; at + indent < end && at[indent] == ' ';)
            indent++;
    }
    return indent > UINT8_MAX ? UINT8_MAX : (uint8_t)indent;
}

static bool expects_key(const struct builder *builder) {
    if (builder->open.count == 0)
        return false;
    const struct open *open = vec_last(&builder->open);
    return open->node.kind == NODE_MAP && (builder->stack.count - open->first) % 2 == 0;
}

/* Fills a zeroed node where it stands: a copy of it would wait for its short stores, 12 cycles with
 * each. */
static void node_begin(struct node *node, const yaml_event_t *event, enum node_kind kind) {
    node->kind = (unsigned char)(kind & 3U);
    node->line = (uint32_t)event->start_mark.line + 1;
    node->column = (uint32_t)event->start_mark.column + 1;
    node->width = 1;
}

static const struct node *builder_keep(struct builder *builder, const struct node *node) {
    struct node *kept = arena_alloc(builder->nodes, sizeof *kept);
    *kept = *node;
    return kept;
}

static void builder_hand_on(struct builder *builder, const struct node *item) {
    builder->items->take(builder->items->user, item);
    if (!builder->has_anchors)
        arena_reset(builder->nodes);
}

/* The last node on the stack is finished: it becomes the root, or stays as a child of the innermost
 * open container. */
static void builder_settle(struct builder *builder, const char *anchor) {
    const struct node *node = vec_last(&builder->stack);
    if (anchor) {
        map_put(builder->anchors, anchor, (void *)(uintptr_t)builder_keep(builder, node));
        builder->has_anchors |= builder->is_taken;
    }
    if (builder->open.count == 0)
        builder->root = builder_keep(builder, node);
    else if (builder->is_taken && builder->open.count == 2)
        builder_hand_on(builder, node);
    else
        return;
    builder->stack.count--;
}

static void builder_add(struct builder *builder, const struct node *node, const char *anchor) {
    *vec_add(&builder->stack) = *node;
    builder_settle(builder, anchor);
}

static uint16_t node_width(const yaml_event_t *event) {
    if (event->start_mark.line != event->end_mark.line ||
        event->end_mark.column <= event->start_mark.column)
        return 1;
    size_t width = event->end_mark.column - event->start_mark.column;
    return width < UINT16_MAX ? (uint16_t)width : UINT16_MAX;
}

static void builder_scalar(struct builder *builder, const yaml_event_t *event) {
    const char *text = (const char *)event->data.scalar.value;
    size_t length = event->data.scalar.length;
    bool is_key = expects_key(builder);
    struct node *node = vec_add(&builder->stack);
    node_begin(node, event, NODE_SCALAR);
    node->text = is_key ? builder_word(builder, builder->keys, text, length)
                        : builder_value(builder, text, length);
    node->count = (uint32_t)length;
    node->width = node_width(event);
    switch (event->data.scalar.style) {
    case YAML_LITERAL_SCALAR_STYLE:
    case YAML_FOLDED_SCALAR_STYLE:
        node->style = NODE_BLOCK;
        node->indent = builder_indent(builder, event);
        break;
    case YAML_SINGLE_QUOTED_SCALAR_STYLE:
    case YAML_DOUBLE_QUOTED_SCALAR_STYLE:
        node->style = NODE_QUOTED;
        break;
    default:
        node->style = NODE_PLAIN;
        break;
    }
    bool is_text = node->style != NODE_PLAIN || !event->data.scalar.plain_implicit;
    node->type = (unsigned char)(is_text || is_key ? NODE_TEXT : scalar_type(text, length)) & 7U;
    builder_settle(builder, (const char *)event->data.scalar.anchor);
}

static void fail_depth(struct builder *builder, yaml_mark_t mark) {
    AUTO_TEXT message =
        mem_printf("lists and mappings are nested deeper than %d levels", RUNBOOK_MAX_DEPTH);
    builder_fail(builder, mark, message, NULL);
}

static void builder_open(struct builder *builder, const yaml_event_t *event, enum node_kind kind,
                         const yaml_char_t *anchor) {
    if (expects_key(builder)) {
        builder_fail(builder, event->start_mark, "a key must be text, not a list or mapping",
                     "put `${{ … }}` and other values that begin with `{` or `[` in quotes");
        return;
    }
    if (builder->open.count >= RUNBOOK_MAX_DEPTH) {
        AUTO_TEXT message =
            mem_printf("lists and mappings are nested deeper than %d levels", RUNBOOK_MAX_DEPTH);
        builder_fail(builder, event->start_mark, message, NULL);
        return;
    }
    const char *name =
        anchor ? builder_text(builder, (const char *)anchor, strlen((const char *)anchor)) : NULL;
    struct open *open = vec_add(&builder->open);
    node_begin(&open->node, event, kind);
    open->first = builder->stack.count;
    open->anchor = name;
}

static void report_duplicate(struct builder *builder, const struct node *key,
                             const struct node *first) {
    AUTO_ERR err = ERR_INIT;
    AUTO_BUF shown = BUF_INIT(256);
    text_escape(&shown, key->text, key->count < 60 ? key->count : 60, false);
    err_at(&err, node_span(key, builder->yaml->path), "the key `%s` stands here twice",
           buf_text(&shown));
    err_hint(&err, "the first is at line %u; keep one of them", first->line);
    diag_report(builder->yaml->diag, &err);
}

static const struct node *seen_before(const struct node *items, size_t index) {
    for (size_t i = 0; i < index; i++) {
        const struct node *a = &items[2 * i], *b = &items[2 * index];
        if (a->text == b->text || (a->count == b->count && memcmp(a->text, b->text, a->count) == 0))
            return a;
    }
    return NULL;
}

/* Drops later pairs of a key that came before; reports it among the mapping's own. */
static size_t unique_pairs(struct builder *builder, struct node *items, size_t pairs,
                           size_t explicit_pairs) {
    struct map *seen = pairs > SMALL_MAP ? map_new() : NULL;
    size_t kept = 0;
    for (size_t i = 0; i < pairs; i++) {
        if (kept < i)
            memcpy(&items[2 * kept], &items[2 * i], 2 * sizeof *items);
        const struct node *key = &items[2 * kept];
        const struct node *first =
            seen ? map_get_n(seen, key->text, key->count) : seen_before(items, kept);
        if (first && i < explicit_pairs)
            report_duplicate(builder, key, first);
        if (first)
            continue;
        if (seen)
            map_put(seen, key->text, (void *)(uintptr_t)key);
        kept++;
    }
    map_free(seen);
    return kept;
}

static bool is_merge(const struct node *key) {
    return key->style == NODE_PLAIN && key->count == 2 && memcmp(key->text, "<<", 2) == 0;
}

static bool merge_one(struct builder *builder, const struct node *source) {
    if (source->kind != NODE_MAP)
        return false;
    for (size_t i = 0; i < 2 * (size_t)source->count; i++)
        *vec_add(&builder->stack) = source->items[i];
    return true;
}

static bool merge_value(struct builder *builder, const struct node *source) {
    if (source->kind != NODE_LIST)
        return merge_one(builder, source);
    bool merged = true;
    for (size_t i = 0; i < source->count; i++)
        merged = merge_one(builder, &source->items[i]) && merged;
    return merged;
}

/* Replaces `<<` pairs by the pairs that they bring, behind the mapping's own. Returns how many
 * are its own. */
static size_t merge_pairs(struct builder *builder, size_t first) {
    size_t end = builder->stack.count, kept = first;
    while (kept < end && !is_merge(&builder->stack.items[kept]))
        kept += 2;
    for (size_t i = kept; i < end; i += 2) {
        /* A copy: merging may move the stack. */
        const struct node source = builder->stack.items[i + 1];
        if (!is_merge(&builder->stack.items[i])) {
            builder->stack.items[kept++] = builder->stack.items[i];
            builder->stack.items[kept++] = source;
        } else if (!merge_value(builder, &source)) {
            AUTO_ERR err = ERR_INIT;
            err_at(&err, node_span(&source, builder->yaml->path),
                   "`<<` merges mappings, and this is %s", node_describe(&source));
            err_hint(&err, "name an anchor, as in `<<: *common`");
            diag_report(builder->yaml->diag, &err);
        }
    }
    memmove(builder->stack.items + kept, builder->stack.items + end,
            (builder->stack.count - end) * sizeof *builder->stack.items);
    builder->stack.count -= end - kept;
    return (kept - first) / 2;
}

static uint8_t node_height(const struct node *node) {
    return node->kind == NODE_SCALAR ? 0 : node->height;
}

static size_t child_count(const struct node *node) {
    if (node->kind == NODE_SCALAR)
        return 0;
    return node->kind == NODE_MAP ? 2 * (size_t)node->count : node->count;
}

/* Nodes in it, as aliases expand; counted no further than a little beyond `most`. */
static size_t node_weight(const struct node *node, size_t most) {
    size_t weight = 1;
    for (size_t i = 0; i < child_count(node) && weight <= most; i++)
        weight += node_weight(&node->items[i], most - weight);
    return weight;
}

static void free_nodes(void *nodes) {
    arena_free(nodes);
}

/* Whether the list that begins is taken; a key that stands twice or merges is none to begin with.
 */
static bool items_begin(struct builder *builder, const yaml_event_t *event) {
    const struct yaml_items *items = builder->items;
    if (!items || builder->open.count != 1 || !builder->is_block || expects_key(builder) ||
        event->data.sequence_start.anchor)
        return false;
    const struct open *root = &builder->open.items[0];
    struct node before = root->node;
    before.items = builder->stack.items + root->first;
    before.count = (uint32_t)((builder->stack.count - root->first) / 2);
    for (size_t i = 0; i <= before.count; i++)
        if (is_merge(node_key(&before, i)) || seen_before(before.items, i))
            return false;
    return items->begin(items->user, &before, node_key(&before, before.count),
                        builder_offset(builder, event->start_mark.index));
}

static void list_begin(struct builder *builder, const yaml_event_t *event) {
    bool is_taken = !builder->is_taken && items_begin(builder, event);
    builder_open(builder, event, NODE_LIST, event->data.sequence_start.anchor);
    if (!is_taken)
        return;
    builder->is_taken = true;
    builder->nodes = arena_new();
    arena_on_free(builder->yaml->nodes, free_nodes, builder->nodes);
}

static void items_end(struct builder *builder) {
    builder->is_taken = false;
    builder->nodes = builder->yaml->nodes;
}

static void builder_close(struct builder *builder) {
    struct open open = *vec_last(&builder->open);
    struct node *node = &open.node;
    size_t own = 0;
    if (node->kind == NODE_MAP)
        own = merge_pairs(builder, open.first);
    struct node *children = builder->stack.items + open.first;
    size_t count = builder->stack.count - open.first;
    if (node->kind == NODE_MAP)
        count = 2 * unique_pairs(builder, children, count / 2, own);
    node->height = 1;
    for (size_t i = 0; i < count; i++)
        if (node_height(&children[i]) >= node->height)
            node->height = (uint8_t)(node_height(&children[i]) + 1);
    node->items = NULL;
    if (count) {
        struct node *items = arena_alloc(builder->nodes, count * sizeof *items);
        memcpy(items, children, count * sizeof *items);
        node->items = items;
    }
    node->count = (uint32_t)(node->kind == NODE_MAP ? count / 2 : count);
    builder->stack.count = open.first;
    builder->open.count--;
    if (builder->open.count == 1)
        items_end(builder);
    builder_add(builder, node, open.anchor);
}

static void builder_alias(struct builder *builder, const yaml_event_t *event) {
    const char *name = (const char *)event->data.alias.anchor;
    const struct node *node = map_get(builder->anchors, name);
    if (!node) {
        AUTO_TEXT message = mem_printf("the alias `*%s` has no anchor above it", name);
        AUTO_TEXT hint = mem_printf("mark the value with `&%s`, or put text that begins with `*` "
                                    "in quotes",
                                    name);
        builder_fail(builder, event->start_mark, message, hint);
        return;
    }
    builder->added += node_weight(node, RUNBOOK_MAX_ALIAS_NODES);
    if (builder->added > RUNBOOK_MAX_ALIAS_NODES) {
        AUTO_TEXT message =
            mem_printf("aliases add more than %d nodes to this file", RUNBOOK_MAX_ALIAS_NODES);
        builder_fail(builder, event->start_mark, message, "write the values out, or generate them");
        return;
    }
    if (expects_key(builder) && node->kind != NODE_SCALAR) {
        builder_fail(builder, event->start_mark, "a key must be text, not a list or mapping", NULL);
        return;
    }
    if (builder->open.count + node_height(node) > RUNBOOK_MAX_DEPTH) {
        fail_depth(builder, event->start_mark);
        return;
    }
    builder_add(builder, node, NULL);
}

static void refuse_tag(struct builder *builder, const yaml_event_t *event, const char *tag) {
    if (strcmp(tag, "!") == 0 || strcmp(tag, YAML_STR_TAG) == 0 || strcmp(tag, YAML_MAP_TAG) == 0 ||
        strcmp(tag, YAML_SEQ_TAG) == 0)
        return;
    const char *standard = "tag:yaml.org,2002:";
    bool is_standard = strncmp(tag, standard, strlen(standard)) == 0;
    AUTO_TEXT message =
        mem_printf("the tag `%s%s` has no meaning in a runbook", is_standard ? "!!" : "",
                   is_standard ? tag + strlen(standard) : tag);
    builder_fail(builder, event->start_mark, message,
                 "take it out; put text that begins with `!` in quotes");
}

static void builder_event(struct builder *builder, const yaml_event_t *event) {
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (builder->root)
            builder_fail(builder, event->start_mark, "a second YAML document begins here",
                         "a file holds one runbook; take the `---` out or make two files");
        break;
    case YAML_SCALAR_EVENT:
        if (event->data.scalar.tag)
            refuse_tag(builder, event, (const char *)event->data.scalar.tag);
        builder_scalar(builder, event);
        break;
    case YAML_SEQUENCE_START_EVENT:
        if (event->data.sequence_start.tag)
            refuse_tag(builder, event, (const char *)event->data.sequence_start.tag);
        list_begin(builder, event);
        break;
    case YAML_MAPPING_START_EVENT:
        if (event->data.mapping_start.tag)
            refuse_tag(builder, event, (const char *)event->data.mapping_start.tag);
        if (builder->open.count == 0)
            builder->is_block = event->data.mapping_start.style == YAML_BLOCK_MAPPING_STYLE &&
                                event->start_mark.column == 0;
        builder_open(builder, event, NODE_MAP, event->data.mapping_start.anchor);
        break;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        builder_close(builder);
        break;
    case YAML_ALIAS_EVENT:
        builder_alias(builder, event);
        break;
    default:
        break;
    }
}

static void builder_run(struct builder *builder) {
    yaml_event_type_t type = YAML_NO_EVENT;
    while (type != YAML_STREAM_END_EVENT && !builder->failed) {
        yaml_event_t event;
        if (!yaml_parser_parse(&builder->parser, &event)) {
            yaml_error_report(builder->yaml, &builder->parser);
            builder->failed = true;
            return;
        }
        type = event.type;
        builder_event(builder, &event);
        yaml_event_delete(&event);
    }
}

const struct node *yaml_parse(const struct yaml *yaml) {
    return yaml_parse_items(yaml, NULL);
}

const struct node *yaml_parse_items(const struct yaml *yaml, const struct yaml_items *items) {
    if (yaml_refuse_bytes(yaml))
        return NULL;
    struct builder builder = {
        .yaml = yaml, .items = items, .nodes = yaml->nodes, .anchors = map_new()};
    if (!yaml_parser_initialize(&builder.parser))
        abort();
    /* Never without an array, so that a place in it can always be computed. */
    vec_add(&builder.stack);
    yaml_parser_set_encoding(&builder.parser, YAML_UTF8_ENCODING);
    /* A mark counts no byte order mark. */
    if (yaml->length >= 3 && memcmp(yaml->bytes, "\xef\xbb\xbf", 3) == 0)
        builder.offset = 3;
    yaml_parser_set_input_string(&builder.parser,
                                 (const unsigned char *)yaml->bytes + builder.offset,
                                 yaml->length - builder.offset);
    builder_run(&builder);
    yaml_parser_delete(&builder.parser);
    vec_release(&builder.open);
    vec_release(&builder.stack);
    map_free(builder.anchors);
    return builder.failed ? NULL : builder.root;
}
