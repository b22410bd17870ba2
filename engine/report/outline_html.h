/* A plan as one page that needs nothing else: for light and dark, for screen and paper. */
#ifndef REPORT_OUTLINE_HTML_H
#define REPORT_OUTLINE_HTML_H

#include "value/value.h"

/* The drawn graph. */
struct outline_picture {
    const char *svg;       /* as graph_svg() makes it for a page, or NULL */
    const char *svg_lacks; /* then: why there is none */
};

void outline_html(struct buf *out, value outline, const struct outline_picture *picture);

#endif
