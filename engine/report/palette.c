#include "report/palette.h"

const struct ink_colors palette[INK_COUNT] = {
    [INK_READ] = {"read", {"#eaf5ec", "#4f8a5b", "#14361c"}, {"#16301d", "#5fae75", "#d9f2df"}},
    [INK_IDEMPOTENT] = {"idempotent",
                        {"#fdf4d7", "#94731a", "#3d3005"},
                        {"#33290a", "#c9a53a", "#f7ebc4"}},
    [INK_ONCE] = {"once", {"#fdeee6", "#b8632f", "#47210a"}, {"#3a2212", "#dd8f5c", "#fde2d2"}},
    [INK_DESTROYS] = {"destroys",
                      {"#fbd3d0", "#b3261e", "#4a0d08"},
                      {"#551713", "#ff6b5e", "#ffdedb"}},
    [INK_GATE] = {"gate", {"#e4edfd", "#3b6fc4", "#0d2a57"}, {"#14264a", "#6b9bef", "#d8e5ff"}},
    [INK_UNDO] = {"undo", {"#f3effa", "#7e6aa8", "#332255"}, {"#272038", "#a18fd0", "#e6ddff"}},
    [INK_LIMIT] = {"limit", {"#b3261e", "#b3261e", "#ffffff"}, {"#ff7b70", "#ff7b70", "#2a0500"}},
    [INK_SKIPPED] = {"skipped",
                     {"#f1f1f1", "#808080", "#555555"},
                     {"#22252a", "#777e88", "#a6adb8"}},
    [INK_GROUP] = {"group", {"#f7f8fa", "#808893", "#3a3f47"}, {"#161b22", "#6e7681", "#c3cad3"}},
    [INK_FLOW] = {"flow", {"#5f6773", "#5f6773", "#5f6773"}, {"#9aa4b2", "#9aa4b2", "#9aa4b2"}},
};

const struct ink_colors palette_page = {
    "page", {"#ffffff", "#d0d4da", "#1c2024"}, {"#0d1117", "#3a414b", "#e2e6ec"}};

static void tones_css(struct buf *out, bool dark) {
    for (size_t i = 0; i < INK_COUNT; i++) {
        const struct ink_colors *ink = &palette[i];
        const struct ink_tone *tone = dark ? &ink->dark : &ink->light;
        buf_printf(out, "svg .%s path,svg .%s polygon,svg .%s ellipse{stroke:%s}\n", ink->name,
                   ink->name, ink->name, tone->line);
        if (i == INK_FLOW) {
            buf_printf(out, "svg .flow polygon,svg .flow ellipse{fill:%s}\n", tone->fill);
            continue;
        }
        buf_printf(out, "svg .%s path,svg .%s polygon{fill:%s}svg .%s text{fill:%s}\n", ink->name,
                   ink->name, tone->fill, ink->name, tone->text);
    }
}

void palette_css(struct buf *out) {
    tones_css(out, false);
    buf_puts(out, "@media (prefers-color-scheme: dark){\n");
    tones_css(out, true);
    buf_puts(out, "}\n");
}
