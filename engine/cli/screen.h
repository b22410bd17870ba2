/* The bottom of a terminal: a region redrawn in place, and lines that scroll by above it.
 * It makes bytes and writes nothing itself. */
#ifndef CLI_SCREEN_H
#define CLI_SCREEN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

struct screen;
struct screen *screen_new(void);
void screen_free(struct screen *screen);

/* Whole lines, escaped already, to scroll by with the next drawing. */
void screen_print(struct screen *screen, const char *lines, size_t length);
size_t screen_waiting(const struct screen *screen); /* bytes that wait to scroll by */

/* Appends to `out` what turns the terminal into what is wanted, nothing where it shows that
 * already. `region` is lines joined by newlines, each no wider than the terminal, "" for none.
 * With `prompt` the cursor stays behind its last character; else at the beginning of its last
 * line, so that keys echoed by the terminal are overwritten. */
void screen_draw(struct screen *screen, const char *region, bool prompt, size_t columns,
                 struct buf *out);
/* Columns of a line that may hold colour sequences (ESC [ … m), which take none. */
size_t screen_width(const char *line, size_t length);

/* What is shown stays where it is and the cursor stands on a fresh line: a person typed a line,
 * or another program had the terminal. */
void screen_forget(struct screen *screen);

#endif
