/* The steps that run now, with the last of what they printed. */
#ifndef CLI_RUNNING_H
#define CLI_RUNNING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "journal/event.h"
#include "report/text.h"
#include "step.h"

struct running;
struct running *running_new(void);
void running_free(struct running *running);

/* Takes steps in and out as events say. */
void running_event(struct running *running, const struct event *event);
/* All began so much later on the clock that is drawn by. */
void running_move(struct running *running, int64_t moved_ns);
/* Bytes that a running step printed; others are ignored. */
void running_output(struct running *running, const char *step, const char *bytes, size_t length);
/* How a running step goes, in place of what it prints. */
void running_gauge(struct running *running, const char *step, const struct step_gauge *gauge);
size_t running_count(const struct running *running);

/* The last lines that the step printed, escaped and indented, for its failure. */
void running_tail(const struct running *running, const char *phase, const char *step,
                  const struct text_style *style, struct buf *out);
/* At most `rows` lines, each no wider than `columns`: what runs, since when, and the last that
 * it printed. Each line ends with a newline. `frame` turns the spinner. */
void running_draw(const struct running *running, const struct text_style *style, size_t columns,
                  size_t rows, int64_t now_mono_ns, unsigned frame, struct buf *out);

#endif
