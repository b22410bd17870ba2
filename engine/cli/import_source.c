#include "cli/import_source.h"

#include <ctype.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "base/vec.h"

#define FRONT_MATTER_LINES 200

static bool is_text(uint32_t c) {
    if (c == '\n' || c == '\t')
        return true;
    return c >= 0x20 && (c < 0x7F || c >= 0xA0) && (c & 0xFFFE) != 0xFFFE && c != 0xFEFF;
}

/* As UTF-8 with lines that end with a newline; what is no text becomes U+FFFD. */
static void clean(struct buf *out, const char *bytes, size_t length, bool *ret_mended) {
    size_t at = length >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    while (at < length) {
        if (bytes[at] == '\r') {
            at += at + 1 < length && bytes[at + 1] == '\n';
            at++;
            buf_putc(out, '\n');
            continue;
        }
        uint32_t c = 0;
        const size_t width = text_decode(bytes + at, length - at, &c);
        if (width > 0 && is_text(c)) {
            buf_append(out, bytes + at, width);
        } else {
            buf_puts(out, "\uFFFD");
            *ret_mended = true;
        }
        at += width ? width : 1;
    }
    if (out->length > 0 && out->data[out->length - 1] != '\n')
        buf_putc(out, '\n');
}

static void find_lines(struct source *source) {
    VEC(uint32_t) starts = {0};
    for (size_t at = 0; at < source->length;) {
        *vec_add(&starts) = (uint32_t)at;
        const char *end = memchr(source->text + at, '\n', source->length - at);
        at = end ? (size_t)(end - source->text) + 1 : source->length;
    }
    source->lines = (uint32_t)starts.count;
    *vec_add(&starts) = (uint32_t)source->length;
    uint32_t *kept = arena_alloc(source->arena, starts.count * sizeof *kept);
    memcpy(kept, starts.items, starts.count * sizeof *kept);
    source->starts = kept;
    vec_release(&starts);
}

const char *source_line_text(const struct source *source, uint32_t line, size_t *ret_length) {
    const char *text = source->text + source->starts[line - 1];
    const char *end = source->text + source->starts[line];
    while (end > text && end[-1] == '\n')
        end--;
    *ret_length = (size_t)(end - text);
    return text;
}

static bool is_setting(const char *line, size_t length) {
    size_t at = 0;
    while (at < length && (isalnum((unsigned char)line[at]) || strchr("_- ", line[at])))
        at++;
    return length == 0 || line[0] == ' ' || line[0] == '-' || line[0] == '#' ||
           (at > 0 && at < length && line[at] == ':');
}

/* YAML between two lines `---` at the beginning is about the document and no part of it. */
static void skip_front_matter(struct source *source) {
    size_t length = 0;
    if (source->lines < 2 || source_line_text(source, 1, &length)[0] != '-' || length != 3 ||
        memcmp(source->text, "---", 3) != 0)
        return;
    for (uint32_t line = 2; line <= source->lines && line < FRONT_MATTER_LINES; line++) {
        const char *text = source_line_text(source, line, &length);
        if (length == 3 && memcmp(text, "---", 3) == 0) {
            source->skipped = line > 2 ? source->starts[line] : 0;
            return;
        }
        if (!is_setting(text, length))
            return;
    }
}

static int source_bytes(const char *path, char **ret, size_t *ret_length, struct err *err) {
    if (text_equal(path, "-"))
        return file_read_open(STDIN_FILENO, "standard input", SOURCE_MAX, ret, ret_length, err);
    return file_read(path, SOURCE_MAX, ret, ret_length, err);
}

int source_read(const char *path, const struct patterns *patterns, struct source **ret,
                struct err *err) {
    char *bytes = NULL;
    size_t length = 0;
    if (source_bytes(path, &bytes, &length, err) < 0)
        return -1;
    struct arena *arena = arena_new();
    struct source *source = arena_alloc(arena, sizeof *source);
    source->arena = arena;
    source->name = text_equal(path, "-") ? "standard input" : path;
    struct buf text = BUF_INIT(4 * SOURCE_MAX);
    clean(&text, bytes, length, &source->mended);
    mem_wipe_free(bytes, length);
    source_hide(source, patterns, &text);
    source->text = arena_strndup(arena, buf_text(&text), text.length);
    source->length = text.length;
    buf_release(&text);
    find_lines(source);
    skip_front_matter(source);
    *ret = source;
    return 0;
}

void source_free(struct source *source) {
    if (source)
        arena_free(source->arena);
}

uint32_t source_line(const struct source *source, const char *at) {
    if (at < source->text || at > source->text + source->length || source->lines == 0)
        return 0;
    const size_t offset = (size_t)(at - source->text);
    uint32_t low = 0;
    uint32_t high = source->lines;
    while (high - low > 1) {
        const uint32_t middle = low + (high - low) / 2;
        if (source->starts[middle] <= offset)
            low = middle;
        else
            high = middle;
    }
    return low + 1;
}

const struct secret *source_secret(const struct source *source, const char *text,
                                   size_t *ret_length) {
    if (*text != SECRET_MARK)
        return NULL;
    size_t index = 0;
    size_t at = 1;
    for (; at < 9 && isdigit((unsigned char)text[at]); at++)
        index = index * 10 + (size_t)(text[at] - '0');
    if (at == 1 || text[at] != SECRET_MARK || index >= source->secret_count)
        return NULL;
    *ret_length = at + 1;
    return &source->secrets[index];
}

char *source_plain(const struct source *source, struct arena *arena, const char *text,
                   size_t length) {
    AUTO_BUF out = BUF_INIT(4 * SOURCE_MAX);
    for (size_t at = 0; at < length;) {
        size_t width = 1;
        const struct secret *secret = source_secret(source, text + at, &width);
        if (secret)
            buf_printf(&out, "<secret %s>", secret->name);
        else if (text[at] != STRONG_BEGIN && text[at] != STRONG_END && text[at] != SECRET_MARK)
            buf_putc(&out, text[at]);
        at += width;
    }
    return arena_strndup(arena, buf_text(&out), out.length);
}
