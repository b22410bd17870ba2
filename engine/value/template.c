#include "value/template.h"

#include <ctype.h>

#include "base/text.h"
#include "value/expr_set.h"

#define OPEN "${{"
#define CLOSE "}}"
#define ESCAPED "$" OPEN
#define RENDERED_MAX ((size_t)64 << 20)

enum template_kind {
    TEMPLATE_CONSTANT,
    TEMPLATE_EXPR,
    TEMPLATE_TEXT,
    TEMPLATE_ARRAY,
    TEMPLATE_OBJECT,
};

/* A piece of text, or the expression that stands there. */
struct part {
    struct part *next;
    const struct expr *expr;
    const char *text;
    size_t length;
};

struct item {
    struct item *next;
    const char *key; /* NULL in an array */
    struct template *tmpl;
};

struct template {
    enum template_kind kind;
    struct arena *arena;
    value constant;
    const char *source; /* as written, for expressions and text */
    struct part *parts, **parts_end;
    struct item *items, **items_end;
};

static void template_drop(void *object) {
    struct template *tmpl = object;
    value_free(tmpl->constant);
}

static struct template *template_make(struct arena *arena, enum template_kind kind) {
    struct template *tmpl = arena_alloc(arena, sizeof *tmpl);
    *tmpl = (struct template){.kind = kind, .arena = arena, .constant = value_none()};
    tmpl->parts_end = &tmpl->parts;
    tmpl->items_end = &tmpl->items;
    return tmpl;
}

static void template_hold(struct template *tmpl, value taken) {
    tmpl->constant = taken;
    arena_on_free(tmpl->arena, template_drop, tmpl);
}

struct template *template_constant(struct arena *arena, value taken) {
    struct template *tmpl = template_make(arena, TEMPLATE_CONSTANT);
    template_hold(tmpl, taken);
    return tmpl;
}

struct template *template_array(struct arena *arena) {
    return template_make(arena, TEMPLATE_ARRAY);
}

struct template *template_object(struct arena *arena) {
    return template_make(arena, TEMPLATE_OBJECT);
}

void template_add(struct template *container, const char *key_or_null, struct template *item) {
    struct item *entry = arena_alloc(container->arena, sizeof *entry);
    if (key_or_null)
        entry->key = arena_strdup(container->arena, key_or_null);
    entry->tmpl = item;
    *container->items_end = entry;
    container->items_end = &entry->next;
}

static bool stands_at(const char *text, size_t length, size_t at, const char *word) {
    return length - at >= strlen(word) && memcmp(text + at, word, strlen(word)) == 0;
}

bool template_find(const char *text, size_t length, size_t *ret_offset) {
    for (size_t i = 0; i < length; i++) {
        const char *at = memchr(text + i, OPEN[0], length - i);
        if (!at)
            return false;
        i = (size_t)(at - text);
        if (stands_at(text, length, i, OPEN)) {
            *ret_offset = i;
            return true;
        }
    }
    return false;
}

/* Whether the text goes on as an expression that looks at what a run knows. */
static bool names_root(const char *text, size_t length) {
    static const char *const roots[] = {".params", ".secrets", ".steps", ".run", ".env", ".item"};
    size_t at = 0;
    while (at < length && text[at] == ' ')
        at++;
    for (size_t i = 0; i < sizeof roots / sizeof *roots; i++) {
        const size_t end = at + strlen(roots[i]);
        if (stands_at(text, length, at, roots[i]) && end < length &&
            !isalnum((unsigned char)text[end]) && text[end] != '_')
            return true;
    }
    return false;
}

bool template_find_bare(const char *text, size_t length, size_t *ret_offset) {
    for (size_t i = 0; i < length; i++) {
        const char *at = memchr(text + i, '{', length - i);
        if (!at)
            return false;
        i = (size_t)(at - text);
        if (stands_at(text, length, i, "{{") && (i == 0 || text[i - 1] != '$') &&
            names_root(text + i + 2, length - i - 2)) {
            *ret_offset = i;
            return true;
        }
    }
    return false;
}

struct parser {
    struct arena *arena;
    struct expr_set *set;
    const char *text;
    size_t length;
    struct lex_origin origin;
    struct template *tmpl;
    size_t expr_count, text_count;
};

static struct part *parser_part(struct parser *parser) {
    struct part *part = arena_alloc(parser->arena, sizeof *part);
    *parser->tmpl->parts_end = part;
    parser->tmpl->parts_end = &part->next;
    return part;
}

/* Literal text gathers in `text`; escapes have been taken out of it. */
static void parser_flush(struct parser *parser, struct buf *text) {
    if (!text->length)
        return;
    struct part *part = parser_part(parser);
    part->text = arena_strndup(parser->arena, text->data, text->length);
    part->length = text->length;
    parser->text_count++;
    buf_clear(text);
}

static size_t trimmed_end(const char *text, size_t start, size_t end) {
    while (end > start && memchr(" \t\r\n", text[end - 1], 4))
        end--;
    return end;
}

/* From the `${{` at `at`; yields where the text goes on. */
static int parser_expr(struct parser *parser, size_t at, size_t *ret_next, struct err *err) {
    size_t start = at + strlen(OPEN), end = 0;
    while (start < parser->length && memchr(" \t\r\n", parser->text[start], 4))
        start++;
    struct lex_origin origin = lex_origin_inside(&parser->origin, parser->text, start);
    AUTO_LEX lex = {0};
    if (lex_scan(&lex, parser->text + start, parser->length - start, true, &origin, &end, err) < 0)
        return -1;
    if (start + end >= parser->length) {
        err_at(err, lex_span(&parser->origin, parser->text, at, strlen(OPEN)),
               "`" OPEN "` is never closed");
        return err_hint(err, "end the expression with `" CLOSE "`, or write `" ESCAPED
                             "` for a literal `" OPEN "`");
    }
    struct expr *expr = NULL;
    size_t stop = trimmed_end(parser->text, start, start + end);
    if (expr_add_inside(parser->set, parser->text + start, stop - start, &origin, &expr, err) < 0)
        return -1;
    parser_part(parser)->expr = expr;
    parser->expr_count++;
    *ret_next = start + end + strlen(CLOSE);
    return 0;
}

static int parser_parts(struct parser *parser, struct err *err) {
    AUTO_BUF text = BUF_INIT(parser->length);
    for (size_t at = 0; at < parser->length;) {
        if (stands_at(parser->text, parser->length, at, ESCAPED)) {
            buf_puts(&text, OPEN);
            at += strlen(ESCAPED);
        } else if (stands_at(parser->text, parser->length, at, OPEN)) {
            parser_flush(parser, &text);
            if (parser_expr(parser, at, &at, err) < 0)
                return -1;
        } else {
            buf_putc(&text, parser->text[at++]);
        }
    }
    parser_flush(parser, &text);
    return 0;
}

int template_parse(struct arena *arena, struct expr_set *set, const char *text, size_t length,
                   struct span at, struct template **ret, struct err *err) {
    size_t offset = 0;
    if (!template_find(text, length, &offset)) {
        *ret = template_constant(arena, value_string_n(text, length));
        return 0;
    }
    struct template *tmpl = template_make(arena, TEMPLATE_TEXT);
    struct parser parser = {.arena = arena,
                            .set = set,
                            .text = text,
                            .length = length,
                            .origin = {.at = at, .base = at.column},
                            .tmpl = tmpl};
    if (parser_parts(&parser, err) < 0)
        return -1;
    tmpl->source = arena_strndup(arena, text, length);
    if (parser.expr_count == 1 && parser.text_count == 0) {
        tmpl->kind = TEMPLATE_EXPR;
    } else if (parser.expr_count == 0 && tmpl->parts) {
        tmpl->kind = TEMPLATE_CONSTANT;
        template_hold(tmpl, value_string_n(tmpl->parts->text, tmpl->parts->length));
    }
    *ret = tmpl;
    return 0;
}

static int expr_yields_nothing(const struct expr *expr, const char *what, struct err *err) {
    expr_fail(expr, ERR_INVALID, what, err);
    return err_hint(err, "say what stands in its place, as in `%s // \"…\"`", expr_text(expr));
}

static int part_eval(const struct expr *expr, const struct expr_input *input, value *ret,
                     struct err *err) {
    if (expr_eval(expr, input, ret, err) < 0)
        return -1;
    if (input && input->yielded)
        *ret = input->yielded(input->user, expr, *ret);
    return 0;
}

static int part_render(const struct part *part, const struct expr_input *input, struct buf *out,
                       struct err *err) {
    if (!part->expr)
        return buf_append(out, part->text, part->length);
    AUTO_VALUE result = value_none();
    if (part_eval(part->expr, input, &result, err) < 0)
        return -1;
    if (value_is(result, VALUE_NONE))
        return expr_yields_nothing(part->expr, "yields nothing", err);
    if (value_is(result, VALUE_NULL))
        return expr_yields_nothing(part->expr, "is null", err);
    if (value_is(result, VALUE_STRING))
        return buf_append(out, value_text(result), value_text_length(result));
    value_dump(out, result);
    return 0;
}

static int text_render(const struct template *tmpl, const struct expr_input *input, value *ret,
                       struct err *err) {
    AUTO_BUF out = BUF_INIT(RENDERED_MAX);
    for (const struct part *part = tmpl->parts; part; part = part->next) {
        int done = part_render(part, input, &out, err);
        if (out.overflow)
            return err_set(err, ERR_LIMIT, "the text becomes longer than 64 MiB");
        if (done < 0)
            return -1;
    }
    *ret = value_string_n(buf_text(&out), out.length);
    return 0;
}

static int items_render(const struct template *tmpl, const struct expr_input *input, value *ret,
                        struct err *err) {
    value made = tmpl->kind == TEMPLATE_ARRAY ? value_array() : value_object();
    for (const struct item *item = tmpl->items; item; item = item->next) {
        value rendered = value_none();
        if (template_render(item->tmpl, input, &rendered, err) < 0) {
            value_free(made);
            return -1;
        }
        made = tmpl->kind == TEMPLATE_ARRAY ? value_append(made, rendered)
                                            : value_set(made, item->key, rendered);
    }
    *ret = made;
    return 0;
}

int template_render(const struct template *tmpl, const struct expr_input *input, value *ret,
                    struct err *err) {
    switch (tmpl->kind) {
    case TEMPLATE_CONSTANT:
        *ret = value_copy(tmpl->constant);
        return 0;
    case TEMPLATE_EXPR:
        if (part_eval(tmpl->parts->expr, input, ret, err) < 0)
            return -1;
        if (value_is(*ret, VALUE_NONE))
            return expr_yields_nothing(tmpl->parts->expr, "yields nothing", err);
        return 0;
    case TEMPLATE_TEXT:
        return text_render(tmpl, input, ret, err);
    case TEMPLATE_ARRAY:
    case TEMPLATE_OBJECT:
        break;
    }
    return items_render(tmpl, input, ret, err);
}

/* The expression that made the value, where a single one did. */
static int text_fail(const struct template *tmpl, const char *what, struct err *err) {
    if (tmpl->kind == TEMPLATE_EXPR)
        return expr_yields_nothing(tmpl->parts->expr, what, err);
    return err_set(err, ERR_INVALID, "the value %s", what);
}

int template_render_text(const struct template *tmpl, const struct expr_input *input, char **ret,
                         struct err *err) {
    AUTO_VALUE rendered = value_none();
    if (template_render(tmpl, input, &rendered, err) < 0)
        return -1;
    if (value_is(rendered, VALUE_NULL))
        return text_fail(tmpl, "is null", err);
    if (memchr(value_text(rendered), '\0', value_text_length(rendered)))
        return text_fail(tmpl, "holds a NUL character", err);
    *ret = value_to_text(rendered);
    return 0;
}

bool template_is_constant(const struct template *tmpl) {
    if (tmpl->kind == TEMPLATE_EXPR || tmpl->kind == TEMPLATE_TEXT)
        return false;
    for (const struct item *item = tmpl->items; item; item = item->next)
        if (!template_is_constant(item->tmpl))
            return false;
    return true;
}

static void show_json(struct buf *out, const char *text) {
    AUTO_VALUE string = value_string(text);
    value_dump(out, string);
}

static void show_inside(struct buf *out, const struct template *tmpl) {
    if (tmpl->kind == TEMPLATE_CONSTANT)
        value_dump(out, tmpl->constant);
    else if (tmpl->kind == TEMPLATE_EXPR || tmpl->kind == TEMPLATE_TEXT)
        show_json(out, tmpl->source);
    else
        template_show(out, tmpl);
}

void template_show(struct buf *out, const struct template *tmpl) {
    if (tmpl->kind == TEMPLATE_CONSTANT) {
        AUTO_TEXT text = value_to_text(tmpl->constant);
        buf_puts(out, text);
        return;
    }
    if (tmpl->kind == TEMPLATE_EXPR || tmpl->kind == TEMPLATE_TEXT) {
        buf_puts(out, tmpl->source);
        return;
    }
    bool array = tmpl->kind == TEMPLATE_ARRAY;
    buf_putc(out, array ? '[' : '{');
    for (const struct item *item = tmpl->items; item; item = item->next) {
        if (item != tmpl->items)
            buf_puts(out, ", ");
        if (!array) {
            show_json(out, item->key);
            buf_puts(out, ": ");
        }
        show_inside(out, item->tmpl);
    }
    buf_putc(out, array ? ']' : '}');
}

void template_each_expr(const struct template *tmpl,
                        void (*found)(void *user, const struct expr *expr), void *user) {
    for (const struct part *part = tmpl->parts; part; part = part->next)
        if (part->expr)
            found(user, part->expr);
    for (const struct item *item = tmpl->items; item; item = item->next)
        template_each_expr(item->tmpl, found, user);
}
