/* YAML as a tree of nodes that know where they stand. Aliases share their anchor's nodes, merge
 * keys are already merged, and no mapping holds a key twice. */
#ifndef LANG_NODE_H
#define LANG_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "lang/diag.h"

enum node_kind { NODE_SCALAR, NODE_LIST, NODE_MAP };
enum node_style { NODE_PLAIN, NODE_QUOTED, NODE_BLOCK };
/* What a scalar is: quoted and block scalars are always text. Numbers are decimal; what YAML
 * versions read differently (`yes`, 0644, 1:30) is text. */
enum node_type { NODE_NULL, NODE_BOOL, NODE_INTEGER, NODE_NUMBER, NODE_TEXT };

/* The children of a list or mapping lie side by side, and a node takes 24 bytes: a hundred thousand
 * steps of six lines are 1.4 million of them. */
struct node {
    union {
        const char *text;         /* of a scalar: `count` bytes and a NUL */
        const struct node *items; /* of a list: `count`; of a mapping: `count` keys and values */
    };
    uint32_t count;
    uint32_t line, column; /* from 1, columns in characters */
    uint16_t width;        /* characters on its first line, from 1 to UINT16_MAX */
    unsigned char kind : 2, style : 2, type : 4;
    union {
        uint8_t indent; /* of a block scalar's text, at most 255 */
        uint8_t height; /* of a list or mapping: levels in it, as aliases expand */
    };
};

/* Who takes the items of a list of the root one by one. Each is read, taken and forgotten: the
 * nodes of 100,000 steps of six lines would be 34 MB, written once and read twice. */
struct yaml_items {
    /* At a list behind `key`, with the pairs above it; `at` is its place in the bytes. False: it is
     * kept as any other. */
    bool (*begin)(void *user, const struct node *before, const struct node *key, size_t at);
    /* The item lives as long as the call. */
    void (*take)(void *user, const struct node *item);
    void *user;
};

/* Where nodes go and where the text of scalars goes: the latter outlives the tree. */
struct yaml {
    const char *path; /* borrowed by all spans */
    const char *bytes;
    size_t length;
    struct arena *nodes;
    struct arena *texts;
    struct diag *diag;
};

/* NULL where there is no tree; every error has been reported. */
const struct node *yaml_parse(const struct yaml *yaml);
const struct node *yaml_parse_items(const struct yaml *yaml, const struct yaml_items *items);

static inline const struct node *node_key(const struct node *map, size_t index) {
    return &map->items[2 * index];
}
static inline const struct node *node_value(const struct node *map, size_t index) {
    return &map->items[2 * index + 1];
}
/* The value of a key, or NULL; `ret_key` may be NULL. */
const struct node *node_find(const struct node *map, const char *key, const struct node **ret_key);
struct span node_span(const struct node *node, const char *path);
/* Where the first character of a scalar's text stands, behind its quote or on its first line. */
struct span node_text_span(const struct node *node, const char *path);
/* "a list", "a number", … */
const char *node_describe(const struct node *node);

#endif
