#include "lang/yaml_scalar.h"

#include <string.h>

static size_t digits(const char *text, size_t at) {
    size_t count = 0;
    while (text[at + count] >= '0' && text[at + count] <= '9')
        count++;
    return count;
}

static bool is_exponent(const char *text, size_t at) {
    if (text[at] != 'e' && text[at] != 'E')
        return text[at] == '\0';
    at++;
    if (text[at] == '-' || text[at] == '+')
        at++;
    size_t count = digits(text, at);
    return count > 0 && text[at + count] == '\0';
}

/* Numbers with a leading zero are text: readers disagree whether they are octal. */
static enum node_type number_type(const char *text, size_t length) {
    size_t at = text[0] == '-' || text[0] == '+';
    size_t whole = digits(text, at);
    if (whole > 1 && text[at] == '0')
        return NODE_TEXT;
    at += whole;
    if (at == length)
        return whole > 0 ? NODE_INTEGER : NODE_TEXT;
    size_t fraction = 0;
    if (text[at] == '.') {
        fraction = digits(text, at + 1);
        at += 1 + fraction;
    }
    return whole + fraction > 0 && is_exponent(text, at) ? NODE_NUMBER : NODE_TEXT;
}

static bool is_one_of(const char *text, const char *const *words) {
    for (; *words; words++)
        if (strcmp(text, *words) == 0)
            return true;
    return false;
}

enum node_type scalar_type(const char *text, size_t length) {
    static const char *const nulls[] = {"~", "null", "Null", "NULL", NULL};
    static const char *const bools[] = {"true", "True", "TRUE", "false", "False", "FALSE", NULL};
    switch (text[0]) {
    case '\0':
        return NODE_NULL;
    case '~':
    case 'n':
    case 'N':
        return is_one_of(text, nulls) ? NODE_NULL : NODE_TEXT;
    case 't':
    case 'T':
    case 'f':
    case 'F':
        return is_one_of(text, bools) ? NODE_BOOL : NODE_TEXT;
    case '-':
    case '+':
    case '.':
        return number_type(text, length);
    default:
        return text[0] >= '0' && text[0] <= '9' ? number_type(text, length) : NODE_TEXT;
    }
}

bool scalar_is_old_bool(const char *text, bool *ret) {
    static const char *const yes[] = {"yes", "Yes", "YES", "on", "On", "ON", "y", "Y", NULL};
    static const char *const no[] = {"no", "No", "NO", "off", "Off", "OFF", "n", "N", NULL};
    *ret = is_one_of(text, yes);
    return *ret || is_one_of(text, no);
}

const struct node *node_find(const struct node *map, const char *key, const struct node **ret_key) {
    size_t length = strlen(key);
    for (size_t i = 0; i < map->count; i++) {
        const struct node *at = node_key(map, i);
        if (at->count != length || memcmp(at->text, key, length) != 0)
            continue;
        if (ret_key)
            *ret_key = at;
        return node_value(map, i);
    }
    return NULL;
}

struct span node_span(const struct node *node, const char *path) {
    if (node->kind == NODE_MAP && node->count > 0 && node->width == 1) {
        const struct node *key = node_key(node, 0);
        if (key->line == node->line && key->column == node->column)
            node = key;
    }
    return (struct span){path, node->line, node->column, node->width};
}

struct span node_text_span(const struct node *node, const char *path) {
    struct span span = {path, node->line, node->column, 1};
    if (node->style == NODE_QUOTED)
        span.column++;
    if (node->style == NODE_BLOCK) {
        span.line++;
        span.column = (uint32_t)node->indent + 1;
    }
    return span;
}

const char *node_describe(const struct node *node) {
    static const char *const types[] = {
        [NODE_NULL] = "empty",      [NODE_BOOL] = "true or false", [NODE_INTEGER] = "a number",
        [NODE_NUMBER] = "a number", [NODE_TEXT] = "text",
    };
    if (node->kind == NODE_LIST)
        return "a list";
    return node->kind == NODE_MAP ? "a mapping" : types[node->type];
}
