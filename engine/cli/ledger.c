#include "cli/ledger.h"

#include <inttypes.h>

#include "base/mem.h"
#include "base/text.h"
#include "cli/lines.h"

#define HANDLERS_BRIEF ((size_t)20)
#define NAMES_BRIEF ((size_t)8)
#define NAME_COLUMNS ((size_t)40)
#define WHAT_COLUMNS ((size_t)100) /* where there is no window */
#define WHAT_LEAST ((size_t)20)    /* with less room it goes to a line of its own */

struct ledger_page {
    struct buf *out;
    const struct text_style *style;
    enum ledger_how how;
    value handlers;
    size_t count, shown;
    bool has_times;
    size_t number_width, name_width, name_most, time_width;
};

static int64_t number_of(value object, const char *key, int64_t fallback) {
    AUTO_VALUE item = value_get(object, key);
    int64_t number;
    return value_as_integer(item, &number) ? number : fallback;
}

/* ---- how long -------------------------------------------------------------------------------- */

static char *time_text(value handler) {
    const int64_t expected = number_of(handler, "expected_ms", -1);
    const int64_t limit = number_of(handler, "limit_ms", -1);
    AUTO_TEXT shown = text_show_duration(expected >= 0 ? expected : limit >= 0 ? limit : 0);
    if (expected >= 0)
        return mem_printf("about %s", shown);
    return limit >= 0 ? mem_printf("at most %s", shown) : mem_strdup("not known");
}

/* Behind "in this order": the whole of it. */
static void put_total(struct buf *out, value ledger, size_t count) {
    const int64_t limit = number_of(ledger, "limit_ms", -1);
    const size_t unknown = (size_t)number_of(ledger, "unknown", 0);
    AUTO_TEXT about = text_show_duration(number_of(ledger, "expected_ms", 0));
    AUTO_TEXT most = text_show_duration(limit >= 0 ? limit : 0);
    if (unknown >= count) {
        buf_printf(out, "%s%s", limit >= 0 ? ", in at most " : "; how long it takes is not known",
                   limit >= 0 ? most : "");
        return;
    }
    buf_printf(out, ", in about %s", about);
    if (unknown > 0)
        buf_printf(out, ", not counting %zu whose time is not known", unknown);
    if (limit >= 0)
        buf_printf(out, ", at most %s", most);
}

/* ---- handlers -------------------------------------------------------------------------------- */

/* The first line of what the handler does, in a few words. */
static void put_what(struct buf *out, value handler) {
    AUTO_VALUE title = value_get(handler, "title");
    AUTO_VALUE running = value_get(handler, "running");
    AUTO_VALUE plan = value_get(handler, "plan");
    AUTO_VALUE line = value_at(plan, 0);
    AUTO_VALUE label = value_at(line, 0);
    AUTO_VALUE text = value_at(line, 1);
    if (value_truth(running))
        buf_puts(out, "still running: ");
    if (value_text_length(title) > 0) {
        (void)buf_append(out, value_text(title), value_text_length(title));
        return;
    }
    if (!value_is(line, VALUE_ARRAY))
        return;
    AUTO_TEXT words = value_to_text(text);
    const size_t length = strcspn(words, "\n");
    buf_printf(out, "%s: ", value_text(label));
    (void)buf_append(out, words, length);
    if (words[length] != '\0' || value_count(plan) > 1)
        buf_puts(out, " …");
}

static void put_padded(struct buf *out, const char *text, size_t columns) {
    buf_puts(out, text);
    for (size_t width = text_width(text, strlen(text)); width < columns; width++)
        buf_putc(out, ' ');
}

static void put_plan(const struct ledger_page *page, value handler) {
    AUTO_VALUE title = value_get(handler, "title");
    AUTO_VALUE plan = value_get(handler, "plan");
    if (value_text_length(title) > 0)
        line_block(page->out, value_text(title), "       ", page->style->columns);
    for (size_t i = 0; value_is(plan, VALUE_ARRAY) && i < value_count(plan); i++) {
        AUTO_VALUE line = value_at(plan, i);
        AUTO_VALUE label = value_at(line, 0);
        AUTO_VALUE text = value_at(line, 1);
        AUTO_TEXT words = value_to_text(text);
        AUTO_TEXT whole = mem_printf("%s: %s", value_text(label), words);
        line_block(page->out, whole, "       ", 0);
    }
}

/* Ends a line without the blanks of columns that held nothing. */
static void end_row(struct buf *out) {
    while (out->length > 0 && out->data[out->length - 1] == ' ')
        out->data[--out->length] = '\0';
    buf_putc(out, '\n');
}

/* What is done, beside name and time where there is room and else below them. */
static void put_what_cut(const struct ledger_page *page, value handler, size_t used) {
    const size_t columns = page->style->columns;
    AUTO_BUF what = BUF_INIT(1 << 16);
    put_what(&what, handler);
    if (what.length > 0 && columns > 0 && used + 2 + WHAT_LEAST >= columns) {
        end_row(page->out);
        buf_puts(page->out, "       ");
        used = 7;
    } else {
        buf_puts(page->out, "  ");
        used += 2;
    }
    const size_t room = columns == 0 ? WHAT_COLUMNS : columns > used + 1 ? columns - used - 1 : 8;
    text_fit(page->out, buf_text(&what), what.length, room, page->style->unicode);
    end_row(page->out);
}

static void put_name(const struct ledger_page *page, value handler) {
    AUTO_VALUE step = value_get(handler, "step");
    AUTO_BUF name = BUF_INIT(1 << 16);
    const size_t columns = page->style->columns;
    buf_printf(page->out, "    %*" PRId64 ". ", (int)page->number_width,
               number_of(handler, "rank", 0));
    if (page->how == LEDGER_WHOLE || columns == 0)
        text_escape(&name, value_text(step), value_text_length(step), false);
    else
        text_fit(&name, value_text(step), value_text_length(step), page->name_most,
                 page->style->unicode);
    put_padded(page->out, buf_text(&name), page->name_width);
}

static void put_handler(const struct ledger_page *page, value handler) {
    AUTO_TEXT time = page->has_times ? time_text(handler) : mem_strdup("");
    size_t used = 4 + page->number_width + 2 + page->name_width;
    put_name(page, handler);
    if (*time) {
        buf_puts(page->out, "  ");
        put_padded(page->out, time, page->time_width);
        used += 2 + page->time_width;
    }
    if (page->how == LEDGER_WHOLE) {
        end_row(page->out);
        put_plan(page, handler);
    } else {
        put_what_cut(page, handler, used);
    }
}

/* In a window less than half of it is for names. */
static size_t name_most(size_t columns) {
    if (columns == 0)
        return NAME_COLUMNS;
    return columns < 40 ? 12 : columns / 2 - 8;
}

static void page_measure(struct ledger_page *page) {
    page->name_most = name_most(page->style->columns);
    for (size_t i = 0; i < page->shown; i++) {
        AUTO_VALUE handler = value_at(page->handlers, i);
        AUTO_VALUE step = value_get(handler, "step");
        AUTO_TEXT time = time_text(handler);
        AUTO_TEXT rank = mem_printf("%" PRId64, number_of(handler, "rank", 0));
        const size_t name = text_width(value_text(step), value_text_length(step));
        if (name > page->name_width)
            page->name_width = name;
        if (strlen(time) > page->time_width)
            page->time_width = strlen(time);
        if (strlen(rank) > page->number_width)
            page->number_width = strlen(rank);
        page->has_times |= !text_equal(time, "not known");
    }
    if (!page->has_times)
        page->time_width = 0;
    if (page->name_width > page->name_most)
        page->name_width = page->name_most;
}

/* Whether some of those shown are undone side by side. */
static bool has_beside(const struct ledger_page *page) {
    int64_t before = 0;
    for (size_t i = 0; i < page->shown; i++) {
        AUTO_VALUE handler = value_at(page->handlers, i);
        const int64_t rank = number_of(handler, "rank", 0);
        if (rank == before)
            return true;
        before = rank;
    }
    return false;
}

static void put_heading(const struct ledger_page *page, value ledger) {
    AUTO_BUF head = BUF_INIT(1 << 16);
    const bool is_begun = page->how == LEDGER_BEGUN;
    if (page->count == 0) {
        buf_puts(&head,
                 is_begun ? "there is nothing to undo" : "a rollback would now undo nothing");
    } else {
        buf_printf(&head, "%s, in this order",
                   is_begun ? "to be undone" : "a rollback would now undo");
        put_total(&head, ledger, page->count);
        buf_puts(&head, has_beside(page) ? " (equal numbers: side by side):" : ":");
    }
    line_block(page->out, buf_text(&head), "  ", page->style->columns);
}

/* ---- names ----------------------------------------------------------------------------------- */

static void put_names(const struct ledger_page *page, value ledger, const char *key,
                      const char *before, const char *behind) {
    AUTO_TEXT more_key = mem_printf("%s_more", key);
    AUTO_VALUE names = value_get(ledger, key);
    AUTO_BUF line = BUF_INIT(1 << 20);
    const size_t count = value_count(names);
    const size_t total = count + (size_t)number_of(ledger, more_key, 0);
    const size_t shown = page->how == LEDGER_WHOLE || count <= NAMES_BRIEF ? count : NAMES_BRIEF;
    if (count == 0)
        return;
    buf_puts(&line, before);
    for (size_t i = 0; i < shown; i++) {
        AUTO_VALUE name = value_at(names, i);
        buf_puts(&line, i > 0 ? ", " : "");
        (void)buf_append(&line, value_text(name), value_text_length(name));
    }
    if (shown < total)
        buf_printf(&line, " and %zu more", total - shown);
    buf_puts(&line, behind);
    line_block(page->out, buf_text(&line), "  ", page->style->columns);
}

/* ---- the whole ------------------------------------------------------------------------------- */

void ledger_show(struct buf *out, value ledger, enum ledger_how how,
                 const struct text_style *style) {
    AUTO_VALUE handlers = value_get(ledger, "handlers");
    if (!value_is(handlers, VALUE_ARRAY))
        return;
    struct ledger_page page = {.out = out, .style = style, .how = how, .handlers = handlers};
    const size_t told = value_count(handlers);
    page.count = told + (size_t)number_of(ledger, "handlers_more", 0);
    page.shown = how == LEDGER_WHOLE || told <= HANDLERS_BRIEF ? told : HANDLERS_BRIEF;
    page_measure(&page);
    put_heading(&page, ledger);
    for (size_t i = 0; i < page.shown; i++) {
        AUTO_VALUE handler = value_at(handlers, i);
        put_handler(&page, handler);
    }
    if (page.shown < page.count)
        buf_printf(out, "    and %zu more\n", page.count - page.shown);
    put_names(&page, ledger, "no_rollback", "no way back for: ", " (no rollback)");
    put_names(&page, ledger, "kept", "no way back for: ", " (above the point of no return)");
    put_names(&page, ledger, "passed", "point of no return: ", " (passed)");
    put_names(&page, ledger, "ahead", "point of no return: ", " (not passed)");
}

value ledger_of_notes(value notes) {
    for (size_t i = 0; i < value_count(notes); i++) {
        AUTO_VALUE note = value_at(notes, i);
        AUTO_VALUE what = value_at(note, 0);
        if (value_is(what, VALUE_STRING) && text_equal(value_text(what), "undo"))
            return value_at(note, 1);
    }
    return value_none();
}
