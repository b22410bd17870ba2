/* A Markdown document's bytes, made clean: UTF-8 without control characters, lines that end with a
 * newline, and in place of each secret a mark, so that its value goes no further than here. */
#ifndef CLI_IMPORT_SOURCE_H
#define CLI_IMPORT_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/mem.h"
#include "cli/import_pattern.h"

/* Stand in the text where nothing else can: control characters were taken out. A secret is
 * SECRET_MARK, its number in digits, SECRET_MARK. */
#define SECRET_MARK '\x01'
#define STRONG_BEGIN '\x02'
#define STRONG_END '\x03'

#define SOURCE_MAX ((size_t)32 << 20) /* bytes */

struct secret {
    const char *name; /* an identifier, unique */
    const char *env;  /* the variable that it is to come from */
};

struct source {
    const char *name; /* for messages; borrowed */
    struct arena *arena;
    const char *text;
    size_t length;
    size_t skipped;         /* bytes of front matter at its beginning */
    const uint32_t *starts; /* of lines; `lines` + 1 of them */
    uint32_t lines;
    struct secret *secrets;
    size_t secret_count;
    bool mended; /* there were bytes that are not text */
};

/* `path` or `-`. The caller frees with source_free. */
int source_read(const char *path, const struct patterns *patterns, struct source **ret,
                struct err *err) MUST_USE;
void source_free(struct source *source);
/* Of a place in the text, from 1; 0 where it is not in it. */
uint32_t source_line(const struct source *source, const char *at);
/* One line, without its newline. */
const char *source_line_text(const struct source *source, uint32_t line, size_t *ret_length);

/* The text with marks of secrets as people read them: <secret NAME>. */
char *source_plain(const struct source *source, struct arena *arena, const char *text,
                   size_t length);
/* The secret whose mark stands at `text`, and how long the mark is; NULL where there is none. */
const struct secret *source_secret(const struct source *source, const char *text,
                                   size_t *ret_length);

/* In import_secret.c: replaces values by marks; fills `secrets`. */
void source_hide(struct source *source, const struct patterns *patterns, struct buf *text);

#endif
