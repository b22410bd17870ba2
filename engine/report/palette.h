/* The colours of drawings and pages, for light and dark: text on its fill, lines on the page. A
 * test computes the contrast of each pair. */
#ifndef REPORT_PALETTE_H
#define REPORT_PALETTE_H

#include "base/buf.h"

enum ink {
    INK_READ, /* steps, by what they do to the world */
    INK_IDEMPOTENT,
    INK_ONCE,
    INK_DESTROYS,
    INK_GATE,
    INK_UNDO,
    INK_LIMIT, /* the point of no return */
    INK_SKIPPED,
    INK_GROUP,
    INK_FLOW, /* arrows: `fill` and `text` are not used */
    INK_COUNT,
};

struct ink_tone {
    const char *fill, *line, *text;
};

struct ink_colors {
    const char *name; /* its class in a drawing */
    struct ink_tone light, dark;
};

extern const struct ink_colors palette[INK_COUNT];
/* Pages: background, faint lines, text. */
extern const struct ink_colors palette_page;
/* Arrows where nobody knows what they stand on. */
#define PALETTE_NEUTRAL "#7a828e"

/* CSS of a drawing by Graphviz, for light and dark. */
void palette_css(struct buf *out);

#endif
