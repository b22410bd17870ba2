#include "cli/gauge.h"

#include <math.h>

#include "base/text.h"

#define SPARK_LEAST 8 /* columns; a narrower one says nothing */
#define SPARK_MOST 40
#define LEVELS 8

static double largest(const double *figures, size_t count) {
    double most = 0;
    for (size_t i = 0; i < count; i++) {
        most = figures[i] > most ? figures[i] : most;
    }
    return most;
}

static size_t level_of(double figure, double most) {
    if (most <= 0 || figure <= 0) {
        return 0;
    }
    const size_t level = (size_t)(figure / most * LEVELS);
    return level < LEVELS ? level : LEVELS - 1;
}

void gauge_spark(struct buf *out, const double *figures, size_t count, size_t columns,
                 bool unicode) {
    static const char *const blocks[LEVELS] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    static const char *const plain[LEVELS] = {"_", ".", ":", "-", "=", "+", "*", "#"};
    const size_t first = count > columns ? count - columns : 0;
    const double most = largest(figures + first, count - first);
    for (size_t i = first; i < count; i++) {
        if (isnan(figures[i])) {
            buf_puts(out, unicode ? "×" : "x");
        } else {
            buf_puts(out, (unicode ? blocks : plain)[level_of(figures[i], most)]);
        }
    }
}

/* A third of the room at most: the figures count for more than their picture. */
static size_t spark_columns(size_t count, size_t columns) {
    size_t most = columns / 3 > SPARK_MOST ? SPARK_MOST : columns / 3;
    most = count < most ? count : most;
    return columns < SPARK_LEAST * 3 ? 0 : most;
}

void gauge_fit(struct buf *out, const struct step_gauge *gauge, size_t columns, bool unicode) {
    const size_t spark = spark_columns(gauge->count, columns);
    const size_t used = spark > 0 ? spark + 2 : 0;
    if (spark > 0) {
        gauge_spark(out, gauge->figures, gauge->count, spark, unicode);
        buf_puts(out, "  ");
    }
    text_fit(out, gauge->text, strlen(gauge->text), columns - used, unicode);
}

void gauge_line(struct buf *out, const char *step, const struct step_gauge *gauge,
                const struct line_style *style) {
    const bool signs = style->live && style->text.unicode;
    const size_t columns = style->text.columns;
    const size_t used = text_width(step, strlen(step)) + (signs ? 4 : 11);
    const size_t width = text_width(gauge->text, strlen(gauge->text));
    line_color(out, &style->text, "36", signs ? "≈" : "watch");
    buf_puts(out, signs ? " " : "    ");
    text_escape(out, step, strlen(step), false);
    buf_puts(out, "  ");
    if (style->live && columns > used + SPARK_LEAST) {
        const size_t room = columns - used - 1;
        const size_t spark = room < SPARK_MOST ? room : SPARK_MOST;
        gauge_spark(out, gauge->figures, gauge->count, spark, style->text.unicode);
        const size_t drawn = gauge->count < spark ? gauge->count : spark;
        if (used + drawn + 2 + width >= columns) {
            buf_putc(out, '\n');
            line_block(out, gauge->text, "    ", columns);
            return;
        }
        buf_puts(out, "  ");
    }
    text_escape(out, gauge->text, strlen(gauge->text), false);
    buf_putc(out, '\n');
}
