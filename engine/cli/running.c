#include "cli/running.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/vec.h"
#include "cli/gauge.h"
#include "cli/lines.h"

#define TAIL_LINES 6
#define TAIL_LINE_MAX 400 /* bytes kept of a line */
#define NAME_COLUMNS 24   /* at most so many for a step's path */

struct entry {
    char *step, *phase;
    char *note; /* shown while it printed nothing: what it waits for */
    int64_t attempt, attempts;
    int64_t started_ns;
    char *tail[TAIL_LINES]; /* oldest first; NULL ones behind */
    size_t tail_count;
    struct buf partial;
    /* Of one that measures something; `measured`, its text, is NULL otherwise. */
    struct step_gauge gauge;
    double *figures;
    char *measured;
};

struct running {
    VEC(struct entry *) entries; /* in order of start */
};

struct running *running_new(void) {
    return mem_zalloc(sizeof(struct running));
}

static void entry_forget_output(struct entry *entry) {
    for (size_t i = 0; i < entry->tail_count; i++) {
        mem_free(entry->tail[i]);
    }
    entry->tail_count = 0;
    buf_clear(&entry->partial);
}

static void entry_forget_gauge(struct entry *entry) {
    mem_free(entry->figures);
    mem_free(entry->measured);
    entry->figures = NULL;
    entry->measured = NULL;
}

static void entry_free(struct entry *entry) {
    entry_forget_output(entry);
    entry_forget_gauge(entry);
    buf_release(&entry->partial);
    mem_free(entry->step);
    mem_free(entry->phase);
    mem_free(entry->note);
    mem_free(entry);
}

void running_free(struct running *running) {
    if (running) {
        for (size_t i = 0; i < running->entries.count; i++) {
            entry_free(running->entries.items[i]);
        }
        vec_release(&running->entries);
        mem_free(running);
    }
}

size_t running_count(const struct running *running) {
    return running->entries.count;
}

static struct entry *running_find(const struct running *running, const char *phase,
                                  const char *step) {
    for (size_t i = 0; i < running->entries.count; i++) {
        struct entry *entry = running->entries.items[i];
        if (text_equal(entry->step, step) && (!phase || text_equal(entry->phase, phase))) {
            return entry;
        }
    }
    return NULL;
}

static struct entry *running_add(struct running *running, const struct event *event) {
    struct entry *entry = running_find(running, event->phase, event->step);
    if (!entry) {
        entry = mem_zalloc(sizeof *entry);
        entry->step = mem_strdup(event->step);
        entry->phase = mem_strdup(event->phase);
        entry->started_ns = event->mono_ns;
        entry->partial = (struct buf)BUF_INIT(TAIL_LINE_MAX);
        *vec_add(&running->entries) = entry;
    }
    return entry;
}

static void running_remove(struct running *running, const struct event *event) {
    for (size_t i = 0; i < running->entries.count; i++) {
        struct entry *entry = running->entries.items[i];
        if (text_equal(entry->step, event->step) && text_equal(entry->phase, event->phase)) {
            entry_free(entry);
            running->entries.count--;
            memmove((void *)&running->entries.items[i], (void *)&running->entries.items[i + 1],
                    (running->entries.count - i) * sizeof entry);
            return;
        }
    }
}

static void entry_note(struct entry *entry, char *note_taken) {
    mem_free(entry->note);
    entry->note = note_taken;
}

static void running_started(struct running *running, const struct event *event) {
    if (line_is_container(event->action)) {
        return;
    }
    struct entry *entry = running_add(running, event);
    entry->attempt = event->attempt;
    entry->attempts = EVENT_HAS(event, attempts) ? event->attempts : 0;
    entry_note(entry, NULL);
    entry_forget_output(entry);
    entry_forget_gauge(entry);
}

static void running_retrying(struct running *running, const struct event *event) {
    struct entry *entry = running_find(running, event->phase, event->step);
    if (entry) {
        AUTO_TEXT delay = text_show_duration(event->delay_ms);
        entry_note(entry, mem_printf("again in %s: %s", delay, event->error ? event->error : ""));
        entry_forget_gauge(entry);
        entry_forget_output(entry);
    }
}

void running_move(struct running *running, int64_t moved_ns) {
    for (size_t i = 0; i < running->entries.count; i++) {
        running->entries.items[i]->started_ns += moved_ns;
    }
}

void running_event(struct running *running, const struct event *event) {
    switch (event->type) {
    case EVENT_STEP_STARTED:
        running_started(running, event);
        return;
    case EVENT_STEP_WAITING:
        entry_note(running_add(running, event), mem_printf("waits: %s", event->reason));
        return;
    case EVENT_STEP_RETRYING:
        running_retrying(running, event);
        return;
    case EVENT_GATE_OPENED: {
        struct entry *entry = running_find(running, event->phase, event->step);
        if (entry) {
            entry_note(entry, mem_strdup("waits for an answer"));
        }
        return;
    }
    case EVENT_STEP_READY: /* a service: nobody waits for its end */
    case EVENT_STEP_SKIPPED:
    case EVENT_STEP_FINISHED:
    case EVENT_STEP_IN_DOUBT:
        running_remove(running, event);
        return;
    default:
        return;
    }
}

/* ---- output ------------------------------------------------------------------------------- */

static void entry_push(struct entry *entry) {
    const char *text = buf_text(&entry->partial);
    if (strspn(text, " \t") < entry->partial.length) {
        if (entry->tail_count == TAIL_LINES) {
            mem_free(entry->tail[0]);
            memmove((void *)entry->tail, (void *)&entry->tail[1],
                    (TAIL_LINES - 1) * sizeof *entry->tail);
            entry->tail_count--;
        }
        entry->tail[entry->tail_count++] = mem_strndup(text, entry->partial.length);
    }
    buf_clear(&entry->partial);
}

/* Only the last lines of what came can ever be shown: the rest is not looked at, so that a step
 * may print gigabytes. */
static const char *last_lines(const char *bytes, size_t length) {
    const char *at = bytes + length;
    for (size_t lines = 0; lines <= TAIL_LINES; lines++) {
        const char *newline = memrchr(bytes, '\n', (size_t)(at - bytes));
        if (!newline) {
            return bytes;
        }
        at = newline;
    }
    return at + 1;
}

void running_output(struct running *running, const char *step, const char *bytes, size_t length) {
    struct entry *entry = running_find(running, NULL, step);
    if (!entry) {
        return;
    }
    const char *end = bytes + length;
    const char *at = last_lines(bytes, length);
    if (at > bytes) {
        buf_clear(&entry->partial);
    }
    while (at < end) {
        const size_t rest = (size_t)(end - at);
        const char *newline = memchr(at, '\n', rest);
        const size_t line = newline ? (size_t)(newline - at) : rest;
        const size_t room = TAIL_LINE_MAX - entry->partial.length;
        (void)buf_append(&entry->partial, at, line < room ? line : room);
        if (newline) {
            entry_push(entry);
        }
        at += line + (newline != NULL);
    }
}

void running_gauge(struct running *running, const char *step, const struct step_gauge *gauge) {
    struct entry *entry = running_find(running, NULL, step);
    if (!entry) {
        return;
    }
    entry_forget_gauge(entry);
    entry->figures = mem_calloc(gauge->count + 1, sizeof *entry->figures);
    for (size_t i = 0; i < gauge->count; i++) {
        entry->figures[i] = gauge->figures[i];
    }
    entry->measured = mem_strdup(gauge->text);
    entry->gauge = (struct step_gauge){
        .figures = entry->figures, .count = gauge->count, .text = entry->measured};
}

/* A program that draws its own progress ends lines with a carriage return: what stands behind
 * the last one counts. */
static void put_line(struct buf *out, const char *text, size_t length, size_t columns,
                     bool unicode) {
    while (length > 0 && text[length - 1] == '\r') {
        length--;
    }
    const char *back = memrchr(text, '\r', length);
    if (back) {
        length -= (size_t)(back + 1 - text);
        text = back + 1;
    }
    if (columns > 0) {
        text_fit(out, text, length, columns, unicode);
    } else {
        text_escape(out, text, length, false);
    }
}

void running_tail(const struct running *running, const char *phase, const char *step,
                  const struct text_style *style, struct buf *out) {
    struct entry *entry = running_find(running, phase, step);
    if (!entry) {
        return;
    }
    entry_push(entry);
    for (size_t i = 0; i < entry->tail_count; i++) {
        line_color(out, style, "2", style->unicode ? "    │ " : "    | ");
        put_line(out, entry->tail[i], strlen(entry->tail[i]), 0, style->unicode);
        buf_putc(out, '\n');
    }
}

/* ---- drawing ------------------------------------------------------------------------------ */

static const char *spinner(bool unicode, unsigned frame) {
    static const char *const signs[] = {"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"};
    static const char *const plain[] = {"|", "/", "-", "\\"};
    return unicode ? signs[frame % 10] : plain[frame % 4];
}

static void pad_to(struct buf *out, size_t width, size_t columns) {
    for (; width < columns; width++) {
        buf_putc(out, ' ');
    }
}

/* Columns for the names, so that what follows them stands in one column. */
static size_t name_columns(const struct running *running, size_t columns, size_t rows) {
    size_t widest = 0;
    for (size_t i = 0; i < running->entries.count && i < rows; i++) {
        const char *step = running->entries.items[i]->step;
        const size_t width = text_width(step, strlen(step));
        widest = width > widest ? width : widest;
    }
    const size_t most = columns / 2 < NAME_COLUMNS ? columns / 2 : NAME_COLUMNS;
    return widest < most ? widest : most;
}

static void entry_message(const struct entry *entry, size_t columns, bool unicode,
                          struct buf *out) {
    if (entry->measured) {
        gauge_fit(out, &entry->gauge, columns, unicode);
    } else if (entry->partial.length > 0) {
        put_line(out, entry->partial.data, entry->partial.length, columns, unicode);
    } else if (entry->tail_count > 0) {
        const char *last = entry->tail[entry->tail_count - 1];
        put_line(out, last, strlen(last), columns, unicode);
    } else if (entry->note) {
        text_fit(out, entry->note, strlen(entry->note), columns, unicode);
    }
}

/* `⠹ restore   1m 12s  last line`. Parts that a narrow window has no room for are left out. */
static void entry_draw(const struct entry *entry, const struct text_style *style, size_t columns,
                       size_t names, int64_t now_ns, unsigned frame, struct buf *out) {
    AUTO_BUF name = BUF_INIT(4096);
    text_fit(&name, entry->step, strlen(entry->step), names, style->unicode);
    line_color(out, style, "36", spinner(style->unicode, frame));
    buf_printf(out, " %s", buf_text(&name));
    pad_to(out, text_width(buf_text(&name), name.length), names);
    size_t used = 2 + names;
    AUTO_BUF time = BUF_INIT(256);
    buf_puts(&time, "  ");
    line_elapsed(&time, (now_ns - entry->started_ns) / NS_PER_MS);
    if (entry->attempt > 1 && entry->attempts > 0) {
        buf_printf(&time, " %" PRId64 "/%" PRId64, entry->attempt, entry->attempts);
    }
    if (used + time.length <= columns) {
        buf_puts(out, buf_text(&time));
        const size_t padded = time.length < 8 && used + 8 <= columns ? 8 : time.length;
        pad_to(out, time.length, padded);
        used += padded;
    }
    if (used + 10 <= columns) {
        AUTO_BUF message = BUF_INIT(65536);
        entry_message(entry, columns - used - 2, style->unicode, &message);
        if (message.length > 0) {
            buf_puts(out, "  ");
            line_color(out, style, "2", buf_text(&message));
        }
    }
    buf_putc(out, '\n');
}

void running_draw(const struct running *running, const struct text_style *style, size_t columns,
                  size_t rows, int64_t now_mono_ns, unsigned frame, struct buf *out) {
    const size_t count = running->entries.count;
    const size_t shown = count <= rows ? count : rows - 1;
    const size_t names = name_columns(running, columns, shown);
    for (size_t i = 0; i < shown; i++) {
        entry_draw(running->entries.items[i], style, columns, names, now_mono_ns, frame, out);
    }
    if (shown < count) {
        AUTO_TEXT more = mem_printf("  and %zu more", count - shown);
        text_fit(out, more, strlen(more), columns, style->unicode);
        buf_putc(out, '\n');
    }
}
