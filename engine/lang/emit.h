/* YAML as people go on writing it: block style, literal text for scripts, comments. libyaml's
 * emitter knows no comments, so this writes lines; what it writes, lang/yaml.c reads back. */
#ifndef LANG_EMIT_H
#define LANG_EMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct emit {
    struct buf *out;
    unsigned indent;
    bool dash;     /* the next line begins an item */
    bool more;     /* something stands within the braces */
    uint32_t line; /* that the next line will have, from 1 */
    /* Each text that is written, as it is; NULL: nobody listens. */
    void (*wrote)(void *user, const char *text);
    void *user;
};

struct emit emit_begin(struct buf *out);

/* `key: text`; text of several lines becomes a literal block. */
void emit_text(struct emit *emit, const char *key, const char *text);
/* `key: word`, where `word` is YAML as it stands, such as 5 or true. */
void emit_word(struct emit *emit, const char *key, const char *word);
/* `key:` of what is nested in it, until emit_close. */
void emit_open(struct emit *emit, const char *key);
/* `- ` of a mapping, until emit_close. */
void emit_open_item(struct emit *emit);
void emit_close(struct emit *emit);
/* `- text`. */
void emit_item(struct emit *emit, const char *text);
/* `# text`, each of its lines; what a terminal must not see is escaped. */
void emit_comment(struct emit *emit, const char *text);
void emit_blank(struct emit *emit);

/* `key: {key: text, key: word}` on one line. */
void emit_flow_open(struct emit *emit, const char *key);
void emit_flow_text(struct emit *emit, const char *key, const char *text);
void emit_flow_word(struct emit *emit, const char *key, const char *word);
void emit_flow_list(struct emit *emit, const char *key, const char *const *texts, size_t count);
void emit_flow_close(struct emit *emit);

/* The scalar alone on one line, such as a key, quoted where it must be. */
void emit_scalar(struct buf *out, const char *text);

#endif
