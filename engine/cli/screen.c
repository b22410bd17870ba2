#include "cli/screen.h"

#include "base/mem.h"
#include "base/text.h"

#define SCREEN_ABOVE_MAX ((size_t)64 << 20)

struct screen {
    struct buf above;
    char *shown; /* NULL: nothing */
    bool prompt;
    size_t columns;
};

struct screen *screen_new(void) {
    struct screen *screen = mem_zalloc(sizeof *screen);
    screen->above = (struct buf)BUF_INIT(SCREEN_ABOVE_MAX);
    return screen;
}

void screen_free(struct screen *screen) {
    if (screen) {
        buf_release(&screen->above);
        mem_free(screen->shown);
        mem_free(screen);
    }
}

void screen_print(struct screen *screen, const char *lines, size_t length) {
    (void)buf_append(&screen->above, lines, length);
}

size_t screen_waiting(const struct screen *screen) {
    return screen->above.length;
}

size_t screen_width(const char *line, size_t length) {
    size_t width = 0;
    while (length > 0) {
        const char *escape = memchr(line, '\x1b', length);
        const size_t plain = escape ? (size_t)(escape - line) : length;
        width += text_width(line, plain);
        line += plain;
        length -= plain;
        while (length > 0 && *line != 'm') {
            line++;
            length--;
        }
        if (length > 0) {
            line++;
            length--;
        }
    }
    return width;
}

/* Terminals wrap what they show anew when they become narrower, so that a line drawn for 80
 * columns takes two rows in 40. */
static size_t rows_of(const char *region, size_t columns) {
    size_t rows = 0;
    for (;;) {
        const size_t length = strcspn(region, "\n");
        const size_t width = screen_width(region, length);
        rows += width <= columns ? 1 : (width + columns - 1) / columns;
        if (region[length] == '\0') {
            return rows;
        }
        region += length + 1;
    }
}

/* From the last row of the region up to its first, and blank below. A cursor at the beginning
 * of a last line that was wrapped stands in its first row. The first row is blanked by itself:
 * tmux takes "blank all below" in the very corner of the window for a wish to keep the page. */
static void erase(const struct screen *screen, size_t columns, struct buf *out) {
    const size_t rows = rows_of(screen->shown, columns);
    size_t up = rows - 1;
    if (!screen->prompt) {
        const char *last = strrchr(screen->shown, '\n');
        up -= rows_of(last ? last + 1 : screen->shown, columns) - 1;
    }
    buf_putc(out, '\r');
    if (up > 0) {
        buf_printf(out, "\x1b[%zuA", up);
    }
    buf_puts(out, rows > 1 ? "\x1b[K\x1b[B\x1b[J\x1b[A" : "\x1b[K");
}

void screen_draw(struct screen *screen, const char *region, bool prompt, size_t columns,
                 struct buf *out) {
    const bool same = screen->columns == columns && screen->prompt == prompt &&
                      text_equal(screen->shown ? screen->shown : "", region);
    if (same && screen->above.length == 0) {
        return;
    }
    if (screen->shown) {
        erase(screen, columns, out);
    }
    (void)buf_append(out, buf_text(&screen->above), screen->above.length);
    buf_clear(&screen->above);
    buf_puts(out, region);
    if (*region && !prompt) {
        buf_putc(out, '\r');
    }
    mem_free(screen->shown);
    screen->shown = *region ? mem_strdup(region) : NULL;
    screen->prompt = prompt;
    screen->columns = columns;
}

void screen_forget(struct screen *screen) {
    mem_free(screen->shown);
    screen->shown = NULL;
}
