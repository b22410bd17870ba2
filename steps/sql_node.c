#include "sql_node.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/vec.h"

#define NAME_CEILING ((size_t)64 << 10)

/* ---- the walk ----------------------------------------------------------------------------- */

struct walk {
    VEC(const ProtobufCMessage *) open;
};

static void push_field(struct walk *walk, const ProtobufCMessage *message,
                       const ProtobufCFieldDescriptor *field) {
    const char *base = (const char *)message;
    if (field->type != PROTOBUF_C_TYPE_MESSAGE)
        return;
    if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) &&
        *(const uint32_t *)(const void *)(base + field->quantifier_offset) != field->id)
        return;
    const void *member = base + field->offset;
    if (field->label != PROTOBUF_C_LABEL_REPEATED) {
        const ProtobufCMessage *child = *(ProtobufCMessage *const *)member;
        if (child)
            *vec_add(&walk->open) = child;
        return;
    }
    size_t count = *(const size_t *)(const void *)(base + field->quantifier_offset);
    ProtobufCMessage *const *children = *(ProtobufCMessage *const *const *)member;
    for (size_t i = 0; i < count; i++)
        *vec_add(&walk->open) = children[i];
}

/* The first is pushed last, so that it comes off first. */
static void push_children(struct walk *walk, const ProtobufCMessage *message) {
    size_t first = walk->open.count;
    for (unsigned i = 0; i < message->descriptor->n_fields; i++)
        push_field(walk, message, &message->descriptor->fields[i]);
    for (size_t i = first, k = walk->open.count; i + 1 < k; i++) {
        const ProtobufCMessage *other = walk->open.items[--k];
        walk->open.items[k] = walk->open.items[i];
        walk->open.items[i] = other;
    }
}

void sql_walk(const ProtobufCMessage *root,
              bool (*visit)(void *user, const ProtobufCMessage *message), void *user) {
    struct walk walk = {0};
    *vec_add(&walk.open) = root;
    while (walk.open.count > 0) {
        const ProtobufCMessage *message = walk.open.items[--walk.open.count];
        if (visit(user, message))
            push_children(&walk, message);
    }
    vec_release(&walk.open);
}

/* ---- options ------------------------------------------------------------------------------ */

const PgQuery__DefElem *sql_option_find(PgQuery__Node *const *options, size_t count,
                                        const char *name) {
    for (size_t i = 0; i < count; i++) {
        const PgQuery__Node *option = options[i];
        if (option->node_case == PG_QUERY__NODE__NODE_DEF_ELEM &&
            strcasecmp(option->def_elem->defname, name) == 0)
            return option->def_elem;
    }
    return NULL;
}

bool sql_option_is_off(const PgQuery__DefElem *option) {
    const PgQuery__Node *arg = option->arg;
    if (!arg)
        return false;
    if (arg->node_case == PG_QUERY__NODE__NODE_INTEGER)
        return arg->integer->ival == 0;
    if (arg->node_case == PG_QUERY__NODE__NODE_BOOLEAN)
        return !arg->boolean->boolval;
    return arg->node_case == PG_QUERY__NODE__NODE_STRING &&
           (strcasecmp(arg->string->sval, "false") == 0 ||
            strcasecmp(arg->string->sval, "off") == 0);
}

bool sql_option_is_on(PgQuery__Node *const *options, size_t count, const char *name) {
    const PgQuery__DefElem *option = sql_option_find(options, count, name);
    return option && !sql_option_is_off(option);
}

/* ---- names -------------------------------------------------------------------------------- */

const char *sql_name_part(PgQuery__Node *const *parts, size_t index) {
    const PgQuery__Node *part = parts[index];
    return part->node_case == PG_QUERY__NODE__NODE_STRING ? part->string->sval : "";
}

const char *sql_name_builtin(PgQuery__Node *const *parts, size_t count) {
    if (count == 1)
        return sql_name_part(parts, 0);
    if (count == 2 && text_equal(sql_name_part(parts, 0), "pg_catalog"))
        return sql_name_part(parts, 1);
    return NULL;
}

static bool is_plain(const char *word) {
    size_t rest = strspn(word, "abcdefghijklmnopqrstuvwxyz_0123456789$");
    return *word && !word[rest] && !strchr("0123456789$", *word);
}

static void put_word(struct buf *name, const char *word) {
    if (name->length > 0)
        (void)buf_putc(name, '.');
    if (is_plain(word)) {
        (void)buf_puts(name, word);
        return;
    }
    (void)buf_putc(name, '"');
    for (; *word; word++) {
        (void)buf_putc(name, *word);
        if (*word == '"')
            (void)buf_putc(name, '"');
    }
    (void)buf_putc(name, '"');
}

char *sql_name_join(PgQuery__Node *const *parts, size_t count) {
    AUTO_BUF name = BUF_INIT(NAME_CEILING);
    for (size_t i = 0; i < count; i++) {
        const char *part = sql_name_part(parts, i);
        if (*part)
            put_word(&name, part);
    }
    return mem_strdup(buf_text(&name));
}

char *sql_name_relation(const PgQuery__RangeVar *relation) {
    AUTO_BUF name = BUF_INIT(NAME_CEILING);
    if (relation->schemaname && *relation->schemaname)
        put_word(&name, relation->schemaname);
    put_word(&name, relation->relname);
    return mem_strdup(buf_text(&name));
}

char *sql_name_word(const char *word) {
    AUTO_BUF name = BUF_INIT(NAME_CEILING);
    put_word(&name, word);
    return mem_strdup(buf_text(&name));
}

static char *name_list(const PgQuery__List *list) {
    if (list->n_items > 0 && list->items[0]->node_case == PG_QUERY__NODE__NODE_TYPE_NAME)
        return sql_name_object(list->items[0]);
    return sql_name_join(list->items, list->n_items);
}

char *sql_name_object(const PgQuery__Node *object) {
    if (!object)
        return mem_strdup("");
    switch (object->node_case) {
    case PG_QUERY__NODE__NODE_STRING:
        return sql_name_word(object->string->sval);
    case PG_QUERY__NODE__NODE_LIST:
        return name_list(object->list);
    case PG_QUERY__NODE__NODE_TYPE_NAME:
        return sql_name_join(object->type_name->names, object->type_name->n_names);
    case PG_QUERY__NODE__NODE_OBJECT_WITH_ARGS:
        return sql_name_join(object->object_with_args->objname,
                             object->object_with_args->n_objname);
    case PG_QUERY__NODE__NODE_RANGE_VAR:
        return sql_name_relation(object->range_var);
    case PG_QUERY__NODE__NODE_ROLE_SPEC:
        return sql_name_word(object->role_spec->rolename);
    default:
        return mem_strdup("");
    }
}
